"""IPAQ scoring, worked by hand from the guideline of November 2005."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from instruments.activity import HIGH, LOW, METS, MODERATE, NotPlausible, activity_level, met_minutes

PROTOCOL = {"floor": 10, "cap": 180, "limit": 960}

# vigorous days, minutes; moderate days, minutes; walking days, minutes -> MET-minutes a week, level
WEEKS = {
    "nothing": ((0, 0, 0, 0, 0, 0), "0", LOW),
    "walking half an hour every day": ((0, 0, 0, 0, 7, 30), "693.0", MODERATE),
    "half an hour of each on five days": ((5, 30, 5, 30, 5, 30), "2295.0", HIGH),
    "bouts under ten minutes count as none": ((7, 9, 7, 9, 7, 9), "0", LOW),
    "a bout of ten minutes counts": ((1, 10, 0, 0, 0, 0), "80", LOW),
    "minutes over three hours count as three hours": ((0, 0, 0, 0, 7, 600), "4158.0", HIGH),
    "three days of twenty vigorous minutes": ((3, 20, 0, 0, 0, 0), "480", MODERATE),
    "three days of nineteen vigorous minutes": ((3, 19, 0, 0, 0, 0), "456", LOW),
    "five days of half an hour, moderate and walking": ((0, 0, 2, 30, 3, 30), "537.0", MODERATE),
    "five days, six hundred MET-minutes": ((2, 25, 3, 17, 0, 0), "604", MODERATE),
    "five days, under six hundred": ((2, 25, 3, 16, 0, 0), "592", LOW),
    "three vigorous days and fifteen hundred": ((3, 63, 0, 0, 0, 0), "1512", HIGH),
    "three vigorous days, just under": ((3, 62, 0, 0, 0, 0), "1488", MODERATE),
    "two vigorous days and three thousand on seven": ((2, 120, 5, 54, 0, 0), "3000", HIGH),
    "three thousand on six days": ((2, 130, 4, 60, 0, 0), "3040", MODERATE),
    "days with no minutes are no days": ((7, 0, 0, 0, 0, 0), "0", LOW),
    "minutes on no days are no minutes": ((0, 60, 0, 0, 0, 0), "0", LOW),
}


@pytest.mark.parametrize(("week", "total", "level"), WEEKS.values(), ids=WEEKS.keys())
def test_a_week_scores_as_by_hand(week: Sequence[int], total: str, level: int) -> None:
    assert float(met_minutes(week, **PROTOCOL)) == float(total)
    assert activity_level(week, **PROTOCOL) == level


def test_the_weights_are_those_of_the_guideline() -> None:
    assert [str(met) for met in METS] == ["8", "4", "3.3"]


@pytest.mark.parametrize("method", [met_minutes, activity_level])
def test_more_than_sixteen_hours_a_day_is_not_scored(method: object) -> None:
    with pytest.raises(NotPlausible):
        method((7, 400, 7, 400, 7, 161), **PROTOCOL)  # type: ignore[operator]
    assert method((7, 400, 7, 400, 7, 160), **PROTOCOL)  # type: ignore[operator]
