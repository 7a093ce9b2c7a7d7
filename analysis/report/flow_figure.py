"""The flow of people as a diagram: allocated, measured at each timepoint or not and why, analysed, arm by arm."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

import pandas as pd

from ..cohort import ROLES, flow, in_each_arm, scales
from ..disclosure import Gate
from ..figures import INK, SOFT
from .comparison import Comparison
from .outcomes import analysed_key
from .participants import lost_key, measured_key, reason_key, study_key

WIDTH, MARGIN, GAP = 384, 6, 14
PADDING, LINE, SIZE = 8, 16, 12.5
LETTERS = {True: 21, False: 24}
FILLS = {True: "#e8efed", False: "#ffffff"}
COLUMN = (WIDTH - 2 * MARGIN - GAP) / 2


@dataclass(frozen=True, slots=True)
class Box:
    """A box of the diagram: a bold first line and what stands under it; `shaded` where arms begin."""

    title: str
    lines: tuple[str, ...]
    shaded: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """A count as it may be shown, and its part of the arm where that may be shown too."""

    count: int | str
    of: int | str

    def __str__(self) -> str:
        if isinstance(self.count, str):
            return self.count
        part = f" ({100 * self.count / self.of:.0f}%)" if isinstance(self.of, int) and self.of else ""
        return f"{self.count:,}{part}"


def columns(comparison: Comparison, guard: Gate) -> dict[str, list[Box]]:
    """The boxes of each arm from top to bottom, by role; every count through the gate."""
    cohort, plan = comparison.cohort, comparison.plan
    fates = flow(cohort, scales(plan)[0]) if scales(plan) else None
    found = {}
    for arm, role in ROLES.items():
        members = cohort.people[cohort.people["arm"] == arm]
        size = guard.count(study_key(role), len(members))
        boxes = [Box(plan.arm(role).label, tuple(_allocated(members, size)), shaded=True)]
        if fates is not None:
            own = fates[fates["arm"] == arm]
            boxes += [_measured(comparison, own, timepoint.id, role, size, guard) for timepoint in plan.timepoints]
        found[role] = [*boxes, _analysed(comparison, members, arm, role, guard)]
    return found


def _allocated(members: pd.DataFrame, size: int | str) -> Iterator[str]:
    yield f"In the study: {Shown(size, 0)}"
    sites = members["site"].nunique()
    if sites:
        yield f"Sites: {sites}"


def _measured(
    comparison: Comparison, own: pd.DataFrame, timepoint: str, role: str, size: int | str, guard: Gate
) -> Box:
    outcome = scales(comparison.plan)[0]
    here = own[own["timepoint"] == timepoint]
    there = guard.count(measured_key(outcome, timepoint, role), int(here["measured"].sum()))
    lost = guard.count(lost_key(outcome, timepoint, role), int((~here["measured"]).sum()))
    lines = [f"Measured: {Shown(there, size)}", f"Not measured: {Shown(lost, 0)}"]
    for reason, count in here["reason"].value_counts().sort_index().items():
        lines.append(f"– {reason}: {Shown(guard.count(reason_key(timepoint, role, str(reason)), int(count)), 0)}")
    return Box(comparison.plan.timepoint(timepoint).label, tuple(lines))


def _analysed(comparison: Comparison, members: pd.DataFrame, arm: int, role: str, guard: Gate) -> Box:
    outcome = comparison.plan.primary
    fitted = comparison.fitted.get(outcome.id)
    if fitted is None:
        return Box("Primary outcome", ("Could not be estimated",))
    n = dict(zip(ROLES, fitted.n, strict=True))[arm]
    if fitted.units != "people":  # no part of the people above them
        return Box("Primary outcome", (f"Analysed: {n:,} {fitted.units}",))
    kept, size = guard.count(analysed_key(outcome, role), n), guard.count(study_key(role), len(members))
    rest = guard.count(("left out", outcome.id, role), len(members) - n)
    return Box("Primary outcome", (f"Analysed: {Shown(kept, size)}", f"Not analysed: {Shown(rest, 0)}"))


def everybody(comparison: Comparison, guard: Gate) -> str:
    """How many people are in the study, where those of both arms may be shown."""
    arms = in_each_arm(comparison.cohort.people)
    sizes = [guard.count(study_key(role), int(arms[arm])) for arm, role in ROLES.items()]
    if any(isinstance(size, str) for size in sizes):
        return "people of two arms"
    return f"{int(arms.sum()):,} people"


def in_words(found: dict[str, list[Box]]) -> str:
    """What the diagram shows, for who cannot see it."""
    said = []
    for first, *others in found.values():
        parts = [f"{box.title.lower()}, {box.lines[0].lower()}" for box in others]
        said.append(f"{first.title}: {first.lines[0].lower()}; {'; '.join(parts)}")
    return f"Flow diagram with a column for each arm. {'. '.join(said)}. The table has every number."


# ---------------------------------------------------------------------------- drawing


def diagram(title: str, found: dict[str, list[Box]]) -> str:
    """Draw the boxes under each other, a column for each arm, under one box for the whole study.

    Returns
    -------
    str
        One `<svg>` element, text as text, that shrinks and grows with the page.
    """
    lines = [(part, True) for part in textwrap.wrap(title, 2 * LETTERS[True])]
    parts = [*_box(MARGIN, MARGIN, WIDTH - 2 * MARGIN, lines, shaded=True)]
    bottom = MARGIN + _height(lines)
    for row in zip(*found.values(), strict=True):
        folded = [_wrapped(box) for box in row]
        height = max(_height(each) for each in folded)
        for place, (box, each) in enumerate(zip(row, folded, strict=True)):
            left = MARGIN + place * (COLUMN + GAP)
            parts.append(_arrow(left + COLUMN / 2, bottom, bottom + GAP))
            parts += _box(left, bottom + GAP, COLUMN, each, shaded=box.shaded, height=height)
        bottom += GAP + height
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + MARGIN:g}" width="{WIDTH}" '
        f'height="{bottom + MARGIN:g}" font-family="system-ui, sans-serif" font-size="{SIZE}" fill="{INK}">\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _wrapped(box: Box) -> list[tuple[str, bool]]:
    """Lines short enough for a column, and whether each is bold; what goes on stands further in."""
    lines = [(part, True) for part in textwrap.wrap(box.title, LETTERS[True])]
    for line in box.lines:
        first, *rest = textwrap.wrap(line, LETTERS[False], break_long_words=True) or [""]
        lines += [(first, False), *((f"\N{NO-BREAK SPACE}\N{NO-BREAK SPACE}{part}", False) for part in rest)]
    return lines


def _height(lines: list[tuple[str, bool]]) -> float:
    return 2 * PADDING + LINE * len(lines)


def _box(
    left: float, top: float, width: float, lines: list[tuple[str, bool]], *, shaded: bool, height: float | None = None
) -> Iterator[str]:
    yield (
        f'<rect x="{left:g}" y="{top:g}" width="{width:g}" height="{height or _height(lines):g}" rx="3" '
        f'fill="{FILLS[shaded]}" stroke="{SOFT}"/>'
    )
    for place, (text, bold) in enumerate(lines):
        weight = ' font-weight="bold"' if bold else ""
        y = top + PADDING + LINE * (place + 0.78)
        yield f'<text x="{left + PADDING:g}" y="{y:g}"{weight}>{escape(text, quote=False)}</text>'


def _arrow(x: float, top: float, bottom: float) -> str:
    tip, shoulder = bottom - 1, bottom - 6
    path = f"M{x:g} {top:g}V{tip:g}M{x - 4:g} {shoulder:g}L{x:g} {tip:g}L{x + 4:g} {shoulder:g}"
    return f'<path d="{path}" fill="none" stroke="{SOFT}" stroke-width="1.5"/>'
