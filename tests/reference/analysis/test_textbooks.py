"""Examples that stand in many textbooks, and a second program on public data.

- Remission of leukaemia, 6-MP against placebo: Freireich EJ et al. Blood 1963;21:699-716; the numbers are those of
  Kalbfleisch JD, Prentice RL, The statistical analysis of failure time data (2002), and of the `gehan` example of MASS.
- Distress of O-rings by temperature: Dalal SR, Fowlkes EB, Hoadley B. JASA 1989;84:945-957.
- Dobson's randomised trial with nine counts: Dobson AJ, An introduction to generalized linear models (1990), as in R's
  help page of glm.
- Released prisoners (Rossi et al. 1980), by lifelines, which fits Cox's model with Efron's ties as well.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from analysis.estimators.cox import cox
from analysis.estimators.fine_gray import fine_gray
from analysis.estimators.product_limit import aalen_johansen, kaplan_meier, median_day
from analysis.estimators.restricted_mean import restricted_mean
from analysis.glm import POISSON, binomial, fit, spread
from instruments.plan import Covariate

# Weeks in remission; the comparison arm all relapsed.
MERCAPTOPURINE = [
    (6, 1), (6, 1), (6, 1), (6, 0), (7, 1), (9, 0), (10, 1), (10, 0), (11, 0), (13, 1), (16, 1), (17, 0), (19, 0),
    (20, 0), (22, 1), (23, 1), (25, 0), (32, 0), (32, 0), (34, 0), (35, 0),
]  # fmt: skip
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


@pytest.fixture(scope="module")
def leukaemia() -> pd.DataFrame:
    treated = pd.DataFrame(MERCAPTOPURINE, columns=["days", "event"]).assign(arm=1)
    rows = pd.concat([treated, pd.DataFrame({"days": PLACEBO, "event": 1, "arm": 0})], ignore_index=True)
    return rows.assign(site=rows.index).astype({"days": float, "event": float})


@pytest.mark.parametrize(
    ("week", "survival", "std_error"),
    [
        (6, 0.857, 0.0764),
        (7, 0.807, 0.0869),
        (10, 0.753, 0.0963),
        (13, 0.690, 0.1068),
        (16, 0.627, 0.1141),
        (22, 0.538, 0.1282),
        (23, 0.448, 0.1346),
    ],
)
def test_the_curve_of_remission_is_the_textbook_s(
    week: float, survival: float, std_error: float, leukaemia: pd.DataFrame
) -> None:
    own = leukaemia[leukaemia["arm"] == 1]
    (point,) = kaplan_meier(own["days"], own["event"], at=(week,))
    assert (point.estimate, point.std_error) == pytest.approx((survival, std_error), abs=5.1e-4)
    (relapsed,) = aalen_johansen(own["days"], own["event"], at=(week,))
    assert relapsed.estimate == pytest.approx(1 - point.estimate)
    assert relapsed.std_error == pytest.approx(point.std_error)


def test_medians_of_remission_are_the_textbook_s(leukaemia: pd.DataFrame) -> None:
    medians = {arm: median_day(own["days"], own["event"])[0] for arm, own in leukaemia.groupby("arm")}
    assert medians == {0: 8, 1: 23}


@pytest.mark.parametrize(("ties", "log_ratio", "std_error"), [("efron", 1.5721, 0.4124), ("breslow", 1.5092, 0.4096)])
def test_the_hazard_ratio_of_relapse_is_the_textbook_s(
    ties: str, log_ratio: float, std_error: float, leukaemia: pd.DataFrame
) -> None:
    (arm,) = cox(leukaemia, covariates=(), errors="classical", ties=ties).terms
    assert (-arm.estimate, arm.std_error) == pytest.approx((log_ratio, std_error), abs=5.1e-5)


def test_without_another_event_fine_and_gray_agree_with_cox_and_breslow(leukaemia: pd.DataFrame) -> None:
    one, other = fine_gray(leukaemia, covariates=()).main, cox(leukaemia, covariates=(), ties="breslow").main
    assert one.estimate == pytest.approx(other.estimate, rel=1e-9)


def test_weeks_in_remission_up_to_35_are_the_area_between_the_textbook_s_curves(leukaemia: pd.DataFrame) -> None:
    """The placebo curve falls to nothing, so that its area is the mean of 21 weeks; the other's is summed by hand."""
    fitted = restricted_mean(leukaemia, horizon=35, errors="classical")
    weeks = [0, 6, 7, 10, 13, 16, 22, 23, 35]
    levels = [1]
    for at_risk, events in ((21, 3), (17, 1), (15, 1), (12, 1), (11, 1), (7, 1), (6, 1)):
        levels.append(levels[-1] * (1 - events / at_risk))
    area = float(np.dot(np.diff(weeks), levels))
    means = {term.term: term.estimate for term in fitted.terms}
    assert means["intervention"] == pytest.approx(area)
    assert means["comparison"] == pytest.approx(np.mean(PLACEBO))
    assert fitted.main.estimate == pytest.approx(area - np.mean(PLACEBO))


