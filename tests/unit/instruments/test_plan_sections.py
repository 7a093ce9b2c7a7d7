"""Sections that few plans need: subgroups, families of outcomes, the intervention in words, harms."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from instruments import plan
from instruments.plan import Plan, PlanError
from instruments.plan_sections import INTERVENTION_TEXTS, MULTIPLICITY, Subgroup
from tests.unit.analysis import study


def read(added: str) -> Plan:
    """The invented study's plan with more at its end."""
    return plan.parse(study.PLAN + added)


def faults(added: str) -> tuple[str, ...]:
    with pytest.raises(PlanError) as refusal:
        read(added)
    return refusal.value.faults


def analysing(line: str) -> str:
    return f"\n[analysis]\n{line}\n"


# ---------------------------------------------------------------------------- what is left out


def test_a_plan_that_says_nothing_of_them_has_none_and_adjusts_by_holm():
    found = plan.parse(study.PLAN)
    assert (found.subgroups, found.intervention, found.harms) == ((), (), "")
    assert found.multiplicity == "holm" == MULTIPLICITY[0]
    assert {outcome.family for outcome in found.outcomes} == {""}


def test_saying_what_is_usual_does_not_change_the_hash():
    assert read(analysing('multiplicity = "holm"')).sha256 == plan.parse(study.PLAN).sha256
    assert read(analysing("imputations = 20")).sha256 == plan.parse(study.PLAN).sha256
    assert read("\n[intervention]\n").sha256 == plan.parse(study.PLAN).sha256


def test_each_of_them_changes_the_hash_where_it_is_used():
    added = (
        "", '[[subgroups]]\nname = "sex"', '[[subgroups]]\nname = "sex"\nlabel = "Women and men"',
        '[[subgroups]]\nname = "age"\ncut = [65]', '[[subgroups]]\nname = "age"\ncut = [65, 80]',
        analysing('multiplicity = "hochberg"'), analysing('multiplicity = "none"'), '[intervention]\nwhy = "Loneliness"',
        analysing("imputations = 5"), '[intervention]\nname = "Loneliness"', '[harms]\nsought = "Asked at every visit"',
    )  # fmt: skip
    assert len({read(each).sha256 for each in added}) == len(added)


@pytest.mark.parametrize("number", ["1", "0", "2.5", '"many"', "1001"])
def test_fewer_than_two_imputations_or_far_too_many_are_refused(number: str):
    with pytest.raises(
        PlanError, match=r"plan\.analysis\.imputations: unexpected value .* write a whole number from 2"
    ):
        read(analysing(f"imputations = {number}"))


def test_imputations_are_as_many_as_the_plan_says():
    assert plan.parse(study.PLAN).imputations == 20
    assert read(analysing("imputations = 50")).imputations == 50


def test_a_family_changes_the_hash_of_its_plan():
    named = study.PLAN.replace('instrument = "phq9"\n', 'instrument = "phq9"\nfamily = "mood"\n')
    assert plan.parse(named).outcomes[1].family == "mood"
    assert plan.parse(named).sha256 != plan.parse(study.PLAN).sha256


# ---------------------------------------------------------------------------- subgroups


def test_subgroups_stand_in_the_order_of_the_plan_with_their_cuts():
    found = read('[[subgroups]]\nname = "sex"\n[[subgroups]]\nname = "age"\nlabel = "Age at entry"\ncut = [50, 65.5]')
    assert found.subgroups == (Subgroup("sex", "sex"), Subgroup("age", "Age at entry", (50, 65.5)))


def test_a_subgroup_cannot_be_changed_once_it_is_planned():
    (found,) = read('[[subgroups]]\nname = "sex"').subgroups
    with pytest.raises(FrozenInstanceError):
        found.name = "age"  # type: ignore[misc]


