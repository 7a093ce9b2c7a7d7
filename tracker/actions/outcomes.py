"""Outcomes: assessments with their answers, scores that others report, and use of health services."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm.attributes import flag_modified

from instruments import get
from instruments.codes import RESPONDENTS
from instruments.definition import Instrument

from ..extensions import db, today
from ..models import ANSWERED, Assessment, ItemResponse, Person, ReportedScore, Said, ServiceUse, User, codes_of
from ..permissions import may_import, may_record_assessment, may_record_service_use
from ..queries.drafts import draft as draft_of
from .audit import facts, write_event
from .refusal import CHANGED_MEANWHILE, SENT_BEFORE, Conflict, Refused, check, refuse_bad_answers, translated


@dataclass(frozen=True, slots=True)
class Administration:
    """When, how and by whom an instrument was answered."""

    timepoint: str
    assessed_on: date
    mode: str
    respondent: str


def record_assessment(
    *, by: User, person: Person, instrument: Instrument, administration: Administration,
    responses: Mapping[str, Said], client_key: uuid.UUID, reason: str | None = None,
) -> Assessment:  # fmt: skip
    """Save an answered instrument: complete when every item that is asked has an answer, else partly answered.

    What was written down as missed or declined is answered after all, and the draft has served; the trail keeps both.
    `reason` says how the answers came, where a member of staff did not write them down.
    """
    check(may_record_assessment(by, person))
    _check_date(person, administration.assessed_on)
    _check_respondent(instrument, administration.respondent)
    _check_answers(instrument, responses)
    answers = _answers(instrument, responses)
    if first := _sent_before(client_key, person, instrument, asdict(administration), answers):
        return first
    status = _status(instrument, answers)
    assessment = _missed(person, instrument, administration.timepoint)
    before = facts(assessment) if assessment else None
    if assessment is None:
        assessment = _assessment(by, person, instrument, administration, status, client_key)
    else:
        assessment.client_key = client_key
        _answer_after_all(assessment, instrument, administration, status)
    with translated():
        db.session.flush()
    if draft := draft_of(person, instrument.id, administration.timepoint, by=by):
        db.session.delete(draft)
    for item, answer in answers.items():
        response = ItemResponse(item=item)
        response.say(answer)
        assessment.responses.append(response)
    after = facts(assessment) | {"responses": answers}
    write_event(by=by, action="record_assessment", record=assessment, before=before, after=after, reason=reason)
    return assessment


def _answers(instrument: Instrument, responses: Mapping[str, Said]) -> dict[str, int | str]:
    """What was said to every item; of those left out, whether they were asked at all."""
    given = codes_of(responses)
    left_out = {item.id: "not-answered" if item.is_asked(given) else "not-asked" for item in instrument.items}
    return left_out | {item: answer for item, answer in responses.items() if answer is not None}


def _status(instrument: Instrument, answers: Mapping[str, Said]) -> str:
    given = codes_of(answers)
    asked = [item.id for item in instrument.items if item.is_asked(given)]
    return "partial" if any(given[item] is None for item in asked) else "complete"


def _missed(person: Person, instrument: Instrument, timepoint: str) -> Assessment | None:
    return db.session.scalar(
        select(Assessment).where(
            Assessment.person_id == person.id, Assessment.instrument == instrument.id,
            Assessment.timepoint == timepoint, Assessment.status.not_in(ANSWERED),
        )
    )  # fmt: skip


def _answer_after_all(missed: Assessment, instrument: Instrument, administration: Administration, status: str) -> None:
    missed.status, missed.missing_reason, missed.instrument_version = status, None, instrument.version
    for name, value in asdict(administration).items():
        setattr(missed, name, value)


def _check_respondent(instrument: Instrument, respondent: str) -> None:
    if respondent not in instrument.respondents:
        allowed = ", ".join(RESPONDENTS[each] for each in instrument.respondents)
        raise Refused("respondent", f"{instrument.short_title} cannot be answered like that. Choose: {allowed}.")


def record_missed_assessment(
    *, by: User, person: Person, instrument: Instrument, administration: Administration,
    status: str, missing_reason: str, client_key: uuid.UUID,
) -> Assessment:  # fmt: skip
    """Write down that an outcome was missed or declined, and why."""
    check(may_record_assessment(by, person))
    _check_date(person, administration.assessed_on)
    said = asdict(administration) | {"status": status, "missing_reason": missing_reason}
    if first := _sent_before(client_key, person, instrument, said, {}):
        return first
    assessment = _assessment(by, person, instrument, administration, status, client_key)
    assessment.missing_reason = missing_reason
    with translated():
        write_event(by=by, action="record_missed_assessment", record=assessment)
    return assessment


def _assessment(
    by: User, person: Person, instrument: Instrument, administration: Administration, status: str, client_key: uuid.UUID
) -> Assessment:
    assessment = Assessment(
        client_key=client_key, person_id=person.id, instrument=instrument.id, recorded_by=by.id,
        instrument_version=instrument.version, status=status, **asdict(administration),
    )  # fmt: skip
    assessment.person = person
    db.session.add(assessment)
    return assessment


def _sent_before(
    client_key: uuid.UUID, person: Person, instrument: Instrument, said: Mapping[str, object],
    answers: Mapping[str, int | str],
) -> Assessment | None:  # fmt: skip
    """The assessment that came with this key before, if any; with other content it is a conflict."""
    first = db.session.scalar(select(Assessment).where(Assessment.client_key == client_key))
    if first is None:
        return None
    content = {"person_id": person.id, "instrument": instrument.id, **said}
    same = all(getattr(first, name) == value for name, value in content.items())
    if not same or {each.item: each.said for each in first.responses} != answers:
        raise Conflict("form", SENT_BEFORE)
    return first


def _check_answers(instrument: Instrument, responses: Mapping[str, Said]) -> None:
    given = codes_of(responses)
    refuse_bad_answers(instrument, given)
    if all(code is None for code in given.values()):
        raise Refused("form", "No question is answered. Answer at least one, or record the outcome as missed.")


def _check_date(person: Person, assessed_on: date) -> None:
    if assessed_on > today():
        raise Refused("assessed_on", "The date of the assessment is in the future. Enter today or an earlier date.")
    if (person.entered_on - assessed_on).days > 366:
        raise Refused("assessed_on", "The assessment is dated more than a year before entry. Correct the date.")


def correct_assessment(
    *, by: User, assessment: Assessment, version: int, responses: Mapping[str, Said], reason: str
) -> None:
    """Change saved answers, with a reason that the trail keeps."""
    check(may_record_assessment(by, assessment.person))
    if assessment.version != version:
        raise Conflict("form", CHANGED_MEANWHILE)
    if not reason.strip():
        raise Refused("reason", "Say why the saved answers change.")
    if not assessment.responses:
        raise Conflict("form", "There are no answers to correct: this outcome was not collected.")
    instrument = get(assessment.instrument, assessment.instrument_version)
    _check_answers(instrument, responses)
    before = facts(assessment) | {"responses": {each.item: each.said for each in assessment.responses}}
    answers = _answers(instrument, responses)
    for each in assessment.responses:
        each.say(answers[each.item])
    assessment.status = _status(instrument, answers)
    flag_modified(assessment, "status")  # the answers are rows of their own; their assessment carries the version
    write_event(
        by=by, action="correct_assessment", record=assessment, before=before, reason=reason,
        after=facts(assessment) | {"responses": answers},
    )  # fmt: skip


def record_reported_scores(
    *, by: User, person: Person, instrument: str, version: str, administration: Administration,
    scores: Mapping[str, tuple[str | None, float]],
) -> Assessment:  # fmt: skip
    """Save scores that came from elsewhere without their answers: scale -> (value set, score)."""
    check(may_import(by, person.study))
    assessment = Assessment(
        client_key=uuid.uuid4(), person_id=person.id, instrument=instrument, instrument_version=version,
        status="complete", recorded_by=by.id, **asdict(administration),
    )  # fmt: skip
    db.session.add(assessment)
    for scale, (value_set, value) in scores.items():
        assessment.reported_scores.append(ReportedScore(scale=scale, value_set=value_set, score=value))
    with translated():
        db.session.flush()
    reported = {scale: value for scale, (_, value) in scores.items()}
    write_event(
        by=by, action="record_reported_scores", record=assessment, after=facts(assessment) | {"scores": reported}
    )
    return assessment


def record_service_use(
    *, by: User, person: Person, setting: str, from_on: date, until_on: date, count: int, source: str
) -> ServiceUse:
    """Save a count of health-service use over a period; the last day is not counted."""
    check(may_record_service_use(by, person) or may_import(by, person.study))
    if until_on <= from_on:
        raise Refused("until_on", "The period ends before it begins. Enter a later end date.")
    if until_on > today() + timedelta(days=1):  # the day itself is not counted, so today may be the last
        raise Refused("until_on", "The period goes on after today. Enter tomorrow or an earlier date.")
    if not 0 <= count <= 1000:
        raise Refused("count", "The number must be between 0 and 1,000. Check the record.")
    use = ServiceUse(
        person_id=person.id, setting=setting, from_on=from_on, until_on=until_on,
        count=count, source=source, recorded_by=by.id,
    )  # fmt: skip
    db.session.add(use)
    with translated():
        write_event(by=by, action="record_service_use", record=use)
    return use
