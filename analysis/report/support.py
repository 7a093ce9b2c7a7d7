"""Common support: how the propensity score lies in each arm, and how many people have one that the other arm lacks.

Scores of single people would be seen where few share a part of the axis, so that neighbouring parts are put together
until each arm has nobody in them or as many people as may be shown. The arms' lowest and highest scores are not shown:
they are single people's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from ..cohort import ROLES, scores_at
from ..disclosure import WITHHELD, Gate
from ..estimators.weighted_difference import Weighing
from ..figures import Histogram
from ..moments import Array
from ..result import Key, Sum, Table
from .cells import arm_columns, people
from .comparison import Comparison
from .outcomes import analysed_key, apart
from .participants import measured_key, study_key

PARTS = 40
PER = 0.05
LEAST_PARTS = 2
ALIKE = "Everybody has a propensity score within the range of the other arm's."
OUTSIDE = (
    "{first} and {second} have a propensity score outside the range of the other arm's: nobody there is like them, so "
    "what is said of them rests on the model."
)
NOTES = (
    "The propensity score is the probability of being in the first arm, estimated by logistic regression on what the "
    "table above lists. Where one arm has people and the other has nobody, like is not compared with like.",
    "Parts of the axis are as wide as it takes for each arm to have nobody in them or as many people as may be shown.",
)


def of(found: Mapping[str, Weighing]) -> Weighing | None:
    """The scores of everybody with baseline and covariates: the same whatever kind of weights was made of them."""
    return found.get("overlap")


def edges(weighing: Weighing, least: int) -> tuple[float, ...]:
    """Where parts of the axis from 0 to 1 end, so that each arm has nobody in a part or at least so many."""
    grid = np.round(np.linspace(0, 1, PARTS + 1), 3)
    fine = np.stack([np.histogram(weighing.score[weighing.laid.X[:, 1] == arm], grid)[0] for arm in ROLES])
    parts: list[tuple[int, Array]] = []  # the place on the grid at which a part ends, and who is in it
    run = np.zeros(len(ROLES), dtype=int)
    last = int(np.flatnonzero(fine.any(axis=0))[-1]) + 1
    for place in range(last):
        run = run + fine[:, place]
        if not _few(run, least):
            _put(parts, place + 1, run)
            run = np.zeros_like(run)
    while run.any():  # what is left over goes with the parts before it
        run = run + (parts.pop()[1] if parts else 0)
        if not parts or not _few(run, least):
            parts.append((last, run))
            break
    if last < PARTS:
        _put(parts, PARTS, np.zeros_like(run))
    return (0.0, *(float(grid[place]) for place, _ in parts))


def _put(parts: list[tuple[int, Array]], place: int, run: Array) -> None:
    """A further part; where it and the one before it are empty, they are one."""
    if parts and not run.any() and not parts[-1][1].any():
        parts.pop()
    parts.append((place, run))


def _few(run: Array, least: int) -> bool:
    return bool(((run > 0) & (run < least)).any())


def counts(weighing: Weighing, ends: tuple[float, ...]) -> dict[str, Array]:
    """People of each arm in each part, by role."""
    return {
        role: np.histogram(weighing.score[weighing.laid.X[:, 1] == arm], ends)[0].astype(int)
        for arm, role in ROLES.items()
    }


def table(comparison: Comparison, weighing: Weighing) -> Table:
    """People by arm in each part of the axis, and those outside the other arm's range."""
    ends = edges(weighing, comparison.plan.small_number)
    held = counts(weighing, ends)
    totals = dict(zip(ROLES.values(), weighing.laid.n, strict=True))
    rows = [
        (_part(ends, place), tuple(people(int(held[role][place]), totals[role], _key(role, str(place)),
                                          _key(role, "all")) for role in ROLES.values()))
        for place in range(len(ends) - 1)
    ]  # fmt: skip
    rows.append(("All with a score", tuple(people(n, key=_key(role, "all")) for role, n in totals.items())))
    outside = zip(totals.items(), weighing.support.beyond, strict=True)
    cells = tuple(people(beyond, n, _key(role, "outside"), _key(role, "all")) for (role, n), beyond in outside)
    rows.append(("Outside the other arm's range", cells))
    sums, implied = _known(comparison, weighing, held)
    title = "Propensity scores by arm"
    return Table("support", title, arm_columns(comparison.plan), tuple(rows), sums, implied, NOTES, "Propensity score")


def _part(ends: tuple[float, ...], place: int) -> str:
    return f"{ends[place]:g} to {ends[place + 1]:g}"


def _key(role: str, what: str) -> Key:
    return "support", role, what


