"""Reads somebody else's flat tables into the dataset contract, by a short mapping file.

The mapping (TOML) names the plan, the files (relative to itself) and, for each contract column, where its value comes
from. A source is a column name, or a table: `{column = "sex", codes = {"1" = "female"}}`, `{value = "gp"}` (the same
for every row), `{column = "death_day", days_after_entry = true}`, `{column = "fu_years", times = 365}`.
Nothing is guessed: an unmapped column stays empty, and every row that does not fit is listed.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from . import flat_sites, get, library
from .dataset import TABLES, Column, ContractError, Value, table
from .mapping import FlatError as FlatError
from .mapping import read as read_mapping
from .mapping import text_of
from .plan import Plan, PlanError
from .plan import parse as parse_plan
from .value_sets import known as known_value_sets
from .value_sets import load as load_value_set

Line = dict[str, str]
Record = dict[str, Value]
Source = str | Mapping[str, Any]

ONE_ARM = (
    "a site has one arm: correct it, map site to what was allocated, or where people drew lots write "
    'design = "individually-randomised" in the plan'
)
_NUMBER = Column("number", "number", "Any number")


@dataclass(frozen=True, slots=True)
class Flat:
    """What came in: rows by contract table, the plan's text and the plan; and in which row each person stands.

    `left_out` are the people of arms that the mapping says are none of the plan's.
    """

    tables: Mapping[str, list[Record]]
    plan_text: str
    plan: Plan
    rows: Mapping[str, int]
    left_out: int = 0

    @property
    def said_of_left_out(self) -> str:
        """How many people were left out, and why, in words; nothing where nobody was."""
        if not self.left_out:
            return ""
        whom = "1 person of an arm" if self.left_out == 1 else f"{self.left_out:,} people of arms"
        return f"left out: {whom} that the mapping codes as none of the plan's"


@dataclass
class _Reading:
    """The rows read so far and the faults met on the way."""

    plan: Plan
    missing: frozenset[str]
    faults: list[str] = field(default_factory=list)
    tables: dict[str, list[Record]] = field(default_factory=lambda: {name: [] for name in TABLES})
    rows: dict[str, int] = field(default_factory=dict)
    divided: set[str] = field(default_factory=set)
    left_out: int = 0

    def add(self, name: str, where: str, record: Record) -> None:
        for column in table(name).columns:
            try:
                column.check(record.get(column.name))
            except ContractError as error:
                self.faults.append(f"{where}: {name}.{column.name} {error}")
        self.tables[name].append(record)

    def cell(self, source: Source, line: Line, where: str) -> str:
        """The text a source gives for one line, after codes; '' where it is missing."""
        if isinstance(source, str):
            source = {"column": source}
        if "value" in source:
            return str(source["value"])
        text = line[source["column"]].strip()
        codes = source.get("codes")
        if text in self.missing:
            return ""
        if codes is None:
            return text
        if text not in codes:
            self.faults.append(
                f"{where}: {source['column']} has '{text}', which its codes do not name; known: {', '.join(codes)}"
            )
            return ""
        return str(codes[text])

    def number(self, source: Source | float, line: Line, where: str) -> float | None:
        """A number from a source or a constant of the mapping, times the source's factor."""
        if isinstance(source, int | float):
            return source
        text = self.cell(source, line, where)
        try:
            value = _NUMBER.parse(text)
        except ContractError:
            self.faults.append(f"{where}: {_named(source)} has '{text}', expected a number")
            return None
        if not isinstance(value, float):
            return None
        found = value if isinstance(source, str) else _times(value, float(source.get("times", 1)))
        if not math.isfinite(found):
            self.faults.append(f"{where}: {_named(source)} is {value:g}, too large to count with; correct it")
            return None
        return found

    def day(self, source: Source | float, entered: date, days: float, where: str) -> date | None:
        """The day so many days after entry."""
        try:
            return entered + timedelta(round(days))
        except (OverflowError, ValueError):
            self.faults.append(
                f"{where}: {_named(source)} is {days:g} days after entry, beyond any calendar; correct it"
            )
            return None


