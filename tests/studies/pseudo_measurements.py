"""How well estimates with hardly any meters know how wrong they are.

    PYTHONPATH=tests .venv/bin/python -m studies.pseudo_measurements [CASES]

For each SimBench network and each weakness of the data: how much of the truth lies in the 95 %
intervals of |U| at hidden nodes and of the loading of all branches, and how wrong and how wide the
estimates are (root mean squares, per unit).
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
    "1-LV-rural1--2-sw",
    "1-LV-rural2--2-sw",
    "1-LV-semiurb5--2-sw",
)
"""The last three have heat pumps, charge points and more PV, as SimBench expects them for 2034."""
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
        last=case.last,
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


@dataclass(frozen=True)
class Weakness:
    """How weak the data are; see `hidden_meters`."""

    words: str
    remaining: float
    substation: bool
    own_days: bool = True
    silent_quarters: int = 0


WEAKNESSES = (
    Weakness("20 % and station", 0.2, substation=True),
    Weakness("20 %", 0.2, substation=False),
    Weakness("station", 0.0, substation=True),
    Weakness("nothing", 0.0, substation=False),
    Weakness("20 %, 15 min old", 0.2, substation=True, silent_quarters=1),
    Weakness("20 %, 1 h old", 0.2, substation=True, silent_quarters=4),
    Weakness("20 %, all one day", 0.2, substation=True, own_days=False),
)


def main(cases: int) -> None:
    """One row for each network and weakness."""
    print(
        f"{'network':20}{'meters':20}{'|U| in':>8}{'rms':>8}{'sigma':>8}"
        f"{'load in':>9}{'rms':>8}{'sigma':>8}{'removed':>9}"
    )
    for code in NETWORKS:
        for weak in WEAKNESSES:
            print(
                row(code, weak, [outcome(code, case_of(code, weak, seed)) for seed in range(cases)])
            )


def case_of(code: str, weak: Weakness, seed: int) -> HiddenMeters:
    return hidden_meters(
        code,
        seed,
        remaining=weak.remaining,
        substation=weak.substation,
        own_days=weak.own_days,
        silent_quarters=weak.silent_quarters,
    )


def row(code: str, weak: Weakness, found: list[Outcome]) -> str:
    """Shares inside, and root mean squares of errors and stated deviations."""

    def inside(name: str) -> float:
        return float(np.mean(np.concatenate([getattr(each, name) for each in found])))

    def size(name: str) -> float:
        values = np.concatenate([getattr(each, name) for each in found])
        return float(np.sqrt(np.mean(values**2)))

    return (
        f"{code:20}{weak.words:20}{inside('u_inside'):8.1%}{size('u_error'):8.4f}"
        f"{size('u_sigma'):8.4f}{inside('loading_inside'):9.1%}{size('loading_error'):8.4f}"
        f"{size('loading_sigma'):8.4f}{sum(each.removed for each in found):9}"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
