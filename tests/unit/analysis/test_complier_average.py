"""The effect of having met a link worker: Wald's ratio by hand, who counts as having met one, what is said, refusals."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import load
from analysis.cohort import Cohort, assemble
from analysis.contacts import NOTHING_KNOWN, contact_rows_of
from analysis.estimators import ESTIMATORS
from analysis.estimators.ancova import ancova
from analysis.estimators.complier_average import (
    FIRST_STAGE,
    NO_INSTRUMENT,
    SCALE,
    complier_average,
    in_words,
    strength,
)
from analysis.report import compare, write
from analysis.report.rehearsal import refusals
from analysis.result import AnalysisError, Fitted
from instruments.plan import Covariate
from tests.unit.analysis import study as whole_study

AGE = (Covariate("age", "number"),)
Made = Callable[..., Cohort]


def study(
    reached: tuple[float, float] = (0.7, 0.1), gain: float = 3.0, sites_per_arm: int = 8, each: int = 30, seed: int = 1
) -> pd.DataFrame:
    """People who meet a link worker or not, the worse off sooner; meeting one adds `gain` to the score."""
    dice = np.random.default_rng(seed)
    site = np.repeat(np.arange(2 * sites_per_arm), each)
    n, arm = len(site), (site < sites_per_arm).astype(int)
    trouble = dice.normal(size=n)
    wants = np.argsort(np.argsort(-(trouble + dice.normal(size=n)))) / n
    contact = (wants < np.where(arm == 1, *reached)).astype(float)
    own = dice.normal(0, 0.5, 2 * sites_per_arm)[site]
    score = 20 - 2 * trouble + gain * contact + own + dice.normal(size=n)
    before = 20 - trouble + dice.normal(size=n)
    return pd.DataFrame(
        {"arm": arm, "site": site, "contact": contact, "score": score, "baseline": before, "age": dice.normal(size=n)}
    )


# ---------------------------------------------------------------------------- by hand


def with_a_baseline_that_tells_nothing(shares: dict[int, int], scores: dict[tuple[int, int], float]) -> pd.DataFrame:
    """Five sites an arm of ten people; of every five so many with a contact; both halves of the baseline alike."""
    return pd.DataFrame(
        [
            {
                "arm": arm,
                "site": f"{arm}-{site}",
                "baseline": float(half),
                "contact": float(place < with_contact),
                "score": scores[arm, int(place < with_contact)],
            }
            for arm, with_contact in shares.items()
            for site in range(5)
            for half in (0, 1)
            for place in range(5)
        ]
    )


def test_four_of_five_against_one_of_five_is_wald_s_ratio() -> None:
    """Means 10 + 0.8 x 5 = 14 and 8 + 0.2 x 5 = 9, apart by 5; shares apart by 0.6."""
    rows = with_a_baseline_that_tells_nothing({1: 4, 0: 1}, {(1, 1): 15, (1, 0): 10, (0, 1): 13, (0, 0): 8})
    found = complier_average(rows, covariates=())
    assert found.main.estimate == pytest.approx(5 / 0.6, rel=1e-10)
    assert found.terms[-1].estimate == pytest.approx(0.6, rel=1e-10)
    assert found.had == (40, 10)
    assert (found.n, found.n_clusters) == ((50, 50), (5, 5))


@given(high=st.integers(2, 5), low=st.integers(0, 1), scores=st.lists(st.floats(-20, 20), min_size=4, max_size=4))
@settings(max_examples=25, deadline=None)
def test_without_covariates_it_is_the_ratio_of_two_differences_of_means(
    high: int, low: int, scores: list[float]
) -> None:
    keys = [(1, 1), (1, 0), (0, 1), (0, 0)]
    rows = with_a_baseline_that_tells_nothing({1: high, 0: low}, dict(zip(keys, scores, strict=True)))
    means = rows.groupby("arm")[["score", "contact"]].mean()
    wald = (means["score"][1] - means["score"][0]) / (means["contact"][1] - means["contact"][0])
    assert complier_average(rows, covariates=()).main.estimate == pytest.approx(wald, rel=1e-7, abs=1e-7)


def test_the_error_of_wald_s_ratio_is_that_of_the_residuals_mean_by_site() -> None:
    """Sites of one size, no covariate, CR2: the two-sample error of the sites' mean residuals, over the share."""
    rows = study().assign(baseline=lambda own: np.arange(len(own)) % 2.0)
    found = complier_average(rows, covariates=())
    intercept, effect, slope = (term.estimate for term in found.terms[:3])
    left = rows["score"] - intercept - effect * rows["contact"] - slope * rows["baseline"]
    means = left.groupby(rows["site"]).mean()
    arm = rows.groupby("site")["arm"].first()
    spread = math.sqrt(means[arm == 1].var() / 8 + means[arm == 0].var() / 8)
    assert found.main.std_error == pytest.approx(spread / found.terms[-1].estimate, rel=1e-6)
    assert found.main.df == pytest.approx(14, abs=1e-6)


