"""Any plan, however it is laid out, means the same and has the same hash; any other plan has another."""

from __future__ import annotations

import json
import random
import string
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict
from datetime import date
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from instruments import plan
from instruments.codes import DESIGNS, SETTINGS
from instruments.plan import PlanError

IDS = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
TITLES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30).filter(str.strip)
Tree = dict[str, Any]


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """A valid plan as a tree, with or without each optional part."""
    timepoints = draw(_timepoints())
    covariates = draw(st.dictionaries(IDS, st.sampled_from(["number", "category"]), max_size=3))
    tree: Tree = {
        "study": {"id": draw(IDS), "title": draw(TITLES), "design": draw(st.sampled_from(sorted(DESIGNS)))},
        "arms": draw(_arms()),
        "timepoints": timepoints,
        "outcomes": draw(_outcomes([each["id"] for each in timepoints[1:]], sorted(covariates))),
    }
    if covariates:
        tree["covariates"] = covariates
    if draw(st.booleans()):
        tree["study"]["enrolled_from"] = draw(st.dates(date(2000, 1, 1), date(2020, 1, 1)))
    if draw(st.booleans()):
        tree["study"]["enrolled_until"] = draw(st.dates(date(2020, 1, 1), date(2030, 1, 1)))
    if draw(st.booleans()):
        tree["analysis"] = {"confidence": draw(st.sampled_from([0.8, 0.9, 0.99])), "seed": draw(st.integers(0, 10**9))}
    if draw(st.booleans()):
        tree["measures"] = [{"id": draw(IDS), "minimum": 0, "maximum": draw(st.integers(1, 99)), "better": "lower"}]
    return tree


@st.composite
def _arms(draw: st.DrawFn) -> Tree:
    first, second = draw(st.lists(IDS, min_size=2, max_size=2, unique=True))
    return {first: {"role": "intervention", "label": draw(TITLES)}, second: {"role": "comparison"}}


@st.composite
def _timepoints(draw: st.DrawFn) -> list[Tree]:
    ids = draw(st.lists(IDS, min_size=2, max_size=4, unique=True))
    return [{"id": id, "day": position * 100, "window": [-20, 30]} for position, id in enumerate(ids)]


@st.composite
def _outcomes(draw: st.DrawFn, follow_ups: list[str], covariates: list[str]) -> list[Tree]:
    ids = draw(st.lists(IDS, min_size=1, max_size=3, unique=True))
    outcomes: list[Tree] = [
        {"id": id, "instrument": "phq9", "timepoint": draw(st.sampled_from(follow_ups))} for id in ids
    ]
    if draw(st.booleans()):
        outcomes.append({"id": f"{ids[0]}.use", "setting": draw(st.sampled_from(sorted(SETTINGS)))})
    if covariates and draw(st.booleans()):
        outcomes[0]["covariates"] = draw(st.lists(st.sampled_from(covariates), unique=True))
    outcomes[draw(st.integers(0, len(outcomes) - 1))]["primary"] = True
    return outcomes


def toml(tree: Mapping[str, Any], chance: random.Random | None = None) -> str:
    """The tree as TOML; with `chance` in any order of keys and with comments, spaces and both styles of tables."""
    lines = []
    for name, part in _mixed(tree, chance):
        if isinstance(part, dict):
            lines.append(f"[{name}]" if chance is None or chance.random() < 0.5 else f"[ {name} ]  # a part")
            lines += [f"{_key(key)} = {_value(value, chance)}" for key, value in _mixed(part, chance)]
        else:
            for entry in part:
                lines.append(f"[[{name}]]")
                lines += [f"{key} = {_value(value, chance)}" for key, value in _mixed(entry, chance)]
        if chance is not None:
            lines += ["", "# " + "".join(chance.choices(string.printable[:90], k=12))]
    return "\n".join(lines) + "\n"


def _mixed(part: Mapping[str, Any], chance: random.Random | None) -> list[tuple[str, Any]]:
    items = list(part.items())
    return items if chance is None else chance.sample(items, len(items))


def _key(key: str) -> str:
    return json.dumps(key)


def _value(value: Any, chance: random.Random | None) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{_key(key)} = {_value(each, chance)}" for key, each in _mixed(value, chance))
        return "{ " + inner + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_value(each, chance) for each in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    # JSON leaves DEL as it is, which TOML does not know
    return value.isoformat() if isinstance(value, date) else json.dumps(value, ensure_ascii=False)


