"""Small-number control: the one gate through which tables leave.

A count above zero and below the plan's threshold is not shown. Nor is another count from which it could be worked
out: wherever a total and its parts are declared, so much is held back that subtraction leads nowhere, across all
tables of a report, since a quantity carries the same key wherever it stands. Zeros stay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from .result import Cell, Key, Sum, Table

WITHHELD = "withheld"


@dataclass(frozen=True, slots=True)
class ReleasedCell:
    """What may be shown of a cell: its text, and its numbers by name (or the words that stand for them)."""

    text: str
    values: Mapping[str, float | str]


@dataclass(frozen=True, slots=True)
class ReleasedTable:
    """A table as it leaves."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[ReleasedCell, ...]], ...]
    notes: tuple[str, ...]
    stub: str


@dataclass(frozen=True, slots=True)
class Gate:
    """Which counts stay behind, and the words that stand for them."""

    hidden: Mapping[Key, str]
    threshold: int

    def is_small(self, n: int | None) -> bool:
        """Whether a group of n is too small for its statistics to leave."""
        return n is not None and 0 < n < self.threshold

    def count(self, key: Key, count: int) -> int | str:
        """A count, or what stands for it."""
        return self.hidden.get(key, count)

    def table(self, table: Table) -> ReleasedTable:
        """A table with everything held back that must be."""
        rows = tuple(
            (label, tuple(self._cell(cell, table.key(row, column)) for column, cell in enumerate(cells)))
            for row, (label, cells) in enumerate(table.rows)
        )
        return ReleasedTable(table.name, table.title, table.columns, rows, table.notes, table.stub)

    def _cell(self, cell: Cell, key: Key) -> ReleasedCell:
        marker = self._marker(cell, key)
        names = [*([] if cell.count is None else ["count"]), *cell.stats]
        if marker is not None:
            return ReleasedCell(marker, dict.fromkeys(names, marker))
        values: dict[str, float | str] = {} if cell.count is None else {"count": cell.count}
        values.update(cell.stats)
        return ReleasedCell(cell.text.format(**values), values)

    def _marker(self, cell: Cell, key: Key) -> str | None:
        """What stands for a cell that stays behind, if it does."""
        if cell.count is not None and key in self.hidden:
            return self.hidden[key]
        if any(known in self.hidden for known in cell.from_counts):
            return WITHHELD
        return f"n<{self.threshold}" if self.is_small(cell.n) else None


def gate(tables: Sequence[Table], threshold: int) -> Gate:
    """Decide what stays behind in a set of tables that leave together.

    Parameters
    ----------
    tables
        Every table of the report, with the sums that hold among its counts.
    threshold
        Counts from 1 to one below it are not shown; 0 or 1 shows everything.
    """
    counts = dict(pair for table in tables for pair in table.counts())
    sums = [known for table in tables for known in table.sums]
    small = {key for key, count in counts.items() if 0 < count < threshold}
    hidden = set(small)
    while exposed := _by_subtraction(sums, hidden) | _by_bounds(counts, sums, hidden, threshold):
        further = _next_to_hide(counts, sums, hidden, exposed)
        if further is None:
            break
        hidden.add(further)
    return Gate({key: f"<{threshold}" if key in small else WITHHELD for key in hidden}, threshold)


def _by_subtraction(sums: Sequence[Sum], hidden: set[Key]) -> set[Key]:
    """Hidden counts that the shown ones determine: those that no solution of the sums leaves free to move."""
    unknown = sorted(hidden)
    place = {key: column for column, key in enumerate(unknown)}
    equations = np.zeros((len(sums), len(unknown)))
    for row, known in enumerate(sums):
        for key, sign in ((known.total, -1.0), *((part, 1.0) for part in known.parts)):
            if key in place:
                equations[row, place[key]] += sign
    if not equations.size:
        return set()
    free = np.abs(linalg.null_space(equations)).sum(axis=1)
    return {key for key, freedom in zip(unknown, free, strict=True) if freedom < 1e-9}


def _by_bounds(counts: Mapping[Key, int], sums: Sequence[Sum], hidden: set[Key], threshold: int) -> set[Key]:
    """Hidden counts that must all be as small, or all as large, as their marks allow for the total to come out."""
    found: set[Key] = set()
    for known in sums:
        behind = [part for part in known.parts if part in hidden]
        if known.total in hidden or not behind:
            continue
        rest = sum(counts[part] for part in behind)
        least = sum(1 if counts[part] < threshold else threshold for part in behind)
        most = len(behind) * (threshold - 1) if all(counts[part] < threshold for part in behind) else None
        if rest in (least, most):
            found.update(behind)
    return found


def _next_to_hide(counts: Mapping[Key, int], sums: Sequence[Sum], hidden: set[Key], exposed: set[Key]) -> Key | None:
    """The shown count whose loss costs least, from a sum that gives something away or else one linked to it.

    That is one that stands in few sums (holding it back leads to little else), rather a part than a total, and small.
    """
    links = Counter(key for known in sums for key in (known.total, *known.parts))
    totals = {known.total for known in sums}
    for near in (exposed, hidden):
        linked = [known for known in sums if near & {known.total, *known.parts}]
        shown = {key for known in linked for key in (known.total, *known.parts) if key not in hidden and counts[key]}
        if shown:
            return min(shown, key=lambda key: (links[key], key in totals, counts[key], key))
    return None
