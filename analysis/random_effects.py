"""Mixed models from sums: random coefficients of sites, and people within sites measured several times.

No covariance matrix of the rows is ever formed. A row of a person who was measured m times has variance `residual` in
every direction in which it differs from the person's mean, and `residual + m person` in the direction of the mean; so
cross-products are kept by stratum: deviations from a person's mean, and means of people measured 1, 2, ... times. What
a site's rows share, Z u with a few columns Z, is added by Woodbury's identity. The likelihood then costs the same for
ten rows as for ten million.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .moments import Array, Errors, Moments, least_squares
from .reml import KINDS, Likelihood, Problem, Sums, kenward_roger_errors, maximise, satterthwaite_errors
from .result import AnalysisError

SHARE = 0.1
SEMIDEFINITE = -1e-12
POSITIVE = 1e-9
NO_VARIATION = 1e-12


@dataclass(frozen=True, slots=True)
class Strata:
    """Cross-products of U = [X, Z, y], p, q and 1 columns, by stratum and site.

    `products` is (S, G, m, m) with m = p + q + 1, `size` (S, G) the directions in each, and `weight` (S,) how many
    rows' worth of the person's variance a direction has.
    """

    products: Array
    size: Array
    weight: Array
    p: int

    @property
    def of_rows(self) -> NDArray[np.intp]:
        """Places of X and y among the columns of U."""
        m = self.products.shape[-1]
        return np.append(np.arange(self.p), m - 1)

    @property
    def of_site(self) -> slice:
        """Places of Z."""
        return slice(self.p, self.products.shape[-1] - 1)


@dataclass(frozen=True, slots=True)
class Components:
    """The K_i: `shared` (a, q, q) for Z E Z' of each site, then `own` (b, S) for what is the same along a stratum."""

    names: tuple[str, ...]
    shared: Array
    own: Array


@dataclass(frozen=True, slots=True)
class MixedFit:
    """A fitted mixed model: names of coefficients and variances, the maximum, and which variances are above zero."""

    terms: tuple[str, ...]
    components: tuple[str, ...]
    maximum: Likelihood
    free: NDArray[np.bool_]

    @property
    def variances(self) -> dict[str, float]:
        """Variances, and covariances, by name."""
        return dict(zip(self.components, self.maximum.theta.tolist(), strict=True))

    def errors(self, kind: str = "Kenward-Roger") -> Errors:
        """Standard errors and degrees of freedom.

        Where a variance was estimated at zero, Satterthwaite takes it as known, and the degrees of freedom are those
        of the model without it; Kenward and Roger allow for it being uncertain all the same.

        Raises
        ------
        AnalysisError
            For an unknown kind.
        """
        if kind not in KINDS:
            raise AnalysisError(f"unknown errors '{kind}'; allowed: {', '.join(KINDS)}")
        if kind == "Satterthwaite":
            return satterthwaite_errors(self.maximum, self.free)
        return kenward_roger_errors(self.maximum)


# ---------------------------------------------------------------------------- models


def random_coefficients(moments: Moments, columns: Sequence[str] = ("(Intercept)",)) -> MixedFit:
    """Fit a model in which some coefficients vary between sites, by restricted maximum likelihood.

    Parameters
    ----------
    moments
        Cross-products of G sites; nothing else is needed, so sites can share these instead of their people.
    columns
        Terms whose coefficients vary, with any covariance between them; the intercept alone by default.

    Returns
    -------
    MixedFit
        Variances are named 'site' for the intercept, else 'site: term' and 'site: term, term'; and 'residual'.

    Raises
    ------
    AnalysisError
        When a term is determined by others, sites have one row each, or the search does not end in a maximum, as when
        two random coefficients come out perfectly correlated.

    References
    ----------
    Laird NM, Ware JH. Biometrics 1982;38:963-974. doi:10.2307/2529876
    Reference: `03_lmm_ancova_eq5d12`, `03d_lmm_sleepstudy` (lme4 1.1.31, lmerTest 3.1.3, pbkrtest 0.5.2).
    """
    least_squares(moments)
    if moments.n.max() < 2:
        raise AnalysisError("no site has two people; what sites share cannot be told from what people differ by")
    p, places = len(moments.terms), [moments.terms.index(column) for column in columns]
    order = [*range(p), *places, p]
    whole = _with_outcome(moments)[:, order][:, :, order]
    strata = Strata(whole[None], moments.n[None].astype(float), np.zeros(1), p)
    names, shared = _unstructured(columns)
    components = Components((*names, "residual"), shared, np.ones((1, 1)))
    return _fit(strata, components, moments.terms)


