"""What a study holds before anybody looks at its outcomes by arm: the same report without a comparison."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

import pandas as pd

from instruments.plan import Outcome
from instruments.plan_methods import SERIES

from ..cohort import ROLES, Cohort, in_each_arm, rows_of, scales, scores_at
from ..disclosure import gate
from ..result import AnalysisError, Cell, Key, Sum, Table
from ..series import periods_held
from ..times import DIED, EVENT, follow_up_of, follow_up_quartiles, time_rows_of
from . import delivery, harms, participants
from .cells import BLANK, DASH, mean_sd, people, quartiles, words
from .contents import Contents, Section, design, released
from .fit_series import series_held
from .missing import who_is_missing
from .outcomes import notices
from .participants import measured_key, same_people, study_key
from .scale import about
from .words import minus

BLIND = (
    "Outcomes are shown for everybody together, so that whoever checks the data learns nothing of how the arms "
    "compare. People, losses and what was delivered are shown by arm."
)
SIDES = {"before": "Events before the start", "after": "Events from the start on"}
NO_GAPS = "{label}: no site lacks a period that another has."
FROM_THE_START = (
    "Months are counted from the start, of the first site where they differ; 0 is the first from then on. A site that "
    "lacks a month that others have holds its outcome up until it is mended or left out."
)


def lay_out_description(cohort: Cohort) -> Contents:
    """Lay a study out without a comparison of its outcomes."""
    left_out = notices(cohort)
    parts: list[tuple[str, str, tuple[str | Table, ...]]] = [
        ("design", "Design", design(cohort)),
        ("people", "People", (participants.flow_table(cohort), participants.baseline(cohort))),
        ("delivery", "What was delivered", delivery.tables(cohort) or ("Nothing about contacts or signposts.",)),
        ("outcomes", "Outcomes of everybody together", (BLIND, *together(cohort))),
        ("deviations", "Departures from the plan", (left_out,) if left_out else ("Nothing departed from the plan.",)),
    ]
    shown = [block for _, _, blocks in parts for block in blocks if isinstance(block, Table)]
    guard = gate([*shown, *_of_the_comparison(cohort)], cohort.plan.small_number)
    sections = tuple(
        Section(id, title, tuple(released(block, guard) for block in blocks)) for id, title, blocks in parts
    )
    return Contents(cohort.plan.title, _headline(cohort), sections, guard, "Description")


def _of_the_comparison(cohort: Cohort) -> Iterator[Table]:
    """What the report of the comparison shows of the same losses: who has both reports could subtract."""
    if scales(cohort.plan):
        yield from who_is_missing(cohort, scales(cohort.plan)[0])
    yield harms.table(cohort)


def _headline(cohort: Cohort) -> str:
    sites = cohort.people["site"].nunique()
    where = f" of {sites} sites" if sites else ""
    return f"The study has {len(cohort.people):,} people{where} and {len(cohort.plan.outcomes)} planned outcomes."


def together(cohort: Cohort) -> Iterator[str | Table]:
    """Scores at every timepoint, counts before and after entry, times and series, of both arms as one."""
    for outcome in scales(cohort.plan):
        yield _scores(cohort, outcome)
    used = [outcome for outcome in participants.uses(cohort) if outcome.kind == "count"]
    if used:
        yield _used(cohort, used)
    for outcome in cohort.plan.outcomes:
        if outcome.kind == "time-to-event":
            yield _times(cohort, outcome)
        elif any(method in SERIES for method in outcome.methods):
            yield from _series(cohort, outcome)


def _scores(cohort: Cohort, outcome: Outcome) -> Table:
    scale = about(cohort.plan, outcome)
    rows: list[tuple[str, tuple[Cell, ...]]] = []
    sums, implied = [], []
    for timepoint in cohort.plan.timepoints:
        scores = scores_at(cohort, outcome, timepoint.id)
        arm = cohort.people["arm"].reindex(scores.index)
        both: Key = measured_key(outcome, timepoint.id, "both")
        parts = tuple(measured_key(outcome, timepoint.id, role) for role in ROLES.values())
        sums.append(Sum(both, parts))
        implied += [(part, int((arm == role).sum())) for part, role in zip(parts, ROLES, strict=True)]
        rest, left = _others(cohort, both, len(scores))
        sums += rest
        implied += left
        for total, counts in same_people(cohort, outcome, timepoint.id):
            sums.append(total)
            implied += counts
        rows.append((timepoint.label, (people(len(scores), len(cohort.people), both), mean_sd(scores, scale.digits))))
    name = f"together-{outcome.instrument}-{outcome.scale}"
    title = f"{scale.label}, both arms together ({scale.minimum:g} to {scale.maximum:g}, {scale.better} is better)"
    columns = ("People measured", "Mean (SD)")
    return Table(name, title, columns, tuple(rows), tuple(sums), tuple(implied), stub="Timepoint")


def _others(cohort: Cohort, key: Key, count: int) -> tuple[list[Sum], list[tuple[Key, int]]]:
    """The rest of everybody in the study: nobody shows it, and a reader has it by subtraction."""
    everybody, rest = study_key("both"), ("others", *key)
    sums = [Sum(everybody, tuple(study_key(role) for role in ROLES.values())), Sum(everybody, (key, rest))]
    return sums, [(everybody, len(cohort.people)), (rest, len(cohort.people) - count)]


def _used(cohort: Cohort, used: Sequence[Outcome]) -> Table:
    rows = [row for outcome in used for row in _uses(cohort, outcome)]
    sums, implied = [], []
    for _, (cell, _) in rows:
        if cell.key is not None and cell.count is not None:
            total, counts = _others(cohort, cell.key, cell.count)
            sums += total
            implied += counts
    columns = ("People", "Events a year, mean (SD)")
    return Table("use", "Service use, both arms together", columns, tuple(rows), tuple(sums), tuple(implied))


def _uses(cohort: Cohort, outcome: Outcome) -> Iterator[tuple[str, tuple[Cell, ...]]]:
    use = rows_of(cohort, outcome)
    for when, count, years in (
        ("before entry", "baseline_count", "baseline_years"),
        ("from entry on", "count", "years"),
    ):
        known = use.dropna(subset=[count, years])
        rate: pd.Series[float] = known[count] / known[years]
        cell = mean_sd(rate, 1) if len(known) else DASH
        yield (
            f"{outcome.label}, {when}",
            (people(len(known), key=("used", outcome.id, when)) if len(known) else BLANK, cell),
        )


# ---------------------------------------------------------------------------- times


def _times(cohort: Cohort, outcome: Outcome) -> str | Table:
    """How long people could be followed, and how many had the event; or why nobody can tell."""
    try:
        rows = time_rows_of(cohort, outcome)
    except AnalysisError as error:
        return f"{outcome.label}: {'; '.join(error.faults)}."
    timed, n = rows.dropna(subset=["days", "event"]), len(rows)
    had, died = (int((timed["event"] == kind).sum()) for kind in (EVENT, DIED))
    until, every = f"by day {outcome.until_day}", _time_key(outcome, "timed")
    table: list[tuple[str, tuple[Cell, ...]]] = [
        ("Followed from entry on", (people(len(timed), n, every, _time_key(outcome, "study")),)),
        ("Not followed from entry on", (people(n - len(timed), key=_time_key(outcome, "untimed")),)),
        ("Days for which people could be followed: median (quartiles)", (_followed(cohort, outcome),)),
        (f"Had it {until}", (people(had, len(timed), _time_key(outcome, "had"), every),)),
        (f"Died before it {until}", (people(died, len(timed), _time_key(outcome, "died"), every),)),
    ]
    sums, implied = _time_sums(cohort, outcome, {"without": len(timed) - had, "neither": len(timed) - had - died})
    title = f"{outcome.label}: how long people were followed and how many had it, both arms together"
    return Table(f"together-{outcome.id}", title, ("Everybody",), tuple(table), sums, implied)


def _time_key(outcome: Outcome, what: str) -> Key:
    return "time", outcome.id, "both", what


def _time_sums(
    cohort: Cohort, outcome: Outcome, rests: dict[str, int]
) -> tuple[tuple[Sum, ...], tuple[tuple[Key, int], ...]]:
    """What a reader could subtract: those followed from everybody, and of them those with the event, or dead."""
    study, timed, untimed, had, died, without, neither = (
        _time_key(outcome, what) for what in ("study", "timed", "untimed", "had", "died", "without", "neither")
    )
    arms = in_each_arm(cohort.people)
    sums = (
        Sum(study, tuple(study_key(role) for role in ROLES.values())),
        Sum(study, (timed, untimed)),
        Sum(timed, (had, without)),
        Sum(without, (died, neither)),
    )
    implied = [(study_key(role), int(arms[arm])) for arm, role in ROLES.items()]
    implied += [(study, len(cohort.people)), *((_time_key(outcome, what), n) for what, n in rests.items())]
    return sums, tuple(implied)


def _followed(cohort: Cohort, outcome: Outcome) -> Cell:
    """How long people could be followed (reverse Kaplan-Meier), which does not tell how often a record was cut."""
    followed = follow_up_of(cohort, outcome)
    known = int(followed["days"].notna().sum())
    if not known:
        return DASH
    return quartiles(*follow_up_quartiles(followed, float(followed["days"].max())), n=known)


# ---------------------------------------------------------------------------- series


def _series(cohort: Cohort, outcome: Outcome) -> Iterator[str | Table]:
    """Sites and their periods by arm, the gaps site by site, and the events of both arms as one."""
    held = periods_held(cohort, outcome)
    title = f"{outcome.label}: sites and the periods that they have"
    yield replace(series_held(cohort, outcome, title), name=f"periods-{outcome.id}")
    rows = [(label, (_events(held, outcome, side),)) for side, label in SIDES.items()]
    title = f"{outcome.label}: events at sites, both arms together"
    yield Table(f"together-{outcome.id}", title, ("Everybody",), tuple(rows))
    lacking = _gaps(held)
    if not lacking:
        yield NO_GAPS.format(label=outcome.label)
        return
    title = f"{outcome.label}: sites that lack months which others have"
    columns = ("Months held", "Months lacking")
    yield Table(f"gaps-{outcome.id}", title, columns, tuple(lacking), notes=(FROM_THE_START,), stub="Site")


def _events(held: pd.DataFrame, outcome: Outcome, side: str) -> Cell:
    known = held.loc[held[side], "count"].dropna()
    return people(int(known.sum()), key=("site events", outcome.id, side)) if len(known) else DASH


def _gaps(held: pd.DataFrame) -> list[tuple[str, tuple[Cell, ...]]]:
    """For each site with a gap, how many months it has and which it lacks."""
    every = {int(month) for month in held["month"]}
    rows: list[tuple[str, tuple[Cell, ...]]] = []
    for site, months in held.groupby("site")["month"]:
        own = {int(month) for month in months}
        if own != every:
            rows.append((str(site), (words(f"{len(own)} of {len(every)}"), words(_listed(sorted(every - own))))))
    return rows


def _listed(months: Sequence[int]) -> str:
    """Months in words, those that follow on each other as one stretch."""
    runs = [[month for _, month in run] for _, run in groupby(enumerate(months), key=lambda pair: pair[1] - pair[0])]
    return minus(", ".join(f"{run[0]}" if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs))