def test_where_the_offer_alone_decides_it_is_ancova() -> None:
    rows = study().assign(contact=lambda own: own["arm"].astype(float))
    found, plain = complier_average(rows, covariates=AGE), ancova(rows, covariates=AGE)
    for one, other in zip(plain.terms, found.terms, strict=False):
        expected = (one.estimate, one.std_error, one.df, one.p_value)
        assert (other.estimate, other.std_error, other.df, other.p_value) == pytest.approx(expected, rel=1e-8)
    assert strength(found) == math.inf
    assert "by 100 percentage points (it alone decided who had one)" in in_words(found)


def test_who_had_one_without_the_offer_is_no_complier_and_the_effect_is_found_all_the_same() -> None:
    """Who meets a link worker is worse off: compared with who does not, meeting one seems to help little."""
    found = [complier_average(study(each=60, seed=seed), covariates=AGE).main.estimate for seed in range(10)]
    seen = [study(each=60, seed=seed).groupby("contact")["score"].mean().diff().iloc[-1] for seed in range(10)]
    assert np.mean(found) == pytest.approx(3, abs=0.35)
    assert np.mean(seen) < 2


def test_the_interval_holds_the_effect_in_nineteen_of_twenty_studies() -> None:
    held = 0
    for seed in range(200):
        answer = complier_average(study(sites_per_arm=5, each=20, seed=seed), covariates=()).main
        assert answer.conf_low is not None
        assert answer.conf_high is not None
        held += answer.conf_low <= 3 <= answer.conf_high
    assert 180 <= held <= 199


def test_exchanging_the_arms_changes_nothing_but_the_first_stage_s_sign() -> None:
    rows = study()
    one, other = (
        complier_average(rows, covariates=AGE),
        complier_average(rows.assign(arm=1 - rows["arm"]), covariates=AGE),
    )
    assert other.main.estimate == pytest.approx(one.main.estimate, rel=1e-9)
    assert other.main.std_error == pytest.approx(one.main.std_error, rel=1e-9)
    assert other.terms[-1].estimate == pytest.approx(-one.terms[-1].estimate, rel=1e-9)


# ---------------------------------------------------------------------------- what it says


def test_the_answer_is_called_exploratory_and_has_a_scale_of_its_own() -> None:
    found = complier_average(study(), covariates=AGE)
    assert found.main.method == "Complier average (exploratory), two-stage least squares, CR2 by site"
    assert found.main.scale == SCALE != "difference"
    assert [term.term for term in found.terms] == ["(Intercept)", "contact", "baseline", "age", FIRST_STAGE]
    assert found.terms[1].scale == "difference"
    assert found.warnings == ()
    between = complier_average(study(), covariates=AGE, errors="classical")
    assert between.main.method.endswith("classical errors")
    assert between.n_clusters is None


def test_a_first_stage_is_said_in_percentage_points_with_its_f() -> None:
    found = complier_average(study(), covariates=AGE)
    raised = found.terms[-1]
    assert raised.std_error is not None
    f = (raised.estimate / raised.std_error) ** 2
    assert strength(found) == pytest.approx(f)
    points = 100 * raised.estimate
    assert in_words(found) == (
        f"The offer raised the share of people with a contact by {points:.0f} percentage points (first-stage F {f:,.1f})."
    )


def test_a_weak_instrument_is_called_weak() -> None:
    found = complier_average(study(reached=(0.35, 0.3)), covariates=AGE)
    f = strength(found)
    assert f is not None
    assert f < 10
    assert found.warnings == (
        f"The offer is a weak instrument for having met a link worker (first-stage F {f:.1f}, below 10): the estimate "
        "leans towards a comparison of who met one with who did not, and its interval is not to be trusted.",
    )


def test_one_site_in_an_arm_gives_no_f_and_no_interval() -> None:
    rows = study()
    rows.loc[rows["arm"] == 1, "site"] = 0
    found = complier_average(rows, covariates=())
    assert strength(found) is None
    assert (found.main.std_error, found.main.conf_low, found.main.p_value) == (None, None, None)
    assert "(too few sites for an F)" in in_words(found)
    assert len(found.warnings) == 1


