"""Random intercepts of sites in logistic regression: by hand, by invention, and what they refuse."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special

from analysis import load, quadrature
from analysis.estimators.frailty import in_words as of_frailties
from analysis.estimators.logistic import logistic
from analysis.estimators.mixed_logistic import ALIKE, SCALE, VARIANCE, averaged, in_words, mixed_logistic
from analysis.quadrature import APART, RandomIntercepts, all_alike, likelihood, random_intercepts
from analysis.report import compare, write
from analysis.result import AnalysisError
from instruments.plan_methods import METHODS
from tests.unit.analysis import study as whole_study
from tests.unit.analysis.test_binary import AGE, TOWN
from tests.unit.analysis.test_binary import study as alike

TERMS = ("(Intercept)", "arm", "x")


def study(sigma: float, log_odds: float = -0.5, sites_per_arm: int = 12, each: int = 30, seed: int = 4) -> pd.DataFrame:
    """People of sites whose log odds are normal draws with this standard deviation."""
    dice = np.random.default_rng(seed)
    site = np.repeat(np.arange(2 * sites_per_arm), each)
    arm, before = (site < sites_per_arm).astype(int), dice.integers(0, 2, len(site)).astype(float)
    own = sigma * dice.normal(size=2 * sites_per_arm)
    line = -0.7 + log_odds * arm + 0.8 * before + own[site]
    score = (dice.random(len(site)) < special.expit(line)).astype(float)
    return pd.DataFrame(
        {"arm": arm, "site": site, "baseline": before, "score": score, "age": dice.normal(size=len(site))}
    )


def laid(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    X = np.column_stack([np.ones(len(rows)), rows["arm"], rows["baseline"]])
    return X, rows["score"].to_numpy(), rows["site"].to_numpy(dtype=float)


# ---------------------------------------------------------------------------- the likelihood


@given(
    seed=st.integers(0, 10_000), points=st.sampled_from([1, 2, 5, 25]), sigma=st.floats(0.05, 4), beta=st.floats(-2, 2)
)
@settings(max_examples=40, deadline=None)
def test_the_gradient_is_that_of_the_likelihood_for_any_number_of_points(
    seed: int, points: int, sigma: float, beta: float
) -> None:
    X, y, site = laid(study(0.8, sites_per_arm=3, each=7, seed=seed))
    rows = quadrature.in_order(X, y, np.ones(len(y)), site)
    theta = np.array([-0.5, beta, 0.3, sigma])
    _, gradient = likelihood(rows, theta, points)
    steps = 1e-5 * np.eye(4)
    apart = [likelihood(rows, theta + step, points)[0] - likelihood(rows, theta - step, points)[0] for step in steps]
    assert gradient == pytest.approx(np.array(apart) / 2e-5, rel=1e-5, abs=1e-5)


def test_one_site_of_one_person_has_the_likelihood_of_a_coin() -> None:
    """With log odds that are symmetric around zero, one half."""
    rows = quadrature.in_order(np.ones((1, 1)), np.ones(1), np.ones(1), np.zeros(1))
    value, gradient = likelihood(rows, np.array([0.0, 1.7]), 40)
    assert value == pytest.approx(math.log(0.5), abs=1e-8)
    assert gradient[1] == pytest.approx(0, abs=1e-6)


def test_laplace_s_approximation_is_the_mode_and_the_curvature_written_out() -> None:
    """One site with 3 of 5, sigma 2, no intercept: h(z) = 3 (2z) - 5 log(1 + exp(2z)) - z^2 / 2."""
    rows = quadrature.in_order(np.ones((1, 1)), np.full(1, 3.0), np.full(1, 5.0), np.zeros(1))
    mode = optimize.brentq(lambda z: 2 * (3 - 5 * special.expit(2 * z)) - z, -5, 5)
    p = special.expit(2 * mode)
    expected = 6 * mode - 5 * math.log1p(math.exp(2 * mode)) - mode**2 / 2 - math.log(1 + 4 * 5 * p * (1 - p)) / 2
    assert likelihood(rows, np.array([0.0, 2.0]), 1)[0] == pytest.approx(expected, abs=1e-10)


@given(line=st.floats(-20, 20), sigma=st.floats(0.01, 10), had=st.integers(0, 400))
@settings(max_examples=200, deadline=None)
def test_a_site_s_mode_is_found_wherever_it_lies(line: float, sigma: float, had: int) -> None:
    rows = quadrature.in_order(np.ones((1, 1)), np.full(1, float(had)), np.full(1, 400.0), np.zeros(1))
    (mode,) = quadrature._modes(rows, np.full(1, line), sigma)
    slope = sigma * (had - 400 * special.expit(line + sigma * mode)) - mode
    assert slope == pytest.approx(0, abs=1e-6 * (1 + 400 * sigma))


@pytest.mark.parametrize("together", [1, 30, 100, 10_000])
def test_how_many_sites_are_worked_out_at_a_time_does_not_matter(
    together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sites of 30: by themselves where fewer go together, and no row twice or never."""
    X, y, site = laid(study(0.8))
    rows, theta = quadrature.in_order(X, y, np.ones(len(y)), site, 0.1 * y), np.array([-0.5, 0.2, 0.3, 0.9])
    value, gradient = likelihood(rows, theta, 25)
    monkeypatch.setattr(quadrature, "TOGETHER", together)
    parts = list(rows.parts())
    assert [len(part.y) for part in parts] == {1: [30] * 24, 30: [30] * 24, 100: [90] * 8, 10_000: [720]}[together]
    assert np.concatenate([part.X for part in parts]).tolist() == rows.X.tolist()
    assert all(part.site[0] == part.starts[0] == 0 for part in parts)
    found = likelihood(rows, theta, 25)
    assert found[0] == pytest.approx(value, rel=1e-13)
    assert found[1] == pytest.approx(gradient, rel=1e-10, abs=1e-11)


