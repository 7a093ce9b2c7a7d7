"""What a report holds, in order: sections of sentences, tables and figures, every number through the gate."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from instruments import codes
from instruments.plan import Outcome

from ..cohort import ROLES, Cohort, scales
from ..contacts import only_counts
from ..disclosure import Gate, ReleasedTable, gate
from ..estimators.imputed import TippingPoint
from ..estimators.weighted_difference import Weighing
from ..figures import Series, around_start, courses, forest, love, mirrored, shifts
from ..result import Fitted, Table
from ..weighting import NOTICEABLE
from . import (
    alike,
    balance,
    delivery,
    engagement,
    epoc,
    estimand,
    families,
    flow_figure,
    harms,
    honest,
    missing,
    outcomes,
    participants,
    placebo,
    robins,
    sensitivity,
    series,
    subgroups,
    support,
    tidier,
    times,
    words,
)
from .comparison import Comparison, drawn, trajectory
from .scale import about


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure with the words that go with it; `alt` says in words what it shows."""

    name: str
    title: str
    alt: str
    svg: str


@dataclass(frozen=True, slots=True)
class Section:
    """A titled part of the report: sentences, lists of sentences (tuples), tables and figures."""

    id: str
    title: str
    blocks: tuple[str | tuple[str, ...] | ReleasedTable | Drawing, ...]


@dataclass(frozen=True, slots=True)
class Contents:
    """A whole report before it has a form, and the gate that its numbers went through."""

    title: str
    headline: str
    sections: tuple[Section, ...]
    gate: Gate
    kind: str = "Comparison"

    @property
    def tables(self) -> tuple[ReleasedTable, ...]:
        """Every table in order."""
        return tuple(block for section in self.sections for block in section.blocks if isinstance(block, ReleasedTable))

    @property
    def drawings(self) -> tuple[Drawing, ...]:
        """Every figure in order."""
        return tuple(block for section in self.sections for block in section.blocks if isinstance(block, Drawing))


def lay_out(comparison: Comparison) -> Contents:
    """Lay a comparison out as a report."""
    plan = comparison.plan
    parts = [
        _design(comparison),
        _people(comparison),
        *_balance(comparison),
        _delivery(comparison),
        _primary(comparison),
    ]
    parts += [*_others(comparison), *_subgroups(comparison)]
    parts += [
        *_missing(comparison),
        _harms(comparison),
        _bias(comparison),
        _deviations(comparison),
        _coefficients(comparison),
    ]
    parts = [*_said_once(parts)]
    guard = gate([block for part in parts for block in part.blocks if isinstance(block, Table)], plan.small_number)
    sections = [_summary(comparison, guard), *(part.through(guard, comparison) for part in parts)]
    return Contents(plan.title, words.answer(comparison, plan.primary, guard), tuple(sections), guard)


@dataclass(frozen=True, slots=True)
class _Later:
    """Sentences and figures that can only be made once the gate has decided what may leave."""

    make: Callable[[Gate], Iterator[str | Drawing]]


@dataclass(frozen=True, slots=True)
class _Draft:
    """A section before its tables and sentences went through the gate; an Outcome stands for its answer."""

    id: str
    title: str
    blocks: tuple[str | Table | Drawing | Outcome | _Later, ...]

    def through(self, guard: Gate, comparison: Comparison) -> Section:
        passed = (each for block in self.blocks for each in self._passed(block, guard, comparison))
        return Section(self.id, self.title, tuple(passed))

    def _passed(
        self, block: str | Table | Drawing | Outcome | _Later, guard: Gate, comparison: Comparison
    ) -> Iterator[str | ReleasedTable | Drawing]:
        if isinstance(block, Table):
            yield guard.table(block)
        elif isinstance(block, Outcome):
            yield " ".join([words.answer(comparison, block, guard), *words.matters(comparison, block, guard)])
        elif isinstance(block, _Later):
            yield from block.make(guard)
        else:
            yield block


def _said_once(parts: Sequence[_Draft]) -> Iterator[_Draft]:
    """The sections, with each of the explanations that go with several outcomes where it comes first."""
    said: set[str] = set()
    for part in parts:
        kept = tuple(block for block in part.blocks if not (isinstance(block, str) and block in said))
        said |= {words.UNCONTROLLED, words.BEFORE_THE_OFFER} & {block for block in kept if isinstance(block, str)}
        yield replace(part, blocks=kept)


