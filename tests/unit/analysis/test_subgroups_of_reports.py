"""Subgroups as a report shows them: what was planned, one test each, and nobody's small number."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest

from analysis import compare, load
from analysis.cohort import Cohort
from analysis.disclosure import ReleasedTable
from analysis.report import subgroups
from analysis.report.comparison import Comparison
from analysis.report.contents import Contents, Drawing, Section, lay_out
from instruments.plan_sections import Subgroup
from tests.unit.analysis import study

SEX, AGE = '[[subgroups]]\nname = "sex"\n', '[[subgroups]]\nname = "age"\ncut = [45, 65]\n'


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """The invented study with two subgroups, compared once and only read."""
    folder = tmp_path_factory.mktemp("subgroups") / "bundle"
    return compare(load.read(study.write(folder, plan=study.PLAN + SEX + AGE)))


@pytest.fixture(scope="module")
def whole(made: Comparison) -> Contents:
    return lay_out(made)


def section(whole: Contents) -> Section:
    return next(each for each in whole.sections if each.id == "subgroups")


def table(whole: Contents, name: str) -> ReleasedTable:
    return next(each for each in whole.tables if each.name == name)


def cells(whole: Contents, name: str) -> dict[str, list[str]]:
    return {label: [cell.text for cell in row] for label, row in table(whole, name).rows}


def said(whole: Contents) -> str:
    return " ".join(block for block in section(whole).blocks if isinstance(block, str))


# ---------------------------------------------------------------------------- what stands there


def test_a_plan_without_subgroups_has_no_such_section(read: Callable[..., load.Dataset], rows: study.Rows) -> None:
    assert "subgroups" not in [each.id for each in lay_out(compare(read(rows))).sections]


def test_the_section_stands_between_the_outcomes_and_the_missing_data(whole: Contents) -> None:
    ids = [each.id for each in whole.sections]
    assert ids[ids.index("subgroups") - 1 : ids.index("subgroups") + 2] == ["gp", "subgroups", "missing"]


def test_everybody_stands_first_and_levels_follow_in_order(whole: Contents) -> None:
    assert list(cells(whole, "subgroups")) == [
        "Everybody (planned)", "Sex: Female", "Sex: Male", "Age: below 45", "Age: 45 to below 65", "Age: 65 and above",
    ]  # fmt: skip


def test_the_first_row_is_the_planned_estimate(made: Comparison, whole: Contents) -> None:
    planned = made.fitted["eq5d-6m"].main
    row = cells(whole, "subgroups")["Everybody (planned)"]
    assert row[:3] == ["65", "69", f"{planned.estimate:.3f}"]
    assert row[3] == f"{planned.conf_low:.3f} to {planned.conf_high:.3f}"


def test_no_level_has_a_p_value_and_every_subgroup_has_one_test(whole: Contents) -> None:
    assert not any("p" in column.split() for column in table(whole, "subgroups").columns)
    tests = cells(whole, "subgroup-tests")
    assert list(tests) == ["Sex", "Age"]
    assert all(re.fullmatch(r"0\.\d{3}", row[-1]) for row in tests.values())
    assert [row[1].split(" and ")[0] for row in tests.values()] == ["1", "2"]


def test_it_says_that_they_were_planned_and_how_many_tests_there_are(whole: Contents) -> None:
    words = said(whole)
    assert "The plan named 2 subgroups before the comparison was made. 2 tests were made, one for each" in words
    assert "one or more of 2 would fall below 0.05 with a chance of about 10%" in words
    assert "is no sign that the levels differ" in words


def test_one_subgroup_is_spoken_of_as_one(read: Callable[..., load.Dataset], rows: study.Rows) -> None:
    words = said(lay_out(compare(read(rows, study.PLAN + SEX))))
    assert "The plan named one subgroup before the comparison was made. One test was made" in words
    assert "chance of about" not in words


def test_the_figure_has_a_bar_for_each_level_and_says_them_in_words(whole: Contents) -> None:
    (drawing,) = (block for block in section(whole).blocks if isinstance(block, Drawing))
    text = " ".join("".join(each.itertext()) for each in ET.fromstring(drawing.svg).iter() if each.tag.endswith("text"))
    assert "Everybody" in text
    assert "Sex: Male" in text
    assert "Age: below 45" in text
    assert drawing.alt.startswith(
        "Forest plot of the difference between the arms by subgroup: Everybody (planned) -0.020;"
    )
    assert drawing.alt.endswith("The table has every number.")


def test_a_label_of_the_plan_s_own_is_used(read: Callable[..., load.Dataset], rows: study.Rows) -> None:
    found = cells(lay_out(compare(read(rows, study.PLAN + SEX + 'label = "women and men"\n'))), "subgroup-tests")
    assert list(found) == ["Women and men"]


# ---------------------------------------------------------------------------- levels of a number


@pytest.mark.parametrize(
    ("cut", "age", "level"),
    [
        ((65.0,), 64, "below 65"), ((65.0,), 65, "65 and above"), ((50.0, 65.5), 65, "50 to below 65.5"),
        ((50.0, 65.5), 66, "65.5 and above"), ((50.0,), None, None),
    ],
)  # fmt: skip
def test_a_number_belongs_to_the_level_that_begins_at_or_below_it(
    cut: tuple[float, ...], age: int | None, level: str | None, cohort_of: Callable[..., Cohort], rows: study.Rows
) -> None:
    person = rows["people"][0]
    person["birth_year"] = None if age is None else person["entered_on"].year - age
    found = subgroups.levels_of(cohort_of(rows), Subgroup("age", "age", cut))[person["person"]]
    assert found == level if level else found != found


# ---------------------------------------------------------------------------- small numbers and faults


def thin(rows: study.Rows) -> study.Rows:
    """Three people of each arm are of another sex."""
    for person in [line for line in rows["people"] if line["person"].endswith("-0")][:7]:
        person["sex"] = "other"
    return rows


def test_a_small_level_is_neither_estimated_nor_counted(read: Callable[..., load.Dataset], rows: study.Rows) -> None:
    whole = lay_out(compare(read(thin(rows), study.PLAN + SEX)))
    row = cells(whole, "subgroups")["Sex: Other"]
    assert set(row[:2]) <= {"<10", "0"}
    assert row[2:] == [subgroups.TOO_FEW, "–"]
    assert "Levels with fewer than 10 people in an arm are not estimated and not in the model." in said(whole)
    (drawing,) = (block for block in section(whole).blocks if isinstance(block, Drawing))
    assert "Other" not in drawing.alt


def test_where_every_count_may_be_shown_two_people_are_enough(
    read: Callable[..., load.Dataset], rows: study.Rows
) -> None:
    whole = lay_out(compare(read(thin(rows), study.PLAN + "[analysis]\nsmall_number = 0\n" + SEX)))
    row = cells(whole, "subgroups")["Sex: Other"]
    assert all(count.isdigit() for count in row[:2])
    assert re.fullmatch(r"-?0\.\d+", row[2])


def test_a_subgroup_of_one_level_says_why_it_has_no_row(read: Callable[..., load.Dataset], rows: study.Rows) -> None:
    for person in rows["people"]:
        person["lives_alone"] = person["person"] == "s1-0"
    plan = study.PLAN.replace('sex = "category"', 'sex = "category"\nlives_alone = "category"').replace(
        "primary = true", 'primary = true\ncovariates = ["age", "sex"]'
    )
    whole = lay_out(compare(read(rows, plan + '[[subgroups]]\nname = "lives_alone"\n')))
    assert "Living alone could not be looked at: 'lives_alone' has fewer than two levels with 10 people" in said(whole)
    assert not [block for block in section(whole).blocks if not isinstance(block, str)]


def test_few_sites_leave_estimates_and_a_reason_for_no_test(
    read: Callable[..., load.Dataset], rows: study.Rows
) -> None:
    gone = {"s4", "s8"}
    people = {line["person"] for line in rows["people"] if line["site"] in gone}
    for name, lines in rows.items():
        rows[name] = [line for line in lines if line.get("person") not in people and line.get("site") not in gone]
    known = {line["referral"] for line in rows["referrals"]}
    rows["assignments"] = [line for line in rows["assignments"] if line["referral"] in known]
    found = cells(lay_out(compare(read(rows, study.PLAN + SEX))), "subgroup-tests")
    assert found["Sex"] == ["Not tested: with fewer than 4 sites in an arm there is no test", "–", "–"]


def test_where_the_primary_outcome_has_no_estimate_there_are_no_subgroups(
    read: Callable[..., load.Dataset], rows: study.Rows
) -> None:
    for name in ("scores", "assessments"):
        rows[name] = [
            line
            for line in rows[name]
            if (line["instrument"], line["timepoint"]) != ("eq5d-5l", "6m") or line["person"] < "s5"
        ]
    whole = lay_out(compare(read(rows, study.PLAN + SEX)))
    assert "subgroups" not in [each.id for each in whole.sections]


def test_a_count_has_rate_ratios_by_subgroup(read: Callable[..., load.Dataset], rows: study.Rows) -> None:
    plan = study.PLAN.replace("primary = true\n", "").replace('setting = "gp"', 'setting = "gp"\nprimary = true')
    whole = lay_out(compare(read(rows, plan + SEX)))
    assert table(whole, "subgroups").title == "GP attendances by subgroup: rate ratio"
    assert all(float(row[2]) > 0 for row in cells(whole, "subgroups").values())


def test_a_method_on_another_scale_leaves_its_row_open_and_draws_nothing(made: Comparison) -> None:
    from dataclasses import replace

    fitted = made.fitted["eq5d-6m"]
    odd = replace(fitted, answers=(replace(fitted.main, scale="odds ratio"),))
    changed = Comparison(made.cohort, {**made.fitted, "eq5d-6m": odd})
    found = subgroups.subgroups(changed)
    shown = subgroups.differences(changed, found)
    assert shown
    assert [cell.text for cell in shown.rows[0][1][2:]] == ["", "–"]
    assert subgroups.bars(changed, found, lay_out(made).gate) == []
