"""ANCOVA of everybody alive, missing values imputed several times; and how far the missing would have to be unlike.

Values are drawn within each arm, from a person's scores at other timepoints, covariates and site (`analysis.missing`).
That is right where, among people alike in all these, those who are missing fare as those who are not. Whether they do
cannot be seen in the data: `tipping_point` says how much worse or better they would have to fare to turn the answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from instruments.plan import Covariate

from ..missing import Shifted, Variable, chained, pool
from ..moments import Array, Errors, LeastSquares, Moments, from_rows, least_squares
from ..result import AnalysisError, Estimate, Fitted
from .ancova import adjusted, errors_of
from .design import Design, design
from .inference import CLUSTERS_FOR_ERRORS, Inference
from .site_average import averaged, named

ROLES = {1: "intervention", 0: "comparison"}
SHIFTED = {"intervention": (1.0, 0.0), "comparison": (0.0, 1.0), "both": (1.0, 1.0)}
STEPS, PER_SD = 5, 5
KNOWN_ENOUGH, MUCH = 0.5, 0.5


@dataclass(frozen=True)
class Completed:
    """People who can be imputed, in order of their index, and what was drawn for them.

    Attributes
    ----------
    rows
        One row a person, missing values still missing.
    drawn
        By column that had missing values, (m, n): the values of each completed data set.
    levels
        The levels of drawn columns that are categories, whose values are places in it.
    sets
        m; 1 where nothing was missing.
    """

    rows: pd.DataFrame
    drawn: Mapping[str, Array]
    levels: Mapping[str, pd.Index[Any]]
    sets: int

    @property
    def without_score(self) -> NDArray[np.bool_]:
        """Whose score was drawn, (n,)."""
        return self.rows["score"].isna().to_numpy()

    @property
    def imputed(self) -> tuple[int, int]:
        """How many scores were drawn in the (intervention, comparison) arm."""
        arm = self.rows["arm"].to_numpy()[self.without_score]
        return int((arm == 1).sum()), int((arm == 0).sum())

    def table(self, place: int) -> pd.DataFrame:
        """One completed data set."""
        return self.rows.assign(**{name: self._column(name, values[place]) for name, values in self.drawn.items()})

    def _column(self, name: str, values: Array) -> Any:
        if name not in self.levels:
            return values
        known = self.levels[name]
        if isinstance(self.rows[name].dtype, pd.CategoricalDtype):
            return pd.Categorical.from_codes(values.astype(int).tolist(), categories=known)
        return known.to_numpy()[values.astype(int)]


def completed(
    rows: pd.DataFrame,
    covariates: Sequence[Covariate],
    *,
    auxiliaries: Sequence[str] = (),
    imputations: int = 20,
    iterations: int = 10,
    seed: int = 1,
    draw: str = "normal",
) -> Completed:
    """Draw what is missing of scores, baselines and covariates, within each arm.

    Parameters
    ----------
    rows, covariates
        As for `imputed`.
    auxiliaries
        Columns that help to predict and are not in the model, such as scores at other timepoints. In an arm where
        fewer than half have one it is left out.
    imputations, iterations, draw
        As for `analysis.missing.chained`.
    seed
        Of the draws. People are known by the index of `rows`: their order and the names of sites and arms do not
        matter.

    Raises
    ------
    AnalysisError
        When somebody stands twice in the index, an arm is empty or has nobody with a score, or too few to impute from.
    """
    alive = _alive(rows)
    names = dict.fromkeys(["score", "baseline", *auxiliaries, *(covariate.name for covariate in covariates)])
    kinds = {covariate.name: covariate.kind for covariate in covariates}
    coded = {name: _coded(alive[name], kinds.get(name)) for name in names}  # values, and the levels if they have any
    drawn: dict[str, Array] = {}
    for place, arm in enumerate(alive["arm"].unique()):
        members = (alive["arm"] == arm).to_numpy()
        rng = np.random.default_rng([seed, place])
        variables = list(_variables(coded, members, auxiliaries))
        site = pd.factorize(alive["site"][members], use_na_sentinel=False)[0]
        found = chained(variables, site, rng, imputations=imputations, iterations=iterations, draw=draw)
        for name in found.keys() - set(auxiliaries):
            drawn.setdefault(name, np.tile(coded[name][0], (imputations, 1)))[:, members] = found[name]
    levels = {name: known for name in drawn if (known := coded[name][1]) is not None}
    return Completed(alive, drawn, levels, imputations if drawn else 1)


def _alive(rows: pd.DataFrame) -> pd.DataFrame:
    """Everybody of an arm but those who had died without a score, in order of the index."""
    if rows.index.has_duplicates:
        raise AnalysisError("rows: somebody stands twice in the index; give one row a person")
    alive = rows.dropna(subset=["arm"]).sort_index()
    if "died" in alive:
        alive = alive[~((alive["died"] == True) & alive["score"].isna())]  # noqa: E712  (missing is not known to be)
    for arm, role in ROLES.items():
        if not alive.loc[alive["arm"] == arm, "score"].notna().any():
            raise AnalysisError(f"the {role} arm has nobody with a score; there is nothing to impute from")
    return alive


def _coded(values: pd.Series[Any], kind: str | None) -> tuple[Array, pd.Index[Any] | None]:
    """Values (n,) as numbers; of a category, or of a covariate with two values, places in its levels."""
    if kind == "category" or (kind == "number" and values.nunique() == 2):
        found = pd.Categorical(values)
        return np.where(found.codes < 0, np.nan, found.codes), found.categories
    return values.to_numpy(dtype=float), None


def _variables(
    coded: Mapping[str, tuple[Array, pd.Index[Any] | None]], members: NDArray[np.bool_], auxiliaries: Sequence[str]
) -> Iterator[Variable]:
    for name, (values, levels) in coded.items():
        variable = Variable(name, values[members], 0 if levels is None else len(levels))
        if name not in auxiliaries or variable.known.mean() >= KNOWN_ENOUGH:
            yield variable


def imputed(
    rows: pd.DataFrame,
    *,
    covariates: Sequence[Covariate],
    errors: str = "CR2",
    confidence: float = 0.95,
    imputations: int = 20,
    iterations: int = 10,
    seed: int = 1,
    auxiliaries: Sequence[str] = (),
    draw: str = "normal",
    average: str = "people",
) -> Fitted:
    """Estimate the adjusted difference among everybody alive at follow-up, missing values imputed.

    `ancova` on each completed data set, pooled by Rubin's rules. The degrees of freedom are Barnard and Rubin's, with
    those that `errors` give for the complete data: with CR2 the sites' (Satterthwaite), averaged over the data sets.

    Parameters
    ----------
    rows
        One row a person, known by the index: `arm` (1 intervention, 0 comparison), `site`, `score`, `baseline` (units
        of the scale; missing as NaN), the covariates' columns and the auxiliary ones. A column `died`, if there is
        one, says who had died before the score was due: those without a score are left out, never imputed.
    covariates
        Facts known at entry; missing ones are imputed too, those with two values or levels by logistic draws.
    errors, average
        As for `ancova`; of a site count those alive.
    confidence
        Level of the interval.
    imputations, iterations, seed, auxiliaries, draw
        As for `completed`.

    Returns
    -------
    Fitted
        As `ancova`. `n` counts everybody in the completed data. Where nothing is missing it is `ancova`, exactly.

    Raises
    ------
    AnalysisError
        As `completed` and `ancova`.

    References
    ----------
    Rubin DB. Multiple imputation for nonresponse in surveys. Wiley 1987. doi:10.1002/9780470316696
    Barnard J, Rubin DB. Biometrika 1999;86:948-955. doi:10.1093/biomet/86.4.948
    Reference: `09_mice_rubin`; draws by simulation in `tests/unit/analysis/test_imputed.py`.
    """
    done = completed(
        rows,
        covariates,
        auxiliaries=auxiliaries,
        imputations=imputations,
        iterations=iterations,
        seed=seed,
        draw=draw,
    )
    return pooled_ancova(done, covariates=covariates, errors=errors, confidence=confidence, average=average)


def pooled_ancova(
    done: Completed,
    *,
    covariates: Sequence[Covariate],
    errors: str = "CR2",
    confidence: float = 0.95,
    average: str = "people",
) -> Fitted:
    """The same from values that were imputed before, by this module or elsewhere."""
    laid = list(_designs(done, covariates))
    fits = [adjusted(each, each.rows["score"].to_numpy(dtype=float), average, errors) for each in laid]
    spreads = [errors_of(each, fit, errors) for each, fit in zip(laid, fits, strict=True)]
    pooled = pool([fit.beta for fit in fits], [each.covariance for each in spreads], _complete_df(spreads))
    inference = _inference(laid[0], done, errors, confidence, average)
    terms = tuple(
        inference.estimate(term, float(value), (float(error), float(df)))
        for term, value, error, df in zip(laid[0].terms, pooled.estimate, pooled.std_error, pooled.df, strict=True)
    )
    warnings = (*inference.warnings(), *_much_missing(float(pooled.fraction_missing[1])))
    return Fitted((terms[1],), terms, laid[0].n, inference.n_clusters, warnings)


def _designs(done: Completed, covariates: Sequence[Covariate]) -> Iterator[Design]:
    for place in range(done.sets):
        table = done.table(place)
        yield design(table, ("score",), table["baseline"].to_numpy(dtype=float), covariates)


def _complete_df(spreads: Sequence[Errors]) -> Array:
    return np.asarray(np.mean([each.df for each in spreads], axis=0))


def _inference(laid: Design, done: Completed, errors: str, confidence: float, average: str) -> Inference:
    by_site = errors != "classical"
    how = f"{errors} by site" if by_site else "classical errors"
    method = f"{named('ANCOVA', average)}, multiple imputation ({done.sets}), {how}"
    return Inference(laid, method, confidence, clustered=by_site)


def _much_missing(fraction: float) -> Iterator[str]:
    if fraction > MUCH:
        yield (
            f"{100 * fraction:.0f}% of the information about the difference is missing: the answer leans more on what "
            "is assumed of the missing than on what was measured."
        )


# ---------------------------------------------------------------------------- were the missing unlike


@dataclass(frozen=True)
class TippingPoint:
    """What the adjusted difference would be if those without a score fared worse or better than was imputed.

    Attributes
    ----------
    deltas
        Shifts of imputed scores, in units of the scale; 0 is no shift.
    answers
        By whose scores are shifted ('intervention', 'comparison' or 'both'), an estimate for each of `deltas`.
    turns
        By the same, the shift (below zero, above zero) nearest to none at which the interval begins or ceases to hold
        zero; None where no shift up to the outermost of `deltas` does that.
    imputed
        Scores that were imputed in the (intervention, comparison) arm.
    fraction_missing
        Fraction of the information about the difference that is missing, 0 to 1.
    n, n_clusters
        As in `Fitted`.
    """

    deltas: tuple[float, ...]
    answers: Mapping[str, tuple[Estimate, ...]]
    turns: Mapping[str, tuple[float | None, float | None]]
    imputed: tuple[int, int]
    fraction_missing: float
    n: tuple[int, int]
    n_clusters: tuple[int, int] | None

    @property
    def unshifted(self) -> Estimate:
        """The answer without a shift."""
        return self.answers["both"][self.deltas.index(0.0)]


def tipping_point(
    rows: pd.DataFrame,
    *,
    covariates: Sequence[Covariate],
    errors: str = "CR2",
    confidence: float = 0.95,
    deltas: Sequence[float] | None = None,
    imputations: int = 20,
    iterations: int = 10,
    seed: int = 1,
    auxiliaries: Sequence[str] = (),
    draw: str = "normal",
    average: str = "people",
) -> TippingPoint:
    """Estimate the adjusted difference with imputed scores shifted by so much, and where the answer turns.

    Parameters
    ----------
    rows, covariates, errors, confidence, imputations, iterations, seed, auxiliaries, draw, average
        As for `imputed`, which is the answer without a shift.
    deltas
        Shifts in units of the scale; 0 is always among them. Without any: five steps to either side, each about a
        fifth of a standard deviation of the score within the arms, rounded to 1, 2 or 5.

    Returns
    -------
    TippingPoint
        Exact between the shifts of the grid: least squares is linear in the outcome. Without an interval, as with one
        site in an arm, there is nothing to turn.

    Raises
    ------
    AnalysisError
        As `imputed`, and when a shift is not a finite number.

    References
    ----------
    Carpenter JR, Kenward MG. Multiple imputation and its application. Wiley 2013. doi:10.1002/9781119942283
    Cro S, Morris TP, Kenward MG, Carpenter JR. Stat Med 2020;39:2815-2842. doi:10.1002/sim.8569
    Reference: `09_mice_rubin` (`delta_tipping_CR2`).
    """
    done = completed(
        rows,
        covariates,
        auxiliaries=auxiliaries,
        imputations=imputations,
        iterations=iterations,
        seed=seed,
        draw=draw,
    )
    return tipping_of(done, covariates=covariates, errors=errors, confidence=confidence, deltas=deltas, average=average)


def tipping_of(
    done: Completed,
    *,
    covariates: Sequence[Covariate],
    errors: str = "CR2",
    confidence: float = 0.95,
    deltas: Sequence[float] | None = None,
    df: float | None = None,
    average: str = "people",
) -> TippingPoint:
    """The same of scores that were imputed before; `df`, if given, stands for the degrees of freedom of `errors`."""
    spread = _spread(done.rows)
    grid = tuple(sorted({0.0, *map(float, deltas)})) if deltas is not None else _grid(spread)
    if not np.isfinite(grid).all():
        raise AnalysisError("deltas: a shift is missing or infinite; give finite numbers in units of the scale")
    laid = list(_designs(done, covariates))
    inference = _inference(laid[0], done, errors, confidence, average)
    unit = spread if spread > 0 else 1.0
    lines = _lines(done, laid, (errors, average), unit, df)
    answers = {whose: tuple(_answer(inference, line, delta) for delta in grid) for whose, line in lines.items()}
    known = inference.fewest >= CLUSTERS_FOR_ERRORS
    turns = {whose: _turns(line, grid, confidence) if known else (None, None) for whose, line in lines.items()}
    fraction = float(lines["both"].at(0.0).fraction_missing[0])
    return TippingPoint(grid, answers, turns, done.imputed, fraction, laid[0].n, inference.n_clusters)


def _spread(rows: pd.DataFrame) -> float:
    """Standard deviation of the scores within the arms."""
    known = rows.dropna(subset=["score"])
    apart = known["score"] - known.groupby("arm")["score"].transform("mean")
    return float(np.sqrt((apart**2).sum() / max(len(known) - 2, 1)))


def _grid(spread: float) -> tuple[float, ...]:
    """Shifts of about a fifth of a standard deviation each, rounded to 1, 2 or 5 of a power of ten."""
    if spread <= 0:
        return (0.0,)
    power = int(np.floor(np.log10(spread / PER_SD)))
    digit = min((1, 2, 5, 10), key=lambda each: abs(np.log(spread / PER_SD) - np.log(each) - power * np.log(10)))
    return tuple(float(f"{place * digit}e{power}") for place in range(-STEPS, STEPS + 1))


def _lines(
    done: Completed, laid: Sequence[Design], told: tuple[str, str], unit: float, df: float | None
) -> dict[str, Shifted]:
    """The coefficient of the arm as a function of each shift, from its values one `unit` down, at zero and one up."""
    (errors, average), arm = told, done.rows["arm"].to_numpy()
    moved = np.column_stack([done.without_score & (arm == role) for role in ROLES]).astype(float)
    estimates: dict[str, list[tuple[float, float]]] = {whose: [] for whose in SHIFTED}
    variances: dict[str, list[tuple[float, float, float]]] = {whose: [] for whose in SHIFTED}
    freedom = []
    for each in laid:
        fit, sums = _with_shifts(each, moved, average, errors)
        here = errors_of(each, fit, errors)
        middle, variance = fit.beta[1], here.covariance[1, 1]
        freedom.append(here.df[1])
        for whose, direction in SHIFTED.items():
            down, up = (_again(fit, sums, step * unit * np.array(direction)) for step in (-1, 1))
            below, above = (errors_of(each, moved_fit, errors).covariance[1, 1] for moved_fit in (down, up))
            estimates[whose].append((middle, (up.beta[1] - down.beta[1]) / (2 * unit)))
            bend = ((above + below) / 2 - variance) / unit**2
            variances[whose].append((variance, (above - below) / (2 * unit), bend))
    complete = float(np.mean(freedom)) if df is None else df
    return {whose: Shifted(np.array(estimates[whose]), np.array(variances[whose]), complete) for whose in SHIFTED}


def _with_shifts(laid: Design, moved: Array, average: str, errors: str) -> tuple[LeastSquares, Moments]:
    """The fit without a shift, and cross-products with who is shifted (n, 2) as more columns of the design."""
    terms = (*laid.terms, *(f"shifted in {role}" for role in ROLES.values()))
    rows = from_rows(np.column_stack([laid.X, moved]), laid.rows["score"].to_numpy(dtype=float), laid.site, terms)
    sums, p = averaged(rows, average, errors), len(laid.terms)
    return least_squares(replace(sums, terms=laid.terms, xx=sums.xx[:, :p, :p], xy=sums.xy[:, :p])), sums


def _again(fit: LeastSquares, sums: Moments, delta: Array) -> LeastSquares:
    """The same fit of the outcome shifted by `delta` (2,) in the two arms."""
    p = len(fit.beta)
    xy = sums.xy[:, :p] + sums.xx[:, :p, p:] @ delta
    yy = sums.yy + 2 * sums.xy[:, p:] @ delta + delta @ sums.xx[:, p:, p:] @ delta
    beta = fit.root @ (fit.root.T @ xy.sum(axis=0))
    whole = fit.moments.xx.sum(axis=0)
    rss = float(yy.sum() - 2 * beta @ xy.sum(axis=0) + beta @ whole @ beta)
    return replace(fit, beta=beta, scores=xy - fit.moments.xx @ beta, rss=rss)


def _answer(inference: Inference, line: Shifted, delta: float) -> Estimate:
    found = line.at(delta)
    return inference.estimate("arm", float(found.estimate[0]), (float(found.std_error[0]), float(found.df[0])))


def _turns(line: Shifted, grid: Sequence[float], confidence: float) -> tuple[float | None, float | None]:
    return line.tipping(grid[0], confidence), line.tipping(grid[-1], confidence)
