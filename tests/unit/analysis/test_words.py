"""Sentences of the report, word for word."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from analysis.cohort import Cohort
from analysis.disclosure import Gate
from analysis.report import words
from analysis.report.comparison import Comparison
from analysis.report.participants import adjusted_labels
from analysis.report.scale import digits_for
from analysis.result import Estimate, Fitted
from tests.unit.analysis.study import Rows

OPEN = Gate({}, 10)


def estimate(value: float, low: float | None = None, high: float | None = None, **changes: Any) -> Estimate:
    """An estimate with an interval, or without one."""
    error = None if low is None or high is None else (high - low) / 4
    made = Estimate(
        term="arm",
        estimate=value,
        std_error=error,
        df=18.7,
        conf_low=low,
        conf_high=high,
        p_value=None,
        n=134,
        n_clusters=8,
        method="ANCOVA, CR2 by site",
    )
    return replace(made, **changes)


def fitted(*answers: Estimate, n: tuple[int, int] = (65, 69), warnings: tuple[str, ...] = ()) -> Fitted:
    return Fitted(answers, answers, n, (4, 4), warnings)


@pytest.fixture
def say(rows: Rows, cohort_of: Callable[..., Cohort]) -> Callable[..., str]:
    """The sentence about one outcome of the invented study, had these been its answers."""
    cohort = cohort_of(rows)

    def sentence(outcome_id: str, *answers: Estimate, gate: Gate = OPEN, **changes: Any) -> str:
        comparison = Comparison(cohort, {outcome_id: fitted(*answers, **changes)})
        outcome = next(outcome for outcome in cohort.plan.outcomes if outcome.id == outcome_id)
        return words.answer(comparison, outcome, gate)

    return sentence


@pytest.fixture
def comparison(rows: Rows, cohort_of: Callable[..., Cohort]) -> Callable[..., Comparison]:
    """The invented study, had its primary outcome been estimated like this."""
    cohort = cohort_of(rows)
    return lambda **changes: Comparison(cohort, {"eq5d-6m": fitted(estimate(0.05, 0.01, 0.09), **changes)})


# ---------------------------------------------------------------------------- one outcome


def test_a_higher_score_is_said_to_be_higher(say: Callable[..., str]) -> None:
    assert say("eq5d-6m", estimate(0.052, 0.012, 0.092)) == (
        "EQ-5D value at 6 months was 0.052 higher in “Link worker” than in “Usual care” (95% interval 0.012 to 0.092), "
        "adjusted for the baseline score, age and sex. Higher is better. A difference of zero lies outside the interval."
    )


def test_a_lower_score_is_said_to_be_lower_without_a_minus_sign(say: Callable[..., str]) -> None:
    sentence = say("eq5d-6m", estimate(-0.052, -0.092, -0.012))
    assert "was 0.052 lower in “Link worker”" in sentence
    assert "(95% interval −0.092 to −0.012)" in sentence


def test_which_way_is_better_is_that_of_the_scale(say: Callable[..., str]) -> None:
    assert "Lower is better." in say("phq9-6m", estimate(-2.0, -3.0, -1.0))
    assert "Higher is better." in say("eq5d-6m", estimate(0.05, 0.01, 0.09))


@pytest.mark.parametrize(
    ("low", "high", "settled"),
    [
        (-0.01, 0.09, "lies inside the interval: the data do not settle whether there is a difference."),
        (0.0, 0.09, "lies inside the interval"),
        (0.001, 0.09, "lies outside the interval."),
        (-0.09, -0.001, "lies outside the interval."),
    ],
)
def test_whether_there_is_a_difference_is_read_off_the_interval(
    low: float, high: float, settled: str, say: Callable[..., str]
) -> None:
    assert settled in say("eq5d-6m", estimate((low + high) / 2, low, high))


def test_without_an_interval_nothing_is_settled(say: Callable[..., str]) -> None:
    sentence = say("eq5d-6m", estimate(0.05))
    assert "(no interval can be given)" in sentence
    assert sentence.endswith("Whether there is a difference at all cannot be said.")


@pytest.mark.parametrize(
    ("low", "high", "verdict", "whose"),
    [
        (-3.0, 1.0, "reaches", "“Link worker”"),  # of the PHQ-9 lower is better
        (-1.0, 3.0, "reaches", "“Usual care”"),
        (-3.0, 3.0, "reaches", "either arm"),
        (-0.4, 0.4, "stays below", "either arm"),
        (-4.0, -2.0, "lies wholly beyond", "“Link worker”"),
        (2.0, 4.0, "lies wholly beyond", "“Usual care”"),
    ],
)
def test_an_interval_is_held_to_the_smallest_difference_that_matters_and_says_whose_it_is(
    low: float, high: float, verdict: str, whose: str, rows: Rows, cohort_of: Callable[..., Cohort]
) -> None:
    import instruments

    mid = instruments.get("phq9").scale("total").mid
    assert mid is not None
    made = Comparison(cohort_of(rows), {"phq9-6m": fitted(estimate((low + high) / 2, low, high))})
    (sentence,) = words.matters(made, made.plan.outcomes[1], OPEN)
    assert sentence.startswith(
        f"The interval {verdict} {mid.value:g} in favour of {whose}, taken to be the smallest difference that matters"
    )
    assert mid.source.rstrip(".") in sentence


def test_where_higher_is_better_a_higher_score_is_in_its_favour(rows: Rows, cohort_of: Callable[..., Cohort]) -> None:
    import instruments

    scale = next(each for each in instruments.get("swemwbs").scales if each.mid)
    assert scale.mid is not None
    assert scale.better == "higher"
    made = Comparison(cohort_of(rows), {"phq9-6m": fitted(estimate(0.0, -0.1, scale.mid.value))})
    outcome = replace(made.plan.outcomes[1], instrument="swemwbs", scale=scale.id)
    (sentence,) = words.matters(made, outcome, OPEN)
    assert sentence.startswith(f"The interval reaches {scale.mid.value:g} in favour of “Link worker”")


@pytest.mark.parametrize("answer", [estimate(0.5), estimate(0.5, 0.1, 0.9)])
def test_nothing_is_said_to_matter_without_an_interval_or_a_known_size(
    answer: Estimate, rows: Rows, cohort_of: Callable[..., Cohort]
) -> None:
    made = Comparison(cohort_of(rows), {"phq9-6m": fitted(answer, n=(5, 80)), "gp": fitted(answer)})
    assert list(words.matters(made, made.plan.outcomes[1], OPEN)) == []
    assert list(words.matters(made, made.plan.outcomes[2], OPEN)) == []


def test_a_rate_ratio_comes_with_the_difference_it_makes(say: Callable[..., str]) -> None:
    ratio = estimate(0.871, 0.806, 0.941, scale="rate ratio")
    difference = estimate(-0.84, -1.33, -0.36, scale="rate difference", unit="per person-year")
    assert say("gp", ratio, difference) == (
        "GP attendances per person-year in “Link worker” were 0.87 times those in “Usual care” (95% interval 0.81 to "
        "0.94), a difference of −0.84 per person-year (95% interval −1.33 to −0.36), adjusted for the rate before entry, "
        "age and sex. A ratio of one, no difference, lies outside the interval."
    )


def test_a_ratio_is_held_to_one_and_not_to_zero(say: Callable[..., str]) -> None:
    ratio = estimate(0.95, 0.8, 1.1, scale="rate ratio")
    difference = estimate(-0.3, -1.0, 0.4, scale="rate difference")
    assert "A ratio of one, no difference, lies inside the interval" in say("gp", ratio, difference)


@pytest.mark.parametrize("n", [(9, 80), (80, 3)])
def test_too_few_people_in_either_arm_withhold_the_sentence(n: tuple[int, int], say: Callable[..., str]) -> None:
    sentence = say("eq5d-6m", estimate(0.052, 0.012, 0.092), n=n)
    assert sentence == "EQ-5D value at 6 months: too few people were analysed for the result to be shown."


# ---------------------------------------------------------------------------- how sure


def test_how_sure_counts_people_and_sites(comparison: Callable[..., Comparison]) -> None:
    assert list(words.how_sure(comparison(), OPEN)) == [
        "134 of the 160 people in the study could be analysed (84%).",
        "They come from 4 sites in one arm and 4 in the other, which leaves 18.7 degrees of freedom. "
        "The interval allows for people of one site being alike.",
    ]


def test_how_sure_says_how_many_sites_have_people_of_both_arms(comparison: Callable[..., Comparison]) -> None:
    made = comparison()
    found = made.fitted["eq5d-6m"]
    crossed = replace(found, answers=(replace(found.main, n_clusters=5),))
    said = list(words.how_sure(Comparison(made.cohort, {"eq5d-6m": crossed}), OPEN))
    assert "They come from 4 sites in one arm and 4 in the other, 3 of them in both, which leaves" in said[1]


def test_how_sure_repeats_every_warning(comparison: Callable[..., Comparison]) -> None:
    assert list(words.how_sure(comparison(warnings=("Careful.",)), OPEN))[-1] == "Careful."


def test_where_people_are_the_units_it_says_so(comparison: Callable[..., Comparison]) -> None:
    made = comparison()
    alone = replace(made.fitted["eq5d-6m"], n_clusters=None)
    lines = list(words.how_sure(Comparison(made.cohort, {"eq5d-6m": alone}), OPEN))
    assert lines[1] == "People, not sites, are the units; the interval takes them to be independent."
    assert lines[2].startswith("Sites were allocated, though: people of one site resemble each other")


def test_where_nothing_knows_of_a_site_none_was_allocated(comparison: Callable[..., Comparison]) -> None:
    made = comparison()
    alone = replace(made.fitted["eq5d-6m"], n_clusters=None)
    nowhere = replace(made.cohort, people=made.cohort.people.assign(site=None))
    said = " ".join(words.how_sure(Comparison(nowhere, {"eq5d-6m": alone}), OPEN))
    assert "People, not sites, are the units" in said
    assert "Sites were allocated" not in said


def test_where_people_were_allocated_that_is_no_doubt(comparison: Callable[..., Comparison]) -> None:
    made = comparison()
    cohort = replace(made.cohort, plan=replace(made.plan, design="individually-randomised"))
    alone = replace(made.fitted["eq5d-6m"], n_clusters=None)
    assert "Sites were allocated" not in " ".join(words.how_sure(Comparison(cohort, {"eq5d-6m": alone}), OPEN))


def test_how_many_were_analysed_is_withheld_where_it_would_tell(comparison: Callable[..., Comparison]) -> None:
    guard = Gate({("analysed", "eq5d-6m", "both"): "withheld"}, 10)
    assert "withheld: somebody could be recognised" in next(words.how_sure(comparison(), guard))


# ---------------------------------------------------------------------------- what could change it


def doubts(made: Comparison) -> str:
    return " ".join(words.what_would_change_it(made))


def test_a_controlled_before_after_study_says_that_nobody_drew_lots(comparison: Callable[..., Comparison]) -> None:
    assert "Nobody drew lots" in doubts(comparison())


def test_a_randomised_study_does_not(comparison: Callable[..., Comparison]) -> None:
    made = comparison()
    plan = replace(made.plan, design="cluster-randomised")
    assert "Nobody drew lots" not in doubts(Comparison(replace(made.cohort, plan=plan), made.fitted))


@pytest.mark.parametrize(("n", "said"), [((63, 64), True), ((64, 64), False), ((80, 80), False)])
def test_losing_a_fifth_of_the_people_is_a_doubt(
    n: tuple[int, int], said: bool, comparison: Callable[..., Comparison]
) -> None:
    assert ("Many people could not be analysed." in doubts(comparison(n=n))) == said


@pytest.mark.parametrize(("clusters", "said"), [((19, 20), True), ((20, 20), False)])
def test_fewer_than_forty_sites_are_a_doubt(
    clusters: tuple[int, int], said: bool, comparison: Callable[..., Comparison]
) -> None:
    made = comparison()
    found = made.fitted["eq5d-6m"]
    answer = replace(found.main, n_clusters=sum(clusters))
    one = replace(found, n_clusters=clusters, answers=(answer,))
    assert ("There are few sites" in doubts(Comparison(made.cohort, {"eq5d-6m": one}))) == said


def test_large_differences_at_baseline_are_named(rows: Rows, cohort_of: Callable[..., Cohort]) -> None:
    for person in rows["people"]:
        person["ltc_count"] = 4 if person["site"] in ("s1", "s2", "s3") else 0
    made = Comparison(cohort_of(rows), {"eq5d-6m": fitted(estimate(0.05, 0.01, 0.09))})
    said = "The arms differed at baseline in: Long-term conditions. The estimate is not adjusted for them."
    assert said in doubts(made)


@pytest.mark.parametrize(
    ("unlike", "said"),
    [
        (("age",), "in: Age, years. The estimate leans on its adjustment for them."),
        (
            ("age", "ltc_count"),
            "in: Age, years; Long-term conditions. The estimate leans on its adjustment for Age, years. It is not "
            "adjusted for Long-term conditions.",
        ),
    ],
)
def test_an_estimate_leans_on_nothing_that_it_is_not_adjusted_for(
    unlike: tuple[str, ...], said: str, rows: Rows, cohort_of: Callable[..., Cohort]
) -> None:
    columns = {"age": ("birth_year", 1940, 1990), "ltc_count": ("ltc_count", 4, 0)}
    for name, (column, here, there) in columns.items():
        for place, person in enumerate(rows["people"]):
            apart = person["site"] in ("s1", "s2", "s3") if name in unlike else place % 2
            person[column] = here if apart else there
    made = Comparison(cohort_of(rows), {"eq5d-6m": fitted(estimate(0.05, 0.01, 0.09))})
    assert said in doubts(made)


def test_the_own_baseline_is_adjusted_for_and_that_of_another_scale_is_not(
    rows: Rows, cohort_of: Callable[..., Cohort]
) -> None:
    cohort = cohort_of(rows)
    score, _, use = cohort.plan.outcomes[:3]
    assert "EQ-5D-5L value (uk-2026-rowen) at baseline" in adjusted_labels(cohort, score)
    assert "PHQ-9: Depression severity at baseline" not in adjusted_labels(cohort, score)
    assert f"{use.label} per year before entry" in adjusted_labels(cohort, use)
    assert adjusted_labels(cohort, replace(use, baseline=False)) == {"Age, years", "Sex"}
    assert adjusted_labels(cohort, replace(use, estimator="event-study")) == set()


# ---------------------------------------------------------------------------- pieces


@pytest.mark.parametrize(
    ("parts", "text"), [([], ""), (["age"], "age"), (["age", "sex"], "age and sex"), (["a", "b", "c"], "a, b and c")]
)
def test_words_are_joined_as_in_speech(parts: list[str], text: str) -> None:
    assert words.listed(parts) == text


def test_minus_signs_are_true_ones() -> None:
    assert words.minus("-0.5 to -0.1") == "−0.5 to −0.1"


@pytest.mark.parametrize(
    ("step", "digits"), [(12.0, 0), (2.4, 1), (0.23, 2), (0.0087, 3), (0.00003, 3), (0.0, 1), (float("nan"), 1)]
)
def test_numbers_are_shown_with_two_figures_of_their_error(step: float, digits: int) -> None:
    assert digits_for(step) == digits
