"""The administrator's list of staff and roles."""

from __future__ import annotations

from flask import Blueprint, render_template

from ..queries import staff
from .gate import rule
from .show import me

pages = Blueprint("staff", __name__)


@pages.get("/staff")
@rule("administrator")
def everyone() -> str:
    return render_template("staff/everyone.html", users=staff.everyone(by=me()), places=staff.places(by=me()))
