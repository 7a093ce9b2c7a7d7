"""Sentences of a report, made from its numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from instruments.plan import Covariate, Outcome

from ..cohort import ROLES, Cohort, named_covariates, people_allocated
from ..disclosure import Gate
from ..estimators.frailty import in_words as between_sites
from ..estimators.mixed_logistic import in_words as odds_between_sites
from ..estimators.mixed_negative_binomial import in_words as rates_between_sites
from ..result import Estimate, Fitted
from .cells import arm_columns
from .comparison import Comparison, passing_low
from .epoc import FOLLOW_UP_PERCENT
from .outcomes import analysed_key, digits_of, no_difference
from .participants import FLAGS, adjusted_labels, differences, study_key
from .scale import about

FEW_CLUSTERS = 40
UNCONTROLLED = (
    "Tables of change within an arm show each arm by itself. A change in one arm is not an effect: people enter such "
    "studies at a bad moment and many are better later with nothing done (regression to the mean). “Drift to expect” "
    "is how far an arm that starts apart from the rest of the study comes back by itself; if both arms were picked at "
    "a bad moment, both come back further than that."
)
BEFORE_THE_OFFER = (
    "Between screening and baseline nothing had been offered yet. Where one arm was picked at a bad moment it comes "
    "back in that time and the other does not. Estimates count from the baseline, after that."
)
NAMES = {
    "age": "age", "sex": "sex", "ethnicity": "ethnic group", "deprivation": "deprivation",
    "lives_alone": "living alone", "carer": "being a carer", "ltc_count": "number of long-term conditions",
}  # fmt: skip


def minus(text: str) -> str:
    """Text with true minus signs before its digits."""
    return text.replace("-", "\N{MINUS SIGN}")


def shown(answer: Estimate) -> str:
    """An estimate as a reader sees it."""
    return minus(f"{answer.estimate:.{digits_of(answer)}f}")


def limits(answer: Estimate, confidence: float) -> str:
    """The interval in words, or that there is none."""
    if answer.conf_low is None or answer.conf_high is None:
        return "no interval can be given"
    d = digits_of(answer)
    return f"{confidence * 100:g}% interval {minus(f'{answer.conf_low:.{d}f}')} to {minus(f'{answer.conf_high:.{d}f}')}"


def compared(comparison: Comparison) -> str:
    """What was compared with what."""
    first, second = arm_columns(comparison.plan)
    who = "sites" if comparison.plan.primary.estimator in SINCE else "people"
    return f"{who.capitalize()} in the arm “{first}” were compared with {who} in the arm “{second}”."


def answer(comparison: Comparison, outcome: Outcome, gate: Gate) -> str:
    """One outcome's answer in a sentence or two."""
    if outcome.id not in comparison.fitted:
        return f"{outcome.label} could not be estimated: {'; '.join(comparison.faults[outcome.id])}."
    fitted = comparison.fitted[outcome.id]
    if gate.is_small(fitted.fewest):
        who = "had it, or did not," if fitted.had else "were analysed"
        return f"{outcome.label}: too few people {who} for the result to be shown."
    if fitted.units != "people":
        return _series_answer(comparison, outcome)
    say = {"count": _rate_answer, "binary": _risk_answer, "time-to-event": _time_answer}.get(
        outcome.kind, _score_answer
    )
    alike = f" {EACH_SITE_ONCE}" if outcome.average == "sites" else ""
    return f"{say(comparison, outcome)}{alike}"


def _score_answer(comparison: Comparison, outcome: Outcome) -> str:
    main, scale = comparison.fitted[outcome.id].main, about(comparison.plan, outcome)
    first, second = arm_columns(comparison.plan)
    digits = digits_of(main)
    way = "higher" if main.estimate > 0 else "lower"
    size = f"{abs(main.estimate):.{digits}f} {way} in “{first}” than in “{second}”"
    interval = limits(main, comparison.plan.confidence)
    found = f"{outcome.label} was {size} ({interval}), adjusted for {adjusted_for(comparison, outcome)}."
    return f"{found} {scale.better.capitalize()} is better. {_settled(main, 0)}"


