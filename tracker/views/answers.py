"""Pages for somebody who answers alone. They show the questions and nothing about the person, and nobody is signed in:
a link is exchanged for a cookie of its own, and that opens these pages and no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Blueprint, abort, current_app, redirect, render_template, request, session, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response

from instruments.definition import Item

from .. import languages
from ..actions import outcomes
from ..actions import self_completion as actions
from ..actions.refusal import Refused
from ..extensions import db
from ..forms.account import ConfirmForm
from ..forms.assessments import ITEM, AloneForm, assessment_form
from ..permissions import Forbidden
from ..queries import self_completion as queries
from ..queries.scope import NotFound
from .gate import PUBLIC, rule
from .show import page, saved

pages = Blueprint("answers", __name__)
HANDED_OVER = "handed_over"
"""That the device in somebody's hands is the worker's: it is to be given back."""
REMEMBERED, LANGUAGE = timedelta(days=7), "language"


# ---------------------------------------------------------------------------------- cookie and language


def _cookie() -> str:
    return "__Host-answers" if current_app.config["SESSION_COOKIE_SECURE"] else "answers"


def with_cookie(answer: Response, token: str) -> Response:
    """It outlives the browser's being closed: the server decides how long it opens anything."""
    answer.set_cookie(_cookie(), token, max_age=REMEMBERED, **_guarded())
    return answer


def _without_cookie(answer: Response) -> Response:
    answer.delete_cookie(_cookie(), **_guarded())
    return answer


def _guarded() -> dict[str, Any]:
    secure = bool(current_app.config["SESSION_COOKIE_SECURE"])
    return {"secure": secure, "httponly": True, "samesite": "Lax", "path": "/"}


@pages.before_request
def _speak() -> None:
    languages.choose(request.args.get(LANGUAGE) or request.cookies.get(LANGUAGE))


@pages.after_request
def _finish(answer: Response) -> Response:
    """The address of the first page holds the link's token: no page is told where somebody came from."""
    answer.headers["Referrer-Policy"] = "strict-origin"
    if request.args.get(LANGUAGE) in languages.LANGUAGES:
        answer.set_cookie(LANGUAGE, languages.chosen(), max_age=REMEMBERED, **_guarded())
    return answer


@pages.context_processor
def _context() -> dict[str, object]:
    return {
        "languages": languages.LANGUAGES,
        "language": languages.chosen(),
        "language_tag": languages.TAGS[languages.chosen()],
        "awaiting_review": languages.chosen() in languages.AWAITING_REVIEW,
        "contact": current_app.config["CONTACT"],
        "handed_over": session.get(HANDED_OVER, False),
    }


# ------------------------------------------------------------------------------------ what is still asked


@dataclass(frozen=True, slots=True)
class Question:
    """One question of one part, where it stands among all of them, and what was said to it."""

    part: queries.Part
    number: int
    item: Item
    said: outcomes.Said
    asked: bool

    @property
    def place(self) -> dict[str, Any]:
        return {"part": self.part.number, "number": self.number}


def _asked() -> Any:
    return queries.answering(request.cookies.get(_cookie(), ""), by=None)


def _questions(asked: Any) -> list[Question]:
    """Every question in order, with those that earlier answers leave out."""
    return [each for part in queries.parts(asked, by=asked.author) for each in _of(part)]


def _of(part: queries.Part) -> list[Question]:
    answers = part.occasion.draft.answers if part.occasion.draft else {}
    given = outcomes.codes_of(answers)
    items = enumerate(part.occasion.instrument.items, start=1)
    return [Question(part, n, item, answers.get(item.id), item.is_asked(given)) for n, item in items]


def _index(questions: Sequence[Question], part: int, number: int) -> int:
    places = [(each.part.number, each.number) for each in questions]
    if (part, number) not in places:  # staff recorded that part meanwhile, or it never was one
        abort(redirect(url_for(".start")))
    return places.index((part, number))


def _address(question: Question | None) -> str:
    return url_for(".check") if question is None else url_for(".answer", **question.place)


def _after(questions: Sequence[Question], index: int) -> str:
    return _address(next((each for each in questions[index + 1 :] if each.asked), None))


# ------------------------------------------------------------------------------------------- the pages


@pages.route("/answer/<token>", methods=["GET", "POST"])
@rule(*PUBLIC)
def arrive(token: str) -> tuple[str, int] | Response:
    """Looking changes nothing and tells nothing: programs that look at links before people do would use them up."""
    form = ConfirmForm()
    if not form.validate_on_submit():
        return page("answers/arrive.html", form, goes_on=_goes_on())
    address = request.remote_addr or ""
    if actions.wait_before_guess(by=None, address=address) > timedelta():
        return render_template("answers/wait.html"), 429
    try:
        with db.transaction():
            cookie = actions.open_link(by=None, token=token)
    except Refused:
        with db.transaction():
            actions.note_guess(by=None, address=address)
        return _closed()
    session.pop(HANDED_OVER, None)
    return with_cookie(redirect(url_for(".start")), cookie)


