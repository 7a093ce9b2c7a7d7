"""How alike the arms are, as they came, weighted and matched; and how strong something unseen would have to be."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from instruments.plan import Outcome

from ..cohort import ROLES, as_planned, named_covariates, rows_of
from ..disclosure import Gate
from ..estimators.matching import match
from ..estimators.weighted_difference import Weighing, weigh
from ..figures import Pair
from ..result import AnalysisError, Cell, Estimate, Key, Sum, Table
from ..weighting import NOTICEABLE, e_value, ratio_of_difference
from .cells import DASH, people
from .comparison import Comparison
from .outcomes import RATIOS, analysed_key, apart
from .participants import study_key
from .sensitivity import side_key
from .words import NAMES

MATCHED = "matching"
PAIRS: Key = ("pairs",)
WAYS = {
    "overlap": "Overlap weights",
    "ATT": "Weighted to the first arm",
    "entropy": "Entropy balance",
    MATCHED: "Matched pairs",
}
BY_WEIGHTS = (
    "Differences are in standard deviations; more than 0.1 is worth a look. Overlap weights count most those who could "
    "have been in either arm, the next two make the second arm like the first; pairs are people of both arms with "
    "nearly the same propensity score. All of them mend only what is listed here, which is what the estimate is "
    "adjusted for; in what else the arms differ stands under people, in the baseline by arm."
)


def weighings(comparison: Comparison) -> tuple[dict[str, Weighing], dict[str, str]]:
    """The primary score outcome's people under each kind of weights and matched, and why a kind could not be had."""
    outcome = comparison.plan.primary
    rows = as_planned(rows_of(comparison.cohort, outcome), outcome)
    covariates = named_covariates(comparison.plan, outcome)
    found: dict[str, Weighing] = {}
    failed: dict[str, str] = {}
    for kind in WAYS:
        try:
            matched = kind == MATCHED
            found[kind] = match(rows, covariates, outcome.match_on) if matched else weigh(rows, covariates, kind)
        except AnalysisError as error:
            failed[kind] = "; ".join(error.faults)
    return found, failed


def table(comparison: Comparison, found: Mapping[str, Weighing], failed: Mapping[str, str]) -> Table:
    """Standardised differences before and after, and how many people the weighted ones are worth."""
    first = next(iter(found.values()))
    rows = [
        (_label(term), (_gap(float(before), min(first.laid.n)), *(_after(each, term) for each in found.values())))
        for term, before in zip(first.balance.terms, first.balance.before, strict=True)
    ]
    for arm, label in enumerate(("first", "second")):
        sizes = [_size(kind, each, arm) for kind, each in found.items()]
        rows.append((f"Worth so many people of the {label} arm", (DASH, *sizes)))
    sums, implied = _pairs_known(comparison, found[MATCHED]) if MATCHED in found else ([], [])
    notes = (BY_WEIGHTS, *(f"{WAYS[kind]}: not possible ({fault})." for kind, fault in failed.items()))
    columns = ("As they came", *(WAYS[kind] for kind in found))
    title = "How alike the arms are"
    return Table("balance", title, columns, tuple(rows), tuple(sums), tuple(implied), notes, "Known at entry")


def _after(weighing: Weighing, term: str) -> Cell:
    """The difference in one term that a kind of weights leaves; a dash where pairs were not made by it."""
    if term not in weighing.balance.terms:
        return DASH
    return _gap(float(weighing.balance.after[weighing.balance.terms.index(term)]), min(_counted(weighing)))


def _counted(weighing: Weighing) -> tuple[int, int]:
    """People of the (intervention, comparison) arm who have any weight."""
    arm, has = weighing.laid.X[:, 1], weighing.weights > 0
    return int((has & (arm == 1)).sum()), int((has & (arm == 0)).sum())


def _pairs_known(comparison: Comparison, weighing: Weighing) -> tuple[list[Sum], list[tuple[Key, int]]]:
    """What a reader could subtract from the pairs: the people of an arm, and those of pairs with an outcome."""
    sums: list[Sum] = []
    implied: list[tuple[Key, int]] = []
    pairs, arms = _counted(weighing)[0], comparison.cohort.people.groupby("arm").size()
    for place, (arm, role) in enumerate(ROLES.items()):
        sums.append(Sum(study_key(role), (PAIRS, ("unmatched", role))))
        implied.append((("unmatched", role), int(arms[arm]) - pairs))
        for key, n in _pairs_analysed(comparison, role):
            known, rest = apart((PAIRS, pairs), (key, n[place]), ("pairs without", role))
            sums.append(known)
            implied.append(rest)
    return sums, implied


