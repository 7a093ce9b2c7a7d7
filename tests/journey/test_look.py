"""The look of every page: one page with every field and component, through the real templates in a real browser."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Blueprint, Flask, Response, flash, render_template, request
from flask_wtf import CSRFProtect, FlaskForm
from jinja2 import ChoiceLoader, DictLoader
from playwright.sync_api import Browser, Page, expect
from wtforms import (
    BooleanField,
    EmailField,
    HiddenField,
    PasswordField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    widgets,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from instruments.codes import ATTENDANCES, CONTACT_MODES, ETHNICITIES
from tests.browser import check_accessible, watched_page
from tests.journey.conftest import Live
from tracker import languages
from tracker.forms.fields import CodeRadio, CodeSelect, DatePartsField, WholeNumber, YesNoRadio

# The test server forgets to close a file when a browser leaves before it is sent.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file .*static:ResourceWarning")

TRACKER = Path(__file__).parents[2] / "tracker"
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'"
FREQUENCIES = {0: "Not at all", 1: "Several days", 2: "More than half the days", 3: "Nearly every day"}


class EverythingForm(FlaskForm):
    client_key = HiddenField(default="11111111-1111-4111-8111-111111111111")
    name = StringField("Full name", [InputRequired("Enter the person's full name")], description="As they like it")
    email = EmailField("E-mail address", render_kw={"autocomplete": "email"})
    password = PasswordField("Password", render_kw={"autocomplete": "current-password"})
    mode = CodeRadio("How?", [InputRequired("Choose how the contact was made")], codes=CONTACT_MODES)
    attendance = CodeRadio("Did they attend?", codes=ATTENDANCES, default="attended")
    minutes = WholeNumber("Minutes", [InputRequired("Enter how many minutes the contact took")])
    contacted_on = DatePartsField("Date of the contact", [InputRequired("Enter the date of the contact")])
    lives_alone = YesNoRadio("Do they live alone?")
    ethnicity = CodeSelect("Ethnic group", codes=ETHNICITIES)
    topics = SelectMultipleField(
        "Topics",
        choices=[SelectChoice("money", "Money"), SelectChoice("housing", "Housing")],
        widget=widgets.ListWidget(prefix_label=False),
        option_widget=widgets.CheckboxInput(),
        description="Choose all that apply",
    )
    satisfaction = CodeRadio("How satisfied are they with life?", codes={n: str(n) for n in range(11)}, coerce=int)
    i9 = CodeRadio("Thoughts that they would be better off dead", codes=FREQUENCIES, coerce=int)
    consent = BooleanField("They agree to their data being used", description="They can change their mind later")
    note = TextAreaField("Private note", [Length(max=60, message="Shorten the note to 60 characters")])


PAGE = """
{% extends "layout.html" %}
{% from "fields.html" import field, form_block, submit, post_button %}
{% from "components.html" import back_link, empty_state, link_button, person_banner, safety_panel, score_chart,
   summary_list, table, tag, timeline %}
{% block title %}Log a contact{% endblock %}
{% block back %}{{ back_link("Back to caseload", "/") }}{% endblock %}
{% block content %}
{{ person_banner("Rosa Quill", "S-0042", ["Elm Street Surgery", "Referred 3 March 2025"],
   ["Thoughts of self-harm on 2 May 2025"], url="/") }}
{% call form_block(form) %}
  {{ field(form.name, autocomplete="off") }}
  {{ field(form.email) }}
  {{ field(form.password) }}
  {{ field(form.mode, look="chips") }}
  {{ field(form.attendance) }}
  {{ field(form.minutes, suffix="minutes", quick=[15, 30, 45, 60]) }}
  {{ field(form.contacted_on) }}
  {{ field(form.lives_alone, look="inline") }}
  {{ field(form.ethnicity) }}
  {{ field(form.topics) }}
  {{ field(form.satisfaction, look="scale", low="Not at all satisfied", high="Completely satisfied") }}
  {{ field(form.i9, look="small") }}
  {% call safety_panel("Ask about safety now", field="i9") %}
    <p>Do not leave the person alone with this answer.</p>
  {% endcall %}
  {{ field(form.consent) }}
  {{ field(form.note, rows=3) }}
  {{ submit("Save contact") }}
{% endcall %}
<h2 class="nhsuk-heading-m">Parts of pages</h2>
{{ post_button("Close the referral", "/", hidden={"version": 3}) }}
{{ link_button("Add a person", "/", kind="secondary") }}
{{ summary_list([("Phone", none), ("Lives alone", "Yes", "Change", "/")]) }}
{{ table("Caseload", ["Person", "Last contact", "Contacts", "Status"],
   [["Rosa Quill", "2 May 2025", 4, tag("Open", "green")], ["Bram Okafor", none, 0, tag("Waiting", "yellow")]],
   numeric=[2]) }}
{{ timeline([{"when": "2 May 2025", "title": "Home visit, 45 minutes", "text": "Talked about the garden group",
              "url": "/", "tag": "Attended", "colour": "green"},
             {"when": "3 March 2025", "title": "Referred by the GP"}]) }}
