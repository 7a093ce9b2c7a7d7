"""Pairs of people alike in what was known at entry: who goes with whom, and what the pairs say of an outcome."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from instruments.plan import Covariate
from instruments.plan_methods import MISLEADS

from ..moments import Array
from ..result import AnalysisError, Fitted
from ..weighting import balance, propensity, support
from .ancova import ancova
from .design import Design, baseline_of, design, known_at_entry
from .did import did
from .weighted_difference import STILL_UNLIKE, Weighing

CALIPER, DECIMALS = 0.2, 10
BASELINE = "baseline"
LEFT_OUT = (
    "Some people of the intervention arm have nobody like them in the comparison arm and are left out: the estimate "
    "is about the others."
)
TIED = (
    "Some people are left out who have the same propensity score as somebody in a pair: which of them was taken "
    "follows the order of study numbers, and the estimate hangs on it. Weights take all of them."
)
Places = NDArray[np.int64]


def nearest_pairs(score: Array, arm: Array, caliper: float | None = CALIPER) -> Places:
    """Pair each person of the intervention arm with the nearest one of the comparison arm who is still free.

    Who has the highest score chooses first, as long as anybody is left. Of two equally near the one with the lower
    score is taken, of two with the same score the one whose row comes first, so that the same rows make the same pairs.

    Parameters
    ----------
    score
        Logarithm of the odds of being in the intervention arm, (n,).
    arm
        1 intervention, 0 comparison, (n,).
    caliper
        How far apart a pair may be, in standard deviations of the score (the root of the arms' mean variance); None
        for any distance.

    Returns
    -------
    Places
        Rows of each pair, the intervention arm's first, (pairs, 2).

    References
    ----------
    Austin PC. Pharm Stat 2011;10:150-161. doi:10.1002/pst.433 (a fifth of a standard deviation)
    Reference: `08_ps_weighting` (MatchIt 4.5.1, `m.order = "largest"`).
    """
    ranked = score.round(DECIMALS)
    limit = math.inf if caliper is None else caliper * _spread(score, arm)
    free = sorted((float(ranked[row]), int(row)) for row in np.flatnonzero(arm == 0))
    pairs = []
    for row in sorted(np.flatnonzero(arm == 1), key=lambda row: (-ranked[row], row)):
        place = _nearest(free, float(ranked[row]))
        if free and abs(free[place][0] - ranked[row]) <= limit:
            pairs.append((int(row), free.pop(place)[1]))
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def _spread(score: Array, arm: Array) -> float:
    variances = [float(part.var(ddof=1)) if len(part) > 1 else 0.0 for part in (score[arm == 1], score[arm == 0])]
    return math.sqrt(sum(variances) / 2)


def _nearest(free: Sequence[tuple[float, int]], value: float) -> int:
    """The place of the score nearest to a value in a sorted list; the lower one of two as near."""
    above = bisect_left(free, (value, -1))
    if above == 0:
        return 0
    below = bisect_left(free, (free[above - 1][0], -1))
    if above == len(free) or value - free[below][0] <= free[above][0] - value:
        return below
    return above


def match(
    rows: pd.DataFrame,
    covariates: Sequence[Covariate],
    facts: Sequence[str] = (),
    caliper: float | None = CALIPER,
) -> Weighing:
    """Find pairs alike in what was known at entry, whoever has an outcome.

    Parameters
    ----------
    rows
        One row a person, as for `ancova`; ties are broken by the order of their index, 9 before 10.
    covariates
        Facts known at entry.
    facts
        Names of those in which pairs are alike, 'baseline' for the baseline score; the baseline and every covariate
        if none is named.
    caliper
        As for `nearest_pairs`.

    Returns
    -------
    Weighing
        With weight 1 for who is in a pair and 0 for the others.

    Raises
    ------
    AnalysisError
        When an arm is empty, a term is determined by others, people of some kind are in one arm only, or nobody has a
        partner.
    """
    laid = _known_at_entry(_in_order(rows), covariates, facts)
    arm = laid.X[:, 1]
    X, terms = np.delete(laid.X, 1, axis=1), (laid.terms[0], *laid.terms[2:])
    score = propensity(X, arm, terms).mu
    pairs = nearest_pairs(special.logit(score), arm, caliper)
    if not len(pairs):
        raise AnalysisError("no two people of both arms are alike enough to match; weigh them, or name fewer facts")
    weights = np.zeros(len(arm))
    weights[pairs.ravel()] = 1.0
    return Weighing(laid, weights, score, balance(X[:, 1:], arm, weights, terms[1:]), support(score, arm))


def _in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """People in order of their study numbers, as somebody who counts would have them and not as a dictionary would."""
    names = [str(name) for name in rows.index]
    return rows.iloc[sorted(range(len(rows)), key=lambda row: (len(names[row]), names[row]))]


def _known_at_entry(rows: pd.DataFrame, covariates: Sequence[Covariate], facts: Sequence[str]) -> Design:
    chosen = [covariate for covariate in covariates if not facts or covariate.name in facts]
    if not facts or BASELINE in facts:
        return known_at_entry(rows, baseline_of(rows), chosen)
    return design(rows, (BASELINE,) if BASELINE in rows else (), None, chosen)


def matching(
    rows: pd.DataFrame,
    *,
    covariates: Sequence[Covariate],
    errors: str = "CR2",
    confidence: float = 0.95,
    facts: Sequence[str] = (),
    caliper: float | None = CALIPER,
) -> Fitted:
    """Estimate the mean difference at follow-up among pairs alike at entry, by analysis of covariance.

    Everybody with baseline and covariates is matched, one to one and without replacement, on the logarithm of the
    odds of being in the intervention arm; those of the pairs who have an outcome are then compared as `ancova` does.
    It is the effect in those of the intervention arm who have somebody like them in the comparison arm. The errors
    take the pairs as given.

    Parameters
    ----------
    rows, covariates, errors, confidence
        As for `ancova`.
    facts, caliper
        As for `match`.

    Returns
    -------
    Fitted
        One answer, the difference (intervention minus comparison), and every coefficient. Warnings say in what the
        pairs still differ, and whether people were left out.

    Raises
    ------
    AnalysisError
        As `match` and `ancova`.

    References
    ----------
    Ho DE, Imai K, King G, Stuart EA. Polit Anal 2007;15:199-236. doi:10.1093/pan/mpl013
    Reference: `08_ps_weighting`.
    """
    found = match(rows, covariates, facts, caliper)
    kept = found.laid.rows[found.weights > 0]
    fitted = ancova(kept, covariates=covariates, errors=errors, confidence=confidence)
    return _named(fitted, f"Matched pairs{_within(caliper)}", warnings_of(found))


def matched_did(
    rows: pd.DataFrame,
    *,
    covariates: Sequence[Covariate],
    errors: str = "CR2",
    confidence: float = 0.95,
    at: object = None,
    facts: Sequence[str] = (),
    caliper: float | None = CALIPER,
) -> Fitted:
    """Estimate how much more scores changed among pairs alike at entry, by difference-in-differences.

    Pairs are made as for `matching`, of covariates alone unless `facts` says otherwise: who is picked for a baseline
    unlike the rest of their arm drifts back to it without any effect, and a warning says so where the baseline is
    among the facts.

    Parameters
    ----------
    rows, covariates, errors, confidence, at
        As for `did`; the earliest timepoint is the baseline.
    facts, caliper
        As for `match`; every covariate if none is named.

    Returns
    -------
    Fitted
        As `did`, of the pairs.

    Raises
    ------
    AnalysisError
        As `match` and `did`, and when there is nothing to match people on.

    References
    ----------
    Daw JR, Hatfield LA. Health Serv Res 2018;53:4138-4156. doi:10.1111/1475-6773.12993
    """
    named = tuple(facts) or tuple(covariate.name for covariate in covariates)
    if not named:
        raise AnalysisError("there is nothing to match people on; name covariates that stay as they are, such as age")
    found = match(_first(rows), covariates, named, caliper)
    people = found.laid.rows.index[found.weights > 0]
    fitted = did(rows[rows["person"].isin(people)], covariates=covariates, errors=errors, confidence=confidence, at=at)
    misled = (f"{MISLEADS[0].upper()}{MISLEADS[1:]}.",) if BASELINE in named else ()
    return _named(fitted, f"Matched pairs{_within(caliper)}", (*warnings_of(found), *misled))


def _first(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a person, from the earliest timepoint that anybody has, whose score is the baseline."""
    own: pd.DataFrame = rows[rows["timepoint"] == rows["timepoint"].min()]
    return own.set_index("person").rename(columns={"score": "baseline"})


def _within(caliper: float | None) -> str:
    return "" if caliper is None else f" within {caliper:g} SD"


def warnings_of(found: Weighing) -> tuple[str, ...]:
    """What matching could not do, in plain words."""
    unlike = ", ".join(found.balance.unlike)
    alone = (found.weights[found.laid.X[:, 1] == 1] == 0).any()
    return (
        *((STILL_UNLIKE.format(way="matching", terms=unlike),) if unlike else ()),
        *((LEFT_OUT,) if alone else ()),
        *((TIED,) if _hangs_on_ties(found) else ()),
    )


def _hangs_on_ties(found: Weighing) -> bool:
    """Whether of people of one arm with one score some are in pairs and others in none."""
    arm, rank = found.laid.X[:, 1], special.logit(found.score).round(DECIMALS)
    taken = pd.Series(found.weights > 0).groupby([arm, rank]).nunique()
    return bool((taken > 1).any())


def _named(fitted: Fitted, how: str, noted: tuple[str, ...]) -> Fitted:
    """The same estimates with how people were matched before the name of their method."""
    answers, terms = (
        tuple(replace(each, method=f"{how}: {each.method}") for each in estimates)
        for estimates in (fitted.answers, fitted.terms)
    )
    return replace(fitted, answers=answers, terms=terms, warnings=(*fitted.warnings, *noted))
