"""Self-completion: a one-time link or a handed-over device, by which a person answers alone. The kit sends nothing.

Answers are kept and saved with the right of whoever asked for them, and the trail says that they came this way.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy import Select, delete, func, select

from ..extensions import db, keyring, take_turn, today
from ..models import (
    LINK_VALID,
    LONGEST,
    Person,
    Said,
    SelfCompletion,
    SelfCompletionPart,
    SignInFailure,
    User,
    codes_of,
    digest_of,
)
from ..permissions import may_answer_alone, may_be_asked_alone, may_record_assessment
from ..queries.self_completion import Part, choices, parts
from .audit import facts, write_event
from .drafts import keep_answers
from .outcomes import Administration, record_assessment
from .refusal import Conflict, Refused, check
from .staff import LONGEST_WAIT, SHORT_WAIT

FREE_GUESSES = 20
HOW_THEY_CAME = "Self-completion"
NO_LONGER = "This is no longer open."


def make_link(
    *, by: User, person: Person, timepoint: str, instruments: Collection[str]
) -> tuple[SelfCompletion, str]:  # fmt: skip
    """A link by which the person answers these instruments, and its token, which can be read this once."""
    return _asked(by, person, timepoint, instruments, "link")


def hand_over(
    *, by: User, person: Person, timepoint: str, instruments: Collection[str]
) -> tuple[SelfCompletion, str]:  # fmt: skip
    """Let the person answer on the worker's own device now; gives the token of its cookie."""
    made, _ = _asked(by, person, timepoint, instruments, "device")
    return made, _begin(made)


def _asked(
    by: User, person: Person, timepoint: str, instruments: Collection[str], way: str
) -> tuple[SelfCompletion, str]:  # fmt: skip
    """Whatever was open for the same timepoint ends: its link may be lost, or in somebody else's hands."""
    check(may_record_assessment(by, person))
    chosen = _chosen(by, person, timepoint, instruments)
    take_turn(db.session)
    for before in db.session.scalars(_open_ones(person, timepoint)):
        _end(by, before, "replace_self_completion")
    token = secrets.token_urlsafe(32)
    made = SelfCompletion(
        person_id=person.id, timepoint=timepoint, way=way, digest=digest_of("link", token), recorded_by=by.id,
        valid_until=datetime.now(UTC) + LINK_VALID,
    )  # fmt: skip
    made.parts = [SelfCompletionPart(instrument=id, number=number) for number, id in enumerate(chosen, start=1)]
    made.person, made.author = person, by
    db.session.add(made)
    write_event(by=by, action="ask_alone", record=made, after=_facts(made))
    return made, token


def _facts(asked: SelfCompletion) -> dict[str, object]:
    return facts(asked) | {"instruments": [part.instrument for part in asked.parts]}


def _chosen(by: User, person: Person, timepoint: str, instruments: Collection[str]) -> list[str]:
    if not may_be_asked_alone(by, person):
        raise Refused("form", "The person left the study. Nothing more is asked of them.")
    offered = {each.occasion.instrument.id: each for each in choices(person, timepoint, by=by)}
    for id in instruments:
        if id not in offered or (obstacle := offered[id].obstacle) is not None:
            name = offered[id].occasion.instrument.short_title if id in offered else id
            reason = obstacle if id in offered else "it is not planned for this timepoint"
            raise Refused("instruments", f"{name} cannot be answered alone: {reason}. Choose others.")
    if not instruments:
        raise Refused("instruments", "Choose what the person is asked.")
    return [id for id in offered if id in instruments]


def _open_ones(person: Person, timepoint: str) -> Select[SelfCompletion]:
    return select(SelfCompletion).where(
        SelfCompletion.person_id == person.id, SelfCompletion.timepoint == timepoint,
        SelfCompletion.finished_at.is_(None), SelfCompletion.ended_at.is_(None),
    )  # fmt: skip


def _begin(asked: SelfCompletion) -> str:
    """From now on a cookie takes the link's place; the link itself opens nothing any more."""
    before, token, moment = facts(asked), secrets.token_urlsafe(32), datetime.now(UTC)
    asked.digest, asked.opened_at, asked.seen_at = digest_of("cookie", token), moment, moment
    asked.valid_until = moment + LONGEST[asked.way]
    write_event(by=asked.author, action="open_self_completion", record=asked, before=before)
    return token


