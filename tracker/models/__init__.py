"""The tables, a module a noun."""

from __future__ import annotations

from .assessment import (
    ANSWERED,
    Assessment,
    Draft,
    DraftResponse,
    ItemResponse,
    ReportedScore,
    Said,
    codes_of,
)
from .audit import AuditEvent
from .base import Base
from .person import Characteristic, Consent, Identity, Person
from .referral import MOST_MINUTES, Assignment, Contact, Referral
from .resource import Resource, Signpost
from .service_use import ServiceUse
from .staff import STAFF_ROLES, Membership, Post, SignIn, SignInFailure, User
from .study import Allocation, Arm, Site, Study
from .wording import Wording

__all__ = [
    "ANSWERED", "MOST_MINUTES", "STAFF_ROLES", "Allocation", "Arm", "Assessment", "Assignment", "AuditEvent", "Base",
    "Characteristic", "Consent", "Contact", "Draft", "DraftResponse", "Identity", "ItemResponse", "Membership",
    "Person", "Post", "Referral", "ReportedScore", "Resource", "Said", "ServiceUse", "SignIn", "SignInFailure",
    "Signpost", "Site", "Study", "User", "Wording", "codes_of",
]  # fmt: skip
