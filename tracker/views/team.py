"""A supervisor's team: how the work stands on a day, and handing many people over at once."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from ..actions import care
from ..actions.refusal import Conflict
from ..extensions import today
from ..forms.team import MOVED_ON, ReassignForm, TeamForm
from ..queries import caseload, hand_overs, safety, team, workload
from .gate import rule
from .show import me, page, saved, told_apart

pages = Blueprint("team", __name__)


@pages.get("/team")
@rule("supervisor")
def overview() -> tuple[str, int]:
    asker = me()
    places = team.places(by=asker)
    form = TeamForm(_asked_for())
    form.site.choices = [("", "All that I supervise"), *((_key(each), _named(each, places)) for each in places)]
    day, wanted = (form.on.data, form.site.data) if form.validate() else (today(), None)
    chosen = [each for each in places if wanted in (None, _key(each))]
    found = team.team(day, chosen, by=asker)
    names = told_apart(load.worker for load in found.loads if load.worker)
    context = {"team": found, "names": names, "several": len(places) > 1, "today": today()}
    return page("team/team.html", form, **context, **_now(day, chosen))


def _asked_for() -> MultiDict[str, str]:
    """What the address says; of a day that it does not name, today."""
    day = today()
    parts = {f"on-{part}": str(getattr(day, part)) for part in ("day", "month", "year")}
    return MultiDict(parts | request.args.to_dict())


def _key(place: team.Place) -> str:
    site, study = place
    return f"{study.id}:{site.id}"


def _named(place: team.Place, places: Any) -> str:
    """The site; with its study where the asker supervises several."""
    site, study = place
    return f"{site.name}, {study.title}" if len({each.id for _, each in places}) > 1 else str(site.name)


def _now(day: Any, chosen: Any) -> dict[str, Any]:
    """What waits for the supervisor today; of a day in the past nobody can say it any more."""
    if day != today():
        return {}
    asker, within = me(), {(site.id, study.id) for site, study in chosen}
    unanswered = caseload.unanswered_referrals(by=asker, roles=team.SUPERVISES)
    flagged = safety.supervised_flags(by=asker)
    return {
        "leavers": hand_overs.leavers(today(), by=asker),
        "unanswered": [each for each in unanswered if _place(each.referral.person) in within],
        "flagged": [each for each in flagged if _place(each.person) in within],
    }


def _place(person: Any) -> tuple[uuid.UUID, uuid.UUID]:
    return person.site_id, person.study_id


@pages.route("/team/workers/<uuid:worker_id>/hand-over", methods=["GET", "POST"])
@pages.route("/team/unassigned/hand-over", methods=["GET", "POST"])
@rule("supervisor")
def hand_over(worker_id: uuid.UUID | None = None) -> tuple[str, int] | Response:
    """Nothing is changed before what would happen was shown and said yes to."""
    asker = me()
    holder = hand_overs.worker(worker_id, by=asker) if worker_id else None
    held = hand_overs.held_now(worker_id, by=asker)
    takers = {str(each.id): each for each in hand_overs.takers(held, by=asker) if each.id != worker_id}
    loads = {each.worker.id: each.referrals for each in workload.workloads(today(), by=asker)}
    form = ReassignForm()
    names = told_apart([*takers.values(), *filter(None, [holder])])
    form.offer(held, {id: f"{names[each.id]}: {loads.get(each.id, 0)} open now" for id, each in takers.items()})
    context: dict[str, Any] = {"holder": holder, "held": held, "takers": takers, "loads": loads, "names": names}
    sure = request.form.get("sure")
    if sure == "back" or not form.validate_on_submit():
        return page("team/hand_over.html", form, **context)
    chosen, taker = form.chosen(held), takers[form.worker.data]
    ids = {each.id for each in chosen}
    if sure == "yes" and saved(form, lambda: _hand_over(form, worker_id, ids)):
        flash(f"{len(ids)} {'person was' if len(ids) == 1 else 'people were'} handed over.", "success")
        return redirect(url_for(".overview"))
    faults = care.hand_over_faults(by=asker, referrals=chosen, holder=holder, worker=taker, from_on=form.from_on.data)
    if faults and not form.form_errors:
        form.form_errors.append(care.NOT_ALL)
    template = "team/hand_over.html" if form.form_errors else "team/confirm.html"
    return page(template, form, **context, chosen=chosen, taker=taker, faults=faults)


def _hand_over(form: ReassignForm, worker_id: uuid.UUID | None, ids: set[uuid.UUID]) -> bool:
    """Everything is read anew, so that nobody is handed over who was handed over meanwhile."""
    asker = me()
    held = [each for each in hand_overs.held_now(worker_id, by=asker) if each.id in ids]
    taker = next((each for each in hand_overs.takers(held, by=asker) if str(each.id) == form.worker.data), None)
    if len(held) < len(ids) or taker is None:
        raise Conflict("form", MOVED_ON)
    care.hand_over_all(
        by=asker,
        referrals=held,
        holder=hand_overs.worker(worker_id, by=asker) if worker_id else None,
        worker=taker,
        from_on=form.from_on.data,
        reason=str(form["reason"].data),
    )
    return True