def _summary(comparison: Comparison, guard: Gate) -> Section:
    blocks: list[str | tuple[str, ...]] = [
        words.compared(comparison),
        words.answer(comparison, comparison.plan.primary, guard),
        "How sure:",
        tuple(words.how_sure(comparison, guard)),
        "What could change this answer:",
        (*words.what_would_change_it(comparison), *balance.unseen(comparison, comparison.plan.primary, guard)),
    ]
    return Section("summary", "In short", tuple(blocks))


def _design(comparison: Comparison) -> _Draft:
    return _Draft("design", "Design", design(comparison.cohort))


def design(cohort: Cohort) -> tuple[str | Table, ...]:
    """How the study was laid out, in words and tables."""
    words = f"Design: {codes.DESIGNS[cohort.plan.design].lower()}. Everybody counts in the arm to which they, or "
    words += "their site, were allocated, whether or not they met a link worker."
    return words, estimand.sheet(cohort.plan), participants.design(cohort), epoc.epoc(cohort)


def released(block: str | Table, guard: Gate) -> str | ReleasedTable:
    """A sentence as it is, a table through the gate."""
    return guard.table(block) if isinstance(block, Table) else block


def _people(comparison: Comparison) -> _Draft:
    tables = (participants.flow_table(comparison.cohort), participants.baseline(comparison.cohort))
    return _Draft("people", "People", (_Later(partial(_flow, comparison)), *tables))


def _flow(comparison: Comparison, guard: Gate) -> Iterator[Drawing]:
    found = flow_figure.columns(comparison, guard)
    heading = f"In the study: {flow_figure.everybody(comparison, guard)}"
    title = "The flow of people through the study"
    yield Drawing("flow", title, flow_figure.in_words(found), flow_figure.diagram(heading, found))


def _balance(comparison: Comparison) -> list[_Draft]:
    """What weights make of the arms: where nobody drew lots, and the primary outcome is a score."""
    plan = comparison.plan
    if plan.design != "controlled-before-after" or plan.primary.kind != "continuous":
        return []
    found, failed = balance.weighings(comparison)
    if not found:
        return [_Draft("balance", "How alike the arms are", tuple(failed.values()))]
    scored = support.of(found)
    plot, listed = _Later(partial(_love, found)), balance.table(comparison, found, failed)
    if scored is None:
        return [_Draft("balance", "How alike the arms are", (plot, listed))]
    meeting = _Later(partial(_support, comparison, scored))
    blocks = (plot, meeting, listed, support.table(comparison, scored))
    return [_Draft("balance", "How alike the arms are", blocks)]


def _love(found: Mapping[str, Weighing], guard: Gate) -> Iterator[str | Drawing]:
    drawn = balance.pairs(found, guard)
    if drawn:
        title = "Standardised differences between the arms, before and after overlap weighting"
        yield Drawing("love", title, balance.in_words(drawn), love("love", drawn, NOTICEABLE))


def _support(comparison: Comparison, scored: Weighing, guard: Gate) -> Iterator[str | Drawing]:
    shown = support.histogram(comparison, scored, guard)
    if shown is not None:
        title = "Common support: the estimated probability of being in the first arm, by arm"
        axis = f"Probability of being in “{comparison.plan.arm('intervention').label}”"
        yield Drawing("support", title, support.in_words(shown), mirrored("support", axis, shown))
    yield support.outside_in_words(comparison, scored, guard)


def _delivery(comparison: Comparison) -> _Draft:
    tables = delivery.tables(comparison.cohort)
    blocks: tuple[str | Table, ...] = tables
    if only_counts(comparison.cohort):
        blocks = (
            "The source gives how many contacts each person had, and nothing about when, how or for how long.",
            *tables,
        )
    blocks = blocks or ("The data hold nothing about contacts or signposts.",)
    described = tuple(_engagement(comparison))
    return _Draft("delivery", "What was delivered", (*blocks, *described, tidier.sheet(comparison.cohort)))


