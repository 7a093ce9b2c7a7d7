"""Averages over sites, in cases whose answer is the plain average of site means, rates or shares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.estimators.ancova import ancova
from analysis.estimators.did import did
from analysis.estimators.imputed import imputed, tipping_point
from analysis.estimators.linear_probability import linear_probability
from analysis.estimators.logistic import logistic
from analysis.estimators.modified_poisson import modified_poisson
from analysis.estimators.poisson_change import poisson_change
from analysis.estimators.poisson_rate import poisson_rate
from analysis.estimators.resampled import permutation, wild_bootstrap
from analysis.estimators.site_average import refuse_telling_of_a_site
from analysis.moments import cluster_robust, from_rows, least_squares, site_weights, sites_alike
from analysis.result import AnalysisError, Fitted
from instruments.plan import Covariate

AGE = Covariate("age", "number")
SIZES = (3, 5, 8, 12, 20, 4, 6, 9, 11, 15)
EVEN = (8,) * 10
Estimator = Callable[..., Fitted]


def people(sizes: tuple[int, ...] = SIZES, seed: int = 1) -> pd.DataFrame:
    """Sites of these sizes, the first half in the intervention arm; the larger a site there, the more it gains."""
    dice = np.random.default_rng(seed)
    site = np.repeat(np.arange(len(sizes)), sizes)
    arm, n = (site < len(sizes) // 2).astype(int), len(site)
    size = np.asarray(sizes)[site]
    facts = {"site": site, "arm": arm, "age": dice.integers(20, 90, n).astype(float)}
    baseline = dice.normal(10, 2, n)
    score = 0.5 * baseline + dice.normal(size=n) + 0.3 * arm * size + dice.normal(size=len(sizes))[site]
    return pd.DataFrame({**facts, "baseline": baseline, "score": score})


def events(sizes: tuple[int, ...] = SIZES, seed: int = 1) -> pd.DataFrame:
    """The same with yes or no before and after."""
    rows, dice = people(sizes, seed), np.random.default_rng(seed + 100)
    likely = 0.25 + 0.025 * rows["arm"] * np.asarray(sizes)[rows["site"]]
    return rows.assign(
        score=(dice.random(len(rows)) < likely).astype(float), baseline=(dice.random(len(rows)) < 0.5).astype(float)
    )


def counts(sizes: tuple[int, ...] = SIZES, seed: int = 1) -> pd.DataFrame:
    """The same with attendances before and after, and years of different length."""
    rows, dice = people(sizes, seed), np.random.default_rng(seed + 200)
    years, rate = dice.uniform(0.5, 1.5, len(rows)), 1.5 + 0.1 * rows["arm"] * np.asarray(sizes)[rows["site"]]
    after, before = dice.poisson(rate * years).astype(float), dice.poisson(1.5, len(rows)).astype(float)
    return rows[["site", "arm", "age"]].assign(count=after, years=years, baseline_count=before, baseline_years=1.0)


def over_time(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a person and timepoint."""
    known = rows.reset_index(names="person")
    parts = [known.assign(timepoint=time, score=known[name]) for time, name in enumerate(("baseline", "score"))]
    return pd.concat(parts)[["person", "arm", "site", "timepoint", "score"]]


