"""Reads a dataset bundle and holds it to the contract: the only reader.

Every table, column and cell is checked against `instruments.dataset`, and the plan against what the tables hold.
All faults are collected before anything is refused, so that one round of corrections is enough.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from instruments import plan as plans
from instruments.bundle import PACKAGE_FILE, PLAN_FILE, uncell
from instruments.dataset import CONTRACT_VERSION, TABLES, Column, ContractError, Table, Value
from instruments.plan import Outcome, Plan, PlanError

from .result import AnalysisError

_DTYPES: Mapping[str, Any] = {
    "string": "object",
    "integer": "Int64",
    "number": "float64",
    "date": "datetime64[ns]",
    "boolean": "boolean",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a reader of the results should know; `count` is how many rows it concerns, if it concerns rows."""

    text: str
    count: int | None = None


@dataclass(frozen=True)
class Dataset:
    """A bundle that keeps the contract.

    `tables` holds a frame for every contract table: text as str or None, whole numbers as Int64, numbers as float64,
    dates as datetime64, yes/no as boolean. `hashes` are the SHA-256 of the files read, `notices` what was noticed.
    `written` is the plan as it was written, where the one that is followed has been given another seed.
    """

    tables: Mapping[str, pd.DataFrame]
    plan: Plan
    hashes: Mapping[str, str]
    notices: tuple[Notice, ...]
    written: Plan | None = None

    @property
    def planned(self) -> Plan:
        """The plan as it was written: its hash is the plan's, whatever this run was told besides."""
        return self.written or self.plan

    def __getitem__(self, name: str) -> pd.DataFrame:
        return self.tables[name]


def read(folder: Path, plan_path: Path | None = None) -> Dataset:
    """Read a bundle.

    Parameters
    ----------
    folder
        The bundle: one CSV a table, `datapackage.json` and `plan.toml`.
    plan_path
        The analysis plan; the bundle's own where none is given.

    Returns
    -------
    Dataset
        Typed tables, the plan, file hashes, and notices (a file that changed after export, another plan than the
        bundle's).

    Raises
    ------
    AnalysisError
        When a file, column, code, type, range, reference or key is wrong: every fault, each with its table, column,
        row (as a spreadsheet counts, the header being row 1) and remedy.
    PlanError
        When the plan contradicts itself or names what the data do not hold.
    """
    package = _package(folder)
    own, plan = _plan(folder / PLAN_FILE), _plan(plan_path or folder / PLAN_FILE)
    reader = _Reader(folder, own)
    tables = {table.name: reader.table(table) for table in TABLES.values()}
    reader.stop_at_faults()
    reader.check_links(tables)
    reader.check_sense(tables)
    reader.stop_at_faults()
    _check_plan(plan, own, tables)
    notices = [*_changed(package, reader.hashes)]
    if plan.sha256 != own.sha256:
        notices.append(Notice("The plan given is not the plan that travelled with the data: their hashes differ."))
    return Dataset(tables, plan, reader.hashes, tuple(notices))


def reseeded(dataset: Dataset, seed: int | None) -> Dataset:
    """The dataset with another seed for what is drawn at random, as a departure from its plan; None leaves it.

    Parameters
    ----------
    dataset
        What `read` gave.
    seed
        0 or above. The plan's own is no departure.

    Returns
    -------
    Dataset
        Its plan has the seed given; `planned` and its hash stay those of the plan, and a notice says so.
    """
    plan = dataset.planned
    if seed is None or seed == plan.seed:
        return dataset
    text = f"Random numbers were drawn from the seed {seed}, given for this run; the plan says {plan.seed}."
    notices = (*dataset.notices, Notice(text))
    return replace(dataset, plan=replace(plan, seed=seed), notices=notices, written=plan)


def _package(folder: Path) -> dict[str, Any]:
    try:
        package = json.loads((folder / PACKAGE_FILE).read_text(encoding="utf-8"))
    except OSError:
        raise AnalysisError(f"{folder.name}: has no {PACKAGE_FILE}; name the folder of a dataset bundle") from None
    except ValueError:
        raise AnalysisError(f"{PACKAGE_FILE}: is not JSON; export the bundle again") from None
    version = package.get("contract") if isinstance(package, dict) else None
    if str(version).split(".")[0] != CONTRACT_VERSION.split(".")[0]:
        raise AnalysisError(f"{PACKAGE_FILE}: contract '{version}' is not {CONTRACT_VERSION}; export the bundle again")
    return dict(package)


def _plan(path: Path) -> Plan:
    try:
        return plans.parse(path.read_text(encoding="utf-8-sig"))
    except OSError:
        fault = f"is a folder; name the plan in it, such as {PLAN_FILE}" if path.is_dir() else None
        raise AnalysisError(f"{path.name}: {fault or 'cannot be read; correct its name'}") from None
    except UnicodeDecodeError:
        raise AnalysisError(f"{path.name}: is not UTF-8 text; save it as UTF-8") from None


