"""An invented study, whole: every table of the contract filled, small enough to follow by eye."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from instruments import bundle
from tests import remembering

remembering.settle()

Rows = dict[str, list[dict[str, Any]]]

PLAN = """
[study]
id = "elmstead"
title = "Link workers in Elmstead"
design = "controlled-before-after"

[arms.link-worker]
label = "Link worker"
role = "intervention"

[arms.usual-care]
label = "Usual care"
role = "comparison"

[[timepoints]]
id = "baseline"
label = "Baseline"
day = 0

[[timepoints]]
id = "3m"
label = "3 months"
day = 91

[[timepoints]]
id = "6m"
label = "6 months"
day = 182

[covariates]
age = "number"
sex = "category"

[[outcomes]]
id = "eq5d-6m"
label = "EQ-5D value at 6 months"
primary = true
instrument = "eq5d-5l"
scale = "value"
value_set = "uk-2026-rowen"

[[outcomes]]
id = "phq9-6m"
label = "Depression at 6 months"
instrument = "phq9"

[[outcomes]]
id = "gp"
label = "GP attendances"
setting = "gp"
"""
FEW_DRAWS = "\n[analysis]\nimputations = 2\n"
SITES = {f"s{number}": "link-worker" if number <= 4 else "usual-care" for number in range(1, 9)}
PEOPLE_PER_SITE = 20
ENTRY = date(2024, 3, 1)
DAYS = {"baseline": 0, "3m": 91, "6m": 182}
SCALES = (("eq5d-5l", "value", "uk-2026-rowen", 0.6, 0.2, 3), ("phq9", "total", None, 11.0, 4.0, 0))


def tables(seed: int = 1) -> Rows:
    """Rows of every table, the same for the same seed."""
    dice = random.Random(seed)
    rows: Rows = {
        "arms": [
            {"arm": "link-worker", "label": "Link worker", "role": "intervention"},
            {"arm": "usual-care", "label": "Usual care", "role": "comparison"},
        ],
        "sites": [{"site": site, "list_size": 4000 + 500 * place} for place, site in enumerate(SITES)],
        "allocations": [
            {"arm": arm, "site": site, "from_on": ENTRY, "method": "geography"} for site, arm in SITES.items()
        ],
        "posts": [{"worker": "w1", "site": "s1", "fte": 0.8, "from_on": ENTRY}],
        "resources": [
            {"resource": "r1", "name": "Elmstead choir", "category": "arts-and-craft"},
            {"resource": "r2", "name": "Debt advice", "category": "welfare-and-debt"},
        ],
    }
    for site, arm in SITES.items():
        for place in range(PEOPLE_PER_SITE):
            _person(rows, dice, f"{site}-{place}", site, arm == "link-worker")
    return rows


def _person(rows: Rows, dice: random.Random, person: str, site: str, offered: bool) -> None:
    entered = ENTRY + timedelta(dice.randrange(60))
    facts = {"sex": dice.choice(["female", "male"]), "birth_year": dice.randrange(1935, 2000)}
    _add(rows, "people", person=person, site=site, entered_on=entered, ltc_count=dice.randrange(5), **facts)
    _add(rows, "consents", person=person, kind="research", given_on=entered)
    for instrument, scale, value_set, mean, spread, digits in SCALES:
        level = dice.gauss(0, spread / 2)
        for timepoint, day in DAYS.items():
            if timepoint == "baseline" or dice.random() < 0.8:
                score = round(mean + level + dice.gauss(0, spread / 2), digits)
                low, high = (-0.3, 1.0) if value_set else (0.0, 27.0)
                about = {"person": person, "instrument": instrument, "version": "1", "timepoint": timepoint}
                _score(rows, about, entered + timedelta(day), scale, value_set, min(max(score, low), high))
    for opens, closes in ((-365, 0), (0, 182)):
        period = {"from_on": entered + timedelta(opens), "until_on": entered + timedelta(closes)}
        _add(
            rows, "service_use", person=person, setting="gp", source="record-extract", count=dice.randrange(9), **period
        )
    if offered:
        _support(rows, dice, person, entered)


def _score(rows: Rows, about: Mapping[str, Any], day: date, scale: str, value_set: str | None, score: float) -> None:
    key = f"{about['person']}.{about['instrument']}.{about['timepoint']}"
    administered = {"assessed_on": day, "mode": "in-person", "respondent": "self", "status": "complete"}
    _add(rows, "assessments", assessment=key, **about, **administered)
    _add(rows, "scores", assessment=key, **about, scale=scale, value_set=value_set, score=score, origin="reported")


def _support(rows: Rows, dice: random.Random, person: str, entered: date) -> None:
    referral = f"ref-{person}"
    answer = {"source": "gp", "referred_on": entered, "status": "accepted"}
    _add(rows, "referrals", referral=referral, person=person, **answer)
    _add(rows, "assignments", referral=referral, worker="w1", from_on=entered)
    for place in range(dice.randrange(1, 6)):
        contact = f"c-{person}-{place}"
        attendance = "attended" if place != 1 else dice.choice(["attended", "did-not-attend", "cancelled"])
        how = {"mode": dice.choice(["home", "phone"]), "attendance": attendance, "minutes": 30 + 5 * place}
        day = entered + timedelta(7 + 14 * place)
        _add(rows, "contacts", contact=contact, person=person, referral=referral, worker="w1", contacted_on=day, **how)
    outcome = dice.choice(["attended", "did-not-attend", "unknown"])
    made = {"resource": dice.choice(["r1", "r2"]), "kind": "referral", "outcome": outcome, "signposted_on": day}
    _add(rows, "signposts", signpost=f"sign-{person}", person=person, contact=contact, **made)


def _add(rows: Rows, table: str, **row: Any) -> None:
    rows.setdefault(table, []).append(row)


ADMISSION = """
[[outcomes]]
id = "admission"
label = "First admission"
kind = "time-to-event"
setting = "in-patient"
until_day = 180
"""


def with_admissions(rows: Rows, seed: int = 5, daily: float = 0.004, deaths: float = 0.1) -> Rows:
    """The study with everybody followed for half a year to a first admission; some die before it."""
    dice = random.Random(seed)
    for person in rows["people"]:
        day, ends = int(dice.expovariate(daily)) + 1, dice.choice([182, 182, 182, 150])
        if day >= ends and dice.random() < deaths and not person.get("left_reason"):
            ends = dice.randrange(20, 150)
            person |= {"left_on": person["entered_on"] + timedelta(ends), "left_reason": "died"}
        use(rows, person, (0, min(day, ends), 0))
        if day < ends:
            use(rows, person, (day, day + 1, 1))
    return rows


def use(rows: Rows, person: Mapping[str, Any], *periods: tuple[int, int, int], **changed: Any) -> None:
    """Service use of a person: (from day, until day, number) after entry, of in-patients from their record."""
    about = {"person": person["person"], "setting": "in-patient", "source": "record-extract"} | changed
    for opens, closes, count in periods:
        between = {
            "from_on": person["entered_on"] + timedelta(opens),
            "until_on": person["entered_on"] + timedelta(closes),
        }
        _add(rows, "service_use", count=count, **between, **about)


def write(folder: Path, rows: Rows | None = None, plan: str = PLAN) -> Path:
    """The study as a bundle; `rows` and `plan` may have been changed."""
    bundle.write(folder, tables() if rows is None else rows, plan, made_by="an invented study")
    return folder
