"""One method per module; the plan names methods and `ESTIMATORS` finds them.

>>> from analysis.estimators import ESTIMATORS
>>> fitted = ESTIMATORS["ancova"](cohort, cohort.plan.primary)  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from instruments.plan import Outcome, Plan

from ..cohort import (
    Cohort,
    as_planned,
    auxiliaries,
    long_rows_of,
    named_covariates,
    rows_of,
    scores_at,
    wide_rows_of,
)
from ..contacts import contact_rows_of
from ..result import AnalysisError, Fitted
from ..times import time_rows_of
from .ancova import ancova
from .complier_average import complier_average
from .cox import cox
from .cumulative_incidence import cumulative_incidence
from .did import did
from .doubly_robust import doubly_robust_change
from .fine_gray import fine_gray
from .frailty import frailty
from .gee import gee_binary, gee_count
from .imputed import imputed
from .linear_probability import linear_probability
from .logistic import logistic
from .matching import matched_did, matching
from .mixed_logistic import mixed_logistic
from .mixed_model import mixed_model, random_intercept
from .mixed_negative_binomial import mixed_negative_binomial
from .mmrm import mmrm
from .modified_poisson import modified_poisson
from .negative_binomial import negative_binomial
from .poisson_change import poisson_change
from .poisson_rate import poisson_rate
from .resampled import permutation, wild_bootstrap
from .restricted_mean import restricted_mean
from .series import SERIES_METHODS
from .site_average import not_alike, refuse_telling_of_a_site
from .weighted_difference import weighted_difference

Options = Callable[[Plan, Outcome], Mapping[str, Any]]


def _errors(plan: Plan, _: Outcome) -> dict[str, Any]:
    return {"errors": plan.errors}


def _at_timepoint(plan: Plan, outcome: Outcome) -> dict[str, Any]:
    return {"errors": plan.errors, "at": outcome.timepoint}


def _seeded(plan: Plan, _: Outcome) -> dict[str, Any]:
    return {"errors": plan.errors, "seed": plan.seed}


def imputing(plan: Plan, outcome: Outcome) -> dict[str, Any]:
    """What `imputed` and `tipping_point` are told of a plan, beside covariates and confidence level."""
    drawn = {"seed": plan.seed, "imputations": plan.imputations}
    told = {"errors": plan.errors, "average": outcome.average, "auxiliaries": tuple(auxiliaries(plan, outcome))}
    return {**told, **drawn}


def _repeated(plan: Plan, outcome: Outcome) -> dict[str, Any]:
    """Errors by site, or where people are the units Kenward and Roger's; change where there is a baseline."""
    errors = "Kenward-Roger" if plan.errors == "classical" else "CR2"
    return {"errors": errors, "at": outcome.timepoint, "baseline": outcome.baseline}


def _constrained(plan: Plan, outcome: Outcome) -> dict[str, Any]:
    """Equal means at the baseline are what drawing lots gives; nothing else does."""
    if plan.design == "controlled-before-after":
        raise AnalysisError("nobody drew lots, so the arms need not start alike; use 'mmrm', which leaves that free")
    return _repeated(plan, outcome) | {"constrained": True}


def _population(plan: Plan, _: Outcome) -> dict[str, Any]:
    """Risks of the people who were offered something where they chose or were chosen; of everybody in a trial."""
    population = "intervention" if plan.design == "controlled-before-after" else "everybody"
    return {"errors": plan.errors, "population": population}


def _population_alone(plan: Plan, outcome: Outcome) -> dict[str, Any]:
    """As `_population`, for a method with errors of its own."""
    return {"population": _population(plan, outcome)["population"]}


def _up_to(plan: Plan, outcome: Outcome) -> dict[str, Any]:
    return {"errors": plan.errors, "horizon": outcome.until_day}


def _weighted(kind: str) -> Options:
    return lambda plan, _: {"errors": plan.errors, "weights": kind}


def _matched(plan: Plan, outcome: Outcome) -> dict[str, Any]:
    return {"errors": plan.errors, "facts": outcome.match_on}


def _matched_at_timepoint(plan: Plan, outcome: Outcome) -> dict[str, Any]:
    return _at_timepoint(plan, outcome) | {"facts": outcome.match_on}


def _always(**options: Any) -> Options:
    return lambda _plan, _outcome: options


