"""What is estimated, in words: every method and kind of outcome says whom, what, and what becomes of who is lost."""

from __future__ import annotations

import pytest

from analysis.report import estimand
from instruments.plan import Plan, parse
from instruments.plan_methods import EXPLORATORY, METHODS, SERIES
from tests.unit.instruments.test_plan_methods import OF_KIND, TOP

LABELLED = TOP.replace("arms.a = {", 'arms.a = { label = "Link worker",').replace(
    "arms.b = {", 'arms.b = { label = "Usual care",'
)
LABELLED = LABELLED.replace('"12m", day', '"12m", label = "12 months", day')
OFFERED = "the difference is the one in the people of “Link worker”"
BOTH = "the difference is taken to be the same in people of both arms who are alike at entry"
ANSWERING = [
    (kind, method) for kind, methods in METHODS.items() for method in methods if method not in EXPLORATORY
]  # fmt: skip


def planned(kind: str, method: str, design: str = "controlled-before-after", more: str = "") -> Plan:
    outcome = f'id = "o", label = "What matters", primary = true, estimator = "{method}", {OF_KIND[kind]}'
    top = LABELLED.replace("controlled-before-after", design)
    return parse(f"{top}outcomes = [{{ {outcome} }}{more}]\n")


def said(plan: Plan) -> dict[str, str]:
    """Every row by its name, as it is read."""
    return {name: cells[0].text for name, cells in estimand.sheet(plan).rows}


@pytest.mark.parametrize(("kind", "method"), ANSWERING)
def test_every_method_that_may_answer_has_every_attribute_in_words(kind: str, method: str) -> None:
    design = "individually-randomised" if method == "clda" else "controlled-before-after"
    found = said(planned(kind, method, design))
    assert list(found) == [
        "Population", "What is compared", "Outcome", "Never met a link worker, or stopped early", "Death",
        "Left, or not measured", "Summary",
    ]  # fmt: skip
    assert all(text.endswith(".") and text[0].isupper() for text in found.values())
    assert "None" not in " ".join(found.values())
    assert "{" not in " ".join(found.values())


@pytest.mark.parametrize("method", SERIES)
def test_every_method_for_series_speaks_of_sites_and_periods(method: str) -> None:
    found = said(planned("count", method))
    assert found["Population"].startswith("Everybody at the sites in each period; ")
    assert found["Population"].endswith("; the difference is the one at sites of “Link worker”.")
    assert found["Outcome"] == "What matters: events of each site and period, for the person-years there."
    assert found["Death"] == "Lowers the time that is counted; whose it was is not known."
    assert found["Summary"].startswith("Ratio of rates, and difference per person-year, ")


def test_the_offer_is_compared_and_not_the_contact() -> None:
    found = said(planned("continuous", "ancova"))
    assert found["What is compared"] == (
        "Being offered “Link worker” against “Usual care”, and not whether anybody met a link worker."
    )
    assert found["Never met a link worker, or stopped early"] == (
        "Part of what is compared: everybody counts in their arm."
    )


def test_a_score_is_that_of_a_timepoint_and_nobody_has_one_after_death() -> None:
    found = said(planned("continuous", "ancova"))
    assert found["Outcome"] == "What matters: the score at “12 months”."
    assert found["Death"] == "Nobody's score is made up after a death: the arms are compared among those alive then."
    assert found["Summary"] == "Difference of means."
    assert said(planned("binary", "logistic"))["Outcome"] == "What matters: whether it is so at “12 months”."


@pytest.mark.parametrize(
    ("kind", "method", "design", "whom"),
    [
        ("continuous", "ancova", "controlled-before-after", BOTH),
        ("continuous", "did", "controlled-before-after", OFFERED),
        ("continuous", "att-weights", "controlled-before-after", OFFERED),
        ("continuous", "entropy-balance", "controlled-before-after", OFFERED),
        ("continuous", "overlap-weights", "controlled-before-after", "could well have been in either arm"),
        ("binary", "logistic", "controlled-before-after", OFFERED),
        ("binary", "logistic", "cluster-randomised", BOTH),
        ("binary", "mixed-logistic", "controlled-before-after", OFFERED),
        ("binary", "modified-poisson", "controlled-before-after", BOTH),
        ("count", "poisson-change", "controlled-before-after", OFFERED),
        ("count", "mixed-negative-binomial", "controlled-before-after", BOTH),
    ],
)
def test_whose_effect_it_is_depends_on_the_method_and_on_lots(kind: str, method: str, design: str, whom: str) -> None:
    population = said(planned(kind, method, design))["Population"]
    counts = "a large site counts for more" if method.startswith("mixed-") else "each person counts once, so that"
    assert population.startswith(f"Everybody who entered at the study's sites and may be analysed; {counts}")
    assert population.endswith(f"{whom}.")


