"""Who counts: the arm of each person, their scores at each timepoint, their person-time, and who was lost and why.

Intention to treat: people stay in the arm to which they, or their site, were allocated, whether or not they ever met
a link worker.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from instruments import codes
from instruments.dataset import TABLES
from instruments.plan import Covariate, Event, Outcome, Plan

from .load import Dataset, Notice
from .result import AnalysisError

DAYS_PER_YEAR = 365.25
COMPARED_DESIGNS = ("controlled-before-after", "cluster-randomised", "individually-randomised")
ROLES = {1: "intervention", 0: "comparison"}
OF_COHORT = ("people", "characteristics", "contacts", "signposts", "assessments", "scores", "service_use")
NOT_RECORDED = "Not recorded"
OUTSIDE_WINDOW = "Measured outside the window"
EMPTY_FOR_SOME = "people.site: is empty for somebody, and errors by site need it; fill it in for everyone"
EMPTY_FOR_ALL = (
    "people.site: is empty for everybody, and errors by site need it; fill it in, or where people are the units write "
    'errors = "classical" under [analysis]'
)
NO_SCORE = "Answered, but no score could be made"


@dataclass(frozen=True)
class Cohort:
    """The people of a study and what is known of them.

    Attributes
    ----------
    people
        One row a person, by study number: `arm` (1 intervention, 0 comparison), `site`, dates, contract facts, `age`
        (years at entry) and the characteristics that the plan names.
    scores
        One row a person, timepoint, instrument, scale and value set: `score`, and `day` after entry.
    use
        One row a person and setting: `baseline_count` and `baseline_years` before entry, `count` and `years` from
        entry on; missing where no period is known.
    notices
        What was left out or noticed, with counts.
    """

    plan: Plan
    dataset: Dataset
    people: pd.DataFrame
    scores: pd.DataFrame
    use: pd.DataFrame
    notices: tuple[Notice, ...]


def assemble(dataset: Dataset) -> Cohort:
    """Work out the cohort of a dataset under its plan.

    Raises
    ------
    AnalysisError
        When the design has no two arms to compare, somebody is in no arm or has no site though errors are by site, or
        a covariate said to be a number is not one.
    """
    plan = dataset.plan
    if plan.design not in COMPARED_DESIGNS:
        allowed = ", ".join(COMPARED_DESIGNS)
        raise AnalysisError(f"plan.study.design: '{plan.design}' cannot be compared like this; allowed: {allowed}")
    dataset, outside = _enrolled(dataset)
    people = _people(dataset)
    scores, score_notices = _scores(dataset, people)
    use, use_notices = _service_use(dataset, people)
    windows = _around_entry(dataset, people)
    notices = (*dataset.notices, *outside, *_versions(dataset), *score_notices, *use_notices, *windows)
    return Cohort(plan, dataset, people, scores, use, notices)


def _enrolled(dataset: Dataset) -> tuple[Dataset, list[Notice]]:
    """The dataset of those who entered within the plan's enrolment dates; caseloads keep everybody."""
    entered_on, plan = dataset["people"]["entered_on"], dataset.plan
    inside = pd.Series(True, index=entered_on.index)
    if plan.enrolled_from is not None:
        inside &= entered_on >= pd.Timestamp(plan.enrolled_from)
    if plan.enrolled_until is not None:
        inside &= entered_on <= pd.Timestamp(plan.enrolled_until)
    if inside.all():
        return dataset, []
    enrolled = set(dataset["people"].loc[inside, "person"])
    kept = {name: frame[frame["person"].isin(enrolled)] for name, frame in dataset.tables.items() if name in OF_COHORT}
    return replace(dataset, tables={**dataset.tables, **kept}), [
        *_notice((~inside).sum(), "People who entered outside the plan's enrolment dates are not compared.")
    ]