<div class="lwk-charts">
{{ score_chart([("Baseline", 15), ("3 months", none), ("6 months", 9), ("12 months", 6.5)], 0, 27, "PHQ-9",
   better="lower") }}
{{ score_chart([("Baseline", -0.281)], -0.594, 1, "EQ-5D-5L value", better="higher") }}</div>
{{ empty_state("Nobody on your caseload yet", "People referred to you appear here.", "Add a person", "/") }}
{{ safety_panel("Thoughts of self-harm were reported", "Follow your safety plan today.", shown=true) }}
{% endblock %}
"""


def scratch_app() -> Flask:
    """An application with nothing but the look."""
    app = Flask("look", template_folder=str(TRACKER / "templates"), static_folder=str(TRACKER / "static"))
    app.config.update(SECRET_KEY="for tests only", TESTING=True)
    app.jinja_loader = ChoiceLoader([app.jinja_loader, DictLoader({"everything.html": PAGE})])  # type: ignore[list-item]
    CSRFProtect(app)
    security = Blueprint("security", __name__)
    security.add_url_rule("/sign-out", "logout", lambda: "Signed out", methods=["POST"])
    library = Blueprint("library", __name__)
    library.add_url_rule("/instruments", "every", lambda: "Instruments")
    account = Blueprint("account", __name__)
    account.add_url_rule("/account", "view", lambda: "Account")
    for pages in (security, library, account):
        app.register_blueprint(pages)
    languages.init_app(app)
    for name in ("day", "ago", "local_day", "moment"):
        app.template_filter(name)(lambda value, *_: str(value))
    app.add_url_rule("/", "everything", everything, methods=["GET", "POST"])
    app.after_request(strictly)
    return app


def everything() -> tuple[str, int] | str:
    form = EverythingForm()
    if form.validate_on_submit():
        return f"Saved {form.minutes.data} minutes on {form.contacted_on.data}"
    if not form.errors:
        flash("The contact was saved.", "success")
        flash("A signpost is waiting for its answer.", "warning")
    navigation = [("Caseload", "/", True), ("Outcomes due", "/?due", False), ("Resources", "/?resources", False)]
    me = {"name": "Imogen Featherstonehaugh-Blackwood"}
    return render_template("everything.html", form=form, navigation=navigation, me=me), 422 if form.errors else 200


def strictly(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = POLICY
    return response


@pytest.fixture
def phone(serve: Callable[[Flask], str], phone: Page) -> Page:
    """The page on a phone; the bench's watchman fails a test that asks another host or breaks the policy."""
    phone.goto(serve(scratch_app()))
    return phone


@pytest.fixture
def desktop(serve: Callable[[Flask], str], desktop: Page) -> Page:
    """The page on a desk."""
    desktop.goto(serve(scratch_app()))
    return desktop


