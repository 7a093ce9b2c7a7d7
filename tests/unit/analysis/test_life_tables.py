"""Life tables drawn out: each line is a day, and every number of the curves stands beside it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.estimators.product_limit import (
    aalen_johansen,
    incidence,
    influence_on_incidence,
    influence_on_mean,
    influence_on_survival,
    kaplan_meier,
    life_table,
    mean_up_to,
    refuse_beyond,
    spread_of,
    survival_at,
)
from analysis.result import AnalysisError

# Ten people: day and what became of them (0 not seen, 1 the event, 2 a competing event).
PEOPLE = [(3, 1), (3, 0), (5, 2), (5, 1), (8, 1), (9, 0), (12, 2), (12, 1), (12, 0), (20, 0)]
DRAWN = """
day  at_risk  events  survival        incidence_1        incidence_2
  3       10       1       0.9                0.1                0.0
  5        8       2     0.675             0.2125             0.1125
  8        6       1    0.5625              0.325             0.1125
  9        5       0    0.5625              0.325             0.1125
 12        4       2   0.28125           0.465625           0.253125
 20        1       0   0.28125           0.465625           0.253125
"""
DAYS, KINDS = [float(day) for day, _ in PEOPLE], [kind for _, kind in PEOPLE]
LINES = [tuple(map(float, line.split())) for line in DRAWN.strip().splitlines()[1:]]


def test_the_table_is_that_drawn() -> None:
    table = life_table(DAYS, KINDS)
    drawn = np.array(LINES)
    found = [table.days, table.at_risk, table.events, table.survival, incidence(table, 1), incidence(table, 2)]
    for column, values in enumerate(found):
        assert values == pytest.approx(drawn[:, column]), column


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"day {line[0]:g}")
def test_the_curves_are_those_drawn(line: tuple[float, ...]) -> None:
    day, at_risk, _, survival, one, two = line
    (point,) = kaplan_meier(DAYS, KINDS, at=(day,))
    assert (point.estimate, point.at_risk) == (pytest.approx(survival), at_risk)
    assert aalen_johansen(DAYS, KINDS, kind=1, at=(day,))[0].estimate == pytest.approx(one)
    assert aalen_johansen(DAYS, KINDS, kind=2, at=(day,))[0].estimate == pytest.approx(two)


@pytest.mark.parametrize(
    ("horizon", "area"),
    [
        (2, 2.0),
        (3, 3.0),
        (4, 3 + 0.9),
        (8, 3 + 2 * 0.9 + 3 * 0.675),
        (12, 3 + 2 * 0.9 + 3 * 0.675 + 4 * 0.5625),
        (20, 3 + 2 * 0.9 + 3 * 0.675 + 4 * 0.5625 + 8 * 0.28125),
    ],
)
def test_areas_are_summed_stair_by_stair(horizon: float, area: float) -> None:
    assert mean_up_to(life_table(DAYS, KINDS), horizon) == pytest.approx(area)


histories = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 2)), min_size=2, max_size=25)


@given(histories)
@settings(max_examples=60, deadline=None)
def test_what_happened_and_what_did_not_make_up_everything(people: list[tuple[int, int]]) -> None:
    table = life_table(*zip(*people, strict=True))
    assert table.survival + incidence(table, 1) + incidence(table, 2) == pytest.approx(1)
    assert (np.diff(table.survival) <= 1e-12).all()


@given(histories, st.floats(0.5, 12))
@settings(max_examples=60, deadline=None)
def test_influences_add_up_to_nothing(people: list[tuple[int, int]], day: float) -> None:
    """Everybody counting a little more changes no curve."""
    table = life_table(*zip(*people, strict=True))
    for influence in (
        influence_on_survival(table, day),
        influence_on_mean(table, day),
        influence_on_incidence(table, 1, day),
        influence_on_incidence(table, 2, day),
    ):
        assert influence.sum() == pytest.approx(0, abs=1e-9)


@given(histories)
@settings(max_examples=60, deadline=None)
def test_squared_influences_add_up_to_greenwood_s_variance(people: list[tuple[int, int]]) -> None:
    table = life_table(*zip(*people, strict=True))
    day = float(table.days[-1])
    if survival_at(table, day) == 0:
        return
    hazard = (table.events / (table.at_risk * (table.at_risk - table.events))).sum()
    assert (influence_on_survival(table, day) ** 2).sum() == pytest.approx(survival_at(table, day) ** 2 * hazard)


@given(histories, st.integers(2, 5))
@settings(max_examples=30, deadline=None)
def test_everybody_twice_and_thrice_is_the_same_curve(people: list[tuple[int, int]], times: int) -> None:
    one, other = (life_table(*zip(*group, strict=True)) for group in (people, people * times))
    assert other.survival == pytest.approx(one.survival)
    assert incidence(other, 1) == pytest.approx(incidence(one, 1))


def test_who_was_never_at_risk_of_an_event_moves_nothing() -> None:
    """Last seen before the first event."""
    table = life_table([1.0, 4, 5, 6], [0, 1, 0, 1])
    assert influence_on_survival(table, 5)[0] == 0
    assert influence_on_mean(table, 5)[0] == 0
    assert influence_on_incidence(table, 1, 5)[0] == 0


@pytest.mark.parametrize(("horizon", "refused"), [(20, False), (21, True), (0, True), (-3, True)])
def test_how_far_a_curve_reaches(horizon: float, refused: bool) -> None:
    table = life_table(DAYS, KINDS)
    if refused:
        with pytest.raises(AnalysisError, match="horizon: "):
            refuse_beyond(table, horizon, "group")
    else:
        refuse_beyond(table, horizon, "group")


def test_a_curve_that_has_come_down_to_nothing_reaches_for_ever() -> None:
    refuse_beyond(life_table([1.0, 2], [1, 1]), 50, "group")
    assert mean_up_to(life_table([1.0, 2], [1, 1]), 50) == pytest.approx(1.5)


def test_errors_between_sites_are_those_of_their_sums() -> None:
    influence = np.array([0.1, 0.2, -0.4, 0.1])
    std_error, reach = spread_of(influence, ["a", "a", "b", "b"], 0.95)
    assert std_error == pytest.approx(np.sqrt(2 * (0.3**2 + 0.3**2)))
    assert reach == pytest.approx(12.7062, abs=1e-4)
    assert spread_of(influence, None, 0.95) == pytest.approx((np.sqrt(0.22), 1.959964), abs=1e-6)
