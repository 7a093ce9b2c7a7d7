"""The form of an instrument: every item of its definition, every allowed answer, nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from instruments import get, library
from instruments.definition import Instrument
from tracker.forms.assessments import (
    ITEM,
    AnswerNumber,
    AnswersForm,
    AssessmentForm,
    CheckForm,
    CorrectionForm,
    DraftForm,
    MissedForm,
    QuestionForm,
    assessment_form,
)
from tracker.forms.fields import CodeRadio

INSTRUMENTS = library()
EVERY = pytest.mark.parametrize("instrument", INSTRUMENTS, ids=lambda each: each.id)
NOT_SAID = "prefer-not-to-say"
ADMINISTERED = {
    "client_key": "0" * 32, "mode": "paper", "respondent": "self", "assessed_on-day": "31", "assessed_on-month": "3",
    "assessed_on-year": "2025",
}  # fmt: skip
ASK = "Choose an answer, or say at the end why questions were left out"


@pytest.fixture(autouse=True, scope="module")
def in_a_request() -> Iterator[None]:
    app = Flask(__name__)
    app.config.update(SECRET_KEY="x", WTF_CSRF_ENABLED=False, TIMEZONE="Europe/London", TESTING=True)
    with app.test_request_context("/", method="POST"):
        yield


def sent(instrument: Instrument, answers: dict[str, Any], base: type[Any] = AnswersForm, **others: str) -> Any:
    """The form after it was sent with these answers and validated."""
    data = MultiDict({ITEM + item: str(value) for item, value in answers.items()} | others)
    form = assessment_form(instrument, base, formdata=data)
    form.validate()
    return form


def lowest(instrument: Instrument) -> dict[str, int]:
    return {item.id: min(item.codes) for item in instrument.items}


@EVERY
def test_there_is_one_field_an_item_in_the_instruments_order(instrument: Instrument):
    form = assessment_form(instrument, AnswersForm, formdata=MultiDict())
    assert [item.id for item, _ in form.items] == [item.id for item in instrument.items]
    assert [name for name in form._fields if name.startswith(ITEM)] == [ITEM + item.id for item in instrument.items]


@EVERY
def test_every_allowed_answer_is_taken_as_its_code(instrument: Instrument):
    for item in instrument.items:
        codes = list(item.codes)
        tried = codes if len(codes) <= 11 else [codes[0], codes[1], codes[len(codes) // 2], codes[-1]]
        for code in tried:
            form = sent(instrument, lowest(instrument) | {item.id: code})
            assert form.errors == {}, (item.id, code)
            assert form.responses == lowest(instrument) | {item.id: code}


NOT_ANSWERS = ("-1", "5000", "1.5", "x", "1_0", "٣", "0x1", "1e1", "True", "None", " ", "not-answered", NOT_SAID + " ")


@EVERY
def test_what_is_not_an_answer_is_refused_beside_its_item_and_nothing_else_is(instrument: Instrument):
    for item in instrument.items:
        needed = {item.id} if item.asked_if is None else set()
        for typed in NOT_ANSWERS:
            form = sent(instrument, lowest(instrument) | {item.id: typed})
            refused = set(form.errors) - {ITEM + item.id}
            assert not refused, (item.id, typed)
            assert form.errors or (typed == " " and not needed), (item.id, typed)
            assert all(message.strip() for messages in form.errors.values() for message in messages)


@EVERY
@settings(max_examples=15)
@given(data=st.data())
def test_any_text_is_an_allowed_answer_or_an_error(instrument: Instrument, data: st.DataObject):
    item = data.draw(st.sampled_from([each for each in instrument.items if each.asked_if is None]))
    form = sent(instrument, lowest(instrument) | {item.id: data.draw(st.text(max_size=8))})
    answer = form.codes[item.id]
    assert (ITEM + item.id in form.errors) == (answer is None or not item.accepts(answer))


@EVERY
def test_who_prefers_not_to_say_has_answered_the_form_and_not_the_item(instrument: Instrument):
    for item in instrument.items:
        form = sent(instrument, lowest(instrument) | {item.id: NOT_SAID})
        assert form.errors == {}, item.id
        assert form.responses[item.id] == NOT_SAID
        assert form.codes[item.id] is None


def test_a_number_and_a_refusal_to_say_it_exclude_each_other_and_both_come_back():
    eq5d = get("eq5d-5l")
    answers = [(ITEM + item, str(code)) for item, code in lowest(eq5d).items() if item != "vas"]
    form = assessment_form(
        eq5d, AnswersForm, formdata=MultiDict([*answers, (ITEM + "vas", "60"), (ITEM + "vas", NOT_SAID)])
    )
    form.validate()
    field = form[ITEM + "vas"]
    assert form.errors == {ITEM + "vas": ["Enter a number or prefer not to say, not both"]}
    assert (field.typed, field.is_ticked) == ("60", True)


@EVERY
def test_an_unanswered_item_is_asked_for_unless_it_is_said_why_it_was_left_out(instrument: Instrument):
    left_out = next(item.id for item in reversed(instrument.items) if item.asked_if is None)
    answers = {item: code for item, code in lowest(instrument).items() if item != left_out}
    assert sent(instrument, answers).errors == {ITEM + left_out: [ASK]}
    meant = sent(instrument, answers, unanswered="too-unwell")
    assert meant.errors == {}
    assert meant.responses == lowest(instrument) | {left_out: "too-unwell"}


def test_an_item_that_is_not_asked_after_those_answers_is_not_asked_for():
    """Nobody who walked on no day is asked for how long; who walked, or did not say, is."""
    ipaq = get("ipaq-sf")
    answers = {item: code for item, code in lowest(ipaq).items() if item != "walking_minutes"}
    assert sent(ipaq, answers).errors == {}
    assert sent(ipaq, answers).responses["walking_minutes"] is None
    assert sent(ipaq, answers | {"walking_days": 3}).errors == {ITEM + "walking_minutes": [ASK]}
    assert sent(ipaq, answers | {"walking_days": NOT_SAID}).errors == {ITEM + "walking_minutes": [ASK]}


def test_whoever_finishes_later_need_not_say_why_questions_have_no_answer():
    form = sent(get("phq9"), {"i1": 2}, AssessmentForm, later="y", **ADMINISTERED)
    assert form.errors == {}
    assert {item: said for item, said in form.answers.items() if said is not None} == {"i1": 2}


def test_a_form_of_one_question_takes_its_answer_or_that_it_is_skipped():
    phq9 = get("phq9")
    for data, errors in (
        ({}, {ITEM + "i3": ["Choose an answer, or skip this question"]}),
        ({"skip": "y"}, {}),
        ({ITEM + "i3": "2"}, {}),
    ):
        form = assessment_form(phq9, QuestionForm, [phq9.item("i3")], formdata=MultiDict(data))
        form.validate()
        assert form.errors == errors
        assert set(form.answers) == {"i3"}


def test_answers_that_are_kept_are_those_that_were_sent_and_an_emptied_box_takes_one_back():
    eq5d = get("eq5d-5l")
    form = assessment_form(eq5d, DraftForm, formdata=MultiDict({ITEM + "mo": "2", ITEM + "vas": ""}))
    assert form.validate()
    assert form.sent == {"mo": 2, "vas": None}


def test_the_last_page_asks_why_only_where_something_was_left_out():
    ipaq = get("ipaq-sf")
    none_walked = {item: code for item, code in lowest(ipaq).items() if not item.endswith("_minutes")} | {
        "sitting_minutes": 60
    }
    for draft, left_out in ((none_walked, []), (none_walked | {"walking_days": 2}, ["walking_minutes"])):
        form = assessment_form(ipaq, CheckForm, [], draft=draft, formdata=MultiDict(ADMINISTERED))
        assert form.validate() == (not left_out)
        assert [item.id for item in form.left_out] == left_out
        assert ("unanswered" in form.errors) == bool(left_out)


def test_leaving_out_on_purpose_does_not_excuse_a_wrong_answer():
    instrument = next(each for each in INSTRUMENTS if each.id == "phq9")
    form = sent(instrument, {"i1": "7"}, unanswered="other")
    assert list(form.errors) == [ITEM + "i1"]


@EVERY
def test_few_answers_are_chosen_and_many_are_typed(instrument: Instrument):
    form = assessment_form(instrument, AnswersForm, formdata=MultiDict())
    for item, field in form.items:
        few = item.kind == "choice" or len(list(item.codes)) <= 11
        assert isinstance(field, CodeRadio if few else AnswerNumber)


@EVERY
def test_every_item_is_asked_in_words_and_every_answer_has_a_label(instrument: Instrument):
    """Where the words are licensed, a labelled slot stands in their place."""
    for item, field in assessment_form(instrument, AnswersForm, formdata=MultiDict()).items:
        assert field.label.text in (item.text, item.slot)
        if isinstance(field, CodeRadio):
            *labels, last = (str(choice[1]) for choice in field.iter_choices())
            assert len(set(labels)) == len(labels) == len(list(item.codes))
            assert all(label.strip() for label in labels)
            assert last == "Prefer not to say"
        else:
            assert f"A number from {item.allowed}" in field.description


@EVERY
def test_only_those_may_answer_whom_the_instrument_allows(instrument: Instrument):
    form = assessment_form(instrument, AssessmentForm, formdata=MultiDict())
    offered = [str(choice[0]) for choice in form.respondent.iter_choices()]
    assert set(offered) == set(instrument.respondents)


def test_nobody_types_that_an_answer_was_imported():
    form = assessment_form(INSTRUMENTS[0], AssessmentForm, formdata=MultiDict())
    assert "import" not in [choice[0] for choice in form.mode.iter_choices()]
    refused = sent(INSTRUMENTS[0], lowest(INSTRUMENTS[0]), AssessmentForm, mode="import")
    assert "mode" in refused.errors


@pytest.mark.parametrize(
    ("others", "field"),
    [
        ({"version": "1", "reason": ""}, "reason"),
        ({"version": "1", "reason": "   "}, "reason"),
        ({"version": "1", "reason": "x" * 401}, "reason"),
        ({"version": "", "reason": "typo"}, "version"),
        ({"version": "one", "reason": "typo"}, "version"),
    ],
)
def test_a_correction_without_a_reason_or_a_version_is_refused(others: dict[str, str], field: str):
    instrument = INSTRUMENTS[0]
    assert list(sent(instrument, lowest(instrument), CorrectionForm, **others).errors) == [field]


def test_two_instruments_do_not_share_their_fields():
    """A form is made for each; the one made first has not changed."""
    first = assessment_form(INSTRUMENTS[0], AnswersForm, formdata=MultiDict())
    names = set(first._fields)
    assessment_form(INSTRUMENTS[1], AnswersForm, formdata=MultiDict())
    assert set(assessment_form(INSTRUMENTS[0], AnswersForm, formdata=MultiDict())._fields) == names
    assert not [name for name in AnswersForm(formdata=MultiDict())._fields if name.startswith(ITEM)]


@pytest.mark.parametrize("missing", ["status", "missing_reason"])
def test_a_missed_outcome_says_what_happened_and_why(missing: str):
    whole = {"status": "missed", "missing_reason": "not-reached", "client_key": "0" * 32}
    form = MissedForm(formdata=MultiDict({name: text for name, text in whole.items() if name != missing}))
    form.validate()
    assert missing in form.errors
