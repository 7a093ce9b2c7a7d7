"""Series of sites from a bundle: which month is which, what is left out, and what is refused with its name."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import date, timedelta

import pandas as pd
import pytest

from analysis.cohort import Cohort
from analysis.result import AnalysisError
from analysis.series import calendar_periods, is_of_calendar, site_months, site_periods, starts
from instruments.plan import Outcome
from tests.unit.analysis import series_study, study
from tests.unit.analysis.series_study import START, allocated, day, plan, with_months

Make = Callable[..., Cohort]
PLAN = plan("interrupted-series")
ROLL_OUT = plan("callaway-santanna")
STARTS = {"s1": -6, "s2": -6, "s3": 0, "s4": 6, "s5": None, "s6": None, "s7": None, "s8": None}


def of(cohort: Cohort, **more: object) -> Outcome:
    """The outcome of series, perhaps with other days left out or another period."""
    from dataclasses import replace

    return replace(cohort.plan.outcomes[-1], **more)  # type: ignore[arg-type]


def refusal(read: Callable[[], object]) -> str:
    with pytest.raises(AnalysisError) as refused:
        read()
    return str(refused.value)


# ---------------------------------------------------------------------------- whole sites in calendar time


def test_every_site_has_every_month_from_two_years_before_to_one_after(rows: study.Rows, cohort_of: Make) -> None:
    cohort = cohort_of(with_months(rows), PLAN)
    found = site_months(cohort, of(cohort))
    assert list(found.columns) == ["arm", "site", "month", "count", "years"]
    assert len(found) == 8 * 36
    for site, own in found.groupby("site"):
        assert own["month"].tolist() == list(range(-24, 12))
        assert own["arm"].unique().tolist() == [int(study.SITES[str(site)] == "link-worker")]


def test_counts_and_years_are_those_of_the_bundle(rows: study.Rows, cohort_of: Make) -> None:
    cohort = cohort_of(with_months(rows), PLAN)
    found = site_months(cohort, of(cohort)).set_index(["site", "month"])
    given = {(line["site"], line["from_on"]): line for line in rows["site_use"]}
    for site, month in (("s1", -24), ("s5", 0), ("s8", 11)):
        line = given[site, day(month)]
        assert found.loc[(site, month), ["count", "years"]].tolist() == [line["count"], line["person_years"]]


def test_another_setting_of_the_same_sites_stays_outside(rows: study.Rows, cohort_of: Make) -> None:
    plain = cohort_of(with_months(rows), PLAN)
    before = site_months(plain, of(plain))
    rows["site_use"] += [line | {"setting": "nurse", "count": 9} for line in rows["site_use"]]
    more = cohort_of(rows, PLAN)
    pd.testing.assert_frame_equal(site_months(more, of(more)), before)


def test_a_start_in_the_middle_of_a_month_leaves_that_month_out(rows: study.Rows, cohort_of: Make) -> None:
    for line in rows["allocations"]:
        line["from_on"] = START + timedelta(14)
    cohort = cohort_of(with_months(rows), PLAN)
    found = site_months(cohort, of(cohort))
    assert sorted(found["month"].unique()) == [*range(-25, -1), *range(11)]
    later = found[(found["site"] == "s1") & (found["month"] == 0)]["count"].item()
    assert later == next(u["count"] for u in rows["site_use"] if u["site"] == "s1" and u["from_on"] == day(1))


@pytest.mark.parametrize(
    ("left_out", "months"), [((29, 0), [*range(-24, -1), *range(12)]), ((0, 31), [*range(-24, 0), *range(1, 12)]),
                             ((60, 61), [*range(-24, -2), *range(2, 12)])],
)  # fmt: skip
def test_months_that_touch_the_days_left_out_are_not_there(
    rows: study.Rows, cohort_of: Make, left_out: tuple[int, int], months: list[int]
) -> None:
    cohort = cohort_of(with_months(rows), PLAN)
    found = site_months(cohort, of(cohort, leave_out=left_out))
    assert sorted(found["month"].unique()) == months


def test_starts_are_those_of_the_intervention_arm_alone(rows: study.Rows, cohort_of: Make) -> None:
    found = starts(cohort_of(allocated(with_months(rows), STARTS), PLAN))
    expected = {site: None if month is None else pd.Timestamp(day(month)) for site, month in STARTS.items()}
    assert {site: None if pd.isna(when) else when for site, when in found.items()} == expected


def test_a_site_that_lacks_a_month_is_named_with_it(rows: study.Rows, cohort_of: Make) -> None:
    with_months(rows)
    rows["site_use"] = [u for u in rows["site_use"] if (u["site"], u["from_on"]) != ("s3", day(5))]
    cohort = cohort_of(rows, PLAN)
    assert refusal(lambda: site_months(cohort, of(cohort))) == (
        "site 's3' has nothing for month 5 (0 is the first from the start on); add it, or leave that site out"
    )


def test_a_site_without_anybody_in_a_month_is_named_with_it(rows: study.Rows, cohort_of: Make) -> None:
    with_months(rows)
    next(u for u in rows["site_use"] if (u["site"], u["from_on"]) == ("s6", day(-3)))["person_years"] = 0.0
    cohort = cohort_of(rows, PLAN)
    assert refusal(lambda: site_months(cohort, of(cohort))) == (
        "site_use: site 's6' has no person-years from 2023-12-01; correct them, or leave the site out"
    )


def test_a_period_that_is_no_month_is_named(rows: study.Rows, cohort_of: Make) -> None:
    with_months(rows)
    last = next(u for u in rows["site_use"] if (u["site"], u["from_on"]) == ("s2", day(11)))
    last["until_on"] = day(13)
    cohort = cohort_of(rows, PLAN)
    said = refusal(lambda: site_months(cohort, of(cohort)))
    assert said == "site_use: site 's2' has a period of 59 days from 2025-02-01; this method needs months"


def test_months_before_the_start_alone_are_refused(rows: study.Rows, cohort_of: Make) -> None:
    cohort = cohort_of(with_months(rows, months=range(-24, 0)), PLAN)
    said = refusal(lambda: site_months(cohort, of(cohort)))
    assert said == "site_use: has no 'gp' from the start (2024-03-01) on; add later months"


def test_sites_with_several_starts_are_sent_to_the_method_that_takes_them(rows: study.Rows, cohort_of: Make) -> None:
    cohort = cohort_of(allocated(with_months(rows), STARTS), PLAN)
    said = refusal(lambda: site_months(cohort, of(cohort)))
    assert said.startswith("sites start on 3 different days, the first on 2023-09-01; name 'callaway-santanna'")


def test_a_site_that_is_in_no_arm_is_named(rows: study.Rows, cohort_of: Make) -> None:
    with_months(rows)
    rows["sites"].append({"site": "s9"})
    rows["site_use"].append(rows["site_use"][0] | {"site": "s9"})
    cohort = cohort_of(rows, PLAN)
    said = refusal(lambda: site_months(cohort, of(cohort)))
    assert said == "site_use: site 's9' is in no arm; allocate it, or leave its rows out"


def test_four_week_periods_are_months_until_they_fall_behind_the_calendar(rows: study.Rows, cohort_of: Make) -> None:
    """Thirteen of them make a year: sooner or later two fall into one month."""
    with_months(rows)
    rows["site_use"] = [
        {"site": site, "setting": "gp", "count": 400, "person_years": 90.0,
         "from_on": START + timedelta(28 * k), "until_on": START + timedelta(28 * (k + 1))}
        for site in study.SITES for k in range(-13, 13)
    ]  # fmt: skip
    cohort = cohort_of(rows, PLAN)
    assert "twice; give calendar months" in refusal(lambda: site_months(cohort, of(cohort)))


# ---------------------------------------------------------------------------- periods of several months


def months(first: int, last: int) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"arm": arm, "site": f"{arm}{place}", "month": month, "count": float(100 + month), "years": 2.0}
            for arm in (0, 1) for place in range(2) for month in range(first, last)
        ]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("first", "last", "length", "periods"),
    [(-24, 12, 3, range(-8, 4)), (-24, 12, 12, range(-2, 1)), (-25, 13, 3, range(-8, 4)), (-2, 2, 1, range(-2, 2)),
     (-7, 5, 6, [-1]), (-12, 6, 6, range(-2, 1))],
)  # fmt: skip
def test_periods_are_counted_from_the_start_and_those_not_whole_are_left_out(
    first: int, last: int, length: int, periods: range | list[int]
) -> None:
    found = site_periods(months(first, last), length)
    assert sorted(found["period"].unique()) == list(periods)
    assert (found["years"] == 2.0 * length).all()


def test_a_period_s_count_is_that_of_its_months() -> None:
    found = site_periods(months(-6, 6), 3).set_index(["site", "period"])
    assert found.loc[("00", -1), "count"] == 97 + 98 + 99
    assert found.loc[("11", 1), "count"] == 103 + 104 + 105


def test_a_month_left_out_takes_its_period_with_it() -> None:
    table = months(-6, 6)
    found = site_periods(table[table["month"] != 1], 3)
    assert sorted(found["period"].unique()) == [-2, -1, 1]


# ---------------------------------------------------------------------------- calendar periods of a roll-out


@pytest.mark.parametrize(
    ("length", "periods"), [(3, range(1, 13)), (6, range(1, 7)), (1, range(1, 37)), (5, range(1, 8))]
)
def test_calendar_periods_are_counted_from_the_first_month(
    rows: study.Rows, cohort_of: Make, length: int, periods: range
) -> None:
    cohort = cohort_of(allocated(with_months(rows, starts=STARTS), STARTS), ROLL_OUT)
    found = calendar_periods(cohort, of(cohort, period=length))
    assert sorted(found["period"].unique()) == list(periods)
    assert len(found) == 8 * len(periods)


def test_a_site_s_start_is_the_period_that_holds_its_first_day(rows: study.Rows, cohort_of: Make) -> None:
    """Months run from 24 before the study's start: month -6 is the 19th of them, and so on."""
    cohort = cohort_of(allocated(with_months(rows, starts=STARTS), STARTS), ROLL_OUT)
    found = calendar_periods(cohort, of(cohort, period=3)).groupby("site")["start"].first()
    assert found.dropna().to_dict() == {"s1": 7, "s2": 7, "s3": 9, "s4": 11}
    assert found.isna().sum() == 4


