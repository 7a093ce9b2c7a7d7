"""The day's work without a mouse: Tab, Enter, Space and the arrows, and at each stop one sees where one is."""

from __future__ import annotations

import time

from playwright.sync_api import Locator, Page, expect

from tests.journey.conftest import Live

REMEMBER = """() => {
  const styles = ["outline", "boxShadow", "backgroundColor", "borderColor", "borderWidth", "color", "clip", "clipPath"];
  const of = (each, part) => styles.map((name) => getComputedStyle(each, part)[name]).join();
  window.looks = (each) => [each, each.nextElementSibling].filter(Boolean)
    .flatMap((one) => [null, "::before", "::after"].map((part) => of(one, part))).join("|");
  const all = document.querySelectorAll("a, button, input, select, textarea, summary");
  window.unfocused = new Map([...all].map((each) => [each, window.looks(each)]));
}"""
"""How everything that can be reached looks while it has not the focus, its label included."""

IS_ON_SCREEN = """() => {
  const { top, bottom } = document.activeElement.getBoundingClientRect();
  return bottom > 0 && top < window.innerHeight;
}"""
LOOKS_DIFFERENT = """() => {
  const each = document.activeElement;
  return window.unfocused.has(each) && window.unfocused.get(each) !== window.looks(each);
}"""
WHERE = "document.activeElement.outerHTML.slice(0, 160)"


class Keys:
    """Somebody who has a keyboard alone."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def arrive(self, heading: str) -> None:
        """On a page by its heading, before anything of it has the focus."""
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(heading)
        self.page.wait_for_load_state()
        self.page.evaluate(REMEMBER)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def tab_to(self, target: Locator) -> None:
        """From wherever one is to something, or to one of a group, seeing every stop on the way."""
        for _ in range(100):
            self.press("Tab")
            self._check_seen()
            if target.evaluate_all("all => all.includes(document.activeElement)"):
                return
        raise AssertionError(f"Tab does not lead to {target}")

    def _check_seen(self) -> None:
        assert self.page.evaluate(IS_ON_SCREEN), self.page.evaluate(WHERE)
        for _ in range(20):  # a colour may take a moment to change
            if self.page.evaluate(LOOKS_DIFFERENT):
                return
            time.sleep(0.05)
        raise AssertionError(f"nothing shows that this has the focus: {self.page.evaluate(WHERE)}")

    def mend(self, message: str) -> None:
        """From a rejected form to the first box to mend, by the list of errors, where the focus is already."""
        summary = self.page.locator("[data-error-summary]")
        expect(summary).to_be_focused()
        expect(summary).to_be_in_viewport()
        self.page.evaluate(REMEMBER)
        self.tab_to(summary.get_by_role("link", name=message))
        self.press("Enter")


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("main").get_by_role("button", name=name, exact=True)


def test_a_contact_is_logged_by_keyboard_alone(live: Live, desktop: Page):
    # Given a link worker on their caseload
    live.sign_in(desktop, "link-worker")
    live.open(desktop, "/")
    keys = Keys(desktop)
    keys.arrive("My caseload")
    # When they open the form, choose another way of contact with an arrow, and forget the minutes
    keys.tab_to(desktop.get_by_role("link", name="Log contact with Person Own"))
    keys.press("Enter")
    keys.arrive("Log a contact")
    keys.tab_to(desktop.locator("[name=mode]"))
    keys.press("ArrowRight")
    chosen = desktop.locator("[name=mode]:checked")
    expect(chosen).to_be_focused()
    mode = chosen.get_attribute("value") or ""
    keys.tab_to(button(desktop, "Save contact"))
    keys.press("Enter")
    # Then they are led to the box, and what they chose is kept
    keys.mend("Enter how many minutes the contact took")
    expect(desktop.locator("#minutes")).to_be_focused()
    expect(desktop.locator("#minutes")).to_be_in_viewport()
    expect(chosen).to_have_value(mode)
    # And they put a usual number in, unfold what few need, and fill it in
    keys.tab_to(button(desktop, "45"))
    keys.press("Space")
    expect(desktop.locator("#minutes")).to_have_value("45")
    keys.tab_to(desktop.locator("main summary"))
    keys.press("Enter")
    keys.tab_to(desktop.get_by_label("Another day, or none"))
    keys.press("ArrowRight")
    expect(desktop.get_by_label("In a week")).to_be_checked()
    keys.tab_to(desktop.get_by_label("Private note"))
    desktop.keyboard.type("Rang twice")
    keys.tab_to(button(desktop, "Save contact"))
    keys.press("Enter")
    # And it is saved
    expect(desktop.get_by_role("alert").filter(has_text="The contact with P")).to_be_visible()
    expect(desktop.get_by_role("listitem").filter(has_text="Person Own")).to_contain_text("last today")


def test_a_referral_is_answered_by_keyboard_alone(live: Live, desktop: Page):
    # Given somebody who has not answered yet
    live.sign_in(desktop, "link-worker")
    live.open(desktop, "/referrals/unanswered")
    keys = Keys(desktop)
    keys.arrive("Unanswered referrals")
    waiting = desktop.get_by_role("listitem").filter(has_text="Ines Waiting")
    # When the form is sent before an answer is chosen
    keys.tab_to(waiting.get_by_role("link", name="Record answer"))
    keys.press("Enter")
    keys.arrive("Answer to the referral")
    keys.tab_to(button(desktop, "Save answer"))
    keys.press("Enter")
    # Then the list of errors leads to the first answer, from where arrows go down and up again
    keys.mend("Choose the person's answer")
    accepted, declined = (desktop.get_by_label(name, exact=True) for name in ("Accepted", "Declined"))
    expect(accepted).to_be_focused()
    keys.press("Space", "ArrowDown")
    expect(declined).to_be_focused()
    expect(declined).to_be_checked()
    keys.press("ArrowUp")
    expect(accepted).to_be_checked()
    # And the answer is saved, and they are on the worker's caseload
    keys.tab_to(button(desktop, "Save answer"))
    keys.press("Enter")
    expect(desktop.get_by_role("alert").filter(has_text="The answer was saved.")).to_be_visible()
    expect(desktop.locator(".lwk-glance")).to_contain_text("Link-Worker, since")


def test_whoever_skips_the_menus_is_in_the_page_with_the_next_tab(live: Live, desktop: Page):
    # Given the page of a person, under a header with menus
    live.sign_in(desktop, "link-worker")
    live.open(desktop, "/people/{own}")
    keys = Keys(desktop)
    keys.arrive("Person Own")
    # When the skip link is followed
    keys.tab_to(desktop.get_by_role("link", name="Skip to main content"))
    keys.press("Enter", "Tab")
    # Then the focus stands within the page's own part
    assert desktop.evaluate("document.activeElement.closest('main') !== null"), desktop.evaluate(WHERE)
