"""Somebody else's directory, from a file: previewed, all of it or nothing, the same the second time; and hostile files."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests.world import World, days_ago
from tracker.actions import directory
from tracker.extensions import db, today
from tracker.models import AuditEvent, Resource
from tracker.open_referral import bringing, files
from tracker.open_referral.entries import read
from tracker.open_referral.files import Found, Unreadable
from tracker.permissions import Forbidden

DAY = date(2026, 6, 1)
ONE, TWO = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))


def term(name: str) -> dict[str, Any]:
    return {"attributes": [{"id": "a", "taxonomy_term": {"id": "t", "name": name}}]}


def service(id: str = ONE, name: str = "Choir", **more: object) -> dict[str, Any]:
    return {"id": id, "name": name, "status": "active"} | more


WHOLE = service(
    TWO,
    "Talking it over",
    description="<p>Six <b>sessions</b>.</p><script>alert(1)</script><ul><li>Free tea</li></ul>",
    url="https://talk.test.example",
    email="talk@test.example",
    minimum_age=18,
    assured_date="2025-03-31T10:00:00Z",
    organization={"id": "o", "name": "Elmstead Counselling", "description": "", "website": "https://org.test.example"},
    contacts=[{"id": "c", "phones": [{"id": "p", "number": "01632 960 055"}]}],
    schedules=[
        {"id": "s", "byday": "MO,TH", "opens_at": "09:30:00", "closes_at": "16:00:00"},
        {"id": "r", "description": "Not in August"},
    ],
    service_areas=[{"id": "a", "name": "North"}, {"id": "b", "service_area": "Old Town"}],
    cost_options=[{"id": "k", "amount": 5, "amount_description": "a session", "option": "if you can"}],
    service_at_locations=[
        {"id": "l", "location": {"id": "m", "addresses": [
            {"address_1": "4 Church Lane", "address_2": "First floor", "city": "Elmstead", "postal_code": "EX1 0AB"}
        ]}}
    ],
    **term("Counselling"),
)  # fmt: skip


def write(folder: Path, value: object, name: str = "services.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def zipped(folder: Path, members: dict[str, bytes | str], name: str = "services.zip") -> Path:
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return folder / name


def look(world: World, path: Path, by: str = "administrator") -> bringing.Preview:
    return bringing.preview(by=world.user(by), study=world.study(), found=files.services(path))


def bring(world: World, path: Path, by: str = "administrator") -> dict[str, int]:
    with db.transaction():
        planned = look(world, path, by)
        return bringing.bring_in(by=world.user(by), study=world.study(), planned=planned)


def entry(id: str = ONE) -> Resource:
    return db.session.scalars(select(Resource).where(Resource.open_referral_id == id)).one()


def count(kind: type = Resource) -> int:
    return db.session.scalar(select(func.count()).select_from(kind)) or 0


def refused(path: Path) -> str:
    with pytest.raises(Unreadable) as unreadable:
        files.services(path)
    return str(unreadable.value)


# ------------------------------------------------------------------------------- what an entry says


def test_an_entry_keeps_everything_that_the_directory_has_a_place_for(world: World, tmp_path: Path):
    assert bring(world, write(tmp_path, {"contents": [WHOLE]})) == {"added": 1, "changed": 0, "skipped": 0}
    made = entry(TWO)
    assert (made.name, made.category, made.provider, made.area) == (
        "Talking it over", "counselling", "Elmstead Counselling", "North, Old Town"
    )  # fmt: skip
    assert made.description == "Six sessions.\nFree tea"
    assert (made.phone, made.email, made.website) == ("01632 960 055", "talk@test.example", "https://talk.test.example")
    assert made.opening_times == "Monday, Thursday, 09:30 to 16:00\nNot in August"
    assert (made.cost, made.eligibility) == ("£5 a session if you can", "Ages from 18")
    assert (made.address, made.town, made.postcode) == ("4 Church Lane, First floor", "Elmstead", "EX1 0AB")
    assert made.checked_on.isoformat() == "2025-03-31"
    assert (made.capacity, made.study_id) == ("open", world.studies["garden"])


@pytest.mark.parametrize(
    ("named", "category"),
    [
        ("counselling", "counselling"), ("Welfare and debt advice", "welfare-and-debt"), ("Talking therapies", "counselling"),
        ("Debt management", "welfare-and-debt"), ("Walks for health", "exercise"), ("Support for carers", "carers"),
        ("Housing advice", "housing"), ("Gardening", "nature"), ("Arts", "arts-and-craft"), ("Start here", "other"), ("", "other"),
        ("Smart meters", "other"),
    ],
)  # fmt: skip
def test_categories_of_others_are_known_by_their_words_and_else_stand_under_other(named: str, category: str):
    made, faults = read(Found("x", service(**term(named))), DAY)
    assert faults == []
    assert made.facts["category"] == category
    assert bool(made.notes) == (category == "other")


def test_an_unknown_category_is_named_in_the_note():
    made, _ = read(Found("x", service(**term("Falconry"))), DAY)
    assert made.notes == ("'Falconry' is not one of our categories: it stands under Other",)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"url": "javascript:alert(1)"}, "website"), ({"url": "www.example.org"}, "website"), ({"email": "nobody"}, "email"),
        ({"email": "a@b.example?bcc=c@d.example"}, "email"), ({"phones": [{"number": "ask inside"}]}, "phone"),
        ({"url": "https://x.example/" + "a" * 600}, "website"),
    ],
)  # fmt: skip
def test_a_contact_detail_that_cannot_be_one_is_left_out_with_a_note(more: dict[str, Any], field: str):
    made, faults = read(Found("x", service(**term("Arts"), **more)), DAY)
    assert faults == []
    assert field not in made.facts
    assert made.notes == (f"{field} is not one and is left out",)


def test_a_text_that_is_too_long_is_cut_with_a_note():
    made, _ = read(Found("x", service(name="n" * 300, description="d" * 5000, **term("Arts"))), DAY)
    assert (len(made.facts["name"]), len(made.facts["description"])) == (200, 2000)
    assert [note.partition(" ")[0] for note in made.notes] == ["name", "description"]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("text", "is not a service; each must be an object with an id and a name"),
        (None, "is not a service; each must be an object with an id and a name"),
        ({"name": "A", "status": "active"}, "id is missing"), (service(id=""), "id is missing"), (service(id=True), "id is missing"),
        (service(id="x" * 101), "id is missing or longer than 100 characters"), (service(id={"a": 1}), "id is missing"),
        (service(name=""), "name is missing or no text"), (service(name=7), "name is missing or no text"), (service(name=["A"]), "name is missing"),
        (service(name="<script>alert(1)</script>"), "name is missing or no text"),
        (service(status="open"), "status has an unexpected value; use one of: active, inactive"), (service(status=[]), "status has an unexpected"),
        (service(assured_date="31/03/2025"), "assured_date is not a date; write it as 2026-01-05"),
        (service(assured_date="2999-01-01"), "assured_date lies in the future; correct it"),
        (service(assured_date={"a": 1}), "assured_date is not a date"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_says_where_and_why(value: object, says: str):
    made, faults = read(Found("f.json entry 3", value), DAY)
    assert made is None
    assert any(fault.startswith(f"f.json entry 3: {says}") for fault in faults), faults


@pytest.mark.parametrize("junk", [None, 7, "x", True, [], [[]], [None], {}, {"a": {}}, [{"location": []}], "\x00", "\ud800", 1e308, 10**400])  # fmt: skip
def test_nonsense_in_a_place_that_is_not_needed_breaks_nothing(junk: object):
    places = (
        "organization", "contacts", "phones", "schedules", "service_areas", "cost_options", "service_at_locations", "attributes",
        "description", "url", "email", "fees", "minimum_age", "maximum_age", "eligibility_description", "service_taxonomys",
    )  # fmt: skip
    made, faults = read(Found("x", service(**dict.fromkeys(places, junk))), DAY)
    assert faults == []
    assert made.name == "Choir"


# ------------------------------------------------------------------------------ shapes of a file


@pytest.mark.parametrize(
    "value",
    [
        service(), [service()], {"contents": [service()]}, {"content": [service()]}, {"services": [service()]},
        {"id": "o", "name": "Org", "description": "", "services": [{"id": ONE, "name": "Choir", "status": "active"}]},
        {"id": "l", "location": {"id": "m"}, "service": service()}, [[service()]],
        [service(), {"id": "t", "name": "Term", "taxonomy": "x"}, {"version": "HSDS-UK-3.0", "openapi_url": "x"}],
        [service(), {"id": "o", "name": "Org", "description": "", "website": "https://a.example"}],
    ],
)  # fmt: skip
def test_services_are_found_in_every_shape_of_the_standard(tmp_path: Path, value: object):
    (found,) = files.services(write(tmp_path, value))
    assert (found.value["id"], found.value["name"]) == (ONE, "Choir")


def test_services_inside_their_organization_know_who_runs_them(world: World, tmp_path: Path):
    bring(world, write(tmp_path, {"id": "o", "name": "The Kiln", "description": "", "services": [service()]}))
    assert entry().provider == "The Kiln"


def test_a_service_at_a_location_keeps_its_address(world: World, tmp_path: Path):
    here = {"id": "l", "location": {"id": "m", "addresses": [{"address_1": "4 Mill Lane", "city": "Elmstead"}]}}
    bring(world, write(tmp_path, here | {"service": service()}))
    assert (entry().address, entry().town) == ("4 Mill Lane", "Elmstead")


def test_a_folder_and_a_zip_say_the_same(tmp_path: Path):
    folder = tmp_path / "feed"
    (folder / "deep").mkdir(parents=True)
    write(folder, service(ONE), "one.json")
    write(folder / "deep", service(TWO), "two.json")
    (folder / "notes.txt").write_text("not JSON")
    packed = zipped(tmp_path, {
        "one.json": json.dumps(service(ONE)), "deep/two.json": json.dumps(service(TWO)), "notes.txt": "not JSON",
        "__MACOSX/._one.json": b"\x00\x05",
    })  # fmt: skip
    for path in (folder, packed):
        assert {each.value["id"] for each in files.services(path)} == {ONE, TWO}


def test_a_mark_at_the_beginning_of_the_file_is_no_matter(tmp_path: Path):
    path = tmp_path / "services.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps([service()]).encode())
    assert len(files.services(path)) == 1


# ------------------------------------------------------------------------------- preview and again


def test_a_preview_says_what_would_be_done_and_why_not_and_writes_nothing(world: World, tmp_path: Path):
    bring(world, write(tmp_path, [service(ONE), service(TWO, "Quilting", status="active")]))
    before = (count(), count(AuditEvent))
    planned = look(world, write(tmp_path, [
        service(ONE, "Choir of Elmstead"), service(TWO, "Quilting"), service("3", "New"), service("4", "Gone", status="defunct"),
        service("3", "New"),
    ]))  # fmt: skip
    db.session.rollback()
    assert [each.name for each in planned.added] == ["New"]
    assert [(each.entry.name, each.differences) for each in planned.changed] == [
        ("Choir of Elmstead", {"name": ("Choir", "Choir of Elmstead")})
    ]
    assert [(each.name, why) for each, why in planned.skipped] == [
        ("Quilting", "is in the directory as it is"),
        ("Gone", "is closed, and not in the directory"),
        ("New", "stands in the file twice"),
    ]
    assert (count(), count(AuditEvent)) == before


def test_the_same_file_changes_nothing_the_second_time(world: World, tmp_path: Path):
    path = write(tmp_path, {"contents": [WHOLE, service()]})
    assert bring(world, path)["added"] == 2
    versions = (entry().version, entry(TWO).version)
    assert bring(world, path) == {"added": 0, "changed": 0, "skipped": 2}
    assert (entry().version, entry(TWO).version) == versions


def test_what_staff_of_the_study_know_stays(world: World, tmp_path: Path):
    path = write(tmp_path, [service(assured_date="2025-01-01", email="a@test.example")])
    bring(world, path)
    with db.transaction():
        mine = {"category": "arts-and-craft", "checked_on": days_ago(3), "capacity": "full", "cost": "£2"}
        directory.edit_resource(by=world.user("link-worker"), resource=entry(), version=entry().version, changes=mine)
    assert bring(world, path)["skipped"] == 1
    made = entry()
    assert (made.category, made.checked_on, made.capacity, made.cost) == ("arts-and-craft", days_ago(3), "full", "£2")


def test_a_service_that_ended_closes_its_entry(world: World, tmp_path: Path):
    bring(world, write(tmp_path, [service()]))
    assert bring(world, write(tmp_path, [service(status="temporarily closed")]))["changed"] == 1
    assert entry().capacity == "closed"


def test_our_own_feed_brought_back_adds_nothing(app: Flask, world: World, tmp_path: Path):
    app.config["PUBLIC_DIRECTORY"] = "garden"
    answer = app.test_client().get("/api/open-referral/services?full=true").get_json()
    planned = look(world, write(tmp_path, answer))
    assert planned.added == []
    assert [set(each.differences) for each in planned.changed] in ([], [{"website"}])


def test_a_feed_of_another_installation_comes_over_with_its_categories(app: Flask, world: World, tmp_path: Path):
    with db.transaction():
        directory.add_resource(
            by=world.user("orchard-worker"), study_id=world.studies["orchard"], name="Dig", category="nature",
            details={"phone": "01632 960 001", "town": "Elmstead", "opening_times": "Saturdays"},
        )  # fmt: skip
    app.config["PUBLIC_DIRECTORY"] = "orchard"
    bring(world, write(tmp_path, app.test_client().get("/api/open-referral/services?full=true").get_json()))
    made = db.session.scalars(
        select(Resource).where(Resource.name == "Dig", Resource.study_id == world.studies["garden"])
    ).one()
    assert (made.category, made.phone, made.town, made.opening_times) == (
        "nature",
        "01632 960 001",
        "Elmstead",
        "Saturdays",
    )


# ------------------------------------------------------------------------------- all or nothing


def test_every_bad_row_is_listed_and_nothing_is_written(world: World, tmp_path: Path):
    path = write(tmp_path, {"contents": [service(), service(TWO, ""), "text", service("3", status="x")]})
    before = (count(), count(AuditEvent))
    with pytest.raises(Unreadable) as unreadable:
        bring(world, path)
    assert [fault.partition(": ")[0] for fault in unreadable.value.faults] == [
        "services.json entry 2", "services.json entry 3", "services.json entry 4"
    ]  # fmt: skip
    assert (count(), count(AuditEvent)) == before


def test_one_id_for_two_services_is_a_fault_that_names_both(world: World, tmp_path: Path):
    with pytest.raises(Unreadable, match=r"entry 2: has the id of services\.json entry 1 and says something else"):
        bring(world, write(tmp_path, [service(), service(name="Another")]))
    assert count() == 2


def test_an_import_that_fails_half_way_leaves_nothing(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    before = count()
    monkeypatch.setattr(bringing, "write_event", lambda **_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        bring(world, write(tmp_path, [service()]))
    db.session.rollback()
    assert count() == before


@pytest.mark.parametrize("who", ["link-worker", "outcome-assessor", "evaluator", "orchard-worker"])
def test_a_directory_is_brought_in_by_supervisors_and_administrators_only(world: World, tmp_path: Path, who: str):
    with pytest.raises(Forbidden):
        bring(world, write(tmp_path, [service()]), by=who)
    assert bring(world, write(tmp_path, [service()]), by="supervisor")["added"] == 1


def test_an_import_is_a_line_in_the_trail_and_so_is_each_entry(world: World, tmp_path: Path):
    bring(world, write(tmp_path, [service(), service(TWO)]))
    events = db.session.scalars(select(AuditEvent.action).order_by(AuditEvent.number.desc()).limit(3)).all()
    assert events == ["import_directory", "add_resource", "add_resource"]


# --------------------------------------------------------------------------------- hostile files


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path):
    bomb = zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED)
    with bomb, bomb.open("bomb.json", "w") as member:
        for _ in range(60):
            member.write(b" " * 1_000_000)
    assert (tmp_path / "bomb.zip").stat().st_size < 100_000
    assert "larger than 50 MB" in refused(tmp_path / "bomb.zip")


def test_a_zip_of_too_many_files_is_refused(tmp_path: Path):
    assert "5,000 files" in refused(zipped(tmp_path, {f"{n}.json": "[]" for n in range(5001)}))


@pytest.mark.parametrize("name", ["../../etc/evil.json", "/etc/evil.json", "..\\evil.json", "a/../../evil.json"])
def test_a_zip_that_names_a_place_outside_itself_is_refused_and_writes_nothing(tmp_path: Path, name: str):
    assert "names a file outside itself" in refused(zipped(tmp_path, {name: json.dumps([service()])}))
    assert [each.name for each in tmp_path.iterdir()] == ["services.zip"]


def test_a_torn_zip_is_refused(tmp_path: Path):
    whole = zipped(tmp_path, {"a.json": json.dumps([service()] * 50)}).read_bytes()
    for torn in (whole[:40], whole[:-30], whole[:60] + b"\xff" * 20 + whole[80:]):
        (tmp_path / "torn.zip").write_bytes(torn)
        assert "cannot be unpacked" in refused(tmp_path / "torn.zip")


def test_a_zip_with_a_password_is_refused(tmp_path: Path):
    data = bytearray(zipped(tmp_path, {"a.json": "[]"}).read_bytes())
    data[6] |= 1
    central = data.find(b"PK\x01\x02")
    data[central + 8] |= 1
    (tmp_path / "locked.zip").write_bytes(bytes(data))
    assert "without a password" in refused(tmp_path / "locked.zip")


def test_a_file_of_a_hundred_megabytes_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with (tmp_path / "large.json").open("wb") as file:
        file.truncate(100_000_000)
    monkeypatch.setattr(Path, "read_bytes", lambda _: 1 / 0)
    assert "larger than 50 MB" in refused(tmp_path / "large.json")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (json.dumps([service()]).encode("utf-16"), "is not UTF-8; save it as UTF-8"), (b"\xff\xfe\x00", "is not UTF-8"),
        (b'[{"name": "Caf\xe9"}]', "is not UTF-8"), (b"", "is not JSON"), (b"<html>Sign in</html>", "line 1: is not JSON"),
        (b'[{"id": NaN}]', "is not JSON that can be read"), (b"[" * 100_000, "is not JSON that can be read"),
        (b'{"a": ' * 100_000, "is not JSON that can be read"), (b"1" * 5000, "is not JSON that can be read"), (b"[]", "holds no services"),
        (b"null extra", "is not JSON"), (b'{"contents": []}', "holds no services"), (b'{"version": "HSDS-UK-3.0"}', "holds no services"),
    ],
)  # fmt: skip
def test_a_file_that_is_something_else_is_refused_with_what_to_do(tmp_path: Path, data: bytes, says: str):
    (tmp_path / "services.json").write_bytes(data)
    assert says in refused(tmp_path / "services.json")


def test_an_empty_folder_is_refused(tmp_path: Path):
    assert "holds no services" in refused(tmp_path)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path):
    secret = write(tmp_path, [service()], "secret.json")
    (tmp_path / "feed").mkdir()
    (tmp_path / "feed" / "a.json").symlink_to(secret)
    assert "holds no services" in refused(tmp_path / "feed")


HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "{{ config }}",
    "'; DROP TABLE resource;--",
    "=HYPERLINK(1)",
    "\x1b[31mred",
    "\u202etxet",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_come_in_as_words(world: World, tmp_path: Path, text: str):
    named = service(name=f"A {text}", description=text, fees_description=text, **term(text))
    assert bring(world, write(tmp_path, [named]))["added"] == 1
    kept = entry().name
    assert "<" not in kept
    assert "\x1b" not in kept
    assert kept.startswith("A")


def test_a_large_directory_comes_in_whole(world: World, tmp_path: Path):
    many = [service(str(number), f"Group {number}") for number in range(300)]
    assert bring(world, write(tmp_path, {"contents": many}))["added"] == 300
    assert bring(world, write(tmp_path, {"contents": many}))["skipped"] == 300


def test_nothing_of_a_zip_lands_on_the_disk(tmp_path: Path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.json", json.dumps([service()]))
    (tmp_path / "a.zip").write_bytes(packed.getvalue())
    files.services(tmp_path / "a.zip")
    assert [each.name for each in tmp_path.iterdir()] == ["a.zip"]


def test_a_check_of_today_in_the_file_is_newer_than_yesterday_s(world: World, tmp_path: Path):
    bring(world, write(tmp_path, [service(assured_date=str(today() - timedelta(1)))]))
    assert bring(world, write(tmp_path, [service(assured_date=str(today()))]))["changed"] == 1
    assert entry().checked_on == today()
