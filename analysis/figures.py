"""Figures as SVG text, readable in grey: arms differ in line, marker and label, not only in colour."""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

INK, SOFT = "#1f2a30", "#5b6b73"
LOOKS = (
    {"color": "#0b5d4b", "linestyle": "-", "marker": "o", "markerfacecolor": "#0b5d4b"},
    {"color": "#8a5a00", "linestyle": "--", "marker": "s", "markerfacecolor": "white"},
)
SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 10.5,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
SIZE = (4.7, 3.2)
NUDGE = 0.012
ROOM_FOR_LABELS = 0.4
LONGEST_AXIS, LONGEST_LABEL = 44, 27
GAP, LINE = 0.14, 0.17
NARROW = 3
ROUND = (1, 2, 5, 10)


@dataclass(frozen=True, slots=True)
class Series:
    """One arm's course: means and limits at `at` (days after entry)."""

    label: str
    at: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def courses(name: str, axis: str, series: Sequence[Series], ticks: Sequence[tuple[float, str]]) -> str:
    """Draw the means of the arms over time with their intervals, labelled at the line's end.

    Parameters
    ----------
    name
        Identifies the figure, so that the ids inside several figures on one page differ.
    axis
        What the vertical axis shows.
    series
        The arms, intervention first.
    ticks
        Days after entry with their labels.

    Returns
    -------
    str
        One `<svg>` element, text as text.
    """
    with _canvas(name, *SIZE) as (figure, axes):
        span = max(day for day, _ in ticks) - min(day for day, _ in ticks)
        for position, (arm, look) in enumerate(zip(series, LOOKS, strict=True)):
            _draw(axes, arm, look, shift=(position - 0.5) * 2 * NUDGE * span)
        _label_ends(axes, series, span)
        axes.set_xticks([day for day, _ in ticks], [label.replace(" ", "\n", 1) for _, label in ticks])
        axes.set_xlim(ticks[0][0] - 0.05 * span, ticks[-1][0] + ROOM_FOR_LABELS * span)
        axes.set_ylabel(axis)
        axes.grid(axis="y", color="#dfe5e7", linewidth=0.8)
        axes.set_axisbelow(True)
        return _written(figure)


@dataclass(frozen=True, slots=True)
class Bar:
    """One estimate of a forest plot; no limits where it has no interval."""

    label: str
    value: float
    low: float | None
    high: float | None


def forest(name: str, axis: str, bars: Sequence[Bar], nothing: float) -> str:
    """Draw estimates of one quantity under each other, the first one filled, with a line at no difference.

    Parameters
    ----------
    name
        Identifies the figure.
    axis
        What the horizontal axis shows; a ratio (`nothing` 1) is drawn on a logarithmic one.
    bars
        The estimates, the planned one first.
    nothing
        The value that stands for no difference.

    Returns
    -------
    str
        One `<svg>` element, text as text.
    """
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, ScalarFormatter

    labels = [_wrapped(bar.label) for bar in bars]
    heights = [GAP + LINE * (1 + label.count("\n")) for label in labels]
    places = [below - height / 2 for below, height in zip(accumulate(heights), heights, strict=True)]
    with _canvas(name, SIZE[0], 0.7 + sum(heights)) as (figure, axes):
        for place, bar in zip(places, bars, strict=True):
            _draw_bar(axes, place, bar, LOOKS[bar is not bars[0]])
        axes.axvline(nothing, color=SOFT, linewidth=1, linestyle=":")
        axes.set_yticks(places, labels)
        axes.set_ylim(sum(heights), 0)
        if nothing == 1:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(
                MaxNLocator(4, steps=ROUND) if _narrow(bars) else LogLocator(subs=(1.0, 2.0, 5.0))
            )
            axes.xaxis.set_major_formatter(ScalarFormatter())
            axes.xaxis.set_minor_formatter(NullFormatter())
        else:
            axes.xaxis.set_major_locator(MaxNLocator(4, steps=ROUND))
        axes.set_xlabel(axis)
        return _written(figure)


