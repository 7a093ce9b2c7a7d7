"""What one service of the standard says, in the words of the directory; or every reason why it cannot stand there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from html.parser import HTMLParser
from typing import Any

from instruments.codes import RESOURCE_CATEGORIES

from ..actions.directory import LONGEST, email_fault, phone_fault, website_fault
from ..forms.fields import printable
from .files import Found

LONGEST_READ = 100_000
STATUSES = {"active": "open", "inactive": "closed", "defunct": "closed", "temporarily closed": "closed"}
DAYS = {
    "MO": "Monday",
    "TU": "Tuesday",
    "WE": "Wednesday",
    "TH": "Thursday",
    "FR": "Friday",
    "SA": "Saturday",
    "SU": "Sunday",
}
WORDS = {
    "carers": "carer",
    "addiction-support": "addict alcohol drug substance",
    "counselling": "counsel therap bereave mental",
    "welfare-and-debt": "debt benefit money financ welfare",
    "housing": "hous homeless tenan",
    "employment": "employ job",
    "volunteering": "volunteer",
    "digital": "digital computer internet online",
    "nature": "nature garden allotment outdoor",
    "exercise": "exercis sport fitness walk yoga danc swim physical",
    "arts-and-craft": "art arts craft music choir sing creativ theatre",
    "learning": "learn course educat training",
    "social-group": "social befriend friend loneliness lunch",
}
"""Beginnings of words by which other people's categories are known as ours; the first that fits."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A service as an entry of the directory. `notes` say what was left out or read otherwise."""

    place: str
    open_referral_id: str
    facts: Mapping[str, Any]
    closed: bool
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return str(self.facts["name"])


@dataclass
class _Reading:
    """One service being read: what was found at fault, and what is worth a note."""

    service: Mapping[str, Any]
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read(found: Found, today: date) -> tuple[Entry | None, list[str]]:
    """The entry and no fault, or no entry and every fault with its place."""
    if not isinstance(found.value, dict):
        return None, [f"{found.place}: is not a service; each must be an object with an id and a name"]
    reading = _Reading(found.value)
    id, name, status = _id(reading), _name(reading), _status(reading)
    facts = {"name": name, "category": _category(reading), "checked_on": _checked_on(reading, today)} | _texts(reading)
    if reading.faults:
        return None, [f"{found.place}: {fault}" for fault in reading.faults]
    known = {key: value for key, value in facts.items() if value is not None}
    return Entry(found.place, id, known, status == "closed", tuple(reading.notes)), []


def _id(reading: _Reading) -> str:
    id = reading.service.get("id")
    text = str(id) if isinstance(id, str | int) and not isinstance(id, bool) else ""
    kept = printable(text).strip()
    if not kept or len(kept) > LONGEST["open_referral_id"]:
        reading.faults.append(f"id is missing or longer than {LONGEST['open_referral_id']} characters; give each one")
    return kept


def _name(reading: _Reading) -> str:
    name = _line(reading.service.get("name"))
    if name is None:
        reading.faults.append("name is missing or no text; give each service a name")
        return ""
    return _cut(reading, "name", name)


def _status(reading: _Reading) -> str:
    status = reading.service.get("status", "active")
    if status not in tuple(STATUSES):
        reading.faults.append(f"status has an unexpected value; use one of: {', '.join(STATUSES)}")
        return "open"
    return STATUSES[status]


def _checked_on(reading: _Reading, today: date) -> date | None:
    text = reading.service.get("assured_date")
    if text in (None, ""):
        return None
    try:
        day = date.fromisoformat(str(text)[:10])
    except ValueError:
        reading.faults.append("assured_date is not a date; write it as 2026-01-05")
        return None
    if day > today:
        reading.faults.append("assured_date lies in the future; correct it")
    return day


# --------------------------------------------------------------------------------------- the texts


def _texts(reading: _Reading) -> dict[str, Any]:
    service = reading.service
    organization = _object(service.get("organization"))
    contacts = [service, *_objects(service, "contacts"), organization]
    texts = {
        "provider": _line(organization.get("name")),
        "description": _block(service.get("description")),
        "eligibility": _block(service.get("eligibility_description")) or _ages(service),
        "opening_times": "\n".join(_schedules(service)) or None,
        "cost": _line(service.get("fees_description")) or _line(service.get("fees")) or _costs(service),
        "area": ", ".join(_named(service, "service_areas")) or None,
        **_address(reading),
    }
    details = {
        "phone": _first(reading, "phone", (n for each in contacts for n in _numbers(each)), phone_fault),
        "email": _first(reading, "email", (each.get("email") for each in contacts), email_fault),
        "website": _first(reading, "website", (service.get("url"), organization.get("website")), website_fault),
    }
    return {name: _cut(reading, name, text) if text else None for name, text in texts.items()} | details


def _cut(reading: _Reading, name: str, text: str) -> str:
    longest = LONGEST[name]
    if len(text) <= longest:
        return text
    reading.notes.append(f"{name} was longer than {longest} characters and is cut")
    return text[: longest - 1].rstrip() + "…"


