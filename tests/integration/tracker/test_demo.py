"""The demo tells one story, by whomever it is made: whole, alive, signed into by its printed accounts, and without a name."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest
from frictionless import Package
from sqlalchemy import func, select

from instruments import bundle, plan
from instruments.dataset import TABLES
from tests.server import PATIENCE, Served, Visitor, serving, surroundings
from tracker import config, create_app, demo
from tracker.actions import audit
from tracker.extensions import db
from tracker.models import Contact, Identity, Person, Post, Referral, Site, Study, User
from tracker.queries import command

NAMES_OF_ROWS = {  # pseudonyms: keyed, so different in every installation
    "person", "referral", "worker", "contact", "resource", "signpost", "assessment",
}  # fmt: skip


@dataclass(frozen=True)
class Made:
    """A demo that was made, and what making it printed."""

    data: Path
    said: str

    @property
    def password(self) -> str:
        return (self.data / "demo-password.txt").read_text(encoding="utf-8").strip()

    def rows(self, table: str) -> list[dict[str, str]]:
        with (self.data / "bundle" / f"{table}.csv").open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Made, Made]:
    """Two demos, made at the same time by two strangers."""
    folders = [tmp_path_factory.mktemp(name) / "demo" for name in ("one", "other")]
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tracker", "demo"], env=surroundings(folder), stderr=subprocess.PIPE, text=True
        )
        for folder in folders
    ]
    said = [process.communicate(timeout=15 * PATIENCE)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0], said
    return Made(folders[0], said[0]), Made(folders[1], said[1])


@pytest.fixture(scope="module")
def made(both: tuple[Made, Made]) -> Made:
    return both[0]


@pytest.fixture
def opened(made: Made) -> Iterator[Made]:
    with create_app(config.load(made.data)).app_context():
        yield made


@pytest.fixture(scope="module")
def served(made: Made) -> Iterator[Served]:
    with serving(made.data, None, "--demo") as running:
        yield running


def story(made: Made, table: str) -> Counter[tuple[tuple[str, str], ...]]:
    """The rows of a table without the pseudonyms, in no order."""
    return Counter(
        tuple((name, value) for name, value in row.items() if name not in NAMES_OF_ROWS) for row in made.rows(table)
    )


@pytest.mark.parametrize("table", TABLES)
def test_two_strangers_are_told_the_same_story(both: tuple[Made, Made], table: str):
    one, other = (story(made, table) for made in both)
    assert one == other
    assert sum(one.values()) > 0 or table in ("characteristics", "site_use")


def test_nobody_has_the_same_pseudonym_in_two_installations(both: tuple[Made, Made]):
    one, other = ({row["person"] for row in made.rows("people")} for made in both)
    assert len(one) == len(other)
    assert one & other == set()


def test_no_two_installations_share_a_key_or_a_password(both: tuple[Made, Made]):
    one, other = (json.loads((made.data / config.KEYS_FILE).read_text(encoding="utf-8")) for made in both)
    assert set(one.values()) & set(other.values()) == set()
    assert both[0].password != both[1].password
    assert [len(each) for each in one.values()] == [64] * 5


def test_its_folder_is_for_its_owner_alone(made: Made):
    assert made.data.stat().st_mode & 0o077 == 0
    for name in (config.KEYS_FILE, "demo-password.txt"):
        assert (made.data / name).stat().st_mode & 0o077 == 0


def test_progress_counts_up_to_everybody(made: Made):
    counted = [(int(done), int(total)) for done, total in re.findall(r"outcomes: (\d+)/(\d+)", made.said)]
    assert counted == sorted(counted)
    assert counted[-1][0] == counted[-1][1] == 8 * demo.PEOPLE_PER_SITE + 4 * demo.NEWCOMERS
    assert made.password not in made.said


def test_another_program_accepts_its_bundle(made: Made):
    report = Package(str(made.data / "bundle" / "datapackage.json")).validate()
    assert report.valid, report.flatten(["title", "message"])


def test_its_bundle_keeps_the_contract_cell_by_cell(made: Made):
    for name, table in TABLES.items():
        for row in made.rows(name):
            for column in table.columns:
                column.parse(bundle.uncell(row[column.name]))


def test_its_trail_is_whole_and_has_a_line_for_everything(opened: Made):
    events = list(command.trail(by=None))
    assert list(audit.faults(iter(events))) == []
    lines = Counter(event.action for event in events)
    for action, kind in (("add_person", Person), ("record_contact", Contact), ("record_referral", Referral)):
        assert lines[action] == db.session.scalar(select(func.count()).select_from(kind)), action
    assert lines["export"] == 1


def test_nothing_of_its_invented_people_is_in_the_bundle(opened: Made):
    everything = "\n".join(path.read_text(encoding="utf-8") for path in (opened.data / "bundle").iterdir())
    identities = db.session.scalars(select(Identity)).all()
    assert len(identities) > 150
    for identity in identities:
        for fact in (identity.name, identity.nhs_number, identity.date_of_birth, identity.phone):
            assert fact not in everything
    for user in db.session.scalars(select(User)):
        assert user.email not in everything
        assert user.name not in everything
    for kind in (Person, User, Referral, Contact):
        assert [id for id in db.session.scalars(select(kind.id)) if str(id) in everything or id.hex in everything] == []


def test_the_story_has_what_a_comparison_needs(opened: Made):
    """Two arms of sites, everybody in the cohort or a newcomer, losses with reasons, three timepoints."""
    study = db.session.scalars(select(Study)).one()
    parsed = plan.parse(study.plan_text)
    assert study.locked_at is not None
    assert Counter(row["arm"] for row in opened.rows("allocations")) == {"intervention": 4, "comparison": 4}
    inside = [
        row for row in opened.rows("people")
        if parsed.enrolled_from <= date.fromisoformat(row["entered_on"]) <= parsed.enrolled_until
    ]  # fmt: skip
    assert Counter(row["site"] for row in inside) == dict.fromkeys((slug for slug, *_ in demo.SITES), 22)
    asked = opened.rows("assessments")
    assert {row["timepoint"] for row in asked} == {"baseline", "3m", "6m"}
    lost = [row for row in asked if row["status"] == "missed"]
    assert 0.02 < len(lost) / len(asked) < 0.3
    assert all(row["missing_reason"] for row in lost)


def test_nothing_in_the_story_lies_ahead_of_today(opened: Made):
    tomorrow = date.today() + timedelta(1)  # noqa: DTZ011
    for name, table in TABLES.items():
        days = [column.name for column in table.columns if column.type == "date"]
        late = [row[day] for row in opened.rows(name) for day in days if row[day] > tomorrow.isoformat()]
        assert late == [], name


def test_every_link_worker_has_a_living_caseload_and_a_post(opened: Made):
    posts = Counter(db.session.scalars(select(Post.user_id)))
    open_now = select(func.count()).select_from(Referral).where(Referral.closed_on.is_(None))
    assert sorted(posts.values()) == [2, 2]
    assert 10 <= (db.session.scalar(open_now) or 0) <= 120
    assert db.session.scalar(select(func.sum(Post.fte))) == pytest.approx(1.8)
    assert db.session.scalar(select(func.count()).select_from(Site)) == len(demo.SITES)


def test_its_people_are_nobody(opened: Made):
    """NHS numbers that are never given out, and telephone numbers kept for films."""
    for identity in db.session.scalars(select(Identity)):
        assert identity.nhs_number.startswith("999")
        assert identity.phone.startswith("07700 900")


def test_every_account_it_prints_can_sign_in(served: Served, made: Made):
    lines = [served.process.stdout.readline() for _ in range(1 + len(list(demo.accounts())))]
    (password,) = re.findall(r"password  (\S+)  as one of", lines[0])
    emails = re.findall(r"\S+@demo\.example", "".join(lines))
    assert emails == [email for email, _ in demo.accounts()]
    assert password == made.password
    seen = {}
    for email in emails:
        visitor = Visitor(served.address)
        visitor.sign_in(email, password)
        status, page, headers = visitor.open("/")
        seen[email] = page if status == 200 else visitor.look(headers["Location"])
    assert "Caseload" in seen["worker@demo.example"]
    assert "Demo study" in seen["evaluator@demo.example"]
    assert "Robin Carter" in seen["admin@demo.example"]
