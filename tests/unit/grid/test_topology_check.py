"""A network that is not as stated: switches, phases and meters; truth from power-grid-model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from studies.wiring_cases import Wiring, grid_with_ties, wiring, with_gross_error
from studies.wiring_faults import APART, apart, connected_as, meter_of, ties

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.state_estimation import Measurements
from ortsnetz_grid.functions.topology_check import CheckSettings, Finding, Kind, check_topology
from ortsnetz_grid.functions.topology_check.hypothesis import (
    ORDERS,
    STATED,
    Hypothesis,
    switched,
)
from ortsnetz_grid.functions.topology_check.judging import Judge
from ortsnetz_grid.functions.topology_check.meter_candidates import exchanged_phases, seats

VILLAGE, SUBSTATIONS = "1-LV-rural1--0-sw", "cigre-lv"


def names(finding: Finding, kind: Kind, ids: set[int]) -> bool:
    """Whether a finding says this, or has it among what it cannot tell apart."""
    return any(
        each.kind is kind and ids <= {*each.elements, *each.sensors}
        for each in finding.alternatives
    )


@pytest.mark.parametrize(
    ("grid", "cases", "snapshots"), [(VILLAGE, 40, 1), (VILLAGE, 6, 4), (SUBSTATIONS, 10, 1)]
)
def test_nothing_and_nobody_is_accused_where_all_is_as_stated(
    grid: str, cases: int, snapshots: int
) -> None:
    kinds = []
    for seed in range(cases):
        case = wiring(grid, 100 + seed, snapshots=snapshots)
        kinds.append(check_topology(case.network, case.measured()).kind)
    assert sum(each is not Kind.OK for each in kinds) <= 0.02 * cases


@pytest.mark.parametrize("stated_closed", [False, True])
def test_a_tie_in_the_other_position_than_stated_is_found(*, stated_closed: bool) -> None:
    counted, named, decided, wrong = 0, 0, 0, 0
    for seed in range(8):
        case = wiring(SUBSTATIONS, seed, snapshots=4)
        tie = ties(SUBSTATIONS)[seed % 3]
        closed = switched(case.network, ((tie, True),))
        stated, true = (closed, case.network) if stated_closed else (case.network, closed)
        case = replace(case, network=stated)
        truth = Hypothesis(Kind.WRONG_SWITCH, (tie,), closed=(not stated_closed,))
        finding = check_topology(stated, case.measured(true))
        wrong += finding.kind not in {Kind.OK, Kind.UNDECIDED, Kind.WRONG_SWITCH}
        if apart(stated, case.measured(true, exact=True), truth) < APART:
            continue
        counted += 1
        named += names(finding, Kind.WRONG_SWITCH, {tie})
        decided += finding.kind is Kind.WRONG_SWITCH and finding.elements == (tie,)
    assert counted >= 4
    assert named >= 0.9 * counted
    assert decided >= 0.5 * counted
    assert wrong == 0


def test_where_only_ties_have_switches_the_tie_is_named_without_doubt() -> None:
    settings = CheckSettings(switchable=frozenset(ties(SUBSTATIONS)))
    right = []
    for seed in range(5):
        case = wiring(SUBSTATIONS, seed, snapshots=2)
        tie = ties(SUBSTATIONS)[0]
        closed = switched(case.network, ((tie, True),))
        truth = Hypothesis(Kind.WRONG_SWITCH, (tie,), closed=(False,))
        case = replace(case, network=closed)
        true = grid_with_ties(SUBSTATIONS)
        if apart(closed, case.measured(true, exact=True), truth) < APART:
            continue
        finding = check_topology(closed, case.measured(true), settings)
        right.append(finding.kind is Kind.WRONG_SWITCH and finding.elements == (tie,))
    assert len(right) >= 3
    assert all(right)


def test_supply_from_the_other_side_is_found() -> None:
    """A tie is closed and a branch of its loop open instead: radial as before."""
    tie = ties(SUBSTATIONS)[0]
    feeder = 62  # the branch after which the residential feeder leaves its substation
    case = wiring(SUBSTATIONS, 3, snapshots=2)
    true = switched(case.network, ((tie, True), (feeder, False)))
    finding = check_topology(case.network, case.measured(true))
    assert names(finding, Kind.WRONG_SWITCH, {tie, feeder})
    assert finding.kind in {Kind.WRONG_SWITCH, Kind.UNDECIDED}


def test_exchanged_phases_of_a_metered_customer_are_found() -> None:
    """At the voltage terminals alone, or at the whole meter."""
    counted, found = 0, 0
    for seed in range(12):
        case = wiring(VILLAGE, seed, snapshots=8)
        random = np.random.default_rng([seed, 7])
        voltage, power = meter_of(case, int(random.choice(sorted(case.metered))))
        sensors = frozenset({voltage} if seed % 2 else {voltage, power})
        order = ORDERS[random.integers(5)]
        truth = Hypothesis(Kind.WRONG_PHASE, (), tuple(sorted(sensors)), order=order)
        exact = connected_as(case.measured(exact=True), sensors, order)
        if apart(case.network, exact, truth) < APART:
            continue
        counted += 1
        finding = check_topology(case.network, connected_as(case.measured(), sensors, order))
        found += finding.kind is Kind.WRONG_PHASE and bool(sensors & set(finding.sensors))
    assert counted >= 5
    assert found >= 0.95 * counted


def test_a_meter_with_a_gross_error_is_neither_a_phase_nor_a_switch() -> None:
    found = []
    for seed in range(8):
        case = wiring(VILLAGE, seed, snapshots=2)
        voltage, _ = meter_of(case, min(case.metered))
        finding = check_topology(case.network, with_gross_error(case.measured(), voltage, 10.0))
        found.append(finding.kind is Kind.BAD_METER and finding.sensors == (voltage,))
    assert sum(found) >= 0.9 * len(found)


def test_what_no_meter_can_see_is_no_reason_to_accuse() -> None:
    """Equal powers in all phases look the same however the meter is connected."""
    case = wiring(VILLAGE, 1, snapshots=2)
    _, power = meter_of(case, min(case.metered))
    found = []
    for snapshot in case.measured():
        data = {name: array.copy() for name, array in snapshot.sensors.items()}
        array = data["asym_power_sensor"]
        mine = array["id"] == power
        for name in ("p_measured", "q_measured"):
            array[name][mine] = array[name][mine].mean()
        found.append(replace(snapshot, sensors=data))
    judge = Judge(case.network, found, CheckSettings())
    stated = judge.judge(STATED)
    assert stated is not None
    all_seats = seats([each.readings for each in stated.snapshots])
    ranked = exchanged_phases(all_seats, stated.snapshots)
    assert (power,) not in {each.hypothesis.sensors for each in ranked}


def fed_by(case: Wiring) -> tuple[int, int, int]:
    """A metered load, its node, and the line that feeds the node alone."""
    lines = case.network.data["line"]
    for load in sorted(case.metered):
        component = case.network.components[load]
        node = int(case.network.data[component]["node"][case.network.row(component, load)])
        at = lines[
            ((lines["from_node"] == node) | (lines["to_node"] == node))
            & (lines["from_status"] == 1)
        ]
        if len(at) == 1:
            return load, node, int(at["id"][0])
    raise AssertionError("no metered customer at the end of a line")


def test_a_meter_that_reads_nothing_tells_of_a_blown_fuse() -> None:
    case = wiring(VILLAGE, 1, share=0.8)
    _, _, fuse = fed_by(case)
    true = switched(case.network, ((fuse, False),))
    snapshots = case.measured(true)
    finding = check_topology(case.network, snapshots)
    assert names(finding, Kind.WRONG_SWITCH, {fuse})
    assert {each.kind for each in finding.alternatives} == {Kind.WRONG_SWITCH}
    fuses = CheckSettings(switchable=frozenset({fuse, *ties(VILLAGE)}))
    finding = check_topology(case.network, snapshots, fuses)
    assert (finding.kind, finding.elements) == (Kind.WRONG_SWITCH, (fuse,))
    assert "fuse is blown" in finding.words[0]


def test_voltage_where_none_should_be_tells_of_a_closed_switch() -> None:
    case = wiring(VILLAGE, 1, share=0.8)
    _, _, line = fed_by(case)
    stated = switched(case.network, ((line, False),))
    finding = check_topology(stated, replace(case, network=stated).measured(case.network))
    assert finding.alternatives[0].elements == (line,)
    # a tie on the other side would feed the customer as well
    assert {each.kind for each in finding.alternatives} == {Kind.WRONG_SWITCH}


def test_an_exchange_of_phases_gains_no_more_than_its_bound() -> None:
    """The bound rules hypotheses out without an estimate, so it must never be too low."""
    case = wiring(VILLAGE, 4)
    judge = Judge(case.network, case.measured(), CheckSettings())
    stated = judge.judge(STATED)
    assert stated is not None
    ranked = exchanged_phases(seats([each.readings for each in stated.snapshots]), stated.snapshots)
    for each in ranked[::3]:
        judged = judge.judge(each.hypothesis)
        assert judged is not None
        assert stated.misfit - judged.misfit <= 1.05 * max(each.bound, 0.0) + 0.1


def test_the_stated_case_needs_a_snapshot_and_sensors() -> None:
    network = grid_with_ties(VILLAGE)
    with pytest.raises(InputError, match="one instant"):
        check_topology(network, [])
    with pytest.raises(InputError, match="not observable"):
        check_topology(network, [Measurements({})])
