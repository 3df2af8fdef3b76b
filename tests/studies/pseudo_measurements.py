"""How well estimates with hardly any meters know how wrong they are.

    PYTHONPATH=tests .venv/bin/python -m studies.pseudo_measurements [CASES]

For each SimBench network, share of remaining customers' meters, and with and without the
substation's meter: how much of the truth lies in the 95 % intervals of |U| at hidden nodes and of
the loading of all branches, and how wide and how wrong the estimates are.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from studies.hidden_meters import HiddenMeters, hidden_meters, network_of

from ortsnetz_grid.functions.state_estimation import Estimator, Settings, StateEstimate
from ortsnetz_grid.functions.state_estimation.measurements import measurements_from
from ortsnetz_grid.functions.state_estimation.pseudo.customers import beliefs_about
from ortsnetz_grid.network.loading import RatedBranches

Real = NDArray[np.float64]

NETWORKS = (
    "1-LV-rural1--0-sw",
    "1-LV-rural2--0-sw",
    "1-LV-rural3--0-sw",
    "1-LV-semiurb4--0-sw",
    "1-LV-semiurb5--0-sw",
    "1-LV-urban6--0-sw",
)
NORMAL_95 = 1.96


@dataclass(frozen=True)
class Outcome:
    """Of one case, over hidden nodes and phases, and over branches.

    Attributes:
        u_error: estimate less truth, per unit.
        u_sigma: stated standard deviation.
        loading_error: likewise.
        loading_sigma: likewise.
        removed: sensors removed as bad; every one is a false alarm.
    """

    u_error: Real
    u_sigma: Real
    loading_error: Real
    loading_sigma: Real
    removed: int

    @property
    def u_inside(self) -> NDArray[np.bool_]:
        return np.abs(self.u_error) <= NORMAL_95 * self.u_sigma

    @property
    def loading_inside(self) -> NDArray[np.bool_]:
        return np.abs(self.loading_error) <= NORMAL_95 * self.loading_sigma


@cache
def estimator_of(code: str) -> Estimator:
    return Estimator.of(network_of(code))


def estimate(code: str, case: HiddenMeters) -> StateEstimate:
    measurements = measurements_from(
        case.station,
        case.network,
        case.readings,
        case.hour,
        believed=beliefs_about(case.customers, case.utc_s),
    )
    return estimator_of(code).estimate(measurements, Settings())


def outcome(code: str, case: HiddenMeters) -> Outcome:
    state = estimate(code, case)
    u_error = (state.u_pu - case.truth["node"]["u_pu"])[case.hidden_nodes]
    return Outcome(
        u_error.ravel(),
        state.u_sigma_pu[case.hidden_nodes].ravel(),
        state.loading - RatedBranches.of(case.network).loading(case.truth),
        state.loading_sigma,
        len(state.removed),
    )


def main(cases: int) -> None:
    print(
        "network               meters  station  |U| in  load in  |U| rms  sigma   load rms  sigma"
    )
    for code in NETWORKS:
        for remaining in (0.2, 0.0):
            for substation in (True, False):
                found = [
                    outcome(
                        code, hidden_meters(code, seed, remaining=remaining, substation=substation)
                    )
                    for seed in range(cases)
                ]
                print(row(code, remaining, substation, found), flush=True)


def row(code: str, remaining: float, substation: bool, found: list[Outcome]) -> str:
    u_in = np.mean(np.concatenate([each.u_inside for each in found]))
    load_in = np.mean(np.concatenate([each.loading_inside for each in found]))
    sizes = [
        np.sqrt(np.mean(np.concatenate([getattr(each, name) for each in found]) ** 2))
        for name in ("u_error", "u_sigma", "loading_error", "loading_sigma")
    ]
    removed = sum(each.removed for each in found)
    return (
        f"{code:22}{remaining:6.0%}{'yes' if substation else 'no':>9}{u_in:8.1%}{load_in:9.1%}"
        f"{sizes[0]:9.4f}{sizes[1]:8.4f}{sizes[2]:10.4f}{sizes[3]:8.4f}  removed {removed}"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
