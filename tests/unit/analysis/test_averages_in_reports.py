"""Nothing that is computed over people is said to be over sites, or the other way round, in any part of a report."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis import load
from analysis.cohort import assemble
from analysis.disclosure import Gate
from analysis.estimators import ESTIMATORS, EVERY_METHOD, site_average
from analysis.report import checking, description, estimand, missing, sensitivity, subgroups, words
from analysis.report.comparison import Comparison, compare
from instruments.plan import parse
from instruments.plan_methods import ALWAYS_SITES, EXPLORATORY, METHODS, SERIES, SITES_ALIKE
from tests.unit.analysis import study
from tests.unit.analysis.test_estimand import LABELLED, planned, said
from tests.unit.instruments.test_plan_methods import OF_KIND

ONCE = "each site counts once, whatever its size, so that people of large sites count for less"
PERSON = "each person counts once, so that large sites count for more"
BETWEEN = "a large site counts for more than a small one, and for less than its people would, as sites differ"
ASKED = study.PLAN.replace(
    'label = "EQ-5D value at 6 months"\n', 'label = "EQ-5D value at 6 months"\naverage = "sites"\n'
)
ASKED = ASKED.replace("primary = true\n", 'primary = true\nbeside = ["mmrm", "overlap-weights", "permutation"]\n')
MORE = '\n[[subgroups]]\nname = "sex"\n' + study.FEW_DRAWS


def by_sites(kind: str, method: str, more: str = "") -> dict[str, str]:
    text = (
        f'id = "o", label = "What matters", primary = true, average = "sites", estimator = "{method}", {OF_KIND[kind]}'
    )
    return said(parse(f"{LABELLED}outcomes = [{{ {text} }}{more}]\n"))


@pytest.fixture(scope="module")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The invented study with sites of several sizes, and a plan that counts sites alike in its primary outcome."""
    rows = study.tables()
    gone = {
        person["person"]
        for person in rows["people"]
        if int(str(person["person"]).split("-")[1]) >= 6 + 2 * int(str(person["site"])[1:]) % 13
    }
    kept = {name: [row for row in table if row.get("person") not in gone] for name, table in rows.items()}
    assignments = {row["referral"] for row in kept["referrals"]}
    kept["assignments"] = [row for row in kept["assignments"] if row["referral"] in assignments]
    return study.write(tmp_path_factory.mktemp("uneven") / "bundle", kept, ASKED + MORE)


@pytest.fixture(scope="module")
def compared(uneven: Path) -> Comparison:
    return compare(load.read(uneven))


# ---------------------------------------------------------------------------- what is estimated


@pytest.mark.parametrize("method", ["ancova", "did", "imputation", "wild-bootstrap"])
def test_the_sheet_says_that_sites_count_once_where_they_do(method: str) -> None:
    assert f"; {ONCE}; " in by_sites("continuous", method)["Population"]
    assert f"; {PERSON}; " in said(planned("continuous", method))["Population"]


@pytest.mark.parametrize(
    ("kind", "method"),
    [
        ("continuous", "random-intercept"), ("continuous", "mixed-model"), ("binary", "gee-logistic"),
        ("binary", "mixed-logistic"), ("count", "gee-poisson"), ("count", "mixed-negative-binomial"),
        ("time-to-event", "frailty"),
    ],
)  # fmt: skip
def test_models_of_sites_are_said_to_count_between_the_two(kind: str, method: str) -> None:
    assert f"; {BETWEEN}; " in said(planned(kind, method))["Population"]


@pytest.mark.parametrize("method", SERIES)
def test_series_say_whether_sites_count_once(method: str) -> None:
    counted = "each site counts once, whatever its size; " in said(planned("count", method))["Population"]
    assert counted == (method in ALWAYS_SITES)


def test_other_outcomes_say_who_counts_where_not_all_are_averages_of_people() -> None:
    other = f', {{ id = "p", label = "Visits", {OF_KIND["count"]} }}'
    assert by_sites("continuous", "ancova", other)["Summary: Visits"].endswith(f"person-year; {PERSON}.")
    over_sites = other.replace('"Visits"', '"Visits", average = "sites"')
    assert by_sites("continuous", "ancova", over_sites)["Summary: Visits"].endswith(f"person-year; {ONCE}.")
    usual = said(planned("continuous", "ancova", more=other))
    assert usual["Summary: Visits"] == "Ratio of rates, and difference per person-year."


def test_risks_are_said_to_be_averaged_over_whom_they_are() -> None:
    assert by_sites("binary", "logistic")["Summary"] == "Difference and ratio of risks, averaged over sites alike."
    assert said(planned("binary", "logistic"))["Summary"] == "Difference and ratio of risks, averaged over people."


def test_what_describes_arms_is_said_to_describe_people_where_an_estimate_does_not() -> None:
    (usual,) = estimand.sheet(planned("continuous", "ancova")).notes
    text = f'{LABELLED}outcomes = [{{ id = "o", primary = true, average = "sites", {OF_KIND["continuous"]} }}]\n'
    assert estimand.sheet(parse(text)).notes == (usual, estimand.DESCRIBED)


# ---------------------------------------------------------------------------- what is kept back


