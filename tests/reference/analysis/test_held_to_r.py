"""Public data from flat tables to a report, every number beside what R makes of the same tables.

`schools.R`, `growth.R`, `fev.R`, `bacteria.R`, `pigs.R` and `jobs.R` (R 4.2.2; clubSandwich 0.5.8, lme4 1.1.31, lmerTest 3.1.3,
pbkrtest 0.5.2, nlme 3.1.162, geepack 1.3.9) read the tables in `tests/reference` and know nothing of the kit. What no
package has (errors of estimating equations for few sites, Kenward and Roger's for any covariance, the tests that go
through all signs or deals) they work out from the papers.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from . import flat_against_r

HERE = Path(__file__).parent
STUDIES = ("schools", "growth", "btheb", "fev", "bacteria", "pigs", "jobs")
FILES = {"btheb": "growth"}
LATER = """
[[outcomes]]
id = "bdi-{month}"
label = "Depression (BDI-II) at {month}"
instrument = "bdi2"
timepoint = "{month}"
beside = ["mmrm", "clda"]
"""
NUMBERS = ("estimate", "std_error", "df", "conf_low", "conf_high", "p_value")
CLOSED, ITERATED, OPTIMISED, QUADRATURE = 1e-8, 1e-6, 2e-5, 1e-3
"""How near: in closed form, by iteration, by an optimiser that stops early, and by 25 points against 40."""
NEAR = {
    "Logistic with random site": QUADRATURE,
    "Logistic GEE": OPTIMISED,
    "Repeated measures": OPTIMISED,
    "ANCOVA with random site": OPTIMISED,
    "Mixed model": OPTIMISED,
    "Logistic": ITERATED,
    "Modified Poisson": ITERATED,
    "Weighted ANCOVA": ITERATED,
    "Difference in differences, doubly robust": ITERATED,
}
Run = tuple[Path, list[dict[str, Any]]]


def stored(study: str, what: str = "results") -> list[dict[str, Any]]:
    found = json.loads((HERE / f"{FILES.get(study, study)}.json").read_text(encoding="utf-8"))[what]
    return [row for row in found if str(row.get("outcome", "")).startswith("bdi-") == (study == "btheb")]


def methods() -> Iterator[tuple[str, str, str]]:
    """Every study, outcome and method of which R said something."""
    for study in STUDIES:
        yield from dict.fromkeys((study, row["outcome"], row["method"]) for row in stored(study))


def near(method: str) -> float:
    return next((tolerance for start, tolerance in NEAR.items() if method.startswith(start)), CLOSED)


@pytest.fixture(scope="session")
def compared(study_folder: Callable[[str], Path]) -> Callable[[str], Run]:
    """The report's folder and all estimates of a study, compared once."""
    known: dict[str, Run] = {}

    def run(study: str) -> Run:
        if study not in known:
            out = flat_against_r.compared(folder_of(study, study_folder))
            known[study] = out, flat_against_r.estimates(out)
        return known[study]

    return run


def folder_of(study: str, study_folder: Callable[[str], Path]) -> Path:
    """A study's mapping, plan and table; of Beat the Blues, with the outcomes that its own plan does not have."""
    folder = study_folder(study)
    if study == "btheb":
        with (folder / "plan.toml").open("a", encoding="utf-8") as plan:
            plan.write("".join(LATER.format(month=month) for month in ("5m", "8m")))
    if study == "fev":
        spread(folder / "fev_data.csv", folder / "fev.csv")
    return folder


def spread(visits: Path, people: Path) -> None:
    """A table with one row a visit as one with a row a person, each visit's FEV1 in a column of its own."""
    with visits.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    wide: dict[str, dict[str, str]] = {}
    for row in rows:
        facts = {name: row[name] for name in ("USUBJID", "ARMCD", "RACE", "SEX", "FEV1_BL")}
        wide.setdefault(row["USUBJID"], facts)[row["AVISIT"]] = row["FEV1"]
    with people.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(wide["PT1"]))
        writer.writeheader()
        writer.writerows(wide.values())


@pytest.mark.parametrize(("study", "outcome", "method"), methods())
def test_every_number_is_that_of_r(study: str, outcome: str, method: str, compared: Callable[[str], Run]) -> None:
    _, rows = compared(study)
    found = {(row["term"], row["scale"]): row for row in rows if (row["outcome"], row["method"]) == (outcome, method)}
    for expected in stored(study):
        if (expected["outcome"], expected["method"]) != (outcome, method):
            continue
        row = found[expected["term"], expected["scale"]]
        for name in NUMBERS:
            if expected[name] is not None:
                held = near(method)
                said = f"{expected['term']}, {expected['scale']}: {name}"
                assert row[name] == pytest.approx(expected[name], rel=held, abs=held), said


@pytest.mark.parametrize("table", ["icc-language", "balance", "subgroups", "subgroup-tests"])
def test_tables_about_sites_are_those_of_r(table: str, compared: Callable[[str], Run]) -> None:
    out, _ = compared("schools")
    with (out / "tables" / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    expected = [row for row in stored("schools", "tables") if row["table"] == table]
    assert expected
    for row in expected:
        (value,) = [float(line["value"]) for line in lines if is_meant(line, row)]
        assert value == pytest.approx(row["value"], rel=1e-7, abs=1e-9), row


def is_meant(line: dict[str, str], row: dict[str, Any]) -> bool:
    """Whether a line of a table is the one of which R speaks: by row, and by statistic or, for balance, by column."""
    return line["row"] == row["row"] and row["statistic"] in (line["statistic"], line["column"])


def test_a_litter_with_pigs_of_both_arms_is_one_site(compared: Callable[[str], Run]) -> None:
    out, rows = compared("pigs")
    assert {(row["outcome"], row["n_clusters"]) for row in rows if row["term"] == "arm"} >= {("weight-6", 21)}
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "of them in both, which leaves" in page


def test_visits_after_an_unmeasured_baseline_are_told_as_differences_then(compared: Callable[[str], Run]) -> None:
    out, rows = compared("fev")
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "4.4 higher in “Treated” than in “Placebo” (95% interval 1.2 to 7.6), adjusted for fev1_before" in page
    assert "Difference of means." in page
    assert "Difference of mean changes" not in page
    terms = {row["term"] for row in rows if row["method"].startswith("Repeated measures")}
    assert {term for term in terms if term.startswith("arm")} == {f"arm:timepoint=vis{visit}" for visit in range(1, 5)}


def test_people_who_drew_no_lots_and_have_no_sites_are_the_units(compared: Callable[[str], Run]) -> None:
    out, _ = compared("jobs")
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "People, not sites, are the units; the interval takes them to be independent." in page
    assert "Sites were allocated" not in page
    assert "By their own allocation at entry" in page
    assert "People, not sites, were allocated" in page