def _with_outcome(moments: Moments) -> Array:
    """Cross-products of [X, y], (G, p + 1, p + 1)."""
    top = np.concatenate([moments.xx, moments.xy[:, :, None]], axis=2)
    bottom = np.concatenate([moments.xy, moments.yy[:, None]], axis=1)
    return np.concatenate([top, bottom[:, None]], axis=1)


def _unstructured(columns: Sequence[str]) -> tuple[list[str], Array]:
    """Names and matrices of every variance and covariance of the random coefficients."""
    q = len(columns)
    pairs = [(i, i) for i in range(q)] + [(i, j) for i in range(q) for j in range(i)]
    shared = np.zeros((len(pairs), q, q))
    for k, (i, j) in enumerate(pairs):
        shared[k, i, j] = shared[k, j, i] = 1.0
    if list(columns) == ["(Intercept)"]:
        return ["site"], shared
    labels = [f"site: {columns[i]}" if i == j else f"site: {columns[j]}, {columns[i]}" for i, j in pairs]
    return labels, shared


def people_within_sites(
    X: Array,
    y: Array,
    terms: Sequence[str],
    *,
    site: NDArray[np.int64],
    period: NDArray[np.int64],
    person: NDArray[np.int64],
    by_period: bool = True,
) -> MixedFit:
    """Fit repeated scores with random site, site x period and person effects, by restricted maximum likelihood.

    Parameters
    ----------
    X
        Design, (n, p), rows in order of person.
    y
        Scores, (n,).
    terms
        Names of the p columns.
    site, period, person
        Codes counted from 0, (n,); a person's rows are of one site.
    by_period
        Whether a site has an effect of its own at each period. Without it a difference in change is judged as though
        sites never changed, which makes its error too small and its degrees of freedom far too many.

    Returns
    -------
    MixedFit
        With variances 'site', 'site x period', 'person' and 'residual'.

    Raises
    ------
    AnalysisError
        When nobody was measured twice, a term is determined by others, or parts of the variance cannot be told apart.

    References
    ----------
    Laird NM, Ware JH. Biometrics 1982;38:963-974. doi:10.2307/2529876
    Hooper R et al. Stat Med 2016;35:4718-4728. doi:10.1002/sim.7028 (site x period)
    Reference: `03c_lmm_repeated_eq5d`, `14_icc` (lme4 1.1.31).
    """
    if len(person) == int(person.max()) + 1:
        raise AnalysisError("nobody was measured twice; what people differ by cannot be told from chance")
    shares = np.eye(int(period.max()) + 1)
    Z = shares[period] if by_period else np.ones((len(y), 1))
    strata = _strata(np.column_stack([X, Z, y]), site, person, X.shape[1])
    whole = np.ones((1, Z.shape[1], Z.shape[1]))
    shared = np.concatenate([whole, shares[None]]) if by_period else whole
    names = ("site", "site x period") if by_period else ("site",)
    own = np.stack([strata.weight, np.ones(len(strata.weight))])
    return _fit(strata, Components((*names, "person", "residual"), shared, own), tuple(terms))


def _strata(U: Array, site: NDArray[np.int64], person: NDArray[np.int64], p: int) -> Strata:
    """Cross-products of deviations from people's means, then of the means of people by how often they were measured."""
    starts = np.flatnonzero(np.diff(person, prepend=-1))
    times, home = np.diff(np.append(starts, len(U))), site[starts]
    scaled = np.add.reduceat(U, starts) / np.sqrt(times)[:, None]
    weight = np.unique(times)
    sites = int(site.max()) + 1
    between = [_by_site(scaled[times == m], home[times == m], sites) for m in weight]
    people = [np.bincount(home[times == m], minlength=sites) for m in weight]
    within = _by_site(U, site, sites) - sum(between)
    deviations = np.bincount(site, minlength=sites) - sum(people)
    return Strata(np.stack([within, *between]), np.stack([deviations, *people]).astype(float), np.append(0, weight), p)


