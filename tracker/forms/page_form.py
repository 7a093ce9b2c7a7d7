"""The form of a page. One that was kept unfinished comes back filled in, and is not saved by that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import request
from flask_wtf import FlaskForm

GOES_ON = "goes_on"
"""The box that says: show me what I typed, do not save it."""


class PageForm(FlaskForm):
    def validate_on_submit(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> Any:
        return GOES_ON not in request.form and super().validate_on_submit(extra_validators)
