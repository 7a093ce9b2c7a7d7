"""What the report says and shows of series of sites, and what it keeps back."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from analysis.cohort import Cohort
from analysis.disclosure import Gate, gate
from analysis.estimators import ESTIMATORS, EVERY_METHOD
from analysis.estimators.series import SERIES_METHODS
from analysis.figures import Moment, around_start
from analysis.report import contents, flow_figure, outcomes, robins, sensitivity, series, words
from analysis.report.comparison import Comparison, compare
from analysis.result import AnalysisError, Estimate, Fitted, PreTrend
from instruments.plan import Outcome
from instruments.plan_methods import SERIES
from tests.unit.analysis import study
from tests.unit.analysis.series_study import allocated, plan, with_months
from tests.unit.analysis.test_words import estimate

Make = Callable[..., Cohort]
OPEN = Gate({}, 10)
STARTS = {"s1": -12, "s2": -12, "s3": 0, "s4": 0, "s5": None, "s6": None, "s7": None, "s8": None}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """The invented study with a fifth fewer attendances at the sites with a link worker."""
    return made(tmp_path_factory, with_months(study.tables()), plan("interrupted-series", "horizon = 11"))


@pytest.fixture(scope="module")
def rolled_out(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    rows = allocated(with_months(study.tables(), starts=STARTS), STARTS)
    for person in rows["people"]:
        person["entered_on"] = study.ENTRY
    return made(tmp_path_factory, rows, plan("callaway-santanna", "period = 6"))


def made(where: pytest.TempPathFactory, rows: study.Rows, text: str) -> Comparison:
    from analysis import load

    return compare(load.read(study.write(where.mktemp("series") / "bundle", rows, text)))


def outcome_of(comparison: Comparison) -> Outcome:
    return comparison.plan.outcomes[-1]


def fitted_of(comparison: Comparison) -> Fitted:
    return comparison.fitted["gp-series"]


def as_primary(comparison: Comparison) -> Comparison:
    """The same, had the series been the primary outcome."""
    plan, last = comparison.plan, outcome_of(comparison)
    outcomes = tuple(replace(outcome, primary=outcome == last) for outcome in plan.outcomes)
    return replace(comparison, cohort=replace(comparison.cohort, plan=replace(plan, outcomes=outcomes)))


# ---------------------------------------------------------------------------- sites are no people


def test_the_flow_of_people_takes_no_sites_or_months_for_people(found: Comparison, rolled_out: Comparison) -> None:
    for comparison, said in ((found, "Analysed: 144 site-months"), (rolled_out, "Analysed: 4 sites")):
        boxes = flow_figure.columns(as_primary(comparison), OPEN)
        assert [boxes[role][-1].lines for role in boxes] == [(said,), (said,)]


def test_the_sheet_for_risk_of_bias_does_not_either(found: Comparison) -> None:
    released = gate([table := robins.sheet(as_primary(found))], 10).table(table)
    rows = {label: cells[0].text for label, cells in released.rows if label.startswith("Analysed")}
    assert rows == {"Analysed: Link worker": "144 site-months", "Analysed: Usual care": "144 site-months"}


def test_the_report_begins_with_what_was_compared(found: Comparison) -> None:
    assert words.compared(found).startswith("People in the arm")
    assert words.compared(as_primary(found)) == (
        "Sites in the arm “Link worker” were compared with sites in the arm “Usual care”."
    )


def test_names_of_effects_by_start_and_period_are_explained(found: Comparison, rolled_out: Comparison) -> None:
    table = outcomes.coefficients(rolled_out)
    assert [label for label, _ in table.rows if re.search(r": \d+ in \d+$", label)]
    assert table.notes == (outcomes.TERMS_BY_START,)
    assert outcomes.coefficients(found).notes == ()


# ---------------------------------------------------------------------------- the methods from a plan


def test_every_method_of_series_can_be_named_and_has_its_function() -> None:
    assert set(SERIES_METHODS) == set(SERIES)
    assert set(EVERY_METHOD) == set(ESTIMATORS) | set(SERIES)


def test_the_effect_that_was_put_in_is_found(found: Comparison, rolled_out: Comparison) -> None:
    for comparison in (found, rolled_out):
        every = [fitted_of(comparison), *(each.fitted for each in comparison.beside["gp-series"])]
        assert len(every) == 2
        for fitted in every:
            assert fitted is not None
            assert fitted.main.estimate == pytest.approx(0.8, abs=0.03)
            assert (fitted.main.conf_high or 1) < 1


def test_an_outcome_without_a_horizon_is_about_the_last_month(found: Comparison) -> None:
    last = replace(outcome_of(found), horizon=None)
    one = SERIES_METHODS["interrupted-series"](found.cohort, last).main
    assert one == fitted_of(found).main


def test_an_earlier_horizon_is_another_answer(found: Comparison) -> None:
    first = SERIES_METHODS["interrupted-series"](found.cohort, replace(outcome_of(found), horizon=0)).main
    terms = {term.term: term.estimate for term in fitted_of(found).terms}
    assert math.log(first.estimate) == pytest.approx(terms["arm:post"], abs=1e-10)
    assert first.estimate != fitted_of(found).main.estimate


def test_a_horizon_beyond_the_series_is_refused(found: Comparison) -> None:
    with pytest.raises(
        AnalysisError, match="horizon: 12 lies beyond the last month of the series, 11; name one within"
    ):
        SERIES_METHODS["interrupted-series"](found.cohort, replace(outcome_of(found), horizon=12))


def test_a_season_is_fitted_where_two_years_of_calendar_are_there(rows: study.Rows, cohort_of: Make) -> None:
    def terms(months: range) -> set[str]:
        cohort = cohort_of(with_months(study.tables(), months=months), plan("interrupted-series"))
        return {term.term for term in SERIES_METHODS["interrupted-series"](cohort, cohort.plan.outcomes[-1]).terms}

    assert {"cos 1", "sin 1"} <= terms(range(-12, 12))
    assert not {"cos 1", "sin 1"} & terms(range(-12, 11))


def test_it_says_what_it_counts(found: Comparison, rolled_out: Comparison) -> None:
    assert (fitted_of(found).units, sum(fitted_of(found).n)) == ("site-months", 8 * 36)
    assert (fitted_of(rolled_out).units, fitted_of(rolled_out).n) == ("sites", (4, 4))


# ---------------------------------------------------------------------------- placebo


@pytest.mark.parametrize("method", ["interrupted-series", "event-study"])
def test_a_placebo_run_finds_nothing_and_uses_no_month_from_the_start_on(found: Comparison, method: str) -> None:
    of, outcome = SERIES_METHODS[method], outcome_of(found)
    run = of.placebo(found.cohort, outcome)
    assert (run.main.conf_low or 2) < 1 < (run.main.conf_high or 0)
    rows = of.rows(found.cohort, outcome)
    later = rows[of.time] >= 0
    bent = replace(of, rows=lambda *_: rows.assign(count=rows["count"].where(~later, 1.0)))
    assert bent.placebo(found.cohort, outcome).main == run.main


def test_a_placebo_run_is_the_same_analysis_of_the_time_before(found: Comparison) -> None:
    of, outcome = SERIES_METHODS["event-study"], outcome_of(found)
    rows = of.rows(found.cohort, outcome)
    before = rows[rows["period"] < 0].assign(period=lambda table: table["period"] + 4)
    assert of.placebo(found.cohort, outcome).main == of.function(before, errors="CR2", confidence=0.95).main


def test_a_horizon_that_the_time_before_does_not_reach_is_brought_back(found: Comparison) -> None:
    """Of 24 months before the start the last twelve stand for those after it: the last is numbered 11."""
    far = replace(outcome_of(found), horizon=11)
    near = replace(outcome_of(found), horizon=None)
    of = SERIES_METHODS["interrupted-series"]
    assert of.placebo(found.cohort, far).main == of.placebo(found.cohort, near).main


def test_without_two_periods_before_the_start_there_is_no_placebo(cohort_of: Make) -> None:
    cohort = cohort_of(with_months(study.tables(), months=range(-3, 12)), plan("event-study"))
    with pytest.raises(AnalysisError, match="there are not two periods before the start"):
        SERIES_METHODS["event-study"].placebo(cohort, cohort.plan.outcomes[-1])


@pytest.mark.parametrize("method", ["callaway-santanna", "sun-abraham"])
def test_where_sites_start_at_different_times_there_is_no_placebo(rolled_out: Comparison, method: str) -> None:
    with pytest.raises(AnalysisError, match="there is no one time before the start"):
        SERIES_METHODS[method].placebo(rolled_out.cohort, outcome_of(rolled_out))
    assert series.placebos(rolled_out, outcome_of(rolled_out)) == {}


def run(low: float | None, high: float | None, value: float = 1.02) -> Fitted:
    answer = replace(estimate(value, 0.9, 1.1, scale="rate ratio"), conf_low=low, conf_high=high)
    return Fitted((answer,), (), (9, 9), (5, 5), (), units="site-months", events={"arm": 500})


@pytest.mark.parametrize(
    ("limits", "verdict"),
    [((0.9, 1.1), "One lies inside the interval."),
     ((1.01, 1.1), "One lies outside the interval: the arms part for other reasons too, and the answer may be one of them."),
     ((None, None), "Without an interval it cannot be said whether one lies inside.")],
)  # fmt: skip
def test_a_placebo_run_is_said_with_what_it_should_be(
    found: Comparison, limits: tuple[float | None, float | None], verdict: str
) -> None:
    (said,) = series.placebo_words(found, {"interrupted-series": run(*limits)}, OPEN)
    assert "Nothing had been offered then, so the rate ratio should be 1. It is 1.02" in said
    assert said.endswith(verdict)


def test_a_placebo_run_that_could_not_be_made_says_why(found: Comparison) -> None:
    (said,) = series.placebo_words(found, {"event-study": "there are not two periods before the start"}, OPEN)
    assert said == "No placebo run of the event study could be made: there are not two periods before the start."
    table = series.placebo_table(found, outcome_of(found), {"event-study": "there is too little"})
    assert table.rows[1][1][0].text == "Not run: there is too little"


# ---------------------------------------------------------------------------- before the start


@pytest.mark.parametrize(
    ("tested", "said"),
    [
        (
            PreTrend(1.157, (7.0, 13.94), 0.385),
            "F 1.16 on 7 and 13.9 degrees of freedom, p = 0.385. They are not seen to have moved apart",
        ),
        (
            PreTrend(9.9, (2.0, 20.0), 0.0004),
            "F 9.90 on 2 and 20.0 degrees of freedom, p < 0.001. The arms did not move alike before the start",
        ),
        (
            PreTrend(7.79, (5.0, math.inf), 0.168),
            "chi-squared 7.79 on 5 degrees of freedom, p = 0.168. They are not seen",
        ),
        (PreTrend(7.0, (1.0, 9.0), 0.0499), "p = 0.050. The arms did not move alike"),
    ],
)
def test_what_was_seen_before_the_start_is_said_with_its_test(tested: PreTrend, said: str) -> None:
    (sentence,) = series.before(replace(run(0.9, 1.1), pre_trend=tested))
    assert said in sentence


def test_a_test_that_was_not_made_says_why_as_a_sentence() -> None:
    (sentence,) = series.before(replace(run(0.9, 1.1), pre_trend="with fewer than 4 sites it cannot be tested"))
    assert sentence == "With fewer than 4 sites it cannot be tested."


def test_where_no_test_belongs_nothing_is_said() -> None:
    assert list(series.before(run(0.9, 1.1))) == []


def test_a_large_p_value_is_never_called_proof() -> None:
    (sentence,) = series.before(replace(run(0.9, 1.1), pre_trend=PreTrend(0.1, (3.0, 8.0), 0.96)))
    assert "that is no proof" in sentence
    assert "moved alike" not in sentence


# ---------------------------------------------------------------------------- the answer in words


def test_the_interrupted_series_says_at_which_month_and_what_it_leans_on(found: Comparison) -> None:
    said = words.answer(found, outcome_of(found), OPEN)
    assert said.startswith(
        "GP attendances of whole practices per person-year at sites of “Link worker” 11 months after the start were 0.8"
    )
    assert "had each arm kept its level and slope but for what both share." in said
    assert "a difference of \N{MINUS SIGN}" in said
    assert said.endswith("A ratio of one, no difference, lies outside the interval.")


def test_without_a_horizon_it_says_the_last_month(found: Comparison) -> None:
    assert " in the last month were " in words.answer(found, replace(outcome_of(found), horizon=None), OPEN)


def test_a_roll_out_says_from_when_and_compared_with_whom(rolled_out: Comparison) -> None:
    said = words.answer(rolled_out, outcome_of(rolled_out), OPEN)
    assert " from their start on were 0.77 times what they would have been" in said
    assert said.count("had they moved like sites that never started") == 1


def test_where_only_a_difference_is_known_it_is_not_called_a_ratio(rolled_out: Comparison) -> None:
    gap = estimate(-0.5, -0.9, -0.1, scale="rate difference")
    bare = replace(fitted_of(rolled_out), answers=(gap,))
    said = words.answer(replace(rolled_out, fitted={"gp-series": bare}), outcome_of(rolled_out), OPEN)
    assert "per person-year apart from what they would have been" in said
    assert "times" not in said
    assert said.endswith("A difference of zero lies outside the interval.")


def test_an_answer_that_rests_on_few_events_is_not_said(found: Comparison) -> None:
    few = replace(fitted_of(found), events={"arm": 4})
    said = words.answer(replace(found, fitted={"gp-series": few}), outcome_of(found), OPEN)
    assert said.endswith("too few people were analysed for the result to be shown.")


# ---------------------------------------------------------------------------- table and figure


def released(comparison: Comparison, method: str, fitted: Fitted, guard: Gate = OPEN) -> dict[str, list[str]]:
    table = series.table(comparison, outcome_of(comparison), method, fitted)
    return {label: [cell.text for cell in cells] for label, cells in guard.table(table).rows}


def event_study(comparison: Comparison) -> Fitted:
    return series.by_period(comparison, outcome_of(comparison))["event-study"]


def test_the_table_has_a_row_for_every_period_in_words(found: Comparison) -> None:
    rows = released(found, "event-study", event_study(found))
    assert list(rows) == [
        *(f"{-e} before the start" for e in range(-8, -1)),
        "From the start",
        *(f"{e} after the start" for e in (1, 2, 3)),
    ]
    ratio = float(rows["From the start"][0])
    term = next(term for term in event_study(found).terms if term.term == "start+0")
    assert ratio == pytest.approx(math.exp(term.estimate), abs=5e-4)


def test_what_rests_on_few_events_is_held_back_in_table_and_figure(found: Comparison) -> None:
    fitted = event_study(found)
    few = replace(fitted, events={**fitted.events, "start+1": 9, "start-4": 10, "start-5": 0})
    rows = released(found, "event-study", few)
    assert rows["1 after the start"] == ["n<10"] * 3 + rows["1 after the start"][3:]
    assert "n<10" not in rows["4 before the start"] + rows["5 before the start"]
    assert [m.since for m in series.moments(few, "event-study", OPEN)] == [e for e in range(-8, 4) if e != 1]


def test_coefficients_that_rest_on_few_events_are_held_back(found: Comparison) -> None:
    few = replace(event_study(found), events={**event_study(found).events, "start+1": 9})
    table = outcomes.coefficients(replace(found, fitted={"gp-series": few}))
    shown = {label: cells[0].text for label, cells in gate([table], 10).table(table).rows}
    assert shown["GP attendances of whole practices: start+1"] == "n<10"
    assert shown["GP attendances of whole practices: start+2"] != "n<10"


def test_the_figure_has_the_reference_where_there_is_one(found: Comparison, rolled_out: Comparison) -> None:
    drawn = series.moments(event_study(found), "event-study", OPEN)
    assert [m.since for m in drawn] == list(range(-8, 4))
    assert [m for m in drawn if m.low is None] == [Moment(-1, 1.0, None, None)]
    methods = series.by_period(rolled_out, outcome_of(rolled_out))
    assert list(methods) == ["callaway-santanna", "sun-abraham"]
    assert all(m.low is not None for m in series.moments(methods["callaway-santanna"], "callaway-santanna", OPEN))
    assert sum(m.low is None for m in series.moments(methods["sun-abraham"], "sun-abraham", OPEN)) == 1


def test_the_notes_say_what_each_period_is_set_against(rolled_out: Comparison) -> None:
    methods, outcome = series.by_period(rolled_out, outcome_of(rolled_out)), outcome_of(rolled_out)
    notes = {method: series.table(rolled_out, outcome, method, fitted).notes[0] for method, fitted in methods.items()}
    assert notes["callaway-santanna"].startswith("Before the start each period is set against the one before it")
    assert notes["sun-abraham"].startswith("Each period is set against the last before the start.")


def test_who_cannot_see_the_figure_is_told_what_it_shows(found: Comparison) -> None:
    drawn = [
        Moment(-2, 1.01, 0.9, 1.1),
        Moment(-1, 1.0, None, None),
        Moment(0, 0.9, 0.8, 1.0),
        Moment(1, 0.85, 0.8, 0.9),
    ]
    assert series.in_words(drawn, outcome_of(found)) == (
        "Points with intervals by quarters since the start; before it between 1.00 and 1.01; from it on between 0.85 and "
        "0.90. The table has every number."
    )


@pytest.mark.parametrize(
    ("months", "name"), [(1, "Months"), (3, "Quarters"), (6, "Half-years"), (12, "Years"), (4, "Periods of 4 months")]
)
def test_the_axis_names_the_periods(found: Comparison, months: int, name: str) -> None:
    assert series.axes(replace(outcome_of(found), period=months), event_study(found)) == (
        f"{name} since the start",
        "Rate ratio",
    )


def test_the_figure_tells_before_from_after_in_grey_and_marks_the_start() -> None:
    svg = around_start(
        "x", ("Quarters since the start", "Rate ratio"), [Moment(-1, 1.0, None, None), Moment(0, 0.9, 0.8, 1.0)], 1
    )
    assert svg.startswith("<svg")
    for part in (">start<", ">Quarters since the start<", ">Rate ratio<", "stroke-dasharray", "fill: #ffffff"):
        assert part in svg
    assert svg == around_start(
        "x", ("Quarters since the start", "Rate ratio"), [Moment(-1, 1.0, None, None), Moment(0, 0.9, 0.8, 1.0)], 1
    )


def test_a_difference_is_drawn_around_nought() -> None:
    svg = around_start("x", ("Years", "Rate difference"), [Moment(0, -0.3, -0.6, 0.1), Moment(1, 0.0, -0.2, 0.2)], 0)
    assert "Rate difference" in svg


# ---------------------------------------------------------------------------- the rest of the report


def test_the_people_analysed_are_told_of_people_alone(found: Comparison) -> None:
    table = outcomes.analysed(found, found.plan.outcomes, "analysed")
    assert "GP attendances of whole practices" not in [label for label, _ in table.rows]
    assert len(table.rows) == 3


def test_the_table_of_estimates_says_what_was_counted(found: Comparison) -> None:
    table = outcomes.estimates(found, (outcome_of(found),), "x", "X")
    assert [cells[0].text for _, cells in table.rows] == ["288 site-months"] * 2


def test_methods_beside_do_not_subtract_site_months_from_people(found: Comparison) -> None:
    table = sensitivity.others(found, outcome_of(found))
    assert (table.sums, table.implied) == ((), ())
    assert [cells[0].text for _, cells in table.rows] == ["288 site-months", "96 site-periods"]


def test_rates_of_sites_add_up_what_is_in_the_bundle(found: Comparison) -> None:
    table = series.rates(found, outcome_of(found))
    assert table is not None
    rows = dict(OPEN.table(table).rows)
    use = found.cohort.dataset["site_use"]
    own = use[use["site"].isin(["s1", "s2", "s3", "s4"]) & (use["from_on"] < "2024-03-01")]
    assert rows["Events before the start"][0].values["count"] == own["count"].sum()
    assert rows["Person-years before the start"][0].values == {"years": pytest.approx(own["person_years"].sum())}
    rate = rows["Rate per person-year before the start"][0].values["rate"]
    assert rate == pytest.approx(own["count"].sum() / own["person_years"].sum())


def test_small_counts_of_sites_are_held_back_with_their_rates(found: Comparison) -> None:
    table = series.rates(found, outcome_of(found))
    assert table is not None
    guard = gate([table], 10**7)
    assert all(
        cell.text == f"<{10**7}" for label, cells in guard.table(table).rows if "Person" not in label for cell in cells
    )


def test_the_whole_report_of_each_can_be_laid_out(found: Comparison, rolled_out: Comparison) -> None:
    for comparison, figures in ((found, {"event-study"}), (rolled_out, {"callaway-santanna", "sun-abraham"})):
        whole = contents.lay_out(comparison)
        names = {drawing.name for drawing in whole.drawings}
        assert {f"since-gp-series-{method}" for method in figures} <= names
        assert all(drawing.alt for drawing in whole.drawings)
        assert len({table.name for table in whole.tables}) == len(whole.tables)


@pytest.mark.parametrize("primary", [True, False])
def test_a_primary_outcome_of_sites_says_on_what_it_stands(found: Comparison, primary: bool) -> None:
    planned = found.plan
    first = tuple(replace(outcome, primary=(outcome.id == "gp-series") == primary) for outcome in planned.outcomes)
    moved = replace(found, cohort=replace(found.cohort, plan=replace(planned, outcomes=first)))
    said = " ".join(words.how_sure(moved, OPEN))
    assert ("The answer stands on 288 site-months." in said) == primary
    assert ("The interval allows for what is counted of one site being alike." in said) == primary


def test_an_estimate_of_people_rests_on_its_smaller_arm() -> None:
    answer: Estimate = estimate(1.0, 0.5, 1.5)
    assert Fitted((answer,), (), (12, 7), (5, 5), (), events={"arm": 3}).rests_on("arm") == 7


def test_sites_that_are_counted_one_by_one_are_shown_by_arm(rolled_out: Comparison, found: Comparison) -> None:
    without = replace(fitted_of(rolled_out), n_clusters=None)
    cells = [outcomes.in_estimate_columns(each, each.main, 2)[0] for each in (without, fitted_of(rolled_out))]
    assert cells[0].text.format(**cells[0].stats) == "4 and 4"
    assert cells[0] == cells[1]
    of_months = replace(fitted_of(found), n_clusters=None)
    assert outcomes.in_estimate_columns(of_months, of_months.main, 2)[0].text == "site-months"


def test_a_series_is_not_said_to_be_adjusted_for_facts_of_people(rolled_out: Comparison) -> None:
    said = words.adjusted_for(rolled_out, outcome_of(rolled_out))
    assert said == "what each site's series was before the start"
    people = next(each for each in rolled_out.plan.outcomes if each.id == "gp")
    assert words.adjusted_for(rolled_out, people).startswith("the rate before entry")


@pytest.mark.parametrize(("gap", "said"), [(0.0, "made is 0."), (0.5, "made lies between 0.")])
def test_two_estimates_that_look_alike_are_no_span(gap: float, said: str, found: Comparison) -> None:
    primary = found.plan.primary
    planned = found.fitted[primary.id]
    main = replace(planned.main, estimate=0.05)
    other = replace(planned, answers=(replace(main, estimate=0.05 + gap),))
    beside = tuple(replace(each, fitted=other) if each.method == "did" else each for each in found.beside[primary.id])
    changed = replace(
        found,
        fitted={**found.fitted, primary.id: replace(planned, answers=(main,))},
        beside={**found.beside, primary.id: beside},
    )
    (text,) = sensitivity.bracket(changed, primary, OPEN)
    assert said in text
    assert ("between" in text) == bool(gap)
