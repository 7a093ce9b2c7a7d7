"""Whose average a plan asks for: each of the people alike, or each of the sites, and which methods can give it."""

from __future__ import annotations

import re

import pytest

from instruments import plan
from instruments.plan_methods import ALWAYS_BESIDE, ALWAYS_SITES, AVERAGES, EXPLORATORY, METHODS, SERIES, SITES_ALIKE
from tests.unit.instruments.test_plan_methods import OF_KIND, SCORE, TOP, hash_of, outcome_of, refused, written

SITES = 'average = "sites"'
ABLE = (*SITES_ALIKE, *ALWAYS_SITES)
ALL = TOP + f"analysis = {{ {SITES} }}\n"
ANSWERING = [
    (kind, method)
    for kind, named in METHODS.items()
    for method in (*named, *(SERIES if kind == "count" else ()))
    if method not in EXPLORATORY
]


# ---------------------------------------------------------------------------- what is usual


def test_people_count_alike_unless_a_plan_says_otherwise() -> None:
    assert AVERAGES[0] == "people"
    assert outcome_of(SCORE).average == "people"


def test_saying_what_is_usual_leaves_the_hash_as_it_was() -> None:
    top = f'{TOP}analysis = {{ average = "people" }}\n'
    assert hash_of(f'{SCORE}, average = "people"') == hash_of(SCORE) == hash_of(SCORE, top)


def test_counting_sites_alike_is_another_plan() -> None:
    assert hash_of(f"{SCORE}, {SITES}") != hash_of(SCORE)


def test_it_does_not_matter_where_it_is_said() -> None:
    assert hash_of(SCORE, ALL) == hash_of(f"{SCORE}, {SITES}")


# ---------------------------------------------------------------------------- one outcome, or all


def test_what_the_analysis_says_holds_for_every_outcome() -> None:
    second = f'{{ id = "p", {OF_KIND["count"]} }}'
    parsed = plan.parse(f'{ALL}outcomes = [{{ id = "o", primary = true, {SCORE} }}, {second}]\n')
    assert [outcome.average for outcome in parsed.outcomes] == ["sites", "sites"]


def test_what_an_outcome_says_goes_before_what_the_analysis_says() -> None:
    kept = f'{{ id = "p", average = "people", {OF_KIND["time-to-event"]} }}'
    parsed = plan.parse(f'{ALL}outcomes = [{{ id = "o", primary = true, {SCORE} }}, {kept}]\n')
    assert [outcome.average for outcome in parsed.outcomes] == ["sites", "people"]


def test_one_outcome_alone_may_count_sites_alike() -> None:
    second = f'{{ id = "p", {SITES}, {OF_KIND["binary"]} }}'
    parsed = plan.parse(f'{TOP}outcomes = [{{ id = "o", primary = true, {SCORE} }}, {second}]\n')
    assert [outcome.average for outcome in parsed.outcomes] == ["people", "sites"]


# ---------------------------------------------------------------------------- which methods can


@pytest.mark.parametrize(("kind", "method"), [pair for pair in ANSWERING if pair[1] in ABLE])
def test_a_method_that_can_count_sites_alike_may_answer(kind: str, method: str) -> None:
    found = outcome_of(f'{OF_KIND[kind]}, estimator = "{method}", {SITES}')
    assert (found.estimator, found.average) == (method, "sites")


@pytest.mark.parametrize(("kind", "method"), [pair for pair in ANSWERING if pair[1] not in ABLE])
def test_a_method_that_cannot_is_refused_by_name_with_a_way_out(kind: str, method: str) -> None:
    (fault,) = refused(written(f'{OF_KIND[kind]}, estimator = "{method}", {SITES}'))
    assert fault.startswith(f"plan.outcomes[0].average: '{method}' cannot count sites alike; ")
    assert fault.endswith('write average = "people" in the outcome')
    named = re.findall(r"name a method that can \((.+)\), or ", fault)
    of_its_kind = SERIES if method in SERIES else METHODS[kind]
    assert [name for each in named for name in each.split(", ")] == [name for name in of_its_kind if name in ABLE]


def test_what_the_whole_analysis_asks_is_refused_at_the_outcome_that_cannot() -> None:
    second = f'{{ id = "p", {OF_KIND["time-to-event"]} }}'
    (fault,) = refused(f'{ALL}outcomes = [{{ id = "o", primary = true, {SCORE} }}, {second}]\n')
    assert fault.startswith("plan.outcomes[1].average: 'restricted-mean' cannot count sites alike; ")


@pytest.mark.parametrize("kind", ["continuous", "binary", "count"])
def test_the_usual_answer_and_the_usual_check_of_a_kind_can_both(kind: str) -> None:
    assert {METHODS[kind][0], *ALWAYS_BESIDE[kind]} <= set(SITES_ALIKE)


def test_a_method_that_cannot_may_stand_beside() -> None:
    found = outcome_of(f'{SCORE}, beside = ["mmrm"], {SITES}')
    assert found.methods == ("ancova", "did", "mmrm")


def test_every_method_that_can_is_a_method_of_the_plan() -> None:
    assert set(ABLE) <= {method for _, method in ANSWERING}
    assert len(set(ABLE)) == len(ABLE)


# ---------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize("value", ['"clusters"', '"participants"', "1", '""'])
def test_another_word_is_refused_where_it_stands(value: str) -> None:
    (fault,) = refused(written(f"{SCORE}, average = {value}"))
    shown = value.strip('"')
    assert fault == f"plan.outcomes[0].average: unexpected value '{shown}'; allowed: people, sites"


def test_another_word_under_analysis_is_said_once_and_there() -> None:
    (fault,) = refused(written(SCORE, f'{TOP}analysis = {{ average = "clusters" }}\n'))
    assert fault == "plan.analysis.average: unexpected value 'clusters'; allowed: people, sites"


def test_an_analysis_that_is_no_table_is_said_once() -> None:
    assert len(refused(written(SCORE, f"{TOP}analysis = 3\n"))) == 1


def test_where_people_are_the_units_sites_cannot_count_alike() -> None:
    top = f'{TOP}analysis = {{ errors = "classical" }}\n'
    (fault,) = refused(written(f"{SCORE}, {SITES}", top))
    assert fault == (
        'plan.outcomes[0].average: sites cannot count alike where people are the units (errors = "classical"); '
        'write errors = "CR2" under [analysis], or average = "people"'
    )


def test_a_trial_of_people_has_to_say_that_its_errors_are_by_site_first() -> None:
    trial = TOP.replace("controlled-before-after", "individually-randomised")
    assert "people are the units" in refused(written(f"{SCORE}, {SITES}", trial))[0]
    by_site = f'{trial}analysis = {{ errors = "CR2" }}\n'
    assert plan.parse(written(f"{SCORE}, {SITES}", by_site)).primary.average == "sites"


def test_a_method_that_does_not_exist_is_the_only_fault_said_of_it() -> None:
    (fault,) = refused(written(f'{SCORE}, estimator = "magic", {SITES}'))
    assert fault.startswith("plan.outcomes[0].estimator: unexpected value 'magic'")
