"""The tracker: link workers record what they do and how people fare; evaluators export a documented dataset."""

from __future__ import annotations

from flask import Flask

from . import config as configuration
from . import extensions, views


def create_app(config: configuration.Config | None = None) -> Flask:
    """Make the application for an installation (by default the one that TRACKER_DATA names)."""
    settings = config or configuration.load()
    app = Flask(__name__)
    extensions.init(app, settings)
    views.init_app(app, settings)
    return app
