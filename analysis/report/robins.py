"""The facts that judging risk of bias asks for, by domain; the judgements are left to people."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

import pandas as pd

from instruments import codes
from instruments.plan import Outcome

from ..cohort import ROLES, Cohort, in_each_arm, of_scale, people_allocated
from ..contacts import each_person, only_counts
from ..estimators.imbalance import standardised_difference
from ..result import Cell, Fitted, Key, Sum, Table
from .balance import e_values
from .cells import people, words
from .comparison import Comparison
from .delivery import reached_key, reached_sums
from .epoc import months
from .outcomes import analysed_key, digits_of
from .participants import characteristics, measured_and_lost, measured_key, study_key
from .sensitivity import like
from .words import adjusted_for

Row = tuple[str, tuple[Cell, ...]]
NOT_IN_THE_DATA = "Not in the data"
HASH = 12
LEFT_TO_PEOPLE = "Judgement (left to people)"
ROBINS_I = (
    "Domains of ROBINS-I (Sterne 2016, doi:10.1136/bmj.i4919). A judgement is one of: low, moderate, serious, critical "
    "risk of bias, or no information. None is made here: facts do not judge themselves."
)
ROB_2 = (
    "Domains of RoB 2 (Sterne 2019, doi:10.1136/bmj.l4898). A judgement is one of: low risk of bias, some concerns, "
    "high risk. None is made here: facts do not judge themselves."
)


def sheet(comparison: Comparison) -> Table:
    """Every domain with its facts, of the primary outcome."""
    randomised = "randomised" in comparison.plan.design
    rows: list[Row] = []
    for number, (domain, facts) in enumerate((_ROB_2 if randomised else _ROBINS_I).items(), start=1):
        rows.append((f"{number}. {domain}", (words(""), words(""))))
        rows += [(label, (cell, words(""))) for fact in facts for label, cell in fact(comparison)]
    sums, implied = _known(comparison)
    title = "Risk of bias of the primary outcome: facts by domain"
    note = ROB_2 if randomised else ROBINS_I
    columns = ("What the data say", LEFT_TO_PEOPLE)
    return Table("risk-of-bias", title, columns, tuple(rows), tuple(sums), tuple(implied), (note,), stub="Domain")


Fact = Callable[[Comparison], Iterator[tuple[str, Cell]]]


def _by_arm(comparison: Comparison, label: str, make: Callable[[int, str], Cell]) -> Iterator[tuple[str, Cell]]:
    """One fact of each arm, intervention first."""
    for arm, role in ROLES.items():
        yield f"{label}: {comparison.plan.arm(role).label}", make(arm, role)


# ---------------------------------------------------------------------------- confounding


def _largest_difference(comparison: Comparison) -> Iterator[tuple[str, Cell]]:
    found, people = {}, comparison.cohort.people
    for label, _, values, _ in characteristics(comparison.cohort):
        known = people[values.notna()]
        smaller = int(in_each_arm(known).min())
        if smaller >= max(1, comparison.plan.small_number):
            value = standardised_difference(values.dropna(), known["arm"])
            if not math.isnan(value):
                found[label] = (abs(value), smaller)
    label = "Largest standardised difference at baseline"
    if not found:
        yield label, words(NOT_IN_THE_DATA)
        return
    name, (value, n) = max(found.items(), key=lambda each: each[1][0])
    yield f"{label}: {name}", Cell("{standardised_difference:.2f}", stats={"standardised_difference": value}, n=n)


def _adjusted(comparison: Comparison) -> Iterator[tuple[str, Cell]]:
    yield "Adjusted for", words(adjusted_for(comparison, comparison.plan.primary))


def _e_value(comparison: Comparison) -> Iterator[tuple[str, Cell]]:
    fitted, values = _primary(comparison), e_values(comparison, comparison.plan.primary)
    label = "E-value of the estimate, and of the limit nearer to no difference"
    if fitted is None or values is None:
        yield label, words("Cannot be given")
        return
    stats = {"estimate": values[0]} | ({} if values[1] is None else {"limit": values[1]})
    shape = (
        "{estimate:.1f}; the interval holds no difference" if values[1] is None else "{estimate:.1f} and {limit:.1f}"
    )
    yield label, Cell(shape, stats=stats, n=fitted.fewest)


def _methods(comparison: Comparison) -> Iterator[tuple[str, Cell]]:
    """From the lowest to the highest estimate by the methods of the plan, on the planned one's scale."""
    planned = _primary(comparison)
    if planned is None:
        return
    found = comparison.by_method(comparison.plan.primary).values()
    same = [each for each in found if like(planned.main, each).scale == planned.main.scale]
    values = [like(planned.main, each).estimate for each in same]
    digits = digits_of(planned.main)
    shape = f"{len(same)}, from {{lowest:.{digits}f}} to {{highest:.{digits}f}}"
    stats = {"lowest": min(values), "highest": max(values)}
    yield "Estimates by different methods", Cell(shape, stats=stats, n=min(each.fewest for each in same))


