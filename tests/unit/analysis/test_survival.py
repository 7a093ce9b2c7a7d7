"""Times to an event in cases whose answer is known without a computer, and everything that is refused."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.estimators.cox import cox, fit_cox, score_residuals
from analysis.estimators.cumulative_incidence import cumulative_incidence
from analysis.estimators.fine_gray import fine_gray
from analysis.estimators.product_limit import (
    aalen_johansen,
    incidence_at,
    influence_on_incidence,
    influence_on_mean,
    influence_on_survival,
    kaplan_meier,
    life_table,
    mean_up_to,
    median_day,
    survival_at,
)
from analysis.estimators.pseudo_values import event_design
from analysis.estimators.restricted_mean import restricted_mean
from analysis.result import AnalysisError, Fitted
from instruments.plan import Covariate

AGE = Covariate("age", "number")
TOWN = Covariate("town", "category")
Estimator = Callable[..., Fitted]


def of_curves(estimator: Estimator) -> Estimator:
    def at_half_a_year(rows: pd.DataFrame, **asked: object) -> Fitted:
        return estimator(rows, horizon=180, **asked)

    return at_half_a_year


ALL = pytest.mark.parametrize(
    "estimator",
    [cox, fine_gray, of_curves(restricted_mean), of_curves(cumulative_incidence)],
    ids=["cox", "fine_gray", "restricted_mean", "cumulative_incidence"],
)
HAZARDS = pytest.mark.parametrize("estimator", [cox, fine_gray])


def study(sites_per_arm: int = 6, each: int = 15, seed: int = 8) -> pd.DataFrame:
    """A made-up study followed for up to 200 days, some people leaving or dying before."""
    dice = np.random.default_rng(seed)
    site = np.repeat(np.arange(2 * sites_per_arm), each)
    arm = (site < sites_per_arm).astype(int)
    rate = np.exp(-0.3 * arm + 0.2 * dice.normal(size=2 * sites_per_arm)[site]) / 220
    to_event, to_death = dice.exponential(1 / rate), dice.exponential(900, len(site))
    until = np.where(dice.uniform(size=len(site)) < 0.8, 200, dice.integers(20, 200, len(site)))
    days = np.ceil(np.minimum(np.minimum(to_event, to_death), until))
    event = np.where(np.minimum(to_event, to_death) > until, 0, np.where(to_event < to_death, 1, 2))
    return pd.DataFrame(
        {
            "arm": arm,
            "site": [f"s{number}" for number in site],
            "days": days,
            "event": event.astype(float),
            "age": dice.integers(20, 90, len(site)).astype(float),
            "town": np.where(np.arange(len(site)) % 5 == 0, "Oak", "Elm"),
        }
    )


# ---------------------------------------------------------------------------- curves by hand

# Six people: events on days 2, 3 and 5, one leaves on day 3 and two on day 6.
DAYS, SEEN = [2.0, 3.0, 3.0, 5.0, 6.0, 6.0], [1, 1, 0, 1, 0, 0]


def test_the_curve_of_six_people_by_hand() -> None:
    """5/6, then 4/5 of that, then 2/3 of that; Greenwood's sum 1/30 + 1/20 + 1/6."""
    points = kaplan_meier(DAYS, SEEN, at=(1, 2, 4, 6))
    assert [point.estimate for point in points] == pytest.approx([1, 5 / 6, 2 / 3, 4 / 9])
    assert points[3].std_error == pytest.approx(4 / 9 * math.sqrt(1 / 30 + 1 / 20 + 1 / 6))
    assert [point.at_risk for point in points] == [6, 6, 3, 2]
    assert points[1].conf_low == pytest.approx(5 / 6 * math.exp(-1.959963985 * math.sqrt(1 / 30)))
    assert points[1].conf_high == 1.0


def test_the_area_under_the_curve_of_six_people_by_hand() -> None:
    """Two whole days, one at 5/6, two at 2/3 and one at 4/9; variance: areas after each event squared over risks."""
    table = life_table(DAYS, SEEN)
    assert mean_up_to(table, 6) == pytest.approx(2 + 5 / 6 + 4 / 3 + 4 / 9)
    assert mean_up_to(table, 4) == pytest.approx(2 + 5 / 6 + 2 / 3)
    assert mean_up_to(table, 1.5) == pytest.approx(1.5)
    areas = [5 / 6 + 4 / 3 + 4 / 9, 4 / 3 + 4 / 9, 4 / 9]
    variance = sum(area**2 / risk for area, risk in zip(areas, (30, 20, 6), strict=True))
    assert (influence_on_mean(table, 6) ** 2).sum() == pytest.approx(variance)


