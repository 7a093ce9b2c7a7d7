"""Random intercepts of sites in negative binomial regression: by hand, by invention, and what they refuse."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special, stats

from analysis import load, quadrature
from analysis.estimators.mixed_logistic import in_words as of_odds
from analysis.estimators.mixed_logistic import mixed_logistic
from analysis.estimators.mixed_negative_binomial import (
    ALIKE,
    VARIANCE,
    averaged_rates,
    in_words,
    mixed_negative_binomial,
)
from analysis.estimators.negative_binomial import negative_binomial, size_of
from analysis.estimators.poisson_rate import count_design
from analysis.quadrature import (
    NO_MORE_THAN_POISSON,
    RATES_APART,
    RandomIntercepts,
    all_counts_alike,
    likelihood,
    random_count_intercepts,
)
from analysis.report import compare, write
from analysis.result import AnalysisError
from instruments.plan import Covariate
from instruments.plan_methods import METHODS
from tests.unit.analysis import study as whole_study
from tests.unit.analysis.test_mixed_logistic import study as yes_or_no

AGE = Covariate("age", "number")


def study(
    sigma: float,
    log_ratio: float = -0.3,
    size: float = 2.0,
    sites_per_arm: int = 12,
    each: int = 30,
    seed: int = 4,
) -> pd.DataFrame:
    """People of sites whose log rates are normal draws; an infinite size makes counts Poisson within sites."""
    dice = np.random.default_rng(seed)
    site = np.repeat(np.arange(2 * sites_per_arm), each)
    arm, n = (site < sites_per_arm).astype(int), len(site)
    before, years = dice.poisson(3.0, n).astype(float), dice.uniform(0.5, 1.5, n)
    own = sigma * dice.normal(size=2 * sites_per_arm)
    mean = years * np.exp(0.5 + log_ratio * arm + 0.4 * np.log(before + 0.5) + own[site])
    spread = dice.gamma(size, 1 / size, n) if math.isfinite(size) else 1.0
    return pd.DataFrame(
        {
            "arm": arm,
            "site": site,
            "baseline_count": before,
            "baseline_years": 1.0,
            "count": dice.poisson(mean * spread).astype(float),
            "years": years,
            "age": dice.normal(size=n),
        }
    )


def fitted(rows: pd.DataFrame, **asked: int) -> RandomIntercepts:
    laid, y, years = count_design(rows, ())
    offset = np.log(years)
    size = size_of(laid, y, offset)
    return random_count_intercepts(laid.X, y, site=laid.site, terms=laid.terms, offset=offset, size=size, **asked)


# ---------------------------------------------------------------------------- the likelihood


def rows_of(X: np.ndarray, y: np.ndarray, site: np.ndarray, offset: np.ndarray) -> quadrature.Rows:
    """Counts as the engine takes them: the logarithm of the size has a column of -1."""
    laid = quadrature.in_order(np.column_stack([X, -np.ones(len(y))]), y, y, site, offset)
    return replace(laid, unit=1.0)


@given(
    seed=st.integers(0, 10_000),
    points=st.sampled_from([1, 2, 5, 25]),
    sigma=st.floats(0.05, 3),
    log_size=st.floats(-2, 5),
)
@settings(max_examples=40, deadline=None)
def test_the_gradient_is_that_of_the_likelihood_for_any_number_of_points(
    seed: int, points: int, sigma: float, log_size: float
) -> None:
    laid, y, years = count_design(study(0.8, sites_per_arm=3, each=7, seed=seed), ())
    rows = rows_of(laid.X, y, laid.site, np.log(years))
    theta = np.array([0.4, -0.5, 0.3, log_size, sigma])
    _, gradient = likelihood(rows, theta, points)
    steps = 1e-5 * np.eye(5)
    apart = [likelihood(rows, theta + step, points)[0] - likelihood(rows, theta - step, points)[0] for step in steps]
    assert gradient == pytest.approx(np.array(apart) / 2e-5, rel=2e-5, abs=2e-5)


@given(log_size=st.floats(-3, 6), y=st.integers(0, 300), line=st.floats(-6, 6))
@settings(max_examples=60, deadline=None)
def test_where_sites_hardly_differ_the_likelihood_is_scipy_s_of_a_count(log_size: float, y: int, line: float) -> None:
    """With a sigma of a millionth, one person."""
    rows = rows_of(np.ones((1, 1)), np.full(1, float(y)), np.zeros(1), np.zeros(1))
    size = math.exp(log_size)
    value, _ = likelihood(rows, np.array([line, log_size, 1e-6]), 25)
    expected = stats.nbinom.logpmf(y, size, size / (size + math.exp(line))) + special.gammaln(y + 1)
    assert value == pytest.approx(expected, abs=1e-7, rel=1e-9)


def test_laplace_s_approximation_is_the_mode_and_the_curvature_written_out() -> None:
    """One site, counts 3 and 5 of half a year and two, size 4, sigma 2: h(z) = sum log P(y | z) - z^2 / 2."""
    y, offset = np.array([3.0, 5.0]), np.log([0.5, 2.0])
    rows = rows_of(np.ones((2, 1)), y, np.zeros(2), offset)

    def slope(z: float) -> float:
        mean = np.exp(0.3 + offset + 2 * z)
        return float(2 * ((y - mean) * 4 / (4 + mean)).sum() - z)

    mode = optimize.brentq(slope, -5, 5)
    mean = np.exp(0.3 + offset + 2 * mode)
    curve = 1 + 4 * (mean * 4 * (4 + y) / (4 + mean) ** 2).sum()
    chance = stats.nbinom.logpmf(y, 4, 4 / (4 + mean)) + special.gammaln(y + 1)
    found = likelihood(rows, np.array([0.3, math.log(4), 2.0]), 1)[0]
    assert found == pytest.approx(chance.sum() - mode**2 / 2 - math.log(curve) / 2, abs=1e-10)


def test_one_person_a_site_is_a_poisson_count_spread_twice() -> None:
    """With a large size and one person a site, the mean and the variance of a Poisson-lognormal count come out."""
    y = np.arange(400.0)
    values = [
        likelihood(rows_of(np.ones((1, 1)), np.full(1, count), np.zeros(1), np.zeros(1)),
                   np.array([1.0, math.log(1e5), 0.5]), 60)[0] - special.gammaln(count + 1)
        for count in y
    ]  # fmt: skip
    chance = np.exp(values)
    mean = math.exp(1 + 0.5**2 / 2)
    assert chance.sum() == pytest.approx(1, abs=1e-6)
    assert chance @ y == pytest.approx(mean, rel=1e-5)
    assert chance @ (y - mean) ** 2 == pytest.approx(mean + mean**2 * (math.exp(0.5**2) - 1), rel=1e-4)


@pytest.mark.parametrize("mean", [1e2, 1e5, 1e6])
def test_counts_far_above_their_size_have_a_unit_alone_however_large_they_are(mean: float) -> None:
    """They are as good as gamma draws: ten times as many move the intercept and nothing else."""
    rows = study(0.5, sites_per_arm=6, each=15).drop(columns=["baseline_count", "baseline_years"])
    large = rows.assign(count=np.round((rows["count"] + 0.5) * mean), years=1.0)
    ten, found = fitted(large.assign(count=large["count"] * 10)), fitted(large)
    assert ten.beta - found.beta == pytest.approx([math.log(10), 0], abs=3 / mean)
    assert (ten.size, ten.sigma) == pytest.approx((found.size, found.sigma), rel=3 / mean)
    assert ten.covariance == pytest.approx(found.covariance, rel=3 / mean + 3e-5, abs=1e-5)


def test_the_order_of_rows_and_the_names_of_sites_do_not_matter() -> None:
    rows = study(0.6)
    one = mixed_negative_binomial(rows, covariates=(AGE,))
    shuffled = rows.sample(frac=1, random_state=3).assign(site=lambda each: "practice " + each["site"].astype(str))
    other = mixed_negative_binomial(shuffled, covariates=(AGE,))
    for first, second in zip((*one.answers, *one.terms[:-1]), (*other.answers, *other.terms[:-1]), strict=True):
        assert (second.estimate, second.std_error) == pytest.approx((first.estimate, first.std_error), rel=1e-5)


def test_more_points_than_the_usual_change_nothing() -> None:
    one, other = fitted(study(1.0)), fitted(study(1.0), points=60)
    assert other.beta == pytest.approx(one.beta, rel=1e-6)
    assert (other.sigma, other.size) == pytest.approx((one.sigma, one.size), rel=1e-6)


def test_person_time_in_other_units_moves_the_intercept_alone() -> None:
    rows = study(0.6)
    years, months = fitted(rows), fitted(rows.assign(years=rows["years"] * 12))
    assert months.beta == pytest.approx(years.beta - [math.log(12), 0, 0], abs=1e-7)
    assert (months.sigma, months.size) == pytest.approx((years.sigma, years.size), rel=1e-6)
    assert months.covariance == pytest.approx(years.covariance, rel=1e-4, abs=1e-8)


def test_exchanging_the_arms_turns_the_rate_ratio_round() -> None:
    rows = study(0.6)
    one = mixed_negative_binomial(rows, covariates=()).answers
    other = mixed_negative_binomial(rows.assign(arm=1 - rows["arm"]), covariates=()).answers
    assert other[0].estimate == pytest.approx(1 / one[0].estimate, rel=1e-6)
    assert other[1].estimate == pytest.approx(-one[1].estimate, rel=1e-6)
    assert [each.std_error for each in other] == pytest.approx([each.std_error for each in one], rel=1e-5)


# ---------------------------------------------------------------------------- sites that do not differ


def same_sites() -> pd.DataFrame:
    """Every site of an arm has the same people: fewer differences than chance would make."""
    one = study(0.0, sites_per_arm=1, each=40)
    return pd.concat([one.assign(site=[f"{site}-{copy}" for site in one["site"]]) for copy in range(5)])


def test_sites_more_alike_than_chance_give_ordinary_negative_binomial_regression_and_say_so() -> None:
    mixed = mixed_negative_binomial(same_sites(), covariates=(AGE,))
    plain = negative_binomial(same_sites(), covariates=(AGE,), errors="classical")
    for one, other in zip((*plain.answers, *plain.terms), (*mixed.answers, *mixed.terms[:-1]), strict=True):
        assert (other.term, other.scale, other.unit) == (one.term, one.scale, one.unit)
        assert (other.estimate, other.std_error) == pytest.approx((one.estimate, one.std_error), rel=1e-10)
    assert {each.df for each in mixed.answers} == {8}
    assert mixed.terms[-1].estimate == 0
    assert in_words(mixed) == ALIKE


def test_just_above_zero_variance_the_answer_is_next_to_that_at_zero() -> None:
    """The likelihood of a sigma of a hundredth differs from that of none by its square alone."""
    laid, y, years = count_design(study(0.6), ())
    offset = np.log(years)
    size = size_of(laid, y, offset)
    plain = all_counts_alike(laid.X, y, site=laid.site, terms=laid.terms, offset=offset, size=size)
    rows, at = rows_of(laid.X, y, laid.site, offset), np.append(plain.beta, math.log(size[0]))
    values = [likelihood(rows, np.append(at, sigma), 25)[0] - plain.log_likelihood for sigma in (0.005, 0.01)]
    assert values[0] > 0
    assert values[1] / values[0] == pytest.approx(4, rel=0.01)


# ---------------------------------------------------------------------------- what was put in comes out


def test_the_ratio_the_size_and_the_spread_of_sites_come_out() -> None:
    found = [mixed_negative_binomial(study(0.5, seed=seed), covariates=()) for seed in range(10)]
    terms = np.array([[term.estimate for term in each.terms] for each in found])
    intercept, arm, before, size, variance = terms.mean(axis=0)
    assert (arm, before) == (pytest.approx(-0.3, abs=0.2), pytest.approx(0.4, abs=0.05))
    assert intercept == pytest.approx(0.5, abs=0.15)
    assert size == pytest.approx(2, rel=0.1)
    assert math.sqrt(variance) == pytest.approx(0.5, abs=0.08)
    errors = [each.main.std_error for each in found]
    assert np.mean(errors) == pytest.approx(0.5 * math.sqrt(2 / 12), rel=0.25)


def test_where_nothing_happens_one_study_in_twenty_says_it_does_and_errors_between_people_far_more() -> None:
    """Eight sites that differ: sites less two degrees of freedom hold the level."""
    wrong = {"sites": 0, "people": 0}
    for seed in range(80):
        rows = study(0.4, log_ratio=0.0, sites_per_arm=4, each=15, seed=seed)
        own = mixed_negative_binomial(rows, covariates=()).main
        plain = negative_binomial(rows, covariates=(), errors="classical").main
        assert own.p_value is not None
        assert plain.p_value is not None
        wrong["sites"] += own.p_value < 0.05
        wrong["people"] += plain.p_value < 0.05
    assert wrong["sites"] <= 8
    assert wrong["people"] >= 12


def test_the_error_of_a_rate_difference_carries_that_of_the_spread() -> None:
    """The gradient by small steps in every coefficient and in sigma, with the covariance of all of them."""
    rows = study(0.8)
    laid, _, _ = count_design(rows, ())
    found = fitted(rows)

    def gap(values: np.ndarray) -> float:
        means = averaged_rates(replace(found, beta=values[:-2], sigma=float(values[-1])), laid.X)
        return means.treated - means.untreated

    best, steps = np.append(found.beta, (math.log(found.size), found.sigma)), 1e-6 * np.eye(5)
    gradient = np.array([(gap(best + step) - gap(best - step)) / 2e-6 for step in steps])
    answer = mixed_negative_binomial(rows, covariates=()).answers[1]
    assert answer.std_error == pytest.approx(math.sqrt(gradient @ found.covariance @ gradient), rel=1e-6)
    assert gradient[-2] == 0
    assert abs(gradient[-1]) > 0.1


# ---------------------------------------------------------------------------- what it says


def test_there_are_two_answers_and_size_and_variance_stand_among_the_terms() -> None:
    found = mixed_negative_binomial(study(0.8), covariates=(AGE,))
    assert [(answer.scale, answer.unit) for answer in found.answers] == [
        ("rate ratio", ""), ("rate difference", "per person-year"),
    ]  # fmt: skip
    assert {answer.df for answer in found.answers} == {22}
    assert (found.n, found.n_clusters) == ((360, 360), (12, 12))
    assert [term.term for term in found.terms] == ["(Intercept)", "arm", "baseline", "age", "size", VARIANCE]
    size, variance = found.terms[-2:]
    assert size.std_error is not None
    assert (size.df, size.p_value) == (None, None)
    assert (variance.scale, variance.std_error, variance.conf_low, variance.p_value) == ("variance", None, None, None)


def test_how_far_sites_differ_is_said_as_a_median_rate_ratio() -> None:
    """Of two sites drawn at random, by drawing many."""
    found = mixed_negative_binomial(study(0.8), covariates=())
    sigma = math.sqrt(found.terms[-1].estimate)
    dice = np.random.default_rng(3)
    apart = np.abs(dice.normal(0, sigma, 200_000) - dice.normal(0, sigma, 200_000))
    said = in_words(found)
    assert f"(the median; standard deviation of the logarithms of sites' rates {sigma:.2f})" in said
    ratio = float(said.partition("has ")[2].split()[0])
    assert ratio == pytest.approx(math.exp(np.median(apart)), rel=0.02)


def test_another_method_has_nothing_to_say_of_the_spread_of_rates() -> None:
    assert in_words(negative_binomial(study(0.8), covariates=())) == ""
    assert in_words(mixed_logistic(yes_or_no(1.0), covariates=())) == ""
    assert of_odds(mixed_negative_binomial(study(0.8), covariates=())) == ""


def test_a_plan_may_name_it() -> None:
    assert "mixed-negative-binomial" in METHODS["count"]


def test_few_sites_forbid_a_p_value_and_one_an_interval_too() -> None:
    three = mixed_negative_binomial(study(0.4, sites_per_arm=3), covariates=())
    assert {answer.p_value for answer in three.answers} == {None}
    assert None not in {answer.conf_low for answer in three.answers}
    one = mixed_negative_binomial(study(0.4, sites_per_arm=1), covariates=())
    assert {(answer.std_error, answer.df, answer.conf_low) for answer in one.answers} == {(None, None, None)}
    assert one.terms[-1].estimate == 0, "one site an arm cannot be told from its arm"
    assert "no interval and no p-value are given" in one.warnings[0]


# ---------------------------------------------------------------------------- in the report


def reported(folder: Path, named: str, design: str = "controlled-before-after") -> tuple[str, Path]:
    """The page, and the folder; every second site has three times the attendances after entry, and more spread."""
    rows = whole_study.tables()
    entered = {person["person"]: person["entered_on"] for person in rows["people"]}
    for place, use in enumerate(rows["service_use"]):
        if use["setting"] == "gp" and use["from_on"] >= entered[use["person"]]:
            often = use["person"][1] in "1357"
            use["count"] = (use["count"] + 1) * (3 if often else 1) * (1 + place % 3)
    plan = whole_study.PLAN.replace("controlled-before-after", design)
    plan = plan.replace('setting = "gp"', f'setting = "gp"\n{named}')
    write(compare(load.read(whole_study.write(folder / "bundle", rows, plan))), folder / "out")
    return (folder / "out" / "report.html").read_text(encoding="utf-8"), folder / "out"


def test_as_the_answer_it_says_what_is_estimated_and_how_far_sites_differ(tmp_path: Path) -> None:
    page, out = reported(tmp_path, 'estimator = "mixed-negative-binomial"')
    assert "averaged over people and over sites like these" in page
    assert "of two taken at random, the one with the higher rate has" in page
    kept = pd.read_csv(out / "estimates.csv").query("outcome == 'gp'")
    assert list(kept["scale"])[:2] == ["rate ratio", "rate difference"]
    assert list(kept["df"])[:2] == [6.0] * 2
    assert f": {VARIANCE}" in (out / "tables" / "coefficients.csv").read_text(encoding="utf-8")


def test_where_people_were_allocated_it_refuses(tmp_path: Path) -> None:
    plan = whole_study.PLAN.replace("controlled-before-after", "individually-randomised")
    plan = plan.replace('setting = "gp"', 'setting = "gp"\nbeside = ["mixed-negative-binomial"]')
    made = compare(load.read(whole_study.write(tmp_path / "bundle", plan=plan)))
    (refused,) = [each for each in made.beside["gp"] if each.method == "mixed-negative-binomial"]
    assert refused.faults == ("the method compares sites, and the plan takes people for the units; leave it out",)


# ---------------------------------------------------------------------------- what it refuses


@pytest.mark.parametrize(("arm", "role"), [(1, "intervention"), (0, "comparison")])
def test_an_arm_without_an_event_is_refused(arm: int, role: str) -> None:
    rows = study(0.4)
    rows.loc[rows["arm"] == arm, "count"] = 0.0
    with pytest.raises(AnalysisError, match=f"nobody in the {role} arm had an event after entry"):
        mixed_negative_binomial(rows, covariates=())


def test_counts_that_are_as_even_as_poisson_though_sites_differ_are_refused() -> None:
    """All together they are more spread, and `negative_binomial` has a size for them."""
    rows = study(0.8, size=math.inf)
    rows["count"] = np.round(rows["count"].groupby(rows["site"]).transform("mean") * rows["years"])
    assert negative_binomial(rows, covariates=()).terms[-1].estimate < 20
    with pytest.raises(AnalysisError) as refused:
        mixed_negative_binomial(rows, covariates=())
    assert str(refused.value) == NO_MORE_THAN_POISSON


def test_counts_that_are_as_even_as_poisson_all_together_are_refused_as_by_negative_binomial() -> None:
    rows = study(0.0)
    rows["count"] = np.round(rows["baseline_count"] * rows["years"]) + 1
    with pytest.raises(AnalysisError, match="no more spread than Poisson; take the Poisson estimator"):
        mixed_negative_binomial(rows, covariates=())


def test_sites_most_of_which_have_no_event_are_refused() -> None:
    rows = study(0.5)
    rows.loc[~rows["site"].isin([3, 20]), "count"] = 0.0
    with pytest.raises(AnalysisError) as refused:
        mixed_negative_binomial(rows, covariates=())
    assert str(refused.value) == RATES_APART


def test_sites_that_differ_greatly_have_an_answer() -> None:
    found = mixed_negative_binomial(study(3.0), covariates=())
    assert 4 < found.terms[-1].estimate < 20
    assert found.main.conf_low is not None


@pytest.mark.parametrize(("sigma", "warned"), [(0.5, False), (1.0, False), (3.0, True)])
def test_a_difference_that_rests_on_sites_beyond_those_seen_is_warned_of(sigma: float, warned: bool) -> None:
    """With normal log rates sites have exp(sigma^2 / 2) times the median rate on average, and two dozen seldom show it."""
    rows = study(sigma)
    found = mixed_negative_binomial(rows, covariates=())
    said = [each for each in found.warnings if "led by sites with higher rates than any here" in each]
    assert len(said) == warned
    if warned:
        laid, count, years = count_design(rows, ())
        fit = fitted(rows)
        expected = sum(
            own * math.exp(row @ fit.beta + fit.sigma**2 / 2) for own, row in zip(years, laid.X, strict=True)
        )
        assert f"expected to have {expected / count.sum():.1f} times" in said[0]


def test_somebody_without_a_site_is_refused() -> None:
    rows = study(0.5).astype({"site": float})
    rows.loc[7, "site"] = np.nan
    with pytest.raises(AnalysisError, match="site: is empty for somebody with a count"):
        mixed_negative_binomial(rows, covariates=())


def test_a_period_of_no_time_is_refused() -> None:
    rows = study(0.5)
    rows.loc[7, "years"] = 0.0
    with pytest.raises(AnalysisError, match="time after entry is not above zero"):
        mixed_negative_binomial(rows, covariates=())


@pytest.mark.parametrize("column", ["count", "years", "baseline_count", "age"])
def test_who_lacks_something_is_left_out_and_counted(column: str) -> None:
    rows = study(0.5)
    rows.loc[[0, 719], column] = np.nan
    assert mixed_negative_binomial(rows, covariates=(AGE,)).n == (359, 359)
