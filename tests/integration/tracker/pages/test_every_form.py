"""Whatever is typed into whichever form: an answer, never a crash; what was typed comes back, and nothing half-written."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.tracker.pages.conftest import Desk, written
from tests.integration.tracker.pages.forms import CHOOSE_SITE, FORMS, HAND_OVER_ALL, SIGN_IN, Form
from tests.integration.tracker.pages.reading import Element, Page, check_kept

every_form = pytest.mark.parametrize("form", FORMS, ids=str)
recording_forms = pytest.mark.parametrize("form", [form for form in FORMS if form is not SIGN_IN], ids=str)
SENT_EMPTY = {"csrf_token": ""}
NOT_FORMS = {
    "security.logout", "security.verify", "security.tf_select", "security.two_factor_rescue",
    "security.two_factor_setup", "security.two_factor_setup_validate", "security.two_factor_token_validation",
    "assessments.keep_sent", "assessments.discard", "contacts.again", "library.switch", "people.search",
    "resources.check", "resources.settle", "held_forms.keep", "held_forms.discard", "self_completion.end",
}  # fmt: skip
ANSWER_A_DEVICE = {
    "account.add_app", "account.add_passkey", "second_step.ask", "second_step.recover", "second_step.use_passkey",
    "invitations.arrive", "invitations.accept", "answers.arrive", "answers.answer", "answers.check", "answers.stop",
}  # fmt: skip
"""What they take depends on what was shown or asked a moment before: see test_second_factor, test_invitations and
test_answering_alone."""

MARKUP = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'-alert(1)-'", "</textarea><script>x</script>",
    "{{7*7}}", "{% include '/etc/passwd' %}", "${7*7}", "<!--", "javascript:alert(1)", "&lt;b&gt;",
)  # fmt: skip
COMMANDS = (
    "'; DROP TABLE person; --", "1 OR 1=1", "../../etc/passwd", "..\\..\\boot.ini", "$(reboot)", "%s%n", "=1+1",
    "x\r\nSet-Cookie: a=b", "admin\r\n2026-01-01 INFO signed in", "\tTab", "%00", "\x00", "Ann\x00Other", "\x1b[31m",
)  # fmt: skip
WRITING = (
    "  spaces around  ", "\u202etxet desrever", "👩🏽‍🌾", "Zoë", "Zoe\u0308", "ﷺ" * 20, "\ufeffmark", "\ufffd", "名前",
    "O’Neill-Ştefănescu", "\u2028line", "x" * 201, "x" * 60_000,
)  # fmt: skip
NUMBERS = ("1e9", "-1", "1_0", "٣", "³", "1.5", "0x10", "NaN", "99999999999", "9" * 5000, "00", " 7 ", "+5", "", "true")
PAYLOADS = MARKUP + COMMANDS + WRITING + NUMBERS
OFF_THE_LIST = ("<script>alert(1)</script>", "\x00", "٣", "1_0", "9" * 5000, "", "'; DROP TABLE person; --")
DANGEROUS = [text for text in PAYLOADS if "<" in text]
DATES = (
    ("31", "2", "2026"), ("29", "2", "2023"), ("29", "2", "2024"), ("1", "1", "0001"), ("1", "1", "0026"),
    ("31", "12", "9999"), ("0", "0", "0000"), ("1", "13", "2025"), ("-1", "1", "2025"), ("١", "١", "٢٠٢٥"),
    ("1", "1", "25"), ("<b>", "\x00", "'"), ("9" * 5000, "1", "2025"), ("1", "", ""), ("31/2", "2", "2025"),
)  # fmt: skip


def good_answers(desk: Desk, form: Form) -> dict[str, str]:
    """The form as the browser would send it; what is saved after this can be put back."""
    filled = desk.fill(form)
    desk.remember()
    return filled


def boxes_of(page: Page) -> dict[str, Element]:
    """The boxes of a form by name; of several with one name, the first."""
    found: dict[str, Element] = {}
    for each in page.form.all("input", "select", "textarea"):
        found.setdefault(each["name"], each)
    return found


def kind_of(box: Element) -> str:
    if box.tag == "select" or box["type"] in ("radio", "checkbox", "hidden"):
        return "choice"
    return "number" if box["inputmode"] == "numeric" else "text"


def boxes_by_kind(page: Page) -> dict[str, list[str]]:
    """Names of the boxes that take text, numbers or one of a list; days are tried apart."""
    dates, found = dates_of(page.names), {"text": [], "number": [], "choice": []}  # type: ignore[var-annotated]
    for name, box in boxes_of(page).items():
        if name.rpartition("-")[0] not in dates and name != "csrf_token":
            found[kind_of(box)].append(name)
    return found


def dates_of(names: set[str]) -> set[str]:
    return {name.removesuffix("-day") for name in names if name.endswith("-day")}


def check_answer(desk: Desk, form: Form, sent: dict[str, str]) -> Page:
    """Whatever was sent, the answer is a page or a step on. A page says what is wrong, and nothing was written.

    After a step on, everything is put back, so that every payload meets a fresh form.
    """
    before = written()
    page = desk.send(form.who, form.path, sent)
    told = {name: value[:40] for name, value in sent.items()}
    assert page.status in (200, 302, 422), (page.status, told)
    if page.status == 302 or (form.status == 200 and not page.summary):
        desk.put_back()
        return page
    assert written() == before, told
    assert page.summary, told
    assert page.title.startswith("Error: ")
    assert not [text for text in DANGEROUS if text in page.html], told
    return page


# -------------------------------------------------------------------------------------- the table


def test_every_form_of_the_application_is_in_the_table(app: Flask):
    sending = {rule.endpoint for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())}
    assert {form.route for form in FORMS} == sending - NOT_FORMS - ANSWER_A_DEVICE


@every_form
def test_a_form_that_is_filled_in_well_leads_on_and_is_written_down(desk: Desk, form: Form):
    sent, before = good_answers(desk, form), written()
    page = desk.send(form.who, form.path, sent)
    assert page.status == form.status, page.summary
    assert (written() != before) == (form not in (SIGN_IN, CHOOSE_SITE, HAND_OVER_ALL))


@every_form
def test_every_box_of_a_form_is_filled_in_by_the_table(desk: Desk, form: Form):
    """So that a box added to a form is tried here too."""
    page = desk.open(form.who, form.path)
    assert set(good_answers(desk, form)) | {"unanswered", "csrf_token", "next", "later", "skip"} >= page.names


# ---------------------------------------------------------------------------------- empty and torn


@every_form
def test_an_empty_form_is_refused_with_a_reason_and_writes_nothing(desk: Desk, form: Form):
    page = check_answer(desk, form, SENT_EMPTY)
    assert page.status == (200 if form is SIGN_IN else 422)


@every_form
def test_each_message_of_an_empty_form_stands_in_the_list_and_beside_its_field(desk: Desk, form: Form):
    page = desk.send(form.who, form.path, SENT_EMPTY)
    beside = set(page.errors.values())
    listed = {words for words, target in page.summary.items() if target}
    assert listed == beside
    assert all(page.reads_out(field_id) for field_id in page.errors)
    assert all(target in page.ids for target in page.summary.values() if target)


@recording_forms
def test_the_messages_of_an_empty_form_say_what_to_do(desk: Desk, form: Form):
    """And none of the library's own words, such as 'This field is required'."""
    verbs = ("Enter", "Choose", "Say", "Reload")
    page = desk.send(form.who, form.path, SENT_EMPTY)
    assert page.summary
    assert [words for words in page.summary if not words.startswith(verbs)] == []


