"""Bounds of an event study next to R's HonestDiD and to diff-diff, on the effects that both packages are shown on.

Benzarti and Carloni (2019), as HonestDiD ships them (`BCdata_EventStudy`): four effects before and four after the
reference. R 4.5.2 with HonestDiD 0.2.8, `createSensitivityResults(method = "FLCI")`, as StatsPAI publishes them
(`tests/reference_parity/_fixtures/honest_did_moments_R.json`); R searches a grid with simulated quantiles, so that it
agrees to three decimals. diff-diff 3.13.0, `HonestDiD("smoothness")`, solves the same problem by other means.
"""

from __future__ import annotations

import numpy as np
import pytest

from analysis.estimators.honest import honest_bounds

EFFECTS = [0.00669635180383921, 0.0293450336903334, -0.00647297222167253, 0.0730149894952774,
           0.195961117744446, 0.312063902616501, 0.239541545510292, 0.126042500138283]  # fmt: skip
HALF = [
    [0.000842835812363774],
    [0.00047686867765151, 0.000642542028799653],
    [0.000261805107584223, 0.000398742500692606, 0.000522994960192591],
    [0.000235422034165822, 0.00024355151981581, 0.000211768609005958, 0.000308959541143849],
    [0.000167637146660127, 0.000220196030568331, 0.000184072225238197, 0.000119786607683636, 0.000359970435965806],
    [0.000112870766315609, 0.00018045911565423, 0.000145852784044109, 0.000133408131659962, 0.000247881864197552,
     0.000426394981332123],
    [1.99281621462433e-05, 3.84376508009154e-05, 7.00519740348682e-05, 0.000101633500889875, 0.000174957924173214,
     0.000217143780901097, 0.000488669786136597],
    [-0.000136826536618173, -2.96042198897339e-05, 5.95299497945234e-05, 0.000107905172626488, 0.000165425692102872,
     0.000289274787064642, 0.000380532204871997, 0.000761739443987608],
]  # fmt: skip
SIZES = (0.0, 0.01, 0.02)
FIRST, AVERAGE = (1.0, 0.0, 0.0, 0.0), None
R = {
    FIRST: [(0.131411315937022, 0.216169648182799), (0.154965267080773, 0.27038453032652),
            (0.177301087900198, 0.315956468194821)],
    AVERAGE: [(0.133193369303247, 0.230362614090703), (0.124138265521726, 0.368035364887987),
              (0.113901858858792, 0.476743542104818)],
}  # fmt: skip
DIFF_DIFF = {
    FIRST: [(0.13145961606784684, 0.2161196940548763), (0.15496824936026804, 0.27047202603152526),
            (0.17647178646291115, 0.31524410674172754)],
    AVERAGE: [(0.13324813525253232, 0.2303047386837317), (0.12404262440012845, 0.36804388482169037),
              (0.11375070087591596, 0.47671804515409166)],
}  # fmt: skip


def covariance() -> np.ndarray:
    lower = np.zeros((8, 8))
    for place, row in enumerate(HALF):
        lower[place, : place + 1] = row
    return lower + np.tril(lower, -1).T


@pytest.mark.parametrize("weights", [FIRST, AVERAGE])
@pytest.mark.parametrize(("others", "within"), [(R, 1e-3), (DIFF_DIFF, 1e-5)])
def test_the_intervals_are_those_of_other_programs(
    weights: tuple[float, ...] | None, others: dict, within: float
) -> None:
    found = honest_bounds(EFFECTS, covariance(), 4, weights, SIZES)
    assert [bound.size for bound in found.bounds] == list(SIZES)
    for bound, (low, high) in zip(found.bounds, others[weights], strict=True):
        assert bound.conf_low == pytest.approx(low, abs=within)
        assert bound.conf_high == pytest.approx(high, abs=within)


def test_the_breakdown_value_is_that_of_diff_diff() -> None:
    """Which halves until it knows the value to 0.01."""
    assert honest_bounds(EFFECTS, covariance(), 4).breakdown == pytest.approx(0.0634765625, abs=0.005)