@given(trees(), st.randoms(use_true_random=False))
def test_order_of_keys_comments_and_style_do_not_change_a_plan_unless_order_is_its_meaning(
    tree: Tree, chance: random.Random
):
    """The order of arms and covariates is that of the report's rows and stays part of the meaning."""
    settled = deepcopy(tree)
    mixed = toml({name: part for name, part in settled.items() if name not in ("arms", "covariates")}, chance)
    ordered = toml({name: part for name, part in settled.items() if name in ("arms", "covariates")})
    assert plan.parse(mixed + ordered) == plan.parse(toml(tree))
    assert plan.parse(ordered + mixed).sha256 == plan.parse(toml(tree)).sha256


@given(trees())
def test_a_plan_says_what_was_written(tree: Tree):
    parsed = plan.parse(toml(tree))
    assert (parsed.id, parsed.title, parsed.design) == tuple(tree["study"][key] for key in ("id", "title", "design"))
    assert {arm.id: arm.role for arm in parsed.arms} == {id: arm["role"] for id, arm in tree["arms"].items()}
    assert [timepoint.day for timepoint in parsed.timepoints] == [each["day"] for each in tree["timepoints"]]
    assert [outcome.id for outcome in parsed.outcomes] == [each["id"] for each in tree["outcomes"]]
    assert parsed.primary.id == next(each["id"] for each in tree["outcomes"] if each.get("primary"))
    assert {each.name: each.kind for each in parsed.covariates} == tree.get("covariates", {})
    assert parsed.enrolled_from == tree["study"].get("enrolled_from")
    for outcome, written in zip(parsed.outcomes, tree["outcomes"], strict=True):
        assert outcome.setting == written.get("setting")
        assert outcome.covariates == tuple(written.get("covariates", tree.get("covariates", {})))


@given(trees())
def test_what_is_left_out_means_the_same_as_its_default_written_out(tree: Tree):
    spelt = deepcopy(tree)
    for outcome in spelt["outcomes"]:
        outcome.setdefault("label", outcome["id"])
        outcome.setdefault("covariates", list(tree.get("covariates", {})))
        outcome.setdefault("primary", False)
        if "instrument" in outcome:
            outcome |= {"scale": "total", "kind": "continuous"}
    spelt.setdefault("analysis", {}).setdefault("small_number", 10)
    assert plan.parse(toml(spelt)).sha256 == plan.parse(toml(tree)).sha256


def changes(tree: Tree) -> dict[str, Tree]:
    """The same plan with one thing changed that a reader of the report would care about."""
    changed = {}
    for name, change in (
        ("title", lambda t: t["study"].update(title=t["study"]["title"] + "!")),
        ("enrolment", lambda t: t["study"].update(enrolled_from=date(1999, 12, 31))),
        ("window", lambda t: t["timepoints"][-1].update(window=[-20, 29])),
        ("day", lambda t: t["timepoints"][-1].update(day=t["timepoints"][-1]["day"] + 1)),
        ("seed", lambda t: t.setdefault("analysis", {}).update(seed=10**9 + 1)),
        ("small number", lambda t: t.setdefault("analysis", {}).update(small_number=7)),
        ("roles", _swap_roles),
        ("covariate", lambda t: t.setdefault("covariates", {}).update({"a-new-one": "number"})),
    ):
        copy = deepcopy(tree)
        change(copy)  # type: ignore[no-untyped-call]
        changed[name] = copy
    return changed


def _swap_roles(tree: Tree) -> None:
    first, second = tree["arms"].values()
    first["role"], second["role"] = second["role"], first["role"]


@given(trees())
def test_a_change_of_meaning_is_a_change_of_hash(tree: Tree):
    original = plan.parse(toml(tree)).sha256
    hashes = {name: plan.parse(toml(changed)).sha256 for name, changed in changes(tree).items()}
    assert [name for name, sha256 in hashes.items() if sha256 == original] == []
    assert len(set(hashes.values())) == len(hashes)


@given(trees(), st.data())
def test_a_misspelt_key_anywhere_is_named_with_its_place(tree: Tree, data: st.DataObject):
    place, part = data.draw(
        st.sampled_from(
            [("study", tree["study"])]
            + [(f"arms.{id}", arm) for id, arm in tree["arms"].items()]
            + [(f"timepoints[{n}]", each) for n, each in enumerate(tree["timepoints"])]
            + [(f"outcomes[{n}]", each) for n, each in enumerate(tree["outcomes"])]
        )
    )
    part["colour"] = "red"
    with pytest.raises(PlanError) as refused:
        plan.parse(toml(tree))
    assert [each for each in refused.value.faults if each.startswith(f"plan.{place}.colour: is not known here;")]