def _goes_on() -> bool:
    """Whether this browser has something open already: whoever taps the link again is led back to it."""
    try:
        return bool(_asked())
    except NotFound:
        return False


@pages.get("/answers")
@rule(*PUBLIC)
def start() -> str:
    """What to expect, and the way to the first question without an answer."""
    asked = _asked()
    questions = [each for each in _questions(asked) if each.asked]
    if not questions:
        raise NotFound
    waiting = [each for each in questions if each.said is None]
    minutes = sum(part.occasion.instrument.minutes for part in queries.parts(asked, by=asked.author))
    begun = len(waiting) < len(questions)
    next_one = _address(waiting[0] if waiting else None)
    return render_template("answers/start.html", total=len(questions), minutes=minutes, begun=begun, next=next_one)


@pages.route("/answers/<int:part>/<int:number>", methods=["GET", "POST"])
@rule(*PUBLIC)
def answer(part: int, number: int) -> tuple[str, int] | Response:
    asked = _asked()
    questions = _questions(asked)
    index = _index(questions, part, number)
    question = questions[index]
    item, instrument = question.item, question.part.occasion.instrument
    begun = {ITEM + item.id: question.said} if request.method == "GET" else None
    form = assessment_form(instrument, AloneForm, [item], data=begun)
    if form.validate_on_submit() and saved(form, lambda: _keep(asked, part, form)):
        if instrument.alerts_for(form.codes):
            return redirect(url_for(".help_now", **question.place))
        return redirect(_after(_questions(asked), index))
    if form.form_errors:  # it ended, or was recorded by staff, while they thought
        return redirect(url_for(".start"))
    before = [each for each in questions[:index] if each.asked]
    back = _address(before[-1]) if before else url_for(".start")
    shown = {"number": index + 1, "total": len(questions), "first_of_part": number == 1, "back": back}
    return page("answers/question.html", form, question=question, instrument=instrument, **shown)


def _keep(asked: Any, part: int, form: AloneForm) -> bool:
    actions.keep_answer(by=asked.author, asked=asked, number=part, answers=form.answers)
    return True


@pages.get("/answers/<int:part>/<int:number>/help")
@rule(*PUBLIC)
def help_now(part: int, number: int) -> str:
    """After an answer that asks for action: where help is at this hour, and that nobody reads along."""
    questions = _questions(_asked())
    return render_template("answers/help.html", next=_after(questions, _index(questions, part, number)))


@pages.route("/answers/check", methods=["GET", "POST"])
@rule(*PUBLIC)
def check() -> tuple[str, int] | Response:
    asked = _asked()
    questions = [each for each in _questions(asked) if each.asked]
    form = ConfirmForm()
    if form.validate_on_submit() and saved(form, lambda: _send(asked)):
        return _without_cookie(redirect(url_for(".thank_you")))
    if form.form_errors or not questions:
        return redirect(url_for(".start"))
    return page("answers/check.html", form, questions=questions, back=_address(questions[-1]))


def _send(asked: Any) -> bool:
    actions.finish(by=asked.author, asked=asked)
    return True


@pages.get("/answers/thank-you")
@rule(*PUBLIC)
def thank_you() -> str:
    return render_template("answers/thank-you.html", sent=True)


@pages.route("/answers/stop", methods=["GET", "POST"])
@rule(*PUBLIC)
def stop() -> tuple[str, int] | Response:
    """Leave it for later, or close it on this device for good."""
    asked = _asked()
    form = ConfirmForm()
    if form.validate_on_submit() and saved(form, lambda: _stop(asked)):
        return _without_cookie(redirect(url_for(".stopped")))
    return page("answers/stop.html", form)


def _stop(asked: Any) -> bool:
    actions.stop(by=asked.author, asked=asked)
    return True


@pages.get("/answers/stopped")
@rule(*PUBLIC)
def stopped() -> str:
    return render_template("answers/thank-you.html", sent=False)


# ----------------------------------------------------------------------------------- what is not open


def _closed(_: Exception | None = None) -> tuple[str, int]:
    """One page for a link that never was, was used, ended or is too old: it tells nobody which."""
    return render_template("answers/closed.html"), 404


@pages.errorhandler(CSRFError)
def _stale(_: CSRFError) -> tuple[str, int]:
    _speak()
    return render_template("answers/stale.html"), 400


for _reason in (NotFound, Forbidden, 404):
    pages.register_error_handler(_reason, _closed)
