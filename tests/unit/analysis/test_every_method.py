"""What holds of every method that a plan may name: what may not matter to it, and what few sites forbid it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.cohort import auxiliaries, long_rows_of
from analysis.estimators import ESTIMATORS
from analysis.result import AnalysisError, Estimate, Fitted
from instruments.plan import Covariate, Outcome, Plan, parse
from instruments.plan_methods import METHODS
from tests.unit.analysis import study

AGE, TOWN = Covariate("age", "number"), Covariate("town", "category")
PLANNED: Plan = parse(study.PLAN.replace("controlled-before-after", "cluster-randomised"))
SCORE = PLANNED.outcomes[1]
OUTCOMES: dict[str, Outcome] = {
    "continuous": SCORE,
    "binary": replace(SCORE, kind="binary"),
    "count": PLANNED.outcomes[2],
    "time-to-event": replace(PLANNED.outcomes[2], kind="time-to-event", until_day=180),
}
KIND = {method: kind for kind, methods in METHODS.items() for method in methods}
SCORES, RATIOS = METHODS["continuous"], (*METHODS["binary"], *METHODS["count"])
OF_THE_INTERVENTION_ARM = ("doubly-robust-did", "att-weights", "entropy-balance", "matching", "matched-did")
NOT_OF_THE_OFFER = (*OF_THE_INTERVENTION_ARM, "complier-average")
WHO_ELSE_COUNTS = (
    "imputation", "mmrm", "clda", "mixed-model", "overlap-weights", "att-weights", "entropy-balance", "matching",
    "matched-did",
)  # fmt: skip
RESAMPLED = ("wild-bootstrap", "permutation")
ITERATED = 2e-5


def people(sites_per_arm: int = 5, each: int = 16, seed: int = 1) -> pd.DataFrame:
    """A made-up study: scores at three timepoints, an event before and after, counts and their years, a first event."""
    dice = np.random.default_rng(seed)
    site = np.repeat(np.arange(2 * sites_per_arm), each)
    n, arm = len(site), (site < sites_per_arm).astype(int)
    own = dice.normal(10, 3, n) + dice.normal(0, 1, 2 * sites_per_arm)[site]
    first, between, last = (own + dice.normal(0, 1.5, n) + shift * arm for shift in (0, 0.5, 1.0))
    rate = np.exp(0.1 * (own - 10))
    rows = pd.DataFrame(
        {
            "arm": arm,
            "site": [f"s{number:02}" for number in site],
            "baseline": first,
            "score at 3m": between,
            "score": last,
            "had before": (first + dice.normal(0, 3, n) > 10).astype(float),
            "had": (last + dice.normal(0, 3, n) > 10).astype(float),
            "baseline_count": dice.poisson(3 * rate).astype(float),
            "baseline_years": 1.0,
            "count": dice.poisson(2 * rate).astype(float),
            "years": dice.uniform(0.5, 1, n),
            "age": dice.integers(20, 90, n).astype(float),
            "town": pd.Categorical(dice.choice(["Elm", "Oak"], n)),
            "died": False,
            "contact": ((np.arange(n) % 7 > 0) & (arm == 1) | (np.arange(n) % 11 == 0)).astype(float),
        }
    )
    first = np.ceil(dice.exponential(150 / rate))
    last = dice.choice([182, 182, 90], n)
    return rows.assign(
        days=np.minimum(first, last), event=np.select([first > last, dice.random(n) < 0.2], [0.0, 2.0], 1.0)
    )


def rows_for(name: str, rows: pd.DataFrame) -> pd.DataFrame:
    """The study as a method reads it."""
    if KIND[name] == "binary":
        return rows.drop(columns=["baseline", "score"]).rename(columns={"had before": "baseline", "had": "score"})
    if ESTIMATORS[name].rows is not long_rows_of:
        return rows
    columns = {"baseline": "baseline", "score at 3m": "3m", "score": "6m"}
    wide = rows.rename(columns=columns).reset_index(names="person")
    long = wide.melt(
        ["person", "arm", "site", "age", "town"], list(columns.values()), var_name="timepoint", value_name="score"
    )
    return long.assign(timepoint=pd.Categorical(long["timepoint"], list(columns.values()), ordered=True))


def fitted(name: str, rows: pd.DataFrame, covariates: tuple[Covariate, ...] = (AGE,), **changed: Any) -> Fitted:
    """What a method gives, told what a plan tells it."""
    method = ESTIMATORS[name]
    options = {"confidence": 0.95, **method.options(PLANNED, OUTCOMES[KIND[name]]), **changed}
    return method.function(rows_for(name, rows), covariates=covariates, **options)


def numbers(answer: Estimate) -> dict[str, float]:
    names = ("estimate", "std_error", "df", "conf_low", "conf_high", "p_value")
    return {name: value for name in names if (value := getattr(answer, name)) is not None}


def same(one: Fitted, other: Fitted, rel: float = ITERATED) -> None:
    assert (one.n, one.n_clusters, len(one.answers)) == (other.n, other.n_clusters, len(other.answers))
    for first, second in zip(one.answers, other.answers, strict=True):
        assert numbers(second) == pytest.approx(numbers(first), rel=rel, abs=1e-6)


@pytest.fixture(scope="module")
def plain() -> dict[str, Fitted]:
    """Every method on the same study."""
    return {name: fitted(name, people()) for name in ESTIMATORS}


def test_the_auxiliary_column_is_the_one_that_the_plan_names() -> None:
    assert list(auxiliaries(PLANNED, SCORE)) == ["score at 3m"]


@pytest.mark.parametrize("name", ESTIMATORS)
def test_it_finds_something_and_says_how(name: str, plain: dict[str, Fitted]) -> None:
    found = plain[name]
    assert found.main == found.answers[0]
    assert found.main.method
    assert found.main.p_value is not None
    assert 0 < found.main.p_value <= 1
    assert found.n_clusters == (5, 5)
    assert not any("One arm has only" in warning for warning in found.warnings)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_its_interval_holds_its_estimate(name: str, plain: dict[str, Fitted]) -> None:
    for answer in plain[name].answers:
        if answer.conf_low is None or answer.conf_high is None:
            assert name == "permutation"
            continue
        assert answer.conf_low < answer.estimate < answer.conf_high


@pytest.mark.parametrize("name", ESTIMATORS)
def test_the_order_of_rows_does_not_matter(name: str, plain: dict[str, Fitted]) -> None:
    same(plain[name], fitted(name, people().sample(frac=1, random_state=5)), 1e-4 if name in RESAMPLED else ITERATED)


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if name not in RESAMPLED])
def test_the_names_of_sites_do_not_matter(name: str, plain: dict[str, Fitted]) -> None:
    rows = people()
    same(plain[name], fitted(name, rows.assign(site=rows["site"].map(lambda site: f"x{99 - int(site[1:])}"))))


@pytest.mark.parametrize("name", RESAMPLED)
def test_sites_are_dealt_out_in_all_ways_whatever_they_are_called(name: str, plain: dict[str, Fitted]) -> None:
    rows = people()
    other = fitted(name, rows.assign(site=rows["site"].map(lambda site: f"x{99 - int(site[1:])}")))
    assert other.main.p_value == plain[name].main.p_value


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if name not in NOT_OF_THE_OFFER])
def test_exchanging_the_arms_turns_the_answer_round(name: str, plain: dict[str, Fitted]) -> None:
    rows = people()
    other = fitted(name, rows.assign(arm=1 - rows["arm"]))
    answers = plain[name].answers[:1] if name == "poisson-change" else plain[name].answers  # its rates are one arm's
    for first, second in zip(answers, other.answers, strict=False):
        expected = 1 / first.estimate if first.scale.endswith("ratio") else -first.estimate
        assert second.estimate == pytest.approx(expected, rel=1e-4)
        assert second.p_value == pytest.approx(first.p_value, rel=1e-3)
    assert other.n == plain[name].n[::-1]


@pytest.mark.parametrize("name", ESTIMATORS)
def test_columns_that_nobody_named_do_not_matter(name: str, plain: dict[str, Fitted]) -> None:
    rows = people()
    rows["town"] = pd.Categorical(["Elm"] * len(rows))
    same(plain[name], fitted(name, rows.assign(shoe_size=range(len(rows)))))


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if name != "permutation"])
def test_more_confidence_is_a_wider_interval_around_the_same_estimate(name: str, plain: dict[str, Fitted]) -> None:
    narrow, wide = plain[name].main, fitted(name, people(), confidence=0.99).main
    assert wide.estimate == pytest.approx(narrow.estimate)
    assert wide.conf_low is not None
    assert wide.conf_high is not None
    assert narrow.conf_low is not None
    assert narrow.conf_high is not None
    assert wide.conf_low < narrow.conf_low
    assert wide.conf_high > narrow.conf_high


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_covariate_s_unit_does_not_matter(name: str, plain: dict[str, Fitted]) -> None:
    rows = people()
    same(plain[name], fitted(name, rows.assign(age=rows["age"] / 10 - 3)), 2e-4)


# ---------------------------------------------------------------------------- scores


@pytest.mark.parametrize("name", SCORES)
def test_the_unit_of_a_score_is_that_of_the_answer(name: str, plain: dict[str, Fitted]) -> None:
    rows = people()
    scaled = rows.assign(**{column: 4 * rows[column] for column in ("baseline", "score at 3m", "score")})
    one, four = plain[name].main, fitted(name, scaled).main
    for column in ("estimate", "std_error", "conf_low", "conf_high"):
        value = getattr(one, column)
        assert getattr(four, column) == (None if value is None else pytest.approx(4 * value, rel=1e-4))
    assert four.p_value == pytest.approx(one.p_value, rel=1e-3)


@pytest.mark.parametrize("name", SCORES)
def test_the_origin_of_a_score_does_not_matter(name: str, plain: dict[str, Fitted]) -> None:
    rows = people()
    moved = rows.assign(**{column: rows[column] + 20 for column in ("baseline", "score at 3m", "score")})
    same(plain[name], fitted(name, moved), 2e-4)


@pytest.mark.parametrize("name", [name for name in SCORES if name != "complier-average"])
def test_whoever_gains_two_gains_two(name: str) -> None:
    """Two points more for everybody of the first arm at follow-up move every answer by two."""
    rows = people()
    more = rows.assign(score=rows["score"] + 2 * rows["arm"])
    one, other = fitted(name, rows).main, fitted(name, more).main
    tolerance = 0.12 if name in ("imputation", "mixed-model") else 1e-3
    assert other.estimate - one.estimate == pytest.approx(2, abs=tolerance)


# ---------------------------------------------------------------------------- counts


@pytest.mark.parametrize("name", METHODS["count"])
def test_the_unit_of_time_moves_the_rate_and_not_the_ratio(name: str, plain: dict[str, Fitted]) -> None:
    rows = people()
    other = fitted(name, rows.assign(years=12 * rows["years"], baseline_years=12 * rows["baseline_years"]))
    for first, second in zip(plain[name].answers, other.answers, strict=True):
        factor = 1 if first.scale.endswith("ratio") else 1 / 12
        assert second.estimate == pytest.approx(factor * first.estimate, rel=1e-5)
        assert second.p_value == pytest.approx(first.p_value, rel=1e-4)


@pytest.mark.parametrize("name", [name for name in METHODS["binary"] if name != "modified-poisson"])
def test_not_having_it_turns_the_risk_difference_round(name: str, plain: dict[str, Fitted]) -> None:
    rows = people()
    other = fitted(name, rows.assign(**{"had": 1 - rows["had"], "had before": 1 - rows["had before"]}))
    gaps = [{answer.scale: answer for answer in found.answers}.get("risk difference") for found in (plain[name], other)]
    if gaps[0] is not None and gaps[1] is not None:
        assert gaps[1].estimate == pytest.approx(-gaps[0].estimate, rel=1e-5)
        assert gaps[1].std_error == pytest.approx(gaps[0].std_error, rel=1e-4)


# ---------------------------------------------------------------------------- times


TIMES = pytest.mark.parametrize("name", METHODS["time-to-event"])


@TIMES
def test_people_who_had_the_event_are_counted_by_arm(name: str, plain: dict[str, Fitted]) -> None:
    had = people().query("event == 1").groupby("arm").size()
    assert plain[name].had == (had[1], had[0])
    assert plain[name].rests_on("arm") == min(*had, *(80 - had))


@TIMES
def test_a_fifth_of_the_time_in_another_unit_is_the_same_comparison(name: str, plain: dict[str, Fitted]) -> None:
    """Only the restricted mean is said in days; a ratio, or a risk, knows no unit of time."""
    rows = people()
    options = {"horizon": 36} if name in ("restricted-mean", "cumulative-incidence") else {}
    other = fitted(name, rows.assign(days=rows["days"] / 5), **options)
    for first, second in zip(plain[name].answers, other.answers, strict=True):
        factor = 1 / 5 if first.unit == "days" else 1
        assert second.estimate == pytest.approx(factor * first.estimate, rel=1e-6)
        assert second.p_value == pytest.approx(first.p_value, rel=1e-4)


@TIMES
def test_an_arm_in_which_nobody_had_the_event_is_named(name: str) -> None:
    rows = people()
    rows.loc[rows["arm"] == 0, "event"] = 0.0
    with pytest.raises(AnalysisError, match="nobody in the comparison arm had the event"):
        fitted(name, rows)


# ---------------------------------------------------------------------------- who is left out


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if name not in WHO_ELSE_COUNTS])
def test_who_lacks_the_outcome_is_left_out(name: str) -> None:
    rows = people()
    gone = rows.index[[3, 40, 99, 120]]
    lacking = rows.copy()
    lacking.loc[gone, ["score", "had", "count", "days", "event"]] = np.nan
    found, without = fitted(name, lacking), fitted(name, rows.drop(index=gone))
    same(without, found, 1e-4)


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if name not in ("imputation", "did", "poisson-change")])
def test_who_lacks_a_covariate_is_left_out(name: str) -> None:
    rows = people()
    gone = rows.index[[3, 40, 99, 120]]
    lacking = rows.copy()
    lacking.loc[gone, "age"] = np.nan
    same(fitted(name, rows.drop(index=gone)), fitted(name, lacking), 1e-4)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("arm", [0, 1])
def test_an_arm_without_anybody_is_refused(name: str, arm: int) -> None:
    rows = people()
    rows = rows[rows["arm"] != arm]
    with pytest.raises(AnalysisError) as refused:
        fitted(name, rows)
    assert {0: "comparison", 1: "intervention"}[arm] in str(refused.value)


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if name not in ("did", "clda", "poisson-change")])
def test_a_covariate_that_is_the_arm_is_refused(name: str) -> None:
    rows = people()
    with pytest.raises(AnalysisError):
        fitted(name, rows.assign(age=10.0 * rows["arm"]))


# ---------------------------------------------------------------------------- few sites


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("sites", [2, 3])
def test_fewer_than_four_sites_in_an_arm_give_no_p_value_and_a_warning(name: str, sites: int) -> None:
    found = fitted(name, people(sites, 40))
    assert {answer.p_value for answer in found.answers} == {None}
    assert f"One arm has only {sites} sites." in found.warnings[0]
    assert "no p-value is given" in found.warnings[0]


@pytest.mark.parametrize("name", ESTIMATORS)
def test_four_sites_in_each_arm_give_a_p_value(name: str) -> None:
    found = fitted(name, people(4, 20))
    assert found.main.p_value is not None
    assert not any("One arm has only" in warning for warning in found.warnings)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_one_site_in_an_arm_gives_an_estimate_without_any_error(name: str) -> None:
    rows = people(5, 16, seed=2)
    rows.loc[rows["arm"] == 0, "site"] = "only one"
    found = fitted(name, rows)
    assert found.n_clusters == (5, 1)
    for answer in found.answers:
        assert np.isfinite(answer.estimate)
        assert numbers(answer).keys() == {"estimate"}
    assert "One arm has only 1 site." in found.warnings[0]
    assert "no interval and no p-value are given" in found.warnings[0]


# ---------------------------------------------------------------------------- where methods must agree


def test_equal_means_at_the_baseline_are_all_that_parts_two_repeated_measures_models(plain: dict[str, Fitted]) -> None:
    """With the arm as a covariate the baseline is free again."""
    rows = people()
    freed = fitted("clda", rows, (AGE, Covariate("arm", "number")))
    assert freed.main.estimate == pytest.approx(plain["mmrm"].main.estimate, abs=1e-4)


def test_without_covariates_and_with_two_timepoints_repeated_measures_are_differences_in_change() -> None:
    """Everybody measured twice: the saturated model has the arms' mean changes, whatever the covariance."""
    rows = rows_for("did", people())
    two = rows[rows["timepoint"] != "3m"]
    change = ESTIMATORS["did"].function(two, covariates=(), at="6m").main
    repeated = ESTIMATORS["mmrm"].function(two, covariates=(), at="6m", errors="CR2").main
    assert repeated.estimate == pytest.approx(change.estimate, abs=1e-6)


