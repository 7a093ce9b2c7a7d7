"""The dataset contract: the tables and columns of an exported dataset.

One declaration serves every side: the tracker's code lists and export, the flat-table reader, and the analysis
loader. A person appears only under a study pseudonym; identity columns have no place here at all.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType

from . import codes

CONTRACT_VERSION = "1.3"
PRIVACY_CLASSES = ("open", "research", "text", "internal", "never")
"""open: the study; research: pseudonymous; text: free text; internal: keys, versions; never: identity, secrets."""

Value = str | int | float | bool | date | None
LARGEST = 2**31 - 1
"""The largest whole number that every database and program keeps exactly."""


class ContractError(ValueError):
    """A value, column or table that the contract does not allow; the message names it and the remedy."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its type, unit, codes with labels, and whether it may be empty."""

    name: str
    type: str
    label: str
    unit: str | None = None
    codes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    privacy: str = "research"
    refers_to: str | None = None

    def __post_init__(self) -> None:
        if self.type not in _PARSERS:
            raise ContractError(f"{self.name}: unknown type '{self.type}'; allowed: {', '.join(_PARSERS)}")
        if self.privacy not in ("open", "research"):
            raise ContractError(f"{self.name}: privacy class '{self.privacy}' may not be exported")

    def parse(self, text: str) -> Value:
        """Read one cell; an empty cell is missing.

        Raises
        ------
        ContractError
            When the cell is empty though required, of the wrong type, outside its range or not a known code.
        """
        try:
            value = _PARSERS[self.type](text) if text else None
        except ValueError:
            raise ContractError(f"unexpected value '{text}'; expected {_EXPECTED[self.type]}") from None
        self.check(value)
        return value

    def check(self, value: Value) -> None:
        """Hold a Python value to the column's type, codes and range.

        Raises
        ------
        ContractError
            When it is missing though required, of the wrong type, outside the range or not a known code.
        """
        if value is None or (value == "" and self.type == "string"):
            if self.required:
                raise ContractError("is empty; every row needs a value")
            return
        if not _is_a(self.type, value):
            raise ContractError(f"unexpected value '{value}'; expected {_EXPECTED[self.type]}")
        if self.codes and value not in self.codes:
            raise ContractError(f"unexpected value '{value}'; allowed: {', '.join(self.codes)}")
        if isinstance(value, int) and abs(value) > LARGEST:
            raise ContractError(f"{value} is beyond {LARGEST}; correct the value")
        if isinstance(value, int | float) and self.minimum is not None and value < self.minimum:
            raise ContractError(f"{value:g} is below {self.minimum:g}; correct the value")
        if isinstance(value, int | float) and self.maximum is not None and value > self.maximum:
            raise ContractError(f"{value:g} is above {self.maximum:g}; correct the value")


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its columns in order and the columns that make a row unique; an `optional` one may have no file."""

    name: str
    title: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    optional: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """Look one column up by its name."""
        for column in self.columns:
            if column.name == name:
                return column
        raise ContractError(f"{self.name}: no column '{name}'; known: {', '.join(self.names)}")


def _is_a(kind: str, value: Value) -> bool:
    if isinstance(value, datetime) or (isinstance(value, float) and not math.isfinite(value)):
        return False
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _boolean(text: str) -> bool:
    words = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}
    if text.lower() not in words:
        raise ValueError(text)
    return words[text.lower()]


_NUMERAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


def _number(text: str) -> float:
    """A number as anybody writes it; Python itself would also take '1_0', 'nan' and the digits of other scripts."""
    number = float(text) if _NUMERAL.fullmatch(text.strip()) else math.nan
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _integer(text: str) -> int:
    number = _number(text)
    if not number.is_integer():
        raise ValueError(text)
    return int(number)


def _date(text: str) -> date:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        raise ValueError(text)
    return date.fromisoformat(text)


_PARSERS: Mapping[str, Callable[[str], Value]] = {
    "string": str,
    "integer": _integer,
    "number": _number,
    "date": _date,
    "boolean": _boolean,
}
_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "date": (date,),
    "boolean": (bool,),
}
_EXPECTED = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "date": "a date such as 2025-03-31",
    "boolean": "true or false",
}


def _code(name: str, label: str, allowed: Mapping[str, str], *, required: bool = False) -> Column:
    return Column(name, "string", label, codes=MappingProxyType(dict(allowed)), required=required)


def _key(name: str, label: str, refers_to: str | None = None, *, required: bool = True) -> Column:
    return Column(name, "string", label, required=required, refers_to=refers_to)


def _day(name: str, label: str, *, required: bool = False) -> Column:
    return Column(name, "date", label, required=required)


_ARM = _key("arm", "Arm", "arms.arm")
_SITE = _key("site", "Site", "sites.site", required=False)
_PERSON = _key("person", "Study number (pseudonym)", "people.person")
_DEPRIVATION = Column("deprivation", "integer", "Deprivation rank, 1 = most deprived", minimum=1, maximum=10)
_INDEX = _code("deprivation_index", "Deprivation index and edition", codes.DEPRIVATION_INDEXES)
_TIMEPOINT = Column("timepoint", "string", "Timepoint of the plan", required=True)
_INSTRUMENT = Column("instrument", "string", "Instrument", required=True)
_VERSION = Column("version", "string", "Instrument version", required=True)

_DECLARED = (
    Table(
        "arms",
        "Arms of the study",
        (
            _key("arm", "Arm"),
            Column("label", "string", "Name of the arm", required=True),
            _code("role", "Role in the comparison", codes.ROLES, required=True),
        ),
        ("arm",),
    ),
    Table(
        "sites",
        "Sites (practices or clinics)",
        (
            _key("site", "Site"),
            Column("list_size", "integer", "Registered people", unit="people", minimum=0),
            _DEPRIVATION,
            _INDEX,
        ),
        ("site",),
    ),
    Table(
        "people",
        "People, one row each",
        (
            _key("person", "Study number (pseudonym)"),
            _SITE,
            _day("entered_on", "Entered the study", required=True),
            _code("sex", "Sex", codes.SEXES),
            Column("birth_year", "integer", "Year of birth", minimum=1890, maximum=2100),
            _code("ethnicity", "Ethnic group", codes.ETHNICITIES),
            _DEPRIVATION,
            _INDEX,
            Column("lives_alone", "boolean", "Lives alone"),
            Column("carer", "boolean", "Is an unpaid carer"),
            Column("ltc_count", "integer", "Long-term conditions", unit="conditions", minimum=0, maximum=40),
            _day("left_on", "Left the study"),
            _code("left_reason", "Why they left", codes.LEAVING_REASONS),
        ),
        ("person",),
    ),
    Table(
        "allocations",
        "Which site or person is in which arm, from when",
        (
            _ARM,
            _SITE,
            _key("person", "Study number (pseudonym)", "people.person", required=False),
            _day("from_on", "In this arm from", required=True),
            _code("method", "How it was allocated", codes.ALLOCATION_METHODS, required=True),
        ),
        ("arm", "site", "person", "from_on"),
    ),
    Table(
        "characteristics",
        "Further facts known at entry, by name",
        (
            _PERSON,
            Column("name", "string", "Name of the characteristic", required=True),
            Column("value", "string", "Value", required=True),
        ),
        ("person", "name"),
    ),
    Table(
        "conditions",
        "Long-term conditions known at entry, by name; people.ltc_count may count more",
        (
            _PERSON,
            _code("condition", "Long-term condition", codes.CONDITIONS, required=True),
        ),
        ("person", "condition"),
    ),
    Table(
        "consents",
        "Consents and withdrawals",
        (
            _PERSON,
            _code("kind", "What was consented to", codes.CONSENT_KINDS, required=True),
            Column("form_version", "string", "Version of the consent form"),
            _day("given_on", "Given on", required=True),
            _day("withdrawn_on", "Withdrawn on"),
            _code("on_withdrawal", "What happens to the data", codes.ON_WITHDRAWAL),
        ),
        ("person", "kind", "given_on"),
    ),
    Table(
        "referrals",
        "Referrals to a link worker, one row an episode",
        (
            _key("referral", "Referral"),
            _PERSON,
            _code("source", "Who referred", codes.REFERRAL_SOURCES, required=True),
            _day("referred_on", "Referred on", required=True),
            _code("status", "Answer to the offer", codes.REFERRAL_STATUSES, required=True),
            _day("decided_on", "Answered on"),
            _code("answer_reason", "Why it was declined, or the person not reached", codes.ANSWER_REASONS),
            Column("attempts", "integer", "Attempts to reach the person", unit="attempts", minimum=0, maximum=50),
            _day("closed_on", "Closed on"),
            _code("closure_reason", "Why it was closed", codes.CLOSURE_REASONS),
        ),
        ("referral",),
    ),
    Table(
        "needs",
        "What each referral is about, one row a need",
        (
            _key("referral", "Referral", "referrals.referral"),
            _PERSON,
            _code("need", "Need or concern", codes.NEEDS, required=True),
        ),
        ("referral", "need"),
    ),
    Table(
        "reopenings",
        "Times when a referral was closed and then reopened; its last closing stands in referrals",
        (
            _key("referral", "Referral", "referrals.referral"),
            _day("closed_on", "Closed on", required=True),
            _code("closure_reason", "Why it was closed", codes.CLOSURE_REASONS, required=True),
            _day("reopened_on", "Reopened on", required=True),
        ),
        ("referral", "closed_on", "reopened_on"),
    ),
    Table(
        "assignments",
        "Which link worker held which referral",
        (
            _key("referral", "Referral", "referrals.referral"),
            _key("worker", "Link worker (pseudonym)"),
            _day("from_on", "From", required=True),
            _day("until_on", "Until (empty: still)"),
        ),
        ("referral", "worker", "from_on"),
    ),
    Table(
        "posts",
        "Link workers' posts",
        (
            _key("worker", "Link worker (pseudonym)"),
            _key("site", "Site", "sites.site"),
            Column("fte", "number", "Full-time equivalent", required=True, minimum=0, maximum=2),
            _day("from_on", "From", required=True),
            _day("until_on", "Until (empty: still)"),
        ),
        ("worker", "site", "from_on"),
    ),
    Table(
        "contacts",
        "Contacts between link workers and people",
        (
            _key("contact", "Contact"),
            _PERSON,
            _key("referral", "Referral", "referrals.referral"),
            _key("worker", "Link worker (pseudonym)"),
            _day("contacted_on", "Date", required=True),
            _code("mode", "Mode", codes.CONTACT_MODES, required=True),
            _code("attendance", "Attended or not", codes.ATTENDANCES, required=True),
            Column("minutes", "integer", "Minutes", unit="minutes", required=True, minimum=0, maximum=480),
            Column("travel_minutes", "integer", "Travel", unit="minutes", minimum=0, maximum=480),
        ),
        ("contact",),
    ),
    Table(
        "resources",
        "Directory of community resources",
        (
            _key("resource", "Resource"),
            Column("name", "string", "Name", required=True),
            _code("category", "Category", codes.RESOURCE_CATEGORIES, required=True),
        ),
        ("resource",),
    ),
    Table(
        "signposts",
        "Signposts to resources and what came of them",
        (
            _key("signpost", "Signpost"),
            _PERSON,
            _key("resource", "Resource", "resources.resource"),
            _key("contact", "Made at this contact", "contacts.contact", required=False),
            _day("signposted_on", "Date", required=True),
            _code("kind", "Kind", codes.SIGNPOST_KINDS, required=True),
            _code("outcome", "Outcome", codes.SIGNPOST_OUTCOMES, required=True),
            Column("sessions_attended", "integer", "Sessions attended", unit="sessions", minimum=0),
        ),
        ("signpost",),
    ),
    Table(
        "assessments",
        "Administrations of an instrument",
        (
            _key("assessment", "Assessment"),
            _PERSON,
            _INSTRUMENT,
            _VERSION,
            _TIMEPOINT,
            _day("assessed_on", "Date", required=True),
            _code("mode", "Administration mode", codes.ADMINISTRATION_MODES, required=True),
            _code("respondent", "Who answered", codes.RESPONDENTS, required=True),
            _code("status", "Status", codes.ASSESSMENT_STATUSES, required=True),
            _code("missing_reason", "Why it is missing", codes.MISSING_REASONS),
        ),
        ("assessment",),
    ),
    Table(
        "item_responses",
        "Answers, one row an item",
        (
            _key("assessment", "Assessment", "assessments.assessment"),
            Column("item", "string", "Item", required=True),
            Column("value", "integer", "Answer code"),
            _code("missing_reason", "Why it is missing", codes.MISSING_REASONS),
        ),
        ("assessment", "item"),
    ),
    Table(
        "scores",
        "Scores, one row a scale; derived from the answers at export",
        (
            _key("assessment", "Assessment", "assessments.assessment"),
            _PERSON,
            _TIMEPOINT,
            _INSTRUMENT,
            _VERSION,
            Column("scale", "string", "Scale", required=True),
            Column("value_set", "string", "Value set"),
            Column("score", "number", "Score"),
            Column("reason", "string", "Why there is no score"),
            _code("origin", "Where the score comes from", codes.SCORE_ORIGINS, required=True),
        ),
        ("assessment", "scale", "value_set"),
    ),
    Table(
        "service_use",
        "Use of health services, counted over a period",
        (
            _PERSON,
            _code("setting", "Setting", codes.SETTINGS, required=True),
            _day("from_on", "Period from (counted)", required=True),
            _day("until_on", "Period until (not counted)", required=True),
            Column("count", "integer", "Number", required=True, minimum=0),
            _code("source", "Source", codes.USE_SOURCES, required=True),
        ),
        ("person", "setting", "from_on", "source"),
    ),
    Table(
        "site_use",
        "Use of health services by everybody at a site, in the study or not, counted over a period",
        (
            _key("site", "Site", "sites.site"),
            _code("setting", "Setting", codes.SETTINGS, required=True),
            _day("from_on", "Period from (counted)", required=True),
            _day("until_on", "Period until (not counted)", required=True),
            Column("count", "integer", "Number", required=True, minimum=0),
            Column("person_years", "number", "Time they were there", unit="person-years", required=True, minimum=0),
        ),
        ("site", "setting", "from_on"),
        optional=True,
    ),
)

TABLES: Mapping[str, Table] = MappingProxyType({table.name: table for table in _DECLARED})
"""Every table of a bundle by name, in the order in which they refer to each other."""


def table(name: str) -> Table:
    """Look one table up by its name.

    Raises
    ------
    ContractError
        When the contract has no such table.
    """
    if name not in TABLES:
        raise ContractError(f"no table '{name}' in the contract; known: {', '.join(TABLES)}")
    return TABLES[name]
