"""The wording of instruments whose licence keeps it out of the kit, as an administrator added it."""

from __future__ import annotations

import uuid

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped

from .base import Base, Recorded, Versioned, column, key


class Wording(Recorded, Versioned, Base):
    """The file of one instrument version; printed on forms only while it is active."""

    __tablename__ = "wording"
    __table_args__ = (Index("uq_wording_instrument", "instrument", "instrument_version", unique=True),)
    id: Mapped[uuid.UUID] = key()
    instrument: Mapped[str] = column("internal", String(40))
    instrument_version: Mapped[str] = column("internal", String(40))
    text: Mapped[str] = column("text", Text())
    active: Mapped[bool] = column("internal", default=False)
