"""The tables, a module a noun."""

from __future__ import annotations

from .assessment import Assessment, ItemResponse, ReportedScore
from .audit import AuditEvent
from .base import Base
from .person import Characteristic, Condition, Consent, Identity, Person
from .referral import MOST_ATTEMPTS, MOST_MINUTES, Assignment, Contact, Need, Referral, Reopening
from .resource import Resource, Signpost
from .safety import SAFETY_KINDS, SafetyFlag
from .service_use import ServiceUse
from .staff import STAFF_ROLES, Membership, Post, SignIn, SignInFailure, User
from .study import Allocation, Arm, Site, Study

__all__ = [
    "MOST_ATTEMPTS", "MOST_MINUTES", "SAFETY_KINDS", "STAFF_ROLES", "Allocation", "Arm", "Assessment", "Assignment",
    "AuditEvent", "Base", "Characteristic", "Condition", "Consent", "Contact", "Identity", "ItemResponse", "Membership",
    "Need", "Person", "Post", "Referral", "Reopening", "ReportedScore", "Resource", "SafetyFlag", "ServiceUse",
    "SignIn", "SignInFailure", "Signpost", "Site", "Study", "User",
]  # fmt: skip