def test_the_effect_of_temperature_on_o_rings_is_the_paper_s() -> None:
    temperature = [66, 70, 69, 68, 67, 72, 73, 70, 57, 63, 70, 78, 67, 53, 67, 75, 70, 81, 76, 79, 75, 76, 58]
    distress = [0, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 1]
    X = np.column_stack([np.ones(23), temperature])
    found = fit(
        binomial(), X, np.array(distress, dtype=float), site=np.arange(23), terms=("(Intercept)", "temperature")
    )
    errors = np.sqrt(np.diag(spread(found, "classical").covariance))
    assert found.beta == pytest.approx([15.0429, -0.2322], abs=5.1e-5)
    assert errors == pytest.approx([7.3786, 0.1082], abs=5.1e-5)


def test_dobson_s_counts_are_those_of_the_help_page() -> None:
    counts = np.array([18.0, 17, 15, 20, 10, 20, 25, 13, 12])
    outcome, treatment = np.tile([1, 2, 3], 3), np.repeat([1, 2, 3], 3)
    X = np.column_stack([np.ones(9), outcome == 2, outcome == 3, treatment == 2, treatment == 3])
    terms = ("(Intercept)", "outcome2", "outcome3", "treatment2", "treatment3")
    found = fit(POISSON, X, counts, site=np.arange(9), terms=terms)
    errors = np.sqrt(np.diag(found.bread))
    assert found.beta == pytest.approx([3.045, -0.4543, -0.2930, 0, 0], abs=5.1e-4)
    assert errors == pytest.approx([0.1709, 0.2022, 0.1927, 0.2000, 0.2000], abs=5.1e-5)
    deviance = 2 * float((counts * np.log(counts / found.mu)).sum())
    assert deviance == pytest.approx(5.129, abs=5e-4)


def test_released_prisoners_have_the_hazards_that_lifelines_finds() -> None:
    from lifelines import CoxPHFitter, KaplanMeierFitter
    from lifelines.datasets import load_rossi

    data = load_rossi()
    theirs = CoxPHFitter().fit(data, duration_col="week", event_col="arrest")
    rows = data.rename(columns={"week": "days", "arrest": "event", "fin": "arm"}).assign(site=data.index)
    names = ("age", "race", "wexp", "mar", "paro", "prio")
    covariates = tuple(Covariate(name, "number") for name in names)
    terms = {term.term: term for term in cox(rows, covariates=covariates, errors="classical").terms}
    for name in ("fin", *names):
        ours = terms["arm" if name == "fin" else name]
        expected = (theirs.params_[name], theirs.standard_errors_[name])
        assert (ours.estimate, ours.std_error) == pytest.approx(expected, rel=2e-4), name
    assert terms["arm"].estimate == pytest.approx(-0.37942, abs=5.1e-6)
    assert terms["arm"].std_error == pytest.approx(0.19138, abs=5.1e-6)
    curve = KaplanMeierFitter().fit(data["week"], data["arrest"])
    for point in kaplan_meier(data["week"], data["arrest"], at=(10, 26, 52)):
        assert point.estimate == pytest.approx(float(curve.predict(point.day)), rel=1e-9)
    assert math.isnan(median_day(data["week"], data["arrest"])[0])
