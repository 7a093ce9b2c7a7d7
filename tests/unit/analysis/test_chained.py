"""Draws of missing values: what a model says of them, on average and in their spread, and what they never do."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.missing import Variable, chained
from analysis.missing.draws import Given, category, iccs, linear, matched, number
from analysis.moments import Array
from analysis.result import AnalysisError

ONE_SITE = np.zeros(40, dtype=np.int64)


def of_line(n: int = 40, missing: int = 1, seed: int = 3) -> tuple[Array, Array]:
    """A predictor, and a score that follows it with some error; the first `missing` are missing."""
    dice = np.random.default_rng(seed)
    x = dice.normal(size=n)
    y = 2 + 3 * x + dice.normal(size=n)
    y[:missing] = np.nan
    return x, y


def many(x: Array, y: Array, site: np.ndarray | None = None, *, m: int = 4_000, draw: str = "normal") -> Array:
    """Draws of y given x, (m, n)."""
    rng = np.random.default_rng(1)
    where = np.zeros(len(x), dtype=np.int64) if site is None else site
    return chained([Variable("x", x), Variable("y", y)], where, rng, imputations=m, draw=draw)["y"]


# ---------------------------------------------------------------------------- one missing value


def test_one_missing_value_is_drawn_around_its_expected_value() -> None:
    """With one predictor and flat priors a missing value is a t variable: mean the fitted line, k - 2 df."""
    x, y = of_line()
    slope, origin = np.polyfit(x[1:], y[1:], 1)
    drawn = many(x, y)[:, 0]
    rest = y[1:] - origin - slope * x[1:]
    k = len(rest)
    lever = 1 + 1 / k + (x[0] - x[1:].mean()) ** 2 / ((x[1:] - x[1:].mean()) ** 2).sum()
    variance = (rest @ rest) / (k - 2) * lever * (k - 2) / (k - 4)
    assert drawn.mean() == pytest.approx(origin + slope * x[0], abs=4 * np.sqrt(variance / len(drawn)))
    assert drawn.var() == pytest.approx(variance, rel=0.1)


def test_without_any_predictor_it_is_drawn_around_the_mean() -> None:
    y = np.append(np.nan, np.arange(20.0))
    drawn = chained([Variable("y", y)], np.zeros(21, dtype=np.int64), np.random.default_rng(1), imputations=4_000)["y"]
    assert drawn[:, 0].mean() == pytest.approx(9.5, abs=0.45)
    assert drawn[:, 0].var() == pytest.approx(35 * (1 + 1 / 20) * 19 / 17, rel=0.1)


def test_a_score_that_follows_exactly_is_imputed_nearly_exactly() -> None:
    x, _ = of_line()
    y = 5 - 2 * x
    y[:4] = np.nan
    assert many(x, y, m=5)[:, :4] == pytest.approx(np.tile(5 - 2 * x[:4], (5, 1)), abs=0.2)


def test_what_was_there_stays_to_the_last_digit() -> None:
    x, y = of_line(missing=7)
    assert (many(x, y, m=3)[:, 7:] == y[7:]).all()


def test_what_nobody_misses_is_not_given_back() -> None:
    x, y = of_line()
    found = chained([Variable("x", x), Variable("y", y)], ONE_SITE, np.random.default_rng(1), imputations=2)
    assert set(found) == {"y"}
    assert chained([Variable("x", x)], ONE_SITE, np.random.default_rng(1)) == {}


# ---------------------------------------------------------------------------- sites


def by_site(spread: float, each: int = 30, sites: int = 10, seed: int = 5) -> tuple[Array, np.ndarray, Array]:
    """Scores of people of several sites, their sites, and the site's own level."""
    dice = np.random.default_rng(seed)
    site = np.repeat(np.arange(sites), each)
    level = spread * dice.normal(size=sites)
    return level[site] + dice.normal(size=len(site)), site, level


def test_somebody_missing_is_drawn_like_others_of_their_site() -> None:
    """The expected value is the site's mean, drawn a little towards everybody's."""
    y, site, _ = by_site(2.0)
    y[[0, 30]] = np.nan
    drawn = chained([Variable("y", y)], site, np.random.default_rng(1), imputations=2_000)["y"]
    for person in (0, 30):
        own = np.nanmean(y[site == site[person]])
        assert drawn[:, person].mean() == pytest.approx(own + 0.01 * (np.nanmean(y) - own), abs=0.12)
        assert drawn[:, person].std() == pytest.approx(1.0, abs=0.15)


