"""Logging a contact."""

from __future__ import annotations

import uuid

from flask import Blueprint, flash, redirect, url_for
from werkzeug.wrappers import Response

from ..actions import care
from ..forms.contacts import ContactForm
from ..permissions import CARE_ROLES
from ..queries import care as care_queries
from .gate import rule
from .show import me, page, saved

pages = Blueprint("contacts", __name__)


@pages.route("/referrals/<uuid:referral_id>/contacts/new", methods=["GET", "POST"])
@rule(*CARE_ROLES)
def log(referral_id: uuid.UUID) -> tuple[str, int] | Response:
    referral = care_queries.referral(referral_id, by=me())
    form = ContactForm()
    if form.validate_on_submit() and saved(form, lambda: _log(form, referral)):
        flash(f"The contact with {referral.person.study_number} was saved.", "success")
        return redirect(url_for("home.start"))
    return page("contacts/new.html", form, referral=referral)


def _log(form: ContactForm, referral: care.Referral) -> care.Contact:
    return care.record_contact(
        by=me(),
        referral=referral,
        client_key=uuid.UUID(form.client_key.data),
        contacted_on=form.contacted_on.data,
        mode=form.mode.data,
        attendance=form.attendance.data,
        minutes=form.minutes.data or 0,
        travel_minutes=form.travel_minutes.data,
        topics=form.topics.data or None,
        note=form.note.data or None,
    )
