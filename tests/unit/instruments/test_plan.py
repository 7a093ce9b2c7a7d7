"""The plan: ten lines suffice, contradictions are refused by name, and meaning has one hash."""

from __future__ import annotations

from datetime import date

import pytest

from instruments import plan
from instruments.plan import PlanError

SHORT = """
study = { id = "s", title = "A study", design = "controlled-before-after" }
arms.a = { role = "intervention" }
arms.b = { role = "comparison" }
timepoints = [{ id = "baseline", day = 0 }, { id = "12m", day = 365 }]
outcomes = [{ id = "phq9", instrument = "phq9", primary = true }]
"""


def faults(text: str) -> tuple[str, ...]:
    with pytest.raises(PlanError) as refused:
        plan.parse(text)
    return refused.value.faults


def test_a_short_plan_is_filled_in_with_sensible_defaults():
    parsed = plan.parse(SHORT)
    assert parsed.primary.timepoint == "12m"
    assert (parsed.primary.scale, parsed.primary.kind, parsed.primary.label) == ("total", "continuous", "phq9")
    assert (parsed.errors, parsed.confidence, parsed.small_number) == ("CR2", 0.95, 10)
    assert parsed.arm("intervention").id == "a"
    assert (parsed.baseline.opens, parsed.baseline.closes) == (-28, 28)


def test_people_who_were_allocated_themselves_need_no_cluster_correction():
    assert plan.parse(SHORT.replace("controlled-before-after", "individually-randomised")).errors == "classical"


def test_the_hash_is_of_the_meaning_and_not_of_the_layout():
    spread = "# a comment\n" + SHORT.replace('arms.a = { role = "intervention" }', 'arms.a.role = "intervention"\n')
    assert plan.parse(spread).sha256 == plan.parse(SHORT).sha256
    assert plan.parse(SHORT.replace("365", "360")).sha256 != plan.parse(SHORT).sha256


def test_timepoints_stand_in_order_of_their_day_and_know_their_window():
    parsed = plan.parse(SHORT.replace('{ id = "baseline", day = 0 }, { id = "12m", day = 365 }', '{ id = "12m", day = 365 }, { id = "baseline", day = 0 }'))  # fmt: skip
    assert [timepoint.id for timepoint in parsed.timepoints] == ["baseline", "12m"]
    assert parsed.timepoint("12m").window(date(2025, 1, 1)) == (date(2025, 12, 4), date(2026, 1, 29))


def test_an_enrolment_window_is_part_of_the_plan():
    text = SHORT.replace(
        'title = "A study"', 'title = "A study", enrolled_from = 2025-01-01, enrolled_until = 2025-06-30'
    )
    parsed = plan.parse(text)
    assert (parsed.enrolled_from, parsed.enrolled_until) == (date(2025, 1, 1), date(2025, 6, 30))
    assert faults(text.replace("2025-06-30", "2024-06-30")) == (
        "plan.study.enrolled_until: is before enrolled_from; correct one of the dates",
    )
    assert "write a date without quotes" in faults(text.replace("2025-01-01", '"2025-01-01"'))[0]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('design = "controlled-before-after"', 'design = "hope"', "plan.study.design: unexpected value 'hope'; allowed: controlled-before-after"),
        ('id = "s"', 'id = "My study"', "plan.study.id: 'My study' is not an id; use small letters, digits"),
        ('title = "A study"', 'title = ""', "plan.study.title: is missing; give it a text"),
        ('role = "comparison"', 'role = "intervention"', "plan.arms: needs exactly two arms"),
        ('id = "12m", day = 365', 'id = "baseline", day = 365', "plan.timepoints: 'baseline' stands twice"),
        ('id = "12m", day = 365', 'id = "12m", day = 30', "plan.timepoints: the windows of 'baseline' and '12m' overlap"),
        ('{ id = "baseline", day = 0 }, ', "", "plan.timepoints: needs a baseline and at least one follow-up"),
        ("day = 365", 'day = "soon"', "plan.timepoints[1].day: is missing or not a number"),
        ("day = 365", "day = 365, window = [10, 20]", "plan.timepoints[1].window: needs two numbers of days around"),
        ("primary = true", "primary = false", "plan.outcomes: needs exactly one outcome with primary = true"),
        ("primary = true", 'primary = true, timepoint = "6m"', "plan.outcomes[0].timepoint: unexpected value '6m'; allowed: 12m"),
        ("primary = true", 'primary = true, covariates = ["age"]', "plan.outcomes[0].covariates: 'age' is not declared"),
        ("primary = true", "primary = true, colour = 3", "plan.outcomes[0].colour: is not known here; allowed: id, label"),
        ('instrument = "phq9"', 'setting = "moon"', "plan.outcomes[0].setting: unexpected value 'moon'; allowed: gp"),
        ("outcomes =", 'covariates = { age = "letter" }\noutcomes =', "plan.covariates.age: unexpected value 'letter'; allowed: number, category"),
        ("outcomes =", "analysis = { confidence = 95 }\noutcomes =", "plan.analysis.confidence: 95 is not a confidence level"),
        ("outcomes =", 'measures = [{ id = "bdi", minimum = 63, maximum = 0, better = "lower" }]\noutcomes =', "plan.measures[0].minimum: 63 is not below the maximum 0"),
    ],
)  # fmt: skip
def test_a_contradiction_is_refused_by_place_fault_and_remedy(old: str, new: str, fault: str):
    assert old in SHORT
    assert any(each.startswith(fault) for each in faults(SHORT.replace(old, new)))


def test_every_fault_is_told_at_once():
    assert len(faults("[study]\ntitle = 3\n")) >= 4


def test_what_is_not_toml_says_so():
    assert faults("[study")[0].startswith("plan: is not valid TOML")


def test_a_covariate_that_the_dataset_does_not_have_is_named():
    parsed = plan.parse(SHORT.replace("outcomes =", 'covariates = { age = "number", drug = "category" }\noutcomes ='))
    plan.check_covariates(parsed, ["drug"])
    with pytest.raises(PlanError, match=r"plan\.covariates\.drug: is not in the dataset; known: age, birth_year"):
        plan.check_covariates(parsed, [])


def test_a_measure_of_the_plans_own_is_found_by_its_scale():
    text = SHORT.replace(
        "outcomes =", 'measures = [{ id = "bdi", minimum = 0, maximum = 63, better = "lower" }]\noutcomes ='
    )
    measure = plan.parse(text).measure("bdi", "total")
    assert measure is not None
    assert (measure.label, measure.maximum) == ("bdi", 63)
    assert plan.parse(text).measure("bdi", "other") is None