def plain(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.drop(columns=["baseline", "baseline_count", "baseline_years"], errors="ignore")


def of_sites(rows: pd.DataFrame, column: str) -> pd.Series[Any]:
    """The plain average, by arm, of the sites' averages of a column."""
    means = rows.groupby("site").agg(arm=("arm", "first"), mean=(column, "mean"))
    return means.groupby("arm")["mean"].mean()


def by_name(fitted: Fitted, scale: str) -> float:
    return next(answer.estimate for answer in fitted.answers if answer.scale == scale)


# ---------------------------------------------------------------------------- closed forms


def test_a_difference_of_scores_is_that_of_the_arms_averages_of_site_means() -> None:
    rows = plain(people())
    means = of_sites(rows, "score")
    assert ancova(rows, covariates=(), average="sites").main.estimate == pytest.approx(means[1] - means[0], abs=1e-10)


def test_three_sites_by_hand() -> None:
    """Site means 2 and 8 against 3 and 5: (2 + 8) / 2 - (3 + 5) / 2 = 1; people would say 6.5 - 3.5 = 3."""
    scores = {("a", 1): [2.0], ("b", 1): [7.0, 8.0, 9.0], ("c", 0): [2.0, 4.0, 3.0], ("d", 0): [5.0]}
    rows = pd.DataFrame([(site, arm, each) for (site, arm), values in scores.items() for each in values])
    rows.columns = pd.Index(["site", "arm", "score"])
    assert ancova(rows, covariates=(), average="sites").main.estimate == pytest.approx(1.0)
    assert ancova(rows, covariates=()).main.estimate == pytest.approx(3.0)


def test_a_difference_in_change_is_that_of_the_arms_averages_of_site_changes() -> None:
    rows = people().assign(change=lambda table: table["score"] - table["baseline"])
    means = of_sites(rows, "change")
    found = did(over_time(rows), covariates=(), average="sites")
    assert found.main.estimate == pytest.approx(means[1] - means[0], abs=1e-10)


def test_in_a_difference_in_change_who_was_measured_once_makes_no_site_smaller() -> None:
    """What is left of a site are the people who say something about change, and they share its weight."""
    rows = people()
    lone = over_time(rows)
    lone.loc[lone.index.isin([10, 30]) & (lone["timepoint"] == 1), "score"] = np.nan
    kept = over_time(rows)[~over_time(rows).index.isin([10, 30])]
    one, other = (did(table, covariates=(), average="sites").main for table in (lone, kept))
    assert one.estimate == pytest.approx(other.estimate, abs=1e-10)
    assert (one.std_error, one.df) == pytest.approx((other.std_error, other.df), rel=1e-9)


@pytest.mark.parametrize("estimator", [logistic, modified_poisson])
def test_a_risk_difference_is_that_of_the_arms_averages_of_site_shares(estimator: Estimator) -> None:
    rows = plain(events())
    means = of_sites(rows, "score")
    found = estimator(rows, covariates=(), average="sites")
    assert by_name(found, "risk difference") == pytest.approx(means[1] - means[0], abs=1e-9)
    assert by_name(found, "risk ratio") == pytest.approx(means[1] / means[0], abs=1e-9)


def test_so_is_that_of_the_linear_probability_model() -> None:
    rows = plain(events())
    means = of_sites(rows, "score")
    found = linear_probability(rows, covariates=(), average="sites")
    assert by_name(found, "risk difference") == pytest.approx(means[1] - means[0], abs=1e-10)
    assert by_name(found, "risk ratio") == pytest.approx(means[1] / means[0], abs=1e-10)


def test_a_rate_is_events_a_person_over_years_a_person_both_averaged_over_sites() -> None:
    rows = plain(counts())
    rates = of_sites(rows, "count") / of_sites(rows, "years")
    found = poisson_rate(rows, covariates=(), average="sites")
    assert by_name(found, "rate ratio") == pytest.approx(rates[1] / rates[0], rel=1e-9)
    assert by_name(found, "rate difference") == pytest.approx(rates[1] - rates[0], rel=1e-9)


def test_a_change_of_rates_counts_sites_by_everybody_there_also_those_without_an_event() -> None:
    """With years alike for all, the arms' ratios of average events after to before, one over the other."""
    rows = counts().assign(years=1.0)
    rows.loc[rows["site"] == 1, ["count", "baseline_count"]] *= np.array([[1.0], [0.0], [1.0], [0.0], [1.0]])
    change = of_sites(rows, "count") / of_sites(rows, "baseline_count")
    found = poisson_change(rows, average="sites")
    assert by_name(found, "rate ratio") == pytest.approx(change[1] / change[0], rel=1e-9)
    seen = of_sites(rows, "count")[1]
    assert by_name(found, "rate difference") == pytest.approx(seen * (1 - change[0] / change[1]), rel=1e-9)


def test_g_computation_averages_risks_over_sites_alike() -> None:
    """With a covariate, and over the intervention arm: each site's average of risks, averaged plainly."""
    rows = events()
    fitted = logistic(rows, covariates=(AGE,), average="sites", population="intervention")
    log_odds = {term.term: term.estimate for term in fitted.terms}
    shared = log_odds["(Intercept)"] + log_odds["baseline"] * rows["baseline"] + log_odds["age"] * rows["age"]
    gap = 1 / (1 + np.exp(-shared - log_odds["arm"])) - 1 / (1 + np.exp(-shared))
    expected = of_sites(rows.assign(gap=gap), "gap")[1]
    assert by_name(fitted, "risk difference") == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("estimator", [wild_bootstrap, permutation])
def test_tests_by_sites_quote_the_same_estimate_and_say_so(estimator: Estimator) -> None:
    rows = people()
    found = estimator(rows, covariates=(AGE,), average="sites").main
    assert found.estimate == ancova(rows, covariates=(AGE,), average="sites").main.estimate
    assert found.method.startswith("ANCOVA, sites counted alike, ")


def test_a_permutation_of_site_means_asks_for_no_covariate_to_count_sites_alike() -> None:
    """Without covariates site means are permuted as they are, whoever counts."""
    rows = plain(people())
    one, other = (permutation(rows, covariates=(), average=average).main for average in ("people", "sites"))
    assert one.p_value == other.p_value
    assert one.estimate != pytest.approx(other.estimate)


# ---------------------------------------------------------------------------- imputed


def test_where_nothing_is_missing_the_imputed_answer_is_that_of_ancova() -> None:
    rows = people()
    one = imputed(rows, covariates=(AGE,), average="sites", imputations=2).main
    other = ancova(rows, covariates=(AGE,), average="sites").main
    assert (one.estimate, one.std_error) == pytest.approx((other.estimate, other.std_error), rel=1e-10)


def test_the_tipping_point_without_a_shift_is_the_imputed_answer() -> None:
    rows = people()
    rows.loc[rows.sample(12, random_state=1).index, "score"] = np.nan
    told: dict[str, Any] = {"covariates": (AGE,), "average": "sites", "imputations": 2, "iterations": 2}
    one, other = tipping_point(rows, **told).unshifted, imputed(rows, **told).main
    assert (one.estimate, one.std_error, one.df) == pytest.approx((other.estimate, other.std_error, other.df))
    assert one.method == other.method
    assert "sites counted alike" in one.method
    by_people = tipping_point(rows, **told | {"average": "people"}).unshifted
    assert one.estimate != pytest.approx(by_people.estimate)


# ---------------------------------------------------------------------------- the same where sites are of one size


def everything(average: str, sizes: tuple[int, ...], seed: int) -> dict[str, Fitted]:
    scores, yes, use = people(sizes, seed), events(sizes, seed), counts(sizes, seed)
    return {
        "ancova": ancova(scores, covariates=(AGE,), average=average),
        "did": did(over_time(scores), covariates=(), average=average),
        "logistic": logistic(yes, covariates=(), average=average),
        "modified-poisson": modified_poisson(yes, covariates=(), average=average),
        "linear-probability": linear_probability(yes, covariates=(AGE,), average=average),
        "poisson-rate": poisson_rate(use, covariates=(AGE,), average=average),
        "poisson-change": poisson_change(use, average=average),
        "wild-bootstrap": wild_bootstrap(scores, covariates=(AGE,), average=average),
        "permutation": permutation(scores, covariates=(AGE,), average=average),
        "imputation": imputed(scores, covariates=(AGE,), average=average, imputations=2),
    }


def said(fitted: Fitted) -> list[float]:
    """Every number of every answer."""
    names = ("estimate", "std_error", "df", "conf_low", "conf_high", "p_value")
    found = [getattr(answer, name) for answer in fitted.answers for name in names]
    return [np.nan if number is None else number for number in found]


@given(st.integers(1, 10_000))
@settings(max_examples=4, deadline=None)
def test_sites_of_one_size_make_both_averages_the_same_in_every_number(seed: int) -> None:
    one, other = everything("people", EVEN, seed), everything("sites", EVEN, seed)
    for method, fitted in one.items():
        assert said(other[method]) == pytest.approx(said(fitted), rel=1e-8, abs=1e-10, nan_ok=True), method


def test_sites_of_several_sizes_make_them_differ_in_every_method() -> None:
    one, other = everything("people", SIZES, 1), everything("sites", SIZES, 1)
    for method, fitted in one.items():
        assert abs(other[method].main.estimate - fitted.main.estimate) > 1e-4, method
        assert other[method].main.method != fitted.main.method
        assert "sites counted alike" in other[method].main.method
        assert other[method].n == fitted.n


# ---------------------------------------------------------------------------- two truths, each hit by its own


def test_where_large_sites_gain_more_each_average_finds_its_own_truth() -> None:
    """Sites of 10 gain 1, sites of 90 gain 5: over sites (1 + 5) / 2 = 3, over people (10 + 5 x 90) / 100 = 4.6."""
    sizes = (10, 90) * 20
    dice, site = np.random.default_rng(7), np.repeat(np.arange(40), sizes)
    arm = (site < 20).astype(int)
    gain = np.where(np.asarray(sizes)[site] == 10, 1.0, 5.0) * arm
    baseline = dice.normal(20, 3, len(site))
    score = baseline + gain + dice.normal(0, 1, len(site)) + dice.normal(0, 0.2, 40)[site]
    rows = pd.DataFrame({"site": site, "arm": arm, "baseline": baseline, "score": score})
    for rows_of, estimator in ((lambda: rows, ancova), (lambda: over_time(rows), did)):
        over_people = estimator(rows_of(), covariates=()).main
        over_sites = estimator(rows_of(), covariates=(), average="sites").main
        assert over_people.estimate == pytest.approx(4.6, abs=0.25)
        assert over_sites.estimate == pytest.approx(3.0, abs=0.25)
        assert over_sites.conf_low is not None
        assert over_sites.conf_high is not None
        assert over_sites.conf_low < 3 < over_sites.conf_high < 4.6


def test_where_large_sites_have_more_events_each_average_finds_its_own_risk_and_rate() -> None:
    """Sites of 20 have a risk of 0.2, of 180 one of 0.6, in the other arm 0.2: 0.2 over sites, 0.36 over people."""
    sizes = (20, 180) * 20
    dice, site = np.random.default_rng(3), np.repeat(np.arange(40), sizes)
    arm = (site < 20).astype(int)
    risk = np.where((np.asarray(sizes)[site] == 180) & (arm == 1), 0.6, 0.2)
    rows = pd.DataFrame({"site": site, "arm": arm, "score": (dice.random(len(site)) < risk).astype(float)})
    use = rows[["site", "arm"]].assign(count=dice.poisson(10 * risk).astype(float), years=1.0)
    for estimator in (logistic, modified_poisson, linear_probability):
        assert by_name(estimator(rows, covariates=()), "risk difference") == pytest.approx(0.36, abs=0.03)
        over_sites = estimator(rows, covariates=(), average="sites")
        assert by_name(over_sites, "risk difference") == pytest.approx(0.2, abs=0.03)
    assert by_name(poisson_rate(use, covariates=()), "rate difference") == pytest.approx(3.6, abs=0.3)
    over_sites = poisson_rate(use, covariates=(), average="sites")
    assert by_name(over_sites, "rate difference") == pytest.approx(2.0, abs=0.3)


# ---------------------------------------------------------------------------- weights


def test_weights_give_each_site_the_same_and_add_up_to_the_people() -> None:
    weight = site_weights([2, 3, 5])
    assert weight * [2, 3, 5] == pytest.approx([10 / 3] * 3)


def test_a_site_of_which_nobody_counts_takes_nothing_from_the_others() -> None:
    assert site_weights([2, 0, 4]) == pytest.approx([1.5, 1.0, 0.75])


def test_sums_of_sites_alike_are_those_of_rows_that_are_weighted() -> None:
    rows = people()
    X, y = np.column_stack([np.ones(len(rows)), rows["arm"]]), rows["score"].to_numpy()
    sums = from_rows(X, y, rows["site"], ("one", "arm"))
    root = np.sqrt(site_weights(sums.n))[rows["site"]]
    alike, direct = sites_alike(sums), from_rows(X * root[:, None], y * root, rows["site"], ("one", "arm"))
    assert alike.xx == pytest.approx(direct.xx)
    assert alike.xy == pytest.approx(direct.xy)
    assert alike.yy == pytest.approx(direct.yy)
    assert alike.n.tolist() == list(SIZES)


@pytest.mark.parametrize("kind", ["CR0", "CR1", "CR1S", "CR2", "CR3"])
def test_the_unit_of_the_weights_does_not_matter(kind: str) -> None:
    rows = people()
    X = np.column_stack([np.ones(len(rows)), rows["arm"], rows["age"]])
    sums = from_rows(X, rows["score"].to_numpy(), rows["site"], ("one", "arm", "age"))
    one = cluster_robust(least_squares(sites_alike(sums)), kind)
    other = cluster_robust(least_squares(sites_alike(sums, 1000 * sums.n)), kind)
    assert other.covariance == pytest.approx(one.covariance, rel=1e-8)
    assert other.df == pytest.approx(one.df, rel=1e-8)


# ---------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("estimator", [ancova, imputed, linear_probability, logistic, modified_poisson])
def test_where_people_are_the_units_sites_cannot_count_alike(estimator: Estimator) -> None:
    with pytest.raises(AnalysisError, match=r"people are the units; take errors by site, such as 'CR2'"):
        estimator(events(), covariates=(), errors="classical", average="sites")


def test_another_average_is_refused_by_its_name() -> None:
    with pytest.raises(AnalysisError, match="unknown average 'clusters'; allowed: people, sites"):
        ancova(people(), covariates=(), average="clusters")
    with pytest.raises(AnalysisError, match="unknown average 'clusters'"):
        poisson_rate(counts(), covariates=(), average="clusters")


def test_new_samples_at_each_timepoint_cannot_count_sites_alike() -> None:
    with pytest.raises(AnalysisError, match="sites can count alike where people are followed"):
        did(over_time(people()), covariates=(), effects="site", average="sites")


def test_one_site_in_an_arm_has_its_estimate_and_no_interval() -> None:
    rows = people().query("site in (0, 5, 6, 7)")
    found = ancova(rows, covariates=(), average="sites")
    assert found.main.std_error is None
    assert found.main.conf_low is None
    assert found.warnings
    yes = logistic(plain(events()).query("site in (4, 5, 6, 7)"), covariates=(), average="sites")
    assert yes.main.std_error is None


# ---------------------------------------------------------------------------- what would tell of few


def people_of(*sizes: tuple[int, int, int], score: float | None = None) -> pd.DataFrame:
    """Arm, site and people of each; scores are all different unless one is given."""
    people = [(arm, site) for arm, site, size in sizes for _ in range(size)]
    scores = [score if score is not None else 3.0 + place for place in range(len(people))]
    return pd.DataFrame({"arm": [arm for arm, _ in people], "site": [site for _, site in people], "score": scores})


def test_two_averages_of_an_arm_with_two_sites_give_each_site_s_own() -> None:
    """What is refused, worked out: a site of one person, from averages and sizes alone."""
    rows = people_of((1, 1, 1), (1, 2, 30))
    people, sites = rows["score"].mean(), rows.groupby("site")["score"].mean().mean()
    alone, others = np.linalg.solve([[1 / 31, 30 / 31], [1 / 2, 1 / 2]], [people, sites])
    assert (alone, others) == pytest.approx((3.0, rows["score"][1:].mean()))


@pytest.mark.parametrize(
    ("rows", "least"),
    [
        (people_of((1, 1, 1), (1, 2, 30), (0, 3, 20), (0, 4, 20), (0, 5, 20)), 10),
        (people_of((1, 1, 20), (1, 2, 30), (0, 3, 20), (0, 4, 9)), 10),
        (people_of((1, 1, 9), (0, 3, 20), (0, 4, 20), (0, 5, 20)), 10),
    ],
)
def test_two_sites_of_an_arm_of_which_one_is_small_are_refused(rows: pd.DataFrame, least: int) -> None:
    with pytest.raises(AnalysisError, match=r"what fewer than 10 people of a site had; write average = \"people\""):
        refuse_telling_of_a_site(rows, least)
    refuse_telling_of_a_site(rows, 0)


def test_what_is_missing_does_not_make_a_site_larger() -> None:
    rows = people_of((1, 1, 12), (1, 2, 30), (0, 3, 20), (0, 4, 20))
    refuse_telling_of_a_site(rows, 10)
    rows.loc[:3, "score"] = np.nan
    with pytest.raises(AnalysisError, match="with 2 sites in an arm"):
        refuse_telling_of_a_site(rows, 10)


def test_with_three_sites_in_each_arm_two_averages_do_not_give_any_site_s_own() -> None:
    rows = people_of((1, 1, 1), (1, 2, 30), (1, 3, 30), (0, 4, 2), (0, 5, 20), (0, 6, 20))
    refuse_telling_of_a_site(rows, 10)


@pytest.mark.parametrize("few", [0.0, 1.0])
def test_of_an_event_few_with_it_or_without_it_at_a_site_are_few_people(few: float) -> None:
    rows = people_of((1, 1, 30), (1, 2, 30), (0, 3, 30), (0, 4, 30), score=1.0 - few)
    rows.loc[rows.groupby("site").cumcount() < 12, "score"] = few
    refuse_telling_of_a_site(rows, 10)
    rows.loc[(rows["site"] == 2) & (rows.groupby("site").cumcount() >= 3), "score"] = 1.0 - few
    with pytest.raises(AnalysisError, match="what fewer than 10 people of a site had"):
        refuse_telling_of_a_site(rows, 10)


def test_a_count_goes_by_people_whatever_they_had() -> None:
    rows = people_of((1, 1, 12), (1, 2, 12), (0, 3, 12), (0, 4, 12), score=0.0).rename(columns={"score": "count"})
    refuse_telling_of_a_site(rows, 10)
    with pytest.raises(AnalysisError, match="what fewer than 20 people of a site had"):
        refuse_telling_of_a_site(rows, 20)