def _pairs_analysed(comparison: Comparison, role: str) -> Iterator[tuple[Key, tuple[int, int]]]:
    """The people of the pairs who are in an estimate of the primary outcome, where the plan asks for one."""
    outcome = comparison.plan.primary
    matched = comparison.by_method(outcome).get(MATCHED)
    if matched is not None:
        same = matched.n == comparison.fitted[outcome.id].n
        yield (analysed_key(outcome, role) if same else side_key(outcome, MATCHED, role)), matched.n


def _label(term: str) -> str:
    name, _, level = term.partition("=")
    label = "baseline score" if name == "baseline" else NAMES.get(name, name)
    return f"{label[0].upper()}{label[1:]}" + (f": {level}" if level else "")


def _gap(value: float, n: int) -> Cell:
    if math.isnan(value):
        return DASH
    mark = " · over 0.1" if abs(value) > NOTICEABLE else ""
    return Cell(f"{{standardised_difference:z.2f}}{mark}", stats={"standardised_difference": value}, n=n)


def _size(kind: str, weighing: Weighing, arm: int) -> Cell:
    if kind == MATCHED:
        return people(_counted(weighing)[arm], key=PAIRS)
    return Cell("{effective:,.0f}", stats={"effective": weighing.balance.effective[arm]}, n=min(_counted(weighing)))


def pairs(found: Mapping[str, Weighing], guard: Gate) -> list[Pair]:
    """Before and after overlap weighting, the largest difference first; nothing of arms too small to show."""
    weighing = found.get("overlap")
    if weighing is None or guard.is_small(min(weighing.laid.n)):
        return []
    known = zip(weighing.balance.terms, weighing.balance.before, weighing.balance.after, strict=True)
    drawn = [Pair(_label(term), abs(float(one)), abs(float(other))) for term, one, other in known if not np.isnan(one)]
    return sorted(drawn, key=lambda pair: -pair.before)


def in_words(drawn: list[Pair]) -> str:
    """What the figure shows, for who cannot see it."""
    most = drawn[0]
    return (
        f"Love plot of standardised differences before and after overlap weighting. The largest before is "
        f"{most.before:.2f} ({most.label}); after, none is above {max(pair.after for pair in drawn):.2f}. "
        "The table has every number."
    )


def unseen(comparison: Comparison, outcome: Outcome, guard: Gate) -> Iterator[str]:
    """How strong something unmeasured would have to be to explain the answer away (the E-value)."""
    fitted = comparison.fitted.get(outcome.id)
    if fitted is None or comparison.plan.design != "controlled-before-after" or guard.is_small(fitted.fewest):
        return
    values = e_values(comparison, outcome)
    if values is None:
        return
    value, nearer = values
    if nearer is None:
        yield "The interval holds no difference already: nothing unmeasured is needed to explain the answer."
        return
    yield (
        "Something that was not measured could explain the answer away if it went with both the arm and the outcome by "
        f"a risk ratio of about {value:.1f} or more, beyond what is adjusted for; by {nearer:.1f} or more "
        "it could move the interval to no difference (E-values)."
    )


def e_values(comparison: Comparison, outcome: Outcome) -> tuple[float, float | None] | None:
    """E-values of the estimate and of the limit nearer to no difference; None for a limit where the interval holds it.

    None altogether where the outcome has no estimate, no interval, or no risk ratio that stands for it.
    """
    fitted = comparison.fitted.get(outcome.id)
    ratios = _as_ratios(comparison, outcome, fitted.main) if fitted else None
    if ratios is None:
        return None
    value, nearer = ratios
    return e_value(value), None if nearer is None else e_value(nearer)


def _as_ratios(comparison: Comparison, outcome: Outcome, answer: Estimate) -> tuple[float, float | None] | None:
    """The estimate and the limit nearer to none as risk ratios; None for a limit where the interval holds none."""
    if answer.conf_low is None or answer.conf_high is None:
        return None
    low, high = answer.conf_low, answer.conf_high
    nothing = 1.0 if answer.scale in RATIOS else 0.0
    nearer = None if low <= nothing <= high else min((low, high), key=lambda limit: abs(limit - nothing))
    if answer.scale in RATIOS:
        return answer.estimate, nearer
    if outcome.kind != "continuous":
        ratio = next((each for each in comparison.fitted[outcome.id].answers if each.scale in RATIOS), None)
        return _as_ratios(comparison, outcome, ratio) if ratio else None
    spread = float(rows_of(comparison.cohort, outcome)["score"].std())
    if not spread > 0:
        return None
    limit = None if nearer is None else ratio_of_difference(nearer / spread)
    return ratio_of_difference(answer.estimate / spread), limit