def test_change_against_the_baseline_is_a_regression_of_change() -> None:
    rows = people()
    found = fitted("did", rows, ()).main
    change = (rows["score"] - rows["baseline"]).groupby(rows["site"]).mean()
    arm = rows.groupby("site")["arm"].first()
    assert found.estimate == pytest.approx(change[arm == 1].mean() - change[arm == 0].mean())
    spread = change[arm == 1].var() / 5 + change[arm == 0].var() / 5
    assert found.std_error == pytest.approx(np.sqrt(spread))
    assert found.df == pytest.approx(8)


def test_weights_of_arms_that_are_alike_already_change_nothing() -> None:
    """Each person of one arm has a twin of the same age in the other."""
    rows = people()
    rows["age"] = np.tile(rows["age"].to_numpy()[: len(rows) // 2], 2)
    plain = rows.groupby("arm")["score"].mean()
    rows["baseline"] = np.tile(rows["baseline"].to_numpy()[: len(rows) // 2], 2)
    for name in ("overlap-weights", "att-weights", "entropy-balance"):
        assert fitted(name, rows).main.estimate == pytest.approx(plain[1] - plain[0], abs=1e-6)


def test_a_score_that_another_timepoint_tells_exactly_is_as_good_as_measured() -> None:
    rows = people()
    rows["score at 3m"] = 2 * rows["score"] - 5
    gone = rows.copy()
    gone.loc[gone.index[::3], "score"] = np.nan
    whole, imputed = fitted("ancova", rows).main, fitted("imputation", gone).main
    assert imputed.estimate == pytest.approx(whole.estimate, abs=0.05)
    assert imputed.std_error == pytest.approx(whole.std_error, rel=0.05)


def test_resampled_tests_keep_the_estimate_of_ancova(plain: dict[str, Fitted]) -> None:
    for name in RESAMPLED:
        assert plain[name].main.estimate == plain["ancova"].main.estimate
        assert plain[name].n == plain["ancova"].n


def test_a_linear_probability_without_covariates_is_a_difference_of_shares() -> None:
    """With the same baselines in both arms there is nothing to adjust."""
    rows = people()
    rows["had before"] = np.tile(rows["had before"].to_numpy()[: len(rows) // 2], 2)
    shares = rows.groupby("arm")["had"].mean()
    for name in ("linear-probability", "logistic"):
        gap = {answer.scale: answer for answer in fitted(name, rows, ()).answers}["risk difference"]
        assert gap.estimate == pytest.approx(shares[1] - shares[0], abs=2e-3)


def test_the_random_intercept_of_sites_that_do_not_differ_is_ancova() -> None:
    rows = people(seed=3)
    centred = (
        rows["score"] - rows.groupby("site")["score"].transform("mean") + rows.groupby("arm")["score"].transform("mean")
    )
    flat = rows.assign(score=centred, baseline=rows["baseline"] - rows.groupby("site")["baseline"].transform("mean"))
    one, other = fitted("ancova", flat, ()).main, fitted("random-intercept", flat, ()).main
    assert other.estimate == pytest.approx(one.estimate, abs=1e-6)