@given(line=st.floats(-700, 700), y=st.integers(0, 9))
def test_what_is_left_and_the_log_of_one_plus_the_odds_hold_at_any_odds(line: float, y: int) -> None:
    rows = quadrature.in_order(np.ones((1, 1)), np.full(1, float(y)), np.full(1, 9.0), np.zeros(1))
    left, odds = quadrature._at_points(rows, np.full((1, 1), line))
    assert left.item() == pytest.approx(y - 9 * special.expit(line), abs=1e-14)
    assert odds.item() == pytest.approx(np.logaddexp(0, line), rel=1e-15, abs=1e-15)


def test_the_order_of_rows_and_the_names_of_sites_do_not_matter() -> None:
    X, y, site = laid(study(0.8))
    mixed = np.random.default_rng(1).permutation(len(y))
    one = random_intercepts(X, y, site=site, terms=TERMS)
    other = random_intercepts(X[mixed], y[mixed], site=100 - site[mixed], terms=TERMS)
    assert other.beta == pytest.approx(one.beta, rel=1e-7)
    assert other.covariance == pytest.approx(one.covariance, rel=1e-5, abs=1e-9)


def test_more_points_than_the_usual_change_nothing() -> None:
    X, y, site = laid(study(1.5))
    one, other = (random_intercepts(X, y, site=site, terms=TERMS, points=points) for points in (quadrature.POINTS, 60))
    assert other.beta == pytest.approx(one.beta, rel=1e-6)
    assert other.sigma == pytest.approx(one.sigma, rel=1e-6)


# ---------------------------------------------------------------------------- sites that do not differ


def same_sites() -> pd.DataFrame:
    """Every site of an arm has the same people: fewer differences than chance would make."""
    one = alike(1, 40)
    arms = [one[one["site"] == site] for site in ("s0", "s1")]
    return pd.concat([arm.assign(site=f"{arm['site'].iloc[0]}-{copy}") for arm in arms for copy in range(5)])


