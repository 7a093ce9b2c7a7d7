"""Our own fields, and the one macro that draws any field."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import example, given
from hypothesis import strategies as st
from jinja2 import TemplateNotFound
from werkzeug.datastructures import MultiDict
from wtforms import (
    BooleanField,
    DecimalField,
    Field,
    FieldList,
    Form,
    HiddenField,
    IntegerField,
    PasswordField,
    RadioField,
    SelectField,
    StringField,
    TelField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Optional, ValidationError

from tracker import languages
from tracker.forms.checks import a_version
from tracker.forms.fields import (
    EARLIEST_YEAR,
    CodeChecks,
    CodeRadio,
    CodeSelect,
    DatePartsField,
    WholeNumber,
    YesNoRadio,
)

TEMPLATES = Path(__file__).parents[4] / "tracker" / "templates"


def not_after_may(_: Form, field: Field) -> None:
    if field.data and field.data > date(2025, 5, 31):
        raise ValidationError("The date is too late")


class ContactForm(Form):
    met_on = DatePartsField("Date of the contact", [InputRequired("Enter the date of the contact"), not_after_may])
    born_on = DatePartsField("Date of birth", [Optional()], example="31 3 1956")


def typed(**boxes: str) -> MultiDict[str, str]:
    """What a browser sends: `met_day="31"` is the box met_on-day."""
    return MultiDict({name.replace("_", "_on-", 1): text for name, text in boxes.items()})


def contact(day: str = "2", month: str = "5", year: str = "2025", **others: str) -> ContactForm:
    form = ContactForm(typed(met_day=day, met_month=month, met_year=year, **others))
    form.validate()
    return form


def answered(field: Any, *values: str) -> Any:
    """The one field of a form after it was sent with these values."""
    form = type("OneField", (Form,), {"it": field})(MultiDict([("it", value) for value in values]))
    form.validate()
    return form["it"]


# -------------------------------------------------------------------------------------- dates


def test_three_boxes_make_a_date():
    form = contact(" 2 ", "05", "2025")
    assert form.met_on.data == date(2025, 5, 2)
    assert form.errors == {}


@pytest.mark.parametrize(
    ("day", "month", "year", "message"),
    [
        ("", "", "", "Enter the date of the contact"),
        (" ", "", "  ", "Enter the date of the contact"),
        ("31", "", "2025", "Date of the contact needs a day, a month and a year, such as 31 3 2025"),
        ("31", "2", "2025", "31 2 2025 is not a real date. Enter one such as 31 3 2025"),
        ("29", "2", "2023", "29 2 2023 is not a real date. Enter one such as 31 3 2025"),
        ("0", "1", "2025", "0 1 2025 is not a real date. Enter one such as 31 3 2025"),
        ("1", "1", "0000", "1 1 0000 is not a real date. Enter one such as 31 3 2025"),
        ("2", "5", "25", "Enter the date in numbers with a four-figure year, such as 31 3 2025"),
        ("two", "May", "2025", "Enter the date in numbers with a four-figure year, such as 31 3 2025"),
        ("2", "5", "²025", "Enter the date in numbers with a four-figure year, such as 31 3 2025"),
        ("-2", "5", "2025", "Enter the date in numbers with a four-figure year, such as 31 3 2025"),
        ("1" * 400, "5", "2025", "Enter the date in numbers with a four-figure year, such as 31 3 2025"),
        ("1", "6", "2025", "The date is too late"),
    ],
)
def test_a_wrong_date_is_told_in_words_that_say_what_to_do(day: str, month: str, year: str, message: str):
    assert contact(day, month, year).met_on.errors == [message]


@pytest.mark.parametrize(("day", "month", "year"), [("31", "2", "2025"), ("", "5", "2025"), ("two", "May", "25")])
def test_a_wrong_date_keeps_what_was_typed_and_has_no_value(day: str, month: str, year: str):
    field = contact(day, month, year).met_on
    assert field.data is None
    assert field.shown == {"day": day, "month": month, "year": year}


@pytest.mark.parametrize(
    ("boxes", "to_mend"),
    [
        (("2", "5", "2025"), []),
        (("2", "", "2025"), ["month"]),
        (("", "5", ""), ["day", "year"]),
        (("31", "2", "2025"), ["day", "month", "year"]),
        (("", "", ""), ["day", "month", "year"]),
        (("1", "6", "2025"), ["day", "month", "year"]),
    ],
)
def test_only_the_boxes_to_mend_are_marked(boxes: tuple[str, str, str], to_mend: list[str]):
    assert contact(*boxes).met_on.faulty == to_mend


def test_a_date_that_may_be_left_out_may_be_left_out():
    form = contact()
    assert form.born_on.data is None
    assert form.errors == {}


@pytest.mark.parametrize("box", ["born_day", "born_month", "born_year"])
def test_a_date_that_may_be_left_out_may_not_be_half_there(box: str):
    form = contact(**{box: "3"})
    assert form.errors == {"born_on": ["Date of birth needs a day, a month and a year, such as 31 3 1956"]}


def test_a_date_stands_in_its_boxes_before_anything_is_typed():
    form = ContactForm(data={"met_on": date(2025, 5, 2)})
    assert form.met_on.shown == {"day": "2", "month": "5", "year": "2025"}
    assert form.born_on.shown == {"day": "", "month": "", "year": ""}


def test_a_date_that_was_there_is_gone_when_its_boxes_are_emptied():
    form = ContactForm(typed(met_day="2"), data={"born_on": date(1956, 3, 31)})
    assert form.born_on.data is None
    assert form.born_on.shown == {"day": "", "month": "", "year": ""}


def test_a_default_is_worked_out_when_the_form_is_opened():
    field = DatePartsField("Date", default=lambda: date(2025, 5, 2))
    form = type("OneField", (Form,), {"it": field})()
    assert form.it.shown == {"day": "2", "month": "5", "year": "2025"}


def test_an_example_is_the_hint_unless_there_is_another():
    form = type("Form", (Form,), {"a": DatePartsField("A"), "b": DatePartsField("B", description="On the letter")})()
    assert (form.a.description, form.b.description) == ("For example, 31 3 2025", "On the letter")


@given(st.dates(min_value=date(EARLIEST_YEAR, 1, 1)))
def test_every_date_is_read_back_from_its_own_boxes(day: date):
    shown = ContactForm(data={"met_on": day}).met_on.shown
    assert contact(**shown).met_on.data == day


@given(st.text(max_size=6), st.text(max_size=6), st.text(max_size=6))
@example("١", "٢", "٢٠٢٥")
def test_whatever_is_typed_is_a_date_or_a_message_and_is_kept(day: str, month: str, year: str):
    field = contact(day, month, year).met_on
    assert (field.data is None) == bool(field.errors) or field.errors == ["The date is too late"]
    assert field.shown == {"day": day.strip(), "month": month.strip(), "year": year.strip()}


# ------------------------------------------------------------------------------------ choices

CODES = {"home": "Home visit", "phone": "Phone"}


@pytest.mark.parametrize("make", [CodeRadio, CodeSelect])
@pytest.mark.parametrize(("sent", "data"), [(["phone"], "phone"), ([""], None), ([], None)])
def test_a_code_or_nothing_is_taken_from_a_list(make: Any, sent: list[str], data: str | None):
    field = answered(make("How?", codes=CODES), *sent)
    assert field.data == data
    assert not field.errors


@pytest.mark.parametrize("make", [CodeRadio, CodeSelect])
@pytest.mark.parametrize("sent", [[""], []])
def test_an_answer_that_must_be_given_is_asked_for_once(make: Any, sent: list[str]):
    field = answered(make("How?", [InputRequired("Choose how the contact was made")], codes=CODES), *sent)
    assert field.errors == ["Choose how the contact was made"]


@pytest.mark.parametrize("make", [CodeRadio, CodeSelect])
@pytest.mark.parametrize("sent", ["pigeon", "Phone", "None", " phone"])
def test_an_answer_that_is_not_on_the_list_is_refused(make: Any, sent: str):
    assert answered(make("How?", codes=CODES), sent).errors == ["Choose one of the answers on this page"]


@pytest.mark.parametrize("sent", ["4", "-1", "x", "1.0"])
def test_an_item_takes_only_its_own_codes(sent: str):
    frequencies = {0: "Not at all", 1: "Several days"}
    assert answered(CodeRadio("How often?", codes=frequencies, coerce=int), sent).errors


def test_the_code_zero_is_an_answer():
    field = answered(
        CodeRadio("How often?", [InputRequired("Choose")], codes={0: "Never", 1: "Often"}, coerce=int), "0"
    )
    assert field.data == 0
    assert not field.errors
    assert [choice.selected for choice in field.iter_choices()] == [True, False]


def test_the_code_zero_is_shown_again():
    form = type("Form", (Form,), {"it": CodeRadio("How often?", codes={0: "Never", 1: "Often"}, coerce=int)})(
        data={"it": 0}
    )
    assert [choice.selected for choice in form.it.iter_choices()] == [True, False]


def test_a_drop_down_starts_with_no_answer():
    choices = list(answered(CodeSelect("How?", codes=CODES, blank="Not asked")).iter_choices())
    assert [(choice.value, choice.label, choice.selected) for choice in choices] == [
        ("", "Not asked", True),
        ("home", "Home visit", False),
        ("phone", "Phone", False),
    ]


NEEDS = {"money": "Money", "housing": "Housing", "food": "Food"}


@pytest.mark.parametrize("sent", [[], ["money"], ["money", "food"], ["food", "housing", "money"]])
def test_any_number_of_answers_may_be_ticked_and_are_shown_again(sent: list[str]):
    field = answered(CodeChecks("What for?", codes=NEEDS), *sent)
    assert not field.errors
    assert field.data == sent
    assert [choice.value for choice in field.iter_choices() if choice.selected] == [
        each for each in NEEDS if each in sent
    ]


def test_what_was_ticked_before_is_shown_ticked():
    form = type("Form", (Form,), {"it": CodeChecks("What for?", codes=NEEDS)})(data={"it": ["food"]})
    assert [choice.value for choice in form.it.iter_choices() if choice.selected] == ["food"]


@pytest.mark.parametrize("sent", [["money", "a-new-car"], ["<b>"], [""], ["\x00"]])
def test_one_answer_off_the_list_is_refused_and_the_others_stay_ticked(sent: list[str]):
    field = answered(CodeChecks("What for?", codes=NEEDS), *sent)
    assert field.errors == ["Choose one of the answers on this page"]
    assert [choice.value for choice in field.iter_choices() if choice.selected] == [
        each for each in sent if each in NEEDS
    ]


@pytest.mark.parametrize("sent", [[], [""], ["x"], ["-1"], ["1.0"], ["٣"], ["9" * 10]])
def test_a_form_is_saved_only_with_the_version_that_was_seen(sent: list[str]):
    form = type("Form", (Form,), {"it": HiddenField(validators=[a_version])})
    filled = form(MultiDict([("it", value) for value in sent]), data={"it": "7"})
    assert not filled.validate()
    assert filled.it.errors == ["Reload the page and send it again"]


def test_a_version_that_was_seen_is_taken():
    form = type("Form", (Form,), {"it": HiddenField(validators=[a_version])})
    assert form(MultiDict([("it", "7")]), data={"it": "8"}).validate()


@pytest.mark.parametrize(("sent", "data"), [(["yes"], True), (["no"], False), (["unknown"], None), ([], None)])
def test_yes_no_and_not_known_are_true_false_and_none(sent: list[str], data: bool | None):
    field = answered(YesNoRadio("Do they live alone?"), *sent)
    assert field.data is data
    assert not field.errors


@pytest.mark.parametrize(("known", "shown"), [(True, "yes"), (False, "no"), (None, "unknown")])
def test_what_is_known_is_shown_again(known: bool | None, shown: str):
    form = type("Form", (Form,), {"it": YesNoRadio("Do they live alone?")})(data={"it": known})
    assert [choice.value for choice in form.it.iter_choices() if choice.selected] == [shown]


@pytest.mark.parametrize("sent", ["True", "1", "perhaps"])
def test_another_answer_to_yes_or_no_is_refused(sent: str):
    assert answered(YesNoRadio("Do they live alone?"), sent).errors == ["Choose one of the answers on this page"]


# ------------------------------------------------------------------------------------ numbers


@pytest.mark.parametrize(("sent", "data"), [("15", 15), (" 15 ", 15), ("0", 0), ("-3", -3), ("007", 7), ("", None)])
def test_a_whole_number_is_read(sent: str, data: int | None):
    field = answered(WholeNumber("Minutes"), sent)
    assert field.data == data
    assert not field.errors


@pytest.mark.parametrize("sent", ["1_0", "1.5", "1,000", "ten", "１５", "1e3", "--1", "9" * 5000])
def test_what_is_not_plainly_a_whole_number_is_refused_and_kept(sent: str):
    field = answered(WholeNumber("Minutes"), sent)
    assert field.errors == ["Minutes must be a whole number, such as 15"]
    assert field.data is None
    assert field._value() == sent


# ------------------------------------------------------------------------------------ drawing

Draw = Callable[..., str]


@pytest.fixture
def draw() -> Iterator[Draw]:
    """Draw a field with the macro; `sent` is what the form received."""
    app = Flask("drawing", template_folder=str(TEMPLATES))
    languages.init_app(app)

    def drawn(field: Any, sent: list[str] | None = None, **options: Any) -> str:
        received = None if sent is None else MultiDict([("it", value) for value in sent])
        form = type("OneField", (Form,), {"it": field})(received)
        if sent is not None:
            form.validate()
        macro = app.jinja_env.get_template("fields.html").make_module().field  # type: ignore[attr-defined]
        return " ".join(str(macro(form["it"], **options)).split())

    with app.app_context():
        yield drawn


PLAIN = [StringField("Name"), TelField("Phone"), IntegerField("Count"), DecimalField("Price"), TextAreaField("Note")]


@pytest.mark.parametrize("field", [*PLAIN, HiddenField("Key"), PasswordField("Password"), DatePartsField("Date")])
def test_an_empty_field_is_empty_and_never_none(draw: Draw, field: Any):
    for sent in (None, []):
        assert "None" not in draw(field, sent)


@pytest.mark.parametrize(
    ("field", "tag"),
    [
        (StringField("It"), '<input class="nhsuk-input" id="it" name="it" type="text" value="" autocomplete="off">'),
        (TelField("It"), 'type="tel"'),
        (IntegerField("It"), 'type="text" value="" inputmode="numeric"'),
        (DecimalField("It"), 'inputmode="decimal"'),
        (TextAreaField("It"), '<textarea class="nhsuk-textarea" id="it" name="it" rows="4">'),
        (BooleanField("It"), '<input class="nhsuk-checkboxes__input" id="it" name="it" type="checkbox" value="y">'),
        (CodeSelect("It", codes=CODES), '<select class="nhsuk-select" id="it" name="it">'),
        (HiddenField("It"), '<input id="it" name="it" type="hidden" value="">'),
        (
            DatePartsField("It"),
            'id="it-month" name="it-month" type="text" inputmode="numeric" autocomplete="off" value="">',
        ),
    ],
)
def test_each_kind_of_field_has_its_component(draw: Draw, field: Any, tag: str):
    assert tag in draw(field)


@pytest.mark.parametrize("field", PLAIN)
def test_a_label_belongs_to_its_box(draw: Draw, field: Any):
    assert '<label class="nhsuk-label nhsuk-label--s" for="it">' in draw(field)


def test_a_group_of_choices_has_a_legend_and_an_id_for_each(draw: Draw):
    html = draw(CodeRadio("How?", codes=CODES, default="phone"))
    assert '<legend class="nhsuk-fieldset__legend nhsuk-fieldset__legend--s">How?</legend>' in html
    assert 'id="it" name="it" type="radio" value="home">' in html
    assert 'id="it-2" name="it" type="radio" value="phone" checked="checked">' in html


def test_standard_radios_and_grouped_drop_downs_are_drawn_too(draw: Draw):
    choices = [SelectChoice("a", "Apples", optgroup="Fruit"), SelectChoice("k", "Kale", optgroup="Leaves")]
    assert 'value="a">' in draw(RadioField("Food", choices=choices))
    assert '<optgroup label="Leaves"> <option value="k">Kale</option></optgroup>' in draw(
        SelectField("Food", choices=choices)
    )


@pytest.mark.parametrize(
    ("look", "marked"),
    [
        ("inline", "nhsuk-radios nhsuk-radios--inline"),
        ("small", "nhsuk-radios nhsuk-radios--small"),
        ("chips", "lwk-chips"),
        ("scale", "lwk-chips lwk-chips--scale"),
    ],
)
def test_choices_can_look_otherwise(draw: Draw, look: str, marked: str):
    assert f'<div class="{marked}">' in draw(CodeRadio("How?", codes=CODES), look=look)


def test_a_scale_names_its_ends_and_they_are_read_out_with_it(draw: Draw):
    scale = CodeRadio("Life?", codes={n: str(n) for n in range(11)}, coerce=int)
    html = draw(scale, look="scale", low="Worst", high="Best")
    assert '<fieldset class="nhsuk-fieldset" aria-describedby="it-ends">' in html
    assert 'id="it-ends"><span>0: Worst</span> <span>10: Best</span>' in html


@pytest.mark.parametrize(
    "field",
    [StringField("It", description="As they say it"), CodeRadio("It", codes=CODES, description="As they say it")],
)
def test_a_hint_is_read_out_with_its_field(draw: Draw, field: Any):
    html = draw(field)
    assert '<div class="nhsuk-hint" id="it-hint">As they say it</div>' in html
    assert 'aria-describedby="it-hint"' in html


@pytest.mark.parametrize(
    "field",
    [
        StringField("It", [InputRequired("Say it")]),
        IntegerField("It", [InputRequired("Say it")]),
        TextAreaField("It", [InputRequired("Say it")]),
        BooleanField("It", [InputRequired("Say it")]),
        CodeRadio("It", [InputRequired("Say it")], codes=CODES),
        CodeSelect("It", [InputRequired("Say it")], codes=CODES),
        DatePartsField("It", [InputRequired("Say it")], description="When"),
    ],
)
def test_an_error_stands_with_its_field_and_is_read_out_with_it(draw: Draw, field: Any):
    html = draw(field, [])
    assert "nhsuk-form-group--error" in html
    assert 'id="it-error"><span class="nhsuk-u-visually-hidden">Error:</span> Say it</span>' in html
    assert 'it-error"' in html.partition("aria-describedby=")[2].partition(">")[0]


def test_what_was_typed_comes_back_as_text_and_not_as_markup(draw: Draw):
    sent = ['"><script>alert(1)</script>']
    for field in (StringField("It"), TextAreaField("It"), IntegerField("It"), HiddenField("It")):
        html = draw(field, sent)
        assert "<script>" not in html
        assert "&lt;script&gt;" in html


def test_labels_of_options_are_text_and_not_markup(draw: Draw):
    for field in (CodeRadio("It", codes={"a": "<b>A</b>"}), CodeSelect("It", codes={"a": "<b>A</b>"})):
        assert "&lt;b&gt;A&lt;/b&gt;" in draw(field)


def test_a_password_never_comes_back(draw: Draw):
    assert "secret words" not in draw(PasswordField("Password"), ["secret words"])


def test_a_browser_offers_nothing_that_was_typed_of_somebody_else(draw: Draw):
    for box in (StringField("Topics"), WholeNumber("Minutes")):
        assert draw(box).count('autocomplete="off"') == 1
    assert draw(DatePartsField("Day")).count('autocomplete="off"') == 3
    assert 'autocomplete="username"' in draw(StringField("Mail", render_kw={"autocomplete": "username"}))
    assert "autocomplete" not in draw(PasswordField("Password")), "a password manager may help"


def test_attributes_of_the_form_and_of_the_page_reach_the_box(draw: Draw):
    html = draw(StringField("Name", render_kw={"autocomplete": "name"}), data_kind="full", maxlength=200)
    assert 'autocomplete="name" data-kind="full" maxlength="200">' in html


def test_a_unit_stands_beside_the_box_and_its_usual_numbers_below(draw: Draw):
    html = draw(WholeNumber("Minutes"), suffix="minutes", quick=[15, 30])
    assert '<div class="nhsuk-input-wrapper__suffix" aria-hidden="true">minutes</div>' in html
    assert html.count('data-fill="it"') == 2
    assert 'data-value="30"' in html
    assert 'role="group" aria-label="Minutes, quick choices" hidden>' in html


@pytest.mark.parametrize(
    "field", [StringField("What is it?"), CodeRadio("What is it?", codes=CODES), DatePartsField("What is it?")]
)
def test_one_question_a_page_has_its_label_as_the_heading(draw: Draw, field: Any):
    html = draw(field, heading=True)
    assert html.count("<h1") == 1
    assert "--l" in html


def test_a_field_without_a_component_is_refused_by_name(draw: Draw):
    with pytest.raises(TemplateNotFound, match=r"no component for ListWidget it; draw it in fields\.html"):
        draw(FieldList(StringField("Name"), "Names"))
