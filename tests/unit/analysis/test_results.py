"""Small things that everything else leans on: refusals, folders, keys, intervals."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.estimators.design import Design
from analysis.estimators.inference import Inference, t_quantile
from analysis.result import AnalysisError, Cell, Fitted, Sum, Table, refuse_to_replace

MARK = "provenance.json"


# ---------------------------------------------------------------------------- refusals


def test_a_refusal_keeps_its_faults_and_shows_them_one_a_line() -> None:
    error = AnalysisError("first", "second")
    assert error.faults == ("first", "second")
    assert str(error) == "first\nsecond"
    assert isinstance(error, ValueError)


def test_a_new_folder_may_be_written(tmp_path: Path) -> None:
    refuse_to_replace(tmp_path / "new", MARK)


def test_an_empty_folder_may_be_written(tmp_path: Path) -> None:
    refuse_to_replace(tmp_path, MARK)


def test_a_folder_of_ours_may_be_replaced(tmp_path: Path) -> None:
    (tmp_path / MARK).write_text("{}", encoding="utf-8")
    (tmp_path / "report.html").write_text("old", encoding="utf-8")
    refuse_to_replace(tmp_path, MARK)


@pytest.mark.parametrize("name", ["diary.txt", "datapackage.json", ".hidden"])
def test_a_folder_of_somebody_s_may_not(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / name).write_text("keep", encoding="utf-8")
    with pytest.raises(AnalysisError, match="theirs: holds something else already; name a new folder"):
        refuse_to_replace(folder, MARK)


def test_a_file_is_not_a_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file", encoding="utf-8")
    with pytest.raises(AnalysisError, match="out: holds something else already"):
        refuse_to_replace(tmp_path / "out", MARK)


# ---------------------------------------------------------------------------- tables


def table(*cells: Cell, **options: object) -> Table:
    columns = tuple(f"c{place}" for place in range(len(cells)))
    return Table("t", "T", columns, (("row", cells),), **options)  # type: ignore[arg-type]


def test_a_count_has_its_own_key_or_that_of_its_place() -> None:
    made = table(Cell("{count}", count=5, key=("named",)), Cell("{count}", count=7), Cell("words"))
    assert dict(made.counts()) == {("named",): 5, ("t", "0", "1"): 7}


def test_counts_that_are_implied_are_counts() -> None:
    made = table(Cell("{count}", count=5, key=("in",)), implied=((("out",), 3),))
    assert dict(made.counts()) == {("out",): 3, ("in",): 5}


def test_sums_are_the_same_where_they_say_the_same() -> None:
    assert Sum(("a",), (("b",), ("c",))) == Sum(("a",), (("b",), ("c",)))
    assert len({Sum(("a",), (("b",),)), Sum(("a",), (("b",),))}) == 1


# ---------------------------------------------------------------------------- intervals


@pytest.mark.parametrize(
    ("confidence", "df", "quantile"),
    [(0.95, 1, 12.7062), (0.95, 10, 2.2281), (0.95, 18.72, 2.0951), (0.9, 5, 2.0150), (0.99, 30, 2.7500)],
)
def test_intervals_reach_as_far_as_the_tables_of_t_say(confidence: float, df: float, quantile: float) -> None:
    assert t_quantile(confidence, df) == pytest.approx(quantile, abs=2e-4)


def test_with_many_degrees_of_freedom_it_is_the_normal_s() -> None:
    assert t_quantile(0.95, 1e9) == pytest.approx(1.959964, abs=1e-5)


def inference(sites: tuple[int, int], clustered: bool = True) -> Inference:
    first = [{"arm": 1, "site": f"a{n}"} for n in range(sites[0]) for _ in range(3)]
    second = [{"arm": 0, "site": f"b{n}"} for n in range(sites[1]) for _ in range(3)]
    rows = pd.DataFrame(first + second)
    return Inference(Design(np.ones((len(rows), 1)), ("one",), rows), "some method", 0.95, clustered)


def test_an_estimate_carries_what_it_stands_on() -> None:
    found = inference((5, 6)).estimate("arm", 2.0, (0.5, 9.0), "difference", "points")
    assert (found.n, found.n_clusters, found.method) == (33, 11, "some method")
    assert (found.scale, found.unit) == ("difference", "points")
    assert found.conf_low == pytest.approx(2 - 2.262157 * 0.5, rel=1e-6)
    assert found.conf_high == pytest.approx(2 + 2.262157 * 0.5, rel=1e-6)


def test_its_p_value_is_that_of_the_two_sided_t_test() -> None:
    """t = 2.262157 on 9 degrees of freedom is the two-sided 5 % point."""
    found = inference((5, 6)).estimate("arm", 2.262157, (1.0, 9.0))
    assert found.p_value == pytest.approx(0.05, abs=1e-6)
    opposite = inference((5, 6)).estimate("arm", -2.262157, (1.0, 9.0))
    assert opposite.p_value == found.p_value


@pytest.mark.parametrize(
    ("sites", "with_error", "with_p"),
    [
        ((1, 9), False, False),
        ((9, 1), False, False),
        ((2, 9), True, False),
        ((9, 3), True, False),
        ((4, 4), True, True),
    ],
)
def test_the_smaller_arm_decides_what_may_be_said(sites: tuple[int, int], with_error: bool, with_p: bool) -> None:
    found = inference(sites).estimate("arm", 1.0, (0.5, 4.0))
    assert (found.std_error is not None) == with_error
    assert (found.conf_low is not None) == with_error
    assert (found.p_value is not None) == with_p
    assert math.isfinite(found.estimate)
    assert bool(inference(sites).warnings()) == (not with_p)


def test_people_as_units_have_no_clusters_to_be_few_of() -> None:
    found = inference((1, 1), clustered=False)
    assert found.n_clusters is None
    assert found.warnings() == ()
    assert found.estimate("arm", 1.0, (0.5, 4.0)).p_value is not None


def test_the_main_answer_is_the_first() -> None:
    one, two = (inference((5, 5)).estimate(term, 1.0, (0.5, 4.0)) for term in ("one", "two"))
    assert Fitted((one, two), (), (5, 5), None, ()).main == one