def test_sites_more_alike_than_chance_give_ordinary_logistic_regression_and_say_so() -> None:
    mixed = mixed_logistic(same_sites(), covariates=(AGE,))
    plain = logistic(same_sites(), covariates=(AGE,), errors="classical")
    for one, other in zip((*plain.answers, *plain.terms), (*mixed.answers[:2], *mixed.terms[:-1]), strict=True):
        assert (other.term, other.scale) == (one.term, one.scale)
        assert (other.estimate, other.std_error) == pytest.approx((one.estimate, one.std_error), rel=1e-12)
        assert other.df == 8
    assert mixed.terms[-1].estimate == 0
    assert in_words(mixed) == ALIKE


def test_just_above_zero_variance_the_answer_is_next_to_that_at_zero() -> None:
    """The likelihood of a sigma of a hundredth differs from that of none by its square alone."""
    X, y, site = laid(study(0.8))
    plain = all_alike(X, y, site=site, terms=TERMS)
    rows = quadrature.in_order(X, y, np.ones(len(y)), site)
    values = [likelihood(rows, np.append(plain.beta, sigma), 25)[0] - plain.log_likelihood for sigma in (0.01, 0.02)]
    assert values[0] > 0
    assert values[1] / values[0] == pytest.approx(4, rel=0.01)
    begin = quadrature._spread_at_zero(rows, plain.beta)
    p = special.expit(X @ plain.beta)
    beyond = sum((y - p)[site == code].sum() ** 2 - (p * (1 - p))[site == code].sum() for code in np.unique(site))
    assert values[0] == pytest.approx(0.01**2 / 2 * beyond, rel=0.01)
    assert 0.4 < begin < 1.6


# ---------------------------------------------------------------------------- what was put in comes out


def test_the_spread_of_sites_and_the_odds_ratio_given_the_site_come_out() -> None:
    """An ordinary model's odds ratio is nearer to one, as the theory of attenuation says."""
    found = [mixed_logistic(study(1.0, log_odds=-0.8, seed=seed), covariates=()) for seed in range(8)]
    plain = [logistic(study(1.0, log_odds=-0.8, seed=seed), covariates=()) for seed in range(8)]
    logs = [each.terms[1].estimate for each in found]
    assert np.mean(logs) == pytest.approx(-0.8, abs=0.25)
    assert np.mean([each.terms[2].estimate for each in found]) == pytest.approx(0.8, abs=0.12)
    assert np.mean([each.terms[-1].estimate for each in found]) == pytest.approx(1.0, abs=0.25)
    assert np.mean([each.terms[1].std_error for each in found]) == pytest.approx(np.std(logs, ddof=1), rel=0.4)
    attenuated = -0.8 / math.sqrt(1 + (16 * math.sqrt(3) / (15 * math.pi)) ** 2)
    mean = np.mean([each.terms[1].estimate for each in plain])
    assert mean - np.mean(logs) == pytest.approx(attenuated + 0.8, abs=0.1)


def test_averaged_over_sites_the_risks_are_near_those_of_the_ordinary_model() -> None:
    rows = study(1.0)
    mixed, plain = mixed_logistic(rows, covariates=()), logistic(rows, covariates=())
    assert mixed.main.estimate == pytest.approx(plain.main.estimate, abs=0.02)
    assert mixed.answers[1].estimate == pytest.approx(plain.answers[1].estimate, rel=0.05)


def test_where_nothing_happens_one_study_in_twenty_says_it_does_and_errors_between_people_far_more() -> None:
    """Eight sites that differ: sites less two degrees of freedom hold the level."""
    wrong = {"sites": 0, "people": 0}
    for seed in range(80):
        rows = study(0.5, log_odds=0.0, sites_per_arm=4, each=25, seed=seed)
        own = mixed_logistic(rows, covariates=()).main
        plain = logistic(rows, covariates=(), errors="classical").main
        assert own.p_value is not None
        assert plain.p_value is not None
        wrong["sites"] += own.p_value < 0.05
        wrong["people"] += plain.p_value < 0.05
    assert wrong["sites"] <= 8
    assert wrong["people"] >= 11