def _primary(comparison: Comparison) -> Fitted | None:
    return comparison.fitted.get(comparison.plan.primary.id)


# ---------------------------------------------------------------------------- selection and classification


def _allocated(comparison: Comparison) -> Iterator[tuple[str, Cell]]:
    methods = comparison.cohort.dataset["allocations"].groupby("arm")["method"].first()

    def how(_: int, role: str) -> Cell:
        return words(codes.ALLOCATION_METHODS[str(methods.get(comparison.plan.arm(role).id, "other"))])

    yield from _by_arm(comparison, "How allocated", how)


def _entered(comparison: Comparison) -> Iterator[tuple[str, Cell]]:
    people = comparison.cohort.people
    yield from _by_arm(
        comparison, "Entered", lambda arm, _: words(months(people.loc[people["arm"] == arm, "entered_on"]))
    )


def _met_before(comparison: Comparison) -> Iterator[tuple[str, Cell]]:
    """Who had met a link worker before they entered: their first contact was not observed from its beginning."""
    label = f"First attended contact before entry: {comparison.plan.arm('intervention').label}"
    before = _before_entry(comparison.cohort)
    if before is None:
        yield label, words(NOT_IN_THE_DATA)
        return
    early, met = before["intervention"]
    yield label, people(early, met, _early_key("intervention", True), reached_key(True, "intervention"))


def _before_entry(cohort: Cohort) -> dict[str, tuple[int, int]] | None:
    """By role, how many first met a link worker before entry, and how many ever did; None where no dates are known."""
    contacts = cohort.dataset["contacts"]
    if contacts.empty:
        return None
    first = contacts[contacts["attendance"] == "attended"].groupby("person")["contacted_on"].min()
    early = first < cohort.people["entered_on"].reindex(first.index)
    arm = cohort.people["arm"].reindex(first.index)
    return {role: (int(early[arm == value].sum()), int((arm == value).sum())) for value, role in ROLES.items()}


def _early_key(role: str, early: bool) -> Key:
    return "met before entry", role, str(early)


def _classified(comparison: Comparison) -> Iterator[tuple[str, Cell]]:
    whose = "their own" if people_allocated(comparison.cohort) else "their site's"
    yield "Arm of each person", words(f"By {whose} allocation at entry, whatever they received")


def _late(comparison: Comparison) -> Iterator[tuple[str, Cell]]:
    late = _allocated_late(comparison.cohort)
    sizes = in_each_arm(comparison.cohort.people)
    yield from _by_arm(
        comparison,
        "Allocation began after they entered",
        lambda arm, role: people(late[role], int(sizes[arm]), _late_key(role, True)),
    )


def _allocated_late(cohort: Cohort) -> dict[str, int]:
    """By role, the people who entered before they or their site were first allocated."""
    allocations = cohort.dataset["allocations"]
    own = allocations.dropna(subset=["person"]).groupby("person")["from_on"].min()
    of_site = allocations.dropna(subset=["site"]).groupby("site")["from_on"].min()
    begun = cohort.people.index.to_series().map(own).fillna(cohort.people["site"].map(of_site))
    late = begun > cohort.people["entered_on"]
    return {role: int((late & (cohort.people["arm"] == arm)).sum()) for arm, role in ROLES.items()}


def _late_key(role: str, late: bool) -> Key:
    return "allocated late", role, str(late)


