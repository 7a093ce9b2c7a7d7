"""Repeated measures in cases whose answer is known without a computer, and everything that they refuse."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from analysis.estimators.ancova import ancova
from analysis.estimators.did import did
from analysis.estimators.mmrm import mmrm
from analysis.result import AnalysisError
from instruments.plan import Covariate

AGE = Covariate("age", "number")
MODEL_BASED = ("Kenward-Roger", "Kenward-Roger-linear", "Satterthwaite")


def study(sites_per_arm: int = 5, each: int = 6, seed: int = 1, timepoints: int = 3, lost: float = 0.0) -> pd.DataFrame:
    """One row a person and timepoint; an effect of 2 after the first."""
    dice = np.random.default_rng(seed)
    n = 2 * sites_per_arm * each
    rows = pd.DataFrame({"person": np.repeat(np.arange(n), timepoints), "timepoint": np.tile(np.arange(timepoints), n)})
    rows["site"] = rows["person"] // each
    rows["arm"] = (rows["site"] < sites_per_arm).astype(int)
    rows["age"] = dice.integers(20, 90, n).astype(float)[rows["person"]]
    own = dice.normal(0, 2, n)[rows["person"]] + dice.normal(0, 1, 2 * sites_per_arm)[rows["site"]]
    rows["score"] = 10 + own + 2 * rows["arm"] * (rows["timepoint"] > 0) + dice.normal(0, 1, len(rows))
    rows.loc[dice.random(len(rows)) < lost, "score"] = np.nan
    return rows


def test_when_nobody_is_missing_it_is_what_difference_in_differences_gives() -> None:
    """Both then are differences of mean changes, with errors by site or, where people were allocated, by person."""
    rows = study(timepoints=2)
    for ours, theirs in (("CR2", "CR2"), ("Satterthwaite", "classical")):
        mixed, differences = mmrm(rows, covariates=(), errors=ours).main, did(rows, covariates=(), errors=theirs).main
        for name in ("estimate", "std_error", "df", "conf_low", "conf_high", "p_value"):
            assert getattr(mixed, name) == pytest.approx(getattr(differences, name), rel=1e-6), (ours, name)


def test_constrained_to_equal_baselines_part_of_a_difference_there_is_taken_for_chance() -> None:
    """With one follow-up: the follow-up difference less the regression on baseline of the difference there."""
    rows = study(timepoints=2)
    table = rows.pivot(index=["person", "arm"], columns="timepoint", values="score").reset_index()
    means = table.groupby("arm")[[0, 1]].mean()
    within = table[[0, 1]] - table.groupby("arm")[[0, 1]].transform("mean")
    slope = (within[0] @ within[1]) / (within[0] @ within[0])
    gap = means.loc[1] - means.loc[0]
    found = mmrm(rows, covariates=(), constrained=True)
    assert found.main.estimate == pytest.approx(gap[1] - slope * gap[0], rel=1e-2)
    assert "arm" not in [term.term for term in found.terms]
    assert "constrained to equal baselines" in found.main.method


def test_equal_baselines_make_the_constraint_harmless() -> None:
    rows = study(timepoints=2)
    first = rows["timepoint"] == 0
    centred = rows["score"] - rows.groupby("arm")["score"].transform(lambda scores: scores[first].mean())
    level = rows.assign(score=rows["score"].where(~first, centred))
    free, equal = (mmrm(level, covariates=(), constrained=c, errors="Satterthwaite").main for c in (False, True))
    assert equal.estimate == pytest.approx(free.estimate, rel=1e-6)
    assert (equal.std_error or 0) < (free.std_error or 0)


def test_people_with_one_score_still_count() -> None:
    rows = study()
    rows.loc[(rows["person"] < 5) & (rows["timepoint"] > 0), "score"] = np.nan
    found = mmrm(rows, covariates=())
    assert found.n == (30, 30)
    assert found.main.estimate != pytest.approx(mmrm(rows[rows["person"] >= 5], covariates=()).main.estimate, rel=1e-6)


def test_the_answers_are_every_later_timepoint_or_the_one_asked_for() -> None:
    rows = study(lost=0.2)
    every, one = mmrm(rows, covariates=(AGE,)), mmrm(rows, covariates=(AGE,), at=2.0)
    assert [answer.term for answer in every.answers] == ["arm:timepoint=1", "arm:timepoint=2"]
    assert one.answers == every.answers[1:]
    assert [term.term for term in every.terms] == [
        "(Intercept)",
        "arm",
        "timepoint=1",
        "timepoint=2",
        "age",
        "arm:timepoint=1",
        "arm:timepoint=2",
    ]


@pytest.mark.parametrize("errors", ["CR2", *MODEL_BASED])
def test_order_names_and_units_do_not_matter(errors: str) -> None:
    rows = study(lost=0.2)
    plain = mmrm(rows, covariates=(AGE,), errors=errors).main
    other = rows.sample(frac=1, random_state=3).assign(
        person=lambda rows: "p" + rows["person"].astype(str), score=lambda rows: 100 * rows["score"] - 7
    )
    again = mmrm(other, covariates=(AGE,), errors=errors).main
    assert again.estimate == pytest.approx(100 * plain.estimate, rel=1e-6)
    assert again.std_error == pytest.approx(100 * (plain.std_error or 0), rel=1e-6)
    assert again.df == pytest.approx(plain.df, rel=1e-5)


# ---------------------------------------------------------------------------- without a baseline


@pytest.mark.parametrize("errors", ["Satterthwaite", "Kenward-Roger-linear"])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_without_a_baseline_and_with_nobody_missing_two_samples_are_compared(errors: str, at: int) -> None:
    """The difference of the arms' means then, its error from the variance within arms, and all people less two."""
    rows = study()
    then = rows[rows["timepoint"] == at]
    one, other = (then.loc[then["arm"] == arm, "score"] for arm in (1, 0))
    within = (one.var() * (len(one) - 1) + other.var() * (len(other) - 1)) / (len(then) - 2)
    found = mmrm(rows, covariates=(), errors=errors, baseline=False, at=at).main
    assert found.term == f"arm:timepoint={at}"
    assert found.estimate == pytest.approx(one.mean() - other.mean(), abs=1e-9)
    assert found.std_error == pytest.approx(math.sqrt(within * (1 / len(one) + 1 / len(other))), rel=1e-6)
    assert found.df == pytest.approx(len(then) - 2, rel=1e-6)


