"""Drafts: answers kept as they are given, until they are saved as an assessment."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select

from instruments.definition import Instrument

from ..extensions import db
from ..models import ANSWERED, Assessment, Draft, DraftResponse, Person, Said, User, codes_of
from ..permissions import may_record_assessment
from ..queries.drafts import draft as draft_of
from .audit import facts, write_event
from .refusal import RECORDED, Conflict, check, refuse_bad_answers, translated


def keep_answers(
    *, by: User, person: Person, instrument: Instrument, timepoint: str, answers: Mapping[str, Said],
    reason: str | None = None,
) -> None:  # fmt: skip
    """Keep these answers besides those given before; None takes an answer back. `reason` says how they came."""
    check(may_record_assessment(by, person))
    refuse_bad_answers(instrument, codes_of(answers))
    _refuse_recorded(person, instrument, timepoint)
    draft = draft_of(person, instrument.id, timepoint, by=by)
    before = draft.answers if draft else {}
    said = {item: answer for item, answer in answers.items() if answer != before.get(item)}
    if not said:
        return
    if draft is None:
        draft = Draft(
            person_id=person.id, instrument=instrument.id, instrument_version=instrument.version,
            timepoint=timepoint, recorded_by=by.id,
        )  # fmt: skip
        db.session.add(draft)
    _set(draft, said)
    with translated():
        write_event(
            by=by, action="keep_answers", record=draft, before={"responses": before},
            after=facts(draft) | {"responses": draft.answers}, reason=reason,
        )  # fmt: skip


def _refuse_recorded(person: Person, instrument: Instrument, timepoint: str) -> None:
    recorded = select(Assessment.id).where(
        Assessment.person_id == person.id, Assessment.instrument == instrument.id, Assessment.timepoint == timepoint,
        Assessment.status.in_(ANSWERED),
    )  # fmt: skip
    if db.session.scalar(recorded) is not None:
        raise Conflict("form", RECORDED)


def _set(draft: Draft, answers: Mapping[str, Said]) -> None:
    given = {each.item: each for each in draft.responses}
    for item, answer in answers.items():
        if answer is None:
            if item in given:
                draft.responses.remove(given[item])
            continue
        if item not in given:
            draft.responses.append(given.setdefault(item, DraftResponse(item=item)))
        given[item].say(answer)


def discard_draft(*, by: User, draft: Draft) -> None:
    """Throw away what was answered so far, on purpose; the trail keeps it."""
    check(may_record_assessment(by, draft.person))
    write_event(
        by=by, action="discard_draft", record=draft, before=facts(draft) | {"responses": draft.answers}, after={}
    )
    db.session.delete(draft)