def _rate_answer(comparison: Comparison, outcome: Outcome) -> str:
    ratio, difference = comparison.fitted[outcome.id].answers
    first, second = arm_columns(comparison.plan)
    level = comparison.plan.confidence
    found = (
        f"{outcome.label} per person-year in “{first}” were {shown(ratio)} times those in “{second}” "
        f"({limits(ratio, level)}), a difference of {shown(difference)} per person-year "
        f"({limits(difference, level)}), adjusted for {adjusted_for(comparison, outcome)}."
    )
    return f"{found} {_settled(ratio, 1)} {rates_between_sites(comparison.fitted[outcome.id])}".rstrip()


EACH_SITE_ONCE = "Each site counts once, whatever its size."
SINCE = {
    "interrupted-series": ("", "had each arm kept its level and slope but for what both share"),
    "event-study": ("from the start on ", "had the arms gone on moving alike"),
    "callaway-santanna": ("from their start on ", "had they moved like sites that never started"),
    "sun-abraham": ("from their start on ", "had they moved like sites that never started"),
}


def _series_answer(comparison: Comparison, outcome: Outcome) -> str:
    """What the sites' series say; the ratio first, where there is one."""
    main, *others = comparison.fitted[outcome.id].answers
    when, otherwise = SINCE[outcome.estimator]
    if outcome.estimator == "interrupted-series":
        month = f"{outcome.horizon} months after the start" if outcome.horizon is not None else "in the last month"
        when = f"{month} "
    level = comparison.plan.confidence
    gap = "".join(f", a difference of {shown(each)} per person-year ({limits(each, level)})" for each in others)
    size = f"{shown(main)} times" if main.scale == "rate ratio" else f"{shown(main)} per person-year apart from"
    found = (
        f"{outcome.label} per person-year at sites of “{arm_columns(comparison.plan)[0]}” {when}were {size} what they "
        f"would have been ({limits(main, level)}){gap}, {otherwise}."
    )
    return f"{found} {_settled(main, 1 if main.scale == 'rate ratio' else 0)}"


def _risk_answer(comparison: Comparison, outcome: Outcome) -> str:
    answers = {each.scale: each for each in comparison.fitted[outcome.id].answers}
    first, second = arm_columns(comparison.plan)
    gap, ratio, level = answers["risk difference"], answers["risk ratio"], comparison.plan.confidence
    points = _in_points(gap)
    way = "more" if gap.estimate > 0 else "fewer"
    size = _size(points)
    answer = (
        f"{outcome.label}: in “{first}” {size} percentage points {way} had it than would have in “{second}” "
        f"({limits(points, level)}), a risk {shown(ratio)} times as high ({limits(ratio, level)}), adjusted for "
        f"{adjusted_for(comparison, outcome)}. {_settled(gap, 0)}"
    )
    return f"{answer} {odds_between_sites(comparison.fitted[outcome.id])}".rstrip()


def _time_answer(comparison: Comparison, outcome: Outcome) -> str:
    main, level = comparison.fitted[outcome.id].main, comparison.plan.confidence
    first, second = arm_columns(comparison.plan)
    way = "more" if main.estimate > 0 else "fewer"
    until, adjusted = f"up to day {outcome.until_day}", f", adjusted for {adjusted_for(comparison, outcome)}"
    said = {
        "difference": (
            f"{until} people in “{first}” had {_size(main)} {way} days without it than people in “{second}” "
            f"({limits(main, level)})"
        ),
        "risk difference": (
            f"{until} {_size(_in_points(main))} percentage points {way} had it in “{first}” than in “{second}”, where "
            f"death may come first ({limits(_in_points(main), level)})"
        ),
        "hazard ratio": (
            f"of those who had not had it yet, people in “{first}” came to it {shown(main)} times as often as people "
            f"in “{second}” ({limits(main, level)})"
        ),
        "site-specific hazard ratio": (
            f"of those who had not had it yet, at sites alike, people in “{first}” came to it {shown(main)} times as "
            f"often as people in “{second}” ({limits(main, level)})"
        ),
    }
    otherwise = f"the {main.scale} of “{first}” and “{second}” {until} is {shown(main)} ({limits(main, level)})"
    nothing = no_difference(main)
    answer = f"{outcome.label}: {said.get(main.scale, otherwise)}{adjusted}. {_settled(main, nothing)}"
    return f"{answer} {between_sites(comparison.fitted[outcome.id])}".rstrip()


