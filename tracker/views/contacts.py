"""Logging a contact, the same once more, and correcting one."""

from __future__ import annotations

import uuid

from flask import Blueprint, abort, flash, redirect, request, url_for
from werkzeug.wrappers import Response

from ..actions import care
from ..actions.refusal import Refused
from ..extensions import today
from ..forms.contacts import ContactCorrectionForm, ContactForm, SameAgainForm, SignpostRow
from ..forms.signposts import by_category, in_two_weeks
from ..permissions import CARE_ROLES, may_correct_contact
from ..queries import care as care_queries
from ..queries import resources
from .gate import rule
from .show import me, page, saved

pages = Blueprint("contacts", __name__)
AGAIN = ("mode", "attendance", "minutes", "travel_minutes", "topics")
"""What of a contact is the same the next time."""


@pages.route("/referrals/<uuid:referral_id>/contacts/new", methods=["GET", "POST"])
@rule(*CARE_ROLES)
def log(referral_id: uuid.UUID) -> tuple[str, int] | Response:
    referral = care_queries.referral(referral_id, by=me())
    last = care_queries.last_contact(referral, by=me())
    usual = {"mode": last.mode} if last and request.method == "GET" else None
    form = ContactForm(data=usual)
    form.offer(_directory(referral))
    if form.validate_on_submit() and saved(form, lambda: _log(form, referral)):
        return _back(referral)
    return page(
        "contacts/new.html", form, referral=referral, last=last, again=SameAgainForm(formdata=None), today=today()
    )


def _directory(referral: care.Referral) -> dict[str, dict[str, str]]:
    return by_category(resources.resources(by=me(), study_id=referral.person.study_id))


def _log(form: ContactForm, referral: care.Referral) -> care.Contact:
    key = uuid.UUID(form.client_key.data)
    _check_twin(form, referral, key)
    contact = care.record_contact(by=me(), referral=referral, client_key=key, **form.facts)
    for row in form.signposts:
        _signpost(row, contact, uuid.uuid5(key, str(row.number)))
    return contact


def _check_twin(form: ContactForm, referral: care.Referral, key: uuid.UUID) -> None:
    """Going back after saving gives a fresh page with a key of its own: the same content is asked about."""
    said = {name: form.facts[name] for name in ("contacted_on", "mode", "attendance", "minutes")}
    if not form.another.data and care_queries.twin(referral, by=me(), client_key=key, **said):
        raise Refused(
            "another",
            "You logged the same contact a few minutes ago, and it is saved. Tick only if this is another one.",
        )


def _signpost(row: SignpostRow, contact: care.Contact, key: uuid.UUID) -> None:
    """Made at the contact; what is wrong with it is told beside its row."""
    try:
        care.record_signpost(
            by=me(),
            person=contact.referral.person,
            resource=resources.resource(uuid.UUID(row.resource.data), by=me()),
            client_key=key,
            signposted_on=contact.contacted_on,
            kind=row.kind.data,
            contact=contact,
            ask_again_on=in_two_weeks(),
            although_full=row.although_full.data,
        )
    except Refused as refused:
        raise Refused(f"{refused.field}_{row.number}", refused.message) from None


def _back(referral: care.Referral) -> Response:
    flash(f"The contact with {referral.person.study_number} was saved.", "success")
    return redirect(url_for("home.start"))


@pages.post("/referrals/<uuid:referral_id>/contacts/again")
@rule(*CARE_ROLES)
def again(referral_id: uuid.UUID) -> tuple[str, int] | Response:
    """The contact before, once more, today."""
    referral = care_queries.referral(referral_id, by=me())
    last = care_queries.last_contact(referral, by=me())
    if last is None:
        return redirect(url_for(".log", referral_id=referral_id))
    form = SameAgainForm()
    if form.validate_on_submit() and saved(form, lambda: _again(form, last)):
        return _back(referral)
    given = ContactForm(formdata=None, data={name: getattr(last, name) for name in AGAIN})
    given.offer(_directory(referral))
    given.form_errors = [*form.form_errors, *(fault for field in form for fault in field.errors)]
    return page("contacts/new.html", given, referral=referral, last=last, again=form, today=today())


def _again(form: SameAgainForm, last: care.Contact) -> care.Contact:
    facts = {name: getattr(last, name) for name in AGAIN}
    key = uuid.UUID(form.client_key.data)
    return care.record_contact(by=me(), referral=last.referral, client_key=key, contacted_on=today(), **facts)


@pages.route("/contacts/<uuid:contact_id>/edit", methods=["GET", "POST"])
@rule(*CARE_ROLES)
def correct(contact_id: uuid.UUID) -> tuple[str, int] | Response:
    contact = care_queries.contact(contact_id, by=me())
    if not may_correct_contact(me(), contact):
        abort(403)
    form, person_id = ContactCorrectionForm(obj=contact), contact.referral.person_id
    if form.validate_on_submit() and saved(
        form,
        lambda: _correct(form, contact),
        edited=contact,
        as_saved=lambda: ContactCorrectionForm(formdata=None, obj=contact),
    ):
        flash("The contact was taken off the record." if form.mistaken.data else "The contact was changed.", "success")
        return redirect(url_for("people.view", person_id=person_id))
    return page("contacts/correct.html", form, contact=contact, referral=contact.referral)


def _correct(form: ContactCorrectionForm, contact: care.Contact) -> bool:
    version, reason = int(form.version.data or 0), form.reason.data or None
    if form.mistaken.data:
        care.remove_contact(by=me(), contact=contact, version=version, reason=reason)
    else:
        care.correct_contact(by=me(), contact=contact, version=version, reason=reason, **form.facts)
    return True
