"""Instruments as this installation prints them: with the wording that an administrator switched on, else with slots."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from sqlalchemy import select

from instruments import wording
from instruments.definition import Instrument

from ..extensions import db
from ..models import User, Wording
from ..permissions import may_manage
from .scope import NotFound

Key = tuple[str, str]


def installed(*, by: User) -> Mapping[Key, bool]:
    """Which instrument versions have a wording here, and whether it is switched on; no wording is told."""
    _staff(by)
    rows = db.session.execute(select(Wording.instrument, Wording.instrument_version, Wording.active))
    return {(id, version): active for id, version, active in rows}


def wording_of(instrument: Instrument, *, by: User) -> Wording | None:
    """The wording of an instrument, for those who look after it."""
    if not may_manage(by):
        raise NotFound
    return db.session.scalar(
        select(Wording).where(Wording.instrument == instrument.id, Wording.instrument_version == instrument.version)
    )


def active_texts(*, by: User) -> Mapping[Key, str]:
    """The wordings that are switched on."""
    _staff(by)
    rows = db.session.execute(
        select(Wording.instrument, Wording.instrument_version, Wording.text).where(Wording.active)
    )
    return {(id, version): text for id, version, text in rows}


def printed(instrument: Instrument, texts: Mapping[Key, str], *, by: User) -> Instrument:
    """The instrument with its wording, if one of these is its."""
    _staff(by)
    text = texts.get((instrument.id, instrument.version))
    return instrument if text is None else _with_words(instrument, text)


def as_printed(instrument: Instrument, *, by: User) -> Instrument:
    """The instrument as its forms and answers are printed here."""
    return instrument if instrument.licence.kind == "open" else printed(instrument, active_texts(by=by), by=by)


def _staff(by: User) -> None:
    if not by.active:
        raise NotFound


@lru_cache(maxsize=64)
def _with_words(instrument: Instrument, text: str) -> Instrument:
    return wording.worded(instrument, wording.from_toml(text))
