"""What a link worker's people reported and attended, before and after, to look at and to print."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, render_template, request
from werkzeug.datastructures import MultiDict

from ..extensions import today
from ..forms.team import ResultsForm
from ..permissions import CARE_ROLES, holds
from ..queries import results
from .gate import rule
from .show import me, told_apart

pages = Blueprint("results", __name__)


@pages.get("/results")
@rule(*CARE_ROLES)
def view() -> str:
    asker = me()
    whose = _whose(asker)
    timepoints = {f"{study.id}:{each.id}": (study, each) for study, each in results.choices(by=asker)}
    form = _form(whose, timepoints)
    if not timepoints:
        return render_template("results/nothing.html")
    worker, (study, follow_up) = _worker(form), timepoints[form.at.data]
    return render_template(
        "results/results.html",
        choice=form,
        whose=whose[form.worker.data],
        own=worker == asker.id,
        study=study,
        found=results.results(worker, study, follow_up, today(), by=asker),
        today=today(),
    )


def _whose(asker: Any) -> dict[str, str]:
    """Whose people the asker may look at: their own, and as a supervisor those of everybody."""
    mine = {str(asker.id): f"{asker.name} (you)"} if holds(asker, ("link-worker",)) else {}
    if not holds(asker, ("supervisor",)):
        return mine
    team = {str(id): name for id, name in told_apart(results.workers(by=asker)).items() if str(id) not in mine}
    return mine | {"all": "Everybody's people"} | team


def _form(whose: dict[str, str], timepoints: dict[str, Any]) -> ResultsForm:
    """What the address asks for and can be; else the first of each."""
    several = len({study.id for study, _ in timepoints.values()}) > 1
    labels = {
        key: f"{each.label}, {study.title}" if several else each.label for key, (study, each) in timepoints.items()
    }
    choices = {"worker": whose, "at": labels}
    args = {name: request.args.get(name) for name in choices}
    given = {name: args[name] if args[name] in known else next(iter(known), "") for name, known in choices.items()}
    form = ResultsForm(MultiDict(given))
    form.worker.choices, form.at.choices = (list(known.items()) for known in choices.values())
    return form


def _worker(form: ResultsForm) -> uuid.UUID | None:
    return None if form.worker.data == "all" else uuid.UUID(form.worker.data)