def test_another_method_has_no_first_stage() -> None:
    plain = ancova(study(), covariates=AGE)
    assert (strength(plain), in_words(plain)) == (None, "")


@pytest.mark.parametrize(("reached", "fewest"), [((0.7, 0.0), 72), ((0.99, 0.0), 3), ((0.7, 0.005), 2)])
def test_it_rests_on_the_fewest_with_a_contact_or_without(reached: tuple[float, float], fewest: int) -> None:
    found = complier_average(study(reached), covariates=())
    assert found.had is not None
    parts = [part for n, had in zip(found.n, found.had, strict=True) for part in (had, n - had) if part]
    assert found.fewest == min(parts)
    assert abs(found.fewest - fewest) <= 8


# ---------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(("contact", "who"), [(0.0, "nobody"), (1.0, "everybody")])
def test_where_contact_is_the_same_for_everybody_nothing_can_be_told(contact: float, who: str) -> None:
    with pytest.raises(AnalysisError, match=f"{who} with a score had met a link worker by then, so that"):
        complier_average(study().assign(contact=contact), covariates=())


def test_where_the_offer_changed_nothing_in_contacts_nothing_can_be_told() -> None:
    rows = with_a_baseline_that_tells_nothing({1: 2, 0: 2}, {(1, 1): 15, (1, 0): 10, (0, 1): 13, (0, 0): 8})
    with pytest.raises(AnalysisError) as refused:
        complier_average(rows, covariates=())
    assert str(refused.value) == NO_INSTRUMENT


def test_unknown_errors_are_refused_with_the_known_ones() -> None:
    with pytest.raises(AnalysisError, match="unknown errors 'HC3'; allowed: CR2"):
        complier_average(study(), covariates=(), errors="HC3")


@pytest.mark.parametrize("column", ["score", "baseline", "age", "contact"])
def test_who_lacks_something_is_left_out_and_counted(column: str) -> None:
    rows = study()
    rows.loc[[0, 479], column] = np.nan
    found = complier_average(rows, covariates=AGE)
    assert found.n == (239, 239)
    same = complier_average(rows.drop(index=[0, 479]), covariates=AGE)
    assert found.main.estimate == same.main.estimate


# ---------------------------------------------------------------------------- who had met one

BESIDE = 'instrument = "phq9"\nbeside = ["complier-average"]'
PLAN = whole_study.PLAN.replace('instrument = "phq9"', BESIDE)
EARLY = {f"s{site}-{place}" for site in range(1, 5) for place in range(15)}
"""Those of the offered, fifteen of each site, who keep their contacts."""


def rows_with(change: Callable[[dict[str, Any]], bool]) -> whole_study.Rows:
    """The invented study with only those contacts that pass."""
    rows = whole_study.tables()
    rows["contacts"] = [contact for contact in rows["contacts"] if change(contact)]
    kept = {contact["contact"] for contact in rows["contacts"]}
    rows["signposts"] = [made for made in rows["signposts"] if made["contact"] in kept]
    return rows


def read(folder: Path, rows: whole_study.Rows, plan: str = PLAN) -> load.Dataset:
    return load.read(whole_study.write(folder / "bundle", rows, plan))


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return lambda rows, plan=PLAN: assemble(read(tmp_path, rows, plan))


def test_an_attended_contact_before_the_score_counts_and_no_other(made: Made) -> None:
    """Of one person the only contact was missed, of another it came the day after the score, of a third on that day."""
    day = {"s1-0": None, "s1-1": 183, "s1-2": 182}
    rows = rows_with(lambda contact: contact["person"] not in day)
    entered = {person["person"]: person["entered_on"] for person in rows["people"]}
    for number, (person, after) in enumerate(day.items()):
        about = {"referral": f"ref-{person}", "worker": "w1", "mode": "home", "minutes": 30}
        rows["contacts"].append(
            {"contact": f"x{number}", "person": person, "contacted_on": entered[person] + timedelta(after or 5), **about,
             "attendance": "attended" if after else "did-not-attend"}
        )  # fmt: skip
    rows["scores"] = [
        score | {"score": 9.0} for score in rows["scores"] if score["person"] not in day or score["timepoint"] != "6m"
    ] + [score for score in rows["scores"] if score["person"] in day and score["timepoint"] == "6m"]
    cohort = made(rows)
    outcome = cohort.plan.outcomes[1]
    found = contact_rows_of(cohort, outcome)
    names = dict(zip(sorted(day), found.loc[[name for name in found.index if name in day]].sort_index()["contact"], strict=True))  # fmt: skip
    measured = found["score"].notna()
    assert {name: value for name, value in names.items() if measured[name]} == {
        name: {"s1-0": 0.0, "s1-1": 0.0, "s1-2": 1.0}[name] for name in day if measured[name]
    }
    others = found[(found["arm"] == 1) & measured & ~found.index.isin(list(day))]
    assert set(others["contact"]) == {1.0}
    assert set(found.loc[found["arm"] == 0, "contact"]) == {0.0}
    assert found.drop(columns="contact").equals(ESTIMATORS["ancova"].rows(cohort, outcome))


