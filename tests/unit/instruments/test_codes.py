"""Code lists: the same words on a form, in a column and in a report, fit for a file and for a person to read."""

from __future__ import annotations

import re

import pytest

from instruments import codes, library
from instruments.dataset import TABLES

LISTS = {name: value for name, value in vars(codes).items() if name.isupper()}
EXPORTED = {
    (table.name, column.name): tuple(column.codes)
    for table in TABLES.values()
    for column in table.columns
    if column.codes
}


@pytest.mark.parametrize("name", LISTS)
def test_every_code_fits_a_column_an_address_and_a_spreadsheet(name: str):
    for code in LISTS[name]:
        assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", code), code
        assert len(code) <= 40


@pytest.mark.parametrize("name", LISTS)
def test_every_code_has_a_label_of_its_own_that_begins_with_a_capital(name: str):
    labels = list(LISTS[name].values())
    assert len(set(labels)) == len(labels) > 1
    for label in labels:
        assert label == label.strip()
        assert label[0].isupper()
        assert not label.endswith(".")


def test_every_coded_column_of_the_contract_uses_one_of_the_lists_whole():
    known = {tuple(each) for each in LISTS.values()}
    assert {place: given for place, given in EXPORTED.items() if given not in known} == {}


IN_A_PLAN, STAYS_IN_THE_TRACKER = {"DESIGNS"}, {"RESOURCE_CAPACITIES", "GOAL_STATUSES"}


def test_every_list_is_in_the_contract_or_in_a_plan_or_never_leaves_the_tracker():
    """A list that nobody writes down is a list that nobody needs."""
    used = set(EXPORTED.values())
    unused = {name for name, value in LISTS.items() if tuple(value) not in used}
    assert unused == IN_A_PLAN | STAYS_IN_THE_TRACKER


def test_columns_of_one_name_and_meaning_share_one_list():
    for name in ("deprivation_index", "missing_reason"):
        assert len({given for (_, column), given in EXPORTED.items() if column == name}) == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("CONTACT_MODES", {"home", "face-to-face", "phone", "video", "text", "email", "group"}),
        ("ATTENDANCES", {"attempted", "attended", "did-not-attend", "cancelled"}),
        ("SIGNPOST_KINDS", {"information", "referral", "accompanied"}),
        ("REFERRAL_STATUSES", {"offered", "accepted", "declined", "unreachable"}),
        ("ON_WITHDRAWAL", {"keep", "erase"}),
        ("CONSENT_KINDS", {"service", "research", "linkage", "contact"}),
        ("ASSESSMENT_STATUSES", {"complete", "partial", "declined", "missed"}),
        (
            "NEEDS",
            {
                "loneliness",
                "mental-wellbeing",
                "long-term-condition",
                "healthy-living",
                "money",
                "housing",
                "employment",
                "caring",
                "bereavement",
                "relationships",
                "domestic-abuse",
                "drugs-and-alcohol",
                "food",
                "digital",
                "transport",
                "legal",
                "volunteering",
                "other",
            },
        ),
        ("ROLES", {"intervention", "comparison"}),
    ],
)
def test_lists_that_the_design_names_hold_exactly_its_words(name: str, words: set[str]):
    assert set(LISTS[name]) == words


def test_the_study_designs_are_the_five_that_are_told_apart():
    assert list(codes.DESIGNS) == [
        "controlled-before-after", "cluster-randomised", "individually-randomised", "stepped-wedge", "service-only",
    ]  # fmt: skip


def test_categories_of_resources_end_with_other_so_that_nothing_is_without_one():
    for name in ("RESOURCE_CATEGORIES", "CLOSURE_REASONS", "REFERRAL_SOURCES", "LEAVING_REASONS", "MISSING_REASONS",
                 "NEEDS", "CONDITIONS", "ANSWER_REASONS"):  # fmt: skip
        assert list(LISTS[name])[-1] == "other", name


def test_respondents_of_every_instrument_are_in_the_list():
    for instrument in library():
        assert set(instrument.respondents) <= set(codes.RESPONDENTS), instrument.id


def test_deprivation_says_its_index_and_edition_and_its_steps():
    steps = {code.rsplit("-", 1)[1] for code in codes.DEPRIVATION_INDEXES if code != "other"}
    assert steps == {"decile", "quintile"}
    assert all(re.search(r"20\d\d", label) for code, label in codes.DEPRIVATION_INDEXES.items() if code != "other")