def _changed(package: Mapping[str, Any], hashes: Mapping[str, str]) -> Iterator[Notice]:
    """Files whose hash is not the one that was written at export."""
    for resource in package.get("resources", ()):
        name = resource.get("path")
        if name in hashes and resource.get("hash") != f"sha256:{hashes[name]}":
            yield Notice(f"{name} was changed after it was exported: its SHA-256 is not the one in {PACKAGE_FILE}.")


class _Reader:
    """Reads tables, collecting faults."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder = folder
        self.plan = plan
        self.faults: list[str] = []
        self.hashes: dict[str, str] = {}

    def stop_at_faults(self) -> None:
        """Refuse the bundle with everything found so far; what comes next would stumble over it."""
        if self.faults:
            raise AnalysisError(*self.faults)

    def table(self, table: Table) -> pd.DataFrame:
        """One table as a typed frame; rows that cannot be read are faults and left out."""
        if table.optional and not (self.folder / f"{table.name}.csv").exists():
            return pd.DataFrame({column.name: pd.Series([], dtype=_DTYPES[column.type]) for column in table.columns})
        text = self._text(f"{table.name}.csv")
        header, rows = self._rows(table, text) if text is not None else ((), [])
        frame = pd.DataFrame(rows, columns=list(header), dtype=object)
        columns = {column.name: self._column(table, column, frame) for column in table.columns}
        typed = pd.DataFrame(columns)
        self._check_key(table, typed)
        return typed

    def _text(self, name: str) -> str | None:
        try:
            content = (self.folder / name).read_bytes()
        except OSError:
            self.faults.append(f"{name}: is not in the bundle; export it again")
            return None
        self.hashes[name] = hashlib.sha256(content).hexdigest()
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            self.faults.append(f"{name}: is not UTF-8 text; save it as UTF-8")
            return None

    def _rows(self, table: Table, text: str) -> tuple[tuple[str, ...], list[list[str]]]:
        lines = csv.reader(io.StringIO(text, newline=""))
        header = tuple(next(lines, ()))
        for name in table.names:
            if name not in header:
                self.faults.append(f"{table.name}.{name}: the column is missing; add it (its cells may stay empty)")
        for name in dict.fromkeys(header):
            if name not in table.names:
                known = ", ".join(table.names)
                self.faults.append(f"{table.name}.{name}: the column is not in the contract; known: {known}")
        if len(set(header)) < len(header):
            self.faults.append(f"{table.name}: a column stands twice; keep one")
            return (), []
        rows = []
        for number, row in enumerate(lines, start=2):
            if len(row) == len(header):
                rows.append([uncell(cell) for cell in row])
            else:
                self.faults.append(f"{table.name}: row {number} has {len(row)} cells, the header {len(header)}")
        return header, rows

    def _column(self, table: Table, column: Column, frame: pd.DataFrame) -> pd.Series[Any]:
        dtype = _DTYPES[column.type]
        if column.name not in frame:
            return pd.Series([None] * len(frame), dtype="object").astype(dtype)
        codes, texts = pd.factorize(frame[column.name])
        values = [self._value(table, column, text, codes, code) for code, text in enumerate(texts)]
        parsed = [values[code] for code in codes]
        return pd.Series(parsed, dtype="object").astype(dtype)

    def _value(self, table: Table, column: Column, text: str, codes: Any, code: int) -> Value:
        """A distinct text of a column, parsed once; None and a fault where it breaks the contract."""
        try:
            value = column.parse(text)
            self._check_plan_code(column, value)
        except ContractError as error:
            row = int((codes == code).argmax()) + 2
            problem, _, remedy = str(error).partition("; ")
            self.faults.append(f"{table.name}.{column.name}: {problem} (row {row}); {remedy}")
            return None
        return value

    def _check_plan_code(self, column: Column, value: Value) -> None:
        """Timepoints and arms are code lists that the bundle's plan declares."""
        declared = {"timepoint": [t.id for t in self.plan.timepoints], "arm": [arm.id for arm in self.plan.arms]}
        allowed = declared.get(column.name)
        if allowed is not None and value not in allowed:
            raise ContractError(f"unexpected value '{value}'; allowed: {', '.join(allowed)}")

    def _check_key(self, table: Table, frame: pd.DataFrame) -> None:
        twice = frame.duplicated(subset=list(table.key))
        for row in frame.index[twice]:
            key = ", ".join(table.key)
            self.faults.append(f"{table.name}: row {row + 2} repeats another row's {key}; keep one of them")

    def check_links(self, tables: Mapping[str, pd.DataFrame]) -> None:
        """Whatever refers to another table must be found there."""
        for table in TABLES.values():
            for column in table.columns:
                if column.refers_to:
                    other, key = column.refers_to.split(".")
                    values = tables[table.name][column.name]
                    lost = values.notna() & ~values.isin(tables[other][key])
                    self._fault(table.name, column.name, lost, f"is not in {other}; add it there or correct it")

    def check_sense(self, tables: Mapping[str, pd.DataFrame]) -> None:
        """What the columns must mean together."""
        people, scores = tables["people"], tables["scores"]
        early = people["left_on"] < people["entered_on"]
        self._fault("people", "left_on", early, "is before entered_on; correct one of them")
        for name, whose in (("service_use", ["person", "setting", "source"]), ("site_use", ["site", "setting"])):
            use = tables[name]
            self._fault(name, "until_on", use["until_on"] <= use["from_on"], "is not after from_on; correct the period")
            again = _overlapping(use, whose)
            self._fault(name, "from_on", again, "begins inside another period; count a day once")
        asked = tables["assessments"].set_index("assessment")
        if not asked.index.is_unique:
            return
        for name in ("person", "timepoint", "instrument", "version"):
            there = scores["assessment"].isin(asked.index)
            other = scores["assessment"].map(asked[name])
            self._fault("scores", name, there & (scores[name] != other), "is not its assessment's; correct one of them")
        self._check_allocations(tables)

    def _check_allocations(self, tables: Mapping[str, pd.DataFrame]) -> None:
        allocations, people = tables["allocations"], tables["people"]
        both = allocations["site"].notna() == allocations["person"].notna()
        self._fault("allocations", "site", both, "needs a site or a person, and not both")
        placed = people["site"].isin(allocations["site"].dropna()) | people["person"].isin(allocations["person"])
        self._fault("people", "person", ~placed, "is in no arm; allocate the person or their site")

    def _fault(self, table: str, column: str, wrong: pd.Series[bool], what: str) -> None:
        self.faults += [f"{table}.{column}: row {row + 2} {what}" for row in wrong.index[wrong.fillna(False)]]


