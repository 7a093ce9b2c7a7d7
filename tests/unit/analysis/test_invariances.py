"""What must not matter to any estimator: names, units, order, how arms and categories are written down.

Every estimator of differences between arms stands in one table; a rule that holds for one holds for all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from analysis.estimators import ancova, poisson_rate
from analysis.estimators.cox import cox
from analysis.estimators.cumulative_incidence import cumulative_incidence
from analysis.estimators.doubly_robust import doubly_robust_change
from analysis.estimators.fine_gray import fine_gray
from analysis.estimators.gee import gee_binary, gee_count
from analysis.estimators.linear_probability import linear_probability
from analysis.estimators.logistic import logistic
from analysis.estimators.modified_poisson import modified_poisson
from analysis.estimators.negative_binomial import negative_binomial
from analysis.estimators.poisson_change import poisson_change
from analysis.estimators.restricted_mean import restricted_mean
from analysis.estimators.weighted_difference import weighted_difference
from analysis.result import AnalysisError, Estimate, Fitted
from instruments.plan import Covariate

AGE = Covariate("age", "number")
TOWN = Covariate("town", "category")
BOTH = (AGE, TOWN)


@dataclass(frozen=True)
class Asked:
    """An estimator with what else it needs to be asked, and the kind of outcome that it takes."""

    estimator: Callable[..., Fitted]
    outcome: str
    also: tuple[tuple[str, object], ...] = ()

    def __call__(self, rows: pd.DataFrame, **asked: object) -> Fitted:
        return self.estimator(rows, **{"covariates": BOTH, **dict(self.also), **asked})


ESTIMATORS: dict[str, Asked] = {
    "ancova": Asked(ancova, "score"),
    "logistic": Asked(logistic, "yes or no"),
    "logistic, intervention arm": Asked(logistic, "yes or no", (("population", "intervention"),)),
    "modified_poisson": Asked(modified_poisson, "yes or no"),
    "linear_probability": Asked(linear_probability, "yes or no"),
    "gee_binary": Asked(gee_binary, "yes or no"),
    "poisson_rate": Asked(poisson_rate, "count"),
    "negative_binomial": Asked(negative_binomial, "count"),
    "gee_count": Asked(gee_count, "count"),
    "poisson_change": Asked(poisson_change, "count"),
    "cox": Asked(cox, "time"),
    "cox, breslow": Asked(cox, "time", (("ties", "breslow"),)),
    "fine_gray": Asked(fine_gray, "time"),
    "restricted_mean": Asked(restricted_mean, "time", (("horizon", 150),)),
    "restricted_mean, composite": Asked(restricted_mean, "time", (("horizon", 150), ("composite", True))),
    "cumulative_incidence": Asked(cumulative_incidence, "time", (("horizon", 150),)),
    "overlap": Asked(weighted_difference, "score"),
    "ATT": Asked(weighted_difference, "score", (("weights", "ATT"),)),
    "entropy": Asked(weighted_difference, "score", (("weights", "entropy"), ("adjusted", False))),
    "doubly robust": Asked(doubly_robust_change, "score"),
    "regression of changes": Asked(doubly_robust_change, "score", (("method", "regression"),)),
}
EVERY = pytest.mark.parametrize("name", ESTIMATORS)


@pytest.fixture(scope="module")
def studies() -> dict[str, pd.DataFrame]:
    """One set of people with every kind of outcome, by the kind."""
    dice = np.random.default_rng(31)
    site = np.repeat(np.arange(14), dice.integers(10, 22, 14))
    n, common = len(site), dice.normal(size=14)[site]
    arm = site % 2
    age = dice.normal(60 + 2 * arm, 10).round()
    town = np.where(dice.uniform(size=n) < 0.4, "Oak", np.where(dice.uniform(size=n) < 0.5, "Ash", "Elm"))
    before = dice.normal(0.6, 0.15, n)
    rows = pd.DataFrame({"arm": arm, "site": site, "age": age, "town": pd.Categorical(town)})
    risk = 1 / (1 + np.exp(-(0.4 * common - 0.4 * arm + 0.02 * (age - 60))))
    level = dice.gamma(4, 0.8, n)
    to_event, to_death = dice.exponential(120 * np.exp(0.2 * arm - 0.2 * common)), dice.exponential(600, n)
    first, until = np.minimum(to_event, to_death), dice.choice([80.0, 160.0, 200.0], n, p=[0.1, 0.1, 0.8])
    return {
        "score": rows.assign(
            baseline=before, score=0.4 * before + 0.05 * arm - 0.002 * age + 0.03 * common + 0.1 * dice.normal(size=n)
        ),
        "yes or no": rows.assign(
            baseline=dice.integers(0, 2, n).astype(float), score=(dice.uniform(size=n) < risk).astype(float)
        ),
        "count": rows.assign(
            baseline_count=dice.poisson(level).astype(float),
            baseline_years=1.0,
            years=dice.uniform(0.5, 1.2, n),
            count=dice.poisson(level * dice.gamma(3, 1 / 3, n) * np.exp(0.2 * common - 0.2 * arm)).astype(float),
        ),
        "time": rows.assign(
            days=np.ceil(np.minimum(first, until)),
            event=np.where(first > until, 0.0, np.where(to_event < to_death, 1.0, 2.0)),
        ),
    }


def numbers(estimates: tuple[Estimate, ...]) -> list[tuple[object, ...]]:
    return [(e.term, e.scale, e.estimate, e.std_error, e.df, e.conf_low, e.conf_high, e.p_value) for e in estimates]


def same(one: Fitted, other: Fitted) -> None:
    """The same answers to nine figures, for as many people and sites."""
    assert (one.n, one.n_clusters) == (other.n, other.n_clusters)
    for first, second in zip(numbers(one.answers), numbers(other.answers), strict=True):
        assert first[:2] == second[:2]
        assert first[2:] == pytest.approx(second[2:], rel=1e-6, abs=1e-12)


@EVERY
def test_what_sites_are_called_does_not_matter(name: str, studies: dict[str, pd.DataFrame]) -> None:
    asked = ESTIMATORS[name]
    rows = studies[asked.outcome]
    renamed = rows.assign(site=[f"site {97 - 5 * number}" for number in rows["site"]])
    same(asked(rows), asked(renamed))


@EVERY
def test_what_people_are_called_does_not_matter(name: str, studies: dict[str, pd.DataFrame]) -> None:
    """Rows are known by study numbers, in any order, in the cohort."""
    asked = ESTIMATORS[name]
    rows = studies[asked.outcome]
    numbered = rows.set_axis([f"P{900 - k:05}" for k in range(len(rows))]).sample(frac=1, random_state=6)
    same(asked(rows), asked(numbered))


@EVERY
@pytest.mark.parametrize("kind", [float, bool, "Int64"])
def test_how_the_arm_is_written_down_does_not_matter(name: str, kind: object, studies: dict[str, pd.DataFrame]) -> None:
    asked = ESTIMATORS[name]
    rows = studies[asked.outcome]
    same(asked(rows), asked(rows.astype({"arm": kind})))


@EVERY
def test_the_unit_and_the_origin_of_a_covariate_do_not_matter(name: str, studies: dict[str, pd.DataFrame]) -> None:
    asked = ESTIMATORS[name]
    rows = studies[asked.outcome]
    same(asked(rows), asked(rows.assign(age=rows["age"] * 12 - 700)))


@EVERY
def test_a_category_is_its_indicators(name: str, studies: dict[str, pd.DataFrame]) -> None:
    asked = ESTIMATORS[name]
    rows = studies[asked.outcome]
    spelt = rows.assign(**{town.lower(): (rows["town"] == town).astype(float) for town in ("Elm", "Oak")})
    indicators = (AGE, Covariate("elm", "number"), Covariate("oak", "number"))
    same(asked(rows), asked(spelt, covariates=indicators))


@EVERY
def test_which_level_of_a_category_comes_first_does_not_matter(name: str, studies: dict[str, pd.DataFrame]) -> None:
    asked = ESTIMATORS[name]
    rows = studies[asked.outcome]
    turned = rows.assign(town=rows["town"].cat.reorder_categories(["Oak", "Elm", "Ash"]))
    same(asked(rows), asked(turned))


@EVERY
def test_a_level_that_nobody_has_does_not_matter(name: str, studies: dict[str, pd.DataFrame]) -> None:
    asked = ESTIMATORS[name]
    rows = studies[asked.outcome]
    same(asked(rows), asked(rows.assign(town=rows["town"].cat.add_categories(["Yew"]))))


@EVERY
def test_columns_that_nobody_asked_for_do_not_matter(name: str, studies: dict[str, pd.DataFrame]) -> None:
    asked = ESTIMATORS[name]
    rows = studies[asked.outcome]
    same(asked(rows), asked(rows.assign(notes=None, weight=np.nan)))


@EVERY
def test_the_rows_given_are_left_as_they_are(name: str, studies: dict[str, pd.DataFrame]) -> None:
    asked = ESTIMATORS[name]
    rows = studies[asked.outcome].copy()
    asked(rows)
    pd.testing.assert_frame_equal(rows, studies[asked.outcome])


@EVERY
def test_the_level_of_confidence_changes_the_interval_alone(name: str, studies: dict[str, pd.DataFrame]) -> None:
    asked = ESTIMATORS[name]
    rows = studies[asked.outcome]
    wide, narrow = asked(rows, confidence=0.99), asked(rows, confidence=0.8)
    for one, other in zip(wide.answers, narrow.answers, strict=True):
        assert (one.estimate, one.std_error, one.df, one.p_value) == (
            other.estimate,
            other.std_error,
            other.df,
            other.p_value,
        )
        assert one.conf_low is not None
        assert one.conf_high is not None
        assert other.conf_low is not None
        assert other.conf_high is not None
        assert one.conf_low < other.conf_low < one.estimate < other.conf_high < one.conf_high


@EVERY
def test_estimates_do_not_hang_on_the_errors_asked_for(name: str, studies: dict[str, pd.DataFrame]) -> None:
    asked = ESTIMATORS[name]
    rows = studies[asked.outcome]
    found = [asked(rows, errors=errors) for errors in ("CR2", "CR0", "CR1")]
    for fitted in found[1:]:
        assert [a.estimate for a in fitted.answers] == pytest.approx([a.estimate for a in found[0].answers])
    sizes = {fitted.main.std_error for fitted in found}
    assert len(sizes) == 3
    assert None not in sizes


@EVERY
def test_the_method_says_how_the_errors_were_made(name: str, studies: dict[str, pd.DataFrame]) -> None:
    asked = ESTIMATORS[name]
    fitted = asked(studies[asked.outcome])
    assert {answer.method for answer in fitted.answers} == {fitted.main.method}
    assert fitted.main.method.endswith("CR2 by site")
    assert (fitted.main.n, fitted.main.n_clusters) == (sum(fitted.n), 14)


@EVERY
def test_the_same_covariate_twice_is_refused(name: str, studies: dict[str, pd.DataFrame]) -> None:
    asked = ESTIMATORS[name]
    rows = studies[asked.outcome]
    twice = rows.assign(years_of_life=rows["age"] * 2)
    with pytest.raises(AnalysisError, match="'years_of_life' is constant or determined by the other terms"):
        asked(twice, covariates=(AGE, Covariate("years_of_life", "number")))


@EVERY
@pytest.mark.parametrize(("arm", "role"), [(1, "intervention"), (0, "comparison")])
def test_an_empty_arm_is_named(name: str, arm: int, role: str, studies: dict[str, pd.DataFrame]) -> None:
    asked = ESTIMATORS[name]
    rows = studies[asked.outcome]
    with pytest.raises(AnalysisError, match=f"the {role} arm has nobody with"):
        asked(rows[rows["arm"] != arm])