def test_what_would_tell_of_a_small_site_is_not_estimated_and_the_rest_comes_out(
    uneven: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The study has four sites in each arm; here as if so many were as few as two."""
    monkeypatch.setattr(site_average, "TELLING", 4)
    told = compare(load.read(uneven))
    primary, *others = told.plan.outcomes
    said = words.answer(told, primary, Gate({}, 10))
    assert "could not be estimated: with 4 sites in an arm an average over sites would tell" in said
    assert 'write average = "people" in the outcome' in said
    assert all(outcome.id in told.fitted for outcome in others)


# ---------------------------------------------------------------------------- what is computed


def test_methods_that_count_sites_alike_are_those_that_a_plan_may_ask_it_of() -> None:
    assert {name for name, method in ESTIMATORS.items() if method.can_average} == set(SITES_ALIKE)


def test_every_method_beside_says_in_its_name_whether_sites_count_alike(compared: Comparison) -> None:
    for method, fitted in compared.by_method(compared.plan.primary).items():
        wanted = "sites counted alike" if method in SITES_ALIKE else "sites not counted alike"
        for estimate in (*fitted.answers, *fitted.terms):
            assert f", {wanted}" in estimate.method, method
    assert len(compared.by_method(compared.plan.primary)) == 5


def test_outcomes_that_ask_for_nothing_are_named_as_ever(compared: Comparison) -> None:
    for outcome in compared.plan.outcomes[1:]:
        assert outcome.average == "people"
        for fitted in compared.by_method(outcome).values():
            assert "counted alike" not in fitted.main.method


def test_the_first_sentence_says_that_sites_count_once_where_they_do(compared: Comparison) -> None:
    primary, *others = compared.plan.outcomes
    assert words.answer(compared, primary, Gate({}, 10)).endswith(" Each site counts once, whatever its size.")
    assert not any("counts once" in words.answer(compared, outcome, Gate({}, 10)) for outcome in others)


@pytest.mark.parametrize("method", ["ancova", "did", "permutation", "imputation"])
def test_what_a_plan_gets_is_what_the_estimator_gives_over_sites(uneven: Path, method: str) -> None:
    cohort = assemble(load.read(uneven))
    outcome, other = cohort.plan.primary, parse(study.PLAN).primary
    asked, usual = EVERY_METHOD[method](cohort, outcome).main, EVERY_METHOD[method](cohort, other).main
    assert "sites counted alike" in asked.method
    assert asked.n == usual.n
    assert asked.estimate != pytest.approx(usual.estimate, abs=1e-6)


def test_a_method_that_cannot_gives_the_same_numbers_under_another_name(uneven: Path) -> None:
    cohort = assemble(load.read(uneven))
    one, other = (EVERY_METHOD["mmrm"](cohort, each).main for each in (cohort.plan.primary, parse(study.PLAN).primary))
    assert (one.estimate, one.std_error, one.df) == (other.estimate, other.std_error, other.df)
    assert one.method == f"{other.method}, sites not counted alike"


# ---------------------------------------------------------------------------- what is read


def test_the_table_of_methods_shows_those_names(compared: Comparison) -> None:
    labels = [label for label, _ in sensitivity.others(compared, compared.plan.primary).rows]
    assert labels[0] == "ANCOVA, sites counted alike, CR2 by site (planned)"
    assert sum("sites not counted alike" in label for label in labels) == 2


def test_the_tipping_point_counts_sites_as_the_planned_estimate_does(compared: Comparison) -> None:
    found = missing.tipping(compared, compared.plan.primary)
    assert not isinstance(found, str)
    assert found is not None
    assert ", sites counted alike, " in found.unshifted.method
    assert "sites counted alike" in missing.tipping_table(compared, compared.plan.primary, found).notes[0]


def test_subgroups_say_that_they_count_people(compared: Comparison) -> None:
    found = subgroups.subgroups(compared)
    assert subgroups.NOT_BY_SITES in list(subgroups.said(compared, found))
    assert [each.result is not None for each in found] == [True]


def test_a_check_beforehand_says_which_outcomes_count_sites_once(uneven: Path) -> None:
    titles = [table.title for table in checking.fitness(load.read(uneven)).tables]
    asked = [title for title in titles if title.startswith("EQ-5D value")]
    assert asked == [
        "EQ-5D value at 6 months (primary): ancova, beside it did, mmrm, overlap-weights, permutation; each site counts "
        "once"
    ]
    assert not any("counts once" in title for title in titles if title not in asked)


def test_a_description_has_the_same_sheet(uneven: Path) -> None:
    laid = description.lay_out_description(assemble(load.read(uneven)))
    blocks = [block for section in laid.sections if section.id == "design" for block in section.blocks]
    sheet = next(block for block in blocks if getattr(block, "name", "") == "estimand")
    assert any(ONCE in cell.text for _, cells in sheet.rows for cell in cells)


def test_every_method_is_in_one_of_the_three_groups_of_who_counts() -> None:
    every = {*SERIES, *(method for named in METHODS.values() for method in named)}
    assert not set(estimand.BETWEEN) & {*SITES_ALIKE, *ALWAYS_SITES, *EXPLORATORY}
    assert set(estimand.BETWEEN) <= every