def test_the_incidence_of_six_people_by_hand() -> None:
    """With the death on day 3 competing: 1/6, and 5/6 x 4/5 x 1/3 on day 5."""
    table = life_table(DAYS, [1, 2, 0, 1, 0, 0])
    assert incidence_at(table, 1, 6) == pytest.approx(1 / 6 + 2 / 9)
    assert incidence_at(table, 2, 6) == pytest.approx(1 / 6)
    assert incidence_at(table, 1, 1) == 0
    assert incidence_at(table, 1, 6) + incidence_at(table, 2, 6) == pytest.approx(1 - survival_at(table, 6))


def test_the_median_is_the_first_day_below_a_half() -> None:
    assert median_day(DAYS, SEEN)[0] == 5
    median, low, high = median_day([1.0, 2, 3, 4], [0, 1, 0, 0])
    assert (math.isnan(median), low, math.isnan(high)) == (True, 2, True)


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_what_a_person_moves_is_what_leaving_a_little_of_them_out_does(seed: int) -> None:
    """Influences against the numbers of a curve in which one person counts a millionth more."""
    dice = np.random.default_rng(seed)
    days, kinds = dice.integers(1, 9, 14).astype(float), dice.integers(0, 3, 14)
    one, little = int(dice.integers(14)), 1e-6
    table = life_table(days, kinds)

    def numbers(weight: float) -> tuple[float, float, float]:
        weights = np.ones(14)
        weights[one] = weight
        survival, area, risk, before = 1.0, 0.0, 0.0, 0.0
        for day in np.unique(days[days <= 6]):
            at_risk = weights[days >= day].sum()
            area += survival * (day - before)
            risk += survival * weights[(days == day) & (kinds == 1)].sum() / at_risk
            survival *= 1 - weights[(days == day) & (kinds > 0)].sum() / at_risk
            before = day
        return survival, area + survival * (6 - before), risk

    moved = (np.array(numbers(1 + little)) - np.array(numbers(1 - little))) / (2 * little)
    found = (
        influence_on_survival(table, 6)[one],
        influence_on_mean(table, 6)[one],
        influence_on_incidence(table, 1, 6)[one],
    )
    assert found == pytest.approx(moved, abs=1e-6)


def test_with_sites_the_interval_knows_of_them() -> None:
    """Twice the same people: between people the error shrinks by the root of two, between the pairs it does not."""
    days, seen, site = DAYS * 2, SEEN * 2, list(range(6)) * 2
    alone = kaplan_meier(DAYS, SEEN, at=(4,))[0]
    twice, by_site = kaplan_meier(days, seen, at=(4,))[0], kaplan_meier(days, seen, at=(4,), site=site)[0]
    assert twice.std_error == pytest.approx(alone.std_error / math.sqrt(2))
    assert by_site.std_error == pytest.approx(alone.std_error * math.sqrt(6 / 5))
    assert math.isnan(kaplan_meier(days, seen, at=(4,), site=["one"] * 12)[0].std_error)


def test_days_beyond_the_last_are_not_made_up() -> None:
    with pytest.raises(AnalysisError, match="nobody in the group was followed to day 7; name one up to 6"):
        kaplan_meier(DAYS, SEEN, at=(7,))
    with pytest.raises(AnalysisError, match="followed to day 7"):
        aalen_johansen(DAYS, SEEN, at=(7,))
    assert kaplan_meier(DAYS, [1] * 6, at=(7,))[0].estimate == 0


# ---------------------------------------------------------------------------- comparisons by hand


def test_restricted_means_without_censoring_are_means() -> None:
    rows = study().assign(event=1.0)
    rows["days"] = 1.0 + rows.index % 50 + 10 * rows["arm"]
    fitted = restricted_mean(rows, horizon=200, errors="classical")
    means = rows.groupby("arm")["days"].agg(["mean", "var", "size"])
    assert fitted.main.estimate == pytest.approx(means["mean"][1] - means["mean"][0], rel=1e-9)
    plain = sum(means["var"] * (means["size"] - 1) / means["size"] ** 2)
    assert fitted.main.std_error == pytest.approx(math.sqrt(plain), rel=1e-9)
    assert fitted.answers[1].estimate == pytest.approx(means["mean"][1] / means["mean"][0], rel=1e-9)


def test_incidences_without_censoring_are_shares() -> None:
    rows = study()
    rows.loc[rows["event"] == 0, "days"] = 200.0
    difference, ratio = cumulative_incidence(rows, horizon=200, errors="classical").answers
    share = rows.groupby("arm")["event"].apply(lambda kind: (kind == 1).mean())
    assert difference.estimate == pytest.approx(share[1] - share[0], rel=1e-9)
    assert ratio.estimate == pytest.approx(share[1] / share[0], rel=1e-9)
    size = rows.groupby("arm").size()
    assert difference.std_error == pytest.approx(math.sqrt((share * (1 - share) / size).sum()), rel=1e-9)


