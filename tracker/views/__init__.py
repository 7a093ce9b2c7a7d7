"""Pages: one blueprint a journey, behind one gate."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from flask import Flask, current_app, g, request
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response

from instruments import codes
from instruments.scoring import REASONS

from .. import languages
from ..config import Config
from ..extensions import local_day, today
from ..queries.safety import flags
from . import (
    account,
    answers,
    assessments,
    attendance,
    contacts,
    errors,
    gate,
    goals,
    held_forms,
    home,
    invitations,
    library,
    open_referral,
    people,
    questions,
    referrals,
    resources,
    results,
    safety,
    second_step,
    self_completion,
    sign_in,
    signposts,
    sites,
    staff,
    studies,
    team,
)
from .show import address_of_each, me, navigation

JOURNEYS = (
    home, people, referrals, safety, goals, contacts, signposts, resources, assessments, questions, attendance, library,
    studies, team, results, staff, sites, account, second_step, invitations, self_completion, answers, held_forms,
    open_referral,
)  # fmt: skip


def init_app(app: Flask, config: Config) -> None:
    app.config.update(
        SECRET_KEY=config.keys.session,
        TESTING=config.testing,
        PERMANENT_SESSION_LIFETIME=timedelta(hours=12),
        SESSION_COOKIE_NAME="__Host-tracker" if config.secure_cookies else "tracker",
        SESSION_COOKIE_SECURE=config.secure_cookies,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=1_000_000,
        MAX_FORM_MEMORY_SIZE=1_000_000,
        WTF_CSRF_TIME_LIMIT=None,
        PUBLIC_DIRECTORY=config.public_directory,
        CONTACT=config.contact,
    )
    if config.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=config.proxies, x_proto=config.proxies)  # type: ignore[method-assign]
    gate.init_app(app)
    sign_in.init_app(app, config)
    errors.init_app(app)
    for journey in JOURNEYS:
        app.register_blueprint(journey.pages)
    app.context_processor(_context)
    app.jinja_env.globals.update(
        codes=codes,
        score_reasons=REASONS,
        held_here=held_forms.here,
        held_at_address=held_forms.address,
        address_of_each=address_of_each,
    )
    languages.init_app(app)
    app.template_filter("day")(_day)
    app.template_filter("ago")(_ago)
    app.template_filter("local_day")(local_day)
    app.template_filter("moment")(_moment)
    app.template_filter("tel")(_tel)
    app.after_request(held_forms.after_sending)
    app.after_request(_headers)


def _context() -> dict[str, object]:
    asker = me()
    signed_in = g.get("live", False) and asker.is_authenticated
    return {
        "navigation": navigation(asker) if signed_in and not g.get("setting_up", False) else [],
        "me": asker if signed_in else None,
        "safety_flags": (lambda person: flags(person, by=asker)) if signed_in else (lambda _: []),
    }


def _day(value: date | datetime | None) -> str:
    """A day in words; of a moment, the day where the installation is."""
    if isinstance(value, datetime):
        value = local_day(value)
    return f"{value.day} {value:%B %Y}" if value else ""


def _moment(value: datetime) -> str:
    """A moment as the clock on the wall had it: "today at 14:05", "3 March 2026 at 09:30"."""
    local = value.astimezone(ZoneInfo(current_app.config["TIMEZONE"]))
    return f"{'today' if local.date() == today() else _day(local.date())} at {local:%H:%M}"


def _ago(value: date, today: date) -> str:
    """How long ago in the words one would say: "yesterday", "3 weeks ago"."""
    days = (today - value).days
    if days < 2:
        return "yesterday" if days == 1 else "today"
    count, unit = (days, "days") if days < 14 else (days // 7, "weeks") if days < 70 else (days // 30, "months")
    return f"{count} {unit} ago"


def _tel(number: str) -> str:
    """What a phone dials: the first run of digits that is long enough, so that an extension or a word stays out."""
    found = re.search(r"\+?[0-9][0-9 ()./-]+[0-9]", number)
    return "tel:" + re.sub(r"[^+0-9]", "", found.group() if found else number)


def _headers(response: Response) -> Response:
    """No other origin, no inline script, no frame, and nothing personal kept by a browser or a proxy."""
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    if request.endpoint != "static" and not response.cache_control.public:
        response.headers["Cache-Control"] = "no-store"
    return response
