"""The form of an instrument: every item of its definition, every allowed answer, nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from instruments import library
from instruments.definition import Instrument, Item
from tracker.forms.assessments import ITEM, AnswersForm, AssessmentForm, CorrectionForm, MissedForm, assessment_form
from tracker.forms.fields import CodeRadio, WholeNumber

INSTRUMENTS = library()
ITEMS = [(instrument, item) for instrument in INSTRUMENTS for item in instrument.items]
NAMED = pytest.mark.parametrize(("instrument", "item"), ITEMS, ids=[f"{i.id}-{item.id}" for i, item in ITEMS])


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


@pytest.mark.parametrize("instrument", INSTRUMENTS, ids=lambda each: each.id)
def test_there_is_one_field_an_item_in_the_instruments_order(instrument: Instrument):
    form = assessment_form(instrument, AnswersForm, formdata=MultiDict())
    assert [item.id for item, _ in form.items] == [item.id for item in instrument.items]
    assert [name for name in form._fields if name.startswith(ITEM)] == [ITEM + item.id for item in instrument.items]


@NAMED
def test_every_allowed_answer_is_taken_as_its_code(instrument: Instrument, item: Item):
    codes = list(item.codes)
    tried = codes if len(codes) <= 11 else [codes[0], codes[1], codes[len(codes) // 2], codes[-1]]
    for code in tried:
        form = sent(instrument, lowest(instrument) | {item.id: code})
        assert form.errors == {}, code
        assert form.responses == lowest(instrument) | {item.id: code}


@NAMED
@pytest.mark.parametrize("typed", ["-1", "5000", "1.5", "x", "1_0", "٣", "0x1", "1e1", "True", "None", " "])
def test_what_is_not_an_answer_is_refused_beside_its_item_and_nothing_else_is(
    instrument: Instrument, item: Item, typed: str
):
    form = sent(instrument, lowest(instrument) | {item.id: typed})
    assert list(form.errors) == [ITEM + item.id]
    assert all(message.strip() for message in form.errors[ITEM + item.id])


@NAMED
@given(typed=st.text(max_size=8))
def test_any_text_is_an_allowed_answer_or_an_error(instrument: Instrument, item: Item, typed: str):
    form = sent(instrument, lowest(instrument) | {item.id: typed})
    answer = form.responses[item.id]
    assert (ITEM + item.id in form.errors) == (answer is None or not item.accepts(answer))


@pytest.mark.parametrize("instrument", INSTRUMENTS, ids=lambda each: each.id)
def test_an_unanswered_item_is_asked_for_unless_it_is_left_out_on_purpose(instrument: Instrument):
    left_out = instrument.items[-1].id
    answers = {item: code for item, code in lowest(instrument).items() if item != left_out}
    asked = sent(instrument, answers)
    assert asked.errors == {
        ITEM + left_out: ["Choose an answer, or tick at the end that some questions were not answered"]
    }
    meant = sent(instrument, answers, unanswered="y")
    assert meant.errors == {}
    assert meant.responses == lowest(instrument) | {left_out: None}


def test_leaving_out_on_purpose_does_not_excuse_a_wrong_answer():
    instrument = next(each for each in INSTRUMENTS if each.id == "phq9")
    form = sent(instrument, {"i1": "7"}, unanswered="y")
    assert list(form.errors) == [ITEM + "i1"]


@NAMED
def test_few_answers_are_chosen_and_many_are_typed(instrument: Instrument, item: Item):
    field = assessment_form(instrument, AnswersForm, formdata=MultiDict())[ITEM + item.id]
    assert isinstance(field, CodeRadio if item.kind == "choice" or len(list(item.codes)) <= 11 else WholeNumber)


@NAMED
def test_every_item_is_asked_in_words_and_every_answer_has_a_label(instrument: Instrument, item: Item):
    """Where the words are licensed, a labelled slot stands in their place."""
    field = assessment_form(instrument, AnswersForm, formdata=MultiDict())[ITEM + item.id]
    assert field.label.text in (item.text, item.slot)
    if isinstance(field, CodeRadio):
        labels = [str(choice[1]) for choice in field.iter_choices()]
        assert len(set(labels)) == len(labels) == len(list(item.codes))
        assert all(label.strip() for label in labels)
    else:
        assert f"A number from {item.allowed}" in field.description


@pytest.mark.parametrize("instrument", INSTRUMENTS, ids=lambda each: each.id)
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
