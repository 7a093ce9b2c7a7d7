"""What a study holds before anybody looks at its outcomes by arm: the same report without a comparison."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from instruments.plan import Outcome

from ..cohort import ROLES, Cohort, rows_of, scales, scores_at
from ..disclosure import gate
from ..result import Cell, Key, Sum, Table
from . import delivery, participants
from .cells import BLANK, DASH, mean_sd, people
from .contents import Contents, Section, design, released
from .outcomes import notices
from .participants import measured_key, same_people
from .scale import about

BLIND = (
    "Outcomes are shown for everybody together, so that whoever checks the data learns nothing of how the arms "
    "compare. People, losses and what was delivered are shown by arm."
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
    guard = gate(
        [block for _, _, blocks in parts for block in blocks if isinstance(block, Table)], cohort.plan.small_number
    )
    sections = tuple(
        Section(id, title, tuple(released(block, guard) for block in blocks)) for id, title, blocks in parts
    )
    return Contents(cohort.plan.title, _headline(cohort), sections, guard, "Description")


def _headline(cohort: Cohort) -> str:
    sites = cohort.people["site"].nunique()
    where = f" of {sites} sites" if sites else ""
    return f"The study has {len(cohort.people):,} people{where} and {len(cohort.plan.outcomes)} planned outcomes."


def together(cohort: Cohort) -> Iterator[Table]:
    """Scores at every timepoint, and counts before and after entry, of both arms as one."""
    for outcome in scales(cohort.plan):
        yield _scores(cohort, outcome)
    used = [outcome for outcome in participants.uses(cohort) if outcome.kind == "count"]
    if used:
        rows = [row for outcome in used for row in _uses(cohort, outcome)]
        yield Table("use", "Service use, both arms together", ("People", "Events a year, mean (SD)"), tuple(rows))


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
        for total, counts in same_people(cohort, outcome, timepoint.id):
            sums.append(total)
            implied += counts
        rows.append((timepoint.label, (people(len(scores), len(cohort.people), both), mean_sd(scores, scale.digits))))
    name = f"together-{outcome.instrument}-{outcome.scale}"
    title = f"{scale.label}, both arms together ({scale.minimum:g} to {scale.maximum:g}, {scale.better} is better)"
    columns = ("People measured", "Mean (SD)")
    return Table(name, title, columns, tuple(rows), tuple(sums), tuple(implied), stub="Timepoint")


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