def test_periods_of_a_year_bear_its_number(rows: study.Rows, cohort_of: Make) -> None:
    whole = range(-26, 10)
    cohort = cohort_of(allocated(with_months(rows, starts=STARTS, months=whole), STARTS), ROLL_OUT)
    found = calendar_periods(cohort, of(cohort, period=12))
    assert sorted(found["period"].unique()) == [2022, 2023, 2024]
    assert found.groupby("site")["start"].first().dropna().to_dict() == {"s1": 2023, "s2": 2023, "s3": 2024, "s4": 2024}


def test_a_row_that_lies_in_two_periods_is_named(rows: study.Rows, cohort_of: Make) -> None:
    with_months(rows, starts=STARTS)
    last = next(u for u in rows["site_use"] if (u["site"], u["from_on"]) == ("s2", day(11)))
    last["until_on"] = day(14)
    cohort = cohort_of(allocated(rows, STARTS), ROLL_OUT)
    assert refusal(lambda: calendar_periods(cohort, of(cohort, period=3))) == (
        "site_use: site 's2' has a row from 2025-02-01 that lies in two periods of 3 months; name the outcome's period "
        "in months, such as period = 12 for years"
    )


def test_a_site_without_a_whole_period_that_others_have_is_named(rows: study.Rows, cohort_of: Make) -> None:
    with_months(rows, starts=STARTS)
    rows["site_use"] = [
        u for u in rows["site_use"] if u["site"] != "s7" or u["from_on"] not in (day(3), day(4), day(5))
    ]
    cohort = cohort_of(allocated(rows, STARTS), ROLL_OUT)
    said = refusal(lambda: calendar_periods(cohort, of(cohort, period=3)))
    assert said == "site 's7' has nothing for period 10; add it, or leave that site out"