# ---------------------------------------------------------------------------- deviations and missing data


def _received(comparison: Comparison) -> Iterator[tuple[str, Cell]]:
    cohort, plan = comparison.cohort, comparison.plan
    facts = (("intervention", False, "never met a link worker"), ("comparison", True, "met a link worker"))
    if cohort.dataset["contacts"].empty and not only_counts(cohort):
        yield from ((f"{plan.arm(role).label}: {what}", words(NOT_IN_THE_DATA)) for role, _, what in facts)
        return
    each = each_person(cohort)
    for arm, role in ROLES.items():
        (_, met, what) = next(fact for fact in facts if fact[0] == role)
        members = each.loc[each["arm"] == arm, "contacts"] > 0
        yield (
            f"{plan.arm(role).label}: {what}",
            people(int((members == met).sum()), len(members), reached_key(met, role)),
        )


def _analysed(comparison: Comparison) -> Iterator[tuple[str, Cell]]:
    """How many of each arm the answer stands on, and of those how far the shares lie apart."""
    fitted, outcome = _primary(comparison), comparison.plan.primary
    if fitted is None:
        yield "Analysed", words("The primary outcome could not be estimated")
        return
    sizes = in_each_arm(comparison.cohort.people)
    n = dict(zip(ROLES, fitted.n, strict=True))
    if fitted.units != "people":
        yield from _by_arm(comparison, "Analysed", lambda arm, _: words(f"{n[arm]:,} {fitted.units}"))
        return
    yield from _by_arm(
        comparison, "Analysed", lambda arm, role: people(n[arm], int(sizes[arm]), analysed_key(outcome, role))
    )
    yield _apart("Analysed: difference", {arm: n[arm] / sizes[arm] for arm in ROLES}, _keys(outcome))


def _keys(outcome: Outcome) -> tuple[Key, ...]:
    return tuple(analysed_key(outcome, role) for role in ROLES.values())


def _apart(label: str, shares: Mapping[int, float], keys: tuple[Key, ...]) -> tuple[str, Cell]:
    points = {"percentage_points": 100 * abs(shares[1] - shares[0])}
    return label, Cell("{percentage_points:.1f} percentage points", stats=points, from_counts=keys)


def _followed_up(comparison: Comparison) -> Iterator[tuple[str, Cell]]:
    outcome, cohort = comparison.plan.primary, comparison.cohort
    if not outcome.timepoint or not outcome.instrument:
        return
    found = _answers(cohort, outcome)
    sizes, measured = in_each_arm(cohort.people), in_each_arm(found)
    label = f"Measured at {comparison.plan.timepoint(outcome.timepoint).label}"

    def shown(arm: int, role: str) -> Cell:
        return people(int(measured[arm]), int(sizes[arm]), measured_key(outcome, str(outcome.timepoint), role))

    yield from _by_arm(comparison, label, shown)


# ---------------------------------------------------------------------------- measurement and reporting


def _answers(cohort: Cohort, outcome: Outcome) -> pd.DataFrame:
    """The scores of an outcome at its timepoint, with the arm, and who answered and how."""
    found = of_scale(cohort.scores, outcome)
    found = found[found["timepoint"] == outcome.timepoint][["person", "assessment"]]
    asked = cohort.dataset["assessments"].set_index("assessment")[["mode", "respondent"]]
    return found.join(asked, on="assessment").assign(arm=found["person"].map(cohort.people["arm"]).to_numpy())


def _measured_how(comparison: Comparison) -> Iterator[tuple[str, Cell]]:
    outcome = comparison.plan.primary
    if not outcome.timepoint or not outcome.instrument:
        sources = comparison.cohort.dataset["service_use"]
        named = sources.loc[sources["setting"] == outcome.setting, "source"].map(codes.USE_SOURCES).dropna().unique()
        yield "Where the counts come from", words("; ".join(sorted(map(str, named))) or NOT_IN_THE_DATA)
        return
    found = _answers(comparison.cohort, outcome)
    for column, (label, known) in _HOW.items():
        for code in (code for code in known if code in set(found[column])):
            yield from _by_arm(comparison, f"{label}: {known[code].lower()}", _share(outcome, found, column, code))
    yield "Whether whoever asked knew the arm", words(NOT_IN_THE_DATA)