def test_kenward_and_roger_s_own_degrees_of_freedom_are_those_of_two_samples_too() -> None:
    """Their error by way of the Cholesky factor is a little smaller than that of two samples."""
    found = mmrm(study(), covariates=(), errors="Kenward-Roger", baseline=False)
    plain = mmrm(study(), covariates=(), errors="Satterthwaite", baseline=False)
    for ours, theirs in zip(found.answers, plain.answers, strict=True):
        assert ours.df == pytest.approx(58, rel=1e-6)
        assert 0.98 < (ours.std_error or 0) / (theirs.std_error or 1) < 1


@pytest.mark.parametrize("at", [0, 1, 2])
def test_without_a_baseline_and_with_nobody_missing_errors_by_site_are_those_of_ancova(at: int) -> None:
    rows = study()
    ours = mmrm(rows, covariates=(), baseline=False, at=at).main
    theirs = ancova(rows[rows["timepoint"] == at], covariates=()).main
    for name in ("estimate", "std_error", "df", "conf_low", "conf_high", "p_value"):
        assert getattr(ours, name) == pytest.approx(getattr(theirs, name), rel=1e-6, abs=1e-9), name


@pytest.mark.parametrize("errors", ["CR2", *MODEL_BASED])
def test_without_a_baseline_it_is_the_same_model_put_otherwise(errors: str) -> None:
    """With some missing too: the difference then is that at the start and the change beyond it."""
    rows = study(lost=0.2)
    change = {term.term: term for term in mmrm(rows, covariates=(AGE,), errors=errors).terms}
    then = {term.term: term for term in mmrm(rows, covariates=(AGE,), errors=errors, baseline=False).terms}
    assert len(change) == len(then)
    for at in (1, 2):
        name = f"arm:timepoint={at}"
        both = change["arm"].estimate + change[name].estimate
        assert then[name].estimate == pytest.approx(both, abs=1e-6)
    for first, same in (("arm", "arm:timepoint=0"), ("age", "age"), ("timepoint=2", "timepoint=2")):
        assert then[same].std_error == pytest.approx(change[first].std_error, rel=1e-5)
        assert then[same].df == pytest.approx(change[first].df, rel=1e-4)


def test_without_a_baseline_every_timepoint_is_an_answer_and_no_arm_stands_alone() -> None:
    rows = study(lost=0.2)
    found = mmrm(rows, covariates=(AGE,), baseline=False)
    answers = [f"arm:timepoint={at}" for at in (0, 1, 2)]
    assert [answer.term for answer in found.answers] == answers
    assert [term.term for term in found.terms] == ["(Intercept)", "timepoint=1", "timepoint=2", "age", *answers]
    assert found.main.method == "Repeated measures, no baseline, CR2 by site"
    assert mmrm(rows, covariates=(AGE,), baseline=False, at=0).answers == found.answers[:1]


def test_without_a_baseline_a_number_from_before_may_be_a_covariate() -> None:
    """Adjusting for what people had before takes their own level off, and makes the error smaller."""
    rows = study()
    before = rows["person"].map(rows[rows["timepoint"] == 0].set_index("person")["score"])
    later = rows[rows["timepoint"] > 0].assign(before=before)
    options = {"errors": "Kenward-Roger", "baseline": False, "at": 2}
    plain = mmrm(later, covariates=(), **options)  # type: ignore[arg-type]
    adjusted = mmrm(later, covariates=(Covariate("before", "number"),), **options)  # type: ignore[arg-type]
    assert (adjusted.main.std_error or 0) < 0.8 * (plain.main.std_error or 0)
    assert adjusted.main.estimate == pytest.approx(2, abs=1)


