"""Estimates in turn and by several processes: the same answers in the same order, and somebody is told of each."""

from __future__ import annotations

from operator import getitem

import pytest

from analysis.report import fitting
from analysis.report.comparison import planned
from analysis.report.fitting import Task, unwatched, work_through
from instruments.plan import Plan, parse
from tests.unit.analysis import study


@pytest.fixture
def plan() -> Plan:
    """Four outcomes, one by a method that the usual ones do not have."""
    extra = (
        '[[outcomes]]\nid = "phq9-3m"\ninstrument = "phq9"\ntimepoint = "3m"\nestimator = "did"\nbeside = ["ancova"]\n'
    )
    return parse(study.PLAN + extra)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other processes begin without waiting for how long the work takes."""
    monkeypatch.setattr(fitting, "PATIENCE", 0.0)


def answers(tasks: list[Task]) -> dict[Task, str]:
    """Something that another process can look up for each task."""
    return {task: f"{task[0].id} by {task[1]}" for task in tasks}


# ---------------------------------------------------------------------------- what is to do


def test_every_outcome_is_planned_by_each_of_its_methods_and_those_that_answer_come_first(plan: Plan) -> None:
    found = [(outcome.id, method) for outcome, method in planned(plan)]
    assert found == [
        ("eq5d-6m", "ancova"), ("phq9-6m", "ancova"), ("gp", "poisson-rate"), ("phq9-3m", "did"),
        ("eq5d-6m", "did"), ("phq9-6m", "did"), ("gp", "poisson-change"), ("phq9-3m", "ancova"),
    ]  # fmt: skip


def test_a_method_that_answers_and_stands_beside_is_estimated_once(plan: Plan) -> None:
    tasks = planned(plan)
    assert len(set(tasks)) == len(tasks)
    assert sum(outcome.id == "phq9-3m" for outcome, _ in tasks) == 2


# ---------------------------------------------------------------------------- in turn


def test_answers_come_in_the_order_of_the_tasks(plan: Plan) -> None:
    tasks = planned(plan)
    assert work_through(getitem, answers(tasks), tasks) == [*answers(tasks).values()]


def test_each_task_is_told_before_it_is_begun(plan: Plan) -> None:
    tasks, told = planned(plan), []

    def work(done: list[Task], task: Task) -> None:
        assert told[-1] == (len(done), len(tasks), task)
        done.append(task)

    work_through(work, [], tasks, watch=lambda *of: told.append(of))
    assert [place for place, *_ in told] == [*range(len(tasks))]


def test_one_job_starts_no_process_however_long_it_takes(
    plan: Plan, at_once: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "ProcessPoolExecutor", None)
    tasks = planned(plan)
    assert work_through(getitem, answers(tasks), tasks, jobs=1) == [*answers(tasks).values()]


def test_what_is_soon_done_starts_no_process(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "ProcessPoolExecutor", None)
    tasks = planned(plan)
    assert work_through(getitem, answers(tasks), tasks, jobs=8) == [*answers(tasks).values()]


def test_a_single_task_is_never_worth_a_process(plan: Plan, at_once: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "ProcessPoolExecutor", None)
    (task, *_) = planned(plan)
    assert work_through(getitem, answers([task]), [task], jobs=8) == [f"{task[0].id} by {task[1]}"]


def test_nothing_to_do_gives_nothing() -> None:
    assert work_through(getitem, {}, [], jobs=2) == []


def test_a_fault_in_the_work_is_not_kept_quiet(plan: Plan) -> None:
    tasks = planned(plan)
    with pytest.raises(KeyError):
        work_through(getitem, answers(tasks[:2]), tasks)


def test_who_does_not_watch_is_told_and_says_nothing(plan: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    unwatched(1, 2, planned(plan)[0])
    assert capsys.readouterr() == ("", "")


# ---------------------------------------------------------------------------- at once


def test_what_is_left_after_a_while_is_dealt_out_and_comes_back_in_order(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock stands still for three tasks, then jumps."""
    clock = iter([0.0, 0.0, 1.0, 2.0, *[100.0] * 20])
    monkeypatch.setattr(fitting.time, "monotonic", lambda: next(clock))
    tasks, told, dealt = planned(plan), [], []
    plain = fitting._at_once

    def counted(work: object, shared: object, tasks: list[Task], done: int, *rest: object) -> object:
        dealt.append(done)
        monkeypatch.undo()
        return plain(work, shared, tasks, done, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(fitting, "_at_once", counted)
    found = work_through(getitem, answers(tasks), tasks, jobs=2, watch=lambda *of: told.append(of))
    assert found == [*answers(tasks).values()]
    assert dealt == [3]
    assert [place for place, *_ in told] == [0, 1, 2, 4, 5, 6, 7, 8]
    assert {task for *_, task in told} == set(tasks)


def test_no_more_processes_are_started_than_there_are_tasks(
    plan: Plan, at_once: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(fitting, "_at_once", lambda *given: asked.append(given[4]) or [])
    work_through(getitem, {}, planned(plan)[:3], jobs=8)
    work_through(getitem, {}, planned(plan)[:3], jobs=2)
    assert asked == [3, 2]


def test_a_process_does_each_task_with_what_it_was_given_first(plan: Plan) -> None:
    tasks = planned(plan)
    fitting._begin(getitem, answers(tasks))
    assert [fitting._continue(task) for task in tasks] == [*answers(tasks).values()]
