"""The read-only feed of one study's directory, in the paths of the Open Referral UK standard. Off unless it is set."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NoReturn

from flask import Blueprint, abort, current_app, jsonify, make_response, request, url_for
from werkzeug.wrappers import Response

from instruments.codes import RESOURCE_CATEGORIES

from ..forms.fields import printable
from ..open_referral import feed
from ..queries import public_directory as directory
from ..queries.resources import Search
from ..queries.scope import NotFound
from .gate import rule

pages = Blueprint("open_referral", __name__, url_prefix="/api/open-referral")
PER_PAGE, MOST_PER_PAGE = 50, 500
KEPT_FOR = 300  # seconds


@pages.before_request
def _only_if_open() -> None:
    if not current_app.config["PUBLIC_DIRECTORY"]:
        abort(404)


@pages.after_request
def _for_everyone(response: Response) -> Response:
    """Any page on the web may read it, and may keep it for five minutes."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    if response.status_code == 200:
        response.cache_control.public = True
        response.cache_control.max_age = KEPT_FOR
        response.add_etag()
        return response.make_conditional(request)
    return response


@pages.errorhandler(NotFound)
def _unknown(_: NotFound) -> tuple[Response, int]:
    return jsonify(error="There is nothing with this id in the feed."), 404


@pages.get("/")
@rule("public")
def about() -> Response:
    return jsonify(feed.metadata())


@pages.get("/services")
@rule("public")
def services() -> Response:
    shown = feed.service if request.args.get("full") == "true" else feed.service_in_list
    return _list(
        lambda number, size: directory.entries(_study(), _search(), number, size, by=None),
        lambda each: shown(each, _base()),
    )


@pages.get("/services/<id>")
@rule("public")
def service(id: str) -> Response:
    return jsonify(feed.service(directory.entry(_study(), id, by=None), _base()))


@pages.get("/service_at_locations")
@rule("public")
def service_at_locations() -> Response:
    return _list(
        lambda number, size: directory.entries_with_a_place(_study(), number, size, by=None),
        lambda each: feed.at_location_with_service(each, _base()),
    )


@pages.get("/service_at_locations/<id>")
@rule("public")
def service_at_location(id: str) -> Response:
    for each in directory.everything(_study(), by=None):
        if feed.has_location(each) and feed.at_location_id(each) == id:
            return jsonify(feed.at_location(each) | {"service": feed.service(each, _base())})
    raise NotFound


@pages.get("/organizations")
@rule("public")
def organizations() -> Response:
    return _list(
        _sliced(list(_providers().values())), lambda each: feed.organization(each[0].study_id, each[0].provider)
    )


@pages.get("/organizations/<id>")
@rule("public")
def organization(id: str) -> Response:
    found = _providers().get(id)
    if found is None:
        raise NotFound
    return jsonify(feed.organization_with_services(str(found[0].provider), found, _base()))


@pages.get("/taxonomies")
@rule("public")
def taxonomies() -> Response:
    return _list(_sliced([feed.taxonomy()]), lambda each: each)


@pages.get("/taxonomies/<id>")
@rule("public")
def taxonomy(id: str) -> Response:
    if id != feed.taxonomy_id():
        raise NotFound
    return jsonify(feed.taxonomy())


@pages.get("/taxonomy_terms")
@rule("public")
def taxonomy_terms() -> Response:
    return _list(_sliced([feed.term(category) for category in RESOURCE_CATEGORIES]), lambda each: each)


@pages.get("/taxonomy_terms/<id>")
@rule("public")
def taxonomy_term(id: str) -> Response:
    category = _categories().get(id)
    if category is None:
        raise NotFound
    return jsonify(feed.term(category))


def _study() -> directory.Study:
    return directory.study(current_app.config["PUBLIC_DIRECTORY"], by=None)


def _base() -> str:
    return url_for(".about", _external=True).rstrip("/")


def _categories() -> dict[str, str]:
    return {feed.term_id(category): category for category in RESOURCE_CATEGORIES}


def _providers() -> dict[str, list[directory.Resource]]:
    """Entries by the id of who runs them, by name."""
    found: dict[str, list[directory.Resource]] = {}
    for each in directory.everything(_study(), by=None):
        if each.provider:
            found.setdefault(feed.organization_id(each.study_id, each.provider), []).append(each)
    return dict(sorted(found.items(), key=lambda pair: str(pair[1][0].provider).casefold()))


def _search() -> Search:
    """Words and a category; a category or taxonomy that is not ours finds nothing."""
    term, taxonomy_id = request.args.get("taxonomy_term_id"), request.args.get("taxonomy_id")
    category = _categories().get(term, "none of ours") if term else None
    if taxonomy_id and taxonomy_id != feed.taxonomy_id():
        category = "none of ours"
    return Search(printable(request.args.get("search", ""))[:100], category)


def _sliced(everything: list) -> Callable[[int, int], tuple[list, int]]:
    return lambda number, size: (everything[(number - 1) * size : number * size], len(everything))


def _list(found: Callable[[int, int], tuple], shown: Callable) -> Response:
    number, size = _number("page", 1), min(_number("per_page", PER_PAGE), MOST_PER_PAGE)
    entries, total = found(number, size)
    return jsonify(feed.page([shown(each) for each in entries], total, number, size))


def _number(name: str, default: int) -> int:
    text = request.args.get(name, str(default))
    return int(text) if re.fullmatch("[1-9][0-9]{0,5}", text) else _refuse(name)


def _refuse(name: str) -> NoReturn:
    abort(make_response(jsonify(error=f"{name}: give a whole number from 1 to 999999"), 400))