def _named(source: Source | float) -> str:
    if isinstance(source, int | float):
        return "a day of the mapping"
    return source if isinstance(source, str) else str(source.get("column", "value"))


def read(mapping_path: Path) -> Flat:
    """Read the tables that a mapping file names into contract rows.

    Parameters
    ----------
    mapping_path
        The mapping; its `plan` and `file` entries are relative to its folder.

    Returns
    -------
    Flat
        Rows by table, checked against the contract, and the plan.

    Raises
    ------
    FlatError
        When the mapping, the plan or any row does not fit: every fault with its file and row, and nothing is kept.
    """
    mapping = read_mapping(mapping_path)
    folder = mapping_path.parent
    plan_text = text_of(folder / mapping["plan"])
    try:
        plan = parse_plan(plan_text)
    except PlanError as error:
        raise FlatError(list(error.faults)) from None
    reading = _Reading(plan, frozenset(mapping.get("missing", ("", "NA"))))
    _people(reading, mapping, folder)
    _sites(reading, mapping, folder)
    for entry in mapping.get("site_use", []):
        flat_sites.site_use(reading, entry, _lines(folder / entry["file"], flat_sites.sources(entry)))
    reading.tables["arms"] = [{"arm": arm.id, "label": arm.label, "role": arm.role} for arm in plan.arms]
    if reading.faults:
        raise FlatError(reading.faults)
    return Flat(reading.tables, plan_text, plan, reading.rows, reading.left_out)