def test_a_site_where_nobody_was_measured_is_drawn_like_sites_at_large() -> None:
    y, site, _ = by_site(2.0)
    y[site == 4] = np.nan
    drawn = chained([Variable("y", y)], site, np.random.default_rng(1), imputations=1_500)["y"]
    of_site = drawn[:, site == 4].mean(axis=1)
    others = np.array([np.nanmean(y[site == g]) for g in range(10) if g != 4])
    assert of_site.mean() == pytest.approx(others.mean(), abs=0.3)
    assert of_site.std() == pytest.approx(others.std(ddof=1), rel=0.45)
    assert of_site.std() > 1.2


def test_sites_that_do_not_differ_are_not_made_to() -> None:
    y, site, _ = by_site(0.0)
    y[site == 4] = np.nan
    drawn = chained([Variable("y", y)], site, np.random.default_rng(1), imputations=800)["y"]
    assert drawn[:, site == 4].mean(axis=1).std() < 0.4


def test_the_posterior_of_coefficients_is_that_of_generalised_least_squares() -> None:
    """At the correlation that is most likely, the middle of the draws is the GLS estimate by dense matrices."""
    y, site, _ = by_site(1.0, each=12)
    X = np.column_stack([np.ones(len(y)), np.random.default_rng(2).normal(size=len(y))])
    given = Given(np.broadcast_to(X, (600, *X.shape)), site, np.ones(len(y), dtype=bool))
    drawn = linear(given, y, np.random.default_rng(3))

    def dense(ratio: float) -> tuple[Array, float]:
        V = np.eye(len(y)) + ratio * (site[:, None] == site)
        W = np.linalg.inv(V)
        precision = X.T @ W @ X
        beta = np.linalg.solve(precision, X.T @ W @ y)
        rest = y - X @ beta
        height = -np.linalg.slogdet(V)[1] / 2 - np.linalg.slogdet(precision)[1] / 2
        return beta, height - (len(y) - 2) / 2 * np.log(rest @ W @ rest)

    correlation, weight = iccs()
    found = [dense(each / (1 - each)) for each in correlation]
    share = weight * np.exp([height - max(h for _, h in found) for _, height in found])
    expected = np.average([beta for beta, _ in found], axis=0, weights=share)
    assert drawn.beta.mean(axis=0) == pytest.approx(expected, abs=4 * drawn.beta.std(axis=0).max() / np.sqrt(600))
    assert drawn.sites.mean(axis=0) == pytest.approx([y[site == g].mean() - y.mean() for g in range(10)], abs=0.35)


def test_correlations_that_are_tried_cover_all_of_them_evenly() -> None:
    correlation, weight = iccs()
    assert weight.sum() == pytest.approx(1)
    assert (np.diff(correlation) > 0).all()
    assert 0 < correlation[0] < 0.01
    assert weight @ correlation == pytest.approx(0.5, abs=0.01)
    assert weight @ correlation**2 == pytest.approx(1 / 3, abs=0.01)


def test_one_site_alone_has_no_effect_of_its_own() -> None:
    x, y = of_line(missing=0)
    X = np.stack([np.column_stack([np.ones(40), x])] * 3)
    assert not linear(Given(X, ONE_SITE, np.ones(40, dtype=bool)), y, np.random.default_rng(1)).sites.any()


# ---------------------------------------------------------------------------- matching


def test_matching_imputes_nothing_that_nobody_has() -> None:
    x, y = of_line(missing=10)
    y = np.round(y)
    drawn = many(x, y, m=50, draw="matching")
    assert np.isin(drawn[:, :10], y[10:]).all()
    assert len(np.unique(drawn[:, :10])) > 5


def test_matching_takes_somebody_near() -> None:
    x, y = of_line(missing=1)
    x[0] = 0.1
    expected = np.polyval(np.polyfit(x[1:], y[1:], 1), x[0])
    drawn = many(x, y, m=1_000, draw="matching")[:, 0]
    assert drawn.mean() == pytest.approx(expected, abs=0.8)
    near = np.abs(np.polyval(np.polyfit(x[1:], y[1:], 1), x[1:]) - expected).argsort()[:12] + 1
    assert np.isin(drawn, y[near]).mean() > 0.9


@pytest.mark.parametrize("donors", [1, 5, 100])
def test_matching_works_with_any_number_of_donors(donors: int) -> None:
    x, y = of_line(n=12, missing=2)
    X = np.stack([np.column_stack([np.ones(12), x])] * 20)
    given = Given(X, ONE_SITE[:12], ~np.isnan(y))
    drawn = matched(given, y[2:], np.random.default_rng(1), donors=donors)
    assert drawn.shape == (20, 2)
    assert np.isin(drawn, y[2:]).all()