def _engagement(comparison: Comparison) -> Iterator[str | Table | _Later]:
    """From referral to first contact and to disengagement, in the arm that has them."""
    found = engagement.courses_of(comparison.cohort)
    if found:
        yield engagement.ONE_ARM.format(arm=comparison.plan.arm(engagement.ROLE).label)
    for course in found:
        yield _Later(partial(_course, comparison, course))
        yield engagement.table(comparison.cohort, course)


def _course(comparison: Comparison, course: engagement.Course, guard: Gate) -> Iterator[Drawing]:
    drawn = engagement.series(comparison.cohort, course, guard)
    if any(line.at for line in drawn):
        svg = courses(course.name, "% of those referred", drawn, times.ticks(drawn))
        yield Drawing(course.name, f"{course.title}, with intervals", engagement.in_words(drawn), svg)


def _primary(comparison: Comparison) -> _Draft:
    outcome = comparison.plan.primary
    analysed = outcomes.analysed(comparison, (outcome,), "analysed")
    blocks: tuple[str | Table | Drawing | Outcome | _Later, ...] = (analysed,) if analysed.rows else ()
    if outcome.id in comparison.fitted:
        table = outcomes.estimates(comparison, (outcome,), "primary", "Primary outcome")
        sized = alike.table(comparison, outcome)
        below = (*_about(comparison, outcome), *([] if sized is None else [sized]))
        return _Draft("primary", "Primary outcome", (*blocks, table, outcome, *below))
    blocks = (*blocks, outcome)
    return _Draft("primary", "Primary outcome", blocks)


def _others(comparison: Comparison) -> list[_Draft]:
    others = tuple(outcome for outcome in comparison.plan.outcomes if not outcome.primary)
    if not others:
        return []
    known = tuple(outcome for outcome in others if outcome.id in comparison.fitted)
    title = "Other planned outcomes, in the order of the plan"
    told = tuple(families.said(comparison.plan, comparison.fitted))
    adjusted = families.adjusted(comparison.plan, comparison.fitted)
    analysed = outcomes.analysed(comparison, known, "analysed-others", "People analysed, other outcomes")
    tables = (outcomes.estimates(comparison, known, "others", title, adjusted, told),) if known else ()
    counted = (analysed,) if analysed.rows else ()
    drafts = [_Draft("others", "Other planned outcomes", (*counted, *tables, *others))]
    return drafts + [_Draft(outcome.id, outcome.label, _about(comparison, outcome)) for outcome in known]


def _about(comparison: Comparison, outcome: Outcome) -> tuple[str | Table | Drawing | _Later, ...]:
    """What surrounds an outcome's estimate: other methods, then rates, risks, or course and changes within arms."""
    beside = _beside(comparison, outcome)
    if outcome.kind == "time-to-event":
        return (*beside, *_times(comparison, outcome))
    if outcome.setting:
        of_sites = tuple(_series(comparison, outcome))
        of_people = () if comparison.fitted[outcome.id].units != "people" else (outcomes.rates(comparison, outcome),)
        return (*beside, *of_people, *of_sites)
    course = (_drawing(comparison, outcome), outcomes.course(comparison, outcome))
    shown = course if outcome in drawn(comparison.cohort) else ()
    placebos = tuple(_placebos(comparison, outcome))
    if outcome.event:
        return (*beside, outcomes.risks(comparison, outcome), *shown, *placebos)
    if not outcome.baseline:
        return (*beside, *shown)
    screened = [outcomes.before_entry(comparison, outcome, each) for each in comparison.plan.screenings]
    before = (words.BEFORE_THE_OFFER, *screened, *placebos) if screened else ()
    return (*beside, *shown, *before, words.UNCONTROLLED, outcomes.within_arms(comparison, outcome))


def _placebos(comparison: Comparison, outcome: Outcome) -> Iterator[Table | _Later]:
    """The same comparison from each screening to the baseline, where it has nothing to find."""
    for screening in comparison.plan.screenings:
        found = placebo.runs(comparison, outcome, screening)
        if found:
            yield _Later(partial(placebo.in_words, comparison, outcome, screening, found))
            yield placebo.table(comparison, outcome, screening, found)