# ---------------------------------------------------------------------------- few sites


@pytest.mark.parametrize("sites", [2, 3])
def test_two_or_three_sites_in_an_arm_give_an_interval_and_a_warning_but_no_p_value(sites: int) -> None:
    found = mmrm(study(sites), covariates=())
    assert found.main.p_value is None
    assert found.main.conf_low is not None
    assert f"One arm has only {sites} sites." in found.warnings[0]


def test_one_site_in_an_arm_gives_an_estimate_and_a_warning_alone() -> None:
    found = mmrm(study(1), covariates=())
    assert math.isfinite(found.main.estimate)
    assert (found.main.std_error, found.main.df, found.main.conf_low, found.main.p_value) == (None,) * 4
    assert "no interval and no p-value are given" in found.warnings[0]


@pytest.mark.parametrize("errors", MODEL_BASED)
def test_where_people_were_allocated_sites_may_be_unknown(errors: str) -> None:
    found = mmrm(study(1).assign(site=None), covariates=(), errors=errors)
    assert (found.n_clusters, found.main.n_clusters, found.warnings) == (None, None, ())
    assert found.main.p_value is not None


# ---------------------------------------------------------------------------- refusals


def refused(rows: pd.DataFrame, match: str, **asked: object) -> None:
    with pytest.raises(AnalysisError, match=match):
        mmrm(rows, covariates=(), **asked)  # type: ignore[arg-type]


def test_unknown_errors_are_refused_with_those_that_there_are() -> None:
    refused(study(), "unknown errors 'CR9'; allowed: CR2, Kenward-Roger, Satterthwaite", errors="CR9")


def test_the_earliest_timepoint_is_no_answer() -> None:
    refused(study(), "timepoint '0' is the earliest, from which change is counted; name a later one", at=0)


def test_arms_cannot_start_alike_where_there_is_no_start() -> None:
    why = "arms cannot be made to start alike without a baseline; leave one of the two out"
    refused(study(), why, constrained=True, baseline=False)


def test_without_a_baseline_one_timepoint_alone_is_refused() -> None:
    rows = study()
    refused(rows[rows["timepoint"] == 1], "scores are from timepoint '1' alone", baseline=False)


def test_without_a_baseline_every_timepoint_needs_people_of_both_arms() -> None:
    rows = study()
    gone = rows[(rows["timepoint"] > 0) | (rows["arm"] == 1)]
    refused(gone, "at timepoint '0' nobody of the comparison arm has a score and covariates", baseline=False, at=2)


def test_nobody_measured_twice_is_refused() -> None:
    rows = study()
    refused(rows[rows["timepoint"] == rows["person"] % 3], "two timepoints have nobody who was measured at both")


def test_a_timepoint_with_one_arm_alone_is_refused() -> None:
    rows = study()
    rows.loc[(rows["timepoint"] == 2) & (rows["arm"] == 0), "score"] = np.nan
    refused(rows, "at timepoint '2' nobody of the comparison arm has a score and covariates")


def test_a_missing_site_is_refused_where_errors_need_it() -> None:
    refused(study().assign(site=None), "site: is empty for somebody with a score, and errors by site need it")


def test_scores_carried_forward_are_refused() -> None:
    """The last timepoint repeats the one before for everybody: it has no variation of its own."""
    rows = study()
    rows["score"] = rows["score"].where(rows["timepoint"] < 2, rows["score"].shift(1))
    refused(rows, r"did not settle|cannot be told apart|cannot be estimated")


@pytest.mark.parametrize("errors", ["CR2", "Satterthwaite", "Kenward-Roger"])
def test_a_timepoint_at_which_everybody_has_the_same_score_is_refused(errors: str) -> None:
    rows = study()
    rows.loc[rows["timepoint"] == rows["timepoint"].max(), "score"] = 0.5
    with pytest.raises(AnalysisError, match="at one timepoint everybody has the same score; leave it out, or use"):
        mmrm(rows, covariates=(), errors=errors)


def test_a_timepoint_at_which_one_arm_has_nobody_is_named_with_what_to_do() -> None:
    rows = study()
    gone = rows[(rows["timepoint"] < 2) | (rows["arm"] == 1)]
    for errors in ("CR2", "Kenward-Roger"):
        with pytest.raises(AnalysisError, match="at timepoint '2' nobody of the comparison arm has a score") as refused:
            mmrm(gone, covariates=(), errors=errors, at=1)
        assert str(refused.value).endswith("leave that timepoint out of the plan")


def test_arms_that_are_taken_to_start_alike_may_have_the_start_of_one_alone() -> None:
    rows = study()
    gone = rows[(rows["timepoint"] > 0) | (rows["arm"] == 1)]
    with pytest.raises(AnalysisError, match="at timepoint '0' nobody of the comparison arm"):
        mmrm(gone, covariates=(), errors="CR2", at=2)
    assert mmrm(gone, covariates=(), errors="CR2", at=2, constrained=True).main.estimate == pytest.approx(2, abs=2.5)