def _by_site(U: Array, site: NDArray[np.int64], sites: int) -> Array:
    """Cross-products of rows by site, (G, m, m)."""
    order = np.argsort(site, kind="stable")
    ends = np.cumsum(np.bincount(site, minlength=sites))
    parts = np.split(U.take(order, axis=0), ends[:-1])
    return np.stack([part.T @ part for part in parts])


def _fit(strata: Strata, components: Components, terms: tuple[str, ...]) -> MixedFit:
    """Fit, to what least squares leaves of the scores, so that rounding hides as little as possible."""
    beta, centred = _without_fit(strata)
    problem = Problem(
        lambda theta: _sums(centred, components, theta),
        _start(centred, components, strata),
        np.array([not _is_covariance(each) for each in components.shared] + [True] * len(components.own)),
        lambda theta: _allowed(components, theta),
    )
    maximum = maximise(problem)
    return MixedFit(terms, components.names, replace(maximum, beta=beta + maximum.beta), problem.free(maximum))


def _without_fit(strata: Strata) -> tuple[Array, Strata]:
    """Coefficients of least squares (p,), and the same strata with residuals in place of y."""
    p, whole = strata.p, strata.products.sum(axis=(0, 1))
    beta: Array = np.asarray(np.linalg.solve(whole[:p, :p], whole[:p, -1]), dtype=np.float64)
    turn = np.eye(len(whole))
    turn[:p, -1] = -beta
    return beta, replace(strata, products=turn.T @ strata.products @ turn)


def _is_covariance(shared: Array) -> bool:
    return not np.diagonal(shared).any()


def _start(centred: Strata, components: Components, strata: Strata) -> Array:
    """A tenth of the residual variance of least squares for each part, the rest for the residual."""
    whole, n = centred.products.sum(axis=(0, 1)), strata.size.sum()
    variance = float(whole[-1, -1]) / (n - strata.p)
    if variance <= NO_VARIATION * float(strata.products[..., -1, -1].sum()) / n:
        raise AnalysisError("the model fits every score exactly; there is no variation to judge it by")
    z = whole[centred.of_site, centred.of_site] / n
    carried = np.einsum("kqr,rq->k", components.shared, z)
    covariances = [_is_covariance(each) for each in components.shared]
    shared = np.where(covariances, 0.0, SHARE * variance / np.where(covariances, 1.0, carried))
    own = np.full(len(components.own), SHARE * variance)
    own[-1] = variance * (1 - SHARE)
    return np.concatenate([shared, own])


def _allowed(components: Components, theta: Array) -> bool:
    a = len(components.shared)
    along = theta[a:] @ components.own
    values = np.linalg.eigvalsh(np.tensordot(theta[:a], components.shared, 1))
    return bool(
        along.min() > POSITIVE * along.max() and values[0] >= SEMIDEFINITE * max(float(values[-1]), float(along.min()))
    )


# ---------------------------------------------------------------------------- sums


@dataclass(frozen=True, slots=True)
class _Sites:
    """Pieces of V^-1 at one theta, by site.

    V^-1 = D - D Z C Z'D, where D is the inverse of what rows have for themselves. With F such that U F = A - Z C Z'D A,
    D U F is V^-1 A. `one` is U'D U; `own` (b, G, m, m) U'D K D U and `pairs` (b, b, G, m, m) U'D K D K D U of the
    strata's K; `keep` (G, q, q) turns Z'D into Z'V^-1; `H` is Z'V^-1 A and `B` Z'V^-1 Z.
    """

    one: Array
    own: Array
    pairs: Array
    C: Array
    F: Array
    keep: Array
    H: Array
    B: Array
    log_det: float


