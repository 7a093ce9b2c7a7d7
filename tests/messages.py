"""Every message that is wrapped for translation, with where it stands: in templates as the engine reads them, in code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment
from jinja2.ext import extract_from_ast

TRACKER = Path(__file__).resolve().parents[1] / "tracker"


def wrapped() -> dict[str, str]:
    """Each message, and the first place of it."""
    found: dict[str, str] = {}
    for place, message in (*_in_templates(), *_in_code()):
        found.setdefault(message, place)
    return found


def _in_templates() -> Iterator[tuple[str, str]]:
    for path in sorted((TRACKER / "templates").rglob("*.html")):
        tree = Environment().parse(path.read_text(encoding="utf-8"))
        for line, _, message in extract_from_ast(tree, ("_",)):
            words = message if isinstance(message, str) else next(each for each in message if each is not None)
            yield f"{path.relative_to(TRACKER.parent).as_posix()}:{line}", words


def _in_code() -> Iterator[tuple[str, str]]:
    for path in sorted(TRACKER.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_":
                (words,) = node.args
                assert isinstance(words, ast.Constant), f"{path}:{node.lineno}: the message must be written out"
                yield f"{path.relative_to(TRACKER.parent).as_posix()}:{node.lineno}", words.value