def _people(dataset: Dataset) -> pd.DataFrame:
    people = dataset["people"].set_index("person")
    people["arm"] = _arms(dataset, people)
    people["age"] = people["entered_on"].dt.year - people["birth_year"]
    if dataset.plan.errors != "classical" and people["site"].isna().any():
        raise AnalysisError(EMPTY_FOR_ALL if people["site"].isna().all() else EMPTY_FOR_SOME)
    wanted = [covariate for covariate in dataset.plan.covariates if covariate.name not in people]
    further = dataset["characteristics"].pivot(index="person", columns="name", values="value")
    for covariate in wanted:
        people[covariate.name] = further[covariate.name].reindex(people.index)
    for covariate in dataset.plan.covariates:
        people[covariate.name] = covariate_values(people[covariate.name], covariate)
    return people


def _arms(dataset: Dataset, people: pd.DataFrame) -> pd.Series[Any]:
    """Arm of each person as 1 or 0: their own allocation, else that of their site when they entered."""
    role = {arm.id: int(arm.role == "intervention") for arm in dataset.plan.arms}
    allocations = dataset["allocations"].assign(arm=dataset["allocations"]["arm"].map(role)).sort_values("from_on")
    own = _at_entry(people.index.to_series(), people["entered_on"], allocations.dropna(subset=["person"]), "person")
    of_site = _at_entry(people["site"], people["entered_on"], allocations.dropna(subset=["site"]), "site")
    arm = own.fillna(of_site)
    if arm.isna().any():
        raise AnalysisError("allocations: somebody's site was in no arm when they entered; correct from_on")
    return arm.astype(int)


def _at_entry(unit: pd.Series[Any], entered_on: pd.Series[Any], allocations: pd.DataFrame, name: str) -> pd.Series[Any]:
    """The latest allocation on or before entry; the only one, whenever it began, where there is but one."""
    moved = allocations[name].duplicated(keep=False)
    found = unit.map(allocations[~moved].set_index(name)["arm"]).astype(float)
    for key, history in allocations[moved].groupby(name):
        members = unit.index[unit == key]
        for from_on, arm in zip(history["from_on"], history["arm"], strict=True):
            found[members[entered_on[members] >= from_on]] = arm
    return found


def covariate_values(values: pd.Series[Any], covariate: Covariate) -> pd.Series[Any]:
    """A covariate as floats, or as a categorical with its levels in order (of the code list, else of number or name).

    Raises
    ------
    AnalysisError
        When a covariate declared as a number holds something else.
    """
    if covariate.kind == "category":
        texts = values.map(_word, na_action="ignore").astype(object)
        return pd.Series(pd.Categorical(texts, categories=_levels(covariate.name, texts)), index=values.index)
    numbers = pd.to_numeric(values, errors="coerce").astype(float)
    wrong = values[numbers.isna() & values.notna()]
    if len(wrong):
        what = f"'{wrong.iloc[0]}' is not a number"
        raise AnalysisError(f"plan.covariates.{covariate.name}: {what}; declare it as 'category' or correct the data")
    return numbers