def _lines(path: Path, sources: list[Source]) -> list[tuple[str, Line]]:
    """Every line of a CSV file with its place, once all the columns that the mapping names are there."""
    (_, header), *rows = _rows(path)
    wanted = dict.fromkeys(name for source in sources if (name := _column(source)))
    known = ", ".join(header)
    if len(header) == 1 and wanted.keys() - set(header) and (sign := next(filter(header[0].count, ";\t|"), "")):
        raise FlatError([f"{path.name}: its cells are parted by {sign!r}; save it as CSV with commas"])
    faults = [f"{path.name}: no column '{name}'; the file has: {known}" for name in wanted if name not in header]
    faults += [f"{path.name}: column '{name}' stands twice; keep one" for name in wanted if header.count(name) > 1]
    if not faults:
        faults = [
            f"{path.name} row {number}: has more or fewer cells than the header; correct the row"
            for number, row in rows
            if len(row) != len(header)
        ]
    if faults:
        raise FlatError(faults)
    return [(f"{path.name} row {number}", dict(zip(header, row, strict=True))) for number, row in rows]


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Rows with their numbers as a spreadsheet counts them, the header first; empty lines are left out."""
    lines = csv.reader(io.StringIO(text_of(path), newline=""), strict=True)
    try:
        rows = [(number, row) for number, row in enumerate(lines, start=1) if row]
    except csv.Error as error:
        raise FlatError([f"{path.name}: is not a table ({error}); save it as CSV again"]) from None
    if not rows:
        raise FlatError([f"{path.name}: is empty; save the table with its header again"])
    return rows


def _column(source: Source | float) -> str | None:
    if isinstance(source, str):
        return source
    return source.get("column") if isinstance(source, Mapping) else None


def _sources(mapping: Mapping[str, Any]) -> list[Source]:
    people = {key: value for key, value in mapping["people"].items() if key not in ("file", "characteristics")}
    found = [*people.values(), *mapping["people"].get("characteristics", {}).values()]
    for entry in mapping.get("scores", []):
        found += entry["columns"].values()
    for entry in mapping.get("service_use", []):
        found += [entry["column"], entry["from_day"], entry["until_day"]]
    if "from_on" in mapping.get("allocation", {}):
        found.append(mapping["allocation"]["from_on"])
    for entry in mapping.get("first_events", []):
        found += [entry["day"], entry["happened"]]
    return found


def _people(reading: _Reading, mapping: Mapping[str, Any], folder: Path) -> None:
    people = mapping["people"]
    arms: dict[str, str] = {}
    lines = _lines(folder / people["file"], _sources(mapping))
    if not lines:
        raise FlatError([f"{people['file']}: has a header and nobody below it; save the whole table again"])
    for where, line in lines:
        if _of_another_arm(reading, people.get("arm", ""), line):
            reading.left_out += 1
            continue
        record = _person(reading, people, line, where)
        key = str(record["person"])
        if key in reading.rows:
            reading.faults.append(f"{where}: the person stands twice; keep one row a person, each visit in its columns")
        reading.rows.setdefault(key, int(where.rpartition(" ")[2]))
        reading.add("people", where, record)
        if not isinstance(entered := record["entered_on"], date):
            continue
        if isinstance(left := record.get("left_on"), date) and left < entered:
            reading.faults.append(f"{where}: left_on {left} lies before entered_on {entered}; correct one of them")
        _characteristics(reading, people, line, where, key)
        _allocate(reading, mapping, line, where, record, arms)
        _consent(reading, mapping, record)
        _scores(reading, mapping, line, where, record)
        _service_use(reading, mapping, line, where, record)
        _first_events(reading, mapping, line, where, record)


def _of_another_arm(reading: _Reading, source: Source, line: Line) -> bool:
    """Whether the mapping has no arm for what stands in a line; where nothing stands there it is a fault."""
    if isinstance(source, str) or "codes" not in source:
        return False
    text = line[source["column"]].strip()
    return text not in reading.missing and source["codes"].get(text) == ""


def _person(reading: _Reading, people: Mapping[str, Any], line: Line, where: str) -> Record:
    entered = _value(reading, "entered_on", people["entered_on"], line, where, None)
    record: Record = {"entered_on": entered}
    for column in table("people").columns:
        if column.name in people and column.name != "entered_on":
            record[column.name] = _value(reading, column.name, people[column.name], line, where, entered)
    if "age" in people and isinstance(entered, date):
        age = reading.number(people["age"], line, where)
        record["birth_year"] = None if age is None else entered.year - int(age)
    return record


def _value(reading: _Reading, name: str, source: Source, line: Line, where: str, entered: Value) -> Value:
    if isinstance(source, Mapping) and source.get("days_after_entry"):
        days = reading.number(source, line, where)
        return None if days is None or not isinstance(entered, date) else reading.day(source, entered, days, where)
    try:
        column = table("people").column(name)
        text = reading.cell(source, line, where)
        return column.parse(text) if text else None
    except ContractError as error:
        reading.faults.append(f"{where}: people.{name} {error}")
        return None


def _characteristics(reading: _Reading, people: Mapping[str, Any], line: Line, where: str, person: str) -> None:
    for name, source in people.get("characteristics", {}).items():
        text = reading.cell(source, line, where)
        if text:
            reading.add("characteristics", where, {"person": person, "name": name, "value": text})


def _allocate(
    reading: _Reading,
    mapping: Mapping[str, Any],
    line: Line,
    where: str,
    record: Record,
    arms: dict[str, str],
) -> None:
    """People are allocated where they, not sites, are the units; otherwise their site is, once."""
    known = [arm.id for arm in reading.plan.arms]
    arm = reading.cell(mapping["people"].get("arm", ""), line, where) if "arm" in mapping["people"] else ""
    if arm not in known:
        reading.faults.append(f"{where}: arm '{arm}' is not in the plan; allowed: {', '.join(known)}")
        return
    how = mapping.get("allocation", {})
    by_person = flat_sites.by_person(reading.plan, mapping)
    site = None if by_person else record.get("site")
    if not by_person and site is None:
        _once(reading, flat_sites.without_site(reading.plan, mapping, where))
        return
    if site is not None and arms.setdefault(str(site), arm) != arm and site not in reading.divided:
        reading.divided.add(str(site))
        reading.faults.append(f"{where}: site {site} is in '{arms[str(site)]}' and in '{arm}'; {ONE_ARM}")
    row: Record = {
        "arm": arm,
        "site": site,
        "person": record["person"] if by_person else None,
        "from_on": flat_sites.starts_on(reading, how, line, where) or record["entered_on"],
        "method": how.get("method", "randomised" if "randomised" in reading.plan.design else "other"),
    }
    earlier = next((a for a in reading.tables["allocations"] if site is not None and a["site"] == site), None)
    if earlier is None:
        reading.add("allocations", where, row)
    elif earlier["from_on"] > row["from_on"]:  # type: ignore[operator]
        earlier["from_on"] = row["from_on"]


def _consent(reading: _Reading, mapping: Mapping[str, Any], record: Record) -> None:
    how = mapping.get("consent", {})
    reading.tables["consents"].append(
        {
            "person": record["person"],
            "kind": "research",
            "form_version": how.get("form_version", "as held by the source"),
            "given_on": record["entered_on"],
        }
    )


def _scores(reading: _Reading, mapping: Mapping[str, Any], line: Line, where: str, record: Record) -> None:
    entered = record["entered_on"]
    assert isinstance(entered, date)
    known: set[str] = set()
    for entry in mapping.get("scores", []):
        low, high, version = _measure(reading, entry)
        for timepoint, source in entry["columns"].items():
            score = reading.number(source, line, where)
            if score is None:
                continue
            if not low <= score <= high:
                reading.faults.append(f"{where}: {_named(source)} {score:g} is outside {low:g} to {high:g}; correct it")
            day = next((t.day for t in reading.plan.timepoints if t.id == timepoint), 0)
            id = f"{record['person']}.{entry['instrument']}.{timepoint}"
            shared: Record = {
                "assessment": id,
                "person": record["person"],
                "timepoint": timepoint,
                "instrument": entry["instrument"],
                "version": version,
            }
            if id not in known:
                known.add(id)
                reading.add(
                    "assessments", where, shared | _administered(entry, reading.day(source, entered, day, where))
                )
            reading.add("scores", where, shared | _reported(entry, score))


def _administered(entry: Mapping[str, Any], day: date | None) -> Record:
    mode, respondent = entry.get("mode", "import"), entry.get("respondent", "self")
    return {"assessed_on": day, "mode": mode, "respondent": respondent, "status": "complete"}


def _reported(entry: Mapping[str, Any], score: float) -> Record:
    return {
        "scale": entry.get("scale", "total"),
        "value_set": entry.get("value_set"),
        "score": score,
        "origin": "reported",
    }


def _measure(reading: _Reading, entry: Mapping[str, Any]) -> tuple[float, float, str]:
    """Range and version of the scale a score belongs to, from the plan's measures or the library."""
    id, scale = entry["instrument"], entry.get("scale", "total")
    for timepoint in entry["columns"]:
        if timepoint not in {t.id for t in reading.plan.timepoints}:
            _once(reading, f"mapping: scores of {id} name timepoint '{timepoint}', which the plan does not have")
    measure = reading.plan.measure(id, scale)
    if measure:
        return measure.minimum, measure.maximum, "as reported"
    if id in {instrument.id for instrument in library()}:
        instrument = get(id)
        if scale in instrument.scales_by_id:
            declared = instrument.scale(scale)
            low = declared.minimum if declared.value_set is None else _lowest_value(entry.get("value_set"))
            return low, declared.maximum, instrument.version
    _once(reading, f"mapping: no measure '{id}' with scale '{scale}'; declare it under [[measures]] in the plan")
    return float("-inf"), float("inf"), "as reported"