def test_the_nearest_donor_of_somebody_beyond_all_is_the_outermost() -> None:
    x = np.append([9.0], np.linspace(-1, 1, 30))
    y = np.append([np.nan], 2 * x[1:])
    X = np.stack([np.column_stack([np.ones(31), x])] * 10)
    drawn = matched(Given(X, ONE_SITE[:31], ~np.isnan(y)), y[1:], np.random.default_rng(1), donors=1)
    assert drawn[:, 0] == pytest.approx(2.0)


# ---------------------------------------------------------------------------- categories


def yes_no(n: int = 300, missing: int = 60, seed: int = 4) -> tuple[Array, Array, Array]:
    """A predictor, the answer that goes with it (missing for the first), and the chance of yes of everybody."""
    dice = np.random.default_rng(seed)
    x = dice.normal(size=n)
    chance = 1 / (1 + np.exp(-(0.5 + 1.5 * x)))
    answer = (dice.random(n) < chance).astype(float)
    answer[:missing] = np.nan
    return x, answer, chance


def test_answers_are_drawn_as_often_as_they_are_likely() -> None:
    x, answer, chance = yes_no()
    site = np.arange(300) % 6
    drawn = chained([Variable("x", x), Variable("yes", answer, 2)], site, np.random.default_rng(1), imputations=400)
    share = drawn["yes"][:, :60].mean(axis=0)
    assert np.isin(drawn["yes"], (0, 1)).all()
    assert np.corrcoef(share, chance[:60])[0, 1] > 0.97
    assert share.mean() == pytest.approx(chance[:60].mean(), abs=0.08)


def test_an_answer_perfectly_foretold_is_drawn_and_does_not_break() -> None:
    x = np.linspace(-2, 2, 100)
    answer = (x > 0).astype(float)
    answer[::10] = np.nan
    drawn = chained([Variable("x", x), Variable("yes", answer, 2)], np.arange(100) % 4, np.random.default_rng(1))["yes"]
    assert drawn[:, ::10].mean(axis=0)[0] < 0.15
    assert drawn[:, ::10].mean(axis=0)[-1] > 0.85


def test_three_levels_are_drawn_as_often_as_they_occur() -> None:
    dice = np.random.default_rng(6)
    level = dice.choice(3, 600, p=[0.2, 0.3, 0.5]).astype(float)
    level[:100] = np.nan
    drawn = chained([Variable("level", level, 3)], np.arange(600) % 5, dice, imputations=100)["level"][:, :100]
    shares = [float((drawn == each).mean()) for each in range(3)]
    assert shares == pytest.approx([np.mean(level[100:] == each) for each in range(3)], abs=0.04)


def test_a_level_that_nobody_has_is_never_drawn() -> None:
    level = np.array([np.nan, 0, 2, 0, 2, 2, 0, 2, 0, 0, 2, np.nan])
    drawn = chained([Variable("level", level, 4)], ONE_SITE[:12], np.random.default_rng(1), imputations=200)["level"]
    assert set(np.unique(drawn)) == {0, 2}


def test_one_level_alone_is_everybody_s() -> None:
    level = np.array([np.nan, 1, 1, 1, np.nan])
    drawn = chained([Variable("level", level, 2)], ONE_SITE[:5], np.random.default_rng(1), imputations=3)["level"]
    assert (drawn == 1).all()


def test_sites_matter_to_answers() -> None:
    site = np.arange(400) % 4
    answer = (np.random.default_rng(2).random(400) < np.where(site == 0, 0.9, 0.3)).astype(float)
    answer[:40] = np.nan
    X = np.ones((200, 400, 1))
    known = ~np.isnan(answer)
    drawn = category(Given(X, site, known), answer[known].astype(np.int64), 2, np.random.default_rng(1))
    share = drawn.mean(axis=0)
    assert share[site[:40] == 0].mean() > share[site[:40] != 0].mean() + 0.2


# ---------------------------------------------------------------------------- several at once


def test_scores_before_and_after_help_each_other() -> None:
    """Two scores that go together: who misses one is drawn by the other, and their correlation stays."""
    dice = np.random.default_rng(8)
    pair = dice.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], 500)
    pair[:100, 0], pair[100:200, 1] = np.nan, np.nan
    found = chained([Variable("a", pair[:, 0]), Variable("b", pair[:, 1])], np.arange(500) % 5, dice, imputations=20)
    whole = [np.corrcoef(a, b)[0, 1] for a, b in zip(found["a"], found["b"], strict=True)]
    assert np.mean(whole) == pytest.approx(0.8, abs=0.04)
    assert np.corrcoef(found["a"][:, :100].mean(axis=0), pair[:100, 1])[0, 1] > 0.9