RISING = "plan.subgroups[0].cut: needs the numbers at which the levels begin, in rising order, such as [65, 80]"
REFUSED = {
    "a name that is not declared": (
        'name = "height"',
        "plan.subgroups[0].name: 'height' is not declared; add it under [covariates] with its kind",
    ),
    "no name": ("", "plan.subgroups[0].name: is missing; give it a text"),
    "a number without a cut": ('name = "age"', RISING),
    "cuts that fall": ('name = "age"\ncut = [80, 65]', RISING),
    "a cut twice": ('name = "age"\ncut = [65, 65]', RISING),
    "a category with a cut": (
        'name = "sex"\ncut = [1]',
        "plan.subgroups[0].cut: means nothing beside a category; take it out",
    ),
    "another key": (
        'name = "sex"\nlevels = 2',
        "plan.subgroups[0].levels: is not known here; allowed: name, label, cut",
    ),
}


@pytest.mark.parametrize(("entry", "fault"), REFUSED.values(), ids=REFUSED)
def test_a_subgroup_that_cannot_be_is_refused_with_its_remedy(entry: str, fault: str):
    assert faults(f"[[subgroups]]\n{entry}\n") == (fault,)


def test_a_cut_that_is_no_list_or_holds_no_number_is_named():
    assert faults('[[subgroups]]\nname = "age"\ncut = 65')[0] == (
        "plan.subgroups[0].cut: unexpected value '65'; write a list of numbers"
    )
    assert faults('[[subgroups]]\nname = "age"\ncut = ["old"]') == (
        "plan.subgroups[0].cut: is missing or not a number; give it a number",
    )


def test_a_subgroup_named_twice_is_refused():
    assert faults('[[subgroups]]\nname = "sex"\n[[subgroups]]\nname = "sex"') == (
        "plan.subgroups: 'sex' stands twice; give each its own id",
    )


def test_subgroups_that_are_no_list_are_refused():
    assert faults('[subgroups]\nname = "sex"')[0].endswith("write a list, each entry under [[subgroups]]")


# ---------------------------------------------------------------------------- families


def test_another_way_to_adjust_is_refused_with_those_that_there_are():
    assert faults(analysing('multiplicity = "bonferroni"')) == (
        "plan.analysis.multiplicity: unexpected value 'bonferroni'; allowed: holm, hochberg, none",
    )


def test_the_primary_outcome_is_in_no_family():
    named = study.PLAN.replace("primary = true\n", 'primary = true\nfamily = "mood"\n')
    with pytest.raises(PlanError) as refusal:
        plan.parse(named)
    assert refusal.value.faults == (
        "plan.outcomes[0].family: means nothing for the primary outcome, which is tested by itself; take it out",
    )


def test_a_family_needs_a_name():
    named = study.PLAN.replace('setting = "gp"\n', 'setting = "gp"\nfamily = " "\n')
    with pytest.raises(PlanError) as refusal:
        plan.parse(named)
    assert refusal.value.faults == ("plan.outcomes[2].family: is missing; give it a text",)


# ---------------------------------------------------------------------------- intervention and harms


def test_what_is_written_of_the_intervention_stands_in_the_order_of_the_checklist():
    found = read('[intervention]\ntailoring = "By need"\nname = "A link worker"\nwhy = "Loneliness"')
    assert found.intervention == (("name", "A link worker"), ("why", "Loneliness"), ("tailoring", "By need"))


def test_another_item_of_the_intervention_is_refused_with_those_that_there_are():
    (fault,) = faults('[intervention]\ncost = "Nothing"')
    assert fault == f"plan.intervention.cost: is not known here; allowed: {', '.join(INTERVENTION_TEXTS)}"


@pytest.mark.parametrize("text", ['""', '" "', "3"])
def test_an_item_of_the_intervention_needs_words(text: str):
    assert faults(f"[intervention]\nwhy = {text}") == ("plan.intervention.why: is missing; give it a text",)


def test_how_harms_are_looked_for_is_kept_in_the_planner_s_words():
    assert read('[harms]\nsought = "Asked at every visit"').harms == "Asked at every visit"


def test_a_section_on_harms_that_says_nothing_is_refused():
    assert faults("[harms]\n") == ("plan.harms.sought: is missing; give it a text",)