def _lowest_value(value_set: str | None) -> float:
    """The worst state's value under a known value set; under another one, no state is worse than -1."""
    return float(load_value_set(value_set).minimum) if value_set and value_set in known_value_sets() else -1.0


def _times(value: float, factor: float) -> float:
    """The product as people would write it: 46.23 times 100 is 4623, and not the nearest number to that in binary."""
    return float(f"{value * factor:.12g}")


def _once(reading: _Reading, fault: str) -> None:
    if fault not in reading.faults:
        reading.faults.append(fault)


def _service_use(reading: _Reading, mapping: Mapping[str, Any], line: Line, where: str, record: Record) -> None:
    entered = record["entered_on"]
    assert isinstance(entered, date)
    for entry in mapping.get("service_use", []):
        count = reading.number(entry["column"], line, where)
        opens, closes = (reading.number(entry[key], line, where) for key in ("from_day", "until_day"))
        if count is None or opens is None or closes is None:
            continue
        if count != int(count):
            reading.faults.append(f"{where}: {_named(entry['column'])} {count:g} is not a whole number; correct it")
        if round(closes) <= round(opens):
            what = "ends before it begins" if closes < opens else "holds no day"
            remedy = "correct its days, or leave the count empty"
            reading.faults.append(f"{where}: the period of {_named(entry['column'])} {what}; {remedy}")
        row: Record = {
            "person": record["person"],
            "setting": entry["setting"],
            "from_on": reading.day(entry["from_day"], entered, opens, where),
            "until_on": reading.day(entry["until_day"], entered, closes, where),
            "count": int(count),
            "source": entry.get("source", "record-extract"),
        }
        reading.add("service_use", where, row)


