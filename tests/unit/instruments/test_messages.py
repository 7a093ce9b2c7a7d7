"""Every message about a definition stands in one file, is used, and says what to do."""

from __future__ import annotations

import ast
import string
from pathlib import Path

import pytest

import instruments
from instruments.messages import FAULTS, say

FILES = [Path(instruments.__file__).parent / name for name in ("definition.py", "reading.py", "wording.py")]
# These carry the words of another message, or end in a remedy that the caller works out.
BORROWED = {"as-said", "unknown-coding"}


def said_in_code() -> set[str]:
    calls = [
        node for file in FILES for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Call)
    ]
    return {
        call.args[0].value
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id == "say" and isinstance(call.args[0], ast.Constant)
    }


def test_every_message_is_used_and_none_is_missing() -> None:
    assert said_in_code() == set(FAULTS)


@pytest.mark.parametrize("fault", FAULTS)
def test_every_message_names_the_place_and_the_remedy(fault: str) -> None:
    words = FAULTS[fault]
    fields = {field for _, field, _, _ in string.Formatter().parse(words) if field}
    assert "where" in fields or fault in {"not-toml", "not-utf-8", "misnamed"}
    assert "; " in words or fault in BORROWED
    assert not words.endswith(".")


def test_the_facts_are_filled_in() -> None:
    said = say("range-backwards", where="scales.total", low=27, high=0)
    assert said == "scales.total: minimum 27 is not below maximum 0; swap or correct them"


def test_a_message_without_its_facts_is_not_sent() -> None:
    with pytest.raises(KeyError):
        say("range-backwards", where="scales.total")
