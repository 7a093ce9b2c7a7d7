"""Every method of a plan on the same invented study, from the bundle: what must not matter, and what few sites forbid."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis import load
from analysis.cohort import Cohort, assemble
from analysis.estimators import ESTIMATORS
from analysis.estimators.ancova import ancova
from analysis.report.outcomes import RATIOS
from analysis.result import AnalysisError, Fitted
from instruments.plan import Outcome
from instruments.plan_methods import METHODS
from tests.unit.analysis import study

EVENT = '[[outcomes]]\nid = "low-6m"\nkind = "binary"\ninstrument = "phq9"\nat_least = 10\n'
PLAN = study.PLAN.replace("controlled-before-after", "cluster-randomised") + EVENT + study.ADMISSION
BY_KIND = {"continuous": "phq9-6m", "binary": "low-6m", "count": "gp", "time-to-event": "admission"}
KIND = {method: kind for kind, methods in METHODS.items() for method in methods}
SCORES, EVENTS = METHODS["continuous"], METHODS["binary"]
WITHOUT_ERRORS = ("wild-bootstrap", "permutation")
EVERY = pytest.mark.parametrize("method", ESTIMATORS)
OF_SCORES = pytest.mark.parametrize("method", SCORES)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> load.Dataset:
    return load.read(study.write(tmp_path_factory.mktemp("every") / "bundle", rows(), PLAN))


def rows() -> study.Rows:
    return study.with_admissions(study.tables())


@pytest.fixture(scope="module")
def cohort(dataset: load.Dataset) -> Cohort:
    return assemble(dataset)


def outcome_of(cohort: Cohort, method: str) -> Outcome:
    return next(outcome for outcome in cohort.plan.outcomes if outcome.id == BY_KIND[KIND[method]])


def ask(method: str, cohort: Cohort) -> Fitted:
    return ESTIMATORS[method](cohort, outcome_of(cohort, method))


@pytest.fixture(scope="module")
def usual(cohort: Cohort) -> dict[str, Fitted]:
    """What each method says of the study as it is."""
    return {method: ask(method, cohort) for method in ESTIMATORS}


def numbers(fitted: Fitted) -> list[tuple[object, ...]]:
    return [
        (
            a.scale,
            a.unit,
            a.method,
            a.estimate,
            a.std_error,
            a.df,
            a.conf_low,
            a.conf_high,
            a.p_value,
            a.n,
            a.n_clusters,
        )
        for a in fitted.answers
    ]


def same(one: Fitted, other: Fitted, rel: float = 1e-6) -> None:
    assert (one.n, one.n_clusters, one.warnings) == (other.n, other.n_clusters, other.warnings)
    for first, second in zip(numbers(one), numbers(other), strict=True):
        assert first[:3] == second[:3]
        for mine, yours in zip(first[3:], second[3:], strict=True):
            assert near(yours, mine, rel)


def near(value: object, expected: object, rel: float = 1e-5) -> bool:
    """Equal but for rounding; a number that the data cannot support must be missing in both."""
    if value is None or expected is None:
        return value is expected
    return bool(value == pytest.approx(expected, rel=rel, abs=1e-9))


def with_scores(cohort: Cohort, change: Callable[[pd.Series], pd.Series]) -> Cohort:
    return replace(cohort, scores=cohort.scores.assign(score=change(cohort.scores["score"])))


def of_sites(cohort: Cohort, *sites: str) -> Cohort:
    """The people of these sites alone."""
    people = cohort.people[cohort.people["site"].isin(sites)]
    kept = {name: frame[frame["person"].isin(people.index)] for name, frame in (("scores", cohort.scores), ("use", cohort.use))}  # fmt: skip
    return replace(cohort, people=people, **kept)


# ---------------------------------------------------------------------------- what must not matter


@pytest.fixture(scope="module")
def shuffled(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """The same study with every table of the bundle in another order, and so other people first."""
    dice, mixed = random.Random(8), rows()
    for lines in mixed.values():
        dice.shuffle(lines)
    return assemble(load.read(study.write(tmp_path_factory.mktemp("shuffled") / "bundle", mixed, PLAN)))


@EVERY
def test_the_order_of_rows_in_the_bundle_does_not_matter(
    method: str, usual: dict[str, Fitted], shuffled: Cohort
) -> None:
    same(usual[method], ask(method, shuffled))


@EVERY
def test_what_sites_are_called_does_not_matter(method: str, usual: dict[str, Fitted], cohort: Cohort) -> None:
    """The new names sort the other way round, so that another site comes first."""
    people = cohort.people.assign(site=cohort.people["site"].map(lambda name: f"practice {9 - int(name[1:])}"))
    same(usual[method], ask(method, replace(cohort, people=people)))


@EVERY
def test_two_runs_give_the_same_numbers_to_the_last_figure(
    method: str, usual: dict[str, Fitted], cohort: Cohort
) -> None:
    assert ask(method, cohort) == usual[method]


@EVERY
def test_scores_and_counts_of_nobody_in_the_study_do_not_matter(
    method: str, usual: dict[str, Fitted], cohort: Cohort
) -> None:
    """Another scale and another setting of the same people stay outside."""
    scores = cohort.scores[cohort.scores["instrument"] == "phq9"]
    more = [scores, scores.assign(instrument="gad7", score=99.0), scores.assign(scale="other", score=-99.0)]
    use = pd.concat([cohort.use, cohort.use.assign(setting="nurse", count=50.0)], ignore_index=True)
    same(usual[method], ask(method, replace(cohort, scores=pd.concat(more, ignore_index=True), use=use)))


# ---------------------------------------------------------------------------- what turns and scales


ABOUT_THE_FIRST_ARM = ("att-weights", "entropy-balance", "doubly-robust-did", "matching", "matched-did")
"""They ask about the people of the first arm, and so about others once the arms are swapped."""


def test_swapping_the_arms_leaves_what_a_contact_made_as_it_is(usual: dict[str, Fitted], cohort: Cohort) -> None:
    """Both the offer's difference and what it made of contacts change their sign."""
    turned = ask("complier-average", replace(cohort, people=cohort.people.assign(arm=1 - cohort.people["arm"])))
    one = usual["complier-average"]
    assert turned.main.estimate == pytest.approx(one.main.estimate, rel=1e-8)
    assert turned.main.std_error == pytest.approx(one.main.std_error, rel=1e-8)
    assert turned.had == tuple(reversed(one.had or ()))