_HOW: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "respondent": ("Answered by", codes.RESPONDENTS),
    "mode": ("How", codes.ADMINISTRATION_MODES),
}


def _share(outcome: Outcome, found: pd.DataFrame, column: str, code: str) -> Callable[[int, str], Cell]:
    def make(arm: int, role: str) -> Cell:
        members = found.loc[found["arm"] == arm, column]
        total = measured_key(outcome, str(outcome.timepoint), role)
        return people(int((members == code).sum()), len(members), _how_key(outcome, column, code, role), total)

    return make


def _how_key(outcome: Outcome, column: str, code: str, role: str) -> Key:
    return "measured by", outcome.id, column, code, role


def _reported(comparison: Comparison) -> Iterator[tuple[str, Cell]]:
    plan = comparison.plan
    yield "SHA-256 of the plan (whole at the end of this report)", words(f"{plan.sha256[:HASH]}…")
    said = f"{len(plan.outcomes)} planned, {len(comparison.estimated)} estimated, all in the order of the plan"
    yield "Outcomes", words(said)
    named = f"{len(plan.subgroups)} planned" if plan.subgroups else "None planned, none shown"
    yield "Subgroups", words(named)
    yield (
        "Departures from the plan, and what was left out",
        words("Listed at the end of this report" if comparison.cohort.notices else "None"),
    )


# ---------------------------------------------------------------------------- what adds up


def _known(comparison: Comparison) -> tuple[list[Sum], list[tuple[Key, int]]]:
    """What a reader could subtract among the counts of the sheet."""
    cohort, outcome = comparison.cohort, comparison.plan.primary
    sums, implied = [*reached_sums()], []
    each, late, early = each_person(cohort), _allocated_late(cohort), _before_entry(cohort)
    for arm, role in ROLES.items():
        size = int((cohort.people["arm"] == arm).sum())
        met = int((each.loc[each["arm"] == arm, "contacts"] > 0).sum())
        sums.append(Sum(study_key(role), (_late_key(role, True), _late_key(role, False))))
        implied += [
            (study_key(role), size),
            (_late_key(role, True), late[role]),
            (_late_key(role, False), size - late[role]),
        ]
        implied += [(reached_key(True, role), met), (reached_key(False, role), size - met)]
        if early:
            parts = (_early_key(role, True), _early_key(role, False))
            sums.append(Sum(reached_key(True, role), parts))
            implied += zip(parts, (early[role][0], early[role][1] - early[role][0]), strict=True)
    if outcome.timepoint and outcome.instrument:
        for total, lost in measured_and_lost(cohort, outcome, outcome.timepoint):
            sums.append(total)
            implied.append(lost)
        sums += _hows(_answers(cohort, outcome), outcome)
    return sums, implied


def _hows(found: pd.DataFrame, outcome: Outcome) -> Iterator[Sum]:
    """Everybody measured was measured by somebody in some way."""
    for column, (_, known) in _HOW.items():
        there = [code for code in known if code in set(found[column])]
        for role in ROLES.values():
            if there:
                parts = tuple(_how_key(outcome, column, code, role) for code in there)
                yield Sum(measured_key(outcome, str(outcome.timepoint), role), parts)


_ROBINS_I: Mapping[str, tuple[Fact, ...]] = {
    "Confounding": (_largest_difference, _adjusted, _e_value, _methods),
    "Selection of participants into the study": (_allocated, _entered, _met_before),
    "Classification of interventions": (_classified, _late),
    "Deviations from intended interventions": (_received,),
    "Missing data": (_followed_up, _analysed),
    "Measurement of outcomes": (_measured_how,),
    "Selection of the reported result": (_reported,),
}
_ROB_2: Mapping[str, tuple[Fact, ...]] = {
    "Randomisation process": (_allocated, _late, _largest_difference, _adjusted),
    "Deviations from intended interventions": (_classified, _received),
    "Missing outcome data": (_followed_up, _analysed),
    "Measurement of the outcome": (_measured_how,),
    "Selection of the reported result": (_methods, _reported),
}
