"""Inference for few sites from cross-products: wild cluster bootstrap, permutation and resampling of sites, joint test.

None of these goes back to the rows: a replicate is a sum over sites of matrices that are already known. Weights of a
site that are 1 or -1 (wild bootstrap), 0 or 1 (permutation) or a count (resampling) multiply its cross-products.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from .moments import ADJUSTMENTS, COLLINEAR, Array, LeastSquares, Moments, cluster_robust, least_squares
from .result import AnalysisError

SAME = 1e-10
SIGNS_AT_MOST, SPLITS_AT_MOST = 2**14, 3_000_000
WIDEST, HALVINGS = 2.0**30, 100
CHUNK = 2_000_000


@dataclass(frozen=True, slots=True)
class Resampled:
    """A test by re-weighting sites.

    `estimate` is the statistic as observed, `draws` the number of weightings compared with it and `exact` whether
    those are all there are. The limits are infinite where no value is refuted at this level, and NaN where no interval
    was asked for.
    """

    estimate: float
    p_value: float
    draws: int
    exact: bool
    conf_low: float = math.nan
    conf_high: float = math.nan


@dataclass(frozen=True, slots=True)
class JointTest:
    """An F test of several coefficients at once, with its numerator and denominator degrees of freedom."""

    statistic: float
    df: tuple[float, float]
    p_value: float


def _position(moments: Moments, term: str) -> int:
    if term not in moments.terms:
        raise AnalysisError(f"there is no term '{term}'; the model has {', '.join(moments.terms)}")
    return moments.terms.index(term)


def _share_as_far_out(squares: Array, observed: float, exact: bool) -> float:
    """Share of draws at least as far from zero as the one observed, which counts among them."""
    as_far = int((squares >= observed * (1 - SAME)).sum())
    return as_far / len(squares) if exact else (as_far + 1) / (len(squares) + 1)


# ---------------------------------------------------------------------------- wild cluster bootstrap


@dataclass(frozen=True, slots=True)
class _WildDraws:
    """What t statistics are made of for a null hypothesis at any value r: all are straight lines in r.

    The numerator of draw b is `top[0] - r top[1]`, the squared denominator `below[0] - 2 r below[1] + r^2 below[2]`.
    """

    top: Array
    below: Array
    estimate: float
    std_error: float
    exact: bool

    def p_value(self, null: float) -> float:
        """Two-sided p-value of the hypothesis that the coefficient is `null`."""
        top = self.top[0] - null * self.top[1]
        below = self.below[0] - 2 * null * self.below[1] + null**2 * self.below[2]
        squares = np.divide(top**2, below, out=np.zeros_like(top), where=below > 0)
        return _share_as_far_out(squares, ((self.estimate - null) / self.std_error) ** 2, self.exact)


def wild_cluster_test(
    moments: Moments, term: str, *, null: float = 0.0, confidence: float = 0.95, draws: int = 9_999, seed: int = 1
) -> Resampled:
    """Test one coefficient by the wild cluster bootstrap, with the null hypothesis imposed.

    Residuals of the model that holds the coefficient at its null value are multiplied by 1 or -1 (Rademacher), one
    sign a site, and the model is fitted again. The t statistics have CR0 errors; CR1 and CR1S multiply them all by one
    number and give the same p-value. All signs are gone through where there are at most 16,384 of them (14 sites),
    otherwise `draws` of them are drawn, and the observed one counts as one draw more. The interval holds the values
    next to the estimate that the same test does not refute.

    Parameters
    ----------
    moments
        Cross-products of G sites.
    term
        The coefficient's name.
    null
        Its value under the hypothesis, in units of the outcome per unit of the term.
    confidence
        Level of the interval.
    draws, seed
        Of the Monte Carlo, where there are too many signs.

    Returns
    -------
    Resampled
        `estimate` is the coefficient. With G sites p is never below 2 / 2^G: up to five sites refute nothing at 5 %,
        and their limits are infinite.

    Raises
    ------
    AnalysisError
        For an unknown term, fewer than two sites, or a coefficient that the sites fit without error.

    References
    ----------
    Cameron AC, Gelbach JB, Miller DL. Rev Econ Stat 2008;90:414-427. doi:10.1162/rest.90.3.414
    Roodman D et al. Stata J 2019;19:4-60. doi:10.1177/1536867X19830877
    Checked against refitting on rows: `tests/unit/analysis/test_small_sample.py`.
    """
    fit, j = least_squares(moments), _position(moments, term)
    prepared = _wild_draws(fit, j, draws, seed)
    ends = [_edge(prepared, 1 - confidence, side) for side in (-1, 1)]
    tried = len(prepared.top[0]) * (2 if prepared.exact else 1)
    return Resampled(prepared.estimate, prepared.p_value(null), tried, prepared.exact, *ends)


def _wild_draws(fit: LeastSquares, j: int, draws: int, seed: int) -> _WildDraws:
    error = float(cluster_robust(fit, "CR0").std_error[j])
    if error <= SAME * max(1.0, abs(fit.beta[j])):
        raise AnalysisError(f"'{fit.moments.terms[j]}' is the same at every site, without error; nothing to resample")
    lever = fit.root @ fit.root[j]
    spread = np.einsum("gpq,p->gq", fit.moments.xx, lever)
    scores = np.stack(_restricted_scores(fit.moments, j))
    exact = 2**fit.n_clusters <= SIGNS_AT_MOST
    signs = _all_signs(fit.n_clusters) if exact else _drawn_signs(fit.n_clusters, draws, seed)
    parts = [_wild_parts(chunk, scores, fit, lever, spread) for chunk in _chunks(signs)]
    top, below = (np.concatenate(piece, axis=1) for piece in zip(*parts, strict=True))
    return _WildDraws(top, below, float(fit.beta[j]), error, exact)


def _restricted_scores(moments: Moments, j: int) -> tuple[Array, Array]:
    """Scores (G, p) of the fits without term j: of the outcome, and of the term itself taken for an outcome."""
    others = np.arange(len(moments.terms)) != j
    inside = moments.xx.sum(axis=0)[np.ix_(others, others)]
    outcome, term = moments.xy, moments.xx[:, :, j]
    return tuple(  # type: ignore[return-value]
        target - moments.xx[:, :, others] @ np.linalg.solve(inside, target.sum(axis=0)[others])
        for target in (outcome, term)
    )


def _wild_parts(
    signs: NDArray[np.int8], scores: Array, fit: LeastSquares, lever: Array, spread: Array
) -> tuple[Array, Array]:
    """Numerators (2, draws) and products of denominators (3, draws) of a chunk of signs (draws, G)."""
    weights = signs.astype(float)
    moved = [weights @ part @ fit.root @ fit.root.T for part in scores]
    site = [weights * (part @ lever) - move @ spread.T for part, move in zip(scores, moved, strict=True)]
    below = [np.einsum("bg,bg->b", site[a], site[b]) for a, b in ((0, 0), (0, 1), (1, 1))]
    return np.stack([weights @ (part @ lever) for part in scores]), np.stack(below)


def _all_signs(sites: int) -> NDArray[np.int8]:
    """Every row of signs but for its mirror image, which has the same size of t: (2^(G-1), G)."""
    bits = np.arange(2 ** (sites - 1))[:, None] >> np.arange(sites)
    return (1 - 2 * (bits & 1)).astype(np.int8)


def _drawn_signs(sites: int, draws: int, seed: int) -> NDArray[np.int8]:
    return (2 * np.random.default_rng(seed).integers(0, 2, (draws, sites), dtype=np.int8) - 1).astype(np.int8)


def _chunks(rows: NDArray[np.int8]) -> list[NDArray[np.int8]]:
    return list(np.array_split(rows, max(1, rows.size // CHUNK)))


def _edge(draws: _WildDraws, alpha: float, side: int) -> float:
    """The value nearest the estimate, on one side of it, where the p-value falls below alpha."""

    def kept(distance: float) -> bool:
        return draws.p_value(draws.estimate + side * distance * draws.std_error) >= alpha

    outside = 1.0
    while kept(outside):
        outside *= 2
        if outside > WIDEST:
            return side * math.inf
    return draws.estimate + side * draws.std_error * _last_kept(kept, outside)


def _last_kept(kept: Callable[[float], bool], outside: float) -> float:
    inside = outside / 2 if outside > 1 else 0.0
    for _ in range(HALVINGS):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if kept(middle) else (inside, middle)
    return inside


# ---------------------------------------------------------------------------- permutation of sites


def site_differences(moments: Moments, arm: str = "arm", intercept: str = "(Intercept)") -> tuple[Array, Array]:
    """The adjusted mean of each site: of residuals from the model without the arm.

    Returns
    -------
    tuple
        Adjusted means (G,), in units of the outcome, and each site's arm (G,) as 0 or 1.

    Raises
    ------
    AnalysisError
        When one site has people in both arms.
    """
    j, one = _position(moments, arm), _position(moments, intercept)
    size = moments.xx[:, one, one]  # people, or with weights the same for every site
    share = moments.xx[:, one, j] / size
    role = np.rint(share)
    if np.abs(share - role).max() > SAME or not set(role) <= {0.0, 1.0}:
        raise AnalysisError("a site has people in both arms; permuting sites needs whole sites in one arm or the other")
    scores, _ = _restricted_scores(moments, j)
    return scores[:, one] / size, role


def permutation_test(
    moments: Moments, *, arm: str = "arm", intercept: str = "(Intercept)", draws: int = 99_999, seed: int = 1
) -> Resampled:
    """Compare the arms' site means with what they would be had the sites been dealt out otherwise.

    Covariates are taken out first, by the model without the arm; what is left is averaged over each site, and the
    arms' unweighted averages of sites are compared. Two-sided. Every way of dealing out the sites is gone through
    where there are at most 3 million (24 sites, 12 in each arm), otherwise `draws` are drawn and the observed one
    counts as one draw more.

    Parameters
    ----------
    moments
        Cross-products of G sites, with the terms `arm` (1 intervention, 0 comparison) and `intercept`.
    draws, seed
        Of the Monte Carlo, where there are too many ways.

    Returns
    -------
    Resampled
        `estimate` is the difference between the arms' averages of adjusted site means: an aid to the test. It is drawn
        towards zero where covariates differ between the arms, so quote the model's estimate.

    Raises
    ------
    AnalysisError
        When a site has people in both arms, or an arm has no site.

    References
    ----------
    Gail MH et al. Stat Med 1996;15:1069-1092. doi:10.1002/(SICI)1097-0258(19960615)15:11<1069::AID-SIM220>3.0.CO;2-Q
    """
    least_squares(moments)
    means, role = site_differences(moments, arm, intercept)
    treated = int(role.sum())
    if not 0 < treated < len(role):
        raise AnalysisError("permuting sites needs a site in each arm")
    means = means - means.mean()
    exact = math.comb(len(means), treated) <= SPLITS_AT_MOST
    sums = _all_sums(means, treated) if exact else _drawn_sums(means, treated, draws, seed)
    scale = 1 / treated + 1 / (len(means) - treated)
    observed = float(means @ role) * scale
    noise = (SAME * float(np.abs(means).max())) ** 2
    p_value = _share_as_far_out((sums * scale) ** 2 + noise, observed**2, exact)
    return Resampled(observed, p_value, len(sums), exact)


def _all_sums(means: Array, treated: int) -> Array:
    """The sum over every choice of `treated` sites: choices in either half, joined by how many each takes."""
    half = len(means) // 2
    (few, left), (many, right) = (_subset_sums(part) for part in (means[:half], means[half:]))
    joined = [np.add.outer(left[few == k], right[many == treated - k]).ravel() for k in range(half + 1)]
    return np.concatenate(joined)


def _subset_sums(values: Array) -> tuple[NDArray[np.int64], Array]:
    """How many each subset has, and its sum: (2^m,) both."""
    chosen = (np.arange(2 ** len(values))[:, None] >> np.arange(len(values))) & 1
    return chosen.sum(axis=1), chosen @ values


def _drawn_sums(means: Array, treated: int, draws: int, seed: int) -> Array:
    dice = np.random.default_rng(seed)
    at_once = max(1, CHUNK // len(means))
    sizes = [min(at_once, draws - done) for done in range(0, draws, at_once)]
    dealt = (dice.permuted(np.tile(means, (size, 1)), axis=1)[:, :treated].sum(axis=1) for size in sizes)
    return np.concatenate(list(dealt))


# ---------------------------------------------------------------------------- resampling of sites


def drawn_counts(sites: int, replicates: int, *, seed: int, strata: ArrayLike | None = None) -> NDArray[np.int64]:
    """Draw as many sites as there are, with replacement, within each stratum where strata are given.

    Parameters
    ----------
    sites
        How many there are, G.
    replicates
        How many resamples, B.
    seed
        Of the draw.
    strata
        One label a site, (G,), such as its arm; so that no replicate lacks an arm.

    Returns
    -------
    ndarray
        How often each site was drawn, (B, G); a row adds up to G.
    """
    dice = np.random.default_rng(seed)
    labels = np.zeros(sites) if strata is None else np.asarray(strata)
    counts = np.zeros((replicates, sites), dtype=np.int64)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        counts[:, members] = dice.multinomial(len(members), np.full(len(members), 1 / len(members)), replicates)
    return counts


def cluster_bootstrap(moments: Moments, counts: ArrayLike) -> Array:
    """Coefficients of least squares on resampled sites.

    Parameters
    ----------
    moments
        Cross-products of G sites and p terms.
    counts
        How often each site is in a replicate, (B, G), as from `drawn_counts`.

    Returns
    -------
    ndarray
        Coefficients, (B, p).

    Raises
    ------
    AnalysisError
        When a replicate cannot determine a term.

    References
    ----------
    Davison AC, Hinkley DV. Bootstrap Methods and Their Application. 1997. doi:10.1017/CBO9780511802843
    Reference: `13_cea` (`cluster_boot_adjusted`, with the draws that it gives).
    """
    times = np.asarray(counts, dtype=float)
    p = len(moments.terms)
    xx = (times @ moments.xx.reshape(len(moments.n), -1)).reshape(-1, p, p)
    size = np.sqrt(np.einsum("bii->bi", xx))
    size[size == 0] = 1.0
    scaled = xx / size[:, :, None] / size[:, None, :]
    _refuse_redundant(scaled)
    return np.asarray(np.linalg.solve(scaled, (times @ moments.xy / size)[..., None])[..., 0] / size)


def _refuse_redundant(scaled: Array) -> None:
    """Refuse cross-products (B, p, p) with ones along the diagonal in which a term follows from those before it.

    The squares along the diagonal of the Cholesky factor are 1 - R^2 of each term on those before.
    """
    try:
        left = np.einsum("bii->bi", np.linalg.cholesky(scaled)) ** 2
        failed = (left < COLLINEAR).any(axis=1)
    except np.linalg.LinAlgError:
        failed = np.linalg.eigvalsh(scaled)[:, 0] < COLLINEAR
    if failed.any():
        raise AnalysisError(
            f"in {failed.sum()} of {len(scaled)} resamples a term was determined by the others, as when an arm was not "
            "drawn; resample within the arms, or name fewer covariates"
        )


# ---------------------------------------------------------------------------- several coefficients at once


def joint_test(fit: LeastSquares, terms: Sequence[str], kind: str = "CR2") -> JointTest:
    """Test that several coefficients are all zero, with errors by site.

    The Wald statistic with CR2 (or CR3) errors is taken for Hotelling's T-squared, with degrees of freedom that match
    the spread of the estimated covariance under independent rows of equal variance.

    Parameters
    ----------
    fit
        Least squares from cross-products of G sites.
    terms
        Names of the q coefficients.
    kind
        'CR2' or 'CR3'.

    Raises
    ------
    AnalysisError
        For an unknown term, or where the sites are too few to test so many at once.

    References
    ----------
    Pustejovsky JE, Tipton E. J Bus Econ Stat 2018;36:672-683. doi:10.1080/07350015.2016.1247004 (the HTZ test)
    Reference: `01_ancova_eq5d12` (`HTZ_arm_eq5d0`).
    """
    chosen = [_position(fit.moments, term) for term in terms]
    covariance = cluster_robust(fit, kind).covariance[np.ix_(chosen, chosen)]
    return wald_test(fit.beta[chosen], covariance, *_by_site(fit, chosen, kind))


def wald_test(beta: Array, covariance: Array, own: Array, shared: Array) -> JointTest:
    """Test that q estimates are all zero, given what each site adds to the spread of their covariance.

    Parameters
    ----------
    beta, covariance
        The estimates, (q,), and their covariance by site, (q, q).
    own
        Covariance that each site's part would have were the coefficients known, (G, q, q).
    shared
        What the estimated coefficients take away, in whitened coordinates, (G, q, p).

    Raises
    ------
    AnalysisError
        Where the sites are too few to test so many at once.

    References
    ----------
    Pustejovsky JE, Tipton E. J Bus Econ Stat 2018;36:672-683. doi:10.1080/07350015.2016.1247004 (the HTZ test)
    Reference: `01_ancova_eq5d12` (`HTZ_arm_eq5d0`).
    """
    q = len(beta)
    eta = _matching_df(own, shared) if np.linalg.matrix_rank(covariance) == q else 0.0
    if eta <= q - 1:
        raise AnalysisError(f"{len(own)} sites are too few to test {q} terms at once; test fewer")
    wald = float(beta @ np.linalg.solve(covariance, beta))
    statistic = (eta - q + 1) / (eta * q) * wald
    df = (float(q), eta - q + 1)
    return JointTest(statistic, df, float(special.fdtrc(*df, statistic)))


def _by_site(fit: LeastSquares, chosen: list[int], kind: str) -> tuple[Array, Array]:
    """What each site adds to the covariance of the chosen coefficients: `own` (G, q, q) and `shared` (G, q, p)."""
    leverage, vectors = np.linalg.eigh(fit.root.T @ fit.moments.xx @ fit.root)
    turned = np.swapaxes(vectors, 1, 2)
    levers = fit.root[chosen] @ (vectors * ADJUSTMENTS[kind](leverage)[:, None, :]) @ turned
    shared = levers @ (vectors * leverage[:, None, :]) @ turned
    return shared @ np.swapaxes(levers, 1, 2), shared


def _matching_df(own: Array, shared: Array) -> float:
    values, axes = np.linalg.eigh((own - shared @ np.swapaxes(shared, 1, 2)).sum(axis=0))
    unit = (axes / np.sqrt(values)).T
    own, shared = unit @ own @ unit.T, unit @ shared
    blocks = -np.einsum("gsp,htp->ghst", shared, shared)
    sites = np.arange(len(own))
    blocks[sites, sites] += own
    spread = (np.einsum("ghss->gh", blocks) ** 2).sum() + np.einsum("ghst,ghts->", blocks, blocks)
    q = own.shape[1]
    return float(q * (q + 1) / spread)