def test_where_only_counts_are_known_any_of_them_counts(made: Made) -> None:
    rows = rows_with(lambda _: False)
    for person in rows["people"]:
        met = int(person["person"] in EARLY)
        whole_study.use(rows, person, (0, 182, 3 * met), setting="link-worker")
    cohort = made(rows)
    found = contact_rows_of(cohort, cohort.plan.outcomes[1])
    assert set(found.index[found["contact"] == 1]) == EARLY


def test_without_any_word_of_contacts_it_says_what_to_do(made: Made) -> None:
    cohort = made(rows_with(lambda _: False))
    with pytest.raises(AnalysisError) as refused:
        contact_rows_of(cohort, cohort.plan.outcomes[1])
    assert str(refused.value) == NOTHING_KNOWN
    assert refusals(cohort, (cohort.plan.outcomes[1], "complier-average")) == (NOTHING_KNOWN,)


# ---------------------------------------------------------------------------- in the report


@pytest.fixture
def page(tmp_path: Path) -> Callable[..., str]:
    def shown(rows: whole_study.Rows, plan: str = PLAN) -> str:
        write(compare(read(tmp_path, rows, plan)), tmp_path / "out")
        return (tmp_path / "out" / "report.html").read_text(encoding="utf-8")

    return shown


def test_the_report_calls_it_exploratory_and_says_what_it_leans_on(page: Callable[..., str], tmp_path: Path) -> None:
    shown = page(rows_with(lambda contact: contact["person"] in EARLY))
    assert "Explored because the plan asks for it, and no answer to what it set out to learn" in shown
    assert "as nobody drew lots, if the arms were alike but for what is adjusted for." in shown
    assert "The offer raised the share of people with a contact by" in shown
    assert f"Complier average (exploratory), two-stage least squares, CR2 by site ({SCALE})" in shown
    kept = pd.read_csv(tmp_path / "out" / "sensitivity.csv")
    own = kept[kept["scale"] == SCALE]
    assert list(own["outcome"]) == ["phq9-6m"]
    assert own["estimate"].notna().all()
    drawn = [part.partition("The table has")[0] for part in shown.split("Forest plot of the same difference")[1:]]
    assert any("ANCOVA" in figure for figure in drawn)
    assert not any("Complier" in figure for figure in drawn), "it is no estimate of the same difference"


def test_a_trial_needs_no_arms_alike_by_adjustment(page: Callable[..., str]) -> None:
    drawn = PLAN.replace("controlled-before-after", "cluster-randomised")
    shown = page(rows_with(lambda contact: contact["person"] in EARLY), drawn)
    assert "avoided one because of it." in shown
    assert "as nobody drew lots, if the arms" not in shown


def test_where_few_had_no_contact_nothing_of_it_is_shown(page: Callable[..., str], tmp_path: Path) -> None:
    """Four of eighty: the ratio beside the offer's difference would give their number."""
    shown = page(rows_with(lambda contact: contact["person"] not in {"s1-0", "s2-0", "s3-0", "s4-0"}))
    assert "Too few people of an arm had a contact, or had none, for it to be shown." in shown
    assert "The offer raised the share" not in shown
    kept = pd.read_csv(tmp_path / "out" / "sensitivity.csv")
    assert kept.loc[kept["scale"] == SCALE, ["estimate", "std_error", "p_value"]].isna().all(axis=None)


def test_who_asks_for_nothing_of_the_kind_reads_nothing_of_it(page: Callable[..., str]) -> None:
    shown = page(whole_study.tables(), whole_study.PLAN)
    assert "Explored because" not in shown
    assert "Complier" not in shown


def test_it_never_answers(made: Made) -> None:
    found = compare(made(whole_study.tables()).dataset)
    answers: list[Fitted] = list(found.fitted.values())
    assert all("exploratory" not in answer.main.method for answer in answers)
    assert [each.method for each in found.beside["phq9-6m"]] == ["did", "complier-average"]
