"""An episode with a link worker: the referral, what it is about, who held it, when it paused, and every contact."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import date

from sqlalchemy import (
    CheckConstraint,
    Index,
    Select,
    String,
    Text,
    UniqueConstraint,
    case,
    delete,
    event,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.orm import Mapped, Session, UOWTransaction, relationship

from instruments.codes import (
    ANSWER_REASONS,
    ATTENDANCES,
    CLOSURE_REASONS,
    CONTACT_MODES,
    NEEDS,
    REFERRAL_SOURCES,
    REFERRAL_STATUSES,
)

from ..extensions import take_turn
from .base import Base, Recorded, Versioned, code, column, in_order, key, link, one_of
from .person import Person
from .staff import User

MOST_MINUTES = 480
MOST_ATTEMPTS = 50


class Referral(Recorded, Versioned, Base):
    __tablename__ = "referral"
    __table_args__ = (
        one_of("source", REFERRAL_SOURCES),
        one_of("status", REFERRAL_STATUSES),
        one_of("answer_reason", ANSWER_REASONS),
        one_of("closure_reason", CLOSURE_REASONS),
        in_order("referred_on", "decided_on"),
        in_order("referred_on", "tried_on"),
        in_order("referred_on", "closed_on"),
        CheckConstraint(f"attempts BETWEEN 0 AND {MOST_ATTEMPTS}", name="attempts_range"),
        CheckConstraint(
            "answer_reason IS NULL OR status IN ('declined', 'unreachable')", name="answer_reason_of_a_refusal"
        ),
        CheckConstraint("(closed_on IS NULL) = (closure_reason IS NULL)", name="closed_on_with_reason"),
        CheckConstraint("status = 'offered' OR decided_on IS NOT NULL", name="answer_with_date"),
        Index(
            "ix_referral_open",
            "person_id",
            sqlite_where=text("closed_on IS NULL"),
            postgresql_where=text("closed_on IS NULL"),
        ),
    )
    id: Mapped[uuid.UUID] = key()
    person_id: Mapped[uuid.UUID] = link("person")
    source: Mapped[str] = code("research")
    referred_on: Mapped[date] = column("research")
    reason: Mapped[str | None] = column("text", Text())
    status: Mapped[str] = code("research")
    decided_on: Mapped[date | None] = column("research")
    answer_reason: Mapped[str | None] = code("research")
    attempts: Mapped[int | None] = column("research")
    tried_on: Mapped[date | None] = column("research")
    closed_on: Mapped[date | None] = column("research")
    closure_reason: Mapped[str | None] = code("research")
    person: Mapped[Person] = relationship()
    assignments: Mapped[list[Assignment]] = relationship(
        back_populates="referral", order_by="Assignment.from_on, Assignment.recorded_at"
    )
    needs: Mapped[list[Need]] = relationship(
        back_populates="referral", order_by="Need.recorded_at", cascade="all, delete-orphan"
    )
    reopenings: Mapped[list[Reopening]] = relationship(back_populates="referral", order_by="Reopening.reopened_on")

    @property
    def death_told_on(self) -> date | None:
        """The day of a closing or an answer that says that the person died."""
        if self.closure_reason == "died":
            return self.closed_on
        return self.decided_on if self.answer_reason == "died" else None

    @property
    def current(self) -> Assignment | None:
        """Who holds it now."""
        return next((each for each in self.assignments if each.until_on is None), None)


class Need(Recorded, Base):
    """One of the things that a referral is about."""

    __tablename__ = "need"
    __table_args__ = (one_of("need", NEEDS), UniqueConstraint("referral_id", "need"))
    id: Mapped[uuid.UUID] = key()
    referral_id: Mapped[uuid.UUID] = link("referral", index=False)
    need: Mapped[str] = code("research")
    referral: Mapped[Referral] = relationship(back_populates="needs")


class Reopening(Recorded, Base):
    """A time when the referral was closed, and how it ended: it was not open in between."""

    __tablename__ = "reopening"
    __table_args__ = (one_of("closure_reason", CLOSURE_REASONS), in_order("closed_on", "reopened_on"))
    id: Mapped[uuid.UUID] = key()
    referral_id: Mapped[uuid.UUID] = link("referral")
    closed_on: Mapped[date] = column("research")
    closure_reason: Mapped[str] = code("research")
    reopened_on: Mapped[date] = column("research")
    reason: Mapped[str] = column("text", String(400))
    referral: Mapped[Referral] = relationship(back_populates="reopenings")


class Assignment(Recorded, Base):
    """Which link worker held the referral from when to when: the caseload on any date is exact."""

    __tablename__ = "assignment"
    __table_args__ = (
        in_order("from_on", "until_on"),
        Index(
            "uq_assignment_current", "referral_id", unique=True,
            sqlite_where=text("until_on IS NULL"), postgresql_where=text("until_on IS NULL"),
        ),
    )  # fmt: skip
    id: Mapped[uuid.UUID] = key()
    referral_id: Mapped[uuid.UUID] = link("referral")
    worker_id: Mapped[uuid.UUID] = link("user")
    from_on: Mapped[date] = column("research")
    until_on: Mapped[date | None] = column("research")
    referral: Mapped[Referral] = relationship(back_populates="assignments")
    worker: Mapped[User] = relationship(foreign_keys=[worker_id])


class Contact(Recorded, Versioned, Base):
    __tablename__ = "contact"
    __table_args__ = (
        one_of("mode", CONTACT_MODES),
        one_of("attendance", ATTENDANCES),
        CheckConstraint(f"minutes BETWEEN 0 AND {MOST_MINUTES}", name="minutes_range"),
        CheckConstraint("attendance <> 'attended' OR minutes > 0", name="attended_takes_time"),
        CheckConstraint(f"travel_minutes BETWEEN 0 AND {MOST_MINUTES}", name="travel_minutes_range"),
        UniqueConstraint("client_key"),
        Index("ix_contact_referral_id_contacted_on", "referral_id", "contacted_on"),
    )
    id: Mapped[uuid.UUID] = key()
    client_key: Mapped[uuid.UUID] = column("internal")
    referral_id: Mapped[uuid.UUID] = link("referral", index=False)
    worker_id: Mapped[uuid.UUID] = link("user")
    contacted_on: Mapped[date] = column("research")
    mode: Mapped[str] = code("research")
    attendance: Mapped[str] = code("research")
    minutes: Mapped[int] = column("research")
    travel_minutes: Mapped[int | None] = column("research")
    topics: Mapped[str | None] = column("text", String(400))
    note: Mapped[str | None] = column("text", Text())
    next_contact_on: Mapped[date | None] = column("internal")
    referral: Mapped[Referral] = relationship()
    worker: Mapped[User] = relationship(foreign_keys=[worker_id])


class ReferralContacts(Base):
    """A referral's contacts summed up, because lists show them for everybody at once; no row before the first contact.

    Worked out anew from the contacts whenever a session has written one: nothing else writes here.
    """

    __tablename__ = "referral_contacts"
    referral_id: Mapped[uuid.UUID] = link("referral", primary_key=True, index=False)
    last_contact_on: Mapped[date] = column("internal")
    next_contact_on: Mapped[date | None] = column("internal")
    attended: Mapped[int] = column("internal")


@event.listens_for(Session, "after_flush")
def _after_flush(session: Session, _: UOWTransaction) -> None:
    if touched := {
        each.referral_id for each in (*session.new, *session.dirty, *session.deleted) if isinstance(each, Contact)
    }:
        sum_up_contacts(session, touched)


def sum_up_contacts(session: Session, referrals: Collection[uuid.UUID]) -> None:
    """Write what `ReferralContacts` keeps of these referrals anew."""
    take_turn(session)  # two who log at once would each count without the other
    session.execute(delete(ReferralContacts).where(ReferralContacts.referral_id.in_(referrals)))
    names = list(ReferralContacts.__table__.columns.keys())
    session.execute(insert(ReferralContacts).from_select(names, contacts_summed(referrals)))


def contacts_summed(referrals: Collection[uuid.UUID]) -> Select[uuid.UUID, date, date | None, int]:
    """The columns of `ReferralContacts`, from the contacts themselves. Only what the last contact agreed still holds;
    of several on one day, what was written down last.
    """
    attended = func.sum(case((Contact.attendance == "attended", 1), else_=0))
    of_each = (
        select(Contact.referral_id, func.max(Contact.contacted_on).label("last_on"), attended.label("attended"))
        .where(Contact.referral_id.in_(referrals))
        .group_by(Contact.referral_id)
        .subquery()
    )
    agreed = (
        select(Contact.next_contact_on)
        .where(Contact.referral_id == of_each.c.referral_id, Contact.contacted_on == of_each.c.last_on)
        .where(Contact.next_contact_on.is_not(None))
        .order_by(Contact.recorded_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    return select(of_each.c.referral_id, of_each.c.last_on, agreed, of_each.c.attended)
