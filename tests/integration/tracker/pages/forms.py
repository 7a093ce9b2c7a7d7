"""Every form of the tracker, with who fills it in, where it stands, and answers that it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

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


NEWCOMER = {
    "name": "Nora Newcomer", "nhs_number": "943 476 5919", "date_of_birth": date(1956, 3, 31), "phone": "07700 900456",
    "entered_on": Ago(3), "research_consent": "y", "sex": "female", "ethnicity": "white", "lives_alone": "yes",
    "carer": "no", "ltc_count": 3, "deprivation": 2,
}  # fmt: skip
REFERRED = {"source": "gp", "referred_on": Ago(3), "status": "accepted", "reason": "Lonely since the move"}
ASKED = {"assessed_on": Ago(2), "mode": "telephone", "respondent": "self"}
CONTACT = {
    "mode": "phone", "attendance": "attended", "minutes": 35, "contacted_on": Ago(2), "travel_minutes": 10,
    "topics": "Money, housing", "note": "Prefers mornings",
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
    "people.add", "add-referred", W, "/studies/{study_garden}/sites/{site_mill}/people/new", NEWCOMER | REFERRED
)
ADD_COMPARED = Form(
    "people.add", "add-compared", "pond-keeper", "/studies/{study_garden}/sites/{site_pond}/people/new", NEWCOMER
)
ANSWER = Form("people.answer", "answer", W, "/referrals/{offered}/answer", {"status": "accepted", "decided_on": Ago(1)})
CLOSE = Form(
    "people.close", "close", W, "/referrals/{referral}/close", {"closed_on": Ago(1), "closure_reason": "completed"}
)
LEAVE = Form("people.leave", "leave", W, "/people/{own}/leaving", {"left_on": Ago(1), "left_reason": "moved"})
CONSENT = Form("people.consent", "consent", W, "/people/{own}/consents/new", {"kind": "linkage", "given_on": Ago(3)})
WITHDRAW = Form(
    "people.withdraw", "withdraw", W, "/people/{own}/withdrawal",
    {"withdrawn_on": Ago(1), "on_withdrawal": "keep", "reason": "By letter"},
)  # fmt: skip
LOG = Form("contacts.log", "log-contact", W, "/referrals/{referral}/contacts/new", CONTACT)
SIGNPOST = Form(
    "signposts.add",
    "signpost",
    W,
    "/people/{own}/signposts/new",
    {"resource": "{resource}", "kind": "accompanied", "signposted_on": Ago(2), "ask_again_on": Ago(-7)},
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
CORRECT = Form(
    "assessments.correct", "correct", W, "/assessments/{phq9}/correct",
    _answers("phq9") | {"item-i1": 2, "reason": "Read from the wrong line"},
)  # fmt: skip
MISS = Form("assessments.miss", "miss", W, "/people/{own}/assessments/ons4/6m/missed", MISSED)

FORMS = (
    SIGN_IN, CHOOSE_SITE, ADD_REFERRED, ADD_COMPARED, ANSWER, CLOSE, LEAVE, CONSENT, WITHDRAW, LOG, SIGNPOST, CAME_OF,
    ADD_RESOURCE, EDIT_RESOURCE, WRONG, ATTEND, ONS4, PHQ9, EQ5D, CORRECT, MISS,
)  # fmt: skip
