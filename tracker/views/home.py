"""The first page after signing in: what one's role needs first."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from ..extensions import today
from ..permissions import CARE_ROLES, holds
from ..queries.agenda import REASONS, agenda, unheld
from ..queries.alarms import alarmed_off_caseload
from ..queries.caseload import closed_referrals, unanswered_referrals, withdrawals
from ..queries.safety import all_flags
from ..queries.signposts import waiting_count
from .gate import ANYONE_SIGNED_IN, rule
from .show import me

pages = Blueprint("home", __name__)
AT_ONCE = 50
"""People on one page."""


@pages.get("/")
@rule(*ANYONE_SIGNED_IN)
def start() -> str | Response:
    asker = me()
    if not holds(asker, CARE_ROLES):
        return redirect(url_for(_first_page(asker)))
    mine = request.args.get("show", "mine" if holds(asker, ("link-worker",)) else "all") == "mine"
    if request.args.get("state") == "closed":
        closed = closed_referrals(by=asker, mine=mine)
        return render_template("home/closed.html", mine=mine, **_one_page(closed), today=today())
    need = request.args.get("need", "")
    entries = agenda(today(), by=asker, mine=mine)
    counts = Counter(chain.from_iterable(entry.reasons for entry in entries))
    shown = [entry for entry in entries if need in entry.reasons] if need in REASONS else entries
    others = unheld(today(), by=asker)
    part = _one_page(shown)
    return render_template(
        "home/caseload.html",
        mine=mine,
        need=need if need in REASONS else "",
        reasons=REASONS,
        counts={reason: counts[reason] for reason in REASONS if counts[reason]},
        total=len(entries),
        **part,
        unanswered=unanswered_referrals(by=asker),
        alarmed=alarmed_off_caseload(by=asker) if any(each.alarm for each in others.people) else [],
        due={each.person.id: each.state for each in others.people},
        followed=others.without_referral(AT_ONCE),
        off_caseload=others.after_support(AT_ONCE),
        flags=all_flags(by=asker),
        withdrawals=withdrawals(by=asker),
        signposts_waiting=waiting_count(today(), by=asker),
        today=today(),
    )


def _one_page(rows: Any) -> dict[str, Any]:
    """The part of a list that the address asks for, and what is before and after it."""
    asked = request.args.get("page", "1")
    last = max(1, -(-len(rows) // AT_ONCE))
    number = min(int(asked), last) if asked.isascii() and asked.isdigit() and len(asked) < 6 and int(asked) else 1
    start = (number - 1) * AT_ONCE
    return {"rows": rows[start : start + AT_ONCE], "found": len(rows), "number": number, "last": last}


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
