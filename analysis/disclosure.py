"""Small-number control: the one gate through which tables leave.

A count above zero and below the plan's threshold is not shown. Nor is another count from which it could be worked
out: wherever a total and its parts are declared, so much is held back that subtraction leads nowhere, across all
tables of a report, since a quantity carries the same key wherever it stands. Zeros stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import linalg

from .result import Cell, Key, Sum, Table

WITHHELD = "withheld"
FIXED = 1e-9


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

    Small counts are held back first; then, while one of them can be worked out, the count whose loss costs least; then
    whatever turns out to have been held back for nothing is let go.

    Parameters
    ----------
    tables
        Every table of the report, with the sums that hold among its counts.
    threshold
        Counts from 1 to one below it are not shown; 0 or 1 shows everything.
    """
    known = _Known(
        dict(pair for table in tables for pair in table.counts()),
        tuple(dict.fromkeys(known for table in tables for known in table.sums)),
        threshold,
    )
    hidden = set(known.small)
    while exposed := known.exposed(hidden):
        further = known.next_to_hide(hidden, exposed)
        if further is None:
            break
        hidden.add(further)
    for key in sorted(hidden - known.small, key=known.cost, reverse=True):
        if not known.exposed(hidden - {key}):
            hidden.remove(key)
    return Gate({key: f"<{threshold}" if key in known.small else WITHHELD for key in hidden}, threshold)


@dataclass(frozen=True)
class _Known:
    """All counts by key, and the sums that a reader knows to hold among them."""

    counts: Mapping[Key, int]
    sums: tuple[Sum, ...]
    threshold: int

    @cached_property
    def small(self) -> frozenset[Key]:
        """The counts that must not be known."""
        return frozenset(key for key, count in self.counts.items() if 0 < count < self.threshold)

    @cached_property
    def links(self) -> Mapping[Key, tuple[Sum, ...]]:
        """The sums in which each count stands."""
        found: dict[Key, list[Sum]] = {}
        for known in self.sums:
            for key in (known.total, *known.parts):
                found.setdefault(key, []).append(known)
        return {key: tuple(sums) for key, sums in found.items()}

    def cost(self, key: Key) -> tuple[int, bool, int, Key]:
        """What holding a count back costs: in how many sums it stands, whether it is a total, its size."""
        sums = self.links[key]
        return len(sums), any(known.total == key for known in sums), self.counts[key], key

    def exposed(self, hidden: set[Key]) -> frozenset[Key]:
        """The small counts that can be worked out from what is shown."""
        return self.small & (self._by_subtraction(hidden) | self._by_bounds(hidden))

    def _by_subtraction(self, hidden: set[Key]) -> set[Key]:
        """Counts that no solution of the sums leaves free to move."""
        unknown = sorted(hidden)
        place = {key: column for column, key in enumerate(unknown)}
        equations = np.zeros((len(self.sums), len(unknown)))
        for row, known in enumerate(self.sums):
            for key, sign in ((known.total, -1.0), *((part, 1.0) for part in known.parts)):
                if key in place:
                    equations[row, place[key]] += sign
        if not equations.size:
            return set()
        free = np.abs(linalg.null_space(equations)).sum(axis=1)
        return {key for key, freedom in zip(unknown, free, strict=True) if freedom < FIXED}

    def _by_bounds(self, hidden: set[Key]) -> set[Key]:
        """Counts that must all be as small, or all as large, as their marks allow for their total to come out."""
        found: set[Key] = set()
        for known in self.sums:
            behind = [part for part in known.parts if part in hidden]
            if known.total in hidden or not behind:
                continue
            rest, small = sum(self.counts[part] for part in behind), sum(part in self.small for part in behind)
            least = small + self.threshold * (len(behind) - small)
            most = small * (self.threshold - 1) if small == len(behind) else None
            if rest in (least, most):
                found.update(behind)
        return found

    def next_to_hide(self, hidden: set[Key], exposed: frozenset[Key]) -> Key | None:
        """The shown count whose loss costs least, among those linked to an exposed one through hidden ones."""
        reached, waiting = set(exposed), list(exposed)
        shown: set[Key] = set()
        while waiting:
            for known in self.links.get(waiting.pop(), ()):
                for key in (known.total, *known.parts):
                    if key not in hidden and self.counts[key]:
                        shown.add(key)
                    elif key in hidden and key not in reached:
                        reached.add(key)
                        waiting.append(key)
        return min(shown, key=self.cost, default=None)