def _series(comparison: Comparison, outcome: Outcome) -> Iterator[Table | _Later]:
    """By time since the start, what was seen before it, and what the same finds where there is nothing."""
    for method, fitted in series.by_period(comparison, outcome).items():
        yield _Later(partial(_since_start, outcome, method, fitted))
        yield series.table(comparison, outcome, method, fitted)
        yield from _honest(comparison, outcome, method, fitted)
    runs = series.placebos(comparison, outcome)
    if runs:
        yield _Later(partial(series.placebo_words, comparison, runs))
        yield series.placebo_table(comparison, outcome, runs)
    rates = series.rates(comparison, outcome)
    if rates is not None:
        yield rates


def _honest(comparison: Comparison, outcome: Outcome, method: str, fitted: Fitted) -> Iterator[Table | _Later]:
    """How far the effect stands if the arms would have parted without the offer."""
    bounds = honest.bounds_of(comparison, fitted)
    if bounds is not None:
        yield _Later(partial(honest.in_words, outcome, method, fitted, bounds))
    if not (bounds is None or isinstance(bounds, str)):
        yield honest.table(comparison, outcome, method, fitted, bounds)


def _since_start(outcome: Outcome, method: str, fitted: Fitted, guard: Gate) -> Iterator[str | Drawing]:
    drawn = series.moments(fitted, method, guard)
    if drawn:
        name = f"since-{outcome.id}-{method}"
        title = f"{outcome.label}: {series.NAMES[method]}, with intervals; open points lie before the start"
        nothing = outcomes.no_difference(series.effects(fitted)[0][1])
        svg = around_start(name, series.axes(outcome, fitted), drawn, nothing)
        yield Drawing(name, title, series.in_words(drawn, outcome), svg)
    yield from series.before(fitted)


def _beside(comparison: Comparison, outcome: Outcome) -> tuple[Table | _Later, ...]:
    if not comparison.beside.get(outcome.id):
        return ()
    return (_Later(partial(_compared_methods, comparison, outcome)), sensitivity.others(comparison, outcome))


def _compared_methods(comparison: Comparison, outcome: Outcome, guard: Gate) -> Iterator[str | Drawing]:
    yield from sensitivity.bracket(comparison, outcome, guard)
    yield from sensitivity.explored(comparison, outcome, guard)
    bars = sensitivity.bars(comparison, outcome, guard)
    planned = comparison.fitted[outcome.id].main
    if len(bars) > 1:
        name, title = f"beside-{outcome.id}", f"{outcome.label}: the planned estimate (filled) and others beside it"
        axis = f"{planned.scale.capitalize()} {planned.unit}".strip()
        svg = forest(name, axis, bars, outcomes.no_difference(planned))
        yield Drawing(name, title, sensitivity.in_words(bars, outcomes.digits_of(planned)), svg)


def _times(comparison: Comparison, outcome: Outcome) -> Iterator[Table | _Later]:
    """The ratio of hazards, who had the event, and the curves by arm."""
    yield _Later(partial(times.hazards_in_words, comparison, outcome))
    yield times.happened(comparison, outcome)
    found = times.curves(comparison, outcome)
    table = times.followed(comparison, outcome, found)
    if table is None:
        yield _Later(lambda _: iter([times.NO_CURVES]))
        return
    yield _Later(partial(_curves, comparison, outcome, found))
    yield table


def _curves(comparison: Comparison, outcome: Outcome, found: list[times.Curve], _: Gate) -> Iterator[Drawing]:
    drawn = times.series(comparison, found)
    name, axis = f"curve-{outcome.id}", "Without it, %"
    title = f"{outcome.label}: people without it by day after entry, deaths aside (Kaplan-Meier), with intervals"
    yield Drawing(name, title, times.curves_in_words(drawn), courses(name, axis, drawn, times.ticks(drawn)))


def _drawing(comparison: Comparison, outcome: Outcome) -> Drawing:
    plan, label = comparison.plan, about(comparison.plan, outcome).label
    points = trajectory(comparison.cohort, outcome)
    shown = [point for point in points if point.n and not point.n < plan.small_number]
    days = {timepoint.id: float(timepoint.day) for timepoint in plan.timepoints}
    series = []
    for role in ROLES.values():
        own = [point for point in shown if point.role == role]
        lows = tuple(point.mean if point.low != point.low else point.low for point in own)
        highs = tuple(point.mean if point.high != point.high else point.high for point in own)
        at, mean = tuple(days[point.timepoint] for point in own), tuple(point.mean for point in own)
        series.append(Series(plan.arm(role).label, at, mean, lows, highs))
    name = f"course-{outcome.instrument}-{outcome.scale}"
    title = f"{label}: means by arm with {plan.confidence * 100:g}% intervals, of those measured at each timepoint"
    ticks = [(float(timepoint.day), timepoint.label) for timepoint in plan.timepoints]
    return Drawing(name, title, _in_words(comparison, outcome, series), courses(name, label, series, ticks))


