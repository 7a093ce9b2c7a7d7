"""What everybody who meets a person has to know first. Free text of staff: never part of an export."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, relationship

from .base import Base, Recorded, UtcDateTime, Versioned, column, key, link, one_of
from .person import Person
from .staff import User

SAFETY_KINDS = {
    "not-alone": "Do not visit alone",
    "address": "Known risk at the address",
    "animal": "Dog or other animal",
    "violence": "Threats or violence",
    "messages": "Do not leave messages or letters",
    "other": "Other",
}


class SafetyFlag(Recorded, Versioned, Base):
    """A warning about one person: who set it, until when it holds without a second look, and how it ended."""

    __tablename__ = "safety_flag"
    __table_args__ = (
        one_of("kind", SAFETY_KINDS),
        CheckConstraint("kind <> 'other' OR note IS NOT NULL", name="other_says_what"),
        CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended_at_with_by"),
        CheckConstraint("(ended_at IS NULL) = (ended_reason IS NULL)", name="ended_at_with_reason"),
    )
    id: Mapped[uuid.UUID] = key()
    person_id: Mapped[uuid.UUID] = link("person")
    kind: Mapped[str] = column("text", String(40))
    note: Mapped[str | None] = column("text", String(200))
    review_on: Mapped[date] = column("internal")
    ended_at: Mapped[datetime | None] = column("internal", UtcDateTime())
    ended_by: Mapped[uuid.UUID | None] = link("user", index=False)
    ended_reason: Mapped[str | None] = column("text", String(400))
    person: Mapped[Person] = relationship()
    author: Mapped[User] = relationship(foreign_keys="SafetyFlag.recorded_by")

    @property
    def words(self) -> str:
        return warning(self.kind, self.note)


def warning(kind: str, note: str | None) -> str:
    """What stands in the banner."""
    return note or "" if kind == "other" else ": ".join(filter(None, (SAFETY_KINDS[kind], note)))