@recording_forms
def test_one_box_left_out_at_a_time_is_a_reason_or_no_matter(desk: Desk, form: Form):
    good = good_answers(desk, form)
    for name in good:
        sent = {each: value for each, value in good.items() if each != name}
        page = check_answer(desk, form, sent)
        if page.status == 302 or not page.summary:
            continue
        hidden = page.ids.get(name, Element("none"))["type"] == "hidden"
        kept = {each: value for each, value in sent.items() if each not in ("csrf_token", *secret(page))}
        check_kept(page, {} if hidden else kept)


def secret(page: Page) -> set[str]:
    """Boxes whose content never comes back."""
    return {each["name"] for each in page.form.all("input") if each["type"] == "password"}


# ---------------------------------------------------------------------------------------- payloads


TRIED = {"text": PAYLOADS, "number": (*NUMBERS, *DANGEROUS, "\x00"), "choice": OFF_THE_LIST}
SHARES = 3


def tried(form: Form, kind: str) -> Sequence[str]:
    """Markup goes into every form; of the rest of what is for text, which all forms clean alike, each has a third."""
    if kind != "text":
        return TRIED[kind]
    return (*MARKUP, *(COMMANDS + WRITING + NUMBERS)[FORMS.index(form) % SHARES :: SHARES])


def test_between_them_the_forms_are_sent_every_payload():
    assert {text for form in FORMS for text in tried(form, "text")} == set(PAYLOADS)


@every_form
@pytest.mark.parametrize("kind", TRIED)
def test_no_payload_breaks_a_form_or_stands_in_a_page_as_markup(desk: Desk, form: Form, kind: str):
    good = good_answers(desk, form)
    for dealt in deal(tried(form, kind), boxes_by_kind(desk.open(form.who, form.path))[kind]):
        page = check_answer(desk, form, good | dealt)
        if page.status == 422 and kind == "number":
            shown = {name: payload.strip() for name, payload in dealt.items() if payload != "\x00"}
            assert {name: page.typed[name].strip() for name in shown} == shown


def deal(payloads: Sequence[str], names: Sequence[str]) -> Iterator[dict[str, str]]:
    """Every payload goes into some box, and each time into each box another: as few forms as that takes."""
    for start in range(0, len(payloads) if names else 0, max(len(names), 1)):
        yield {name: payloads[(start + place) % len(payloads)] for place, name in enumerate(names)}


@recording_forms
def test_no_day_that_cannot_be_breaks_a_form_and_it_comes_back_as_typed(desk: Desk, form: Form):
    good = good_answers(desk, form)
    names = dates_of(set(good))
    for day, month, year in DATES if names else ():
        parts = {"day": day, "month": month, "year": year}
        typed = {f"{name}-{part}": text for name in names for part, text in parts.items()}
        page = check_answer(desk, form, good | typed)
        if page.status == 422:
            check_kept(page, typed)


TEXTS = st.one_of(st.text(max_size=40), st.sampled_from(PAYLOADS[:40]), st.integers().map(str))


@functools.cache
def some_answers(names: tuple[str, ...]) -> st.SearchStrategy[dict[str, str]]:
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, TEXTS))


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
@recording_forms
def test_whatever_is_typed_in_all_boxes_at_once_gets_an_answer(desk: Desk, form: Form, data: st.DataObject):
    good = form_as_it_stood(desk, form)
    check_answer(desk, form, good | data.draw(some_answers(tuple(sorted(good)))))


def form_as_it_stood(desk: Desk, form: Form) -> dict[str, str]:
    """Filled in once a test; a lucky draw may have saved the form since."""
    known: dict[str, dict[str, str]] = desk.__dict__.setdefault("filled", {})
    if form.name not in known:
        known[form.name] = good_answers(desk, form)
    return known[form.name]
