"""The catalogue: what each instrument measures, asks and costs a person, on what terms; what was left out, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .definition import Instrument

# The outcome domains of the systematic review of link workers (BMJ Open 2022), in the order of its tables.
DOMAINS = (
    "health-related quality of life",
    "wellbeing",
    "mental health",
    "loneliness and social support",
    "self-rated health",
    "physical activity and function",
    "quality of care",
)

LICENCES = {
    "open": "wording included",
    "text-pack": "wording in a text pack, off by default",
    "scoring-only": "scoring only; wording from its holder",
    "supplied": "wording supplied by the service",
}
LANGUAGES = {"en": "English", "en-GB": "English (United Kingdom)", "en-US": "English (United States)"}


class LeftOut(NamedTuple):
    """An instrument that people ask for and will not find here."""

    name: str
    measures: str
    reason: str


LEFT_OUT = (
    LeftOut("PAM-13", "patient activation", "scored by its owner's table, licensed for each person"),
    LeftOut("HADS", "anxiety and depression", "a fee for each use; use PHQ-9 and GAD-7"),
    LeftOut(
        "Outcomes Star", "journey of change", "licensed and tied to training; worker and person agree on the score"
    ),
    LeftOut(
        "SF-12, SF-6D", "health status and utility", "scored by licensed software; use EQ-5D-5L or PROMIS Global-10"
    ),
    LeftOut("HLQ", "health literacy", "licensed, and 44 questions"),
    LeftOut("AQoL", "utility", "registration, and a scoring file that may not be passed on"),
)


def markdown(instruments: Sequence[Instrument]) -> str:
    """The catalogue as a Markdown page: a table for each domain, then what was left out."""
    head = ["# The instruments", "", "Written by `python -m instruments catalogue`; a test keeps it so.", ""]
    tables = [line for domain in DOMAINS for line in _domain(domain, instruments)]
    return "\n".join([*head, *tables, *_left_out()]) + "\n"


def _domain(domain: str, instruments: Sequence[Instrument]) -> list[str]:
    mine = [each for each in instruments if each.domain == domain]
    columns = "| instrument | id | measures | questions | minutes | recall | answered by | languages | wording |"
    return [f"## {domain.capitalize()}", "", columns, "|" + "---|" * 9, *map(_row, mine), ""]


def _row(each: Instrument) -> str:
    cells = (
        each.short_title,
        f"`{each.id}`",
        each.construct,
        str(len(each.items)),
        f"about {each.minutes}",
        each.recall,
        ", ".join(each.respondents),
        LANGUAGES[each.language],
        f"{LICENCES[each.licence.kind]} ({each.licence.holder})",
    )
    return "| " + " | ".join(cells) + " |"


def _left_out() -> list[str]:
    rows = [f"| {each.name} | {each.measures} | {each.reason} |" for each in LEFT_OUT]
    return ["## Left out, and why", "", "| instrument | measures | reason |", "|---|---|---|", *rows]
