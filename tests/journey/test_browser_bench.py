"""The journeys' watchman sees what a visitor might not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page

from tests.browser import check_accessible, watched_page

GOOD = "<!doctype html><html lang=en><title>Good</title><main><h1>Good</h1><p>All is well.</p></main>"


def one_page(html: str, status: int = 200) -> Flask:
    application = Flask("one_page")
    application.add_url_rule("/", view_func=lambda: (html, status))
    application.add_url_rule("/favicon.ico", "icon", lambda: ("", 204))
    return application


def test_a_good_page_has_no_complaints(serve: Callable[[Any], str], phone: Page, desktop: Page):
    address = serve(one_page(GOOD))
    for page in (phone, desktop):
        page.goto(address)
        check_accessible(page)
        assert page.title() == "Good"


def test_a_refused_page_is_no_complaint(serve: Callable[[Any], str], phone: Page):
    answer = phone.goto(serve(one_page(GOOD, 422)))
    assert answer is not None
    assert answer.status == 422


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ("<img alt='' src='http://192.0.2.1/x.png'>", "not on this machine"),
        ("<script src='/missing.js'></script>", "answered 404"),
        ("<script>undefinedName()</script>", "undefinedName"),
        ("<script>console.error('lost')</script>", "console: lost"),
    ],
)
def test_a_fault_that_cannot_be_seen_is_told(
    serve: Callable[[Any], str], chromium: Browser, fault: str, complaint: str
):
    address = serve(one_page(GOOD + fault))
    with pytest.raises(AssertionError, match=complaint), watched_page(chromium, 390, 844) as page:
        page.goto(address, wait_until="networkidle")


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>", "image-alt"),
        ("<p style='width: 500px'>wide</p>", "px wider than the screen"),
    ],
)
def test_a_page_that_stands_in_the_way_is_told(serve: Callable[[Any], str], phone: Page, fault: str, told: str):
    page_head = "<meta name=viewport content='width=device-width, initial-scale=1'>"
    phone.goto(serve(one_page(GOOD.replace("<title>", page_head + "<title>") + f"<div role=region>{fault}</div>")))
    with pytest.raises(AssertionError, match=told):
        check_accessible(phone)
