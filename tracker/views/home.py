"""The first page after signing in: what one's role needs first."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from ..extensions import today
from ..permissions import CARE_ROLES, holds
from ..queries.caseload import caseload, people_without_referral, unanswered_referrals, withdrawals
from ..queries.occasions import due_occasions
from ..queries.signposts import waiting_count
from .gate import ANYONE_SIGNED_IN, rule
from .show import me

pages = Blueprint("home", __name__)


@pages.get("/")
@rule(*ANYONE_SIGNED_IN)
def start() -> str | Response:
    asker = me()
    if not holds(asker, CARE_ROLES):
        return redirect(url_for(_first_page(asker)))
    mine = request.args.get("show", "mine" if holds(asker, ("link-worker",)) else "all") == "mine"
    due = {occasion.person.id for occasion in due_occasions(today(), by=asker)}
    return render_template(
        "home/caseload.html",
        rows=caseload(by=asker, mine=mine),
        mine=mine,
        unanswered=unanswered_referrals(by=asker),
        followed=people_without_referral(by=asker),
        due=due,
        withdrawals=withdrawals(by=asker),
        signposts_waiting=waiting_count(today(), by=asker),
        today=today(),
    )


def _first_page(asker: object) -> str:
    pages_by_role = {
        "outcome-assessor": "assessments.due",
        "evaluator": "studies.overview",
        "administrator": "staff.everyone",
    }
    return next((endpoint for role, endpoint in pages_by_role.items() if holds(asker, (role,))), "home.nothing")  # type: ignore[arg-type]


@pages.get("/nothing-yet")
@rule(*ANYONE_SIGNED_IN)
def nothing() -> str:
    return render_template("home/nothing.html")
