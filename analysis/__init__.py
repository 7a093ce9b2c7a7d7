"""What it means: a dataset bundle and its plan become a controlled comparison.

>>> from pathlib import Path
>>> from analysis import compare, load
>>> comparison = compare(load.read(Path("bundle")))  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import load
    from .report import compare, describe, write

__all__ = ["compare", "describe", "load", "write"]


def __getattr__(name: str) -> Any:
    """Import the heavy rooms when they are first asked for, so that `analysis --help` answers at once."""
    if name == "load":
        return import_module(".load", __name__)
    if name in __all__:
        return getattr(import_module(".report", __name__), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
