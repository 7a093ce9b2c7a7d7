"""The instruments: what each measures and on what terms, how its form looks, and the wording that fills its slots."""

from __future__ import annotations

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from instruments import UnknownInstrument, catalogue, get, library, wording
from instruments.card import rules
from instruments.definition import Instrument

from ..actions import wordings as actions
from ..forms.assessments import DraftForm, assessment_form
from ..forms.wordings import WordingForm
from ..permissions import may_manage
from ..queries import wordings
from .gate import ANYONE_SIGNED_IN, rule
from .show import me, page, saved

pages = Blueprint("library", __name__)


@pages.get("/instruments")
@rule(*ANYONE_SIGNED_IN)
def every() -> str:
    return render_template(
        "library/catalogue.html",
        domains=catalogue.by_domain(library()),
        left_out=catalogue.LEFT_OUT,
        languages=catalogue.LANGUAGES,
        installed=wordings.installed(by=me()),
    )


@pages.get("/instruments/<instrument_id>")
@rule(*ANYONE_SIGNED_IN)
def one(instrument_id: str) -> str:
    instrument = _instrument(instrument_id)
    printed = wordings.as_printed(instrument, by=me())
    return render_template(
        "library/instrument.html",
        instrument=instrument,
        printed=printed,
        form=None,
        preview=assessment_form(printed, DraftForm, formdata=None),
        rules={scale.id: list(rules(instrument, scale)) for scale in instrument.scales},
        languages=catalogue.LANGUAGES,
        installed=wordings.installed(by=me()),
        may_add_wording=may_manage(me()) and instrument.licence.kind != "open",
    )


def _instrument(id: str) -> Instrument:
    try:
        return get(id)
    except UnknownInstrument:
        abort(404)


@pages.route("/instruments/<instrument_id>/wording", methods=["GET", "POST"])
@rule("administrator")
def words(instrument_id: str) -> tuple[str, int] | Answer:
    instrument = _with_slots(instrument_id)
    kept = wordings.wording_of(instrument, by=me())
    form = WordingForm(data={"text": kept.text} if kept and request.method == "GET" else None)
    if form.validate_on_submit() and saved(form, lambda: _add(form, instrument)):
        flash("The wording was added. It is off: look at it below, then switch it on.", "success")
        return redirect(url_for(".words", instrument_id=instrument_id))
    return page("library/wording.html", form, instrument=instrument, kept=kept, preview=_preview(instrument, kept))


def _with_slots(id: str) -> Instrument:
    instrument = _instrument(id)
    return instrument if instrument.licence.kind != "open" else abort(404)


def _add(form: WordingForm, instrument: Instrument) -> actions.Wording:
    return actions.add_wording(by=me(), instrument=instrument, text=form.text.data or "")


def _preview(instrument: Instrument, kept: actions.Wording | None) -> DraftForm | None:
    if kept is None:
        return None
    texts = {(instrument.id, instrument.version): kept.text}
    return assessment_form(wordings.printed(instrument, texts, by=me()), DraftForm, formdata=None)


@pages.get("/instruments/<instrument_id>/wording.toml")
@rule("administrator")
def template(instrument_id: str) -> Response:
    """An empty file to fill in."""
    instrument = _with_slots(instrument_id)
    name = f"{instrument.id}-{instrument.version}-wording.toml"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(wording.template(instrument), mimetype="application/toml", headers=headers)


@pages.post("/instruments/<instrument_id>/wording/switch")
@rule("administrator")
def switch(instrument_id: str) -> tuple[str, int] | Answer:
    instrument = _with_slots(instrument_id)
    kept = wordings.wording_of(instrument, by=me())
    if kept is None:
        return redirect(url_for(".words", instrument_id=instrument_id))
    form = WordingForm(formdata=None, data={"text": kept.text})
    if saved(form, lambda: _switch(kept)):
        flash(f"The wording is {'on: forms print it from now on' if kept.active else 'off'}.", "success")
        return redirect(url_for(".words", instrument_id=instrument_id))
    return page("library/wording.html", form, instrument=instrument, kept=kept, preview=_preview(instrument, kept))


def _switch(kept: actions.Wording) -> bool:
    version = request.form.get("version", "")
    seen = int(version) if version.isascii() and version.isdigit() and len(version) < 10 else 0
    actions.switch_wording(by=me(), kept=kept, version=seen, active=request.form.get("active") == "yes")
    return True
