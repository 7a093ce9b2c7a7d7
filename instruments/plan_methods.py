"""The methods that a plan may name for each kind of outcome, and those that always stand beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .plan_reader import Reader
from .plan_series import MONTHS_A_PERIOD

# fmt: off
METHODS: Mapping[str, tuple[str, ...]] = {
    "continuous": (
        "ancova", "did", "doubly-robust-did", "imputation", "random-intercept", "mixed-model", "mmrm", "clda",
        "overlap-weights", "att-weights", "entropy-balance", "matching", "matched-did", "wild-bootstrap", "permutation",
        "complier-average",
    ),
    "binary": ("logistic", "modified-poisson", "linear-probability", "gee-logistic", "mixed-logistic"),
    "count": ("poisson-rate", "poisson-change", "negative-binomial", "gee-poisson", "mixed-negative-binomial"),
    "time-to-event": ("restricted-mean", "cox", "cumulative-incidence", "fine-gray", "frailty"),
}
# fmt: on
"""The methods for each kind of outcome: the one that answers unless the plan says otherwise comes first."""
EXPLORATORY = ("complier-average",)
"""Methods that stand beside an answer where a plan asks for them, and never answer."""
ALWAYS_BESIDE: Mapping[str, tuple[str, ...]] = {
    "continuous": ("did",),
    "binary": ("modified-poisson",),
    "count": ("poisson-change",),
    "time-to-event": ("cox", "cumulative-incidence"),
}
"""What every report shows beside that answer: methods that lean on another assumption."""
FROM_BASELINE = ("did", "doubly-robust-did", "imputation", "mixed-model", "clda", "matched-did", "poisson-change")
"""The methods that cannot do without a baseline: they compare changes, or follow people from it."""
MATCHING = ("matching", "matched-did")
MISLEADS = (
    "matching on the baseline and then comparing changes misleads: people picked for a baseline unlike the rest of "
    "their arm drift back to it by themselves, and that drift looks like an effect"
)
AVERAGES = ("people", "sites")
"""Who counts alike in an answer: each person, so that large sites count for more, or each site; the first is usual."""
# fmt: off
SITES_ALIKE = (
    "ancova", "did", "imputation", "wild-bootstrap", "permutation", "logistic", "modified-poisson",
    "linear-probability", "poisson-rate", "poisson-change",
)
# fmt: on
"""The methods that can count each site alike, where a plan asks for it."""
ALWAYS_SITES = ("callaway-santanna", "sun-abraham")
"""The methods that count each site alike whatever a plan says."""
SERIES: Mapping[str, tuple[str, ...]] = {
    "interrupted-series": ("event-study",),
    "event-study": ("interrupted-series",),
    "callaway-santanna": ("sun-abraham",),
    "sun-abraham": ("callaway-santanna",),
}
"""The methods for counts by site and month or longer period, and what always stands beside each."""


def methods(reader: Reader, entry: Mapping[str, Any], path: str, kind: str) -> dict[str, Any]:
    """Read what answers, and what stands beside it: always the usual check, then what the plan adds."""
    if kind not in METHODS:
        return {}
    allowed = (*METHODS[kind], *(SERIES if kind == "count" else ()))
    added = reader.texts(entry, path, "beside")
    for method in added:
        if method not in allowed:
            reader.fault(f"{path}.beside", f"unexpected value '{method}'; allowed: {', '.join(allowed)}")
    if entry.get("estimator") in EXPLORATORY:
        remedy = "name it in beside, and another method here"
        reader.fault(f"{path}.estimator", f"'{entry['estimator']}' is exploratory and never the answer; {remedy}")
        return {}
    answering = tuple(method for method in allowed if method not in EXPLORATORY)
    estimator = reader.choice(entry, path, "estimator", answering, allowed[0])
    baseline = _baseline(reader, entry, path, (estimator, *added), kind)
    usual = [each for each in ALWAYS_BESIDE[kind] if baseline or each not in FROM_BASELINE]
    beside = [each for each in (*SERIES.get(estimator, (allowed[0], *usual)), *added) if each != estimator]
    return {"estimator": estimator, "beside": tuple(dict.fromkeys(beside)), "baseline": baseline}


def _baseline(reader: Reader, entry: Mapping[str, Any], path: str, named: tuple[str, ...], kind: str) -> bool:
    """Whether an outcome has a baseline; where it has none, what needs one cannot be named."""
    if reader.flag(entry, path, "baseline", default=True):
        return True
    if kind == "time-to-event" or set(named) & set(SERIES):
        reader.fault(f"{path}.baseline", "belongs to a score, an event on it or a count of each person; take it out")
    for method in dict.fromkeys(named):
        if method in FROM_BASELINE:
            what = f"'{method}' needs a baseline, and the outcome has none"
            reader.fault(f"{path}.baseline", f"{what}; take one of them out")
    return False


def average_usual(reader: Reader, tree: Mapping[str, Any]) -> dict[str, Any]:
    """Who counts alike in outcomes that do not say so themselves, as the plan's analysis has it."""
    options = tree.get("analysis")
    found = options if isinstance(options, dict) else {}
    average = reader.choice(found, "analysis", "average", AVERAGES, AVERAGES[0])
    return {"average": average if average in AVERAGES else AVERAGES[0]}


def check_average(reader: Reader, path: str, average: str, estimator: str, errors: str) -> None:
    """Sites count alike only where the method that answers can do it, and where errors go by site."""
    if average != "sites":
        return
    if errors == "classical":
        what = 'sites cannot count alike where people are the units (errors = "classical")'
        reader.fault(f"{path}.average", f'{what}; write errors = "CR2" under [analysis], or average = "people"')
    of_its_kind = next((named for named in (SERIES, *METHODS.values()) if estimator in named), ())
    able = [method for method in of_its_kind if method in (*SITES_ALIKE, *ALWAYS_SITES)]
    if of_its_kind and estimator not in able:
        other = f"name a method that can ({', '.join(able)}), or " if able else ""
        remedy = f'{other}write average = "people" in the outcome'
        reader.fault(f"{path}.average", f"'{estimator}' cannot count sites alike; {remedy}")


def usual_of(kind: str) -> dict[str, object]:
    """What an outcome of a kind is unless a plan says otherwise, and what its canonical form leaves out."""
    return {
        "event": None,
        "leave_out": (0, 0),
        "until_day": None,
        "estimator": METHODS[kind][0],
        "beside": ALWAYS_BESIDE[kind],
        "match_on": (),
        "difference_anyway": False,
        "horizon": None,
        "period": MONTHS_A_PERIOD,
        "family": "",
        "baseline": True,
        "average": AVERAGES[0],
    }
