"""The open feed: off unless it is set, valid by the standard's schemas, and nothing in it but the directory."""

from __future__ import annotations

import json
import re
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator, FormatChecker

from instruments.codes import RESOURCE_CATEGORIES
from tests.world import World, contact, days_ago, signpost
from tracker.actions import directory
from tracker.extensions import db
from tracker.open_referral import feed

API = "/api/open-referral"
SCHEMAS = json.loads(
    (Path(__file__).parents[2] / "data" / "open-referral" / "schemas.json").read_text(encoding="utf-8")
)
FORMATS = FormatChecker(())
FULL = {
    "provider": "Elmstead Counselling", "area": "Elmstead", "cost": "From £5", "description": "Six sessions.",
    "eligibility": "Adults", "opening_times": "Weekdays", "phone": "01632 960 055", "email": "talk@test.example",
    "website": "https://talk.test.example/how", "address": "4 Church Lane", "town": "Elmstead", "postcode": "EX1 0AB",
    "checked_on": days_ago, "capacity": "full",
}  # fmt: skip


@FORMATS.checks("uuid", raises=ValueError)
def is_uuid(value: object) -> bool:
    return not isinstance(value, str) or str(uuid.UUID(value)) == value.lower()


@FORMATS.checks("uri", raises=ValueError)
def is_uri(value: object) -> bool:
    return not isinstance(value, str) or bool(urlsplit(value).scheme and urlsplit(value).netloc)


@FORMATS.checks("email")
def is_email(value: object) -> bool:
    return not isinstance(value, str) or re.fullmatch(r"[^@\s]+@[^@\s]+", value) is not None