@pytest.mark.parametrize(
    ("method", "death", "summary"),
    [
        ("restricted-mean", "(censored)", "Difference of the mean days up to day 365 without one."),
        ("cox", "(censored)", "Ratio of hazards, up to day 365."),
        ("cumulative-incidence", "stays without", "Difference of the shares who had one by day 365."),
        ("fine-gray", "stays without", "Ratio of subdistribution hazards, up to day 365."),
        ("frailty", "(censored)", "Ratio of hazards between people of the same site, up to day 365."),
    ],
)
def test_a_death_ends_the_time_at_risk_or_competes(method: str, death: str, summary: str) -> None:
    found = said(planned("time-to-event", method))
    assert found["Death"].rstrip(".").endswith(death)
    assert found["Summary"] == summary
    assert found["Outcome"] == "What matters: days from entry to the first, up to day 365."


@pytest.mark.parametrize(
    ("method", "missing"),
    [
        ("ancova", "Left out, as if people alike in what is adjusted for were alike in this too."),
        ("imputation", "Drawn from people alike in their arm (multiple imputation)."),
        ("mmrm", "Expected from their other scores, as of people alike."),
        ("mixed-model", "Expected from their other scores, as of people alike."),
    ],
)
def test_who_was_not_measured_is_left_out_drawn_or_expected(method: str, missing: str) -> None:
    assert said(planned("continuous", method))["Left, or not measured"] == missing


def test_a_horizon_of_a_series_stands_in_its_summary() -> None:
    usual = said(planned("count", "interrupted-series"))
    assert usual["Summary"].endswith("in the last month.")
    text = f'{LABELLED}outcomes = [{{ id = "o", primary = true, {OF_KIND["count"]}, '
    named = parse(f'{text}estimator = "interrupted-series", horizon = 6 }}]\n')
    assert said(named)["Summary"].endswith("6 months after the start.")


def test_other_outcomes_have_their_summaries_and_only_these() -> None:
    more = f', {{ id = "p", label = "Visits", {OF_KIND["count"]} }}'
    found = said(planned("continuous", "ancova", more=more))
    assert list(found)[-1] == "Summary: Visits"
    assert found["Summary: Visits"] == "Ratio of rates, and difference per person-year."
    assert estimand.sheet(planned("continuous", "ancova", more=more)).columns == ("Primary: What matters",)


def test_no_number_of_people_stands_in_it() -> None:
    for kind, method in (("continuous", "ancova"), ("count", "poisson-rate"), ("time-to-event", "cox")):
        table = estimand.sheet(planned(kind, method))
        assert not list(table.counts())
        assert not any(cell.stats for _, cells in table.rows for cell in cells)


@pytest.mark.parametrize("method", METHODS["continuous"])
def test_who_compares_changes_says_so_where_there_is_a_baseline(method: str) -> None:
    if method in EXPLORATORY:
        return
    changes = ("did", "doubly-robust-did", "mixed-model", "mmrm", "matched-did")
    summary = said(planned("continuous", method, "individually-randomised"))["Summary"]
    change = "Difference of mean changes from the baseline."
    assert summary == (change if method in changes else "Difference of means.")


def test_repeated_measures_without_a_baseline_compare_what_is_then() -> None:
    outcome = f'id = "o", primary = true, estimator = "mmrm", baseline = false, {OF_KIND["continuous"]}'
    assert said(parse(f"{LABELLED}outcomes = [{{ {outcome} }}]\n"))["Summary"] == "Difference of means."
