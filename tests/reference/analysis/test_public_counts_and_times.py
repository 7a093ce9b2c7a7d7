"""Public studies from flat tables to a report, beside R 4.2 on the same tables: counts, events, times.

`counts_public.R` and `times_public.R` (survival 3.5-3, clubSandwich 0.5.8, sandwich 3.0-2, MASS 7.3-58.2, lme4 1.1-31,
geepack 1.3.9) were written from the estimators' descriptions and not from their code. The studies are awkward on
purpose: centres with people of both arms, of two people and of 26; counts of which most are zero; unequal times; death
competing and ties by the month; a death on the day of entry.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .flat_against_r import Row, compared, estimates, of_study, unlike

Found = Callable[[str], list[Row]]
OF_CBA = """
[[measures]]
id = "lonely"
label = "Lonely"
minimum = 0
maximum = 1
better = "lower"

[[outcomes]]
id = "lonely-12m"
label = "Lonely at 12 months"
primary = true
kind = "binary"
instrument = "lonely"
at_least = 1
timepoint = "12m"
beside = ["linear-probability", "gee-logistic", "mixed-logistic"]
covariates = ["age", "sex", "deprivation", "ltc_count"]

[[outcomes]]
id = "lonely-3m"
label = "Lonely at 3 months"
kind = "binary"
instrument = "lonely"
at_least = 1
timepoint = "3m"
beside = ["linear-probability"]
covariates = ["age", "ltc_count"]
average = "sites"

[[outcomes]]
id = "gp-nights"
label = "Admissions"
setting = "in-patient-nights"
baseline = false
beside = ["gee-poisson", "negative-binomial"]
covariates = ["age", "ltc_count"]

[[outcomes]]
id = "gp"
label = "GP attendances"
setting = "gp"
average = "sites"
covariates = ["age", "ltc_count"]

[[outcomes]]
id = "gp-change"
label = "GP attendances, change"
setting = "gp"
estimator = "poisson-change"
covariates = ["age", "ltc_count"]

[analysis]
small_number = 1
"""
MAPPED = """
[[scores]]
instrument = "lonely"
columns = { baseline = "lonely_0", 3m = "lonely_3", 12m = "lonely_12" }

[[service_use]]
setting = "in-patient-nights"
column = "n_adm"
from_day = 0
until_day = { column = "fu_years", times = 365 }
"""


def other_outcomes(folder: Path) -> None:
    """The reference study with outcomes that its own plan does not have."""
    plan = (folder / "plan.toml").read_text(encoding="utf-8")
    (folder / "plan.toml").write_text(plan[: plan.index("[[outcomes]]")] + OF_CBA, encoding="utf-8")
    with (folder / "mapping.toml").open("a", encoding="utf-8") as mapping:
        mapping.write(MAPPED)


@pytest.fixture(scope="module")
def found(study_folder: Callable[[str], Path]) -> Found:
    """Estimates of a study by its name, made once."""
    made: dict[str, list[Row]] = {}

    def of(study: str) -> list[Row]:
        if study not in made:
            folder = study_folder(study)
            if study == "cba":
                other_outcomes(folder)
            made[study] = estimates(compared(folder))
            shutil.rmtree(folder)
        return made[study]

    return of


@pytest.mark.parametrize("study", ["salamanders", "cgd", "cba"])
def test_counts_and_events_are_those_of_r(study: str, found: Found, r_results: Callable[[str], Any]) -> None:
    assert unlike(found(study), of_study(r_results("counts_public"), study)) == []


@pytest.mark.parametrize("study", ["cgd", "rats", "bladder"])
def test_times_are_those_of_r(study: str, found: Found, r_results: Callable[[str], Any]) -> None:
    assert unlike(found(study), of_study(r_results("times_public"), study)) == []


def test_the_trial_s_thirteen_centres_are_thirteen(found: Found) -> None:
    """Each holds people of both arms, and counts once."""
    assert {row["n_clusters"] for row in found("cgd") if row["term"] == "arm"} == {13}


def test_who_died_on_the_day_of_entry_is_in_the_times_and_not_in_the_counts(found: Found) -> None:
    people = {row["outcome"]: row["n"] for row in found("bladder") if row["term"] == "arm"}
    assert people == {"recurrences": 85, "first": 86, "first-alone": 86}


def test_counts_no_more_spread_than_poisson_have_no_negative_binomial(found: Found) -> None:
    """Where R's `glm.nb` runs its size up to thousands and warns."""
    methods = {row["method"].split(",")[0] for row in found("cba") if row["outcome"] == "gp-nights"}
    assert methods == {"Poisson", "Poisson GEE"}
