"""One administration of one instrument, and its answers. Scores are derived, never stored here."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date

from sqlalchemy import CheckConstraint, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, declared_attr, relationship

from instruments import get
from instruments.codes import ADMINISTRATION_MODES, ASSESSMENT_STATUSES, MISSING_REASONS, RESPONDENTS
from instruments.scoring import Score, score
from instruments.valuing import SEXES as SCORED_SEXES

from .base import Base, Recorded, Versioned, code, column, key, link, one_of
from .person import Person

ANSWERED = ("complete", "partial")
"""Statuses of an assessment that has answers; the others say why there are none."""

Said = int | str | None
"""What is said to an item: the code of an answer, of the reason why there is none, or nothing."""


def codes_of(said: Mapping[str, Said]) -> dict[str, int | None]:
    """The answers that are codes; None for the others."""
    return {item: each if isinstance(each, int) else None for item, each in said.items()}


class Assessment(Recorded, Versioned, Base):
    __tablename__ = "assessment"
    __table_args__ = (
        one_of("mode", ADMINISTRATION_MODES),
        one_of("respondent", RESPONDENTS),
        one_of("status", ASSESSMENT_STATUSES),
        one_of("missing_reason", MISSING_REASONS),
        CheckConstraint(
            "status NOT IN ('missed', 'declined') OR missing_reason IS NOT NULL", name="missed_with_reason"
        ),
        UniqueConstraint("client_key"),
        Index("uq_assessment_occasion", "person_id", "instrument", "timepoint", unique=True),
    )
    id: Mapped[uuid.UUID] = key()
    client_key: Mapped[uuid.UUID] = column("internal")
    person_id: Mapped[uuid.UUID] = link("person", index=False)
    instrument: Mapped[str] = column("research", String(40))
    instrument_version: Mapped[str] = column("research", String(40))
    timepoint: Mapped[str] = column("research", String(40))
    assessed_on: Mapped[date] = column("research")
    mode: Mapped[str] = code("research")
    respondent: Mapped[str] = code("research")
    status: Mapped[str] = code("research")
    missing_reason: Mapped[str | None] = code("research")
    person: Mapped[Person] = relationship()
    responses: Mapped[list[ItemResponse]] = relationship(back_populates="assessment", order_by="ItemResponse.item")
    reported_scores: Mapped[list[ReportedScore]] = relationship(back_populates="assessment")

    @property
    def age(self) -> int | None:
        """Years between the year of birth, all that is kept of it, and the year of the answers."""
        born = self.person.birth_year
        return None if born is None else self.assessed_on.year - born

    def scored(self, value_set: str | None = None) -> dict[str, Score]:
        """The scores that the answers give; of a person of unknown age or sex some rules give none."""
        return score(
            get(self.instrument, self.instrument_version),
            {response.item: response.value for response in self.responses},
            value_set=value_set,
            age=self.age,
            sex=self.person.sex if self.person.sex in SCORED_SEXES else None,
        )


class Answer:
    """What was answered to one item, or why there is no answer."""

    item: Mapped[str] = column("research", String(40), primary_key=True, sort_order=1)
    value: Mapped[int | None] = column("research", sort_order=1)
    missing_reason: Mapped[str | None] = code("research", sort_order=1)

    @property
    def said(self) -> Said:
        """The code of the answer, or of the reason why there is none."""
        return self.missing_reason if self.value is None else self.value

    def say(self, said: int | str) -> None:
        """Put down the code of an answer, or of the reason why there is none."""
        self.value, self.missing_reason = (said, None) if isinstance(said, int) else (None, said)

    @declared_attr.directive
    def __table_args__(cls) -> tuple[CheckConstraint, ...]:  # noqa: N805
        return (
            one_of("missing_reason", MISSING_REASONS),
            CheckConstraint("(value IS NULL) = (missing_reason IS NOT NULL)", name="value_or_reason"),
        )


class ItemResponse(Answer, Base):
    """One answer; who gave it and when is its assessment's."""

    __tablename__ = "item_response"
    assessment_id: Mapped[uuid.UUID] = link("assessment", index=False, primary_key=True)
    assessment: Mapped[Assessment] = relationship(back_populates="responses")


class Draft(Recorded, Base):
    """Answers given so far, before they are saved as an assessment: a closed page loses nothing."""

    __tablename__ = "draft"
    __table_args__ = (Index("uq_draft_occasion", "person_id", "instrument", "timepoint", unique=True),)
    id: Mapped[uuid.UUID] = key()
    person_id: Mapped[uuid.UUID] = link("person", index=False)
    instrument: Mapped[str] = column("research", String(40))
    instrument_version: Mapped[str] = column("research", String(40))
    timepoint: Mapped[str] = column("research", String(40))
    person: Mapped[Person] = relationship()
    responses: Mapped[list[DraftResponse]] = relationship(
        back_populates="draft", order_by="DraftResponse.item", cascade="all, delete-orphan"
    )

    @property
    def answers(self) -> dict[str, Said]:
        """What was said to each item so far."""
        return {each.item: each.said for each in self.responses}


class DraftResponse(Answer, Base):
    """One answer of a draft."""

    __tablename__ = "draft_response"
    draft_id: Mapped[uuid.UUID] = link("draft", index=False, primary_key=True)
    draft: Mapped[Draft] = relationship(back_populates="responses")


class ReportedScore(Base):
    """A score that came from elsewhere without its answers; kept apart from what is scored here."""

    __tablename__ = "reported_score"
    assessment_id: Mapped[uuid.UUID] = link("assessment", index=False, primary_key=True)
    scale: Mapped[str] = column("research", String(40), primary_key=True)
    value_set: Mapped[str | None] = column("research", String(60))
    score: Mapped[float] = column("research")
    assessment: Mapped[Assessment] = relationship(back_populates="reported_scores")