def test_the_error_of_a_risk_difference_carries_that_of_the_spread() -> None:
    """The gradient by small steps in every coefficient and in sigma, with the covariance of all of them."""
    rows = study(1.0)
    X, y, site = laid(rows)
    found = random_intercepts(X, y, site=site, terms=TERMS)

    def gap(values: np.ndarray) -> float:
        means = averaged(RandomIntercepts(values[:-1], float(values[-1]), found.covariance, 0.0), X)
        return means.treated - means.untreated

    best, steps = np.append(found.beta, found.sigma), 1e-6 * np.eye(4)
    gradient = np.array([(gap(best + step) - gap(best - step)) / 2e-6 for step in steps])
    answer = mixed_logistic(rows, covariates=()).main
    assert answer.std_error == pytest.approx(math.sqrt(gradient @ found.covariance @ gradient), rel=1e-6)
    assert abs(gradient[-1]) > 1e-3


# ---------------------------------------------------------------------------- what it says


def test_there_are_three_answers_and_the_variance_stands_among_the_terms() -> None:
    found = mixed_logistic(study(1.0), covariates=(AGE,))
    assert [answer.scale for answer in found.answers] == ["risk difference", "risk ratio", SCALE]
    assert {answer.df for answer in found.answers} == {22}
    odds = found.answers[2]
    assert (odds.estimate, odds.std_error) == (math.exp(found.terms[1].estimate), found.terms[1].std_error)
    assert [term.term for term in found.terms] == ["(Intercept)", "arm", "baseline", "age", VARIANCE]
    variance = found.terms[-1]
    assert (variance.scale, variance.std_error, variance.conf_low, variance.p_value) == ("variance", None, None, None)


def test_how_far_sites_differ_is_said_as_a_median_odds_ratio() -> None:
    """Of two sites drawn at random, by drawing many."""
    found = mixed_logistic(study(1.0), covariates=())
    sigma = math.sqrt(found.terms[-1].estimate)
    dice = np.random.default_rng(3)
    apart = np.abs(dice.normal(0, sigma, 200_000) - dice.normal(0, sigma, 200_000))
    said = in_words(found)
    assert f"(the median; standard deviation of the sites' log odds {sigma:.2f})" in said
    ratio = float(said.partition("has odds ")[2].split()[0])
    assert ratio == pytest.approx(math.exp(np.median(apart)), rel=0.02)


def test_another_method_has_nothing_to_say_of_the_spread_of_sites() -> None:
    assert in_words(logistic(study(1.0), covariates=())) == ""
    assert of_frailties(mixed_logistic(study(1.0), covariates=())) == ""


def test_a_plan_may_name_it() -> None:
    assert "mixed-logistic" in METHODS["binary"]


def test_few_sites_forbid_a_p_value_and_one_an_interval_too() -> None:
    three = mixed_logistic(alike(3), covariates=())
    assert {answer.p_value for answer in three.answers} == {None}
    assert None not in {answer.conf_low for answer in three.answers}
    one = mixed_logistic(alike(1, 60), covariates=())
    assert {(answer.std_error, answer.df, answer.conf_low) for answer in one.answers} == {(None, None, None)}
    assert one.terms[-1].estimate == 0, "one site an arm cannot be told from its arm"
    assert "no interval and no p-value are given" in one.warnings[0]


# ---------------------------------------------------------------------------- in the report

EVENT = """
[[outcomes]]
id = "depressed-6m"
label = "Depressed at 6 months"
kind = "binary"
instrument = "phq9"
at_least = 10
"""


def reported(folder: Path, named: str, apart: float = 0.0) -> tuple[str, Path]:
    """The page, and the folder; scores of every second site are so much higher after the baseline."""
    rows = whole_study.tables()
    for score in rows["scores"]:
        if score["instrument"] == "phq9" and score["timepoint"] != "baseline" and score["person"][1] in "1357":
            score["score"] = min(27.0, score["score"] + apart)
    bundle = whole_study.write(folder / "bundle", rows, f"{whole_study.PLAN}{EVENT}{named}\n")
    write(compare(load.read(bundle)), folder / "out")
    return (folder / "out" / "report.html").read_text(encoding="utf-8"), folder / "out"


