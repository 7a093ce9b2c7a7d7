"""The wording of instruments with slots: only administrators add and switch it, and only when it is on it is printed."""

from __future__ import annotations

import hashlib
import re

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from instruments import get, wording
from tests.world import PASSWORD, World, assessment, days_ago, draft
from tracker import cli
from tracker.actions import wordings as actions
from tracker.actions.refusal import Conflict, Refused
from tracker.extensions import db
from tracker.models import AuditEvent, Wording
from tracker.permissions import Forbidden
from tracker.queries import occasions, people, wordings
from tracker.queries.scope import NotFound

EQ5D = get("eq5d-5l")
TEXT = re.sub('""', '"Invented words"', wording.template(EQ5D))


def add(world: World, text: str = TEXT, by: str = "administrator") -> Wording:
    with db.transaction():
        return actions.add_wording(by=world.user(by), instrument=EQ5D, text=text)


def switch(world: World, kept: Wording, *, active: bool = True, by: str = "administrator") -> None:
    with db.transaction():
        actions.switch_wording(by=world.user(by), kept=kept, version=kept.version, active=active)


def asked(world: World, who: str = "link-worker") -> list[str | None]:
    """The questions of the EQ-5D as that person's form prints them; None where a slot stands."""
    found = occasions.occasions(world.person("own"), by=world.user(who))
    eq5d = next(each.instrument for each in found if each.instrument.id == "eq5d-5l")
    return [item.text for item in eq5d.items]


def test_wording_is_off_until_it_is_switched_on_and_can_be_switched_off_again(world: World):
    kept = add(world)
    assert set(asked(world)) == {None}
    switch(world, kept)
    for who in ("link-worker", "outcome-assessor", "supervisor"):
        assert set(asked(world, who)) == {"Invented words"}
    switch(world, kept, active=False)
    assert set(asked(world)) == {None}


def test_wording_that_is_replaced_is_off_again_because_nobody_has_looked_at_it(world: World):
    switch(world, add(world))
    add(world, TEXT.replace("Invented words", "Other words"))
    assert set(asked(world)) == {None}
    assert db.session.scalar(select(func.count()).select_from(Wording)) == 1


def test_wording_changes_what_is_read_and_no_score(world: World):
    with db.transaction():
        made = assessment(world, "eq5d-5l")
    before = people.scores(made, by=world.user("link-worker"))
    switch(world, add(world))
    assert people.scores(made, by=world.user("link-worker")) == before


@pytest.mark.parametrize("name", ["link-worker", "outcome-assessor", "supervisor", "evaluator"])
def test_only_administrators_add_switch_and_read_wordings(world: World, name: str):
    with pytest.raises(Forbidden):
        add(world, by=name)
    kept = add(world)
    with pytest.raises(Forbidden):
        switch(world, kept, by=name)
    with pytest.raises(NotFound):
        wordings.wording_of(EQ5D, by=world.user(name))
    assert wordings.installed(by=world.user(name)) == {("eq5d-5l", "1"): False}


def test_wording_that_does_not_fit_is_refused_with_every_fault_and_nothing_is_kept(world: World):
    bad = TEXT.replace("{ 1 =", '{ 9 = "None", 1 =', 1).replace('notice = "Invented words"', 'notice = "x"')
    with pytest.raises(Refused, match="there is no option 9; allowed: 1, 2, 3, 4, 5") as refused:
        add(world, bad.split('[items."vas"]', maxsplit=1)[0])
    assert refused.value.message.count("\n") == 1
    assert db.session.scalar(select(func.count()).select_from(Wording)) == 0


def test_two_administrators_do_not_switch_past_each_other(world: World):
    kept = add(world)
    seen = kept.version
    switch(world, kept)
    with pytest.raises(Conflict, match="Somebody else changed this record"), db.transaction():
        actions.switch_wording(by=world.user("administrator"), kept=kept, version=seen, active=False)


def test_the_trail_says_who_added_and_switched_and_not_the_words(world: World):
    switch(world, add(world))
    events = db.session.scalars(
        select(AuditEvent).where(AuditEvent.table_name == "wording").order_by(AuditEvent.number)
    ).all()
    assert [each.action for each in events] == ["add_wording", "switch_wording"]
    assert {each.actor_id for each in events} == {world.users["administrator"]}
    assert not [each for each in events if "Invented words" in f"{each.before}{each.after}"]
    assert hashlib.sha256(TEXT.encode()).hexdigest() in (events[0].after or "")


def test_a_form_begun_with_labels_goes_on_with_words(world: World):
    """A draft keeps answers and the version of the instrument, not what was printed."""
    with db.transaction():
        draft(world, {"mo": 2}, instrument="eq5d-5l")
    switch(world, add(world))
    found = occasions.occasions(world.person("own"), by=world.user("link-worker"))
    (begun,) = [each for each in found if each.draft]
    assert (begun.draft.answers, begun.instrument.items[0].text) == ({"mo": 2}, "Invented words")
    assert begun.state(days_ago(0)) in ("due", "overdue", "later")


# ------------------------------------------------------------------------------------------ the command


@pytest.fixture
def run(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TRACKER_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("TRACKER_PASSWORD", PASSWORD)
    monkeypatch.delenv("TRACKER_DATABASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)

    def call(*words: str, code: int = 0) -> str:
        asker = () if words[0] == "setup" else ("--as", "ada@test.example")
        result = CliRunner().invoke(cli.commands, [*words, *asker])
        assert result.exit_code == code, result.output
        return result.output

    call("setup", "--email", "ada@test.example", "--name", "Ada")
    return call


def test_the_command_adds_switches_and_lists(run, tmp_path):
    (tmp_path / "words.toml").write_text(TEXT, encoding="utf-8")
    assert "No wording was added" in run("wording", "list")
    assert run("wording", "add", "words.toml") == "The wording of eq5d-5l, version 1, was added. It is off.\n"
    assert run("wording", "on", "eq5d-5l") == "The wording of eq5d-5l is on.\n"
    assert re.search(r"eq5d-5l +version 1 +on", run("wording", "list"))
    assert run("wording", "off", "eq5d-5l") == "The wording of eq5d-5l is off.\n"


def test_the_command_says_what_is_wrong_and_leaves_everything_as_it_was(run, tmp_path):
    (tmp_path / "bad.toml").write_text(TEXT.replace("notice", "notices"), encoding="utf-8")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    assert "bad.toml: notices: is not a known field" in run("wording", "add", "bad.toml", code=2)
    assert "binary.toml: is not text in UTF-8; save it as UTF-8" in run("wording", "add", "binary.toml", code=2)
    assert "who5: no wording was added" in run("wording", "on", "who5", code=2)
    assert "is not known" in run("wording", "on", "nobody", code=2)
    assert "No wording was added" in run("wording", "list")
