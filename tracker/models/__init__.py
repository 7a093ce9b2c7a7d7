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
from .person import Characteristic, Condition, Consent, Identity, Person
from .referral import MOST_ATTEMPTS, MOST_MINUTES, Assignment, Contact, Need, Referral, Reopening
from .resource import Resource, Signpost
from .safety import SAFETY_KINDS, SafetyFlag
from .service_use import ServiceUse
from .staff import STAFF_ROLES, Membership, Post, SignIn, SignInFailure, User
from .study import Allocation, Arm, Site, Study
from .wording import Wording

__all__ = [
    "ANSWERED", "MOST_ATTEMPTS", "MOST_MINUTES", "SAFETY_KINDS", "STAFF_ROLES", "Allocation", "Arm", "Assessment",
    "Assignment", "AuditEvent", "Base", "Characteristic", "Condition", "Consent", "Contact", "Draft", "DraftResponse",
    "Identity", "ItemResponse", "Membership", "Need", "Person", "Post", "Referral", "Reopening", "ReportedScore",
    "Resource", "SafetyFlag", "Said", "ServiceUse", "SignIn", "SignInFailure", "Signpost", "Site", "Study", "User",
    "Wording", "codes_of",
]  # fmt: skip
