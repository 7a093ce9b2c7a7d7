"""How alike people of one site are: by hand, by invention, what is refused, and what the report shows of it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis import compare, load, write
from analysis.cohort import rows_of
from analysis.disclosure import gate
from analysis.estimators.intracluster import NO_SPREAD, ONE_EACH, intracluster_correlation
from analysis.report import alike
from analysis.report.comparison import Comparison
from analysis.result import AnalysisError
from tests.unit.analysis import study

Compared = Callable[..., Comparison]


def people(
    icc: float, sites_per_arm: int = 10, each: int = 20, seed: int = 3, effect: float = 0.0, arms: int = 2
) -> pd.DataFrame:
    """Scores of spread one of which sites have this share."""
    dice = np.random.default_rng(seed)
    site = np.repeat(np.arange(arms * sites_per_arm), each)
    own = dice.normal(0, np.sqrt(icc), arms * sites_per_arm)[site] + dice.normal(0, np.sqrt(1 - icc), len(site))
    arm = site % arms
    return pd.DataFrame({"arm": arm, "site": [f"s{code}" for code in site], "score": own + effect * arm})


# ---------------------------------------------------------------------------- by hand


def test_sites_of_one_size_by_hand() -> None:
    """Means 1, 3, 5 and 7, two people each, one apart on either side: B = 2 x 20 / 3, W = 8 / 4."""
    rows = pd.DataFrame(
        {"arm": 1, "site": list("aabbccdd"), "score": [0.0, 2.0, 2.0, 4.0, 4.0, 6.0, 6.0, 8.0]},
    )
    between, within = 40 / 3, 2.0
    found = intracluster_correlation(rows)
    assert found.estimate == pytest.approx((between - within) / (between + within))
    ratios = [between / within / stats.f.ppf(share, 3, 4) for share in (0.975, 0.025)]
    assert (found.conf_low, found.conf_high) == pytest.approx([(ratio - 1) / (ratio + 1) for ratio in ratios])


def test_sites_of_unlike_sizes_in_two_arms_by_hand() -> None:
    """Analysis of variance written out, each arm around its own mean; the usual size of sites after Donner."""
    rows = people(0.2, effect=1.0)
    rows = rows[rows.groupby("site").cumcount() < 3 + rows["site"].str[1:].astype(int)]
    between = within = lost = 0.0
    for _, arm in rows.groupby("arm"):
        sizes = []
        for _, site in arm.groupby("site"):
            between += len(site) * (site["score"].mean() - arm["score"].mean()) ** 2
            within += ((site["score"] - site["score"].mean()) ** 2).sum()
            sizes.append(len(site))
        lost += sum(size**2 for size in sizes) / len(arm)
    usual = (len(rows) - lost) / 18
    ratio = (between / 18) / (within / (len(rows) - 20))
    assert intracluster_correlation(rows).estimate == pytest.approx((ratio - 1) / (ratio + usual - 1))


# ---------------------------------------------------------------------------- what was put in comes out


@pytest.mark.parametrize("icc", [0.0, 0.05, 0.3])
def test_what_was_put_in_comes_out_and_lies_in_most_intervals(icc: float) -> None:
    found = [intracluster_correlation(people(icc, seed=seed)) for seed in range(150)]
    assert np.mean([each.estimate for each in found]) == pytest.approx(icc, abs=0.02)
    inside = sum(each.conf_low <= icc <= each.conf_high for each in found)
    assert 0.90 * 150 <= inside <= 149


def test_a_difference_between_arms_is_not_likeness() -> None:
    plain, apart = (intracluster_correlation(people(0.1, effect=effect)) for effect in (0.0, 50.0))
    assert apart.estimate == pytest.approx(plain.estimate)
    assert apart.conf_high == pytest.approx(plain.conf_high)


def test_unit_origin_names_and_order_do_not_matter() -> None:
    rows = people(0.1)
    other = rows.assign(score=3 * rows["score"] + 70, site=pd.Categorical("x" + rows["site"])).sample(
        frac=1, random_state=2
    )
    one, two = intracluster_correlation(rows), intracluster_correlation(other)
    assert (two.estimate, two.conf_low, two.conf_high) == pytest.approx((one.estimate, one.conf_low, one.conf_high))


def test_who_was_not_measured_is_left_out_and_arms_are_counted_intervention_first() -> None:
    rows = people(0.1)
    lacking = rows.assign(score=rows["score"].where((rows.index > 30) | (rows["arm"] == 0)))
    found = intracluster_correlation(lacking)
    assert found == intracluster_correlation(lacking.dropna())
    gone = int(lacking["score"].isna().sum())
    assert gone > 0
    assert found.n == (200 - gone, 200)


def test_more_confidence_is_a_wider_interval() -> None:
    narrow, wide = (intracluster_correlation(people(0.1), confidence=level) for level in (0.8, 0.99))
    assert wide.conf_low < narrow.conf_low < narrow.estimate < narrow.conf_high < wide.conf_high


# ---------------------------------------------------------------------------- what it refuses


@pytest.mark.parametrize(("sites", "said"), [(1, "only 1 site with"), (3, "only 3 sites with")])
def test_few_sites_in_an_arm_are_refused(sites: int, said: str) -> None:
    rows = people(0.1)
    names = sorted(rows.loc[rows["arm"] == 1, "site"].unique())[:sites]
    with pytest.raises(AnalysisError, match=f"one arm has {said} the outcome; .* fewer than 4"):
        intracluster_correlation(rows[(rows["arm"] == 0) | rows["site"].isin(names)])


def test_four_sites_in_each_arm_are_enough() -> None:
    assert intracluster_correlation(people(0.1, sites_per_arm=4)).n_clusters == (4, 4)


def test_nobody_measured_is_refused() -> None:
    with pytest.raises(AnalysisError, match="only 0 sites"):
        intracluster_correlation(people(0.1).assign(score=np.nan))


def test_one_person_a_site_is_refused() -> None:
    with pytest.raises(AnalysisError) as refused:
        intracluster_correlation(people(0.1, each=1))
    assert str(refused.value) == ONE_EACH


def test_people_of_a_site_who_are_all_the_same_are_refused() -> None:
    rows = people(0.1)
    with pytest.raises(AnalysisError) as refused:
        intracluster_correlation(rows.assign(score=rows["site"].str[1:].astype(float)))
    assert str(refused.value) == NO_SPREAD


# ---------------------------------------------------------------------------- the report


@pytest.fixture
def compared(tmp_path: Path) -> Compared:
    """The invented study compared by a plan, its report in `out`."""

    def made(plan: str = study.PLAN, rows: study.Rows | None = None) -> Comparison:
        comparison = compare(load.read(study.write(tmp_path / "bundle", rows or study.tables(), plan)))
        write(comparison, tmp_path / "out")
        return comparison

    return made


def test_the_report_and_a_table_hold_it_for_the_primary_score(compared: Compared, tmp_path: Path) -> None:
    comparison = compared()
    with (tmp_path / "out" / "tables" / "icc-eq5d-6m.csv").open(encoding="utf-8", newline="") as file:
        shown = {(line["column"], line["statistic"]): line["value"] for line in csv.DictReader(file)}
    found = intracluster_correlation(rows_of(comparison.cohort, comparison.plan.primary))
    assert float(shown["Correlation", "estimate"]) == pytest.approx(found.estimate)
    assert float(shown["95% interval", "conf_low"]) == pytest.approx(found.conf_low)
    assert float(shown["95% interval", "conf_high"]) == pytest.approx(found.conf_high)
    assert float(shown["Sites by arm", "intervention"]) == 4
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "EQ-5D value at 6 months: how alike people of one site are" in page
    assert "Intracluster correlation of everybody measured" in page
    assert not (tmp_path / "out" / "tables" / "icc-phq9-6m.csv").exists()


def test_where_people_are_the_units_it_is_not_asked(compared: Compared, tmp_path: Path) -> None:
    comparison = compared(study.PLAN + '\n[analysis]\nerrors = "classical"\n')
    assert alike.table(comparison, comparison.plan.primary) is None
    assert not (tmp_path / "out" / "tables" / "icc-eq5d-6m.csv").exists()


def test_of_counts_it_is_not_asked(compared: Compared) -> None:
    comparison = compared()
    counts = next(outcome for outcome in comparison.plan.outcomes if outcome.kind == "count")
    assert alike.table(comparison, counts) is None


def test_with_few_sites_the_report_says_why_not(compared: Compared, tmp_path: Path) -> None:
    rows = study.tables()
    gone = {person["person"] for person in rows["people"] if person["site"] == "s1"}
    rows["scores"] = [row for row in rows["scores"] if row["person"] not in gone]
    compared(rows=rows)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Not estimated: one arm has only 3 sites with the outcome" in page


def test_of_few_people_it_is_held_back(compared: Compared) -> None:
    """A threshold above the smaller arm."""
    comparison = compared()
    table = alike.table(comparison, comparison.plan.primary)
    assert table is not None
    ((_, cells),) = gate([table], 1000).table(table).rows
    assert [cell.text for cell in cells] == ["4 and 4", "n<1000", "n<1000"]
