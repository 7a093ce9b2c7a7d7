"""Tables about what was delivered: contacts, waiting, signposts, caseload."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from instruments import codes

from ..cohort import ROLES, Cohort
from ..contacts import each_person, only_counts
from ..estimators.product_limit import median_day
from ..result import Cell, Key, Sum, Table
from .cells import DASH, arm_columns, both_arms, mean_sd, median_quartiles, number, people
from .participants import study_key

MOST_DATES = 9
SAME_DAY = 0.5


def tables(cohort: Cohort) -> tuple[Table, ...]:
    """Every table about delivery for which the data have something."""
    found = [contacts(cohort), waiting(cohort), signposts(cohort), caseload(cohort)]
    return tuple(table for table in found if table is not None)


def contacts(cohort: Cohort) -> Table | None:
    """Contacts per person, by arm, over everybody in the arm."""
    if only_counts(cohort):
        return _counted_contacts(cohort)
    if cohort.dataset["contacts"].empty:
        return None
    made = cohort.dataset["contacts"].assign(arm=cohort.dataset["contacts"]["person"].map(cohort.people["arm"]))
    attended = made[made["attendance"] == "attended"]
    each = each_person(cohort)
    each["minutes"] = attended.groupby("person")["minutes"].sum().reindex(each.index).fillna(0).astype(float)
    rows = [
        *_per_person(each),
        ("Minutes with the person, per person: mean (SD)", both_arms(each, lambda arm, _: mean_sd(arm["minutes"], 0))),
        ("Minutes per attended contact: mean (SD)", both_arms(attended, lambda arm, _: mean_sd(arm["minutes"], 0))),
        *_split("Contacts", "attendance", made, codes.ATTENDANCES),
        *_split("Attended", "mode", attended, codes.CONTACT_MODES),
    ]
    sums = [*reached_sums(), *_split_sums("Contacts", "attendance", made), *_split_sums("Attended", "mode", attended)]
    return Table("contacts", "Contacts with link workers", arm_columns(cohort.plan), tuple(rows), tuple(sums))


def _counted_contacts(cohort: Cohort) -> Table:
    each = each_person(cohort)
    title = "Contacts with link workers (the source gives only their number)"
    return Table("contacts", title, arm_columns(cohort.plan), tuple(_per_person(each)), tuple(reached_sums()))


def _per_person(each: pd.DataFrame) -> list[tuple[str, tuple[Cell, ...]]]:
    def reached(met: bool) -> Any:
        return lambda arm, role: people(int(((arm["contacts"] > 0) == met).sum()), len(arm), reached_key(met, role))

    return [
        ("People in the study", both_arms(each, lambda arm, role: people(len(arm), key=study_key(role)))),
        ("With at least one attended contact", both_arms(each, reached(True))),
        ("With none", both_arms(each, reached(False))),
        ("Attended contacts per person: mean (SD)", both_arms(each, lambda arm, _: mean_sd(arm["contacts"]))),
        ("Attended contacts per person: median (quartiles)",
         both_arms(each, lambda arm, _: median_quartiles(arm["contacts"]))),
    ]  # fmt: skip


def reached_key(met: bool, role: str) -> Key:
    """The number of people of an arm with an attended contact, or with none."""
    return "reached", str(met), role


def reached_sums() -> Iterator[Sum]:
    """Those with a contact and those without make up an arm."""
    for role in ROLES.values():
        yield Sum(study_key(role), (reached_key(True, role), reached_key(False, role)))


def _split(label: str, column: str, frame: pd.DataFrame, words: Any) -> Iterator[tuple[str, tuple[Cell, ...]]]:
    """A total and its parts by code, for the codes that occur."""
    yield f"{label}, all", both_arms(frame, lambda arm, role: people(len(arm), key=(label, "all", role)))
    for code in (code for code in words if code in set(frame[column])):
        yield f"{label}: {words[code].lower()}", both_arms(frame, _code_cell(label, column, code))


def _code_cell(label: str, column: str, code: str) -> Any:
    def make(arm: pd.DataFrame, role: str) -> Cell:
        key, total = (label, code, role), (label, "all", role)
        return people(int((arm[column] == code).sum()), len(arm) or None, key, total)

    return make


def _split_sums(label: str, column: str, frame: pd.DataFrame) -> Iterator[Sum]:
    for role in ROLES.values():
        yield Sum((label, "all", role), tuple((label, code, role) for code in sorted(set(frame[column]))))


def waiting(cohort: Cohort) -> Table | None:
    """What became of referrals, and the days from referral to the first attended contact.

    Those who have not been met yet wait on: the median of everybody (Kaplan-Meier) counts them as long as they were
    waited for, to the end of the referral, to leaving, or to the last day on which anything was recorded.
    """
    referrals = cohort.dataset["referrals"]
    if referrals.empty:
        return None
    attended = cohort.dataset["contacts"]
    first = attended[attended["attendance"] == "attended"].groupby("referral")["contacted_on"].min()
    referrals = referrals.assign(
        arm=referrals["person"].map(cohort.people["arm"]),
        days=(referrals["referral"].map(first) - referrals["referred_on"]).dt.days,
        waited=_waited(cohort, referrals),
    )
    rows = [
        *_split("Referrals", "status", referrals, codes.REFERRAL_STATUSES),
        ("Days from referral to first attended contact: median (quartiles)",
         both_arms(referrals, lambda arm, _: median_quartiles(arm["days"]))),
        ("Days until half of all referred had been met (Kaplan-Meier): median (limits)",
         both_arms(referrals, lambda arm, _: _half_met(arm, cohort.plan.confidence))),
        ("Referrals without an attended contact", both_arms(referrals, _unmet)),
    ]  # fmt: skip
    sums, implied = [*_split_sums("Referrals", "status", referrals)], []
    for arm, role in ROLES.items():
        sums.append(Sum(("Referrals", "all", role), (_met_key(False, role), _met_key(True, role))))
        implied.append((_met_key(True, role), int(referrals.loc[referrals["arm"] == arm, "days"].count())))
    title = "From referral to first contact"
    return Table("waiting", title, arm_columns(cohort.plan), tuple(rows), tuple(sums), tuple(implied))


def _waited(cohort: Cohort, referrals: pd.DataFrame) -> pd.Series[Any]:
    """Days from each referral to the last on which a first contact could have been seen."""
    left_on = referrals["person"].map(cohort.people["left_on"])
    last = pd.Series(last_day(cohort), index=referrals.index)
    ends = pd.concat([referrals["closed_on"], left_on, last], axis=1).min(axis=1)
    return (ends - referrals["referred_on"]).dt.days


def _half_met(arm: pd.DataFrame, confidence: float) -> Cell:
    met = arm["days"].notna()
    days = arm["days"].where(met, arm["waited"]).astype(float).replace(0.0, SAME_DAY)
    known = days > 0
    if not met[known].any():
        return DASH
    median, low, high = median_day(days[known], met[known].astype(float), confidence)
    if math.isnan(median):
        return Cell("not reached", n=int(met.sum()))
    if math.isnan(low) or math.isnan(high):
        return Cell("{median:,.0f}", stats={"median": median}, n=int(met.sum()))
    stats = {"median": median, "conf_low": low, "conf_high": high}
    return Cell("{median:,.0f} ({conf_low:,.0f} to {conf_high:,.0f})", stats=stats, n=int(met.sum()))


def _met_key(met: bool, role: str) -> Key:
    return "met", str(met), role


def _unmet(arm: pd.DataFrame, role: str) -> Cell:
    return people(int(arm["days"].isna().sum()), len(arm) or None, _met_key(False, role), ("Referrals", "all", role))


def signposts(cohort: Cohort) -> Table | None:
    """Signposts by category of resource, and what came of them."""
    made = cohort.dataset["signposts"]
    if made.empty:
        return None
    category = cohort.dataset["resources"].set_index("resource")["category"]
    made = made.assign(category=made["resource"].map(category))
    outcomes = [code for code in codes.SIGNPOST_OUTCOMES if code in set(made["outcome"])]
    categories = [code for code in codes.RESOURCE_CATEGORIES if code in set(made["category"])]
    rows = [_signpost_row("all", "All", made, outcomes)]
    rows += [
        _signpost_row(code, codes.RESOURCE_CATEGORIES[code], made[made["category"] == code], outcomes)
        for code in categories
    ]
    sums = [
        Sum(("signposts", code, "all"), tuple(("signposts", code, o) for o in outcomes))
        for code in ["all", *categories]
    ]
    sums += [
        Sum(("signposts", "all", o), tuple(("signposts", code, o) for code in categories)) for o in ["all", *outcomes]
    ]
    columns = ("Signposts", *(codes.SIGNPOST_OUTCOMES[code] for code in outcomes))
    title = "Signposts to community resources and what came of them"
    return Table("signposts", title, columns, tuple(rows), tuple(sums), stub="Category")


def _signpost_row(code: str, label: str, made: pd.DataFrame, outcomes: list[str]) -> tuple[str, tuple[Cell, ...]]:
    total = ("signposts", code, "all")
    parts = (people(int((made["outcome"] == o).sum()), len(made), ("signposts", code, o), total) for o in outcomes)
    return label, (people(len(made), key=total), *parts)


def caseload(cohort: Cohort) -> Table | None:
    """People open to link workers for each full-time post, at the ends of quarters."""
    assignments, posts = cohort.dataset["assignments"], cohort.dataset["posts"]
    if assignments.empty or posts.empty:
        return None
    referrals = cohort.dataset["referrals"].set_index("referral")
    closed_on = assignments["referral"].map(referrals["closed_on"])
    ends = pd.concat([assignments["until_on"], closed_on], axis=1).min(axis=1)
    rows = []
    for date in _quarter_ends(cohort):
        held = (assignments["from_on"] <= date) & ~(ends <= date)
        open_people = int(assignments.loc[held, "referral"].map(referrals["person"]).nunique())
        fte = float(posts.loc[(posts["from_on"] <= date) & ~(posts["until_on"] <= date), "fte"].sum())
        rows.append((f"{date.day} {date:%B %Y}", _caseload_row(open_people, fte)))
    columns = ("People open", "Full-time equivalents in post", "People per full-time post")
    return Table("caseload", "Caseload", columns, tuple(rows), stub="Date")


def _caseload_row(open_people: int, fte: float) -> tuple[Cell, ...]:
    each = Cell("{per_fte:,.0f}", stats={"per_fte": open_people / fte}, n=open_people) if fte > 0 else DASH
    return people(open_people), number("fte", fte, "{:,.1f}"), each


def _quarter_ends(cohort: Cohort) -> list[pd.Timestamp]:
    """The ends of the last quarters between the first assignment and the last date on which anything happened."""
    first, last = cohort.dataset["assignments"]["from_on"].min(), last_day(cohort)
    return list(pd.date_range(first, last, freq="QE"))[-MOST_DATES:] or [last]


def last_day(cohort: Cohort) -> pd.Timestamp:
    """The last day on which a contact, an assessment, an assignment or a referral was recorded."""
    columns = [
        ("contacts", "contacted_on"), ("assessments", "assessed_on"), ("assignments", "from_on"),
        ("referrals", "referred_on"),
    ]  # fmt: skip
    last: pd.Timestamp = max(cohort.dataset[name][day].max() for name, day in columns if len(cohort.dataset[name]))
    return last
