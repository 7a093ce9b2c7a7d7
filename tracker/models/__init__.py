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
from .goal import CLOSEST, Goal, GoalProgress
from .held import KEPT_FOR, HeldForm
from .person import Characteristic, Condition, Consent, Identity, Person, opened_name, sealed_name
from .referral import (
    MOST_ATTEMPTS,
    MOST_MINUTES,
    Assignment,
    Contact,
    Need,
    Referral,
    ReferralContacts,
    Reopening,
    sum_up_contacts,
)
from .resource import STILL_ASKED, FaultReport, Resource, Signpost
from .safety import SAFETY_KINDS, SafetyFlag, warning
from .self_completion import LINK_VALID, LONGEST, MOST_IDLE, WAYS, SelfCompletion, SelfCompletionPart, digest_of
from .service_use import ServiceUse, SiteUse
from .sign_in import ABSOLUTE, IDLE, SIGN_IN_METHODS, Authenticator, Passkey, RecoveryCode, SignIn, SignInFailure
from .staff import STAFF_ROLES, TEXT_SIZES, Invitation, Membership, Post, User
from .study import Allocation, Arm, Site, Study
from .wording import Wording

__all__ = [
    "ABSOLUTE", "ANSWERED", "CLOSEST", "IDLE", "KEPT_FOR", "LINK_VALID", "LONGEST", "MOST_ATTEMPTS", "MOST_IDLE",
    "MOST_MINUTES", "SAFETY_KINDS", "SIGN_IN_METHODS", "STAFF_ROLES", "STILL_ASKED", "TEXT_SIZES", "WAYS",
    "Allocation", "Arm", "Assessment", "Assignment", "AuditEvent", "Authenticator", "Base", "Characteristic",
    "Condition", "Consent", "Contact", "Draft", "DraftResponse", "FaultReport", "Goal", "GoalProgress", "HeldForm",
    "Identity", "Invitation", "ItemResponse", "Membership", "Need", "Passkey", "Person", "Post", "RecoveryCode",
    "Referral", "ReferralContacts", "Reopening", "ReportedScore", "Resource", "SafetyFlag", "Said", "SelfCompletion",
    "SelfCompletionPart", "ServiceUse", "SignIn", "SignInFailure", "Signpost", "Site", "SiteUse", "Study", "User",
    "Wording", "codes_of", "digest_of", "opened_name", "sealed_name", "sum_up_contacts", "warning",
]  # fmt: skip
