"""Goals: setting one, putting it in better words, noting how close the person is."""

from __future__ import annotations

import uuid

from flask import Blueprint, flash, redirect, url_for
from werkzeug.wrappers import Response

from ..actions import goals
from ..forms.goals import GoalForm, ProgressForm, RewordForm
from ..permissions import CARE_ROLES
from ..queries import goals as known
from ..queries import scope
from .gate import rule
from .show import me, page, saved

pages = Blueprint("goals", __name__)


@pages.route("/people/<uuid:person_id>/goals/new", methods=["GET", "POST"])
@rule(*CARE_ROLES)
def add(person_id: uuid.UUID) -> tuple[str, int] | Response:
    person = scope.person_in_care(person_id, by=me())
    form = GoalForm()
    if form.validate_on_submit() and saved(form, lambda: _add(form, person)):
        return _back(person_id, "The goal was saved.")
    return page("goals/new.html", form, person=person)


def _add(form: GoalForm, person: goals.Person) -> goals.Goal:
    return goals.set_goal(by=me(), person=person, words=str(form.words.data), set_on=form.set_on.data)


def _back(person_id: uuid.UUID, words: str) -> Response:
    flash(words, "success")
    return redirect(url_for("people.view", person_id=person_id, _anchor="goals"))


@pages.route("/goals/<uuid:goal_id>/progress", methods=["GET", "POST"])
@rule(*CARE_ROLES)
def progress(goal_id: uuid.UUID) -> tuple[str, int] | Response:
    goal = known.goal(goal_id, by=me())
    form = ProgressForm(data={"version": goal.version, "status": goal.status})
    if form.validate_on_submit() and saved(form, lambda: _note(form, goal), edited=goal):
        return _back(goal.person_id, "The progress was saved.")
    return page("goals/progress.html", form, goal=goal, person=goal.person)


def _note(form: ProgressForm, goal: goals.Goal) -> goals.GoalProgress:
    return goals.note_progress(
        by=me(),
        goal=goal,
        version=int(form.version.data or 0),
        noted_on=form.noted_on.data,
        closeness=form.closeness.data,
        status=form.status.data,
        note=form.note.data or None,
    )


@pages.route("/goals/<uuid:goal_id>/edit", methods=["GET", "POST"])
@rule(*CARE_ROLES)
def reword(goal_id: uuid.UUID) -> tuple[str, int] | Response:
    goal = known.goal(goal_id, by=me())
    form = RewordForm(obj=goal)
    if form.validate_on_submit() and saved(
        form, lambda: _reword(form, goal), edited=goal, as_saved=lambda: RewordForm(formdata=None, obj=goal)
    ):
        return _back(goal.person_id, "The goal was changed.")
    return page("goals/edit.html", form, goal=goal, person=goal.person)


def _reword(form: RewordForm, goal: goals.Goal) -> bool:
    goals.reword_goal(by=me(), goal=goal, version=int(form.version.data or 0), words=str(form.words.data))
    return True