WHOLE = ("day", "opens", "closes", "seed", "small_number")
WRONG_VALUES = st.sampled_from([None, True, 3, -1, 2.5, "", "x y", [], [1], {}, {"a": 1}, [[]], [{}], date(2025, 1, 1)])


def places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a tree that holds something."""
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [place for key, each in inner for place in ((*path, key), *places(each, (*path, key)))]


@given(trees(), WRONG_VALUES, st.data())
def test_a_wrong_value_anywhere_is_taken_or_refused_by_name_and_never_breaks_the_reader(
    tree: Tree, wrong: Any, data: st.DataObject
):
    *path, last = data.draw(st.sampled_from(places(tree)))
    where: Any = tree
    for key in path:
        where = where[key]
    if wrong is None:
        del where[last]
    else:
        where[last] = wrong
    text = whole_toml(tree)
    try:
        parsed = plan.parse(text)
    except PlanError as refused:
        told = refused.faults
    else:
        told = tuple(unfit(asdict(parsed)))
    assert [fault for fault in told if not fault.startswith("plan.")] == []


def unfit(parsed: Tree) -> list[str]:
    """What a plan may not hold, however it was written."""
    whole = [*(parsed["timepoints"]), parsed]
    wrong = [str(each) for each in parsed["instruments"] if not isinstance(each, str)]
    wrong += [str(each) for each in parsed["outcomes"] if not isinstance(each["primary"], bool)]
    wrong += [str(each) for each in parsed["outcomes"] if not isinstance(each["label"], str)]
    return wrong + [str(each) for part in whole for key, each in part.items() if key in WHOLE and type(each) is not int]


def whole_toml(tree: Tree) -> str:
    """A tree of any shape, one line a part."""
    return "\n".join(f"{_key(name)} = {_value(part, None)}" for name, part in tree.items())


@given(st.text(max_size=200))
def test_any_text_is_a_plan_or_is_refused_with_a_reason(text: str):
    with pytest.raises(PlanError) as refused:
        plan.parse(text)
    assert all(fault.strip() for fault in refused.value.faults)


@given(trees(), st.integers(0, 10**6))
def test_a_plan_torn_at_any_place_is_refused_or_still_a_plan(tree: Tree, place: int):
    text = toml(tree)
    torn = text[: place % len(text)]
    assume(torn.strip())
    try:
        parsed = plan.parse(torn)
    except PlanError:
        return
    assert sum(outcome.primary for outcome in parsed.outcomes) == 1


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("study = 3", "plan.study: unexpected value '3'; write a table, such as { key = value }"),
        ("outcomes = 3", "plan.outcomes: unexpected value '3'; write a list, each entry under [[outcomes]]"),
        ("outcomes = [3]", "plan.outcomes[0]: unexpected value '3'; write a table"),
        ("timepoints = [{ day = 1.5 }]", "plan.timepoints[0].day: unexpected value '1.5'; write a whole number from -36525"),
        ("timepoints = [{ day = inf }]", "plan.timepoints[0].day: is missing or not a number"),
        ("timepoints = [{ day = 9999999999 }]", "plan.timepoints[0].day: unexpected value '9999999999'; write a whole"),
        ("timepoints = [{ window = [-1.5, 3] }]", "plan.timepoints[0].window: needs two numbers of days"),
        ("outcomes = [{ primary = 1 }]", "plan.outcomes[0].primary: unexpected value '1'; write true or false"),
        ("outcomes = [{ covariates = 'age' }]", "plan.outcomes[0].covariates: unexpected value 'age'; write a list of texts"),
        ("outcomes = [{ value_set = 3 }]", "plan.outcomes[0].value_set: is missing; give it a text"),
        ("capture = { instruments = 'phq9' }", "plan.capture.instruments: unexpected value 'phq9'; write a list of texts"),
        ("capture = { instrument = ['phq9'] }", "plan.capture.instrument: is not known here; allowed: instruments"),
        ("analysis = { small_number = -4 }", "plan.analysis.small_number: unexpected value '-4'; write a whole number from 0"),
        ("analysis = { seed = 2.5 }", "plan.analysis.seed: unexpected value '2.5'; write a whole number from 0"),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_kind_is_refused_with_the_kind_that_is_wanted(line: str, fault: str):
    with pytest.raises(PlanError) as refused:
        plan.parse(line)
    assert [each for each in refused.value.faults if each.startswith(fault)]