def test_as_the_answer_it_says_how_far_sites_differ(tmp_path: Path) -> None:
    page, out = reported(tmp_path, 'estimator = "mixed-logistic"', apart=4)
    assert "percentage points" in page
    assert "of two taken at random, the one where more people have it has odds" in page
    kept = pd.read_csv(out / "estimates.csv").query("outcome == 'depressed-6m'")
    assert list(kept["scale"])[:3] == ["risk difference", "risk ratio", SCALE]
    assert list(kept["df"])[:3] == [6.0] * 3
    terms = pd.read_csv(out / "tables" / "coefficients.csv")
    assert f"Depressed at 6 months: {VARIANCE}" in set(terms["row"])


def test_beside_an_answer_it_stands_on_the_answer_s_scale(tmp_path: Path) -> None:
    page, out = reported(tmp_path, 'beside = ["mixed-logistic"]')
    assert "of two taken at random" not in page, "only an answer is put in words"
    kept = pd.read_csv(out / "sensitivity.csv").query("outcome == 'depressed-6m'")
    own = kept[kept["method"].str.startswith("Logistic with random site")]
    assert SCALE in set(own["scale"])
    figures = page.split("Forest plot of the same difference by several methods: ")[1:]
    drawn = [figure.partition("The table has every number")[0] for figure in figures]
    assert [figure.count("Logistic with random site, adaptive quadrature") for figure in drawn] == [0, 0, 0, 1]


def test_where_people_were_allocated_it_refuses(tmp_path: Path) -> None:
    plan = whole_study.PLAN.replace("controlled-before-after", "individually-randomised")
    bundle = whole_study.write(tmp_path / "bundle", plan=f'{plan}{EVENT}beside = ["mixed-logistic"]\n')
    made = compare(load.read(bundle))
    (refused,) = [each for each in made.beside["depressed-6m"] if each.method == "mixed-logistic"]
    assert refused.faults == ("the method compares sites, and the plan takes people for the units; leave it out",)


# ---------------------------------------------------------------------------- what it refuses


@pytest.mark.parametrize("always", [0.0, 1.0])
def test_perfect_separation_names_the_term(always: float) -> None:
    rows = alike()
    rows.loc[rows["town"] == "Oak", "score"] = always
    with pytest.raises(AnalysisError, match=r"perfect separation.*look at 'town=Oak' first"):
        mixed_logistic(rows, covariates=(AGE, TOWN))


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_an_arm_that_is_all_alike_is_refused(share: float) -> None:
    rows = alike()
    rows.loc[rows["arm"] == 1, "score"] = share
    with pytest.raises(AnalysisError, match="in the intervention arm has the outcome; no model can compare"):
        mixed_logistic(rows, covariates=())


def test_sites_in_which_everybody_or_nobody_has_it_are_refused() -> None:
    rows = study(0.0)
    rows["score"] = (rows["site"] % 2).astype(float)
    with pytest.raises(AnalysisError) as refused:
        mixed_logistic(rows, covariates=())
    assert str(refused.value) == APART


def test_sites_of_nearly_all_or_nobody_have_an_answer() -> None:
    """A large spread, but one that the sites between tell."""
    rows = study(3.0, each=15)
    found = mixed_logistic(rows, covariates=())
    assert 3 < found.terms[-1].estimate < 30
    assert found.main.conf_low is not None


def test_somebody_without_a_site_is_refused() -> None:
    rows = alike()
    rows.loc[7, "site"] = None
    with pytest.raises(AnalysisError, match="site: is empty for somebody with the outcome"):
        mixed_logistic(rows, covariates=())


def test_an_unknown_population_is_refused_with_the_known_ones() -> None:
    with pytest.raises(AnalysisError, match="unknown population 'men'; allowed: everybody, intervention"):
        mixed_logistic(alike(), covariates=(), population="men")


@pytest.mark.parametrize("column", ["score", "baseline", "age"])
def test_who_lacks_something_is_left_out_and_counted(column: str) -> None:
    rows = alike()
    rows.loc[[0, 143], column] = np.nan
    assert mixed_logistic(rows, covariates=(AGE,)).n == (71, 71)