def test_a_site_with_part_of_a_period_is_named_with_how_much_it_has(rows: study.Rows, cohort_of: Make) -> None:
    with_months(rows, starts=STARTS)
    rows["site_use"] = [u for u in rows["site_use"] if (u["site"], u["from_on"]) != ("s7", day(3))]
    cohort = cohort_of(allocated(rows, STARTS), ROLL_OUT)
    said = refusal(lambda: calendar_periods(cohort, of(cohort, period=3)))
    assert said == "site 's7' has 2 of 3 months of period 10; add the others, or leave that site out"


def test_a_roll_out_needs_what_whole_sites_used(rows: study.Rows, cohort_of: Make) -> None:
    cohort = cohort_of(rows, ROLL_OUT)
    said = refusal(lambda: calendar_periods(cohort, of(cohort)))
    assert said.startswith("site_use: has no 'gp'; a staggered roll-out is seen in what whole sites use")


# ---------------------------------------------------------------------------- people of the study, since entry


def by_month(rows: study.Rows, before: int = 6, after: int = 6) -> study.Rows:
    """Attendances of everybody by periods of 30 or 31 days around entry."""
    use = []
    for number, person in enumerate(rows["people"]):
        edges = [round(month * 30.4375) for month in range(-before, after + 1)]
        for place, (opens, closes) in enumerate(itertools.pairwise(edges)):
            span = {
                "from_on": person["entered_on"] + timedelta(opens),
                "until_on": person["entered_on"] + timedelta(closes),
            }
            use.append({"person": person["person"], "setting": "gp", "source": "record-extract",
                        "count": (number + place) % 4, **span})  # fmt: skip
    rows["service_use"] = use
    return rows


