"""Every form of the tracker, with who fills it in, where it stands, and answers that it takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from instruments import get, wording
from tests.world import COMPLETE, PASSWORD, days_ago


@dataclass(frozen=True)
class Ago:
    """A day this long ago, typed into three boxes."""

    days: int


@dataclass(frozen=True)
class Form:
    """One form: its route, a name to call it, who fills it in, its address and answers that it takes.

    Names in braces stand for ids of the world.
    """

    route: str
    name: str
    who: str
    path: str
    answers: Mapping[str, object]
    status: int = 302
    """What it answers with when it was filled in well: it leads on, or (200) shows what is shown only once."""

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


def boxes(answers: Mapping[str, object]) -> dict[str, str]:
    """Answers as a browser sends them: a day as three boxes, no value as no box."""
    sent: dict[str, str] = {}
    for name, value in answers.items():
        day = days_ago(value.days) if isinstance(value, Ago) else value
        if isinstance(day, date):
            sent |= {f"{name}-day": str(day.day), f"{name}-month": str(day.month), f"{name}-year": str(day.year)}
        elif value is not None:
            sent[name.replace("__", "-")] = str(value)
    return sent


def _answers(instrument: str) -> dict[str, object]:
    return {f"item-{item}": value for item, value in COMPLETE[instrument].items()}


IDENTITY = {
    "name": "Nora Newcomer", "nhs_number": "943 476 5919", "date_of_birth": date(1956, 3, 31), "phone": "07700 900456",
    "address": "3 Brook Row, Elmstead",
}  # fmt: skip
KNOWN = {
    "sex": "female", "ethnicity": "white", "lives_alone": "yes", "carer": "no", "conditions": "diabetes",
    "ltc_count": 3, "deprivation": 2,
}  # fmt: skip
NEWCOMER = IDENTITY | {"entered_on": Ago(3), "research_consent": "y"} | KNOWN
REFERRED = {
    "source": "gp", "referred_on": Ago(3), "needs": "loneliness", "status": "accepted", "reason": "Lonely since the move",
}  # fmt: skip
ASKED = {"assessed_on": Ago(2), "mode": "telephone", "respondent": "self"}
CONTACT = {
    "mode": "phone", "attendance": "attended", "minutes": 35, "contacted_on": Ago(2), "travel_minutes": 10,
    "topics": "Money, housing", "note": "Prefers mornings", "next_in": "", "next_contact_on": Ago(-20),
}  # fmt: skip
ATTENDANCE = {
    "setting": "gp", "count": 4, "from_on": Ago(200), "until_on": Ago(20), "source": "record-extract",
}  # fmt: skip
RESOURCE = {
    "name": "Allotment", "category": "nature", "provider": "The Town Trust", "area": "North", "cost": "free",
    "description": "Digging together", "eligibility": "Anyone", "opening_times": "Saturdays", "phone": "01632 960 001",
    "email": "dig@test.example", "website": "https://dig.test.example", "address": "Plot 4, Mill Lane", "town": "Elmstead",
    "postcode": "EX1 0AA", "capacity": "open", "checked_on": Ago(3),
}  # fmt: skip
MISSED = {"status": "missed", "missing_reason": "not-reached", "assessed_on": Ago(1)}

W = "link-worker"
SIGN_IN = Form(
    "security.login", "sign-in", "nobody", "/sign-in",
    {"email": "link-worker@test.example", "password": PASSWORD},
)  # fmt: skip
CHOOSE_SITE = Form(
    "people.choose_site", "choose-site", "supervisor", "/people/new", {"site": "{study_garden}:{site_quay}"}
)
ADD_REFERRED = Form(
    "people.add", "add-referred", W, "/studies/{study_garden}/sites/{site_mill}/people/new",
    NEWCOMER | REFERRED | {"service_consent": "y"},
)  # fmt: skip
ADD_COMPARED = Form(
    "people.add", "add-compared", "pond-keeper", "/studies/{study_garden}/sites/{site_pond}/people/new", NEWCOMER
)
PERSON_DETAILS = Form(
    "people.details", "details", W, "/people/{own}/details", IDENTITY | {"nhs_number": "943 476 5870"}
)
ENTRY = Form("people.entry", "entry", W, "/people/{own}/entry", KNOWN)
REFER_AGAIN = Form("referrals.add", "refer-again", W, "/people/{returned}/referrals/new", REFERRED)
NEEDS = Form("referrals.needs", "needs", W, "/referrals/{referral}/needs", {"needs": "money"})
ANSWER = Form(
    "referrals.answer", "answer", W, "/referrals/{offered}/answer",
    {"status": "accepted", "decided_on": Ago(1), "attempts": 2},
)  # fmt: skip
HAND_OVER = Form(
    "referrals.hand_over", "hand-over", W, "/referrals/{referral}/hand-over",
    {"worker": "{user_supervisor}", "from_on": Ago(1)},
)  # fmt: skip
HAND_OVER_ALL = Form(
    "team.hand_over", "hand-over-all", "supervisor", "/team/workers/{worker}/hand-over",
    {"which": "some", "referrals": "{referral}", "worker": "{user_supervisor}", "from_on": Ago(1), "reason": "On leave"},
    status=200,
)  # fmt: skip
"""It shows what would happen; nothing is written before that is said yes to, see test_team_pages."""
CLOSE = Form(
    "referrals.close", "close", W, "/referrals/{referral}/close", {"closed_on": Ago(1), "closure_reason": "completed"}
)
REOPEN = Form(
    "referrals.reopen", "reopen", W, "/referrals/{closed}/reopen",
    {"reason": "The lunch group closed down", "reopened_on": Ago(1)},
)  # fmt: skip
FLAG = Form(
    "safety.add", "safety-flag", W, "/people/{own}/safety-flags/new",
    {"kind": "animal", "note": "Two dogs, loose", "review_on": Ago(-30)},
)  # fmt: skip
REVIEW = Form(
    "safety.review", "review-flag", W, "/safety-flags/{flag}",
    {"decision": "end", "reason": "The neighbour moved away", "review_on": Ago(-30)},
)  # fmt: skip
GOAL = Form("goals.add", "goal", W, "/people/{own}/goals/new", {"words": "See the sea again", "set_on": Ago(2)})
REWORD = Form("goals.reword", "reword-goal", W, "/goals/{goal}/edit", {"words": "Walk to the shop and back"})
PROGRESS = Form(
    "goals.progress", "goal-progress", W, "/goals/{goal}/progress",
    {"closeness": 6, "status": "open", "note": "Went with her neighbour", "noted_on": Ago(1)},
)  # fmt: skip
LEAVE = Form("people.leave", "leave", W, "/people/{own}/leaving", {"left_on": Ago(1), "left_reason": "moved"})
CONSENT = Form("people.consent", "consent", W, "/people/{own}/consents/new", {"kind": "linkage", "given_on": Ago(3)})
WITHDRAW = Form(
    "people.withdraw", "withdraw", W, "/people/{own}/withdrawal",
    {"withdrawn_on": Ago(1), "on_withdrawal": "keep", "reason": "By letter"},
)  # fmt: skip
SIGNPOSTS = {
    "resource_1": "{resource}", "kind_1": "accompanied", "although_full_1": None,
    "resource_2": "{resource}", "kind_2": "information", "resource_3": "{resource}", "kind_3": "referral",
}  # fmt: skip
LOG = Form("contacts.log", "log-contact", W, "/referrals/{referral}/contacts/new", CONTACT | SIGNPOSTS)
CORRECT_CONTACT = Form(
    "contacts.correct",
    "correct-contact",
    W,
    "/contacts/{contact}/edit",
    CONTACT | {"reason": "Forgot the travel", "mistaken": ""},
)
SIGNPOST = Form(
    "signposts.add",
    "signpost",
    W,
    "/people/{own}/signposts/new",
    {"resource": "{resource}", "kind": "accompanied", "signposted_on": Ago(3), "ask_again_on": Ago(-7)},
)
CAME_OF = Form(
    "signposts.answer", "came-of-it", W, "/signposts/{signpost}/outcome",
    {"outcome": "attended", "sessions_attended": 3, "ask_again_on": None},
)  # fmt: skip
ADD_RESOURCE = Form("resources.add", "add-resource", W, "/studies/{study_garden}/resources/new", RESOURCE)
EDIT_RESOURCE = Form(
    "resources.edit",
    "edit-resource",
    W,
    "/resources/{resource}/edit",
    RESOURCE | {"name": "Walking group", "capacity": "full"},
)
WRONG = Form("resources.report", "report-wrong", W, "/resources/{resource}/wrong", {"reason": "The number has changed"})
ATTEND = Form("attendance.add", "attendance", W, "/people/{own}/attendance/new", ATTENDANCE)
ONS4, PHQ9, EQ5D = (
    Form("assessments.add", id, W, f"/people/{{own}}/assessments/{id}/6m", _answers(id) | ASKED) for id in COMPLETE
)
QUESTION = Form("questions.ask", "question", W, "/people/{own}/assessments/phq9/6m/questions/3", {"item-i3": 2})
CHECK = Form(
    "questions.check", "check-answers", W, "/people/{same-site}/assessments/phq9/6m/check",
    ASKED | {"unanswered": "too-unwell"},
)  # fmt: skip
CORRECT = Form(
    "assessments.correct", "correct", W, "/assessments/{phq9}/correct",
    _answers("phq9") | {"item-i1": 2, "reason": "Read from the wrong line"},
)  # fmt: skip
MISS = Form("assessments.miss", "miss", W, "/people/{own}/assessments/ons4/6m/missed", MISSED)

ASK_ALONE = Form(
    "self_completion.ask", "ask-alone", W, "/people/{own}/self-completion/6m", {"instruments": "ons4", "way": "link"},
    status=200,
)  # fmt: skip
HAND_OVER_DEVICE = Form(
    "self_completion.ask",
    "hand-over-device",
    W,
    "/people/{own}/self-completion/6m",
    {"instruments": "ons4", "way": "device"},
)

WORDS = re.sub('""', '"Invented"', wording.template(get("eq5d-5l")))
WORDING = Form(
    "library.words", "wording", "administrator", "/instruments/eq5d-5l/wording",
    {"text": WORDS.replace("{", "{{").replace("}", "}}"), "file": ""},
)  # fmt: skip

A, K = "administrator", "pond-keeper"
NEW_PASSWORD, REASON, SURE = "quiet orchard lamp", {"reason": "Asked for by telephone"}, {"sure": "yes"}
CHANGE_PASSWORD = Form(
    "account.change_password", "change-password", W, "/account/password",
    {"current": PASSWORD, "password": NEW_PASSWORD, "again": NEW_PASSWORD},
)  # fmt: skip
APPEARANCE = Form(
    "account.change_appearance", "appearance", W, "/account/appearance", {"name": "Lee Worker", "text_size": "large"}
)
END_SIGN_IN = Form("account.end_sign_in", "end-sign-in", W, "/account/sign-ins/{sign_in}/end", SURE)
END_OTHERS = Form("account.end_others", "end-others", W, "/account/sign-ins/end-others", SURE)
REMOVE_APP = Form("account.remove_app", "remove-app", K, "/account/app/remove", SURE)
REMOVE_PASSKEY = Form("account.remove_passkey", "remove-passkey", K, "/account/passkeys/{passkey}/remove", SURE)
RECOVERY_CODES = Form("account.recovery_codes", "recovery-codes", K, "/account/recovery-codes", SURE, status=200)
ROLE = {"role": "supervisor", "study": "{study_garden}", "site": "{site_quay}"}
INVITE = Form(
    "staff.invite", "invite", A, "/staff/invite", {"name": "Rowan Hill", "email": "rowan@test.example", **ROLE},
    status=200,
)  # fmt: skip
NEW_LINK = Form("staff.new_link", "new-link", A, "/staff/{worker}/link", REASON, status=200)
DISABLE = Form("staff.disable", "disable", A, "/staff/{worker}/disable", REASON)
ENABLE = Form("staff.enable", "enable", A, "/staff/{left}/enable", REASON)
END_SIGN_INS = Form("staff.end_sign_ins", "end-sign-ins", A, "/staff/{worker}/end-sign-ins", REASON)
RESET_FACTOR = Form(
    "staff.reset_second_factor", "reset-second-factor", A, "/staff/{keeper}/reset-second-factor", REASON
)
GRANT = Form("staff.grant", "grant", A, "/staff/{worker}/roles/new", ROLE)
END_ROLE = Form("staff.end_role", "end-role", A, "/roles/{membership}/end", REASON)
APPOINT = Form(
    "staff.appoint", "appoint", A, "/staff/{worker}/posts/new",
    {"site": "{site_quay}", "fte": "0.5", "from_on": Ago(30), "until_on": Ago(3)},
)  # fmt: skip
END_POST = Form("staff.end_post", "end-post", A, "/posts/{post}/end", {"until_on": Ago(1), **REASON})
DETAILS = {
    "name": "Reed Lane Surgery", "ods_code": "A81001", "list_size": 8200, "deprivation": 3,
    "deprivation_index": "imd2019-quintile",
}  # fmt: skip
ADD_SITE = Form("sites.add", "add-site", A, "/sites/new", {"slug": "reed-lane", **DETAILS})
EDIT_SITE = Form("sites.edit", "edit-site", A, "/sites/{site_mill}/edit", DETAILS)
ADMINISTRATION = (
    INVITE, NEW_LINK, DISABLE, ENABLE, END_SIGN_INS, RESET_FACTOR, GRANT, END_ROLE, APPOINT, END_POST, ADD_SITE, EDIT_SITE,
)  # fmt: skip
ACCOUNT = (CHANGE_PASSWORD, APPEARANCE, END_SIGN_IN, END_OTHERS, REMOVE_APP, REMOVE_PASSKEY, RECOVERY_CODES)

FORMS = (
    SIGN_IN, CHOOSE_SITE, ADD_REFERRED, ADD_COMPARED, PERSON_DETAILS, ENTRY, REFER_AGAIN, NEEDS, ANSWER, HAND_OVER, HAND_OVER_ALL,
    CLOSE, REOPEN, FLAG, REVIEW, GOAL, REWORD, PROGRESS, LEAVE, CONSENT, WITHDRAW, LOG, CORRECT_CONTACT, SIGNPOST,
    CAME_OF, ADD_RESOURCE, EDIT_RESOURCE, WRONG, ATTEND, ONS4, PHQ9, EQ5D, QUESTION, CHECK, CORRECT, MISS, ASK_ALONE,
    WORDING, *ACCOUNT, *ADMINISTRATION,
)  # fmt: skip
