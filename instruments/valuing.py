"""What a value set can be: a sum of decrements, a crosswalk to another instrument's set, a table by age and sex."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise, product
from math import fsum
from typing import Protocol

Levels = Sequence[int] | str

# What a published model adds beyond the level of each dimension, by the name that it has in a value set's file.
EXTRAS: Mapping[str, Callable[[Sequence[int]], int]] = {
    "any": lambda levels: int(max(levels) > 1),
    "n3": lambda levels: int(3 in levels),
    "n4": lambda levels: int(max(levels) >= 4),
    "n5": lambda levels: int(5 in levels),
    "n45_squared": lambda levels: max(sum(level >= 4 for level in levels) - 1, 0) ** 2,
}

# The bands of the official table: the youngest age of each.
AGE_BANDS: Mapping[str, int] = {"65+": 65, "55-64": 55, "45-54": 45, "35-44": 35, "18-34": 18}
SEXES = ("female", "male")


class BadProfile(ValueError):
    """A profile that the value set cannot value."""


class NoValue(ValueError):
    """There is no value for this person, and why: `reason` is a key of `scoring.REASONS`."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Whose values they are and where they were published.

    `mid` is the instrument-defined minimal important difference of an EQ-5D set: see `important_difference`. It is
    None where it is not defined (ICECAP-O) or rests on a table that does not ship.
    """

    id: str
    title: str
    country: str
    instrument: str
    year: int
    doi: str
    method: str
    mid: float | None = None


class ValueSet(Protocol):
    """What every value set offers, whatever it is made of."""

    @property
    def id(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def country(self) -> str: ...
    @property
    def instrument(self) -> str: ...
    @property
    def year(self) -> int: ...
    @property
    def doi(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def mid(self) -> float | None: ...

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The ids of the items that make a profile, in order."""

    @property
    def n_levels(self) -> int:
        """How many levels each dimension has."""

    @property
    def minimum(self) -> float:
        """The least that any profile is worth."""

    @property
    def maximum(self) -> float:
        """The most that any profile is worth."""

    @property
    def needs_person(self) -> bool:
        """Whether `value` wants age and sex too."""

    def value(self, levels: Levels, age: int | None = None, sex: str | None = None) -> Decimal:
        """The value of a profile: one level for each dimension, in profile order, as numbers or digits.

        Exact, but where rounding is part of the published set. `age` in whole years, `sex` "female" or "male".

        Raises
        ------
        BadProfile
            When there is a level too many or too few, or one that the set does not know.
        NoValue
            When the set cannot value this person.
        """


@dataclass(frozen=True, kw_only=True, eq=False)
class Additive(Identity):
    """Value = start - the decrement of each dimension's level - the published extra terms.

    `decrements` has, for each dimension in profile order, the decrement of level 1, 2, 3, ...; `extras` multiplies
    terms of `EXTRAS` and is taken off too.
    """

    decrements: Mapping[str, tuple[Decimal, ...]]
    start: Decimal = Decimal(1)
    extras: Mapping[str, Decimal] = field(default_factory=dict)

    needs_person = False

    @property
    def dimensions(self) -> tuple[str, ...]:
        return tuple(self.decrements)

    @property
    def n_levels(self) -> int:
        return len(next(iter(self.decrements.values())))

    @property
    def minimum(self) -> float:
        return self._extreme(max)

    @property
    def maximum(self) -> float:
        return self._extreme(min)

    def _extreme(self, end: Callable[[Sequence[Decimal]], Decimal]) -> float:
        return float(self.value([each.index(end(each)) + 1 for each in self.decrements.values()]))

    def value(self, levels: Levels, age: int | None = None, sex: str | None = None) -> Decimal:
        del age, sex
        value, profile = self.start, []
        try:
            for dimension, level in zip(self.decrements.values(), map(int, levels), strict=True):
                if level < 1:
                    raise IndexError
                value -= dimension[level - 1]
                profile.append(level)
        except (IndexError, ValueError):
            raise BadProfile(fault(self, levels)) from None
        for term, decrement in self.extras.items():
            value -= decrement * EXTRAS[term](profile)
        return value


