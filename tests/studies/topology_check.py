"""How often faults of wiring are found, and how often nothing is wrong and somebody is accused.

Prints a table. A fault counts as visible if the stated network explains measurements without noise
at least 49 squared deviations (seven sigma) worse than the true one.

    PYTHONPATH=tests .venv/bin/python -m studies.topology_check [SEEDS] [INSTANTS]
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from studies.wiring_cases import wiring, with_gross_error
from studies.wiring_faults import APART, apart, connected_as, meter_of, ties

from ortsnetz_grid.functions.state_estimation import Measurements
from ortsnetz_grid.functions.topology_check import Finding, Kind, check_topology
from ortsnetz_grid.functions.topology_check.hypothesis import ORDERS, Hypothesis, switched
from ortsnetz_grid.network.model import Network

GRIDS = ("1-LV-rural1--0-sw", "1-LV-rural2--0-sw", "cigre-lv")
FIRST_SEED = 1000


@dataclass(frozen=True)
class Fault:
    """A stated network, what its meters say with and without noise, and what is true."""

    stated: Network
    snapshots: Sequence[Measurements]
    exact: Sequence[Measurements]
    truth: Hypothesis


def tie(grid: str, seed: int, instants: int, *, stated_closed: bool) -> Fault:
    """A tie in the other position than stated."""
    case, branch = wiring(grid, seed, snapshots=instants), ties(grid)[seed % len(ties(grid))]
    closed = switched(case.network, ((branch, True),))
    stated, true = (closed, case.network) if stated_closed else (case.network, closed)
    case = replace(case, network=stated)
    truth = Hypothesis(Kind.WRONG_SWITCH, (branch,), closed=(not stated_closed,))
    return Fault(stated, case.measured(true), case.measured(true, exact=True), truth)


def phases(grid: str, seed: int, instants: int) -> Fault:
    """A meter whose phases are exchanged."""
    case, random = wiring(grid, seed, snapshots=instants), np.random.default_rng([seed, 7])
    sensors = frozenset(meter_of(case, int(random.choice(sorted(case.metered)))))
    order = ORDERS[random.integers(len(ORDERS))]
    truth = Hypothesis(Kind.WRONG_PHASE, (), tuple(sorted(sensors)), order=order)
    noisy = connected_as(case.measured(), sensors, order)
    return Fault(
        case.network, noisy, connected_as(case.measured(exact=True), sensors, order), truth
    )


def gross(grid: str, seed: int, instants: int) -> Fault:
    """A voltage meter that is ten deviations off."""
    case, random = wiring(grid, seed, snapshots=instants), np.random.default_rng([seed, 7])
    sensor, _ = meter_of(case, int(random.choice(sorted(case.metered))))
    truth = Hypothesis(Kind.BAD_METER, (), (sensor,))
    noisy = with_gross_error(case.measured(), sensor, 10.0)
    return Fault(
        case.network, noisy, with_gross_error(case.measured(exact=True), sensor, 10.0), truth
    )


def answer(finding: Finding, truth: Hypothesis) -> str:
    """`right`, `listed` (undecided, the truth among the alternatives), `missed` or `wrong`."""
    wanted = {*truth.elements, *truth.sensors}

    def fits(kind: Kind, ids: set[int]) -> bool:
        whole = truth.kind is not Kind.WRONG_PHASE
        return kind is truth.kind and (wanted == ids if whole else bool(wanted & ids))

    places = truth.kind is Kind.WRONG_SWITCH
    if fits(finding.kind, set(finding.elements if places else finding.sensors)):
        return "right"
    if finding.kind is Kind.OK:
        return "missed"
    listed = any(
        fits(each.kind, set(each.elements if places else each.sensors))
        for each in finding.alternatives
    )
    return "listed" if listed else "wrong"


def main() -> None:
    """Print the table."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    instants = int(sys.argv[2]) if len(sys.argv) > 2 else 4
    makers: dict[str, Callable[[str, int], Fault]] = {
        "tie closed, stated open": lambda g, s: tie(g, s, instants, stated_closed=False),
        "tie open, stated closed": lambda g, s: tie(g, s, instants, stated_closed=True),
        "phases of a meter": lambda g, s: phases(g, s, instants),
        "gross error of 10 sigma": lambda g, s: gross(g, s, instants),
    }
    for grid in GRIDS:
        clean = Counter[str]()
        for seed in range(FIRST_SEED, FIRST_SEED + seeds):
            case = wiring(grid, seed, snapshots=instants)
            clean[check_topology(case.network, case.measured()).kind.value] += 1
        print(f"{grid}: nothing wrong: {dict(clean)}", flush=True)
        for name, make in makers.items():
            seen, unseen = Counter[str](), Counter[str]()
            for seed in range(FIRST_SEED, FIRST_SEED + seeds):
                fault = make(grid, seed)
                visible = apart(fault.stated, fault.exact, fault.truth) >= APART
                found = answer(check_topology(fault.stated, fault.snapshots), fault.truth)
                (seen if visible else unseen)[found] += 1
            print(f"{grid}: {name}: visible {dict(seen)}, else {dict(unseen)}", flush=True)


if __name__ == "__main__":
    main()
