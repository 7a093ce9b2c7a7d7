"""Two published trials from flat tables to a report, beside what the literature and statsmodels 0.15.0 say of them.

Respiratory illness: SAS/STAT User's Guide, the GENMOD procedure, "GEE for Binary Data with Logit Link Function".
Seizures: the same guide, "Log-Linear Model for Count Data", which repeats Diggle, Liang and Zeger (1994), and without
their patient 207, here 49; Everitt and Hothorn, A Handbook of Statistical Analyses Using R (`glm` and `gee`). Published
errors are plain sandwiches (CR0) between people; the kit's own are checked against statsmodels, or are CR2 and larger.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis import load
from analysis.cohort import Cohort, as_planned, assemble, named_covariates, rows_of
from analysis.estimators.gee import gee_binary
from analysis.estimators.poisson_change import poisson_change
from analysis.estimators.poisson_rate import poisson_rate
from analysis.result import Fitted

from .flat_against_r import compared, estimates

Rows = dict[tuple[str, str, str], dict[str, Any]]
VISITS = ("visit1", "visit2", "visit3", "visit4")
PUBLISHED_GEE = {
    "arm": (1.2654, 0.3467),
    "centre=2": (0.6495, 0.3532),
    "sex=male": (-0.1368, 0.4402),
    "age": (-0.0188, 0.0130),
    "baseline": (1.8457, 0.3460),
}
BY_VISIT = {  # statsmodels: log odds ratio, risk difference and log risk ratio with errors, by g-computation
    "good-1": ((1.1479846592691196, 0.498665948430039), (0.19386956424710966, 0.07988564523043908), 0.1411408185863843),
    "good-2": (
        (1.5901514027744161, 0.46314135208818386),
        (0.3255084021190913, 0.08543231124824072),
        0.18161913946252825,
    ),
    "good-3": (
        (1.4661864643402964, 0.48925288215670215),
        (0.2632988219557245, 0.08144820741829979),
        0.15131307323666945,
    ),
    "good-4": ((0.9645302578248369, 0.4622143260403346), (0.1825814745532257, 0.0841656659445614), 0.1686693881171238),
}
LINEAR = {  # statsmodels: least squares with HC1
    "good-1": (0.1937628753081787, 0.08164849625513049),
    "good-2": (0.3272760943837829, 0.0882928060431077),
    "good-3": (0.26896438701516406, 0.08669182580791849),
    "good-4": (0.18447303418046035, 0.08936529241378703),
}


def told(folder: Path) -> tuple[Rows, Rows, str]:
    """Convert, check and compare: the planned estimates and those beside them by outcome, method and scale; the page."""
    out = compared(folder)
    found = [estimates(out, name) for name in ("estimates", "sensitivity")]
    planned, beside = (
        {(row["outcome"], row["method"].split(",")[0], row["scale"]): row for row in rows if row["term"] == "arm"}
        for rows in found
    )
    return planned, beside, (out / "report.html").read_text(encoding="utf-8")


def numbers(row: dict[str, Any]) -> tuple[float, float]:
    return row["estimate"], row["std_error"]


def terms(fitted: Fitted) -> dict[str, tuple[float, float]]:
    return {term.term: (term.estimate, term.std_error or math.nan) for term in fitted.terms}


# ---------------------------------------------------------------------------- seizures


@pytest.fixture(scope="module")
def seizure_folder(study_folder: Callable[[str], Path]) -> Path:
    return study_folder("seizures")


@pytest.fixture(scope="module")
def seizures(seizure_folder: Path) -> tuple[Rows, Rows, str]:
    return told(seizure_folder)


@pytest.fixture(scope="module")
def patients(seizures: tuple[Rows, Rows, str], seizure_folder: Path) -> Cohort:
    """The trial as it was converted."""
    assert seizures
    return assemble(load.read(seizure_folder / "bundle"))


def people(cohort: Cohort, outcome: str) -> tuple[pd.DataFrame, Any]:
    """Rows of an outcome, each person a cluster, and its covariates."""
    planned = next(each for each in cohort.plan.outcomes if each.id == outcome)
    rows = as_planned(rows_of(cohort, planned), planned)
    return rows.assign(site=rows.index), named_covariates(cohort.plan, planned)


def test_seizures_give_the_rate_ratio_of_quasi_poisson_regression(seizures: tuple[Rows, Rows, str]) -> None:
    planned, _, page = seizures
    found = planned["seizures", "Poisson", "log rate ratio"]
    assert numbers(found) == pytest.approx((-0.029262901693955817, 0.158994533458078), abs=1e-8)
    assert (found["df"], found["n"], found["n_clusters"]) == (55, 59, None)
    assert "Seizures per person-year in “Progabide” were 0.97 times those in “Placebo”" in page


def test_seizures_give_the_handbook_s_regression_on_the_number_before_as_it_is(
    seizures: tuple[Rows, Rows, str],
) -> None:
    planned, _, page = seizures
    found = planned["handbook", "Poisson", "log rate ratio"]
    assert round(found["estimate"], 4) == -0.1527
    assert numbers(found) == pytest.approx((-0.15270094516472799, 0.16394257244164334), abs=1e-8)
    assert "a difference of −33 per person-year (95% interval −105 to 39), adjusted for age and before" in page


def test_seizures_give_the_negative_binomial_ratios(seizures: tuple[Rows, Rows, str]) -> None:
    _, beside, _ = seizures
    found = beside["seizures", "Negative binomial", "log rate ratio"]
    assert numbers(found) == pytest.approx((-0.2644734, 0.1490006), abs=1e-6)
    assert beside["handbook", "Negative binomial", "log rate ratio"]["estimate"] == pytest.approx(-0.1935178, abs=1e-6)


def test_seizures_change_as_person_effects_say(seizures: tuple[Rows, Rows, str]) -> None:
    planned, _, _ = seizures
    found = planned["change", "Conditional Poisson", "log rate ratio"]
    assert numbers(found) == pytest.approx((-0.10368067336556927, 0.14676726102646334), abs=1e-8)


def test_no_change_stands_beside_an_outcome_without_a_baseline(seizures: tuple[Rows, Rows, str]) -> None:
    _, beside, _ = seizures
    assert {method for outcome, method, _ in beside if outcome == "handbook"} == {"Negative binomial"}
    assert ("seizures", "Conditional Poisson", "rate ratio") in beside


def test_the_handbook_s_robust_error_is_the_sandwich_between_people(patients: Cohort) -> None:
    rows, covariates = people(patients, "handbook")
    plain = terms(poisson_rate(rows, covariates=covariates, errors="CR0"))["arm"]
    assert (round(plain[0], 4), round(plain[1], 4)) == (-0.1527, 0.1711)
    assert terms(poisson_rate(rows, covariates=covariates, errors="CR2"))["arm"][1] > plain[1]


@pytest.mark.parametrize(
    ("without", "published"),
    [((), {"(Intercept)": (0.1108, 0.1161), "arm": (-0.1037, 0.2136)}), (("49",), {"arm": (-0.3016, 0.1712)})],
)
def test_the_published_equations_of_all_five_counts_give_the_ratio_of_changes(
    without: tuple[str, ...], published: dict[str, tuple[float, float]], patients: Cohort
) -> None:
    """Everybody was seen for the same time, so that the equations' answer does not hang on the working correlation."""
    rows, _ = people(patients, "change")
    found = terms(poisson_change(rows.drop(index=list(without)), covariates=(), errors="CR0"))
    for term, (estimate, error) in published.items():
        assert (round(found[term][0], 4), round(found[term][1], 4)) == (estimate, error)