def _known(
    comparison: Comparison, weighing: Weighing, held: Mapping[str, Array]
) -> tuple[tuple[Sum, ...], tuple[tuple[Key, int], ...]]:
    """What a reader could subtract: parts from all, those outside from all, and all from others counted."""
    sums: list[Sum] = []
    implied: list[tuple[Key, int]] = []
    for place, (arm, role) in enumerate(ROLES.items()):
        every, n, beyond = _key(role, "all"), weighing.laid.n[place], weighing.support.beyond[place]
        sums.append(Sum(every, tuple(_key(role, str(part)) for part in range(len(held[role])))))
        sums.append(Sum(every, (_key(role, "outside"), _key(role, "inside"))))
        implied.append((_key(role, "inside"), n - beyond))
        for known, further in (_at_the_ends(role, held, beyond), *_others(comparison, arm, (every, n))):
            sums.append(known)
            implied += further
    return tuple(sums), tuple(implied)


def _at_the_ends(role: str, held: Mapping[str, Array], beyond: int) -> tuple[Sum, list[tuple[Key, int]]]:
    """Of those outside, the parts beyond the last in which the other arm has anybody; the rest share a part with it."""
    (other,) = (each for each in held if each != role)
    places = np.flatnonzero(held[other])
    alone = [part for part in range(len(held[role])) if part < places[0] or part > places[-1]]
    shared = _key(role, "outside in a shared part")
    parts = tuple(_key(role, str(part)) for part in alone)
    return Sum(_key(role, "outside"), (*parts, shared)), [(shared, beyond - int(held[role][alone].sum()))]


def _others(comparison: Comparison, arm: int, every: tuple[Key, int]) -> Iterator[tuple[Sum, list[tuple[Key, int]]]]:
    """Those with a score beside the people of the arm, those measured at the baseline, and those analysed."""
    outcome, role = comparison.plan.primary, ROLES[arm]
    own = comparison.cohort.people.index[comparison.cohort.people["arm"] == arm]
    baseline = comparison.plan.baseline.id
    measured = int(scores_at(comparison.cohort, outcome, baseline).index.isin(own).sum())
    counted = [(study_key(role), len(own)), (measured_key(outcome, baseline, role), measured)]
    fitted = comparison.fitted.get(outcome.id)
    if fitted is not None and fitted.units == "people":
        counted.append((analysed_key(outcome, role), fitted.n[list(ROLES).index(arm)]))
    for place, each in enumerate(counted):
        known, rest = apart(every, each, _key(role, f"apart {place}"))
        yield known, [rest, each]


def histogram(comparison: Comparison, weighing: Weighing, guard: Gate) -> Histogram | None:
    """The shares of each arm, ready to be drawn; None where a part is held back or all is one part."""
    ends = edges(weighing, comparison.plan.small_number)
    held = counts(weighing, ends)
    hidden = [_key(role, str(part)) in guard.hidden for role in held for part in range(len(ends) - 1)]
    if len(ends) - 1 < LEAST_PARTS or any(hidden):
        return None
    width = np.diff(ends) / PER
    above, below = (tuple(100 * held[role] / held[role].sum() / width) for role in ROLES.values())
    return Histogram(arm_columns(comparison.plan), ends, above, below)


def in_words(drawn: Histogram) -> str:
    """What the figure shows, for who cannot see it."""
    said = [
        f"of {label} most lie between {low:g} and {high:g}"
        for label, shares in zip(drawn.labels, (drawn.above, drawn.below), strict=True)
        for low, high in [_most(drawn.edges, shares)]
    ]
    return f"Mirrored histogram of propensity scores: {'; '.join(said)}. The table below has every number."


def _most(ends: tuple[float, ...], shares: tuple[float, ...]) -> tuple[float, float]:
    """The shortest run of parts, by their number, in which at least half of an arm lies."""
    mass = np.array(shares) * np.diff(ends)
    wanted = mass.sum() / 2 - 1e-9
    runs = ((first, last) for length in range(len(mass)) for first, last in _runs(len(mass), length))
    first, last = next(run for run in runs if mass[run[0] : run[1] + 1].sum() >= wanted)
    return ends[first], ends[last + 1]


def _runs(parts: int, length: int) -> Iterator[tuple[int, int]]:
    yield from ((first, first + length) for first in range(parts - length))


def outside_in_words(comparison: Comparison, weighing: Weighing, guard: Gate) -> str:
    """How many people have a score that lies outside the other arm's range, as far as that may leave."""
    if not any(weighing.support.beyond):
        return ALIKE
    told = partial(_told, guard)
    labels, numbers = arm_columns(comparison.plan), zip(ROLES.values(), weighing.support.beyond, strict=True)
    said = [f"{told(role, n)} in “{label}”" for label, (role, n) in zip(labels, numbers, strict=True)]
    first = said[0][0].upper() + said[0][1:]
    return OUTSIDE.format(first=first, second=said[1])


def _told(guard: Gate, role: str, n: int) -> str:
    """A number of people in words, or what stands for it."""
    count = guard.count(_key(role, "outside"), n)
    if isinstance(count, int):
        return f"{count:,} {'person' if count == 1 else 'people'}" if count else "nobody"
    return "a number withheld" if count == WITHHELD else f"fewer than {guard.threshold} people"
