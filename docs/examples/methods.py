"""Writes docs/methods.md: what every method makes of the invented study, with how to read it.

.venv/bin/python docs/examples/methods.py            writes the page anew
.venv/bin/python docs/examples/methods.py --print    prints it
"""

from __future__ import annotations

import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

from analysis import compare, load
from analysis.report.comparison import Comparison
from analysis.result import Estimate, Fitted
from instruments import bundle, flat
from instruments.plan import Outcome

HERE = Path(__file__).parent
PAGE = HERE.parent / "methods.md"
MAPPINGS = ("mapping.toml", "trial-mapping.toml", "series-mapping.toml", "roll-out-mapping.toml")

INTRODUCTION = """\
# Every method, worked through

One invented study, and what each method of a plan makes of it. 480 people of 24 practices; twelve practices offer a
link worker. Built in are 2 points less on the PHQ-9 at six months (0 to 27, lower is better), 0.85 times the GP
attendances, 0.7 times the hazard of an admission, and 0.9 times the attendances of a whole practice once it offers a
link worker. One draw of a study hits none of these exactly; the intervals say how near one may hope to be.

The tables, mappings and plans are in `docs/examples`. To follow:

```sh
.venv/bin/python -m analysis convert docs/examples/mapping.toml bundle
.venv/bin/python -m analysis compare bundle docs/examples/plan.toml out
```

and open `out/report.html`, or read `out/estimates.csv` and `out/sensitivity.csv`. This page is written by
`docs/examples/methods.py` from those files, and a test holds it to what the methods give. Which method leans on what is
in [analysis.md](analysis.md); here is how to read them.
"""

KINDS = {
    "depression-6m": "A score",
    "depressed-6m": "An event",
    "gp": "A count",
    "first-admission": "The time to a first event",
    "gp-series": "A series of whole sites",
    "gp-roll-out": "Sites that start at different times",
}

READ = {
    "ancova": "Of two people with the same score before, age and sex, the one whose practice offers a link "
    "worker is expected to score {0} at six months. Only people with both scores are in it.",
    "did": "Scores fell by so much more with a link worker than without: {0}. Nobody's score before is "
    "adjusted for; everybody is compared with themselves. Where arms begin differently and drift back to the "
    "middle, this and `ancova` differ: if either is right, the truth lies between the two.",
    "doubly-robust-did": "The change beyond the other arm's, {0}, for people like those who had the offer: the "
    "other arm is weighted to their age and sex, and its changes are predicted from them. One of the two models "
    "may be wrong.",
    "imputation": "`ancova` again, {0}, of everybody alive: scores that are missing were drawn 20 times from "
    "what is known of the person, and the 20 answers pooled. More people are in it.",
    "random-intercept": "`ancova` with practices as draws from many such practices: {0}. Its degrees of "
    "freedom are Kenward and Roger's. Where practices hardly differ it is hardly different from `ancova`.",
    "mixed-model": "All three timepoints of everybody who has one: the change beyond the other arm's at six "
    "months is {0}. What practices, practices at one time, and people have of their own are variances.",
    "mmrm": "All timepoints with any covariance between them, and errors by practice (CR2): {0}. Who has one "
    "score of three still counts, and what is missing is guessed from the others.",
    "clda": "As `mmrm`, but both arms are made to begin at the same mean, which holds where a lot decided: "
    "{0}. Only a plan whose design is a trial may ask for it; this one is `trial-plan.toml`.",
    "overlap-weights": "`ancova` in which those count most who could have been in either arm: {0}, for people "
    "like them.",
    "att-weights": "The other arm is weighted to look like those who had the offer: {0}, for people like those.",
    "entropy-balance": "As `att-weights`, with weights that make the means of all named facts equal exactly: {0}.",
    "matching": "Each person with the offer beside the nearest one without, where there is one near enough: "
    "{0}, for those who found a partner. Who found none is not in it.",
    "matched-did": "The change beyond the partner's: {0}. Partners are chosen by age and sex alone, not by the "
    "score before.",
    "wild-bootstrap": "`ancova`, tested by turning the residuals of whole practices over: {0}. The interval is "
    "made of all differences that such a test does not reject, and needs no normal errors.",
    "permutation": "`ancova`, tested by dealing the offer out to practices anew: {0}. The p-value is the share "
    "of deals that give as much; there is no interval.",
    "complier-average": "Not what the offer made but what meeting a link worker made, in those who met one because "
    "of it: {0}. It is `ancova` divided by the share whom the offer brought to a contact, about 85 %, and so larger. "
    "It is right if the offer does nothing by itself. Here that is wrong, for the 2 points are built in for everybody "
    "who had the offer, whether they met anybody or not: what leans on an assumption is no better than it. It is "
    "exploratory, and never the answer of a plan.",
    "logistic": "The share with a PHQ-9 of 10 or more differs by {0}; as a ratio, {1}. Both are averages over "
    "the people who had the offer, of what they would have had without it; the odds ratio behind them is in "
    "`estimates.csv`.",
    "modified-poisson": "One risk ratio for everybody, {0}, and from it the difference. It can be read without "
    "a model for the odds.",
    "linear-probability": "One risk difference for everybody: {0}. Simple, and able to leave 0 to 1 for some people.",
    "gee-logistic": "As `logistic`, with people of one practice alike in what is left: {0}; as a ratio, {1}.",
    "mixed-logistic": "As `logistic`, with practices as draws from many: {0}; as a ratio, {1}. Both are averages over "
    "practices too. The odds ratio, {2}, is between two people of the same practice, and would be nearer to one "
    "between people of any two. Where practices hardly differ it is hardly different from `logistic`.",
    "poisson-rate": "Attendances are {0} times those without the offer; that is {1} a person and year. "
    "Everybody's own time counts, and the rate before entry is adjusted for.",
    "poisson-change": "The rate after against the rate before, beyond the same in the other arm: {0}. Each "
    "person is compared with themselves, as in `did`.",
    "negative-binomial": "As `poisson-rate`, for counts that spread more than chance alone makes them: {0}. "
    "Those who attend a great deal count less.",
    "gee-poisson": "As `poisson-rate`, with people of one practice alike in what is left: {0}.",
    "mixed-negative-binomial": "As `negative-binomial`, with practices as draws from many: {0}, between people of the "
    "same practice and over all practices alike. The difference, {1} a person and year, is an average over practices "
    "too. Where practices hardly differ it is hardly different from `negative-binomial`.",
    "restricted-mean": "With the offer, people were {0} longer without an admission in the first 182 days. "
    "This can be read whatever the shape of the curves. The interval holds zero: a study of this size cannot "
    "tell.",
    "cox": "At any time, those not yet admitted are admitted at {0} times the rate. Beside it the report tests "
    "whether that ratio stays the same.",
    "cumulative-incidence": "The risk of an admission by day 182, where who dies first is never admitted, "
    "differs by {0}.",
    "fine-gray": "One ratio for the curve of that risk: {0}. It says whose risk is higher, and is nobody's rate.",
    "frailty": "The ratio of rates between two people of the same practice: {0}. Where practices hardly differ "
    "it is near `cox`.",
    "interrupted-series": "Eleven months after the start, attendances are {0} times what they would have been "
    "had each arm kept its level and slope but for what both share; {1} a person and year.",
    "event-study": "The mean of the ratios in every period after the start against the last one before it: "
    "{0}. Periods before the start stand in the figure, and should lie around 1.",
    "callaway-santanna": "Practices from their start on, each against those that never start: attendances {0} "
    "times; {1} a person and year. Nobody who began earlier is used to compare with.",
    "sun-abraham": "The same by one regression with every start's own periods: {0}. The estimate agrees, as it "
    "should where the comparison is the same; the errors differ.",
}
"""How each method's answer is read; {0} and {1} are its first two estimates with their intervals."""

