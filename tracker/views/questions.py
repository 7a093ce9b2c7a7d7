"""An instrument asked one question at a time; each answer is kept before the next question comes."""

from __future__ import annotations

import uuid

from flask import Blueprint, abort, redirect, request, url_for
from werkzeug.wrappers import Response

from instruments.definition import Alert, Item

from ..actions import outcomes
from ..forms.assessments import ITEM, CheckForm, QuestionForm, assessment_form
from ..permissions import SITE_ROLES
from ..queries import occasions
from .assessments import PLACE, about, keep, occasion_of, place_of, save
from .gate import rule
from .show import page, saved

pages = Blueprint("questions", __name__)


@pages.get(PLACE + "/questions")
@rule(*SITE_ROLES)
def start(person_id: uuid.UUID, instrument_id: str, timepoint_id: str) -> Response:
    """Go on where the draft stops; from the start without one."""
    occasion = occasion_of(person_id, instrument_id, timepoint_id)
    numbers = [n for n, item in _asked(occasion) if item.id not in _answers(occasion)]
    return redirect(_address(occasion, numbers[0] if numbers else None))


@pages.route(PLACE + "/questions/<int:number>", methods=["GET", "POST"])
@rule(*SITE_ROLES)
def ask(person_id: uuid.UUID, instrument_id: str, timepoint_id: str, number: int) -> tuple[str, int] | Response:
    occasion = occasion_of(person_id, instrument_id, timepoint_id)
    item = _item(occasion, number)
    given = _answers(occasion)
    begun = {ITEM + item.id: given.get(item.id)} if request.method == "GET" else None
    form = assessment_form(occasion.instrument, QuestionForm, [item], data=begun)
    if form.validate_on_submit() and saved(form, lambda: keep(occasion, form.answers)):
        return redirect(_address(occasion_of(person_id, instrument_id, timepoint_id), _next(occasion, number, form)))
    numbers = [n for n, _ in _asked(occasion) if n < number]
    shown = {"item": item, "number": number, "before": max(numbers, default=None), "alerts": _alerts(occasion)}
    return page("questions/question.html", form, **about(occasion), **shown)


def _item(occasion: occasions.Occasion, number: int) -> Item:
    if not 1 <= number <= len(occasion.instrument.items):
        abort(404)
    return occasion.instrument.items[number - 1]


def _answers(occasion: occasions.Occasion) -> dict[str, outcomes.Said]:
    return occasion.draft.answers if occasion.draft else {}


def _asked(occasion: occasions.Occasion) -> list[tuple[int, Item]]:
    """The questions that are asked, given the answers so far, with their numbers."""
    given = outcomes.codes_of(_answers(occasion))
    return [(n, item) for n, item in enumerate(occasion.instrument.items, start=1) if item.is_asked(given)]


def _next(occasion: occasions.Occasion, number: int, form: QuestionForm) -> int | None:
    """The number of the next question, given the answer just kept; None after the last."""
    given = outcomes.codes_of(_answers(occasion)) | form.codes
    later = enumerate(occasion.instrument.items[number:], start=number + 1)
    return next((n for n, item in later if item.is_asked(given)), None)


def _address(occasion: occasions.Occasion, number: int | None) -> str:
    place = place_of(occasion)
    return url_for(".check", **place) if number is None else url_for(".ask", number=number, **place)


def _alerts(occasion: occasions.Occasion) -> tuple[Alert, ...]:
    return occasion.instrument.alerts_for(outcomes.codes_of(_answers(occasion)))


@pages.route(PLACE + "/check", methods=["GET", "POST"])
@rule(*SITE_ROLES)
def check(person_id: uuid.UUID, instrument_id: str, timepoint_id: str) -> tuple[str, int] | Response:
    occasion = occasion_of(person_id, instrument_id, timepoint_id)
    if occasion.answered is not None and request.method == "GET":
        return redirect(url_for("assessments.view", assessment_id=occasion.answered.id))
    form = assessment_form(occasion.instrument, CheckForm, [], draft=_answers(occasion))
    if form.validate_on_submit() and (where := save(form, occasion)) is not None:
        return redirect(where)
    return page("questions/check.html", form, **about(occasion), alerts=_alerts(occasion))
