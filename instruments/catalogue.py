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


SLOTS = """\
Where the wording belongs to somebody else, the kit asks by neutral labels and says so on the form. A service that holds
a licence fills the slots: `python -m instruments wording eq5d-5l > wording.toml` prints a file to fill in, the same
with `--check wording.toml` says what is missing in it, and an administrator adds it under *Instruments* in the
tracker, or with `tracker wording add`. It is off until it is switched on."""


def markdown(instruments: Sequence[Instrument]) -> str:
    """The catalogue as a Markdown page: a table for each domain, then what was left out."""
    head = [
        "# The instruments",
        "",
        "Written by `python -m instruments catalogue`; a test keeps it so.",
        "",
        *SLOTS,
        "",
    ]
    tables = [line for domain, mine in by_domain(instruments).items() for line in _domain(domain, mine)]
    return "\n".join([*head, *tables, *_left_out()]) + "\n"


def by_domain(instruments: Sequence[Instrument]) -> dict[str, list[Instrument]]:
    """The instruments under the outcome domain of the review that each serves."""
    return {domain: [each for each in instruments if each.domain == domain] for domain in DOMAINS}


def _domain(domain: str, mine: Sequence[Instrument]) -> list[str]:
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