@pytest.mark.parametrize(
    "method", [method for method in ESTIMATORS if method not in (*ABOUT_THE_FIRST_ARM, "complier-average")]
)
def test_swapping_the_arms_turns_differences_and_inverts_ratios(
    method: str, usual: dict[str, Fitted], cohort: Cohort
) -> None:
    turned = ask(method, replace(cohort, people=cohort.people.assign(arm=1 - cohort.people["arm"])))
    assert (turned.n, turned.n_clusters) == (usual[method].n[::-1], (4, 4))
    for one, other in zip(usual[method].answers, turned.answers, strict=True):
        assert (one.scale, one.method) == (other.scale, other.method)
        ratio = one.scale in RATIOS
        if one.scale == "rate difference":  # per person-year of the arm that it is stated for
            assert other.estimate * one.estimate < 0
            continue
        assert other.estimate == pytest.approx(1 / one.estimate if ratio else -one.estimate, rel=1e-5, abs=1e-9)
        assert near(other.std_error, one.std_error)
        assert near(other.p_value, one.p_value)
        if one.conf_low is not None and one.conf_high is not None:
            limits = (1 / one.conf_high, 1 / one.conf_low) if ratio else (-one.conf_high, -one.conf_low)
            assert (other.conf_low, other.conf_high) == pytest.approx(limits, rel=1e-5)


@pytest.mark.parametrize(
    ("method", "factor"),
    [
        *((method, 0.01) for method in SCORES),
        # what is drawn at random is not drawn the other way round when the scale is turned
        *((method, -4.0) for method in SCORES if method != "imputation"),
    ],
)
def test_a_score_in_another_unit_scales_the_estimate_and_its_error(
    method: str, factor: float, usual: dict[str, Fitted], cohort: Cohort
) -> None:
    (one,), (other,) = usual[method].answers, ask(method, with_scores(cohort, lambda score: factor * score)).answers
    assert other.estimate == pytest.approx(factor * one.estimate, rel=1e-5)
    assert near(other.df, one.df, rel=1e-4)
    assert near(other.p_value, one.p_value)
    if method not in WITHOUT_ERRORS:
        assert other.std_error == pytest.approx(abs(factor) * one.std_error, rel=1e-5)
        ends = sorted([factor * one.conf_low, factor * one.conf_high])
        assert [other.conf_low, other.conf_high] == pytest.approx(ends, rel=1e-5)


@OF_SCORES
def test_a_constant_added_to_every_score_changes_nothing(method: str, usual: dict[str, Fitted], cohort: Cohort) -> None:
    same(usual[method], ask(method, with_scores(cohort, lambda score: score + 40)), rel=1e-5)


@pytest.mark.parametrize("method", EVENTS)
def test_an_event_sees_only_on_which_side_of_the_limit_a_score_is(
    method: str, usual: dict[str, Fitted], cohort: Cohort
) -> None:
    same(usual[method], ask(method, with_scores(cohort, lambda score: 10 + (score >= 10) * 5.0 - 1)))


