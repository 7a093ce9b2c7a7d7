"""A small invented instrument that the tests bend until it breaks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from instruments import from_toml
from instruments.definition import Instrument

GARDEN = """\
id = "garden"
version = "1"
title = "Garden gladness"
short_title = "Garden"
construct = "gladness in gardens"
domain = "wellbeing"
language = "en-GB"
citation = "Invented for tests."
recall = "today"
respondents = ["self"]
minutes = 1
intro = "Think of a garden."

[licence]
kind = "open"
holder = "Nobody"
notice = "Invented for tests; free for all."
url = "https://example.org"

[[codings]]
id = "often-0-2"
options = [
  { code = 0, label = "Never" },
  { code = 1, label = "Sometimes" },
  { code = 2, label = "Often" },
]

[[items]]
id = "dig"
kind = "choice"
text = "How often do you dig?"
coding = "often-0-2"

[[items]]
id = "sow"
kind = "choice"
text = "How often do you sow?"
coding = "often-0-2"

[[items]]
id = "sit"
kind = "choice"
text = "How often do you sit in it?"
coding = "often-0-2"

[[items]]
id = "bees"
kind = "count"
text = "How many bees did you see?"
minimum = 0
maximum = 50
unit = "bees"

[[scales]]
id = "total"
label = "Gladness"
method = "sum"
items = ["dig", "sow", "sit"]
missing = { min_answered = 2, fill = "mean", source = "invented: one may be missing" }
minimum = 0
maximum = 6
better = "higher"
bands = [
  { low = 0, high = 2, id = "low", label = "Low" },
  { low = 3, high = 6, id = "high", label = "High" },
]

[[scales]]
id = "bees"
label = "Bees"
method = "item"
items = ["bees"]
missing = { min_answered = 1, source = "stands by itself" }
minimum = 0
maximum = 50
better = "higher"

[[alerts]]
id = "swarm"
item = "bees"
at_least = 40
title = "That is a swarm"
text = "Step away from the bees."

[[examples]]
id = "a-good-day"
source = "counted on fingers"
responses = { dig = 2, sow = 1, sit = 2, bees = 12 }
scores = { total = 5, bees = 12 }
bands = { total = "high" }

[[examples]]
id = "a-lazy-day"
source = "counted on fingers"
responses = { sit = 2 }
reasons = { total = "too-few-answers", bees = "too-few-answers" }
"""

Bend = Callable[..., str]


@pytest.fixture
def garden_text() -> str:
    return GARDEN


@pytest.fixture
def garden() -> Instrument:
    return from_toml(GARDEN)


@pytest.fixture
def bent() -> Bend:
    """The garden's text with each old part replaced by a new one; the old part must be there."""

    def bend(*changes: tuple[str, str]) -> str:
        text = GARDEN
        for old, new in changes:
            assert old in text, f"the garden has no {old!r}"
            text = text.replace(old, new, 1)
        return text

    return bend
