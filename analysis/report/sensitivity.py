"""What other methods make of an outcome: a table, a picture, and for scores the bracket of two assumptions."""

from __future__ import annotations

from collections.abc import Iterator

from instruments.plan import Outcome

from ..cohort import ROLES
from ..disclosure import Gate
from ..estimators.complier_average import in_words as share_raised
from ..figures import Bar
from ..result import Cell, Estimate, Fitted, Key, Sum, Table
from .cells import words
from .comparison import Comparison
from .outcomes import ESTIMATE_HEADS, analysed_key, apart, counted, digits_of, in_estimate_columns, left_out_together
from .participants import study_key

NOT_ESTIMATED = "Not estimated: {fault}"


def side_key(outcome: Outcome, method: str, role: str) -> Key:
    """The number of people of an arm ('both' for the two together) in one method's estimate."""
    return "analysed", outcome.id, role, method


def others(comparison: Comparison, outcome: Outcome) -> Table:
    """The planned answer first, then every other method's, of the same quantity."""
    planned = comparison.fitted[outcome.id]
    level = f"{comparison.plan.confidence * 100:g}% interval"
    rows, sums, implied = [(f"{planned.main.method} (planned)", _cells(outcome, planned, planned, "both"))], [], []
    for each in comparison.beside[outcome.id]:
        if each.fitted is None:
            rows.append((each.method, (words(NOT_ESTIMATED.format(fault="; ".join(each.faults))), *[words("")] * 5)))
            continue
        answer = like(planned.main, each.fitted)
        scale = "" if answer.scale == planned.main.scale else f" ({answer.scale})"
        rows.append((f"{answer.method}{scale}", _cells(outcome, each.fitted, planned, each.method)))
        if {planned.units, each.fitted.units} != {"people"}:
            continue
        for total, count in who(comparison, outcome, each.method, each.fitted.n):
            sums.append(total)
            implied += count
    title = f"{outcome.label}: the planned estimate and others beside it ({planned.main.scale})"
    columns = ("People", *(level if head == "interval" else head for head in ESTIMATE_HEADS[:-1]))
    return Table(f"beside-{outcome.id}", title, columns, tuple(rows), tuple(sums), tuple(implied), stub="Method")


def like(planned: Estimate, fitted: Fitted) -> Estimate:
    """The answer on the scale of the planned one, where a method gives several; otherwise its first."""
    return next((answer for answer in fitted.answers if answer.scale == planned.scale), fitted.main)


def _cells(outcome: Outcome, fitted: Fitted, planned: Fitted, method: str) -> tuple[Cell, ...]:
    answer = like(planned.main, fitted)
    key = analysed_key(outcome, "both") if fitted.n == planned.n else side_key(outcome, method, "both")
    digits = digits_of(planned.main if answer.scale == planned.main.scale else answer)
    return counted(fitted, key), *in_estimate_columns(fitted, answer, digits)[:-1]


def who(
    comparison: Comparison, outcome: Outcome, method: str, n: tuple[int, int]
) -> Iterator[tuple[Sum, list[tuple[Key, int]]]]:
    """What a reader could subtract: from the study, and from the people of the planned estimate."""
    planned = comparison.fitted[outcome.id]
    if n == planned.n:
        return
    parts = tuple(side_key(outcome, method, role) for role in ROLES.values())
    yield Sum(side_key(outcome, method, "both"), parts), list(zip(parts, n, strict=True))
    yield left_out_together(comparison, outcome, n, method)
    arms = comparison.cohort.people.groupby("arm").size()
    for here, there, (arm, role) in zip(n, planned.n, ROLES.items(), strict=True):
        own, left = side_key(outcome, method, role), ("left out", outcome.id, role, method)
        yield Sum(study_key(role), (own, left)), [(left, int(arms[arm]) - here)]
        total, rest = apart((own, here), (analysed_key(outcome, role), there), ("apart", outcome.id, role, method))
        yield total, [rest]


def bracket(comparison: Comparison, outcome: Outcome, guard: Gate) -> Iterator[str]:
    """ANCOVA and difference-in-differences as the two ends of what a controlled before-after study can say."""
    found = comparison.by_method(outcome)
    if not {"ancova", "did"} <= found.keys() or any(guard.is_small(each.fewest) for each in found.values()):
        return
    one, other = (found[name].main.estimate for name in ("ancova", "did"))
    digits = digits_of(comparison.fitted[outcome.id].main)
    low, high = (f"{value:.{digits}f}" for value in sorted([one, other]))
    lies = f"is {low}" if low == high else f"lies between {low} and {high}"
    yield (
        f"Two assumptions, two estimates: ANCOVA ({one:.{digits}f}) takes people of the same baseline for alike, "
        f"difference-in-differences ({other:.{digits}f}) takes it that both arms would have changed alike. If either "
        f"is right, what the offer made {lies}, errors of chance apart."
    )


EXPLORED = (
    "Explored because the plan asks for it, and no answer to what it set out to learn: the complier average effect is "
    "what at least one attended contact made of the score in those who had one because of the offer. It is right if "
    "the offer changed the score through the contact alone, and if nobody who would have met a link worker without the "
    "offer avoided one because of it"
)
NO_LOTS = ", and, as nobody drew lots, if the arms were alike but for what is adjusted for"


def explored(comparison: Comparison, outcome: Outcome, guard: Gate) -> Iterator[str]:
    """What the complier average effect leans on, and how much the offer decided who had a contact."""
    fitted = comparison.by_method(outcome).get("complier-average")
    if fitted is None:
        return
    lots = comparison.plan.design != "controlled-before-after"
    yield f"{EXPLORED}{'' if lots else NO_LOTS}."
    if guard.is_small(fitted.fewest):
        yield "Too few people of an arm had a contact, or had none, for it to be shown."
        return
    yield " ".join([share_raised(fitted), *fitted.warnings])


def bars(comparison: Comparison, outcome: Outcome, guard: Gate) -> list[Bar]:
    """The estimates as bars of a forest plot; none from too few people."""
    planned = comparison.fitted[outcome.id].main
    return [
        Bar(answer.method, answer.estimate, answer.conf_low, answer.conf_high)
        for fitted in comparison.by_method(outcome).values()
        for answer in [like(planned, fitted)]
        if answer.scale == planned.scale and not guard.is_small(fitted.rests_on(answer.term))
    ]


def in_words(drawn: list[Bar], digits: int) -> str:
    """What the forest plot shows, for who cannot see it."""
    said = [f"{bar.label} {bar.value:.{digits}f}" for bar in drawn]
    return f"Forest plot of the same difference by several methods: {'; '.join(said)}. The table has every number."