def _refuse_unmeasured(cohort: Cohort, outcome: Outcome) -> None:
    """Refuse an outcome on a scale that nobody has a score on when it is planned."""
    if outcome.timepoint is None or len(scores_at(cohort, outcome, outcome.timepoint)):
        return
    then = cohort.plan.timepoint(outcome.timepoint)
    window = f"days {then.day + then.opens} to {then.day + then.closes}"
    raise AnalysisError(
        f"nobody has a score in the window of '{then.id}' ({window}); record it, widen the window, or take the outcome "
        "out of the plan"
    )


@dataclass(frozen=True, slots=True)
class Method:
    """A method of the plan: its function, the rows it reads, what it is told beside covariates and confidence level.

    Called with who was studied and a planned outcome of theirs, it gives what it found. One that is `by_site` says
    nothing where people were allocated one by one. One that `can_average` over sites does so where the outcome asks for
    it; any other says in its name that it does not.
    """

    function: Callable[..., Fitted]
    rows: Callable[[Cohort, Outcome], pd.DataFrame] = rows_of
    options: Options = _errors
    by_site: bool = False
    can_average: bool = False

    def __call__(self, cohort: Cohort, outcome: Outcome) -> Fitted:
        plan = cohort.plan
        _refuse_unmeasured(cohort, outcome)
        if self.by_site and plan.errors == "classical":
            raise AnalysisError("the method compares sites, and the plan takes people for the units; leave it out")
        asked = outcome.average == "sites"
        options = {**self.options(plan, outcome), **({"average": "sites"} if asked and self.can_average else {})}
        covariates, rows = named_covariates(plan, outcome), as_planned(self.rows(cohort, outcome), outcome)
        if asked and self.can_average:
            refuse_telling_of_a_site(rows_of(cohort, outcome), plan.small_number)
        found = self.function(rows, covariates=covariates, confidence=plan.confidence, **options)
        return not_alike(found) if asked and not self.can_average else found


ESTIMATORS: Mapping[str, Method] = {
    "ancova": Method(ancova, can_average=True),
    "did": Method(did, long_rows_of, _at_timepoint, can_average=True),
    "doubly-robust-did": Method(doubly_robust_change),
    "imputation": Method(imputed, wide_rows_of, imputing, can_average=True),
    "random-intercept": Method(random_intercept, options=_always(errors="Kenward-Roger"), by_site=True),
    "mixed-model": Method(mixed_model, long_rows_of, lambda _, outcome: {"at": outcome.timepoint}, by_site=True),
    "mmrm": Method(mmrm, long_rows_of, _repeated),
    "clda": Method(mmrm, long_rows_of, _constrained),
    "overlap-weights": Method(weighted_difference, options=_weighted("overlap")),
    "att-weights": Method(weighted_difference, options=_weighted("ATT")),
    "entropy-balance": Method(weighted_difference, options=_weighted("entropy")),
    "matching": Method(matching, options=_matched),
    "matched-did": Method(matched_did, long_rows_of, _matched_at_timepoint),
    "complier-average": Method(complier_average, contact_rows_of),
    "wild-bootstrap": Method(wild_bootstrap, options=_seeded, by_site=True, can_average=True),
    "permutation": Method(permutation, options=_seeded, by_site=True, can_average=True),
    "logistic": Method(logistic, options=_population, can_average=True),
    "modified-poisson": Method(modified_poisson, can_average=True),
    "linear-probability": Method(linear_probability, can_average=True),
    "gee-logistic": Method(gee_binary, options=_always(errors="CR2"), by_site=True),
    "mixed-logistic": Method(mixed_logistic, options=_population_alone, by_site=True),
    "poisson-rate": Method(poisson_rate, can_average=True),
    "poisson-change": Method(poisson_change, can_average=True),
    "negative-binomial": Method(negative_binomial),
    "gee-poisson": Method(gee_count, options=_always(errors="CR2"), by_site=True),
    "mixed-negative-binomial": Method(mixed_negative_binomial, options=_always(), by_site=True),
    "restricted-mean": Method(restricted_mean, time_rows_of, _up_to),
    "cox": Method(cox, time_rows_of),
    "cumulative-incidence": Method(cumulative_incidence, time_rows_of, _up_to),
    "fine-gray": Method(fine_gray, time_rows_of),
    "frailty": Method(frailty, time_rows_of, _always(), by_site=True),
}
EVERY_METHOD: Mapping[str, Callable[[Cohort, Outcome], Fitted]] = {**ESTIMATORS, **SERIES_METHODS}
