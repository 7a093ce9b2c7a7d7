"""The effect of having met a link worker, with the offer of one as the instrument: exploratory, never the answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from instruments.plan import Covariate

from ..moments import Array, LeastSquares, from_rows, least_squares, redundant_term
from ..result import AnalysisError, Fitted
from .ancova import adjusted, errors_of
from .design import Design, baseline_of, design
from .inference import Inference

SCALE, FIRST_STAGE = "difference for compliers", "first stage: arm"
WEAK = 10.0
EXACT = 1e-9
NO_INSTRUMENT = (
    "the offer changed nothing in who met a link worker, so that nobody met one because of it; the effect of meeting "
    "one cannot be told, take the method out of the plan"
)
NAMELY = "Complier average (exploratory), two-stage least squares"


@dataclass(frozen=True, slots=True)
class TwoStages:
    """Contact on arm, baseline and covariates; and the score on what that expects of contact, with its own residuals.

    The second fit's scores and residual sum of squares are of the contacts that people had, not of those expected.
    """

    first: LeastSquares
    second: LeastSquares


def complier_average(
    rows: pd.DataFrame, *, covariates: Sequence[Covariate], errors: str = "CR2", confidence: float = 0.95
) -> Fitted:
    """Estimate the mean difference that at least one attended contact makes in those who had one because of the offer.

    Two-stage least squares: the score on contact, baseline and covariates, with the arm as the instrument for contact.
    It leans on the offer changing the score through the contact alone, and on nobody who would have met a link worker
    without the offer avoiding one because of it; in a study without lots also on arms that are alike but for what is
    adjusted for. Without baseline and covariates it is the difference between the arms' means over the difference
    between their shares with a contact (Wald). Where everybody offered one had a contact, and nobody else, it is
    `ancova`. People without score, baseline or a covariate are left out.

    Parameters
    ----------
    rows
        As for `ancova`, with `contact`: 1 for who had an attended contact before the score, else 0.
    covariates, confidence
        As for `ancova`.
    errors
        'CR2', 'CR0', 'CR1', 'CR1S', 'CR3' or 'classical', of the design in which contact is what the first stage
        expects of it (as clubSandwich has it).

    Returns
    -------
    Fitted
        One answer, in the score's units. `terms` has every coefficient, then 'first stage: arm': by how much the
        offer raised the share of people with a contact, whose squared t statistic is the first stage's F. `had` are
        the people of each arm with a contact. A warning says where F is below 10.

    Raises
    ------
    AnalysisError
        When an arm is empty, a term is determined by others, nobody or everybody had a contact, or the offer made no
        difference to who did.

    References
    ----------
    Angrist JD, Imbens GW, Rubin DB. J Am Stat Assoc 1996;91:444-455. doi:10.1080/01621459.1996.10476902
    Staiger D, Stock JH. Econometrica 1997;65:557-586. doi:10.2307/2171753 (weak instruments)
    Pustejovsky JE, Tipton E. J Bus Econ Stat 2018;36:672-683. doi:10.1080/07350015.2016.1247004
    Reference: `tests/reference/analysis/test_complier_average.py`.
    """
    laid = design(rows, ("score", "contact"), baseline_of(rows), covariates)
    score, contact = (laid.rows[name].to_numpy(dtype=float) for name in ("score", "contact"))
    _refuse_all_alike(contact)
    found = two_stages(laid, score, contact)
    of_units = "classical errors" if errors == "classical" else f"{errors} by site"
    inference = Inference(laid, f"{NAMELY}, {of_units}", confidence, clustered=errors != "classical")
    second, first = errors_of(laid, found.second, errors), errors_of(laid, found.first, errors)
    terms = [
        inference.estimate(term, float(value), (float(error), float(df)))
        for term, value, error, df in zip(
            found.second.moments.terms, found.second.beta, second.std_error, second.df, strict=True
        )
    ]
    raised = (float(first.std_error[1]), float(first.df[1]))
    terms.append(inference.estimate(FIRST_STAGE, float(found.first.beta[1]), raised, "difference in shares"))
    arm = laid.X[:, 1] == 1
    had = (int(contact[arm].sum()), int(contact[~arm].sum()))
    fitted = Fitted((replace(terms[1], scale=SCALE),), tuple(terms), laid.n, inference.n_clusters, (), had=had)
    return replace(fitted, warnings=(*inference.warnings(), *_weak(fitted)))


def _refuse_all_alike(contact: Array) -> None:
    if contact.min() == contact.max():
        who = "everybody" if contact.max() else "nobody"
        raise AnalysisError(
            f"{who} with a score had met a link worker by then, so that what meeting one does cannot be told; take the "
            "method out of the plan"
        )


def two_stages(laid: Design, score: Array, contact: Array) -> TwoStages:
    """Both stages, the arm in the first giving way to contact in the second.

    Parameters
    ----------
    laid
        Complete rows and their design, with the arm in the second column.
    score, contact
        Outcome and what the arm is an instrument for, (n,).

    Raises
    ------
    AnalysisError
        When the first stage expects the same contact of both arms.
    """
    first = adjusted(laid, contact)
    expected, actual = laid.X.copy(), laid.X.copy()
    expected[:, 1], actual[:, 1] = laid.X @ first.beta, contact
    terms = (laid.terms[0], "contact", *laid.terms[2:])
    if abs(first.beta[1]) < EXACT or redundant_term(expected.T @ expected, terms) is not None:
        raise AnalysisError(NO_INSTRUMENT)
    fit = least_squares(from_rows(expected, score, laid.site, terms))
    left = from_rows(expected, score - actual @ fit.beta, laid.site, terms)
    return TwoStages(first, replace(fit, scores=left.xy, rss=float(left.yy.sum())))


def strength(fitted: Fitted) -> float | None:
    """The first stage's F: infinite where the offer decides who has a contact, None where it has no error."""
    raised = next((term for term in fitted.terms if term.term == FIRST_STAGE), None)
    if raised is None or raised.std_error is None:
        return None
    return (raised.estimate / raised.std_error) ** 2 if raised.std_error > EXACT else math.inf


def _weak(fitted: Fitted) -> tuple[str, ...]:
    found = strength(fitted)
    if found is None or found >= WEAK:
        return ()
    return (
        f"The offer is a weak instrument for having met a link worker (first-stage F {found:.1f}, below {WEAK:g}): the "
        "estimate leans towards a comparison of who met one with who did not, and its interval is not to be trusted.",
    )


def in_words(fitted: Fitted) -> str:
    """By how much the offer raised the share of people with a contact, in whole points, which tell of no single person.

    Nothing where another method answered.
    """
    raised = next((term for term in fitted.terms if term.term == FIRST_STAGE), None)
    if raised is None:
        return ""
    found = strength(fitted)
    if found is None:
        how = "too few sites for an F"
    else:
        how = f"first-stage F {found:,.1f}" if np.isfinite(found) else "it alone decided who had one"
    return (
        f"The offer raised the share of people with a contact by {100 * raised.estimate:.0f} percentage points ({how})."
    )