def _first_events(reading: _Reading, mapping: Mapping[str, Any], line: Line, where: str, record: Record) -> None:
    """The time without any use, as a period with number 0, and the first use as a period of one day."""
    entered = record["entered_on"]
    assert isinstance(entered, date)
    for entry in mapping.get("first_events", []):
        days, happened = (reading.number(entry[key], line, where) for key in ("day", "happened"))
        if days is None or happened is None:
            continue
        if happened not in (0, 1):
            reading.faults.append(
                f"{where}: {_named(entry['happened'])} has {happened:g}, expected 1 (it happened) or 0 (it did not); "
                "give it codes"
            )
        if days < 0 or days != int(days):
            fault = "is not a whole number of days from entry on; correct it, or say times where it is in another unit"
            reading.faults.append(f"{where}: {_named(entry['day'])} {days:g} {fault}")
            continue
        on, after = (reading.day(entry["day"], entered, day, where) for day in (days, days + 1))
        about: Record = {"person": record["person"], "setting": entry["setting"]}
        about["source"] = entry.get("source", "record-extract")
        if days > 0:
            reading.add("service_use", where, about | {"from_on": entered, "until_on": on, "count": 0})
        if happened == 1 or (days == 0 and _died_at_entry(record)):
            reading.add("service_use", where, about | {"from_on": on, "until_on": after, "count": int(happened)})


def _died_at_entry(record: Record) -> bool:
    """Whether the person died on the day of entry: only a period of it says that they were followed until then."""
    return record.get("left_reason") == "died" and record.get("left_on") == record["entered_on"]


def _sites(reading: _Reading, mapping: Mapping[str, Any], folder: Path) -> None:
    used = dict.fromkeys(str(row["site"]) for row in reading.tables["people"] if row.get("site") is not None)
    if "sites" not in mapping:
        reading.tables["sites"] = [{"site": site} for site in used]
        return
    sites = {key: value for key, value in mapping["sites"].items() if key != "file"}
    for where, line in _lines(folder / mapping["sites"]["file"], list(sites.values())):
        record = {name: _site_value(reading, name, source, line, where) for name, source in sites.items()}
        reading.add("sites", where, record)
        used.pop(str(record["site"]), None)
    for site in used:
        reading.faults.append(f"people: site '{site}' is not in {mapping['sites']['file']}; add it there")


def _site_value(reading: _Reading, name: str, source: Source, line: Line, where: str) -> Value:
    text = reading.cell(source, line, where)
    try:
        return table("sites").column(name).parse(text) if text else None
    except ContractError as error:
        reading.faults.append(f"{where}: sites.{name} {error}")
        return None
