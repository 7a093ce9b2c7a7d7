"""The tables, a module a noun."""

from __future__ import annotations

from .assessment import Assessment, ItemResponse, ReportedScore
from .audit import AuditEvent
from .base import Base
from .person import Characteristic, Consent, Identity, Person
from .referral import MOST_MINUTES, Assignment, Contact, Referral
from .resource import Resource, Signpost
from .service_use import ServiceUse
from .sign_in import ABSOLUTE, IDLE, SIGN_IN_METHODS, Authenticator, Passkey, RecoveryCode, SignIn, SignInFailure
from .staff import STAFF_ROLES, TEXT_SIZES, Invitation, Membership, Post, User
from .study import Allocation, Arm, Site, Study

__all__ = [
    "ABSOLUTE", "IDLE", "MOST_MINUTES", "SIGN_IN_METHODS", "STAFF_ROLES", "TEXT_SIZES", "Allocation", "Arm",
    "Assessment", "Assignment", "AuditEvent", "Authenticator", "Base", "Characteristic", "Consent", "Contact",
    "Identity", "Invitation", "ItemResponse", "Membership", "Passkey", "Person", "Post", "RecoveryCode",
    "Referral", "ReportedScore", "Resource", "ServiceUse", "SignIn", "SignInFailure", "Signpost", "Site",
    "Study", "User",
]  # fmt: skip