@dataclass(frozen=True, kw_only=True, eq=False)
class Crosswalk(Identity):
    """The value that another instrument's set is expected to give, rounded to four decimals and then to three.

    `probabilities` has, for each dimension and each level of it, the probability of each level of the same dimension
    on the other instrument; dimensions are independent given the profile. The published table was rounded twice.
    """

    base: Additive
    probabilities: Mapping[str, tuple[tuple[Decimal, ...], ...]]
    _known: dict[tuple[int, ...], Decimal] = field(default_factory=dict, repr=False)

    needs_person = False

    @property
    def dimensions(self) -> tuple[str, ...]:
        return tuple(self.probabilities)

    @property
    def n_levels(self) -> int:
        return len(next(iter(self.probabilities.values())))

    @property
    def minimum(self) -> float:
        return float(self.value([self.n_levels] * len(self.dimensions)))

    @property
    def maximum(self) -> float:
        return float(self.value([1] * len(self.dimensions)))

    def value(self, levels: Levels, age: int | None = None, sex: str | None = None) -> Decimal:
        del age, sex
        profile = checked(self, levels)
        if profile not in self._known:
            once = self.expected(profile).quantize(Decimal("0.0001"), ROUND_HALF_UP)
            self._known[profile] = once.quantize(Decimal("0.001"), ROUND_HALF_UP)
        return self._known[profile]

    def expected(self, profile: Sequence[int]) -> Decimal:
        """The expectation before it is rounded."""
        rows = [each[level - 1] for each, level in zip(self.probabilities.values(), profile, strict=True)]
        reachable = [[(level, p) for level, p in enumerate(row, start=1) if p] for row in rows]
        total = Decimal(0)
        for state in product(*reachable):
            weight = Decimal(1)
            for _, p in state:
                weight *= p
            total += weight * self.base.value([level for level, _ in state])
        return total


@dataclass(frozen=True, kw_only=True, eq=False)
class ByAgeAndSex(Identity):
    """Values of another instrument's set, predicted for each profile, age band and sex in a table that a user supplies.

    `lookup` finds that table, or gives None where there is none. The values stay within those of `base`.
    """

    base: Additive
    dimensions: tuple[str, ...]
    n_levels: int
    lookup: Callable[[], Mapping[tuple[str, str, str], Decimal] | None]

    needs_person = True

    @property
    def minimum(self) -> float:
        return self.base.minimum

    @property
    def maximum(self) -> float:
        return self.base.maximum

    def value(self, levels: Levels, age: int | None = None, sex: str | None = None) -> Decimal:
        profile = checked(self, levels)
        table = self.lookup()
        if table is None:
            raise NoValue("no-table")
        if age is None or sex not in SEXES:
            raise NoValue("age-or-sex-missing")
        band = next((band for band, youngest in AGE_BANDS.items() if age >= youngest), None)
        if band is None:
            raise NoValue("out-of-age-range")
        return table["".join(map(str, profile)), band, sex]


def checked(values: ValueSet, levels: Levels) -> tuple[int, ...]:
    """The levels as numbers; raises BadProfile when they are not a profile of the set's instrument."""
    try:
        profile = tuple(map(int, levels))
    except ValueError:
        profile = ()
    if len(profile) != len(values.dimensions) or not all(1 <= level <= values.n_levels for level in profile):
        raise BadProfile(fault(values, levels))
    return profile


def fault(values: ValueSet, levels: Levels) -> str:
    """What is wrong with a profile, in words."""
    n, profile = len(values.dimensions), "".join(map(str, levels))
    return (
        f"profile: '{profile}' is not a profile of {values.instrument}; "
        f"give {n} digits, each 1 to {values.n_levels}, such as {'21232'[:n]}"
    )


def important_difference(values: ValueSet) -> tuple[float, float]:
    """The instrument-defined minimal important difference of a value set, and its standard deviation over profiles.

    For each profile, the mean absolute change in value over every step of one level on one dimension; then mean and
    standard deviation (n - 1) over all profiles, each counted once. Unrounded, on the scale of the values.

    Source: Luo N, Johnson JA, Coons SJ. Med Care 2010;48:365-371 (doi:10.1097/MLR.0b013e3181c162a2); McClure NS et
    al. Value Health 2017;20:644-650 (doi:10.1016/j.jval.2016.11.015).

    Raises
    ------
    NoValue
        When the set needs a person's age and sex.
    """
    n = len(values.dimensions)
    worth = {profile: values.value(profile) for profile in product(range(1, values.n_levels + 1), repeat=n)}
    changes: dict[tuple[int, ...], list[Decimal]] = {profile: [] for profile in worth}
    for at in range(n):
        for lower, upper in _steps(at, n, values.n_levels):
            change = abs(worth[upper] - worth[lower])
            changes[lower].append(change)
            changes[upper].append(change)
    means = [float(sum(each) / len(each)) for each in changes.values()]
    mean = fsum(means) / len(means)
    return mean, (fsum((each - mean) ** 2 for each in means) / (len(means) - 1)) ** 0.5


def _steps(at: int, n: int, n_levels: int) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    levels = range(1, n_levels + 1)
    return [
        ((*rest[:at], lower, *rest[at:]), (*rest[:at], upper, *rest[at:]))
        for rest in product(levels, repeat=n - 1)
        for lower, upper in pairwise(levels)
    ]
