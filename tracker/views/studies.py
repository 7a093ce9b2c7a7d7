"""The evaluator's pages: progress and completeness, without anybody's name."""

from __future__ import annotations

import uuid

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from ..extensions import today
from ..queries import studies
from .gate import rule
from .show import me

pages = Blueprint("studies", __name__)


@pages.get("/studies")
@rule("evaluator")
def overview() -> str:
    return render_template("studies/overview.html", studies=studies.studies(by=me()))


@pages.get("/studies/<uuid:study_id>")
@rule("evaluator")
def view(study_id: uuid.UUID) -> str:
    asker = me()
    study = studies.study(study_id, by=asker)
    return render_template(
        "studies/study.html",
        study=study,
        plan=studies.plan(study, by=asker),
        progress=studies.progress(study, today(), by=asker),
    )


@pages.get("/studies/<uuid:study_id>/plan.toml")
@rule("evaluator")
def plan(study_id: uuid.UUID) -> Response:
    study = studies.study(study_id, by=me())
    return Response(study.plan_text, mimetype="text/plain")