def _first(
    reading: _Reading, name: str, given: Iterator[Any] | tuple[Any, ...], fault_of: Callable[[str], str | None]
) -> str | None:
    """The first that can be what it should be; what cannot is left out, with a note."""
    for value in given:
        text = _line(value)
        if text and len(text) <= LONGEST[name] and fault_of(text) is None:
            return text
        if text:
            reading.notes.append(f"{name} is not one and is left out")
    return None


def _numbers(contact: Mapping[str, Any]) -> Iterator[Any]:
    for each in _objects(contact, "phones"):
        yield each.get("number")


def _named(service: Mapping[str, Any], key: str) -> Iterator[str]:
    for each in _objects(service, key):
        if name := _line(each.get("name")) or _line(each.get("service_area")):
            yield name


def _ages(service: Mapping[str, Any]) -> str | None:
    low, high = (_number(service.get(name)) for name in ("minimum_age", "maximum_age"))
    said = [f"from {low}" if low else "", f"to {high}" if high else ""]
    return "Ages " + " ".join(filter(None, said)) if low or high else None


def _schedules(service: Mapping[str, Any]) -> Iterator[str]:
    for each in _objects(service, "schedules"):
        if text := _block(each.get("description")):
            yield text
            continue
        days = [DAYS[code] for code in re.findall("MO|TU|WE|TH|FR|SA|SU", str(each.get("byday") or ""))]
        opens, closes = (re.match(r"\d\d:\d\d", str(each.get(name) or "")) for name in ("opens_at", "closes_at"))
        hours = " to ".join(found.group() for found in (opens, closes) if found)
        if days or hours:
            yield ", ".join([*days, hours] if hours else days)


def _costs(service: Mapping[str, Any]) -> str | None:
    said = []
    for each in _objects(service, "cost_options"):
        amount = _number(each.get("amount"))
        parts = (f"£{amount}" if amount else None, _line(each.get("amount_description")), _line(each.get("option")))
        said.append(" ".join(filter(None, parts)))
    return "; ".join(filter(None, said)) or None


def _number(value: Any) -> str | None:
    plain = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1_000_000
    return f"{value:g}" if plain else None


def _address(reading: _Reading) -> dict[str, str | None]:
    """The first place that has an address; a service of several places is noted."""
    places = [
        address
        for each in _objects(reading.service, "service_at_locations")
        for name in ("addresses", "physical_addresses")
        for address in _objects(_object(each.get("location")), name)
    ]
    if len(places) > 1:
        reading.notes.append(f"it has {len(places)} addresses and the first is kept")
    first = places[0] if places else {}
    streets = ", ".join(filter(None, (_line(first.get("address_1")), _line(first.get("address_2")))))
    return {
        "address": streets or None,
        "town": _line(first.get("city")),
        "postcode": _line(first.get("postal_code")),
    }


# --------------------------------------------------------------------------------------- category


def _category(reading: _Reading) -> str:
    terms = list(_terms(reading.service))
    for term in terms:
        for code, label in RESOURCE_CATEGORIES.items():
            if term.casefold() in (code, label.casefold()):
                return code
    for term in terms:
        for code, beginnings in WORDS.items():
            if re.search(rf"\b({beginnings.replace(' ', '|')})", term.casefold()):
                return code
    named = f"'{terms[0][:60]}' is not one of our categories" if terms else "it names no category"
    reading.notes.append(f"{named}: it stands under Other")
    return "other"


def _terms(service: Mapping[str, Any]) -> Iterator[str]:
    """The names of the service's categories, as version 3 and as version 1 of the standard have them."""
    for each in _objects(service, "attributes"):
        term = _object(each.get("taxonomy_term"))
        yield from filter(None, (_line(term.get(name)) for name in ("code", "name", "term")))
    for each in _objects(service, "service_taxonomys"):
        yield from filter(None, [_line(_object(each.get("taxonomy")).get("name"))])


# ------------------------------------------------------------------------------------ plain words


class _Words(HTMLParser):
    """The words of a text with markup in it, and where its lines end; nothing of scripts and styles."""

    SILENT = ("script", "style")
    LINES = ("p", "br", "li", "div", "tr", "h1", "h2", "h3", "h4")

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self.silent += tag in self.SILENT
        self.said += ["\n"] if tag in self.LINES else []

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in self.SILENT and self.silent > 0

    def handle_data(self, data: str) -> None:
        self.said += [] if self.silent else [data]


def _block(value: Any) -> str | None:
    """A text of several lines, or None when there is no text."""
    if not isinstance(value, str):
        return None
    lines = (" ".join(line.split()) for line in printable(_without_markup(value[:LONGEST_READ])).split("\n"))
    return "\n".join(line for line in lines if line) or None


def _without_markup(text: str) -> str:
    words = _Words()
    try:
        words.feed(text)
        words.close()
    except AssertionError:  # how the parser says that it cannot make sense of a declaration
        return text
    return "".join(words.said)


def _line(value: Any) -> str | None:
    text = _block(value)
    return " ".join(text.split("\n")) if text else None


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    listed = value.get(key)
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