def _sites(strata: Strata, components: Components, theta: Array) -> _Sites:
    a, own = len(components.shared), components.own
    along = theta[a:] @ own
    one, *rest = (
        np.tensordot(weights, strata.products, 1)
        for weights in (1 / along, own / along**2, own[:, None] * own[None] / along**3)
    )
    rows, z = strata.of_rows, strata.of_site
    inside, q = one[:, z, z], one.shape[-1] - strata.p - 1
    spread = np.tensordot(theta[:a], components.shared, 1)
    grown = np.eye(q) + spread @ inside
    C: Array = np.asarray(np.linalg.solve(grown, np.broadcast_to(spread, grown.shape)), dtype=np.float64)
    F = np.zeros((len(one), one.shape[-1], len(rows)))
    F[:, rows, np.arange(len(rows))] = 1.0
    F[:, z] = -C @ one[:, z][:, :, rows]
    keep = np.eye(q) - inside @ C
    log_det = float((strata.size * np.log(along)[:, None]).sum() + np.linalg.slogdet(grown)[1].sum())
    return _Sites(one, rest[0], rest[1], C, F, keep, one[:, z] @ F, keep @ inside, log_det)


def _sums(strata: Strata, components: Components, theta: Array) -> Sums:
    sites = _sites(strata, components, theta)
    rows, z = strata.of_rows, strata.of_site
    inner = np.einsum("gij->ij", sites.one[:, rows] @ sites.F)
    trace, traces = _traces(strata, components, sites, theta)
    return Sums(
        rows=int(strata.size.sum()),
        log_det=sites.log_det,
        inner=(inner + inner.T) / 2,
        first=_first(components, sites),
        second=_second(components, sites, z),
        trace=trace,
        traces=traces,
    )


def _first(components: Components, sites: _Sites) -> Array:
    """A'V^-1 K V^-1 A of every component, (k, p + 1, p + 1)."""
    shared = (np.swapaxes(sites.H, 1, 2) @ components.shared[:, None] @ sites.H).sum(axis=1)
    own = (np.swapaxes(sites.F, 1, 2) @ sites.own @ sites.F).sum(axis=1)
    return np.concatenate([shared, own])


def _second(components: Components, sites: _Sites, z: slice) -> Array:
    """A'V^-1 K_i V^-1 K_j V^-1 A of every pair of components, (k, k, p + 1, p + 1)."""
    F, C = sites.F, sites.C
    seen = sites.own[:, :, z] @ F
    held = components.shared[:, None] @ sites.H
    own = (np.swapaxes(F, 1, 2) @ sites.pairs @ F).sum(axis=2) - _paired(seen, C @ seen)
    shared, mixed = _paired(held, sites.B @ held), _paired(held, sites.keep @ seen)
    turned = np.transpose(mixed, (1, 0, 3, 2))
    return np.concatenate([np.concatenate([shared, mixed], axis=1), np.concatenate([turned, own], axis=1)])


def _paired(left: Array, right: Array) -> Array:
    """left_i' right_j summed over sites: (i, g, q, a) and (j, g, q, b) to (i, j, a, b)."""
    return np.tensordot(left, right, ([1, 2], [1, 2])).transpose(0, 2, 1, 3)


def _traces(strata: Strata, components: Components, sites: _Sites, theta: Array) -> tuple[Array, Array]:
    """tr V^-1 K_i, (k,), and tr V^-1 K_i V^-1 K_j, (k, k)."""
    E, z = components.shared, strata.of_site
    along, size = theta[len(E) :] @ components.own, strata.size.sum(axis=1)
    inside = sites.own[:, :, z, z]
    turned, taken = E[:, None] @ sites.B, sites.C @ inside
    seen = (sites.keep @ inside @ np.swapaxes(sites.keep, 1, 2)).sum(axis=1)
    one = [np.einsum("igqq->i", turned), components.own @ (size / along) - np.einsum("igqq->i", taken)]
    own = components.own * (size / along**2) @ components.own.T + _traced(taken, taken)
    own -= 2 * np.einsum("ijgqq->ij", sites.C @ sites.pairs[:, :, :, z, z])
    mixed = _traced(E, seen)
    return np.concatenate(one), np.block([[_traced(turned, turned), mixed], [mixed.T, own]])


def _traced(left: Array, right: Array) -> Array:
    """tr left_i right_j, summed over sites where there are any: (i, ..., q, q) and (j, ..., q, q) to (i, j)."""
    flipped = np.swapaxes(right, -1, -2)
    return left.reshape(len(left), -1) @ flipped.reshape(len(right), -1).T