def shifts(name: str, axes_of: tuple[str, str], series: Sequence[Series]) -> str:
    """Draw an estimate and its interval against a shift, one line for each arm that is shifted.

    Parameters
    ----------
    name
        Identifies the figure.
    axes_of
        What the horizontal and the vertical axis show.
    series
        One or two lines; `at` are the shifts.

    Returns
    -------
    str
        One `<svg>` element, text as text.
    """
    with _canvas(name, *SIZE) as (figure, axes):
        first, last = series[0].at[0], series[0].at[-1]
        for place, (line, look) in enumerate(zip(series, LOOKS, strict=False)):
            _draw(axes, line, look, shift=(place - 0.5) * NUDGE * (last - first))
        _label_ends(axes, series, last - first)
        axes.axhline(0, color=SOFT, linewidth=1, linestyle=":")
        axes.set_xlim(first - 0.05 * (last - first), last + ROOM_FOR_LABELS * (last - first))
        axes.set_xticks([first, first / 2, 0, last / 2, last])
        axes.set_xlabel(_folded(axes_of[0], LONGEST_AXIS))
        axes.set_ylabel(axes_of[1])
        return _written(figure)


@dataclass(frozen=True, slots=True)
class Moment:
    """One point of an event study: periods since the start, value and limits (none for the reference)."""

    since: int
    value: float
    low: float | None
    high: float | None


def around_start(name: str, axes_of: tuple[str, str], moments: Sequence[Moment], nothing: float) -> str:
    """Draw an effect by time since the start: open points before it, filled ones from it on, a line at the start.

    Parameters
    ----------
    name
        Identifies the figure.
    axes_of
        What the horizontal and the vertical axis show; a ratio (`nothing` 1) is drawn on a logarithmic one.
    moments
        The points, in order.
    nothing
        The value that stands for no effect.

    Returns
    -------
    str
        One `<svg>` element, text as text.
    """
    from matplotlib.ticker import MaxNLocator, NullFormatter, ScalarFormatter

    with _canvas(name, *SIZE) as (figure, axes):
        for moment in moments:
            _draw_moment(axes, moment)
        axes.axhline(nothing, color=SOFT, linewidth=1, linestyle=":")
        axes.axvline(-0.5, color=INK, linewidth=1, linestyle="--")
        axes.annotate(
            "start", (-0.5, 1), xycoords=("data", "axes fraction"), xytext=(4, -10), textcoords="offset points"
        )
        if nothing == 1:
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(MaxNLocator(6))
            axes.yaxis.set_major_formatter(ScalarFormatter())
            axes.yaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel(_folded(axes_of[0], LONGEST_AXIS))
        axes.set_ylabel(axes_of[1])
        return _written(figure)


def _draw_moment(axes: Any, moment: Moment) -> None:
    look = LOOKS[0] if moment.since >= 0 else LOOKS[1]
    if moment.low is not None and moment.high is not None:
        axes.plot([moment.since] * 2, [moment.low, moment.high], color=look["color"], linewidth=1.6)
    axes.plot([moment.since], [moment.value], **{**look, "linestyle": "none"})


def _narrow(bars: Sequence[Bar]) -> bool:
    """Whether ratios lie so close together that powers of ten would leave their axis without numbers."""
    ends = [end for bar in bars for end in (bar.value, bar.low, bar.high) if end is not None]
    return max(ends) < NARROW * min(ends)


def _draw_bar(axes: Any, place: float, bar: Bar, look: Mapping[str, str]) -> None:
    if bar.low is not None and bar.high is not None:
        axes.plot([bar.low, bar.high], [place, place], color=look["color"], linewidth=2)
    axes.plot([bar.value], [place], color=look["color"], marker=look["marker"], markerfacecolor=look["markerfacecolor"])


@dataclass(frozen=True, slots=True)
class Pair:
    """One line of a love plot: the size of a standardised difference before and after weighting."""

    label: str
    before: float
    after: float


def love(name: str, pairs: Sequence[Pair], noticeable: float) -> str:
    """Draw how far the arms differ before (open) and after weighting (filled), a line each, with the line of notice.

    Parameters
    ----------
    name
        Identifies the figure.
    pairs
        Characteristics, in the order drawn.
    noticeable
        The difference that is worth a look.

    Returns
    -------
    str
        One `<svg>` element, text as text.
    """
    with _canvas(name, SIZE[0], 1.3 + 0.3 * len(pairs)) as (figure, axes):
        places = range(len(pairs))
        before, after = [pair.before for pair in pairs], [pair.after for pair in pairs]
        for found, look, label in ((before, LOOKS[1], "As they came"), (after, LOOKS[0], "Overlap weights")):
            looks: dict[str, Any] = look | {"linestyle": "none"}
            axes.plot(found, places, label=label, clip_on=False, zorder=3, **looks)
        axes.axvline(noticeable, color=SOFT, linewidth=1, linestyle=":")
        axes.set_yticks(places, [_folded(pair.label, 28) for pair in pairs])
        axes.set_ylim(len(pairs) - 0.4, -0.6)
        axes.set_xlim(left=0)
        axes.set_xlabel("Standardised difference")
        axes.grid(axis="y", color="#dfe5e7", linewidth=0.8)
        figure.legend(frameon=False, loc="outside upper right", ncols=2)
        return _written(figure)


