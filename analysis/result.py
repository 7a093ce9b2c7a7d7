"""Frozen results: an estimate with tidy columns, what a model gave, and the tables that a report is made of.

And the two ways in which a result is refused: `AnalysisError`, and a folder that holds something else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Key = tuple[str, ...]


class AnalysisError(ValueError):
    """Something that cannot be analysed as asked; `faults` has one line for each fault."""

    def __init__(self, *faults: str) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))


def refuse_to_replace(folder: Path, mark: str) -> None:
    """Refuse a folder that holds something, unless `mark` shows that an earlier run of ours made it.

    Raises
    ------
    AnalysisError
        Naming the folder.
    """
    if folder.exists() and not (folder / mark).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise AnalysisError(f"{folder.name}: holds something else already; name a new folder")


@dataclass(frozen=True, slots=True)
class Estimate:
    """One estimate.

    `scale` says what kind of number it is (such as 'difference' or 'rate ratio') and `unit` its unit. A number that
    the data cannot support is None: `std_error`, `df` and the interval with fewer than two clusters in an arm,
    `p_value` with fewer than four; `df` is None too where the normal distribution is used. For a ratio `std_error` is
    that of its logarithm.
    """

    term: str
    estimate: float
    std_error: float | None
    df: float | None
    conf_low: float | None
    conf_high: float | None
    p_value: float | None
    n: int
    n_clusters: int | None
    method: str
    scale: str = "difference"
    unit: str = ""


@dataclass(frozen=True, slots=True)
class PreTrend:
    """Test that two arms, or groups of sites, moved alike before the start: statistic, its degrees of freedom, p-value.

    F with `df`; with infinite second degrees of freedom chi-squared, not divided by the first.
    """

    statistic: float
    df: tuple[float, float]
    p_value: float


@dataclass(frozen=True, slots=True)
class Course:
    """Effects by time since the start, all against the last period before it, for what is made of all of them at once.

    `since` are the periods after the start, in order of time without the reference, `effects` and `covariance` those of
    them and of their errors, `df` its degrees of freedom; `weights` make the main answer of the effects from the start
    on. `sites` are those that start together, one number for each start, then those that never do.
    """

    since: tuple[int, ...]
    effects: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    df: float
    weights: tuple[float, ...]
    sites: tuple[int, ...]

    @property
    def n_before(self) -> int:
        """How many effects lie before the start."""
        return sum(since < 0 for since in self.since)


@dataclass(frozen=True, slots=True)
class Fitted:
    """What one estimator gave: the answers to report, every coefficient, and the plain warnings that go with them.

    `n` and `n_clusters` are in the order (intervention, comparison); `n_clusters` is None where people, not sites,
    are the units. `n` counts `units`. `had` are the people of each arm who had the event, where the times to it were
    compared. For series, `events` says by term on how few events of an arm it rests, and `pre_trend` whether the arms
    moved alike before the start, or in words why that cannot be tested. `course` is what bounds are made of, or in
    words why there is none.
    """

    answers: tuple[Estimate, ...]
    terms: tuple[Estimate, ...]
    n: tuple[int, int]
    n_clusters: tuple[int, int] | None
    warnings: tuple[str, ...]
    units: str = "people"
    events: Mapping[str, int] = field(default_factory=dict)
    pre_trend: PreTrend | str | None = None
    had: tuple[int, int] | None = None
    course: Course | str | None = None

    def rests_on(self, term: str) -> int:
        """The smallest group that a term could give away: an arm's people, those with the event, or without.

        Where sites are followed, the events of an arm.
        """
        if self.units != "people":
            return self.events.get(term, min(self.events.values(), default=0))
        parts = [part for n, had in zip(self.n, self.had or self.n, strict=True) for part in (n, had, n - had)]
        return min((part for part in parts if part), default=0)

    @property
    def fewest(self) -> int:
        """The smallest group that the main answer could give away."""
        return self.rests_on(self.main.term)

    @property
    def main(self) -> Estimate:
        """The answer that the headline quotes."""
        return self.answers[0]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table: a count of people or events, statistics, or words.

    `count` is a number to protect; `key` names the same quantity wherever else it stands. `stats` are numbers by
    name and `n` the people they describe, which decides whether they may leave; `from_counts` are the counts, by key,
    that they would give away. `text` shows the cell, with `{count}` and the names of `stats` to be filled in.
    """

    text: str
    count: int | None = None
    key: Key | None = None
    stats: Mapping[str, float] = field(default_factory=dict)
    n: int | None = None
    from_counts: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class Sum:
    """A total and the cells that add up to it, by key: what a reader could subtract."""

    total: Key
    parts: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a report: labelled rows, labelled columns, a cell for each pair; `stub` heads the row labels.

    `implied` are counts that nobody shows but a reader could work out from those shown.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    sums: tuple[Sum, ...] = ()
    implied: tuple[tuple[Key, int], ...] = ()
    notes: tuple[str, ...] = ()
    stub: str = ""

    def counts(self) -> Iterator[tuple[Key, int]]:
        """Every count with its key."""
        yield from self.implied
        for row, (_, cells) in enumerate(self.rows):
            for column, cell in enumerate(cells):
                if cell.count is not None:
                    yield self.key(row, column), cell.count

    def key(self, row: int, column: int) -> Key:
        """The key of a cell: its own, or its place."""
        return self.rows[row][1][column].key or (self.name, str(row), str(column))
