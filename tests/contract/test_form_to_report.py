"""From a form to a finding: what is typed on pages comes out of the report, and nothing is lost or added on the way."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from analysis import compare, load, write
from analysis.cohort import assemble
from analysis.times import time_rows_of
from tests import world as worlds
from tests.unit.analysis import study
from tests.world import PASSWORD, World, days_ago
from tracker.actions import staff, studies
from tracker.export import export_bundle
from tracker.extensions import db
from tracker.models import Person, Referral

SITES = {"mill": "link-worker", "quay": "quay-worker", "pond": "pond-keeper", "reed": "reed-keeper"}
HELPED = ("mill", "quay")
PEOPLE_PER_SITE = 5


@dataclass
class Typed:
    """What was typed about one person."""

    site: str
    born: date
    sex: str
    before: dict[str, int]
    after: dict[str, int]
    minutes: int
    visits: tuple[int, int]
    admitted: int | None

    @property
    def age(self) -> int:
        return days_ago(190).year - self.born.year


@pytest.fixture
def app(sqlite_url: str, tmp_path: Path) -> Flask:
    made = worlds.application(sqlite_url, tmp_path)
    made.config["WTF_CSRF_ENABLED"] = False
    return made


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    """The small world, and a second practice without a link worker."""
    with app.app_context():
        made = worlds.build()
        with db.transaction():
            admin = made.user("administrator")
            reed = studies.create_site(by=admin, slug="reed", name="Reed Practice")
            made.sites["reed"] = reed.id
            studies.allocate(
                by=admin, study=made.study(), arm="comparison", site=reed, from_on=days_ago(800), method="geography"
            )
            keeper = staff.create_user(by=admin, email="reed-keeper@test.example", name="Reed", password=PASSWORD)
            staff.grant(by=admin, user=keeper, role="supervisor", study=made.study(), site=reed)
        yield made


def invented() -> list[Typed]:
    draw = random.Random(11)
    people = []
    for site in SITES:
        for _ in range(PEOPLE_PER_SITE):
            before = {f"i{n}": draw.randint(0, 3) for n in range(1, 10)}
            after = {item: max(0, answer - draw.randint(0, 1 + (site in HELPED))) for item, answer in before.items()}
            born = date(draw.randint(1940, 1990), draw.randint(1, 12), draw.randint(1, 28))
            people.append(
                Typed(
                    site,
                    born,
                    draw.choice(("female", "male")),
                    before,
                    after,
                    draw.choice((15, 30, 45)),
                    (draw.randint(1, 9), draw.randint(0, 6)),
                    None if len(people) % 2 else 7 + 9 * len(people),
                )
            )
    return people


def parts(name: str, day: date) -> dict[str, int]:
    return {f"{name}-day": day.day, f"{name}-month": day.month, f"{name}-year": day.year}


def send(client: FlaskClient, url: str, form: dict[str, Any]) -> None:
    response = client.post(url, data=form)
    assert response.status_code == 302, response.get_data(as_text=True)
    assert "sign-in" not in response.location


def type_in(client: FlaskClient, world: World, person: Typed, name: str) -> uuid.UUID:
    """Everything about one person, page by page."""
    form = {"name": name, "sex": person.sex, "research_consent": "y"}
    form |= parts("date_of_birth", person.born) | parts("entered_on", days_ago(190))
    if person.site in HELPED:
        form |= {"source": "gp", "status": "accepted"} | parts("referred_on", days_ago(190))
    send(client, f"/studies/{world.studies['garden']}/sites/{world.sites[person.site]}/people/new", form)
    id = db.session.scalars(select(Person.id).order_by(Person.recorded_at.desc()).limit(1)).one()
    for timepoint, answers, day in (("baseline", person.before, 188), ("6m", person.after, 5)):
        answered = {f"item-{item}": value for item, value in answers.items()} | parts("assessed_on", days_ago(day))
        answered |= {"mode": "in-person", "respondent": "self", "client_key": str(uuid.uuid4())}
        send(client, f"/people/{id}/assessments/phq9/{timepoint}", answered)
    used = [("gp", *period) for period in zip(person.visits, (555, 190), (190, 10), strict=True)]
    for setting, count, opens, closes in [*used, *admissions(person)]:
        use = {"setting": setting, "count": count, "source": "record-extract"}
        send(
            client,
            f"/people/{id}/attendance/new",
            use | parts("from_on", days_ago(opens)) | parts("until_on", days_ago(closes)),
        )
    if person.site in HELPED:
        referral = db.session.scalars(select(Referral.id).where(Referral.person_id == id)).one()
        contact = {
            "mode": "phone",
            "attendance": "attended",
            "minutes": person.minutes,
            "client_key": str(uuid.uuid4()),
        }
        send(client, f"/referrals/{referral}/contacts/new", contact | parts("contacted_on", days_ago(150)))
    return id


def admissions(person: Typed) -> list[tuple[str, int, int, int]]:
    """The time without an admission, and the day of the first one: (setting, number, from and until so many days ago)."""
    if person.admitted is None:
        return [("in-patient", 0, 190, 10)]
    day = 190 - person.admitted
    return [("in-patient", 0, 190, day), ("in-patient", 1, day, day - 1)]


@pytest.fixture
def typed(app: Flask, world: World) -> list[Typed]:
    """Twenty people typed in by the staff of their own sites. The world's own people leave the study's window."""
    people = invented()
    for site, name in SITES.items():
        client = app.test_client()
        client.post("/sign-in", data={"email": f"{name}@test.example", "password": PASSWORD})
        for number, person in enumerate(each for each in people if each.site == site):
            type_in(client, world, person, f"{site.title()} {number}")
    return people


@pytest.fixture
def bundle(world: World, typed: list[Typed], tmp_path: Path) -> Path:
    export_bundle(by=world.user("evaluator"), study=world.study(), folder=tmp_path / "bundle")
    return tmp_path / "bundle"


def by_hand(people: list[Typed]) -> float:
    """ANCOVA of the six-month total, straight from what was typed."""
    columns = [[1, each.site in HELPED, sum(each.before.values()), each.age, each.sex == "male"] for each in people]
    totals = [sum(each.after.values()) for each in people]
    solved, *_ = np.linalg.lstsq(np.array(columns, float), np.array(totals, float), rcond=None)
    return float(solved[1])


def test_what_was_typed_is_what_the_report_says(typed: list[Typed], bundle: Path, tmp_path: Path):
    dataset = load.read(bundle)
    assert sorted(dataset["contacts"]["minutes"]) == sorted(each.minutes for each in typed if each.site in HELPED)
    phq9 = dataset["scores"].query("instrument == 'phq9'")
    assert sorted(phq9["score"]) == sorted(
        float(sum(answers.values())) for each in typed for answers in (each.before, each.after)
    )
    comparison = compare(dataset)
    write(comparison, tmp_path / "report")
    estimates = pd.read_csv(tmp_path / "report" / "estimates.csv")
    (arm,) = estimates.query("outcome == 'phq9-6m' and term == 'arm'").to_dict("records")
    assert arm["estimate"] == pytest.approx(by_hand(typed), abs=1e-8)
    assert (arm["n_clusters"], arm["method"]) == (4, "ANCOVA, CR2 by site")


def test_attendances_arrive_with_their_person_time(typed: list[Typed], bundle: Path):
    use = load.read(bundle)["service_use"]
    use = use[use["setting"] == "gp"]
    assert use["count"].sum() == sum(sum(each.visits) for each in typed)
    assert set((use["until_on"] - use["from_on"]).dt.days) == {365, 180}


def test_admissions_typed_as_single_days_arrive_as_times_to_the_first(typed: list[Typed], bundle: Path, tmp_path: Path):
    plan = tmp_path / "plan.toml"
    shows = "\n[analysis]\nsmall_number = 0\n"
    plan.write_text((bundle / "plan.toml").read_text(encoding="utf-8") + study.ADMISSION + shows, encoding="utf-8")
    dataset = load.read(bundle, plan)
    rows = time_rows_of(assemble(dataset), dataset.plan.outcomes[-1])
    known = rows.dropna(subset=["days"])  # nothing was typed about admissions of the world's own people
    found = sorted(zip(known["arm"], known["days"], known["event"], strict=True))
    expected = sorted(
        (int(each.site in HELPED), float(each.admitted or 180), float(bool(each.admitted))) for each in typed
    )
    assert found == expected
    write(compare(dataset), tmp_path / "out")
    tables = pd.read_csv(tmp_path / "out" / "tables" / "times-admission.csv")
    counted = tables[(tables["row"] == "Had it by day 180") & (tables["statistic"] == "count")]["value"].astype(float)
    assert counted.sum() == sum(each.admitted is not None for each in typed)


def test_the_report_and_bundle_know_nobodys_name(typed: list[Typed], bundle: Path, tmp_path: Path):
    write(compare(load.read(bundle)), tmp_path / "report")
    files = [path for folder in (bundle, tmp_path / "report") for path in folder.rglob("*") if path.is_file()]
    everything = "\n".join(path.read_text(encoding="utf-8") for path in files)
    assert len(files) > 20
    for site in SITES:
        for number in range(PEOPLE_PER_SITE):
            assert f"{site.title()} {number}" not in everything