def _word(value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _levels(name: str, texts: pd.Series[Any]) -> list[str]:
    known = TABLES["people"].column(name).codes if name in TABLES["people"].names else {}
    found = set(texts.dropna())
    return [*(code for code in known if code in found), *sorted(found - set(known), key=_natural)]


def _natural(text: str) -> tuple[float, str]:
    try:
        return float(text), text
    except ValueError:
        return float("inf"), text


def _scores(dataset: Dataset, people: pd.DataFrame) -> tuple[pd.DataFrame, list[Notice]]:
    """Scores inside their timepoint's window, one for each person, timepoint, scale and value set."""
    asked = dataset["assessments"].set_index("assessment")["assessed_on"]
    scores = dataset["scores"].dropna(subset=["score"])
    scores = scores.assign(day=(scores["assessment"].map(asked) - scores["person"].map(people["entered_on"])).dt.days)
    windows = {t.id: (t.day, t.day + t.opens, t.day + t.closes) for t in dataset.plan.timepoints}
    target, opens, closes = (scores["timepoint"].map({id: w[i] for id, w in windows.items()}) for i in range(3))
    inside = (scores["day"] >= opens) & (scores["day"] <= closes)
    scores = scores.assign(distance=(scores["day"] - target).abs(), inside=inside)
    kept = scores[inside].sort_values(["distance", "day", "assessment"])
    key = ["person", "timepoint", "instrument", "scale", "value_set"]
    once = kept.drop_duplicates(key).drop(columns=["distance", "inside"])
    left_out = scores.loc[~inside, "assessment"].nunique()
    twice = kept["assessment"].nunique() - once["assessment"].nunique()
    return once, [
        *_notice(left_out, "Assessments outside their timepoint's window were left out."),
        *_notice(twice, "Where several assessments fell in one window, the one nearest the day was taken; left out:"),
    ]


def _notice(count: int, text: str) -> Iterator[Notice]:
    if count:
        yield Notice(text, int(count))


def _versions(dataset: Dataset) -> Iterator[Notice]:
    for instrument, versions in dataset["scores"].groupby("instrument")["version"]:
        if versions.nunique() > 1:
            named = ", ".join(sorted(set(versions)))
            yield Notice(f"{instrument} was given in versions {named}, which were treated as one.")


def _service_use(dataset: Dataset, people: pd.DataFrame) -> tuple[pd.DataFrame, list[Notice]]:
    """Counts and person-years before and from entry on; health records go before people's own reports."""
    use, doubled = counted_once(dataset["service_use"])
    before, after = _sides(use, people, (0, 0))
    return _both_sides(use, before, after), [
        *_notice(
            doubled.sum(), "People's own reports of service use were left out where a health record has the same."
        ),
        *_notice((~before & ~after).sum(), "Periods of service use that straddle entry were left out."),
    ]


def counted_once(use: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series[Any]]:
    """Service use without people's own reports of what a record has too, and which rows those were."""
    recorded = use["source"] == "record-extract"
    doubled = ~recorded & recorded.groupby([use["person"], use["setting"]]).transform("any")
    return use[~doubled], doubled


def _sides(
    use: pd.DataFrame, people: pd.DataFrame, leave_out: tuple[int, int]
) -> tuple[pd.Series[Any], pd.Series[Any]]:
    """Periods that end before, and periods that begin after, the days around entry that are left out."""
    entered_on = use["person"].map(people["entered_on"])
    before, after = (pd.Timedelta(days=days) for days in leave_out)
    return use["until_on"] <= entered_on - before, use["from_on"] >= entered_on + after


def _both_sides(use: pd.DataFrame, before: pd.Series[Any], after: pd.Series[Any]) -> pd.DataFrame:
    totals = [_totals(use[before], "baseline_count", "baseline_years"), _totals(use[after], "count", "years")]
    return pd.concat(totals, axis=1).reset_index()


def _around_entry(dataset: Dataset, people: pd.DataFrame) -> Iterator[Notice]:
    """What outcomes leave out of the days around entry, as planned."""
    for outcome in dataset.plan.outcomes:
        if outcome.leave_out != (0, 0):
            use, _ = counted_once(dataset["service_use"])
            use = use[use["setting"] == outcome.setting]
            before, after = _sides(use, people, outcome.leave_out)
            early, late = outcome.leave_out
            text = f"Periods within {early} days before or {late} days after entry were left out of: {outcome.label}."
            yield from _notice((~before & ~after).sum(), text)


def use_of(cohort: Cohort, outcome: Outcome) -> pd.DataFrame:
    """Counts and person-years of an outcome's setting, by person, without the days around entry that it leaves out."""
    found = cohort.use
    if outcome.leave_out != (0, 0):
        use, _ = counted_once(cohort.dataset["service_use"])
        found = _both_sides(use, *_sides(use, cohort.people, outcome.leave_out))
    return found[found["setting"] == outcome.setting].set_index("person").drop(columns="setting")


def _totals(use: pd.DataFrame, count: str, years: str) -> pd.DataFrame:
    length = (use["until_on"] - use["from_on"]).dt.days / DAYS_PER_YEAR
    columns = {count: use["count"].astype(float), years: length, "person": use["person"], "setting": use["setting"]}
    return pd.DataFrame(columns).groupby(["person", "setting"])[[count, years]].sum()


def rows_of(cohort: Cohort, outcome: Outcome) -> pd.DataFrame:
    """Everybody in the study with what an estimator needs for one outcome; missing where it was not measured.

    Returns
    -------
    DataFrame
        By person: `arm`, `site`, the outcome's covariates, and `score` and `baseline`, or `count`, `years`,
        `baseline_count` and `baseline_years`.
    """
    people = facts_of(cohort, outcome)
    if outcome.setting:
        return people.join(use_of(cohort, outcome))
    score, baseline = (
        had(scores_at(cohort, outcome, timepoint), outcome.event).rename(name)
        for name, timepoint in (("score", str(outcome.timepoint)), ("baseline", cohort.plan.baseline.id))
    )
    return people.join(score).join(baseline)


def as_planned(rows: pd.DataFrame, outcome: Outcome) -> pd.DataFrame:
    """Rows as an estimator is to take them: without a baseline where the plan says that the outcome has none."""
    unplanned = [] if outcome.baseline else ["baseline", "baseline_count", "baseline_years"]
    return rows.drop(columns=unplanned, errors="ignore")


def had(scores: pd.Series[Any], event: Event | None) -> pd.Series[Any]:
    """Scores as they are, or where the outcome is an event: 1 for those who have it, 0 for those who have not."""
    if event is None:
        return scores
    reached = scores >= event.at_least if event.at_least is not None else scores <= event.at_most
    return reached.astype(float).where(scores.notna())


def long_rows_of(cohort: Cohort, outcome: Outcome) -> pd.DataFrame:
    """Every score of everybody, for estimators that follow people over time.

    Returns
    -------
    DataFrame
        One row a person and timepoint with a score, from the baseline on (after it, where the outcome has none):
        `person`, `arm`, `site`, `timepoint` (categories in the plan's order), `score`, and the outcome's covariates.
    """
    plan = cohort.plan
    first = (plan.baseline,) if outcome.baseline else ()
    order = [timepoint.id for timepoint in (*first, *plan.follow_ups)]
    found = of_scale(cohort.scores, outcome)[["person", "timepoint", "score"]]
    found = found[found["timepoint"].isin(order)]
    timed = found.assign(
        timepoint=pd.Categorical(found["timepoint"], order, ordered=True), score=had(found["score"], outcome.event)
    )
    return timed.join(facts_of(cohort, outcome), on="person")


def wide_rows_of(cohort: Cohort, outcome: Outcome) -> pd.DataFrame:
    """Everybody in the study with the scores of every timepoint, for estimators that impute what is missing.

    Returns
    -------
    DataFrame
        As `rows_of` (by person), with a column for each name of `auxiliaries` and `died`: whether the person had died
        by the end of the outcome's window. Who died on a day that was not recorded had.
    """
    rows = rows_of(cohort, outcome)
    timepoint = cohort.plan.timepoint(str(outcome.timepoint))
    closes = cohort.people["entered_on"] + pd.Timedelta(days=timepoint.day + timepoint.closes)
    rows["died"] = _left_by(cohort.people, closes) & (cohort.people["left_reason"] == "died")
    for name, other in auxiliaries(cohort.plan, outcome).items():
        rows[name] = scores_at(cohort, outcome, other).reindex(rows.index)
    return rows


def auxiliaries(plan: Plan, outcome: Outcome) -> dict[str, str]:
    """Columns with an outcome's scores at other timepoints than the baseline and its own, and those timepoints."""
    own = (plan.baseline.id, outcome.timepoint)
    others = [timepoint.id for timepoint in plan.timepoints if timepoint.id not in own]
    return {f"score at {id}": id for id in others}


def facts_of(cohort: Cohort, outcome: Outcome) -> pd.DataFrame:
    """Arm, site and the outcome's covariates of everybody, by person."""
    named = [c.name for c in cohort.plan.covariates if c.name in outcome.covariates and c.name not in ("arm", "site")]
    return cohort.people[["arm", "site", *named]]


def scores_at(cohort: Cohort, outcome: Outcome, timepoint: str) -> pd.Series[Any]:
    """The outcome's scores at one timepoint, by person."""
    found = of_scale(cohort.scores, outcome)
    return found[found["timepoint"] == timepoint].set_index("person")["score"]


def of_scale(scores: pd.DataFrame, outcome: Outcome) -> pd.DataFrame:
    """Rows of the scale, and value set if it has one, that an outcome names."""
    same = (scores["instrument"] == outcome.instrument) & (scores["scale"] == outcome.scale)
    if outcome.value_set is not None:
        same &= scores["value_set"] == outcome.value_set
    return scores[same]


def flow(cohort: Cohort, outcome: Outcome) -> pd.DataFrame:
    """What became of each person at each timepoint, for the scale that an outcome names.

    Returns
    -------
    DataFrame
        One row a person and timepoint: `arm`, `timepoint`, `measured` and, where not, `reason` in words.
    """
    parts = []
    for timepoint in cohort.plan.timepoints:
        measured = cohort.people.index.isin(scores_at(cohort, outcome, timepoint.id).index)
        reasons = _reasons(cohort, outcome, timepoint.id)
        closes = cohort.people["entered_on"] + pd.Timedelta(days=timepoint.day + timepoint.closes)
        left = _left_by(cohort.people, closes)
        why = cohort.people["left_reason"].map(codes.LEAVING_REASONS).fillna("Left, reason not recorded")
        reason = why.where(left, reasons.reindex(cohort.people.index)).fillna(NOT_RECORDED)
        columns = {"arm": cohort.people["arm"], "timepoint": timepoint.id, "measured": measured}
        parts.append(pd.DataFrame({**columns, "reason": reason.mask(measured)}))
    return pd.concat(parts).reset_index()


def _left_by(people: pd.DataFrame, day: pd.Series[Any]) -> pd.Series[bool]:
    """Who had left the study by a day; who left on a day that was not recorded may have left by any."""
    known = people["left_on"].notna()
    return (people["left_on"] <= day) | (~known & people["left_reason"].notna())


def _reasons(cohort: Cohort, outcome: Outcome, timepoint: str) -> pd.Series[Any]:
    """Why an instrument has no score at a timepoint, by person, as far as an assessment says so."""
    asked = cohort.dataset["assessments"]
    asked = asked[(asked["instrument"] == outcome.instrument) & (asked["timepoint"] == timepoint)]
    scored = of_scale(cohort.dataset["scores"], outcome).dropna(subset=["score"])["assessment"]
    without = asked["status"].map({"declined": "Declined", "missed": "Missed"}).fillna(NO_SCORE)
    reason = asked["missing_reason"].map(codes.MISSING_REASONS).fillna(without)
    reason = reason.mask(asked["assessment"].isin(scored), OUTSIDE_WINDOW)
    return pd.Series(reason.to_numpy(), index=asked["person"]).groupby(level=0).first()


def named_covariates(plan: Plan, outcome: Outcome) -> tuple[Covariate, ...]:
    """The covariates that an outcome's estimate adjusts for."""
    return tuple(covariate for covariate in plan.covariates if covariate.name in outcome.covariates)


def people_allocated(cohort: Cohort) -> bool:
    """Whether people, not sites, were allocated: by lot, or because nothing knows of any site."""
    return cohort.plan.design == "individually-randomised" or bool(cohort.people["site"].isna().all())


def in_each_arm(people: pd.DataFrame) -> pd.Series[int]:
    """How many rows are of each arm, none where an arm has nobody."""
    return people.groupby("arm").size().reindex(list(ROLES), fill_value=0)


def scales(plan: Plan) -> tuple[Outcome, ...]:
    """The first outcome on each scale, in plan order, the primary's scale first if it has one."""
    ordered = sorted((o for o in plan.outcomes if o.instrument), key=lambda outcome: not outcome.primary)
    first: dict[tuple[object, ...], Outcome] = {}
    for outcome in ordered:
        first.setdefault((outcome.instrument, outcome.scale, outcome.value_set), outcome)
    return tuple(first.values())