def _in_words(comparison: Comparison, outcome: Outcome, series: Sequence[Series]) -> str:
    digits = about(comparison.plan, outcome).digits
    lines = [
        f"{arm.label} goes from {arm.mean[0]:.{digits}f} to {arm.mean[-1]:.{digits}f}" for arm in series if arm.mean
    ]
    return f"Line chart over time. {'; '.join(lines)}. The table below has every number."


def _subgroups(comparison: Comparison) -> list[_Draft]:
    """The primary outcome by the subgroups of the plan, where it names any."""
    found = subgroups.subgroups(comparison)
    if not found:
        return []
    tables = (subgroups.tests(found), subgroups.differences(comparison, found))
    drawing = _Later(partial(_by_subgroup, comparison, found))
    shown = [table for table in tables if table is not None]
    return [_Draft("subgroups", "Subgroups", (*subgroups.said(comparison, found), drawing, *shown))]


def _by_subgroup(comparison: Comparison, found: tuple[subgroups.Found, ...], guard: Gate) -> Iterator[Drawing]:
    bars = subgroups.bars(comparison, found, guard)
    if bars:
        planned = comparison.fitted[comparison.plan.primary.id].main
        axis, digits = f"{planned.scale.capitalize()} {planned.unit}".strip(), outcomes.digits_of(planned)
        title = f"{comparison.plan.primary.label}: the planned estimate (filled) and the difference in each level"
        svg = forest("subgroups", axis, bars, outcomes.no_difference(planned))
        yield Drawing("subgroups", title, subgroups.in_words(bars, digits), svg)


def _missing(comparison: Comparison) -> list[_Draft]:
    """Who is missing on the first scale, and what that could do to its answer."""
    if not scales(comparison.plan):
        return []
    outcome = scales(comparison.plan)[0]
    tables = missing.who_is_missing(comparison.cohort, outcome)
    found = missing.tipping(comparison, outcome)
    if found is None:
        return [_Draft("missing", "Missing data", tables)]
    if isinstance(found, str):
        return [_Draft("missing", "Missing data", (*tables, found))]
    said = _Later(partial(_what_if, comparison, outcome, found))
    shown = (missing.imputed_table(comparison, outcome, found), said, missing.tipping_table(comparison, outcome, found))
    return [_Draft("missing", "Missing data", (*tables, *shown))]


def _what_if(comparison: Comparison, outcome: Outcome, found: TippingPoint, guard: Gate) -> Iterator[str | Drawing]:
    yield from missing.in_words(comparison, outcome, found, guard)
    lines = missing.lines(comparison, outcome, found, guard)
    if lines:
        name, label = f"tipping-{outcome.id}", about(comparison.plan, outcome).label
        title = f"{outcome.label}: the difference if those without a score fared otherwise than people like them"
        svg = shifts(name, (f"Shift of imputed scores ({label})", "Difference between the arms"), lines)
        yield Drawing(name, title, missing.lines_in_words(lines, outcomes.digits_of(found.unshifted)), svg)


def _harms(comparison: Comparison) -> _Draft:
    return _Draft("harms", "Harms", (*harms.said(comparison.cohort), harms.table(comparison.cohort)))


def _bias(comparison: Comparison) -> _Draft:
    return _Draft("bias", "Risk of bias", (robins.sheet(comparison),))


def _deviations(comparison: Comparison) -> _Draft:
    table = outcomes.notices(comparison.cohort)
    blocks = (table,) if table else ("Nothing departed from the plan.",)
    return _Draft("deviations", "Departures from the plan", blocks)


def _coefficients(comparison: Comparison) -> _Draft:
    return _Draft("coefficients", "Every coefficient", (outcomes.coefficients(comparison),))
