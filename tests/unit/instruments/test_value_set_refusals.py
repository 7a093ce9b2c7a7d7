"""A value set file that is not what it says it is values nothing."""

from __future__ import annotations

import re

import pytest

from instruments import value_sets

TINY = """\
term,value
id,tiny
title,"Tiny, invented"
country,Nowhere
instrument,tiny-2d
year,2020
doi,10.0000/tiny
method,invented
mid,0.1
ab2,0.10
ab3,0.25
cd2,0.20
cd3,0.50
"""


def test_a_sound_file_is_read() -> None:
    tiny = value_sets.read(TINY, "tiny.csv")
    assert (tiny.title, tiny.year, tiny.mid, tiny.minimum) == ("Tiny, invented", 2020, 0.1, 0.25)
    assert [float(tiny.value(profile)) for profile in ("11", "12", "21", "33")] == [1.0, 0.8, 0.9, 0.25]


FAULTS = {
    "no DOI": ("doi,10.0000/tiny\n", "", "tiny.csv: doi is missing; add the row"),
    "an empty title": ('"Tiny, invented"', "", "tiny.csv: title is missing; add the row"),
    "another id": ("id,tiny", "id,small", "tiny.csv: id is 'small'; name the file small.csv"),
    "a term of no level": (
        "ab2,",
        "N45,",
        "tiny.csv: N45 is not a term of an additive set; use item id and level, such as mo2",
    ),
    "a level left out": ("cd2,0.20\n", "", "tiny.csv: cd3 is out of turn; give level 2 of cd first"),
    "an addition instead of a decrement": (
        "0.25",
        "-0.25",
        "tiny.csv: ab3 is '-0.25'; give the decrement as a positive number such as 0.058",
    ),
    "a decrement that is a word": (
        "0.25",
        "much",
        "tiny.csv: ab3 is 'much'; give the decrement as a positive number such as 0.058",
    ),
    "an extra term in words": (
        "ab2,0.10\n",
        "ab2,0.10\nany,some\n",
        "tiny.csv: any is 'some'; give the decrement as a number such as 0.081 or -0.009",
    ),
    "a base that is not there": (
        "ab2,0.10\n",
        "base,nowhere\nab2,0.10\n",
        "tiny.csv: base 'nowhere' is not an additive value set; name one that is here",
    ),
    "a base that is no sum": (
        "ab2,0.10\n",
        "base,uk-3l-2012-vanhout\nab2,0.10\n",
        "tiny.csv: base 'uk-3l-2012-vanhout' is not an additive value set; name one that is here",
    ),
    "one dimension with fewer levels": (
        "cd3,0.50\n",
        "",
        "tiny.csv: dimensions have unequal numbers of levels; give every level of each",
    ),
}


@pytest.mark.parametrize(("old", "new", "said"), FAULTS.values(), ids=FAULTS.keys())
def test_a_file_with_a_fault_is_refused(old: str, new: str, said: str) -> None:
    assert old in TINY
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        value_sets.read(TINY.replace(old, new, 1), "tiny.csv")


CROSSWALK = (
    TINY[: TINY.index("ab2")]
    + """\
base,uk-3l-1997-dolan
mo1=1,1
mo2=1,0.25
mo2=2,0.75
"""
)

CROSSWALK_FAULTS = {
    "a term of no level there": ("mo2=2,", "mo2=4,", "tiny.csv: mo2=4 is not a term of a crosswalk; "),
    "an unknown dimension": ("mo2=2,", "xx2=2,", "tiny.csv: xx2=2 is not a term of a crosswalk; "),
    "a probability above 1": ("0.75", "1.75", "tiny.csv: mo2=2 is '1.75'; give a probability above 0 and up to 1"),
    "probabilities that miss 1": ("0.75", "0.70", "tiny.csv: probabilities of mo2 add up to 0.95; make it 1"),
}


@pytest.mark.parametrize(("old", "new", "said"), CROSSWALK_FAULTS.values(), ids=CROSSWALK_FAULTS.keys())
def test_a_crosswalk_with_a_fault_is_refused(old: str, new: str, said: str) -> None:
    assert old in CROSSWALK
    with pytest.raises(ValueError, match=f"^{re.escape(said)}"):
        value_sets.read(CROSSWALK.replace(old, new, 1), "tiny.csv")
