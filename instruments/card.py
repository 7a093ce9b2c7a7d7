"""An instrument as a card to read: what is asked, how it is scored, by whose rule, and on what licence."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from . import value_sets
from .definition import Instrument, Item, Option, Scale

WIDTH = 100
COMPLETED_BY = {"self": "the person", "proxy": "somebody for the person", "interviewer": "an interviewer who asks"}
LICENCES = {
    "open": "wording ships with the kit",
    "text-pack": "wording is a separate text pack, off until an administrator adds it",
    "scoring-only": "scoring only; the wording is the licence holder's and goes in a slot",
}
METHODS = {
    "sum": "the sum of the answers",
    "mean": "the mean of the answers",
    "item": "the answer itself",
    "count": "how many answers are {at_least:g} or more",
    "additive": "the value of the profile in a value set",
    "met_minutes": "MET-minutes a week: 8.0 for vigorous activity, 4.0 for moderate, 3.3 for walking",
    "activity_level": "1 low, 2 moderate or 3 high, by days, minutes and MET-minutes",
}
FILLS = {"mean": "the mean of the others", "zero": "nought"}


def card(instrument: Instrument) -> str:
    """The card as plain text, wrapped at 100 columns."""
    return "\n".join(_lines(instrument)) + "\n"


def _lines(instrument: Instrument) -> Iterator[str]:
    yield f"{instrument.title}   [{instrument.id}, version {instrument.version}]"
    yield "=" * len(instrument.title)
    licence = instrument.licence
    facts = {
        "measures": instrument.construct,
        "domain": instrument.domain,
        "recall": instrument.recall,
        "answered by": ", ".join(COMPLETED_BY[each] for each in instrument.respondents),
        "takes": f"about {instrument.minutes} min",
        "language": instrument.language,
        "licence": f"{licence.kind}: {LICENCES[licence.kind]}. {licence.holder}: {licence.notice} {licence.url}",
        "source": instrument.citation + (f" doi:{instrument.doi}" if instrument.doi else ""),
    }
    for name, words in facts.items():
        yield from _wrapped(f"{name:<12} ", words)
    yield from ("", "Items")
    for item in instrument.items:
        yield from _item_lines(item)
    yield from ("", "Scales")
    for scale in instrument.scales:
        yield from _scale_lines(instrument, scale)
    for alert in instrument.alerts:
        yield from ("", f"Alert: {alert.title}")
        yield from _wrapped("  ", f"when {alert.item} is {alert.at_least} or more. {alert.text}")


def _wrapped(lead: str, words: str) -> list[str]:
    return textwrap.wrap(words, WIDTH, initial_indent=lead, subsequent_indent=" " * len(lead)) or [lead.rstrip()]


def _item_lines(item: Item) -> Iterator[str]:
    yield from _wrapped(f"  {item.id:<14} ", item.text or f"[{item.slot}]")
    if item.options:
        codings = {option.coding for option in item.options if option.coding}
        coded = f" ({', '.join(sorted(codings))})" if codings else ""
        answers = " · ".join(map(_option, item.options)) + coded
    else:
        ends = [f"{item.minimum} is {item.low_label}"] if item.low_label else []
        ends += [f"{item.maximum} is {item.high_label}"] if item.high_label else []
        answers = ", ".join([f"{item.allowed} {item.unit or ''}".strip(), *ends])
    yield from _wrapped(" " * 17, answers)
    if item.asked_if:
        yield from _wrapped(" " * 17, f"asked if {item.asked_if.item} is {item.asked_if.at_least} or more; else 0")


def _option(option: Option) -> str:
    return f"{option.code} {option.label}" if option.label else str(option.code)


def _scale_lines(instrument: Instrument, scale: Scale) -> Iterator[str]:
    direction = f"{scale.minimum:g} to {scale.maximum:g}, {scale.better} is better"
    yield from _wrapped(f"  {scale.id:<14} ", f"{scale.label}: {direction}")
    for line in rules(instrument, scale):
        yield from _wrapped(" " * 17, line)


def rules(instrument: Instrument, scale: Scale) -> Iterator[str]:
    """How one scale is scored, a line a step: method, changes, missing rule, value sets, bands, MID; with sources."""
    yield f"{METHODS[scale.method].format(**scale.parameters)}; items {', '.join(scale.items)}"
    yield from _steps(scale)
    missing = scale.missing
    fill = f"; {FILLS[missing.fill]} stands in for the rest" if missing.fill else ""
    form = f"; {missing.min_of_form} of the whole form" if missing.min_of_form else ""
    yield f"missing: {missing.min_answered} of {len(scale.items)} must be answered{form}{fill} ({missing.source})"
    if scale.value_set:
        others = [id for id in value_sets.known(instrument.id) if id != scale.value_set]
        yield f"value set: {scale.value_set}" + (f"; also {', '.join(others)}" if others else "")
    if scale.bands:
        yield "bands: " + " · ".join(f"{band.low:g}-{band.high:g} {band.label}" for band in scale.bands)
    if scale.mid:
        yield f"minimal important difference: {scale.mid.value:g} ({scale.mid.kind}; {scale.mid.source})"


def _steps(scale: Scale) -> Iterator[str]:
    if scale.missing.codes:
        yield f"counts as not answered: {', '.join(map(str, scale.missing.codes))}"
    if scale.reverse:
        yield f"reversed first: {', '.join(scale.reverse)}"
    for recode in scale.recode:
        codes = ", ".join(f"{old} as {new}" for old, new in recode.codes.items())
        yield f"recoded first: {', '.join(recode.items)} ({codes})"
    if scale.cap is not None:
        yield f"no more than {scale.cap:g}"
    if scale.linear:
        yield f"then less {scale.linear.subtract:g}, times {scale.linear.multiply:g}"
    if scale.table:
        yield "then looked up: " + ", ".join(f"{old} is {new:g}" for old, new in scale.table.items())
    if scale.ages:
        yield f"for ages {scale.ages.lowest} to {scale.ages.highest} only"
