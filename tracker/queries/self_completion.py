"""What a person may be asked to answer alone, what is open for them, and what is still to be answered."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from instruments.definition import Instrument

from ..extensions import db
from ..models import WAYS as WAYS
from ..models import Person, SelfCompletion, User, digest_of
from ..permissions import may_answer_alone, may_see_care, may_see_person
from .occasions import Occasion, occasions
from .scope import NotFound


@dataclass(frozen=True, slots=True)
class Choice:
    """An instrument of a timepoint, and what stands in the way of answering it alone (None: nothing)."""

    occasion: Occasion
    obstacle: str | None


@dataclass(frozen=True, slots=True)
class OpenNow:
    """A link not opened yet, or answers under way. `author` is None for who must stay blind: a link worker's name tells
    the arm.
    """

    asked: SelfCompletion
    author: str | None


@dataclass(frozen=True, slots=True)
class Part:
    """An instrument that somebody is answering alone, under the number by which addresses know it."""

    number: int
    occasion: Occasion


def choices(person: Person, timepoint: str, *, by: User) -> Sequence[Choice]:
    """Every instrument of a timepoint, in the plan's order."""
    found = [each for each in occasions(person, by=by) if each.timepoint.id == timepoint]
    if not found:
        raise NotFound
    return [Choice(each, _obstacle(each)) for each in found]


def _obstacle(occasion: Occasion) -> str | None:
    if occasion.answered is not None:
        return "it is answered already"
    if not _has_words(occasion.instrument):
        return "its wording is not in this installation: ask your administrator to add it, or use your licensed copy"
    return None if "self" in occasion.instrument.respondents else "it is not made to be answered alone"


def _has_words(instrument: Instrument) -> bool:
    """Nobody can answer a neutral label or a numbered level without the licensed copy beside it."""
    return all(item.text and all(option.label for option in item.options) for item in instrument.items)


def current(person: Person, *, by: User) -> Sequence[OpenNow]:
    """What is open for one person, the latest first."""
    if not may_see_person(by, person):
        raise NotFound
    found = db.session.scalars(
        select(SelfCompletion)
        .where(SelfCompletion.person_id == person.id, SelfCompletion.digest.is_not(None))
        .options(joinedload(SelfCompletion.author), selectinload(SelfCompletion.parts))
        .order_by(SelfCompletion.recorded_at.desc())
    )
    named = may_see_care(by, person)
    return [OpenNow(each, each.author.name if named else None) for each in found if may_answer_alone(each)]


def one(id: uuid.UUID, *, by: User) -> SelfCompletion:
    """One of them, by anyone of the person's site."""
    found = db.session.get(SelfCompletion, id)
    if found is None or not may_see_person(by, found.person):
        raise NotFound
    return found


def answering(token: str, *, by: None) -> SelfCompletion:
    """What this browser's cookie lets somebody answer; nobody is signed in."""
    assert by is None
    found = db.session.scalar(select(SelfCompletion).where(SelfCompletion.digest == digest_of("cookie", token)))
    if found is None or not may_answer_alone(found):
        raise NotFound
    return found


def parts(asked: SelfCompletion, *, by: User) -> Sequence[Part]:
    """What is still to be answered; what staff recorded meanwhile, or lost its wording, is not asked any more."""
    numbers = {part.instrument: part.number for part in asked.parts}
    open_ones = [each for each in choices(asked.person, asked.timepoint, by=by) if each.obstacle is None]
    found = [Part(numbers[id], each.occasion) for each in open_ones if (id := each.occasion.instrument.id) in numbers]
    return sorted(found, key=lambda part: part.number)
