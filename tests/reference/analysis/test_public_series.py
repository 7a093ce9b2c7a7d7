"""Series of sites beside R 4.2: parts of the reference study's months, states with invented starts, one series alone.

`series_public.R` (sandwich 3.0-2, nlme 3.1-162, base R) was written from the papers and the estimators' descriptions.
Cigarettes: Baltagi and Levin, Econ Lett 1992;39:53-58, as `Cigar` of plm has them. Seat belts: Harvey and Durbin, J R
Stat Soc A 1986;149:187-227, as `Seatbelts` of R 4.2.2 (its package datasets, GPL-2 or GPL-3) has them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis.estimators.single_series import single_series

from .flat_against_r import compared, estimates, of_study, unlike

PEOPLE = """plan = "plan.toml"

[people]
file = "practices.csv"
person = "practice"
site = "practice"
arm = { column = "arm", codes = { "1" = "offered", "0" = "not" } }
entered_on = { value = "2024-01-01" }

[allocation]
from_on = 2024-01-01
method = "geography"

[[site_use]]
file = "months.csv"
setting = "gp"
site = "practice"
month = "month"
month_0 = 2024-01-01
count = "attendances"
person_years = { column = "population", times = 0.08333333333333333 }
"""
OUTCOME = """
[[outcomes]]
id = "attendances"
label = "Attendances"
primary = true
setting = "gp"
estimator = "interrupted-series"
horizon = {horizon}
period = {period}

[analysis]
errors = "{errors}"
small_number = 1
"""
PARTS = {
    "all": ((), -24, 5, 6),
    "six": ((1, 4, 7, 14, 17, 20), -18, 8, 3),  # practices of both arms, 18 months before: no season can be told
    "nine": ((1, 2, 3, 4, 5, 20, 22, 23, 24), -24, 0, 2),
}
ERRORS = pytest.mark.parametrize("errors", ["CR2", "classical"])


@ERRORS
@pytest.mark.parametrize("part", PARTS)
def test_interrupted_series_and_event_studies_are_those_of_r(
    part: str, errors: str, tmp_path: Path, root: Path, comparison_folder: Path, r_results: Callable[[str], Any]
) -> None:
    practices, first, horizon, period = PARTS[part]
    months = pd.read_csv(comparison_folder / "data" / "cba_monthly.csv")
    own = months[months["practice"].isin(practices or months["practice"]) & (months["month"] >= first)]
    own.drop(columns="arm").to_csv(tmp_path / "months.csv", index=False)
    own.groupby("practice")["arm"].first().to_csv(tmp_path / "practices.csv")
    whole = (root / "tests" / "reference" / "cigar" / "plan.toml").read_text(encoding="utf-8")
    outcome = OUTCOME.format(horizon=horizon, period=period, errors=errors)
    (tmp_path / "plan.toml").write_text(whole[: whole.index("[[outcomes]]")] + outcome, encoding="utf-8")
    (tmp_path / "mapping.toml").write_text(PEOPLE, encoding="utf-8")
    assert unlike(estimates(compared(tmp_path)), of_study(r_results("series_public"), f"{part} {errors}")) == []


@ERRORS
@pytest.mark.parametrize("starts", ["many", "few"])
def test_staggered_starts_are_those_of_r(
    starts: str, errors: str, study_folder: Callable[[str], Path], r_results: Callable[[str], Any]
) -> None:
    """With few states at a start errors are made of all of them; one state starts alone, two together, five together."""
    folder = study_folder("cigar")
    for name, old, new in (("mapping.toml", "many", starts), ("plan.toml", "classical", errors)):
        text = (folder / name).read_text(encoding="utf-8")
        (folder / name).write_text(text.replace(old, new), encoding="utf-8")
    assert unlike(estimates(compared(folder)), of_study(r_results("series_public"), f"cigar {starts} {errors}")) == []


@pytest.mark.parametrize(("series", "lag", "harmonics"), [("front", 3, 1), ("rear", 6, 2), ("VanKilled", 12, 0)])
@pytest.mark.parametrize(("errors", "near"), [("NeweyWest", 1e-9), ("AR1", 1e-5)])
def test_one_series_alone_is_that_of_r(
    series: str, lag: int, harmonics: int, errors: str, near: float, root: Path, r_results: Callable[[str], Any]
) -> None:
    belts = pd.read_csv(root / "tests" / "reference" / "seatbelts" / "seatbelts.csv")
    rows = belts.rename(columns={"t": "month", series: "count"}).assign(years=belts["kms"] / 1000)
    fitted = single_series(rows, horizon=12, errors=errors, harmonics=harmonics, lag=lag)
    found = {term.term: (term.estimate, term.std_error) for term in fitted.terms}
    expected = [row for row in of_study(r_results("series_public"), series) if row["method"] == errors]
    assert len(expected) == 3
    for row in expected:
        assert found[row["term"]] == pytest.approx((row["estimate"], row["std_error"]), rel=near)
