"""A referral from its intake to its end: needs, answer, hand-over, closing, reopening; and what nobody has answered."""

from __future__ import annotations

import uuid

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from ..actions import care
from ..extensions import answer_within, today
from ..forms.people import ReferralForm
from ..forms.referrals import TRIED, AnswerForm, ClosingForm, HandOverForm, NeedsForm, ReopeningForm, closing_form
from ..permissions import CARE_ROLES, is_offered_care
from ..queries import care as care_queries
from ..queries import occasions, people, safety, scope, self_completion, staff, workload
from ..queries.caseload import unanswered_referrals
from .gate import rule
from .show import me, page, saved, told_apart

pages = Blueprint("referrals", __name__)


@pages.get("/referrals/unanswered")
@rule(*CARE_ROLES)
def unanswered() -> str:
    asker = me()
    return render_template(
        "referrals/unanswered.html",
        waiting=unanswered_referrals(by=asker),
        within=answer_within(),
        several_sites=len(scope.sites(asker)) > 1,
        flags=safety.all_flags(by=asker),
        today=today(),
    )


@pages.route("/people/<uuid:person_id>/referrals/new", methods=["GET", "POST"])
@rule(*CARE_ROLES)
def add(person_id: uuid.UUID) -> tuple[str, int] | Response:
    """For somebody who comes back. What was typed for a newcomer who turned out to be known arrives here unsaved."""
    asker = me()
    person = scope.person_in_care(person_id, by=asker)
    offered = is_offered_care(scope.arm_of(person, by=asker))
    form = ReferralForm()
    arrived = "typed_for" in request.form
    if offered and not arrived and form.validate_on_submit() and saved(form, lambda: refer(form, person)):
        flash(f"The referral of {person.study_number} was saved.", "success")
        return redirect(url_for("people.view", person_id=person_id))
    earlier = people.referrals(person, by=asker)
    return page("referrals/new.html", form, person=person, offered=offered, earlier=earlier)


def refer(form: ReferralForm, person: care.Person) -> care.Referral:
    """Take a referral in; whoever writes down that it was accepted holds it from the day of the answer on."""
    asker, status = me(), form.status.data
    answered_on = form.decided_on.data or max(form.referred_on.data, person.entered_on)
    referral = care.record_referral(
        by=asker,
        person=person,
        source=form.source.data,
        referred_on=form.referred_on.data,
        status=status,
        decided_on=None if status == "offered" else answered_on,
        reason=form.reason.data or None,
        needs=form["needs"].data,
        answer_reason=form.answer_reason.data if status in care.REASONS_OF else None,
    )
    if status == "accepted":
        care.assign(by=asker, referral=referral, worker=asker, from_on=answered_on)
    return referral


@pages.route("/referrals/<uuid:referral_id>/needs", methods=["GET", "POST"])
@rule(*CARE_ROLES)
def needs(referral_id: uuid.UUID) -> tuple[str, int] | Response:
    referral = care_queries.referral(referral_id, by=me())
    form = NeedsForm(data=_needs_of(referral))
    as_saved = lambda: NeedsForm(formdata=None, data=_needs_of(referral))  # noqa: E731
    if form.validate_on_submit() and saved(form, lambda: _needs(form, referral), edited=referral, as_saved=as_saved):
        flash("The needs were saved.", "success")
        return redirect(url_for("people.view", person_id=referral.person_id))
    return page("referrals/needs.html", form, referral=referral)


def _needs_of(referral: care.Referral) -> dict[str, object]:
    return {"version": referral.version, "needs": [each.need for each in referral.needs]}


def _needs(form: NeedsForm, referral: care.Referral) -> bool:
    care.set_needs(by=me(), referral=referral, version=int(form["version"].data), needs=form["needs"].data)
    return True


@pages.route("/referrals/<uuid:referral_id>/answer", methods=["GET", "POST"])
@rule(*CARE_ROLES)
def answer(referral_id: uuid.UUID) -> tuple[str, int] | Response:
    referral = care_queries.referral(referral_id, by=me())
    form = AnswerForm(data={"version": referral.version, "attempts": (referral.attempts or 0) + 1})
    if form.validate_on_submit() and saved(form, lambda: _answer(form, referral), edited=referral):
        flash("The attempt was saved." if form.status.data == TRIED else "The answer was saved.", "success")
        return _leaving(referral) or redirect(url_for("people.view", person_id=referral.person_id))
    return page("referrals/answer.html", form, referral=referral)


def _answer(form: AnswerForm, referral: care.Referral) -> bool:
    asker, status, day = me(), form.status.data, form.decided_on.data
    version, attempts = int(form["version"].data), form.attempts.data
    if status == TRIED:
        care.note_attempt(by=asker, referral=referral, version=version, tried_on=day, attempts=attempts)
        return True
    why = form.answer_reason.data if status in care.REASONS_OF else None
    care.answer_referral(
        by=asker, referral=referral, version=version, status=status, decided_on=day, answer_reason=why,
        attempts=attempts,
    )  # fmt: skip
    if status == "accepted":
        care.assign(by=asker, referral=referral, worker=asker, from_on=day)
    return True


