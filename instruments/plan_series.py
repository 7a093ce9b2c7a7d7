"""What a plan may ask of series of sites: the methods that read them, and the months that they are told of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .plan_reader import Reader

OF_SERIES = ("horizon", "period")
MONTHS_A_PERIOD = 3
MOST_MONTHS = 600


def series_fields(reader: Reader, entry: Mapping[str, Any], path: str, methods: tuple[str, ...]) -> dict[str, Any]:
    """What an outcome says of its months, once some method of its own reads them; else a fault for each."""
    users = {"horizon": ("interrupted-series",), "period": ("event-study", "callaway-santanna", "sun-abraham")}
    for name, users_of in users.items():
        if name in entry and not set(users_of) & set(methods):
            reader.fault(f"{path}.{name}", f"is read by {', '.join(users_of)} alone; name one of them or take it out")
    horizon = reader.whole(entry, path, "horizon", least=0, most=MOST_MONTHS) if "horizon" in entry else None
    return {
        "horizon": horizon,
        "period": reader.whole(entry, path, "period", MONTHS_A_PERIOD, least=1, most=MOST_MONTHS),
    }