def _size(answer: Estimate) -> str:
    return shown(replace(answer, estimate=abs(answer.estimate)))


def _in_points(gap: Estimate) -> Estimate:
    """A difference of risks in percentage points."""
    error, low, high = (_percent(value) for value in (gap.std_error, gap.conf_low, gap.conf_high))
    return replace(gap, estimate=100 * gap.estimate, std_error=error, conf_low=low, conf_high=high)


def _percent(value: float | None) -> float | None:
    return None if value is None else 100 * value


def adjusted_for(comparison: Comparison, outcome: Outcome) -> str:
    """What an outcome's estimate is adjusted for; a time to an event has no baseline, others need not have one."""
    baselines = {
        "continuous": ["the baseline score"],
        "count": ["the rate before entry"],
        "binary": ["having it at the baseline"],
        "time-to-event": [],
    }
    if outcome.estimator in SINCE:
        return "what each site's series was before the start"
    named = [_name(covariate) for covariate in named_covariates(comparison.plan, outcome)]
    return listed([*(baselines[outcome.kind] if outcome.baseline else ()), *named]) or "nothing"


def _name(covariate: Covariate) -> str:
    return NAMES.get(covariate.name, covariate.name)


def listed(parts: list[str]) -> str:
    """Words joined by commas and 'and'."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def _settled(main: Estimate, nothing: float) -> str:
    if main.conf_low is None or main.conf_high is None:
        return "Whether there is a difference at all cannot be said."
    same = "A ratio of one, no difference," if nothing else "A difference of zero"
    if main.conf_low <= nothing <= main.conf_high:
        return f"{same} lies inside the interval: the data do not settle whether there is a difference."
    return f"{same} lies outside the interval."


def matters(comparison: Comparison, outcome: Outcome, gate: Gate) -> Iterator[str]:
    """Whether the interval reaches the smallest difference that matters and for whom, where one is known."""
    fitted = comparison.fitted.get(outcome.id)
    if fitted is None or outcome.kind != "continuous":
        return
    scale = about(comparison.plan, outcome)
    low, high = fitted.main.conf_low, fitted.main.conf_high
    if scale.mid is None or low is None or high is None or gate.is_small(fitted.fewest):
        return
    size, source = scale.mid
    better, worse = arm_columns(comparison.plan) if scale.better == "higher" else arm_columns(comparison.plan)[::-1]
    verdict = f"{_far(low, high, size)} {size:g} {_in_favour(low <= -size, high >= size, worse, better)}"
    yield f"The interval {verdict}, taken to be the smallest difference that matters ({source.rstrip('.')})."


def _far(low: float, high: float, size: float) -> str:
    """How an interval of first less second lies to a size that matters."""
    if low >= size or high <= -size:
        return "lies wholly beyond"
    return "reaches" if max(-low, high) >= size else "stays below"


def _in_favour(below: bool, above: bool, of_below: str, of_above: str) -> str:
    if below == above:
        return "in favour of either arm"
    return f"in favour of “{of_above if above else of_below}”"


def how_sure(comparison: Comparison, gate: Gate) -> Iterator[str]:
    """What the primary answer stands on."""
    outcome = comparison.plan.primary
    fitted = comparison.fitted.get(outcome.id)
    if fitted is None:
        yield "There is no answer to be sure of: mend what is named above, then compare again."
        return
    yield _analysed(comparison, outcome, gate)
    alike = "people" if fitted.units == "people" else "what is counted"
    if fitted.n_clusters:
        df = f", which leaves {fitted.main.df:.1f} degrees of freedom" if fitted.main.df is not None else ""
        yield f"They come from {_sites(fitted)}{df}. The interval allows for {alike} of one site being alike."
    elif fitted.units != "people":
        yield "The interval takes sites to be independent of each other, as the plan says."
    else:
        yield "People, not sites, are the units; the interval takes them to be independent."
        if not people_allocated(comparison.cohort):
            yield "Sites were allocated, though: people of one site resemble each other, so the interval is too narrow."
    yield from matters(comparison, outcome, gate)
    yield from fitted.warnings


def _sites(fitted: Fitted) -> str:
    """How many sites there are in each arm, and how many have people of both."""
    first, second = fitted.n_clusters or (0, 0)
    counted = fitted.main.n_clusters
    both = 0 if counted is None else first + second - counted
    of_both = f", {both} of them in both" if both else ""
    return f"{first} sites in one arm and {second} in the other{of_both}"


def _analysed(comparison: Comparison, outcome: Outcome, gate: Gate) -> str:
    """How many of the study's people the answer stands on, as far as both numbers may leave."""
    fitted = comparison.fitted[outcome.id]
    if fitted.units != "people":
        return f"The answer stands on {sum(fitted.n):,} {fitted.units}."
    arms = comparison.cohort.people.groupby("arm").size()
    sizes = [gate.count(study_key(role), int(arms[arm])) for arm, role in ROLES.items()]
    n = gate.count(analysed_key(outcome, "both"), sum(comparison.fitted[outcome.id].n))
    if isinstance(n, str) or any(isinstance(size, str) for size in sizes):
        return "How many of the people in the study could be analysed is withheld: somebody could be recognised."
    total = int(arms.sum())
    return f"{n:,} of the {total:,} people in the study could be analysed ({100 * n / total:.0f}%)."