def test_death_counts_as_asked_and_is_named_where_it_does_not() -> None:
    rows = study()
    censored, composite = (restricted_mean(rows, horizon=180, composite=both) for both in (False, True))
    assert censored.warnings[-1].startswith("People who had a competing event")
    assert not any(character.isdigit() for character in censored.warnings[-1]), "a count would go past the gate"
    assert composite.warnings == ()
    means = [{term.term: term.estimate for term in fitted.terms} for fitted in (censored, composite)]
    assert means[0]["intervention"] > means[1]["intervention"]


def test_the_hazard_ratio_of_four_people_by_hand() -> None:
    """Events in the order intervention, comparison, intervention, comparison.

    The partial likelihood is h/(2h + 2) x 1/(h + 2) x h/(h + 1) x 1, whose logarithm has its maximum where
    2/h = 2/(h + 1) + 1/(h + 2).
    """
    rows = pd.DataFrame({"arm": [1, 0, 1, 0], "site": list("abcd"), "days": [1.0, 2, 3, 4], "event": 1.0})
    ratio = cox(rows, covariates=(), errors="classical").main.estimate
    assert 2 / ratio == pytest.approx(2 / (ratio + 1) + 1 / (ratio + 2), rel=1e-9)
    assert fine_gray(rows, covariates=(), errors="classical").main.estimate == pytest.approx(ratio, rel=1e-9)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_tied_events_by_hand(ties: str) -> None:
    """Ten people, five of each arm, and the derivative of the logarithm of the partial likelihood in the ratio h.

    Day 1: two of the intervention arm, of 5h + 5. Day 2: one of the comparison arm, of 3h + 5. Day 3: two of the
    comparison arm, of 3h + 2. Day 4: only the intervention arm is left. Efron takes half of a tie away before its
    second event.
    """
    first = pd.DataFrame(
        {"arm": [1, 1, 0, 0, 0], "site": list("abcde"), "days": [1.0, 1, 2, 2, 2], "event": [1.0, 1, 1, 0, 0]}
    )
    rows = pd.concat([first, first.assign(arm=1 - first["arm"], days=first["days"] + 2)], ignore_index=True)
    h = cox(rows, covariates=(), errors="classical", ties=ties).main.estimate
    second = {"efron": 4 / (4 * h + 5) + 3 / (3 * h + 1), "breslow": 5 / (5 * h + 5) + 3 / (3 * h + 2)}[ties]
    assert 2 / h == pytest.approx(5 / (5 * h + 5) + 3 / (3 * h + 5) + 3 / (3 * h + 2) + second, rel=1e-9)


def test_score_residuals_add_up_to_nothing() -> None:
    found = fit_cox(event_design(study(), (AGE, TOWN)))
    assert score_residuals(found).sum(axis=0) == pytest.approx(0, abs=1e-8)


@HAZARDS
def test_exchanging_the_arms_turns_the_ratio_round(estimator: Estimator) -> None:
    rows = study()
    one = estimator(rows, covariates=(AGE,)).main
    other = estimator(rows.assign(arm=1 - rows["arm"]), covariates=(AGE,)).main
    assert other.estimate == pytest.approx(1 / one.estimate, rel=1e-8)
    assert (other.std_error, other.df) == pytest.approx((one.std_error, one.df), rel=1e-6)


@HAZARDS
def test_the_clock_s_unit_changes_no_ratio(estimator: Estimator) -> None:
    rows = study()
    one, other = (estimator(frame, covariates=(AGE,)).main for frame in (rows, rows.assign(days=rows["days"] / 7)))
    assert (other.estimate, other.std_error) == pytest.approx((one.estimate, one.std_error), rel=1e-9)


@ALL
def test_the_order_of_people_does_not_matter(estimator: Estimator) -> None:
    rows = study()
    one, other = (estimator(frame, covariates=(AGE, TOWN)) for frame in (rows, rows.sample(frac=1, random_state=4)))
    for first, second in zip(one.answers, other.answers, strict=True):
        expected = (first.estimate, first.std_error, first.df)
        assert (second.estimate, second.std_error, second.df) == pytest.approx(expected, rel=1e-7)


@ALL
@pytest.mark.parametrize("errors", ["CR2", "CR0", "CR1", "CR1S", "classical"])
def test_all_errors_can_be_had(estimator: Estimator, errors: str) -> None:
    main = estimator(study(), covariates=(), errors=errors).main
    assert main.std_error is not None
    assert main.std_error > 0
    assert (main.n_clusters is None, main.df is None) == (errors == "classical", errors == "classical")


