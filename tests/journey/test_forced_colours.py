"""Colours that the reader chooses instead of ours: where one is still shows."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.journey.conftest import Live

LINE = "each => getComputedStyle(each).borderBottomColor"
GROUND = "each => getComputedStyle(each).backgroundColor"


@pytest.fixture
def forced(desktop: Page) -> Page:
    desktop.emulate_media(forced_colors="active")
    return desktop


def test_one_part_of_the_menu_alone_is_underlined(live: Live, forced: Page):
    live.sign_in(forced, "link-worker")
    live.open(forced, "/people")
    menu = forced.locator(".lwk-navigation__link")
    here = forced.locator(".lwk-navigation__link[aria-current]")
    assert here.count() == 1
    lines = [each.evaluate(LINE) for each in menu.all()]
    assert lines.count(here.evaluate(LINE)) == 1, lines


@pytest.mark.parametrize("among", [".lwk-switch a", ".lwk-reasons a"])
def test_what_is_chosen_stands_out(live: Live, forced: Page, among: str):
    live.sign_in(forced, "link-worker")
    live.open(forced, "/?show=all")
    chosen = forced.locator(f"{among}[aria-current]")
    assert chosen.count() == 1
    grounds = [each.evaluate(GROUND) for each in forced.locator(among).all()]
    assert len(grounds) > 1
    assert grounds.count(chosen.evaluate(GROUND)) == 1, grounds
