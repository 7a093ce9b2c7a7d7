"""The tables, a module a noun."""

from __future__ import annotations

from .assessment import Assessment, ItemResponse, ReportedScore
from .audit import AuditEvent
from .base import Base
from .person import Characteristic, Consent, Identity, Person
from .referral import MOST_MINUTES, Assignment, Contact, Referral
from .resource import STILL_ASKED, FaultReport, Resource, Signpost
from .service_use import ServiceUse
from .staff import STAFF_ROLES, Membership, Post, SignIn, SignInFailure, User
from .study import Allocation, Arm, Site, Study

__all__ = [
    "MOST_MINUTES", "STAFF_ROLES", "STILL_ASKED", "Allocation", "Arm", "Assessment", "Assignment", "AuditEvent", "Base",
    "Characteristic", "Consent", "Contact", "FaultReport", "Identity", "ItemResponse", "Membership", "Person", "Post",
    "Referral", "ReportedScore", "Resource", "ServiceUse", "SignIn", "SignInFailure", "Signpost", "Site", "Study",
    "User",
]  # fmt: skip