@pages.route("/referrals/<uuid:referral_id>/hand-over", methods=["GET", "POST"])
@rule(*CARE_ROLES)
def hand_over(referral_id: uuid.UUID) -> tuple[str, int] | Response:
    asker = me()
    referral = care_queries.referral(referral_id, by=asker)
    holder = referral.current.worker_id if referral.current else None
    loads = {each.worker.id: each for each in workload.workloads(today(), by=asker)}
    colleagues = {
        str(id): _described(name, loads.get(id), me_too=id == asker.id)
        for id, name in told_apart(staff.link_workers_for(referral.person, by=asker)).items()
        if id != holder
    }
    form = HandOverForm(data={"version": referral.version, "worker": str(asker.id) if asker.id != holder else None})
    form.worker.choices = list(colleagues.items())
    if form.validate_on_submit() and saved(form, lambda: _hand_over(form, referral), edited=referral):
        flash(f"{referral.person.study_number} was handed over.", "success")
        return redirect(url_for("people.view", person_id=referral.person_id))
    return page("referrals/hand_over.html", form, referral=referral, colleagues=colleagues)


def _described(name: str, load: workload.Workload | None, *, me_too: bool) -> str:
    """A colleague, and what they hold already at the asker's sites."""
    name = f"{name} (you)" if me_too else name
    if load is None:
        return f"{name}: no open referrals"
    count = f"{load.referrals} open {'referral' if load.referrals == 1 else 'referrals'}"
    return f"{name}: {count}, {load.fte:g} of a full-time post" if load.fte else f"{name}: {count}"


def _hand_over(form: HandOverForm, referral: care.Referral) -> care.Assignment:
    asker = me()
    chosen = uuid.UUID(form.worker.data)
    worker = next(each for each in staff.link_workers_for(referral.person, by=asker) if each.id == chosen)
    return care.assign(
        by=asker, referral=referral, worker=worker, from_on=form.from_on.data, version=int(form["version"].data)
    )


def _leaving(referral: care.Referral) -> Response | None:
    """Of somebody who died nobody should ask outcomes: on to where that is written down, unless it is already."""
    if referral.death_told_on is None or referral.person.left_on is not None:
        return None
    return redirect(url_for("people.leave", person_id=referral.person_id))


@pages.route("/referrals/<uuid:referral_id>/close", methods=["GET", "POST"])
@rule(*CARE_ROLES)
def close(referral_id: uuid.UUID) -> tuple[str, int] | Response:
    referral = care_queries.referral(referral_id, by=me())
    waiting = care_queries.open_signposts(referral.person, by=me())
    form = closing_form(waiting, **_as_the_leaving_says(referral))
    if form.validate_on_submit() and saved(form, lambda: _close(form, referral)):
        flash("The referral was closed.", "success")
        return _leaving(referral) or redirect(url_for(".closed", referral_id=referral_id))
    return page("referrals/close.html", form, referral=referral, waiting=waiting)


def _as_the_leaving_says(referral: care.Referral) -> dict[str, object]:
    """Why the referral of somebody who died closes is not asked."""
    left_on = referral.person.left_on
    if left_on is None or referral.person.left_reason != "died":
        return {}
    return {"closure_reason": "died", "closed_on": max(left_on, referral.decided_on or referral.referred_on)}


def _close(form: ClosingForm, referral: care.Referral) -> bool:
    asker = me()
    care.close_referral(
        by=asker, referral=referral, closed_on=form.closed_on.data, closure_reason=form.closure_reason.data
    )
    waiting = care_queries.open_signposts(referral.person, by=asker)
    outcomes = form.outcomes(waiting)
    for each in waiting:
        if each.outcome != outcomes[each.id]:
            care.answer_signpost(by=asker, signpost=each, version=each.version, outcome=outcomes[each.id])
    return True


@pages.get("/referrals/<uuid:referral_id>/closed")
@rule(*CARE_ROLES)
def closed(referral_id: uuid.UUID) -> str | Response:
    """What is left to do after closing: the outcomes that are due, and the next ones, which may be asked ahead."""
    asker = me()
    referral = care_queries.referral(referral_id, by=asker)
    if referral.closed_on is None:
        return redirect(url_for("people.view", person_id=referral.person_id))
    return render_template(
        "referrals/closed.html",
        referral=referral,
        occasions=occasions.occasions(referral.person, by=asker),
        asked_alone=self_completion.current(referral.person, by=asker),
        waiting=care_queries.open_signposts(referral.person, by=asker),
        today=today(),
    )


@pages.route("/referrals/<uuid:referral_id>/reopen", methods=["GET", "POST"])
@rule(*CARE_ROLES)
def reopen(referral_id: uuid.UUID) -> tuple[str, int] | Response:
    referral = care_queries.referral(referral_id, by=me())
    form = ReopeningForm()
    if form.validate_on_submit() and saved(form, lambda: _reopen(form, referral)):
        flash("The referral was reopened, and you hold it.", "success")
        return redirect(url_for("people.view", person_id=referral.person_id))
    return page("referrals/reopen.html", form, referral=referral, period=care.REOPENING_PERIOD.days)


def _reopen(form: ReopeningForm, referral: care.Referral) -> care.Reopening:
    day, reason = form.reopened_on.data, form["reason"].data
    return care.reopen_referral(by=me(), referral=referral, reopened_on=day, reason=reason)