# ---------------------------------------------------------------------------- respiratory illness


@pytest.fixture(scope="module")
def respiratory(study_folder: Callable[[str], Path]) -> tuple[Rows, Rows, str]:
    return told(study_folder("respiratory"))


@pytest.fixture(scope="module")
def visit_folder(study_folder: Callable[[str], Path], root: Path) -> Path:
    """The same people with one row a visit."""
    folder = study_folder("respiratory_visits")
    with (root / "tests" / "reference" / "respiratory" / "respiratory.csv").open(encoding="utf-8", newline="") as file:
        lines = [{**person, "status": person[visit]} for person in csv.DictReader(file) for visit in VISITS]
    table = pd.DataFrame(lines).drop(columns=list(VISITS))
    table.assign(row=range(1, len(table) + 1)).to_csv(folder / "visits.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def visits(visit_folder: Path) -> tuple[Rows, Rows, str]:
    return told(visit_folder)


@pytest.mark.parametrize("outcome", BY_VISIT)
def test_respiratory_status_gives_logistic_regression_and_its_risks(
    outcome: str, respiratory: tuple[Rows, Rows, str]
) -> None:
    planned, beside, _ = respiratory
    odds, risk, log_ratio_error = BY_VISIT[outcome]
    assert numbers(planned[outcome, "Logistic", "log odds ratio"]) == pytest.approx(odds, abs=1e-7)
    assert numbers(planned[outcome, "Logistic", "risk difference"]) == pytest.approx(risk, abs=1e-7)
    assert planned[outcome, "Logistic", "risk ratio"]["std_error"] == pytest.approx(log_ratio_error, abs=1e-7)
    linear = beside[outcome, "Linear probability", "risk difference"]
    assert numbers(linear) == pytest.approx(LINEAR[outcome], abs=1e-8)


def test_the_report_of_the_respiratory_trial_says_that_people_are_the_units(
    respiratory: tuple[Rows, Rows, str],
) -> None:
    planned, _, page = respiratory
    assert planned["good-4", "Logistic", "risk difference"]["n_clusters"] is None
    assert "111 of the 111 people in the study could be analysed (100%)." in page
    assert "People, not sites, are the units; the interval takes them to be independent." in page
    assert "Good at the fourth visit: in “Active” 18.3 percentage points more had it" in page


def test_visits_within_people_give_the_published_estimates(visits: tuple[Rows, Rows, str], visit_folder: Path) -> None:
    _, beside, _ = visits
    arm = beside["good", "Logistic GEE", "log odds ratio"]
    assert (round(arm["estimate"], 4), arm["n"], arm["n_clusters"]) == (1.2654, 444, 111)
    assert 0.3467 < arm["std_error"] < 0.3683  # between the plain sandwich and Mancl and DeRouen's (statsmodels)
    cohort = assemble(load.read(visit_folder / "bundle"))
    rows = rows_of(cohort, cohort.plan.primary)
    covariates = named_covariates(cohort.plan, cohort.plan.primary)
    found = terms(gee_binary(rows, covariates=covariates, errors="CR0"))
    assert {term: tuple(round(value, 4) for value in found[term]) for term in PUBLISHED_GEE} == PUBLISHED_GEE
    assert found["(Intercept)"][0] == pytest.approx(-0.8561 + 0.1368, abs=1e-4)  # women are the reference here
