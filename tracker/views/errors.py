"""Pages for what goes wrong: they say what to do next and never what was asked for."""

from __future__ import annotations

from flask import Flask, g, render_template
from flask_login import AnonymousUserMixin
from flask_wtf.csrf import CSRFError

from ..permissions import Forbidden
from ..queries.scope import NotFound

_WORDS = {
    403: ("You cannot open this page", "Your role does not include it. Ask your administrator if you think it should."),
    404: ("Page not found", "It may have been moved, or it belongs to another site. Go back to your start page."),
    405: ("This page cannot be used that way", "Go back and use the page's own buttons."),
    413: ("That is too large", "Send less than 1 MB."),
}
_FAILED = (
    "Something went wrong",
    "Nothing was saved. Try again; if it happens twice, tell your administrator the time.",
)
_STALE = (
    "This page was open for too long",
    "Nothing was saved. Go back and reload the page; sign in again if you are asked to.",
)


def init_app(app: Flask) -> None:
    for status in _WORDS:
        app.register_error_handler(status, lambda _, status=status: _page(status, *_WORDS[status]))
    app.register_error_handler(500, _failed)
    app.register_error_handler(NotFound, lambda _: _page(404, *_WORDS[404]))
    app.register_error_handler(Forbidden, lambda _: _page(403, *_WORDS[403]))
    app.register_error_handler(CSRFError, lambda _: _page(400, *_STALE))


def _failed(_: Exception) -> tuple[str, int]:
    """Shown as to a stranger: who is signed in cannot be read when the database is what failed."""
    g._login_user = AnonymousUserMixin()
    return _page(500, *_FAILED)


def _page(status: int, title: str, text: str) -> tuple[str, int]:
    return render_template("errors/error.html", title=title, text=text), status