def _low(comparison: Comparison) -> Iterator[str]:
    """What a passing low at the only baseline, in one arm alone, would look like."""
    plan, outcome = comparison.plan, comparison.plan.primary
    if plan.design != "controlled-before-after" or outcome.kind != "continuous" or outcome.id not in comparison.fitted:
        return
    found = passing_low(comparison, outcome)
    if plan.screenings or found is None:
        return
    digits = digits_of(comparison.fitted[outcome.id].main)
    seen = " or ".join(f"{value:.{digits}f} ({method})" for method, value in found.seen_as.items())
    yield (
        f"There is one baseline only. Had one arm alone been picked at a passing low of {found.size:.{digits}f}, half "
        f"of what scores go up and down by themselves, that would look like a difference of {seen}. A screening "
        "before the baseline, or arms entered by the same trigger, would tell."
    )


def _unlike(cohort: Cohort) -> Iterator[str]:
    """What the arms differed in at entry, and whether the primary estimate is adjusted for it."""
    large = [label for label, value in differences(cohort).items() if abs(value) > FLAGS[0]]
    within = adjusted_labels(cohort, cohort.plan.primary)
    held, open_ = [each for each in large if each in within], [each for each in large if each not in within]
    if held and open_:
        leans = f"leans on its adjustment for {'; '.join(held)}. It is not adjusted for {'; '.join(open_)}"
    else:
        leans = "is not adjusted for them" if open_ else "leans on its adjustment for them"
    if large:
        yield f"The arms differed at baseline in: {'; '.join(large)}. The estimate {leans}."


def what_would_change_it(comparison: Comparison) -> Iterator[str]:
    """The ways in which the primary answer could be wrong."""
    plan, cohort = comparison.plan, comparison.cohort
    if plan.design == "controlled-before-after":
        yield (
            "Nobody drew lots: the arms may differ in something that was not measured, or may have joined the study at "
            "different moments of their lives. No calculation repairs that."
        )
    yield from _low(comparison)
    yield from _unlike(cohort)
    if plan.primary.id not in comparison.fitted or comparison.fitted[plan.primary.id].units != "people":
        return
    share = sum(comparison.fitted[plan.primary.id].n) / len(cohort.people)
    if 100 * share < FOLLOW_UP_PERCENT:
        yield "Many people could not be analysed. If they fared differently from those who could, the answer changes."
    clusters = comparison.fitted[plan.primary.id].main.n_clusters
    if clusters and clusters < FEW_CLUSTERS:
        yield "There are few sites: a single unusual one can move the answer."