HEAD = "| scale | estimate, 95 % interval | df | p | people or rows | sites |\n|---|---|---|---|---|---|"


def comparisons() -> Iterator[Comparison]:
    """Each example, from its tables."""
    for mapping in MAPPINGS:
        found = flat.read(HERE / mapping)
        with tempfile.TemporaryDirectory() as folder:
            bundle.write(Path(folder) / "bundle", found.tables, found.plan_text, made_by="docs/examples")
            yield compare(load.read(Path(folder) / "bundle", HERE / mapping.replace("mapping", "plan")))


def number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}")


def said(estimate: Estimate) -> str:
    """An estimate with its interval, in the digits that its scale is read in."""
    digits = 3 if "ratio" in estimate.scale or "risk" in estimate.scale else 1 if estimate.unit == "days" else 2
    value = number(estimate.estimate, digits) + (" days" if estimate.unit == "days" else "")
    if estimate.conf_low is None or estimate.conf_high is None:
        return value
    return f"{value} ({number(estimate.conf_low, digits)} to {number(estimate.conf_high, digits)})"


def row(each: Estimate) -> str:
    p = "" if each.p_value is None else "< 0.001" if each.p_value < 0.001 else number(each.p_value, 3)
    df = "" if each.df is None else number(each.df, 1)
    return f"| {each.scale} | {said(each)} | {df} | {p} | {each.n} | {each.n_clusters} |"


def worked(method: str, outcome: Outcome, fitted: Fitted) -> str:
    """One method: how to ask for it, its answer, and how that is read."""
    asked = f'estimator = "{method}"' if outcome.estimator == method else f'beside = ["{method}"]'
    read = textwrap.fill(READ[method].format(*map(said, fitted.answers)), 120)
    table = "\n".join([HEAD, *map(row, fitted.answers)])
    return f"### `{method}`\n\n{read}\n\n`{asked}`\n\n{table}\n"


def page() -> str:
    """The whole page."""
    parts, seen = [INTRODUCTION], set()
    for comparison in comparisons():
        for outcome in comparison.estimated:
            if KINDS[outcome.id] not in seen:
                parts.append(f"## {KINDS[outcome.id]}\n\n{outcome.label}.\n")
                seen.add(KINDS[outcome.id])
            for method, fitted in comparison.by_method(outcome).items():
                if method not in seen:
                    parts.append(worked(method, outcome, fitted))
                    seen.add(method)
    return "\n".join(parts)


if __name__ == "__main__":
    if "--print" in sys.argv:
        print(page(), end="")
    else:
        PAGE.write_text(page(), encoding="utf-8")