@pytest.fixture(params=["phone", "desktop"])
def page(request: pytest.FixtureRequest) -> Page:
    """The page, once at each size."""
    opened: Page = request.getfixturevalue(request.param)
    return opened


WIDE = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  const wide = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > width + 1);
  return ["the page", ...wide.map((e) => e.outerHTML.slice(0, 120))];
}"""


def sticks_out(page: Page) -> list[str]:
    """What makes a page scroll sideways."""
    found: list[str] = page.evaluate(WIDE)
    return found


def save(page: Page) -> None:
    page.get_by_role("button", name="Save contact").click()


# --------------------------------------------------------------------------------------- every page


def test_the_checker_names_what_stands_in_the_way(page: Page):
    page.evaluate("document.querySelector('main').append(document.createElement('button'))")
    with pytest.raises(AssertionError, match="button-name"):
        check_accessible(page)


def test_the_checker_finds_nothing_on_a_fresh_page(page: Page):
    check_accessible(page)


def test_the_checker_finds_nothing_on_a_rejected_form(page: Page):
    save(page)
    expect(page.get_by_text("There is a problem")).to_be_visible()
    check_accessible(page)


def test_the_checker_finds_nothing_once_the_safety_prompt_stands(page: Page):
    page.get_by_label("Several days").check()
    check_accessible(page)


@pytest.mark.parametrize("width", [640, 320], ids=["200 per cent", "400 per cent"])
def test_a_desk_screen_zoomed_in_does_not_scroll_sideways(desktop: Page, width: int):
    """Zooming to 200 % on 1280 pixels leaves 640 for the page, to 400 % 320."""
    desktop.set_viewport_size({"width": width, "height": 450})
    assert sticks_out(desktop) == []


def test_a_long_word_in_a_table_is_broken_on_a_phone(phone: Page):
    """An e-mail address has no place of its own to break at."""
    phone.set_viewport_size({"width": 320, "height": 640})
    address = "margaret.featherstonehaugh@elmstead-and-villages.example"
    phone.evaluate(f"document.querySelector('.lwk-table td > :last-child').textContent = '{address}'")
    assert sticks_out(phone) == []


def test_letters_at_twice_their_size_still_fit_a_phone(phone: Page):
    before = phone.locator("h1").evaluate("e => parseFloat(getComputedStyle(e).fontSize)")
    phone.evaluate("document.documentElement.style.fontSize = '200%'")
    after = phone.locator("h1").evaluate("e => parseFloat(getComputedStyle(e).fontSize)")
    assert after == pytest.approx(2 * before)
    assert sticks_out(phone) == []


def test_a_page_is_made_of_our_own_files_only(serve: Callable[[Flask], str], chromium: Browser):
    address = serve(scratch_app())
    with watched_page(chromium, 390, 844) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url.removeprefix(address)))
        page.goto(address, wait_until="networkidle")
        files = {"nhsuk-frontend.css", "tracker.css", "tracker.js"}
        assert {f"/static/{name}" for name in files} <= set(asked)
        assert [url for url in asked if not url.startswith("/")] == []


def test_the_watchman_would_see_a_script_in_the_page(serve: Callable[[Flask], str], chromium: Browser):
    app = scratch_app()
    app.add_url_rule(
        "/inline", view_func=lambda: "<!doctype html><title>x</title><script>document.title = 'run'</script>"
    )
    with pytest.raises(AssertionError, match="Content Security Policy"), watched_page(chromium, 390, 844) as page:
        page.goto(serve(app) + "/inline")


def test_a_page_has_one_heading_a_language_and_a_title(phone: Page):
    expect(phone.get_by_role("heading", level=1)).to_have_text("Log a contact")
    expect(phone).to_have_title("Log a contact – Link worker kit")
    assert phone.locator("html").get_attribute("lang") == "en-GB"


def test_nothing_says_none(phone: Page):
    assert "None" not in phone.content()


# ----------------------------------------------------------------------------------------- keyboard


def test_the_keyboard_goes_from_skip_link_to_header_to_form_in_reading_order(desktop: Page):
    reached = []
    for _ in range(13):
        desktop.keyboard.press("Tab")
        words = desktop.evaluate("document.activeElement.innerText || document.activeElement.name")
        reached.append(" ".join(words.split()))
    assert reached[:9] == [
        "Skip to main content", "Link worker kit", "My account: Imogen Featherstonehaugh-Blackwood", "Sign out", "Caseload", "Outcomes due", "Resources",
        "Back to caseload", "Rosa Quill",
    ]  # fmt: skip
    assert reached[9:] == ["name", "email", "password", "mode"]


def test_the_skip_link_leads_to_the_page_itself(desktop: Page):
    desktop.keyboard.press("Tab")
    expect(desktop.get_by_text("Skip to main content")).to_be_in_viewport()
    desktop.keyboard.press("Enter")
    assert desktop.evaluate("document.activeElement.id") == "main"


def test_what_has_the_focus_looks_different_from_what_has_not(phone: Page):
    looks = "e => { const s = getComputedStyle(e); return [s.outline, s.boxShadow, s.backgroundColor].join('|') }"
    chip = phone.locator("#mode + label")
    for target, seen in [
        (phone.locator("#mode"), chip),
        (phone.locator("#name"), phone.locator("#name")),
        (phone.get_by_role("button", name="Sign out"), phone.get_by_role("button", name="Sign out")),
        (phone.get_by_role("button", name="15 minutes"), phone.get_by_role("button", name="15 minutes")),
    ]:
        before = seen.evaluate(looks)
        target.focus()
        assert seen.evaluate(looks) != before


# -------------------------------------------------------------------------------------------- forms


def test_a_rejected_form_says_so_in_the_title_and_takes_the_focus_to_the_list_of_errors(phone: Page):
    save(phone)
    expect(phone).to_have_title("Error: Log a contact – Link worker kit")
    expect(phone.locator("[data-error-summary]")).to_be_focused()


@pytest.mark.parametrize(
    ("message", "box"),
    [
        ("Enter the person's full name", "name"),
        ("Choose how the contact was made", "mode"),
        ("Enter how many minutes the contact took", "minutes"),
        ("Enter the date of the contact", "contacted_on-day"),
    ],
)
def test_each_error_leads_to_the_first_box_to_mend(phone: Page, message: str, box: str):
    save(phone)
    phone.get_by_role("link", name=message).click()
    expect(phone.locator(f"#{box}")).to_be_focused()


def test_a_partial_date_leads_to_the_box_that_is_empty(phone: Page):
    phone.fill("#contacted_on-day", "31")
    phone.fill("#contacted_on-year", "2025")
    save(phone)
    phone.get_by_role("link", name="Date of the contact needs a day, a month and a year").click()
    expect(phone.locator("#contacted_on-month")).to_be_focused()


def test_each_error_stands_at_its_field_and_is_read_out_with_it(phone: Page):
    save(phone)
    for box, words in [
        ("#name", "As they like it Error: Enter the person's full name"),
        ("#minutes", "Error: Enter how many"),
    ]:
        ids = phone.locator(box).get_attribute("aria-describedby").split()
        said = " ".join(phone.locator(f"#{id}").inner_text() for id in ids)
        assert words in " ".join(said.split())


def test_a_rejected_form_keeps_everything_typed_but_the_password(phone: Page):
    phone.fill("#name", "O'Hara <b>&amp;</b>")
    phone.fill("#password", "not to be sent back")
    phone.fill("#minutes", "a while")
    phone.fill("#contacted_on-day", "31")
    phone.fill("#contacted_on-month", "2")
    phone.fill("#contacted_on-year", "2025")
    phone.get_by_label("Home visit").check()
    phone.get_by_label("Housing").check()
    phone.get_by_label("Yes").check()
    phone.select_option("#ethnicity", "white")
    phone.fill("#note", "\n  first line\nsecond " + "long " * 20)
    phone.locator("input[name=satisfaction][value='7']").check()
    save(phone)
    expect(phone.get_by_role("link", name="31 2 2025 is not a real date")).to_be_visible()
    expect(phone.get_by_role("link", name="Minutes must be a whole number")).to_be_visible()
    kept = {
        box: phone.input_value(box) for box in ("#name", "#password", "#minutes", "#contacted_on-month", "#ethnicity")
    }
    assert kept == {
        "#name": "O'Hara <b>&amp;</b>", "#password": "", "#minutes": "a while", "#contacted_on-month": "2",
        "#ethnicity": "white",
    }  # fmt: skip
    assert phone.input_value("#note") == "\n  first line\nsecond " + "long " * 20
    for label in ("Home visit", "Housing", "Yes"):
        expect(phone.get_by_label(label)).to_be_checked()
    expect(phone.locator("input[name=satisfaction][value='7']")).to_be_checked()


def test_targets_are_big_enough_for_a_thumb(phone: Page):
    targets = phone.locator(
        ".lwk-chips__item, .lwk-quick__button, .nhsuk-button, .lwk-account__button, .lwk-navigation__link"
    )
    boxes = [target.bounding_box() for target in targets.all()]
    assert len(boxes) > 25
    assert all(box["height"] >= 44 and box["width"] >= 44 for box in boxes if box)


def test_eleven_numbers_and_their_ends_are_all_on_a_phone_screen(phone: Page):
    choices = phone.locator("input[name=satisfaction]")
    assert choices.count() == 11
    for choice in choices.all():
        box = choice.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    expect(phone.get_by_text("0: Not at all satisfied")).to_be_visible()
    expect(phone.get_by_text("10: Completely satisfied")).to_be_visible()


def test_one_tap_fills_in_the_minutes(phone: Page):
    button = phone.get_by_role("button", name="45 minutes")
    button.click()
    assert phone.input_value("#minutes") == "45"
    expect(button).to_have_attribute("aria-pressed", "true")
    phone.fill("#minutes", "50")
    expect(button).to_have_attribute("aria-pressed", "false")


def fill_in(page: Page) -> None:
    page.fill("#name", "Rosa Quill")
    page.get_by_label("Phone", exact=True).check()
    page.fill("#minutes", "15")
    for part, figure in (("day", "2"), ("month", "5"), ("year", "2025")):
        page.fill(f"#contacted_on-{part}", figure)


def test_two_taps_on_a_slow_connection_send_a_form_once(serve: Callable[[Flask], str], chromium: Browser):
    app, sent = scratch_app(), []

    @app.before_request
    def slowly() -> None:
        if request.method == "POST":
            sent.append(request.form["minutes"])
            time.sleep(0.6)

    with watched_page(chromium, 390, 844) as page:
        page.goto(serve(app))
        fill_in(page)
        page.get_by_role("button", name="Save contact").evaluate(
            "(e) => { e.click(); setTimeout(() => e.click(), 200) }"
        )
        expect(page.locator("body")).to_have_text("Saved 15 minutes on 2025-05-02")
    assert sent == ["15"]


def leave(page: Page) -> bool:
    """Follow a link away; whether the browser asked first."""
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    with page.expect_event("framenavigated"):
        page.get_by_role("link", name="Back to caseload").click()
    return asked == ["beforeunload"]


def test_leaving_a_half_filled_form_asks_first(phone: Page):
    phone.locator("#name").press_sequentially("Ro")
    assert leave(phone)


def test_leaving_an_untouched_form_does_not_ask(phone: Page):
    assert not leave(phone)


def test_leaving_a_rejected_form_asks_first(phone: Page):
    save(phone)
    expect(phone.get_by_text("There is a problem")).to_be_visible()
    assert leave(phone)


# ------------------------------------------------------------------------------------------- safety


def test_the_safety_prompt_comes_with_the_alarming_answer_and_goes_with_it(phone: Page):
    prompt = phone.get_by_role("alert").filter(has_text="Ask about safety now")
    expect(prompt).to_have_count(0)
    phone.get_by_label("Several days").check()
    expect(prompt).to_be_visible()
    phone.get_by_label("Not at all", exact=True).check()
    expect(prompt).to_have_count(0)


def test_the_safety_prompt_stands_again_when_the_form_comes_back(phone: Page):
    phone.get_by_label("Nearly every day").check()
    save(phone)
    expect(phone.get_by_text("There is a problem")).to_be_visible()
    expect(phone.get_by_role("alert").filter(has_text="Ask about safety now")).to_be_visible()


# ---------------------------------------------------------------------------------- without scripts


def test_a_contact_is_saved_without_any_script(serve: Callable[[Flask], str], chromium: Browser):
    page = chromium.new_page(java_script_enabled=False)
    page.goto(serve(scratch_app()))
    expect(page.get_by_role("button", name="15 minutes")).to_have_count(0)
    save(page)
    expect(page.get_by_text("There is a problem")).to_be_visible()
    fill_in(page)
    save(page)
    expect(page.locator("body")).to_have_text("Saved 15 minutes on 2025-05-02")
    page.close()


# ---------------------------------------------------------------------------------------- components


def test_a_row_of_a_table_is_a_card_on_a_phone_and_stays_a_row_to_a_screen_reader(phone: Page):
    row = phone.get_by_role("row").filter(has_text="Rosa Quill")
    cells = [cell.bounding_box() for cell in row.get_by_role("cell").all()]
    assert len(cells) == 3
    assert [box["y"] for box in cells] == sorted({box["y"] for box in cells}), "one below the other"
    expect(phone.get_by_role("rowheader")).to_have_count(2)
    expect(phone.get_by_role("columnheader")).to_have_count(4)


def test_a_picture_of_scores_says_them_in_words_too(phone: Page):
    chart = phone.get_by_role("img", name="PHQ-9")
    words = " ".join(chart.get_attribute("aria-label").split())
    assert words == "PHQ-9: Baseline 15; 3 months not recorded; 6 months 9; 12 months 6.5."
    assert chart.locator(".lwk-chart__value").all_text_contents() == ["15", "9", "6.5"]
    assert chart.locator(".lwk-chart__line").count() == 1, "no line is drawn across what was not measured"


def test_a_score_stands_at_its_height_between_the_ends_of_its_scale(phone: Page):
    chart = phone.get_by_role("img", name="PHQ-9")
    top, bottom = (float(rule.get_attribute("y1")) for rule in chart.locator(".lwk-chart__rule").all())
    heights = [float(spot.get_attribute("cy")) for spot in chart.locator(".lwk-chart__spot").all()]
    assert heights == pytest.approx([bottom - score / 27 * (bottom - top) for score in (15, 9, 6.5)], abs=0.06)


def test_safety_flags_are_read_out_as_such(phone: Page):
    expect(phone.get_by_role("list", name="Safety").get_by_role("listitem")).to_contain_text(
        "Thoughts of self-harm on 2 May"
    )


def test_every_page_names_its_own_letters_and_leaves_none_to_the_browser(live: Live, phone: Page):
    """A browser's own choice is Times; it showed only where that was installed."""
    live.sign_in(phone, "link-worker")
    for path in ("/", "/people/{own}", "/people/{own}/assessments/phq9/6m"):
        live.open(phone, path)
        fonts = phone.evaluate(
            "[...new Set([...document.querySelectorAll('body, h1, a, button, input, label, legend, td')]"
            ".map((each) => getComputedStyle(each).fontFamily))]"
        )
        assert len(fonts) == 1, fonts
        assert fonts[0].startswith("system-ui")
        assert fonts[0].endswith("sans-serif")
