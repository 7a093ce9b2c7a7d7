"""Whatever the p-values, adjusting them within families keeps their order and never makes one smaller."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from analysis.report.families import adjusted
from tests.unit.analysis.test_families import found, planned

P_VALUES = st.lists(st.floats(0, 1), min_size=2, max_size=6)
TINY = 1e-12


def by_position(p_values: list[float], *, multiplicity: str = "holm", families: str = "") -> list[float]:
    """Adjusted p-values of outcomes in the order given; `families` has a letter for each outcome's family."""
    names = [f"o{place}" + (f"/{families[place]}" if families else "") for place in range(len(p_values))]
    fitted = {"first": found(0.5)} | {f"o{place}": found(p) for place, p in enumerate(p_values)}
    own = adjusted(planned(*names, multiplicity=multiplicity), fitted)
    return [own[f"o{place}"].p_value for place in range(len(p_values)) if f"o{place}" in own]


@given(P_VALUES, st.sampled_from(["holm", "hochberg"]))
def test_none_becomes_smaller_or_more_than_one(p_values: list[float], multiplicity: str) -> None:
    for before, after in zip(p_values, by_position(p_values, multiplicity=multiplicity), strict=True):
        assert before - TINY <= after <= 1


@given(P_VALUES, st.sampled_from(["holm", "hochberg"]))
def test_who_was_smaller_stays_no_larger(p_values: list[float], multiplicity: str) -> None:
    after = [value for _, value in sorted(zip(p_values, by_position(p_values, multiplicity=multiplicity), strict=True))]
    assert all(one <= other + TINY for one, other in itertools.pairwise(after))


@given(P_VALUES)
def test_hochberg_is_never_stricter_than_holm_and_both_never_stricter_than_bonferroni(p_values: list[float]) -> None:
    holm, hochberg = by_position(p_values), by_position(p_values, multiplicity="hochberg")
    for p, one, other in zip(p_values, holm, hochberg, strict=True):
        assert other <= one + TINY
        assert one <= min(len(p_values) * p, 1) + TINY


@given(P_VALUES)
def test_the_smallest_is_multiplied_by_how_many_there_are(p_values: list[float]) -> None:
    assert abs(min(by_position(p_values)) - min(1.0, len(p_values) * min(p_values))) <= TINY


@given(P_VALUES, P_VALUES)
def test_families_do_not_hear_of_each_other(one: list[float], other: list[float]) -> None:
    together = by_position(one + other, families="a" * len(one) + "b" * len(other))
    assert together == by_position(one) + by_position(other)
