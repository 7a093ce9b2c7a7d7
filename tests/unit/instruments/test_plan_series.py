"""What a plan may say of series of sites, and that plans which say nothing of them keep their hash."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from instruments import plan
from instruments.plan import PlanError
from instruments.plan_methods import ALWAYS_BESIDE, METHODS, SERIES
from instruments.plan_series import MONTHS_A_PERIOD
from tests.unit.analysis.study import PLAN

OUTCOME = '[[outcomes]]\nid = "series"\nsetting = "gp"\n{lines}\n'


def parsed(lines: str, whole: str = PLAN) -> plan.Plan:
    return plan.parse(whole + OUTCOME.format(lines=lines))


def faults(lines: str) -> list[str]:
    with pytest.raises(PlanError) as refused:
        parsed(lines)
    return list(refused.value.faults)


@pytest.mark.parametrize("method", SERIES)
def test_every_method_may_answer_a_count_and_brings_its_own_beside_it(method: str) -> None:
    outcome = parsed(f'estimator = "{method}"').outcomes[-1]
    assert (outcome.estimator, outcome.beside) == (method, SERIES[method])
    assert not set(outcome.beside) & set(METHODS["count"])


@pytest.mark.parametrize("method", SERIES)
def test_every_method_may_stand_beside_the_usual_answer(method: str) -> None:
    outcome = parsed(f'beside = ["{method}"]').outcomes[-1]
    assert outcome.estimator == METHODS["count"][0]
    assert outcome.beside == (*ALWAYS_BESIDE["count"], method)


def test_what_the_plan_adds_stands_after_what_always_does() -> None:
    outcome = parsed('estimator = "event-study"\nbeside = ["negative-binomial", "interrupted-series"]').outcomes[-1]
    assert outcome.beside == ("interrupted-series", "negative-binomial")
    assert outcome.methods == ("event-study", "interrupted-series", "negative-binomial")


@pytest.mark.parametrize("method", SERIES)
@pytest.mark.parametrize("kind", ["continuous", "binary"])
def test_no_method_for_series_answers_a_score(method: str, kind: str) -> None:
    event = "at_least = 10\n" if kind == "binary" else ""
    lines = f'[[outcomes]]\nid = "o"\ninstrument = "phq9"\nkind = "{kind}"\n{event}estimator = "{method}"\n'
    with pytest.raises(PlanError, match=f"unexpected value '{method}'; allowed: {METHODS[kind][0]}"):
        plan.parse(PLAN + lines)


def test_months_are_read_where_a_method_reads_them() -> None:
    outcome = parsed('estimator = "interrupted-series"\nhorizon = 6\nperiod = 2').outcomes[-1]
    assert (outcome.horizon, outcome.period) == (6, 2)
    beside = parsed('beside = ["event-study"]\nperiod = 6').outcomes[-1]
    assert (beside.horizon, beside.period) == (None, 6)


def test_months_that_are_not_said_are_the_last_and_three() -> None:
    outcome = parsed('estimator = "interrupted-series"').outcomes[-1]
    assert (outcome.horizon, outcome.period) == (None, MONTHS_A_PERIOD) == (None, 3)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("horizon = 6", "horizon: is read by interrupted-series alone; name one of them or take it out"),
        ("period = 6", "period: is read by event-study, callaway-santanna, sun-abraham alone; name one of them or take it out"),
        ('estimator = "callaway-santanna"\nhorizon = 6', "horizon: is read by interrupted-series alone; name one of them or take it out"),
        ('estimator = "interrupted-series"\nhorizon = -1', "horizon: unexpected value '-1'; write a whole number from 0 to 600"),
        ('estimator = "interrupted-series"\nhorizon = 2.5', "horizon: unexpected value '2.5'; write a whole number from 0 to 600"),
        ('estimator = "interrupted-series"\nhorizon = "last"', "horizon: is missing or not a number; give it a number"),
        ('estimator = "event-study"\nperiod = 0', "period: unexpected value '0'; write a whole number from 1 to 600"),
        ('estimator = "event-study"\nperiod = 601', "period: unexpected value '601'; write a whole number from 1 to 600"),
    ],
)  # fmt: skip
def test_months_that_mean_nothing_are_a_fault_of_their_outcome(lines: str, said: str) -> None:
    assert faults(lines) == [f"plan.outcomes[3].{said}"]


@pytest.mark.parametrize("line", ["horizon = 6", "period = 6"])
def test_months_mean_nothing_for_a_score(line: str) -> None:
    with pytest.raises(PlanError, match=r"plan\.outcomes\[3\]\.(horizon|period): is read by "):
        plan.parse(PLAN + f'[[outcomes]]\nid = "o"\ninstrument = "phq9"\n{line}\n')


# ---------------------------------------------------------------------------- the hash


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("", "period = 3", True),
        ("", "period = 4", False),
        ("", "horizon = 11", False),
        ("horizon = 10", "horizon = 11", False),
        ("horizon = 11", "horizon = 11.0", True),
        ("", 'beside = ["event-study"]', True),
        ("", 'beside = ["negative-binomial"]', False),
    ],
)
def test_months_change_the_hash_where_they_depart_from_the_usual(one: str, other: str, same: bool) -> None:
    base = 'estimator = "interrupted-series"\n'
    assert (parsed(base + one).sha256 == parsed(base + other).sha256) == same


def test_the_answer_and_its_check_are_not_the_same_plan_turned_round() -> None:
    hashes: Mapping[str, str] = {method: parsed(f'estimator = "{method}"').sha256 for method in SERIES}
    assert len(set(hashes.values())) == len(SERIES)
