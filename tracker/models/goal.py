"""What matters to a person, in their words, and how close they come to it. Free text: never part of an export."""

from __future__ import annotations

import uuid
from datetime import date

from sqlalchemy import CheckConstraint, String, UniqueConstraint
from sqlalchemy.orm import Mapped, relationship

from instruments.codes import GOAL_STATUSES

from .base import Base, Recorded, Versioned, column, in_order, key, link, one_of
from .person import Person

CLOSEST = 10


class Goal(Recorded, Versioned, Base):
    """Something the person wants, from the day they said so until it is reached or no longer wanted."""

    __tablename__ = "goal"
    __table_args__ = (
        one_of("status", GOAL_STATUSES),
        CheckConstraint("(status = 'open') = (ended_on IS NULL)", name="ended_on_with_status"),
        in_order("set_on", "ended_on"),
    )
    id: Mapped[uuid.UUID] = key()
    person_id: Mapped[uuid.UUID] = link("person")
    words: Mapped[str] = column("text", String(400))
    set_on: Mapped[date] = column("internal")
    status: Mapped[str] = column("internal", String(40), default="open")
    ended_on: Mapped[date | None] = column("internal")
    person: Mapped[Person] = relationship()
    progress: Mapped[list[GoalProgress]] = relationship(order_by="GoalProgress.noted_on", back_populates="goal")

    @property
    def latest(self) -> GoalProgress | None:
        return self.progress[-1] if self.progress else None


class GoalProgress(Recorded, Base):
    """How close the person says they are on one day, from 0 (not at all) to 10 (reached)."""

    __tablename__ = "goal_progress"
    __table_args__ = (
        UniqueConstraint("goal_id", "noted_on"),
        CheckConstraint(f"closeness BETWEEN 0 AND {CLOSEST}", name="closeness_range"),
    )
    id: Mapped[uuid.UUID] = key()
    goal_id: Mapped[uuid.UUID] = link("goal", index=False)
    noted_on: Mapped[date] = column("internal")
    closeness: Mapped[int] = column("internal")
    note: Mapped[str | None] = column("text", String(400))
    goal: Mapped[Goal] = relationship(back_populates="progress")