@pytest.mark.parametrize("method", METHODS["count"])
def test_rates_per_month_make_the_same_ratio_and_a_twelfth_of_the_difference(
    method: str, usual: dict[str, Fitted], cohort: Cohort
) -> None:
    use = cohort.use.assign(years=cohort.use["years"] * 12, baseline_years=cohort.use["baseline_years"] * 12)
    monthly = ask(method, replace(cohort, use=use))
    (ratio, difference), (one, other) = usual[method].answers, monthly.answers
    for name in ("estimate", "std_error", "conf_low", "p_value"):
        assert near(getattr(one, name), getattr(ratio, name))
    assert other.estimate == pytest.approx(difference.estimate / 12, rel=1e-5)


# ---------------------------------------------------------------------------- few sites


FEW = {1: "no interval and no p-value are given.", 2: "no p-value is given.", 3: "no p-value is given."}


@EVERY
@pytest.mark.parametrize(("sites", "arm"), [(1, "first"), (2, "second"), (3, "first")])
def test_few_sites_in_either_arm_forbid_first_the_p_value_and_then_the_error(
    method: str, sites: int, arm: str, cohort: Cohort
) -> None:
    few, whole = [f"s{place}" for place in range(1, 5)], [f"s{place}" for place in range(5, 9)]
    few, whole = (few, whole) if arm == "first" else (whole, few)
    fitted = ask(method, of_sites(cohort, *few[:sites], *whole))
    assert fitted.n_clusters == ((sites, 4) if arm == "first" else (4, sites))
    for answer in fitted.answers:
        assert math.isfinite(answer.estimate)
        assert answer.p_value is None
        assert (answer.std_error is None) == (sites < 2 or method in WITHOUT_ERRORS)
        assert (answer.conf_low is None) == (sites < 2 or method == "permutation")
        assert (answer.df is None) == (answer.std_error is None)
    (warned,) = (warning for warning in fitted.warnings if warning.startswith("One arm has only"))
    assert warned.startswith(f"One arm has only {sites} site{'s' if sites > 1 else ''}. ")
    assert warned.endswith(FEW[sites])


@EVERY
def test_four_sites_an_arm_carry_a_p_value_and_no_warning_about_sites(method: str, usual: dict[str, Fitted]) -> None:
    for answer in usual[method].answers:
        assert answer.p_value is not None
        assert 0 < answer.p_value <= 1
        assert (answer.std_error is None) == (method in WITHOUT_ERRORS)
        if answer.conf_low is not None and answer.conf_high is not None:
            assert answer.conf_low < answer.estimate < answer.conf_high
    assert not [warning for warning in usual[method].warnings if warning.startswith("One arm has only")]


# ---------------------------------------------------------------------------- where methods must agree


def everybody_measured(cohort: Cohort) -> Cohort:
    """Of the PHQ-9, only the people with all three scores."""
    scores = cohort.scores[cohort.scores["instrument"] == "phq9"]
    whole = scores.groupby("person")["timepoint"].nunique() == len(cohort.plan.timepoints)
    return replace(cohort, scores=scores[scores["person"].map(whole)])


def test_an_unadjusted_change_is_the_same_by_difference_in_differences_and_doubly_robust(cohort: Cohort) -> None:
    outcome = replace(outcome_of(cohort, "did"), covariates=())
    one, other = ESTIMATORS["did"](cohort, outcome).main, ESTIMATORS["doubly-robust-did"](cohort, outcome).main
    assert other.estimate == pytest.approx(one.estimate, abs=1e-9)


def test_resampling_gives_the_estimate_of_ancova_and_only_tests_it_otherwise(usual: dict[str, Fitted]) -> None:
    plain = usual["ancova"].main
    for method in WITHOUT_ERRORS:
        tested = usual[method].main
        assert (tested.estimate, tested.n, tested.n_clusters) == (plain.estimate, plain.n, plain.n_clusters)
        assert (tested.std_error, tested.df) == (None, None)
        assert tested.p_value == pytest.approx(plain.p_value, abs=0.15)
    assert usual["permutation"].main.conf_low is None
    assert usual["permutation"].main.p_value in {k / 70 for k in range(1, 71)}


def test_where_everybody_was_measured_repeated_measures_with_a_free_baseline_is_the_ancova_of_changes(
    cohort: Cohort,
) -> None:
    """Means at every timepoint are saturated in arm: the estimate at the last one is the difference of the changes."""
    whole = everybody_measured(cohort)
    outcome = replace(outcome_of(whole, "mmrm"), covariates=())
    one, did = ESTIMATORS["mmrm"](whole, outcome).main, ESTIMATORS["did"](whole, outcome).main
    wide = whole.scores.pivot(index="person", columns="timepoint", values="score")
    change, arm = wide["6m"] - wide["baseline"], whole.people["arm"].reindex(wide.index)
    expected = change[arm == 1].mean() - change[arm == 0].mean()
    assert (one.estimate, did.estimate) == pytest.approx((expected, expected), abs=1e-6)