def test_who_has_nothing_at_all_is_drawn_from_everybody() -> None:
    dice = np.random.default_rng(9)
    pair = dice.multivariate_normal([5, 7], [[1, 0.8], [0.8, 1]], 400)
    pair[:50] = np.nan
    found = chained([Variable("a", pair[:, 0]), Variable("b", pair[:, 1])], np.arange(400) % 4, dice, imputations=60)
    assert found["a"][:, :50].mean() == pytest.approx(5, abs=0.2)
    assert found["b"][:, :50].mean() == pytest.approx(7, abs=0.2)
    assert np.corrcoef(found["a"][:, :50].ravel(), found["b"][:, :50].ravel())[0, 1] == pytest.approx(0.8, abs=0.06)


def test_the_same_seed_gives_the_same_values_and_another_others() -> None:
    x, y = of_line(missing=5)
    variables = [Variable("x", x), Variable("y", y)]
    one, same, other = (chained(variables, ONE_SITE, np.random.default_rng(seed))["y"] for seed in (1, 1, 2))
    assert (one == same).all()
    assert not (one == other).all()


@pytest.mark.parametrize("draw", ["normal", "matching"])
def test_units_of_scores_and_predictors_do_not_matter(draw: str) -> None:
    x, y = of_line(missing=5)
    one = many(x, y, m=5, draw=draw)
    other = many(1000 * x + 7, 0.01 * y - 3, m=5, draw=draw)
    assert other == pytest.approx(0.01 * one - 3, rel=1e-6)


def test_a_predictor_that_repeats_another_changes_little_and_breaks_nothing() -> None:
    x, y = of_line(missing=1)
    twice = [Variable("x", x), Variable("again", x), Variable("y", y)]
    found = chained(twice, ONE_SITE, np.random.default_rng(1), imputations=2_000)["y"][:, 0]
    assert found.mean() == pytest.approx(many(x, y)[:, 0].mean(), abs=0.1)


def test_a_level_that_only_the_missing_have_does_not_make_them_wild() -> None:
    """Nothing is known of how a level scores of which nobody was measured: they are drawn like the others."""
    x, y = of_line(missing=4)
    level = np.where(np.arange(40) < 4, 2, np.arange(40) % 2).astype(float)
    variables = [Variable("x", x), Variable("level", level, 3), Variable("y", y)]
    drawn = chained(variables, ONE_SITE, np.random.default_rng(1), imputations=200)["y"][:, :4]
    assert drawn.std(axis=0).max() < 2
    assert drawn.mean(axis=0) == pytest.approx(2 + 3 * x[:4], abs=1.2)


def test_a_score_that_is_the_same_for_everybody_is_so_for_the_missing() -> None:
    x, y = of_line(missing=3)
    y[3:] = 0.1
    assert (many(x, y, m=4) == 0.1).all()


def test_a_predictor_that_is_the_same_for_everybody_says_nothing() -> None:
    _, y = of_line(missing=3)
    plain = chained([Variable("y", y)], ONE_SITE, np.random.default_rng(1))["y"]
    with_it = chained([Variable("x", np.full(40, 3.3)), Variable("y", y)], ONE_SITE, np.random.default_rng(1))["y"]
    assert with_it == pytest.approx(plain)


# ---------------------------------------------------------------------------- refusals


def test_what_everybody_misses_is_refused() -> None:
    with pytest.raises(AnalysisError, match="'y' is missing for everybody in an arm; there is nothing to impute it"):
        chained([Variable("y", np.full(5, np.nan))], ONE_SITE[:5], np.random.default_rng(1))


def test_too_few_people_for_the_terms_are_refused() -> None:
    dice = np.random.default_rng(1)
    y = np.append(dice.normal(size=4), np.nan)
    others = [Variable(f"x{place}", dice.normal(size=5)) for place in range(3)]
    with pytest.raises(AnalysisError, match="'y' is known for too few people of an arm to impute it from 4 terms"):
        chained([*others, Variable("y", y)], ONE_SITE[:5], dice)


def test_an_unknown_draw_is_refused_with_the_known_ones() -> None:
    with pytest.raises(AnalysisError, match="unknown draw 'mean'; allowed: normal, matching"):
        chained([], ONE_SITE, np.random.default_rng(1), draw="mean")


@pytest.mark.parametrize("how", [{"imputations": 0}, {"iterations": 0}])
def test_no_imputation_and_no_round_are_refused(how: dict[str, int]) -> None:
    with pytest.raises(AnalysisError, match="need one or more of each; 20 and 10 are usual"):
        chained([], ONE_SITE, np.random.default_rng(1), **how)


def test_numbers_are_drawn_for_the_missing_alone() -> None:
    x, y = of_line(missing=6)
    X = np.stack([np.column_stack([np.ones(40), x])] * 7)
    assert number(Given(X, ONE_SITE, ~np.isnan(y)), y[6:], np.random.default_rng(1)).shape == (7, 6)
