"""The gate before every page: a declared rule, a live sign-in on the server, and a role that opens the page."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from urllib.parse import urlsplit

from flask import Flask, abort, current_app, flash, g, redirect, request, session, url_for
from flask_login import current_user, user_logged_out
from flask_security.signals import user_authenticated
from flask_security.utils import logout_user
from werkzeug.wrappers import Response

from ..actions.staff import end_sign_in, start_sign_in, touch_sign_in
from ..extensions import db, second_factor_required
from ..permissions import holds
from ..queries.staff import has_second_factor, own_sign_in, with_whose
from .device import coarse

PUBLIC: tuple[str, ...] = ("public",)
ANYONE_SIGNED_IN: tuple[str, ...] = ("signed-in",)
SETTING_UP: tuple[str, ...] = ("signed-in", "setting-up")
"""Anyone signed in, even who has no second factor yet where everybody must have one."""
OUTSIDE_RULES = {
    "static": PUBLIC, "security.login": PUBLIC, "security.logout": SETTING_UP, "security.verify": SETTING_UP,
}  # fmt: skip
"""Rules for the routes that libraries bring; a route in neither place opens for nobody."""

View = TypeVar("View", bound=Callable[..., object])


def rule(*roles: str) -> Callable[[View], View]:
    """Declare who may open a page; what they find there is up to the queries."""

    def declare(view: View) -> View:
        view.roles = roles  # type: ignore[attr-defined]
        return view

    return declare


def rule_of(app: Flask, endpoint: str) -> tuple[str, ...]:
    """The rule of a route; empty when it has none, and then it opens for nobody."""
    view = app.view_functions[endpoint]
    declared: tuple[str, ...] = getattr(view, "roles", ())
    return OUTSIDE_RULES.get(endpoint, declared)


def init_app(app: Flask) -> None:
    app.before_request(_guard)
    user_authenticated.connect(_signed_in, app)
    user_logged_out.connect(_signed_out, app)


def _guard() -> Response | None:
    if request.endpoint is None:
        g.live = _is_live()
        return None
    roles = rule_of(current_app, request.endpoint)
    if roles == PUBLIC:
        return None
    g.live = _is_live()
    if not g.live:
        return _to_sign_in()
    g.setting_up = _lacks_second_factor()
    if g.setting_up and roles != SETTING_UP:
        return redirect(url_for("account.begin"))
    if roles not in (ANYONE_SIGNED_IN, SETTING_UP) and not holds(current_user, roles):
        abort(403)
    return None


def _lacks_second_factor() -> bool:
    """Only who came with a password alone can lack one."""
    return second_factor_required() and g.sign_in.method == "password" and not has_second_factor(by=current_user)


def _is_live() -> bool:
    """Whether the server still knows this sign-in; idle and absolute time-outs end it there and here."""
    g.sign_in = sign_in = with_whose(_sign_in_id(), by=None)
    if not current_user.is_authenticated:
        if sign_in is not None:  # whoever was disabled is nobody any more
            g.ended = True
        return False
    if sign_in is None or sign_in.user_id != current_user.id or sign_in.ended_at is not None:
        g.ended = True
        logout_user()
        return False
    if not sign_in.is_live:
        g.timed_out = current_user._get_current_object()
        logout_user()
        flash("You were signed out because this device was not used for a while. Sign in to go on.", "warning")
        return False
    if datetime.now(UTC) - sign_in.seen_at > timedelta(minutes=1):
        with db.transaction():
            touch_sign_in(by=current_user, sign_in=sign_in)
    return True


def _sign_in_id() -> uuid.UUID:
    try:
        return uuid.UUID(session.get("sign_in", ""))
    except ValueError:
        return uuid.UUID(int=0)


def _to_sign_in() -> Response:
    """Come back to the page afterwards, if it is one to look at."""
    target = urlsplit(request.full_path).path if request.method == "GET" else None
    return redirect(url_for("security.login", next=target))


def _signed_in(_: Flask, authn_via: list[str] | None = None, **__: object) -> None:
    method, device = (authn_via or ["password"])[0], coarse(request.user_agent.string)
    with db.transaction():
        session["sign_in"] = str(start_sign_in(by=current_user, method=method, device=device).id)


def _signed_out(_: Flask, user: object, **__: object) -> None:
    sign_in = own_sign_in(_sign_in_id(), by=user)  # type: ignore[arg-type]
    session.pop("sign_in", None)
    if sign_in is not None:
        with db.transaction():
            end_sign_in(by=user, sign_in=sign_in)  # type: ignore[arg-type]