def test_without_whole_sites_months_are_those_of_people_since_their_entry(rows: study.Rows, cohort_of: Make) -> None:
    cohort = cohort_of(by_month(rows), PLAN)
    assert not is_of_calendar(cohort, of(cohort))
    found = site_months(cohort, of(cohort))
    assert sorted(found["month"].unique()) == list(range(-6, 6))
    assert len(found) == 8 * 12
    own = found[(found["site"] == "s1") & (found["month"] == -6)]
    assert own["count"].item() == sum(number % 4 for number in range(study.PEOPLE_PER_SITE))
    assert own["years"].item() == pytest.approx(study.PEOPLE_PER_SITE * 30 / 365.25, rel=0.04)


def test_with_whole_sites_the_people_s_own_months_do_not_count(rows: study.Rows, cohort_of: Make) -> None:
    cohort = cohort_of(by_month(with_months(rows)), PLAN)
    assert is_of_calendar(cohort, of(cohort))
    assert site_months(cohort, of(cohort))["month"].min() == -24


def test_periods_longer_than_a_month_say_how_long_they_are(rows: study.Rows, cohort_of: Make) -> None:
    cohort = cohort_of(rows, PLAN)
    assert refusal(lambda: site_months(cohort, of(cohort))) == (
        "service_use: a period of 'gp' lasts 365 days; this method needs the months of each person before and after "
        "entry, or those of whole sites in site_use"
    )


def test_a_period_that_entry_divides_is_left_out(rows: study.Rows, cohort_of: Make) -> None:
    by_month(rows)
    straddling = [line for line in rows["service_use"] if line["person"] == "s1-0"][5]
    straddling["until_on"] += timedelta(1)
    straddling["from_on"] += timedelta(1)
    rows["service_use"] = [line for line in rows["service_use"] if line is straddling or line["person"] != "s1-0"]
    cohort = cohort_of(rows, PLAN)
    found = site_months(cohort, of(cohort))
    own = found[(found["site"] == "s1") & (found["month"] == -1)]
    assert own["years"].item() == pytest.approx(19 * 30 / 365.25, rel=0.04)


def test_people_s_own_reports_do_not_count_beside_records(rows: study.Rows, cohort_of: Make) -> None:
    plain = cohort_of(by_month(rows), PLAN)
    before = site_months(plain, of(plain))
    rows["service_use"] += [line | {"source": "self-report", "count": 50} for line in rows["service_use"]]
    more = cohort_of(rows, PLAN)
    pd.testing.assert_frame_equal(site_months(more, of(more)), before)


def test_a_site_with_people_in_both_arms_has_no_series_of_one_arm(rows: study.Rows, cohort_of: Make) -> None:
    moved = {"arm": "usual-care", "site": "s1", "from_on": study.ENTRY + timedelta(30), "method": "geography"}
    rows["allocations"].append(moved)
    cohort = cohort_of(by_month(rows), PLAN)
    assert cohort.people.loc[cohort.people["site"] == "s1", "arm"].nunique() == 2
    assert refusal(lambda: site_months(cohort, of(cohort))) == (
        "people of one site are in both arms; series of sites need sites that are in one"
    )


def test_a_site_whose_people_were_not_followed_for_a_month_is_named(rows: study.Rows, cohort_of: Make) -> None:
    by_month(rows)
    late = {p["person"]: p["entered_on"] + timedelta(100) for p in rows["people"] if p["site"] == "s4"}
    rows["service_use"] = [
        u for u in rows["service_use"] if u["person"] not in late or u["until_on"] < late[u["person"]]
    ]
    cohort = cohort_of(rows, PLAN)
    assert refusal(lambda: site_months(cohort, of(cohort))).startswith(
        "site 's4' has nothing for month 3 (0 is the first"
    )


def test_the_calendar_of_the_invented_study_is_what_the_tests_take_it_for() -> None:
    assert day(0) == START == study.ENTRY
    assert (day(-24), day(11), day(12)) == (date(2022, 3, 1), date(2025, 2, 1), date(2025, 3, 1))
    assert range(-24, 12) == series_study.MONTHS
