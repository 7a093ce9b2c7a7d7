"""What views share: who is asking, where they can go, and saving a form or keeping what was typed."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

from flask import g, render_template, request, session, url_for
from flask_login import current_user
from flask_wtf import FlaskForm

from ..actions.refusal import Conflict, Refused
from ..extensions import db
from ..forms.page_form import OnceForm, differences
from ..permissions import CARE_ROLES, holds

T = TypeVar("T")
NOBODY = uuid.UUID(int=0)
MADE_ONCE, A_FEW = "made_once", 5


def me() -> Any:
    """The signed-in member of staff."""
    return cast("Any", current_user)._get_current_object()


def navigation(user: Any) -> list[tuple[str, str, bool]]:
    """The pages in the header: label, address, whether it is the current one."""
    places = [
        (CARE_ROLES, "Caseload", "home.start"),
        (CARE_ROLES, "People", "people.everyone"),
        (("outcome-assessor",), "Outcomes", "assessments.due"),
        (CARE_ROLES, "Outcomes", "assessments.due"),
        (CARE_ROLES, "Resources", "resources.directory"),
        (("supervisor",), "Team", "team.overview"),
        (("evaluator",), "Studies", "studies.overview"),
        (("administrator",), "Staff", "staff.everyone"),
        (("administrator",), "Sites", "sites.everyone"),
    ]
    seen = {endpoint: label for roles, label, endpoint in places if holds(user, roles)}
    return [(label, url_for(endpoint), request.endpoint == endpoint) for endpoint, label in seen.items()]


def address_of_each(endpoint: str, name: str) -> Callable[[object], str]:
    """Addresses for the rows of a long list, which differ in one id: building each anew takes longer than its row."""
    given: dict[str, Any] = {name: NOBODY}
    before, after = url_for(endpoint, **given).split(str(NOBODY))
    return lambda id: f"{before}{id}{after}"


def told_apart(staff: Iterable[Any]) -> dict[uuid.UUID, str]:
    """What each member of staff is called on a page; beside one of the same name, with their e-mail address."""
    known = {each.id: each for each in staff}
    count = Counter(each.name for each in known.values())
    return {id: f"{each.name} ({each.email})" if count[each.name] > 1 else each.name for id, each in known.items()}


def saved(
    form: FlaskForm, write: Callable[[], T], *, edited: Any = None, as_saved: Callable[[], FlaskForm] | None = None
) -> T | None:
    """Run an action in a transaction; when it is refused, put the reason beside its field and keep what was typed.

    Whoever edits a record and is told that it changed meanwhile sees it then and may save again: `as_saved` fills the
    same form from the record, so that both versions can be shown. Without it the page itself says what holds now.
    """
    try:
        with db.transaction():
            return write()
    except Refused as refused:
        field = form._fields.get(refused.field)
        if field is None:
            form.form_errors.append(refused.message)
        else:
            field.errors = [*field.errors, refused.message]
        if edited is not None and isinstance(refused, Conflict):
            form["version"].data = edited.version
            form.differences = [*differences(form, as_saved())] if as_saved else []
        return None


def made_before(form: OnceForm) -> bool:
    """Whether this very form, in this browser, made something already; then it says so, and may be sent anew."""
    if form.once.data not in session.get(MADE_ONCE, ()):
        return False
    form.say_that_it_was_made()
    return True


def made_now(form: FlaskForm) -> None:
    """Nothing of the form waits to be saved, and one that makes once is known again when its answer is reloaded."""
    g.made = True
    if isinstance(form, OnceForm):
        session[MADE_ONCE] = [*session.get(MADE_ONCE, ()), form.once.data][-A_FEW:]


def page(template: str, form: FlaskForm | None = None, **context: Any) -> tuple[str, int]:
    """A page; a rejected form comes back with its errors and status 422."""
    rejected = form is not None and (form.errors or form.form_errors)
    return render_template(template, form=form, **context), 422 if rejected else 200
