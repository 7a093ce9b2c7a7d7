"""What an administrator may type: shares of a post, ids, deprivation with its index, and roles with their places."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from flask_wtf import FlaskForm
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from tracker.forms.staff import EditSiteForm, NewSiteForm, PlaceForm, PostForm, ReasonForm

SITE = {
    "slug": "reed-lane", "name": "Reed Lane", "ods_code": "A81001", "list_size": "8200", "deprivation": "3",
    "deprivation_index": "imd2019-quintile",
}  # fmt: skip
DAYS = {"from_on-day": "1", "from_on-month": "4", "from_on-year": "2025"}


@pytest.fixture(scope="module", autouse=True)
def request_in_progress() -> Iterator[None]:
    app = Flask(__name__)
    app.config.update(WTF_CSRF_ENABLED=False, SECRET_KEY="x", TIMEZONE="Europe/London")
    with app.test_request_context(method="POST"):
        yield


def faults(form: FlaskForm) -> dict[str, str]:
    """The first fault of each field."""
    form.validate()
    return {name: str(messages[0]) for name, messages in form.errors.items()}


def typed(**answers: str) -> MultiDict[str, str]:
    return MultiDict(answers)


def post(**answers: str) -> PostForm:
    form = PostForm(typed(**{"site": "mill", "fte": "1", **DAYS, **answers}))
    form.site.choices = {"mill": "Mill Practice"}
    return form


@pytest.mark.parametrize(
    ("text", "share"), [("1", 1.0), ("0.8", 0.8), ("0,8", 0.8), (" 0.75 ", 0.75), ("2", 2.0), ("0.01", 0.01)]
)
def test_a_share_of_a_post_is_read_as_it_was_meant(text: str, share: float):
    form = post(fte=text)
    assert faults(form) == {}
    assert form.fte.data == pytest.approx(share)


@given(st.text(max_size=12))
def test_whatever_is_typed_as_a_share_is_one_or_is_refused_by_name(text: str):
    form = post(fte=text)
    found = faults(form)
    assert set(found) <= {"fte"}
    assert found or 0.01 <= (form.fte.data or 0) <= 2


def test_the_first_and_the_last_day_may_be_the_same_and_not_the_other_way_round():
    until = {"until_on-day": "1", "until_on-month": "4", "until_on-year": "2025"}
    assert faults(post(**until)) == {}
    assert faults(post(**until | {"until_on-month": "3"})) == {
        "until_on": "The post ends before it begins. Enter a later last day."
    }


def place(role: str, study: str = "", site: str = "") -> dict[str, str]:
    form = PlaceForm(typed(role=role, study=study, site=site))
    form.study.choices, form.site.choices = {"": "No study", "garden": "Garden"}, {"": "No site", "mill": "Mill"}
    return faults(form)


@pytest.mark.parametrize(
    ("role", "nowhere", "in_a_study", "at_a_site"),
    [
        ("administrator", set(), {"study"}, {"study", "site"}),
        ("evaluator", {"study"}, set(), {"site"}),
        ("supervisor", {"study", "site"}, {"site"}, set()),
        ("link-worker", {"study", "site"}, {"site"}, set()),
        ("outcome-assessor", {"study", "site"}, {"site"}, set()),
    ],
)
def test_each_role_holds_where_it_can(role: str, nowhere: set[str], in_a_study: set[str], at_a_site: set[str]):
    assert [set(place(role)), set(place(role, "garden")), set(place(role, "garden", "mill"))] == [
        nowhere, in_a_study, at_a_site,
    ]  # fmt: skip


@pytest.mark.parametrize("role", ["", "owner", "Administrator"])
def test_there_are_no_other_roles(role: str):
    assert "role" in place(role, "garden", "mill")


@pytest.mark.parametrize("slug", ["mill", "ash-lane", "a1", "1", "a-1-b", "x" * 60])
def test_an_id_for_datasets_is_small_letters_digits_and_hyphens(slug: str):
    assert faults(NewSiteForm(typed(**SITE | {"slug": slug}))) == {}


@pytest.mark.parametrize(
    "slug", ["Mill", "-mill", "mill-", "ash--lane", "ash lane", "äsh", "٣", "a/b", "a\nb", "x" * 61]
)
def test_any_other_id_is_refused(slug: str):
    assert set(faults(NewSiteForm(typed(**SITE | {"slug": slug})))) == {"slug"}


def test_details_that_were_left_out_are_unknown_and_never_empty_text():
    form = EditSiteForm(
        typed(name="Reed Lane", version="3", ods_code="", list_size="", deprivation="", deprivation_index="")
    )
    assert faults(form) == {}
    assert form.details == dict.fromkeys(("ods_code", "list_size", "deprivation", "deprivation_index"))


@pytest.mark.parametrize("reason", ["", " ", "\n\n", "x" * 401])
def test_a_reason_is_said_in_a_few_lines(reason: str):
    assert set(faults(ReasonForm(typed(reason=reason)))) == {"reason"}