def test_a_ratio_that_changes_is_pointed_out() -> None:
    """In the intervention arm all events come early, in the comparison arm late, as many in both."""
    rows = study().assign(event=1.0)
    place = rows.groupby("arm").cumcount()
    rows["days"] = np.where(rows["arm"] == 1, 1 + place % 40 + 60 * (place % 5 == 0), 41 + place % 40)
    fitted = cox(rows, covariates=())
    assert "changes over time (test of Schoenfeld residuals, p = 0.000)" in fitted.warnings[-1]
    assert cox(study(), covariates=()).warnings == ()


# ---------------------------------------------------------------------------- who counts, and refusals


@ALL
@pytest.mark.parametrize("column", ["days", "event", "age"])
def test_who_lacks_something_is_left_out_and_counted(estimator: Estimator, column: str) -> None:
    rows = study()
    rows.loc[[0, 179], column] = np.nan
    assert estimator(rows, covariates=(AGE,)).n == (89, 89)


@ALL
def test_few_sites_forbid_a_p_value_and_one_an_interval(estimator: Estimator) -> None:
    few = estimator(study(3, 30), covariates=())
    assert {answer.p_value for answer in few.answers} == {None}
    assert "no p-value is given" in few.warnings[0]
    rows = study()
    rows.loc[rows["arm"] == 1, "site"] = "only one"
    one = estimator(rows, covariates=())
    assert {(answer.std_error, answer.conf_low) for answer in one.answers} == {(None, None)}


@ALL
@pytest.mark.parametrize(("arm", "role"), [(1, "intervention"), (0, "comparison")])
def test_an_arm_without_the_event_is_refused(estimator: Estimator, arm: int, role: str) -> None:
    rows = study()
    rows.loc[(rows["arm"] == arm) & (rows["event"] == 1), "event"] = 0.0
    with pytest.raises(AnalysisError, match=f"nobody in the {role} arm had the event"):
        estimator(rows, covariates=())


@ALL
def test_time_that_is_not_above_zero_is_refused(estimator: Estimator) -> None:
    rows = study()
    rows.loc[3, "days"] = 0.0
    with pytest.raises(AnalysisError, match="days of follow-up are missing or not above zero"):
        estimator(rows, covariates=())


@ALL
def test_an_event_of_no_kind_is_refused(estimator: Estimator) -> None:
    rows = study()
    rows.loc[3, "event"] = 0.5
    with pytest.raises(AnalysisError, match="event: holds something else than 0"):
        estimator(rows, covariates=())


@ALL
def test_unknown_errors_are_refused(estimator: Estimator) -> None:
    with pytest.raises(AnalysisError, match="unknown errors 'HC3'; allowed: CR2"):
        estimator(study(), covariates=(), errors="HC3")


@HAZARDS
def test_a_group_without_the_event_is_named(estimator: Estimator) -> None:
    rows = study()
    rows.loc[(rows["town"] == "Oak") & (rows["event"] == 1), "event"] = 0.0
    with pytest.raises(AnalysisError, match=r"did not settle, as when nobody of some group had the event.*'town=Oak'"):
        estimator(rows, covariates=(AGE, TOWN))


def test_unknown_ties_are_refused() -> None:
    with pytest.raises(AnalysisError, match="unknown ties 'exact'; allowed: efron, breslow"):
        cox(study(), covariates=(), ties="exact")


@pytest.mark.parametrize("estimator", [restricted_mean, cumulative_incidence])
@pytest.mark.parametrize(("horizon", "fault"), [(201, "nobody in the intervention arm was followed to day 201"),
                                                (0, "horizon: 0 days is not above zero")])  # fmt: skip
def test_a_horizon_that_nobody_reached_is_refused(estimator: Estimator, horizon: float, fault: str) -> None:
    with pytest.raises(AnalysisError, match=fault):
        estimator(study(), horizon=horizon)


def test_nobody_has_no_curve() -> None:
    with pytest.raises(AnalysisError, match="nobody is left whose time to the event is known"):
        kaplan_meier([], [], at=(1,))


@HAZARDS
@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_a_covariate_of_any_size_settles(estimator: Estimator, scale: float) -> None:
    rows = study()
    one, other = (estimator(frame, covariates=(AGE,)).main for frame in (rows, rows.assign(age=rows["age"] * scale)))
    assert (other.estimate, other.std_error) == pytest.approx((one.estimate, one.std_error), rel=1e-6)


@HAZARDS
def test_a_covariate_of_which_nothing_hangs_is_named(estimator: Estimator) -> None:
    """The town differs, but only among people seen no more when the first event comes."""
    rows = study()
    rows["days"] += 50
    rows.loc[[3, 7, 100], ["days", "event"]] = [[10.0, 0.0]] * 3
    rows["town"] = np.where(rows["days"] == 10, "Oak", "Elm")
    with pytest.raises(AnalysisError, match="'town=Oak'"):
        estimator(rows, covariates=(TOWN,))