def test_risk_differences_without_covariates_agree_where_every_baseline_level_is_modelled(cohort: Cohort) -> None:
    """Any of the three then fits close to the risks of the table; a sign or an arm mixed up would show."""
    outcome = replace(outcome_of(cohort, "logistic"), covariates=())
    found = []
    for method in ("logistic", "modified-poisson", "linear-probability"):
        answers = {answer.scale: answer for answer in ESTIMATORS[method](cohort, outcome).answers}
        assert set(answers) == {"risk difference", "risk ratio"}
        assert (answers["risk ratio"].estimate > 1) == (answers["risk difference"].estimate > 0)
        found.append(answers["risk difference"].estimate)
    assert np.ptp(found) < 0.01


def test_methods_for_counts_agree_on_the_same_study(usual: dict[str, Fitted]) -> None:
    methods = ("poisson-rate", "negative-binomial", "gee-poisson", "mixed-negative-binomial")
    ratios = [usual[method].main.estimate for method in methods]
    assert np.ptp(ratios) < 0.02
    assert usual["poisson-rate"].n == usual["gee-poisson"].n == (80, 80)


# ---------------------------------------------------------------------------- what the plan tells a method


def told(cohort: Cohort, **changes: object) -> Cohort:
    return replace(cohort, plan=replace(cohort.plan, **changes))


@EVERY
def test_the_plan_s_level_of_confidence_reaches_every_method(
    method: str, usual: dict[str, Fitted], cohort: Cohort
) -> None:
    for wide, narrow in zip(usual[method].answers, ask(method, told(cohort, confidence=0.6)).answers, strict=True):
        assert (narrow.estimate, narrow.p_value) == (wide.estimate, wide.p_value)
        if wide.conf_low is not None and wide.conf_high is not None:
            assert wide.conf_low < narrow.conf_low < narrow.conf_high < wide.conf_high


@EVERY
def test_where_people_are_the_units_a_method_is_about_people_or_says_that_it_is_not(
    method: str, cohort: Cohort
) -> None:
    alone = told(cohort, design="individually-randomised", errors="classical")
    if ESTIMATORS[method].by_site:
        with pytest.raises(
            AnalysisError, match="compares sites, and the plan takes people for the units; leave it out"
        ):
            ask(method, alone)
        return
    fitted = ask(method, alone)
    assert fitted.n_clusters is None
    assert "by site" not in fitted.main.method
    assert fitted.main.std_error is not None


def test_equal_means_at_the_baseline_are_only_taken_where_somebody_drew_lots(cohort: Cohort) -> None:
    with pytest.raises(AnalysisError, match="nobody drew lots, so the arms need not start alike; use 'mmrm'"):
        ask("clda", told(cohort, design="controlled-before-after"))
    assert ask("clda", cohort).main.estimate != ask("mmrm", cohort).main.estimate


def test_risks_are_of_those_who_were_offered_something_unless_lots_were_drawn(cohort: Cohort) -> None:
    chosen, drawn = (
        ask("logistic", told(cohort, design=design)) for design in ("controlled-before-after", "cluster-randomised")
    )
    assert chosen.main.estimate != drawn.main.estimate
    assert chosen.terms == drawn.terms


@pytest.mark.parametrize("method", ["did", "mmrm", "mixed-model"])
def test_methods_over_time_answer_for_the_timepoint_of_the_outcome(method: str, cohort: Cohort) -> None:
    early = replace(outcome_of(cohort, method), timepoint="3m")
    one, other = ESTIMATORS[method](cohort, early).main, ask(method, cohort).main
    assert one.estimate != other.estimate
    assert "6m" not in one.term


def test_a_method_is_told_only_the_covariates_of_its_outcome(cohort: Cohort) -> None:
    outcome = replace(outcome_of(cohort, "ancova"), covariates=("sex",))
    fitted = ESTIMATORS["ancova"](cohort, outcome)
    assert [term.term for term in fitted.terms] == ["(Intercept)", "arm", "baseline", "sex=male"]
    assert ESTIMATORS["ancova"].function is ancova


def test_the_seed_of_the_plan_decides_what_is_drawn_and_nothing_else(cohort: Cohort) -> None:
    """With eight sites every sign is gone through, and no seed can matter."""
    assert ask("wild-bootstrap", told(cohort, seed=1)) == ask("wild-bootstrap", told(cohort, seed=2))
    sites = cohort.people["site"] + "-" + (np.arange(len(cohort.people)) % 2).astype(str)
    many = replace(cohort, people=cohort.people.assign(site=sites))
    one, again, other = (ask("wild-bootstrap", told(many, seed=seed)) for seed in (1, 1, 2))
    assert one == again
    assert one.main.estimate == other.main.estimate
    assert one.main.p_value != other.main.p_value
    assert "drawn" in one.main.method
