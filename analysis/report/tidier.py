"""The intervention by the items of TIDieR: what the plan says of it, and what the data say was delivered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pandas as pd

from instruments import codes
from instruments.plan_sections import INTERVENTION_TEXTS

from ..cohort import Cohort
from ..contacts import each_person, only_counts
from ..result import Cell, Table
from .cells import BLANK, DASH, median_quartiles, number, people, words
from .delivery import caseload, reached_key

TO_BE_WRITTEN = "To be written"
ROLE = "intervention"
NOTE = (
    "Items of TIDieR (Hoffmann 2014, doi:10.1136/bmj.g1687). What stands to be written can be written in the plan, "
    "under [intervention]. People and contacts are those of the intervention arm."
)

Fact = tuple[str, Cell]


def sheet(cohort: Cohort) -> Table:
    """Every item with the plan's words; under it, the facts that the data have."""
    written = dict(cohort.plan.intervention)
    rows: list[tuple[str, tuple[Cell, ...]]] = []
    for place, (item, label) in enumerate(INTERVENTION_TEXTS.items(), start=1):
        rows.append((f"{place}. {label}", (words(written.get(item, TO_BE_WRITTEN)), BLANK)))
        rows += [(name, (BLANK, cell)) for name, cell in FACTS.get(item, _nothing)(cohort)]
    rows.append((f"{len(INTERVENTION_TEXTS) + 1}. How well: as delivered", (DASH, BLANK)))
    rows += [(name, (BLANK, cell)) for name, cell in _delivered(cohort)]
    columns = ("What the plan says", "What the data say")
    title = "The intervention as planned and as delivered"
    return Table("intervention", title, columns, tuple(rows), notes=(NOTE,), stub="Item")


def _nothing(_: Cohort) -> Iterator[Fact]:
    yield from ()


def _name(cohort: Cohort) -> Iterator[Fact]:
    yield "The arm's name", words(cohort.plan.arm(ROLE).label)


def _materials(cohort: Cohort) -> Iterator[Fact]:
    signposts = _own(cohort, cohort.dataset["signposts"])
    if len(signposts):
        kinds = signposts["resource"].map(cohort.dataset["resources"].set_index("resource")["category"])
        yield "Resources that people were signposted to", number("resources", signposts["resource"].nunique())
        yield "Categories of those resources", number("categories", kinds.nunique())


def _who(cohort: Cohort) -> Iterator[Fact]:
    contacts, held = _own(cohort, cohort.dataset["contacts"]), caseload(cohort)
    if len(contacts):
        yield "Link workers who made contacts", number("workers", contacts["worker"].nunique())
    if held:
        date, (_, fte, each) = held.rows[-1]
        yield f"Full-time equivalents in post, {date}", fte
        yield f"People for each full-time post, {date}", each


def _how(cohort: Cohort) -> Iterator[Fact]:
    attended = _attended(cohort)
    for code in (code for code in codes.CONTACT_MODES if code in set(attended["mode"])):
        count = int((attended["mode"] == code).sum())
        key, total = ("Attended", code, ROLE), ("Attended", "all", ROLE)
        yield f"Attended: {codes.CONTACT_MODES[code].lower()}", people(count, len(attended), key, total)


def _where(cohort: Cohort) -> Iterator[Fact]:
    sites = _members(cohort)["site"].nunique()
    if sites:
        yield "Sites", number("sites", sites)


def _when(cohort: Cohort) -> Iterator[Fact]:
    reached = each_person(cohort).loc[_members(cohort).index, "contacts"]
    reached = reached[reached > 0]
    if reached.empty:
        return
    yield "Attended contacts of each person reached: median (quartiles)", median_quartiles(reached)
    if only_counts(cohort):
        return
    attended = _attended(cohort)
    by_person = attended.groupby("person")
    weeks = (by_person["contacted_on"].max() - by_person["contacted_on"].min()).dt.days / 7
    yield "Minutes with each person reached: median (quartiles)", median_quartiles(by_person["minutes"].sum())
    yield "Minutes of an attended contact: median (quartiles)", _of_contacts(attended)
    yield "Weeks from the first contact to the last: median (quartiles)", median_quartiles(weeks)


def _of_contacts(attended: pd.DataFrame) -> Cell:
    """Minutes of contacts, which describe as many people as had one."""
    cell = median_quartiles(attended["minutes"])
    return Cell(cell.text, stats=cell.stats, n=int(attended["person"].nunique()))


def _tailoring(cohort: Cohort) -> Iterator[Fact]:
    needs = _own(cohort, cohort.dataset["needs"])
    if len(needs):
        yield "Different needs recorded", number("needs", needs["need"].nunique())
        yield "Needs of each person with any: median (quartiles)", median_quartiles(needs.groupby("person").size())


def _delivered(cohort: Cohort) -> Iterator[Fact]:
    made = _own(cohort, cohort.dataset["contacts"])
    if made.empty and not only_counts(cohort):
        return
    members = _members(cohort)
    reached = int((each_person(cohort).loc[members.index, "contacts"] > 0).sum())
    yield "People with at least one attended contact", people(reached, len(members), reached_key(True, ROLE))
    if len(made):
        attended, total = int((made["attendance"] == "attended").sum()), ("Contacts", "all", ROLE)
        yield "Contacts that were attended", people(attended, len(made), ("Contacts", "attended", ROLE), total)


def _members(cohort: Cohort) -> pd.DataFrame:
    return cohort.people[cohort.people["arm"] == 1]


def _own(cohort: Cohort, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows about people of the intervention arm."""
    return rows[rows["person"].isin(_members(cohort).index)]


def _attended(cohort: Cohort) -> pd.DataFrame:
    made = _own(cohort, cohort.dataset["contacts"])
    return made[made["attendance"] == "attended"]


FACTS: Mapping[str, Callable[[Cohort], Iterator[Fact]]] = {
    "name": _name,
    "materials": _materials,
    "who": _who,
    "how": _how,
    "where": _where,
    "when": _when,
    "tailoring": _tailoring,
}
