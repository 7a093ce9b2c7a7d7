"""Sums that DuckDB makes of Parquet files, held against the same rows in memory."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.estimators.did import absorbed
from analysis.moments import Moments, cluster_robust, from_rows, least_squares
from analysis.parquet import from_parquet
from analysis.result import AnalysisError

TERMS = {"(Intercept)": "1", "arm": "arm", "age": "age"}


def people(seed: int, n: int = 120, sites: int = 8) -> pd.DataFrame:
    dice = np.random.default_rng(seed)
    site = dice.integers(0, sites, n)
    site[:sites] = np.arange(sites)
    columns = {"person": np.arange(n), "site": site, "arm": (site % 2).astype(float), "age": dice.normal(70, 9, n)}
    return pd.DataFrame({**columns, "score": dice.normal(size=n) + 0.1 * columns["age"]})


def visits(seed: int) -> pd.DataFrame:
    """One to four of each person, in no order."""
    dice = np.random.default_rng(seed)
    rows = people(seed).loc[lambda found: np.repeat(found.index, dice.integers(1, 5, len(found)))]
    rows["after"] = dice.integers(0, 2, len(rows)).astype(float)
    rows["score"] += dice.normal(size=len(rows))
    return rows.sample(frac=1, random_state=seed).reset_index(drop=True)


def kept(rows: pd.DataFrame, folder: Path, name: str = "rows.parquet") -> Path:
    with duckdb.connect() as database:
        database.register("made", rows)
        database.execute(f"COPY made TO '{str(folder / name).replace(chr(39), chr(39) * 2)}' (FORMAT parquet)")
    return folder / name


def in_memory(rows: pd.DataFrame) -> Moments:
    X = np.column_stack([np.ones(len(rows)), rows["arm"], rows["age"]])
    return from_rows(X, rows["score"].to_numpy(), rows["site"], tuple(TERMS))


def same(found: Moments, expected: Moments) -> None:
    assert found.terms == expected.terms
    for name in ("xx", "xy", "yy", "n"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-9, abs=1e-9), name
    one, other = (cluster_robust(least_squares(moments)) for moments in (found, expected))
    assert one.std_error == pytest.approx(other.std_error, rel=1e-7)
    assert one.df == pytest.approx(other.df, rel=1e-7)


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_gives_what_its_rows_give(tmp_path: Path, seed: int) -> None:
    rows = people(seed)
    same(from_parquet(kept(rows, tmp_path), TERMS, outcome="score", site="site"), in_memory(rows))


def test_a_mean_of_three_numbers_is_the_mean(tmp_path: Path) -> None:
    """By hand: sites a (1, 2) and b (6); the mean is 3."""
    rows = pd.DataFrame({"site": ["a", "b", "a"], "score": [1.0, 6.0, 2.0]})
    found = from_parquet(kept(rows, tmp_path), {"(Intercept)": "1"}, outcome="score", site="site")
    assert (found.n.tolist(), found.xy.tolist(), found.yy.tolist()) == ([2, 1], [[3.0], [6.0]], [5.0, 36.0])
    assert least_squares(found).beta == pytest.approx([3.0])


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_within_people_it_gives_what_is_left_of_their_rows_without_their_means(tmp_path: Path, seed: int) -> None:
    rows = visits(seed)
    asked = {"arm:after": "arm * after", "after": "after"}
    found = from_parquet(kept(rows, tmp_path), asked, outcome="score", site="site", within="person")
    table = np.column_stack([rows["arm"] * rows["after"], rows["after"], rows["score"]])
    left = absorbed(table, rows["person"].to_numpy())
    same(found, from_rows(left[:, :2], left[:, 2], rows["site"], tuple(asked)))


def test_several_files_are_one_table(tmp_path: Path) -> None:
    rows = people(3)
    kept(rows[:50], tmp_path, "part-1.parquet")
    kept(rows[50:], tmp_path, "part-2.parquet")
    same(from_parquet(tmp_path / "part-*.parquet", TERMS, outcome="score", site="site"), in_memory(rows))


def test_a_term_and_the_outcome_may_be_worked_out(tmp_path: Path) -> None:
    rows = people(4)
    asked = {**TERMS, "age": "age / 10"}
    found = from_parquet(kept(rows, tmp_path), asked, outcome="score - 2", site="site")
    same(found, in_memory(rows.assign(age=rows["age"] / 10, score=rows["score"] - 2)))


def test_names_that_are_words_of_the_language_or_hold_quotes_are_names(tmp_path: Path) -> None:
    rows = visits(5).rename(columns={"site": "group", "person": 'who "really"'})
    folder = tmp_path / "Ann's files"
    folder.mkdir()
    path = kept(rows, folder)
    found = from_parquet(path, {"after": "after"}, outcome="score", site="group", within='who "really"')
    assert int(found.n.sum()) == len(rows)


def test_little_memory_changes_nothing_but_time(tmp_path: Path) -> None:
    rows = pd.concat([visits(6).assign(person=lambda found, k=k: found["person"] + 1_000 * k) for k in range(200)])
    path = kept(rows, tmp_path)
    asked = {"after": "after"}
    much, little = (
        from_parquet(path, asked, outcome="score", site="site", within="person", memory=memory)
        for memory in ("500MB", "50MB")
    )
    same(little, much)


@pytest.mark.parametrize(
    ("column", "value"),
    [("site", None), *((column, value) for column in ("age", "score") for value in (None, np.nan, np.inf, -np.inf))],
)
def test_what_is_missing_or_infinite_is_refused(tmp_path: Path, column: str, value: float | None) -> None:
    rows = people(7).astype({"site": "Int64", "age": object, "score": object})
    rows.loc[3, column] = value
    path = kept(rows.astype({"age": float, "score": float}), tmp_path)
    with pytest.raises(AnalysisError, match="missing or infinite value; keep complete rows only"):
        from_parquet(path, TERMS, outcome="score", site="site")


@pytest.mark.parametrize("change", [{"site": 5}, {"person": None}])
def test_a_person_at_two_sites_or_without_a_name_is_refused(tmp_path: Path, change: dict[str, int | None]) -> None:
    rows = visits(8).astype({"person": "Int64"})
    twice = rows.index[rows["person"] == rows["person"].mode()[0]]
    rows.loc[twice[0], next(iter(change))] = next(iter(change.values()))
    if change == {"site": 5}:
        rows.loc[twice[1:], "site"] = 4
    with pytest.raises(
        AnalysisError, match="a group of 'person' has no name, or two sites; give each one name and one site"
    ):
        from_parquet(kept(rows, tmp_path), {"after": "after"}, outcome="score", site="site", within="person")


@pytest.mark.parametrize(
    ("asked", "says"),
    [({"arm": "treated"}, "treated"), ({"arm": "arm +"}, "syntax error"), ({"arm": "'a'"}, "cannot be added up")],
)
def test_what_the_file_does_not_hold_is_named(tmp_path: Path, asked: dict[str, str], says: str) -> None:
    with pytest.raises(AnalysisError, match=rf"rows\.parquet: cannot be added up \(.*{says}|{says}"):
        from_parquet(kept(people(9), tmp_path), asked, outcome="score", site="site")


def test_a_file_that_is_not_there_or_no_table_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no table")
    for path in (tmp_path / "nothing.parquet", tmp_path / "notes.txt"):
        with pytest.raises(AnalysisError, match=f"{path.name}: cannot be added up .*; check the path and the names"):
            from_parquet(path, TERMS, outcome="score", site="site")


def test_a_term_that_others_determine_is_refused_as_from_rows(tmp_path: Path) -> None:
    found = from_parquet(kept(people(10), tmp_path), {**TERMS, "again": "2 * arm"}, outcome="score", site="site")
    with pytest.raises(AnalysisError, match="'again' is constant or determined by the other terms"):
        least_squares(found)


def test_a_table_without_rows_is_refused(tmp_path: Path) -> None:
    found = from_parquet(kept(people(11)[:0], tmp_path), TERMS, outcome="score", site="site")
    with pytest.raises(AnalysisError, match="too few people"):
        least_squares(found)