@dataclass(frozen=True, slots=True)
class Histogram:
    """Two arms' shares over the same parts of an axis; heights are per cent of the arm for each 0.05 of the axis."""

    labels: tuple[str, str]
    edges: tuple[float, ...]
    above: tuple[float, ...]
    below: tuple[float, ...]


def mirrored(name: str, axis: str, drawn: Histogram) -> str:
    """Draw two histograms back to back, the first arm's upwards and filled, the second's downwards and hatched.

    Parameters
    ----------
    name
        Identifies the figure.
    axis
        What the horizontal axis, from 0 to 1, shows.
    drawn
        The shares, intervention first.

    Returns
    -------
    str
        One `<svg>` element, text as text.
    """
    with _canvas(name, *SIZE) as (figure, axes):
        sides = ((drawn.above, 1, {"color": "#cfe3dd"}), (drawn.below, -1, {"facecolor": "white", "hatch": "////"}))
        top = max(*drawn.above, *drawn.below)
        for (shares, way, fill), look, label in zip(sides, LOOKS, drawn.labels, strict=True):
            heights, line = [way * share for share in shares], {name: look[name] for name in ("color", "linestyle")}
            axes.stairs(heights, drawn.edges, fill=True, **({"edgecolor": look["color"]} | fill))
            axes.stairs(heights, drawn.edges, linewidth=1.6, **line)
            axes.text(0.01, way * 1.12 * top, label, color=look["color"], va="center", weight="bold")
        axes.axhline(0, color=INK, linewidth=1)
        axes.set_xlim(0, 1)
        axes.set_ylim(-1.25 * top, 1.25 * top)
        axes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
        axes.set_xlabel(_folded(axis, LONGEST_AXIS))
        axes.set_ylabel("% of the arm for each 0.05")
        return _written(figure)


def _draw(axes: Any, arm: Series, look: dict[str, str], shift: float) -> None:
    at = [day + shift for day in arm.at]
    below = [mean - low for mean, low in zip(arm.mean, arm.low, strict=True)]
    above = [high - mean for mean, high in zip(arm.mean, arm.high, strict=True)]
    axes.errorbar(at, arm.mean, yerr=[below, above], linewidth=1.8, markersize=6, elinewidth=1.2, capsize=3, **look)


def _label_ends(axes: Any, series: Sequence[Series], span: float) -> None:
    """Write each arm's name where its line ends, the higher one above."""
    drawn = [(arm, look) for arm, look in zip(series, LOOKS, strict=False) if arm.mean]
    top = max((arm.mean[-1] for arm, _ in drawn), default=0)
    for arm, look in drawn:
        where = "bottom" if arm.mean[-1] == top else "top"
        axes.text(
            arm.at[-1] + 0.05 * span, arm.mean[-1], _folded(arm.label), color=look["color"], va=where, weight="bold"
        )


def _wrapped(label: str) -> str:
    """A label on as many lines as it takes to leave half of the figure to the bars."""
    return "\n".join(textwrap.wrap(label, LONGEST_LABEL, break_long_words=False))


def _folded(label: str, longest: int = 11) -> str:
    """A label that is longer than a line on two lines, broken at the space nearest its middle."""
    spaces = [match.start() for match in re.finditer(" ", label)]
    if len(label) <= longest or not spaces:
        return label
    cut = min(spaces, key=lambda place: abs(place - len(label) / 2))
    return label[:cut] + "\n" + label[cut + 1 :]


@contextmanager
def _canvas(name: str, width: float, height: float) -> Iterator[tuple[Any, Any]]:
    """An empty figure and its axes in the kit's own style, so many inches wide and high."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({**SETTINGS, "svg.hashsalt": name}):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure, figure.add_subplot()


def _written(figure: Any) -> str:
    """The svg element alone, in the page's own font."""
    target = io.StringIO()
    figure.savefig(target, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    document = target.getvalue()
    element = document[document.index("<svg") :]
    return re.sub(r"font-family: [^;\"]+", "font-family: system-ui, sans-serif", element)