def open_link(*, by: None, token: str) -> str:
    """Exchange the link for a cookie; of two who open it at once the second finds that it is used."""
    assert by is None
    wanted = select(SelfCompletion).where(SelfCompletion.digest == digest_of("link", token)).with_for_update()
    found = db.session.scalar(wanted)
    if found is None or not may_answer_alone(found):
        raise Refused("form", NO_LONGER)
    return _begin(found)


def keep_answer(*, by: User, asked: SelfCompletion, number: int, answers: Mapping[str, Said]) -> None:
    """Keep what the person says to a question of one part; it counts for safety from this moment."""
    occasion = _part(by, asked, number).occasion
    asked.seen_at = datetime.now(UTC)
    keep_answers(
        by=by, person=asked.person, instrument=occasion.instrument, timepoint=asked.timepoint, answers=answers,
        reason=HOW_THEY_CAME,
    )  # fmt: skip


def _part(by: User, asked: SelfCompletion, number: int) -> Part:
    _lock(by, asked)
    for part in parts(asked, by=by):
        if part.number == number:
            return part
    raise Conflict("form", "This was answered meanwhile.")


def _lock(by: User, asked: SelfCompletion) -> None:
    """Nothing ends or finishes while something is written, and nothing is written after that."""
    check(asked.recorded_by == by.id)
    db.session.refresh(asked, with_for_update=True)
    if not may_answer_alone(asked):
        raise Conflict("form", NO_LONGER)


def finish(*, by: User, asked: SelfCompletion) -> None:
    """Save every part with an answer as an assessment; one without any stays due, for staff to ask after."""
    _lock(by, asked)
    for part in parts(asked, by=by):
        answers = part.occasion.draft.answers if part.occasion.draft else {}
        if any(code is not None for code in codes_of(answers).values()):
            record_assessment(
                by=by, person=asked.person, instrument=part.occasion.instrument, responses=answers,
                administration=Administration(asked.timepoint, today(), mode="online", respondent="self"),
                client_key=uuid.uuid4(), reason=HOW_THEY_CAME,
            )  # fmt: skip
    before = facts(asked)
    asked.digest, asked.finished_at = None, datetime.now(UTC)
    write_event(by=by, action="finish_self_completion", record=asked, before=before)


def stop(*, by: User, asked: SelfCompletion) -> None:
    """The person ends it here: what was answered stays kept, and this device shows it no more."""
    _lock(by, asked)
    _end(by, asked, "stop_self_completion")


def end(*, by: User, asked: SelfCompletion) -> None:
    """Staff end a link, or answers under way; what was answered stays kept."""
    check(may_record_assessment(by, asked.person))
    db.session.refresh(asked, with_for_update=True)
    if asked.finished_at is not None or asked.ended_at is not None:
        raise Conflict("form", "This was finished or ended already.")
    _end(by, asked, "end_self_completion")


def _end(by: User, asked: SelfCompletion, action: str) -> None:
    before = facts(asked)
    asked.digest, asked.ended_at, asked.ended_by = None, datetime.now(UTC), by.id
    write_event(by=by, action=action, record=asked, before=before)


# ------------------------------------------------------------------------------------- guesses at links


def note_guess(*, by: None, address: str) -> None:
    """Count a link that opened nothing, as a keyed digest of the address it came from."""
    assert by is None
    db.session.execute(delete(SignInFailure).where(SignInFailure.failed_at < datetime.now(UTC) - LONGEST_WAIT))
    db.session.add(SignInFailure(id=uuid.uuid4(), digest=_place(address)))


def wait_before_guess(*, by: None, address: str) -> timedelta:
    """How long to wait before a link is looked at again. Short: many phones may share one address."""
    assert by is None
    count, last = db.session.execute(
        select(func.count(), func.max(SignInFailure.failed_at)).where(
            SignInFailure.digest == _place(address), SignInFailure.failed_at > datetime.now(UTC) - LONGEST_WAIT
        )
    ).one()
    return last + SHORT_WAIT - datetime.now(UTC) if count >= FREE_GUESSES else timedelta()


def _place(address: str) -> str:
    return keyring.index(address, "self_completion.address")
