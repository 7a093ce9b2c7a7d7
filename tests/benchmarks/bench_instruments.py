"""How fast scoring is: 100,000 EQ-5D-5L profiles and 100,000 PHQ-9 forms, through the public function.

./kit bench instruments              prints seconds, and how many times a bare loop each takes
./kit bench instruments --rows 1000
./kit bench instruments --limit 2    fails if either takes longer than 2 seconds
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from instruments import get, value_sets
from instruments.scoring import score

Form = Mapping[str, int]
SEED = 20260101


def forms(instrument_id: str, items: Sequence[str], rows: int) -> list[Form]:
    """Full forms, each answer drawn with equal chances."""
    draw = random.Random(SEED)
    answers = [(id, sorted(get(instrument_id).item(id).codes)) for id in items]
    return [{id: draw.choice(codes) for id, codes in answers} for _ in range(rows)]


def seconds(work: Callable[[], object]) -> float:
    """The best of three, on this machine, in one thread."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def bare_phq9(made: Sequence[Form]) -> list[int]:
    """What anyone would write in a script: the sum, and nothing checked."""
    return [sum(form.values()) for form in made]


def bare_eq5d(made: Sequence[Form]) -> list[float]:
    """One minus five looked-up numbers, and nothing checked."""
    levels = value_sets.load("uk-2026-rowen")
    profiles = {id: [float(1 - levels.value("".join("1" if id != each else str(n) for each in levels.dimensions)))
                     for n in range(1, 6)] for id in levels.dimensions}  # fmt: skip
    return [round(1 - sum(profiles[id][level - 1] for id, level in form.items()), 3) for form in made]


def main() -> int:
    """Time both instruments and print a line each."""
    parser = argparse.ArgumentParser("./kit bench instruments", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--limit", type=float, help="fail above so many seconds")
    chosen = parser.parse_args()
    slow = False
    cases: Sequence[tuple[str, Sequence[str], Callable[[Sequence[Form]], object]]] = (
        ("phq9", [item.id for item in get("phq9").items], bare_phq9),
        ("eq5d-5l", value_sets.load("uk-2026-rowen").dimensions, bare_eq5d),
    )
    for id, items, bare in cases:
        instrument, made = get(id), forms(id, items, chosen.rows)
        ours = seconds(lambda made=made, instrument=instrument: [score(instrument, form) for form in made])
        loop = seconds(lambda made=made, bare=bare: bare(made))
        print(f"{id:<8} {chosen.rows:,} forms  {ours:.2f} s  {ours / loop:.0f} times a bare loop ({loop:.3f} s)")
        slow |= chosen.limit is not None and ours > chosen.limit
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
