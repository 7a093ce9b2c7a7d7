"""What flat tables say of sites over time: from when each is in its arm, and what was used there in each period."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from .dataset import ContractError, Value, table

if TYPE_CHECKING:
    from .flat import Line, Source, _Reading
    from .plan import Plan

FROM = table("site_use").column("from_on")
UNITS = ', or where people, not sites, are the units write errors = "classical" under [analysis] in the plan'
KEYS = ("site", "count", "person_years", "month", "from_on", "until_on")


def sources(entry: Mapping[str, Any]) -> list[Source]:
    """The sources that an entry of `[[site_use]]` names."""
    return [entry[key] for key in KEYS if key in entry]


def by_person(plan: Plan, mapping: Mapping[str, Any]) -> bool:
    """Whether people were allocated: by lot, or as the plan takes them for the units and the table knows no sites."""
    units = plan.design == "controlled-before-after" and plan.errors == "classical"
    return plan.design == "individually-randomised" or (units and "site" not in mapping["people"])


def without_site(plan: Plan, mapping: Mapping[str, Any], where: str) -> str:
    """The fault of somebody without a site where sites were allocated; of the mapping, where it names none."""
    if "site" in mapping["people"]:
        return f"{where}: has no site, and the plan's design allocates sites; map people.site"
    otherwise = UNITS if plan.design == "controlled-before-after" else ""
    return f"mapping: names no site, and the plan's design allocates sites; map people.site{otherwise}"


def starts_on(reading: _Reading, how: Mapping[str, Any], line: Line, where: str) -> date | None:
    """The day from which a person's site is in its arm, where the mapping says one."""
    source = how.get("from_on")
    return source if source is None or isinstance(source, date) else _day(reading, source, line, where)


def site_use(reading: _Reading, entry: Mapping[str, Any], lines: Iterable[tuple[str, Line]]) -> None:
    """Every line of one file as what a site's people used in one period."""
    known = {row["site"] for row in reading.tables["sites"]}
    for where, line in lines:
        site = reading.cell(entry["site"], line, where)
        if site not in known:
            reading.faults.append(f"{where}: site '{site}' is not among the sites; add somebody there or leave it out")
        count, years = (reading.number(entry[key], line, where) for key in ("count", "person_years"))
        opens, closes = _period(reading, entry, line, where)
        if count is not None and count != int(count):
            reading.faults.append(f"{where}: the count {count:g} is not a whole number; correct it")
        row: dict[str, Value] = {"site": site, "setting": entry["setting"], "from_on": opens, "until_on": closes}
        whole = None if count is None else int(count)
        reading.add("site_use", where, row | {"count": whole, "person_years": years})


def _period(reading: _Reading, entry: Mapping[str, Any], line: Line, where: str) -> tuple[date | None, date | None]:
    """First day of a period, and first day after it: so many `months` on, one if the mapping does not say."""
    if "month" in entry:
        month = reading.number(entry["month"], line, where)
        opens = None if month is None else _months_on(reading, entry["month_0"], month, where)
    else:
        opens = _day(reading, entry["from_on"], line, where)
    if "until_on" in entry:
        return opens, _day(reading, entry["until_on"], line, where)
    return opens, None if opens is None else _months_on(reading, opens, entry.get("months", 1), where)


def _day(reading: _Reading, source: Source, line: Line, where: str) -> date | None:
    """A day such as 2024-03-31; a month (2024-03) or a year (2024) stands for its first."""
    text = reading.cell(source, line, where)
    try:
        found = FROM.parse(text + "-01" * (2 - text.count("-"))) if text else None
    except ContractError:
        reading.faults.append(
            f"{where}: unexpected value '{text}'; expected a date such as 2024-03-31, 2024-03 or 2024"
        )
        return None
    return found if isinstance(found, date) else None


def _months_on(reading: _Reading, day: date, months: float, where: str) -> date | None:
    """The same day so many whole months later, or the month's last where it is shorter."""
    try:
        if months != int(months):
            raise ValueError(months)
        year, month = divmod(day.year * 12 + day.month - 1 + int(months), 12)
        following = date(year + (month == 11), (month + 1) % 12 + 1, 1)
        return min(date(year, month + 1, 1) + timedelta(day.day - 1), following - timedelta(1))
    except (OverflowError, ValueError):
        reading.faults.append(f"{where}: month {months:g} is no whole month of any calendar; correct it")
        return None