@FORMATS.checks("date-time", raises=ValueError)
def is_moment(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def check_valid(answer: Any, kind: str) -> None:
    schema = {"$ref": f"#/$defs/{kind}", **SCHEMAS}
    faults = [
        f"{fault.json_path}: {fault.message}"
        for fault in Draft202012Validator(schema, format_checker=FORMATS).iter_errors(answer)
    ]
    assert faults == []


@pytest.fixture
def visitor(app: Flask, world: World) -> FlaskClient:
    """A stranger, where the directory of 'garden' is open and holds a full entry, a bare one and a closed one."""
    app.config["PUBLIC_DIRECTORY"] = "garden"
    with db.transaction():
        worker, study = world.user("link-worker"), world.studies["garden"]
        details = FULL | {"checked_on": days_ago(20)}
        talking = directory.add_resource(
            by=worker, study_id=study, name="Talking it over", category="counselling", details=details
        )
        directory.report_fault(by=worker, resource=talking, reason="Ask for Brenda at home")
        directory.add_resource(
            by=worker, study_id=study, name="Choir", category="social-group", details={"capacity": "closed"}
        )
        signpost(world)
        contact(world, note="Prefers mornings")
    return app.test_client()


def get(visitor: FlaskClient, path: str) -> Any:
    response = visitor.get(API + path)
    assert response.status_code == 200, (path, response.get_data(as_text=True))
    assert response.mimetype == "application/json"
    return response.get_json()


PATHS = ["/", "/services", "/service_at_locations", "/organizations", "/taxonomies", "/taxonomy_terms"]
LISTS = {
    "/services": "service_in_list",
    "/services?full=true": "service",
    "/service_at_locations": "service_at_location",
    "/organizations": "organization",
    "/taxonomies": "taxonomy",
    "/taxonomy_terms": "taxonomy_term",
}
SINGLE = {
    "/services": "service", "/service_at_locations": "service_at_location", "/organizations": "organization",
    "/taxonomies": "taxonomy", "/taxonomy_terms": "taxonomy_term",
}  # fmt: skip


# -------------------------------------------------------------------------------------- on and off


@pytest.mark.parametrize("path", [*PATHS, "/services/x", "/organizations/x", "/taxonomies/x"])
def test_nobody_reads_a_directory_that_is_not_open(app: Flask, world: World, path: str):
    response = app.test_client().get(API + path)
    assert response.status_code == 404
    assert "Walking group" not in response.get_data(as_text=True)
    assert "Access-Control-Allow-Origin" not in response.headers or response.mimetype != "application/json"


def test_a_study_that_is_not_here_opens_nothing(app: Flask, world: World):
    app.config["PUBLIC_DIRECTORY"] = "nowhere"
    assert app.test_client().get(f"{API}/services").status_code == 404


def test_only_the_directory_of_the_study_that_is_named_is_open(visitor: FlaskClient, world: World):
    orchard = world.resource("orchard")
    ids = {each["id"] for each in get(visitor, "/services")["contents"]}
    assert len(ids) == 3
    assert str(orchard.id) not in ids
    assert visitor.get(f"{API}/services/{orchard.id}").status_code == 404


# ------------------------------------------------------------------------------- by the standard


def test_the_schemas_themselves_are_schemas_and_refuse_what_is_wrong():
    Draft202012Validator.check_schema(SCHEMAS)
    with pytest.raises(AssertionError):
        check_valid({"id": "1", "name": "A", "status": "active", "url": "https://a.example"}, "service")
    with pytest.raises(AssertionError):
        check_valid({"id": str(uuid.uuid4()), "name": "A", "status": "open", "url": "https://a.example"}, "service")
    with pytest.raises(AssertionError):
        check_valid({"id": str(uuid.uuid4()), "name": "A", "status": "active"}, "service")
    with pytest.raises(AssertionError):
        check_valid({"id": str(uuid.uuid4()), "name": "A", "status": "active", "url": "here"}, "service")


def test_the_feed_says_what_it_is(visitor: FlaskClient):
    answer = get(visitor, "/")
    check_valid(answer, "metadata")
    assert answer["version"] == "HSDS-UK-3.0"


@pytest.mark.parametrize(("path", "kind"), LISTS.items())
def test_every_list_is_valid_and_so_is_everything_in_it(visitor: FlaskClient, path: str, kind: str):
    answer = get(visitor, path)
    check_valid(answer, "page")
    assert answer["contents"]
    for each in answer["contents"]:
        check_valid(each, kind)


@pytest.mark.parametrize(("path", "kind"), SINGLE.items())
def test_everything_in_a_list_opens_by_its_id_and_is_valid(visitor: FlaskClient, path: str, kind: str):
    for each in get(visitor, path)["contents"]:
        answer = get(visitor, f"{path}/{each['id']}")
        check_valid(answer, kind)
        assert answer["id"] == each["id"]


@pytest.mark.parametrize("path", SINGLE)
@pytest.mark.parametrize("id", [str(uuid.UUID(int=1)), "x", "%00", "<script>alert(1)</script>"])
def test_an_id_that_nothing_has_is_told_so_and_echoes_nothing(visitor: FlaskClient, path: str, id: str):
    response = visitor.get(f"{API}{path}/{id}")
    assert response.status_code == 404
    assert "<script>" not in response.get_data(as_text=True)


def test_an_entry_says_everything_it_knows(visitor: FlaskClient):
    (listed,) = get(visitor, "/services?search=talking")["contents"]
    answer = get(visitor, f"/services/{listed['id']}")
    assert (answer["name"], answer["status"], answer["alert"]) == ("Talking it over", "active", "Full at present")
    assert (answer["url"], answer["email"]) == ("https://talk.test.example/how", "talk@test.example")
    assert [each["number"] for each in answer["phones"]] == ["01632 960 055"]
    assert [each["description"] for each in answer["schedules"]] == ["Weekdays"]
    assert [each["name"] for each in answer["service_areas"]] == ["Elmstead"]
    assert answer["organization"]["name"] == "Elmstead Counselling"
    assert answer["assured_date"] == days_ago(20).isoformat()
    (place,) = answer["service_at_locations"]
    assert place["location"]["addresses"][0]["postal_code"] == "EX1 0AB"
    assert [each["taxonomy_term"]["code"] for each in answer["attributes"]] == ["counselling"]


def test_an_entry_without_a_website_has_its_own_address_in_the_feed(visitor: FlaskClient):
    (listed,) = get(visitor, "/services?search=walking")["contents"]
    assert urlsplit(listed["url"]).path == f"{API}/services/{listed['id']}"
    assert "organization" not in listed


def test_a_closed_entry_is_inactive(visitor: FlaskClient):
    (listed,) = get(visitor, "/services?search=choir")["contents"]
    assert listed["status"] == "inactive"


def test_an_entry_keeps_the_id_under_which_it_came_if_the_standard_takes_it(visitor: FlaskClient, world: World):
    came, odd = str(uuid.uuid4()), "service-17"
    with db.transaction():
        for name, id in (("Came", came), ("Odd", odd)):
            directory.add_resource(
                by=world.user("link-worker"), study_id=world.studies["garden"], name=name, category="other",
                details={"open_referral_id": id},
            )  # fmt: skip
    assert get(visitor, f"/services/{came}")["name"] == "Came"
    assert get(visitor, "/services?search=odd")["contents"][0]["id"] != odd
    check_valid(get(visitor, "/services?search=odd")["contents"][0], "service")


def test_ids_that_are_made_stay_the_same(visitor: FlaskClient):
    assert get(visitor, "/services?full=true") == get(visitor, "/services?full=true")
    assert feed.term_id("nature") == feed.term_id("nature") != feed.term_id("digital")


def test_an_organization_lists_what_it_runs(visitor: FlaskClient):
    (listed,) = get(visitor, "/organizations")["contents"]
    answer = get(visitor, f"/organizations/{listed['id']}")
    assert [each["name"] for each in answer["services"]] == ["Talking it over"]


# --------------------------------------------------------------------------------- pages and search


def test_pages_follow_each_other_and_count(visitor: FlaskClient):
    pages = [get(visitor, f"/services?page={number}&per_page=2") for number in (1, 2, 3)]
    assert [each["size"] for each in pages] == [2, 1, 0]
    assert [(each["first_page"], each["last_page"], each["empty"]) for each in pages] == [
        (True, False, False), (False, True, False), (False, True, True)
    ]  # fmt: skip
    assert {(each["total_items"], each["total_pages"]) for each in pages} == {(3, 2)}
    assert len({entry["id"] for each in pages for entry in each["contents"]}) == 3


@pytest.mark.parametrize(
    "query", ["page=0", "page=-1", "page=x", "per_page=0", "page=1e9", "page=" + "9" * 40, "page=", "per_page=%00"]
)
def test_a_page_that_cannot_be_is_refused_with_what_to_give(visitor: FlaskClient, query: str):
    response = visitor.get(f"{API}/services?{query}")
    assert response.status_code == 400
    assert response.get_json() == {"error": f"{query.partition('=')[0]}: give a whole number from 1 to 999999"}


def test_more_than_the_most_is_the_most(visitor: FlaskClient):
    assert get(visitor, "/services?per_page=999999")["total_pages"] == 1


def test_services_are_found_by_words_and_category(visitor: FlaskClient):
    def names(query: str) -> list[str]:
        return [each["name"] for each in get(visitor, f"/services?{query}")["contents"]]

    assert names("search=church") == ["Talking it over"]
    assert names(f"taxonomy_term_id={feed.term_id('exercise')}") == ["Walking group"]
    assert names(f"taxonomy_id={feed.taxonomy_id()}") == ["Choir", "Talking it over", "Walking group"]
    assert names(f"taxonomy_id={uuid.uuid4()}") == []
    assert names(f"taxonomy_term_id={uuid.uuid4()}") == []
    assert names("search=%00%25") == []


def test_every_category_is_a_term(visitor: FlaskClient):
    assert [each["code"] for each in get(visitor, "/taxonomy_terms")["contents"]] == list(RESOURCE_CATEGORIES)


# ---------------------------------------------------------------------------------------- headers


def test_any_page_may_read_the_feed_and_keep_it_a_while(visitor: FlaskClient):
    response = visitor.get(f"{API}/services")
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in response.headers
    assert response.headers["Cache-Control"] == "public, max-age=300"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in response.headers


def test_what_did_not_change_is_not_sent_again(visitor: FlaskClient, world: World):
    first = visitor.get(f"{API}/services")
    again = visitor.get(f"{API}/services", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    with db.transaction():
        directory.mark_checked(by=world.user("link-worker"), resource=world.resource())
    assert visitor.get(f"{API}/services", headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_other_pages_are_still_kept_by_nobody(visitor: FlaskClient):
    assert visitor.get("/sign-in").headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in visitor.get("/sign-in").headers


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_the_feed_only_answers_questions(visitor: FlaskClient, method: str):
    response = getattr(visitor, method)(f"{API}/services", json={"name": "Mine"})
    assert response.status_code in (400, 405)


# ---------------------------------------------------------------------------------------- privacy


def test_nothing_of_people_staff_or_reports_is_in_the_feed(visitor: FlaskClient, world: World):
    listed = [get(visitor, path) for path in PATHS]
    single = [get(visitor, f"{path}/{each['id']}") for path in SINGLE for each in get(visitor, path)["contents"]]
    words = json.dumps([listed, single, get(visitor, "/services?full=true")])
    for secret in ("Brenda", "Person Own", "P00001", "Link-Worker", "link-worker@test.example", "Prefers mornings"):
        assert secret not in words
    for id in (*world.users.values(), *world.people.values(), *world.studies.values(), *world.sites.values()):
        assert str(id) not in words
