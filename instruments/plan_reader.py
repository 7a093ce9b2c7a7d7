"""Walking a TOML tree: what is there is checked for its shape, and every fault is kept with its place."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

SLUG = re.compile(r"[a-z0-9][a-z0-9.-]*")


class Reader:
    """Walks the TOML tree, collecting faults by path instead of stopping at the first."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def fault(self, path: str, what: str) -> None:
        self.faults.append(f"plan.{path}: {what}")

    def part(self, tree: Mapping[str, Any], key: str, keys: Iterable[str] | None = None) -> Mapping[str, Any]:
        """One table of the plan; `keys` are those it may have, if not any."""
        return self.table(tree.get(key, {}), key, keys)

    def table(self, value: Any, path: str, keys: Iterable[str] | None = None) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            self.fault(path, f"unexpected value '{value}'; write a table, such as {{ key = value }}")
            return {}
        if keys is not None:
            self.known(value, path, keys)
        return value

    def entries(
        self, tree: Mapping[str, Any], key: str, keys: Iterable[str]
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Each table of a list, with its path."""
        value = tree.get(key, [])
        if not isinstance(value, list):
            self.fault(key, f"unexpected value '{value}'; write a list, each entry under [[{key}]]")
            return
        for position, entry in enumerate(value):
            yield f"{key}[{position}]", self.table(entry, f"{key}[{position}]", keys)

    def texts(self, where: Mapping[str, Any], path: str, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        value = where.get(key, list(default))
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            self.fault(f"{path}.{key}", f"unexpected value '{value}'; write a list of texts")
            return default
        return tuple(value)

    def numbers(self, where: Mapping[str, Any], path: str, key: str) -> tuple[float, ...]:
        """A list of numbers; empty where it is not there."""
        value = where.get(key, [])
        if not isinstance(value, list):
            self.fault(f"{path}.{key}", f"unexpected value '{value}'; write a list of numbers")
            return ()
        return tuple(self.number({key: each}, path, key) for each in value)

    def flag(self, where: Mapping[str, Any], path: str, key: str, *, default: bool = False) -> bool:
        value = where.get(key, default)
        if not isinstance(value, bool):
            self.fault(f"{path}.{key}", f"unexpected value '{value}'; write true or false")
            return default
        return value

    def text(self, where: Mapping[str, Any], path: str, key: str, default: str | None = None) -> str:
        value = where.get(key, default)
        if not isinstance(value, str) or not value.strip():
            self.fault(f"{path}.{key}", "is missing; give it a text")
            return ""
        return value

    def slug(self, where: Mapping[str, Any], path: str, key: str) -> str:
        value = self.text(where, path, key)
        if value and not SLUG.fullmatch(value):
            self.fault(f"{path}.{key}", f"'{value}' is not an id; use small letters, digits, '-' and '.'")
        return value

    def day(self, where: Mapping[str, Any], path: str, key: str) -> date | None:
        value = where.get(key)
        if value is not None and type(value) is not date:
            self.fault(f"{path}.{key}", f"unexpected value '{value}'; write a date without quotes, such as 2025-03-31")
            return None
        return value

    def number(self, where: Mapping[str, Any], path: str, key: str, default: float | None = None) -> float:
        """A number, which means the same whether it is written 10 or 10.0."""
        value = where.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            self.fault(f"{path}.{key}", "is missing or not a number; give it a number")
            return 0
        return int(value) if value == int(value) else value

    def whole(
        self, where: Mapping[str, Any], path: str, key: str, default: int | None = None, *, least: int, most: int
    ) -> int:
        value = self.number(where, path, key, default)
        if value != int(value) or not least <= value <= most:
            self.fault(f"{path}.{key}", f"unexpected value '{value}'; write a whole number from {least} to {most}")
        return int(value)

    def days(self, where: Mapping[str, Any], path: str, key: str, most: int) -> tuple[int, int]:
        """Numbers of days before and after entry; none where it is not there."""
        days = where.get(key, [0, 0])
        whole = isinstance(days, list) and len(days) == 2 and all(type(end) is int for end in days)
        if not whole or not all(0 <= end <= most for end in days):
            self.fault(f"{path}.{key}", "needs two numbers of days, before and after entry, such as [90, 0]")
            return 0, 0
        return days[0], days[1]

    def choice(self, where: Mapping[str, Any], path: str, key: str, allowed: Iterable[str], default: str = "") -> str:
        value = where.get(key, default)
        if not isinstance(value, str) or value not in allowed:
            self.fault(f"{path}.{key}", f"unexpected value '{value}'; allowed: {', '.join(allowed)}")
        return str(value)

    def known(self, where: Mapping[str, Any], path: str, allowed: Iterable[str]) -> None:
        for key in where:
            if key not in allowed:
                self.fault(f"{path}.{key}" if path else key, f"is not known here; allowed: {', '.join(allowed)}")

    def unique(self, path: str, ids: Iterable[str]) -> None:
        seen: set[str] = set()
        for id in ids:
            if id in seen:
                self.fault(path, f"'{id}' stands twice; give each its own id")
            seen.add(id)