def _overlapping(use: pd.DataFrame, whose: list[str]) -> pd.Series[bool]:
    """Rows whose period begins before the last one of the same person or site, setting and source has ended."""
    ordered = use.sort_values("from_on")
    before = ordered.groupby(whose)["until_on"].shift()
    return (ordered["from_on"] < before).reindex(use.index)


def _check_plan(plan: Plan, own: Plan, tables: Mapping[str, pd.DataFrame]) -> None:
    """Refuse a plan that names what the data do not hold."""
    plans.check_covariates(plan, sorted(set(tables["characteristics"]["name"])))
    faults = [*_unknown_ids(plan, own)]
    for outcome in plan.outcomes:
        faults += _missing_use(outcome, tables) if outcome.setting else _missing_scores(outcome, tables["scores"])
    if faults:
        raise PlanError(faults)


def _unknown_ids(plan: Plan, own: Plan) -> Iterator[str]:
    for what in ("arms", "timepoints"):
        known = [entry.id for entry in getattr(own, what)]
        for entry in getattr(plan, what):
            if entry.id not in known:
                yield f"plan.{what}: '{entry.id}' is not in the dataset; known: {', '.join(known)}"


def _missing_use(outcome: Outcome, tables: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    settings = {*tables["service_use"]["setting"], *tables["site_use"]["setting"]}
    if outcome.setting not in settings:
        known = ", ".join(sorted(settings)) or "none"
        yield f"plan.outcomes.{outcome.id}: setting '{outcome.setting}' is not in the dataset; known: {known}"


def _missing_scores(outcome: Outcome, scores: pd.DataFrame) -> Iterator[str]:
    """The first of instrument, scale and value set for which the data hold no score.

    A timepoint of the plan at which nobody has one is a matter of that outcome alone, which says so when estimated.
    """
    where, found = f"plan.outcomes.{outcome.id}", scores.dropna(subset=["score"])
    for column in ("instrument", "scale", "timepoint", "value_set"):
        wanted, known = getattr(outcome, column), sorted(set(found[column].dropna()))
        if column == "timepoint" and wanted not in known:
            continue
        if column == "value_set" and wanted is None and len(known) < 2:
            return
        if wanted is None:
            yield f"{where}: names no value set and the dataset has several; choose one of: {', '.join(known)}"
            return
        if wanted not in known:
            name = column.replace("_", " ")
            yield f"{where}: {name} '{wanted}' is not in the dataset; known: {', '.join(known) or 'none'}"
            return
        found = found[found[column] == wanted]
