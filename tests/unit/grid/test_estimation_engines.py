"""The compiled kernel and the numpy form in measurement space find the same state and doubts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from power_grid_model import initialize_array
from studies.estimation_cases import Kind, make_case
from studies.grids import register

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.state_estimation import (
    Estimator,
    Measurements,
    Settings,
    StateEstimate,
    block_fit,
)
from ortsnetz_grid.functions.state_estimation.elimination import Elimination
from ortsnetz_grid.functions.state_estimation.passes import Passes
from ortsnetz_grid.functions.state_estimation.quantities import gather
from ortsnetz_grid.functions.state_estimation.reduction import Reduction
from ortsnetz_grid.functions.state_estimation.sensors import read_sensors
from ortsnetz_grid.kernels.native import library

GRIDS = (
    "1-LV-rural1--0-sw",
    "cigre-lv",
    "ieee-european-lv",
    "1-MV-rural, rings closed",
    "kerber-dorfnetz",
)


@pytest.fixture(autouse=True)
def _compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORTSNETZ_KERNELS", "required")
    assert library() is not None


def by_numpy(case: object, monkeypatch: pytest.MonkeyPatch) -> StateEstimate:
    with monkeypatch.context() as patched:
        patched.setenv("ORTSNETZ_KERNELS", "none")
        return estimated(case)


def estimated(case: object) -> StateEstimate:
    network = case.network  # type: ignore[attr-defined]
    return Estimator.of(network).estimate(Measurements.of_case(network), Settings())


@pytest.mark.parametrize("grid", GRIDS)
def test_both_engines_agree(grid: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = make_case(grid, 7, Kind())
    first, second = estimated(case), by_numpy(case, monkeypatch)
    apart = np.abs(first.u_pu - second.u_pu) / np.maximum(second.u_sigma_pu, 1e-9)
    assert apart[first.energised].max() < 0.05  # of a standard deviation
    live = first.energised
    assert first.u_sigma_pu[live] == pytest.approx(second.u_sigma_pu[live], rel=0.01, abs=1e-7)
    assert first.loading == pytest.approx(second.loading, abs=0.05 * second.loading_sigma.max())
    assert first.loading_sigma == pytest.approx(second.loading_sigma, rel=0.02, abs=1e-5)
    assert first.removed == second.removed == ()


def test_both_engines_find_the_same_wrong_meter(monkeypatch: pytest.MonkeyPatch) -> None:
    case = make_case("cigre-lv", 2)
    first, second = estimated(case), by_numpy(case, monkeypatch)
    assert [each.sensor for each in first.removed] == [each.sensor for each in second.removed]
    for one, other in zip(first.removed, second.removed, strict=True):
        assert one.normalised_residual == pytest.approx(other.normalised_residual, rel=0.01)


@pytest.mark.parametrize("kernels", ["required", "none"])
def test_without_a_voltage_before_the_transformer_its_zero_sequence_is_unseen(
    kernels: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel's variance there is a negative number of 2e7: no digit of it is left."""
    monkeypatch.setenv("ORTSNETZ_KERNELS", kernels)
    network = make_case("kerber-landnetz", 2).network
    at_source = (
        network.data["asym_voltage_sensor"]["measured_object"] == network.data["source"]["node"]
    )
    sensor = int(network.data["asym_voltage_sensor"]["id"][at_source][0])
    measurements = Measurements.of_case(network).without(frozenset({sensor}))
    with pytest.raises(InputError, match=r"determines the voltage of node 0 'Trafostation_OS'"):
        Estimator.of(network).estimate(measurements, Settings())


def settled(case: object) -> tuple[block_fit.Settled, NDArray[np.float64]]:
    """The kernel's steps alone: how they ended, and the magnitudes of all voltages."""
    network = case.network  # type: ignore[attr-defined]
    passes, kernels = Passes.of(network), library()
    assert kernels is not None
    quantities = gather(read_sensors(Measurements.of_case(network), passes.places), passes.places)
    plan = passes._plan(kernels, quantities)
    no_load = passes._driven.no_load
    found = block_fit.settle(plan, passes._measured(plan, quantities, Settings()), no_load)
    return found, np.abs(plan.whole(found.voltage, len(no_load)))


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("seed", [4, 7])
def test_steps_of_a_system_that_is_kept_end_where_those_of_new_ones_do(
    grid: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows of the injections change with the voltages; what that does is not left out."""
    case = make_case(grid, seed, Kind())
    _, found = settled(case)
    expected = by_numpy(case, monkeypatch)
    live = expected.energised
    assert found[live] == pytest.approx(expected.u_pu[live], abs=block_fit.LEFT_PU)


def test_how_all_voltages_are_turned_takes_no_new_system() -> None:
    """Loads differ from what was believed: the frozen system then turns the wrong voltages."""
    register("1-LV-semiurb5--0-sw")
    found, _ = settled(make_case("1-LV-semiurb5--0-sw", 4, Kind()))
    assert found.report.code == 0
    assert found.report.factorisations == 1
    assert found.report.steps <= 4


def test_the_order_of_nodes_lines_and_sensors_does_not_matter() -> None:
    case = make_case("kerber-dorfnetz", 3, Kind())
    rng = np.random.default_rng(5)
    data = {name: array[rng.permutation(len(array))] for name, array in case.network.data.items()}
    shuffled = replace(case, network=replace(case.network, data=data))
    first, second = estimated(case), estimated(shuffled)
    order = np.argsort(second.node_ids)[np.searchsorted(np.sort(second.node_ids), first.node_ids)]
    assert second.u_pu[order] == pytest.approx(first.u_pu, abs=1e-6)
    assert second.u_sigma_pu[order] == pytest.approx(first.u_sigma_pu, rel=1e-3)


@pytest.mark.parametrize("kernels", ["required", "none"])
def test_no_phase_is_special(kernels: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Phases renamed cyclically: the same state under the new names."""
    monkeypatch.setenv("ORTSNETZ_KERNELS", kernels)
    case = make_case("cigre-lv", 3, Kind())
    data = {name: array.copy() for name, array in case.network.data.items()}
    for component in ("asym_voltage_sensor", "asym_power_sensor"):
        for name in data[component].dtype.names or ():
            if data[component][name].ndim == 2:
                data[component][name] = np.roll(data[component][name], 1, axis=1)
    first = estimated(case)
    second = estimated(replace(case, network=replace(case.network, data=data)))
    assert np.roll(first.u_pu, 1, axis=1) == pytest.approx(second.u_pu, abs=2e-6)
    assert np.roll(first.u_sigma_pu, 1, axis=1) == pytest.approx(second.u_sigma_pu, rel=1e-3)
    assert first.loading == pytest.approx(second.loading, abs=1e-5)


def test_a_tree_is_eliminated_without_new_connections() -> None:
    rng = np.random.default_rng(1)
    parent = [int(rng.integers(node)) for node in range(1, 300)]
    near: dict[int, set[int]] = {node: set() for node in range(300)}
    for node, up in enumerate(parent, start=1):
        near[node].add(up)
        near[up].add(node)
    found = Elimination.of(near)
    assert len(found.row) == len(parent)
    assert len(found.pair) == 0
    assert sorted(found.order.tolist()) == list(range(300))


def test_every_pair_of_rows_of_a_column_is_joined() -> None:
    """A grid of meshes: what elimination joins has a block to be joined in."""
    side = 6
    near: dict[int, set[int]] = {node: set() for node in range(side * side)}
    for node in range(side * side):
        for other in (node + 1 if (node + 1) % side else -1, node + side):
            if other in near:
                near[node].add(other)
                near[other].add(node)
    found = Elimination.of(near)
    taken = 0
    for column in range(len(near)):
        rows = found.row[found.start[column] : found.start[column + 1]].tolist()
        pairs = [(a, b) for k, a in enumerate(rows) for b in rows[k + 1 :]]
        links = found.pair[taken : taken + len(pairs)].tolist()
        assert found.pair_start[column] == taken
        assert [found.links[pair] for pair in pairs] == links
        taken += len(pairs)
    assert taken == len(found.pair) > 0


def test_the_european_feeder_is_reduced_exactly() -> None:
    """Without the nodes that carry nothing, the others' voltages without load are the same."""
    case = make_case("ieee-european-lv", 7, Kind())
    passes = Passes.of(case.network)
    model = passes.places.admittance
    needed = np.zeros(len(model.node_ids), dtype=np.bool_)
    needed[::40] = needed[model.sources] = True
    reduction = Reduction.of(model, needed)
    assert len(reduction.kept) < 200
    assert len(reduction.kept) + len(reduction.taken) == len(model.node_ids)
    volts = passes._driven.no_load.copy()
    expected = volts[reduction.taken]
    found = np.einsum("tspq,tsq->tp", reduction.shares, volts[reduction.on])
    assert found == pytest.approx(expected, abs=1e-9)
    row = reduction.blocks[int(reduction.kept[0])]
    assert set(row) <= set(reduction.kept.tolist())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_loadings_beside_metered_lines_keep_their_deviations(
    town: Any, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A third of the cables is metered: informations twenty digits apart meet in one block."""
    rng = np.random.default_rng(seed)
    lines = town.network.data["line"]["id"][::3].tolist()
    voltage = town.voltage_sensors([town.mv_node, town.busbar], rng)
    measurements = town.measurements(voltage, town.power_sensors(rng, lines=lines))
    first = Estimator.of(town.network).estimate(measurements, Settings())
    with monkeypatch.context() as patched:
        patched.setenv("ORTSNETZ_KERNELS", "none")
        second = Estimator.of(town.network).estimate(measurements, Settings())
    assert first.loading_sigma == pytest.approx(second.loading_sigma, rel=1e-3)
    assert first.loading_sigma.min() > 0


def test_what_was_measured_before_has_no_part_in_a_state(
    hamlet: Any, rng: np.random.Generator
) -> None:
    nodes = hamlet.network.data["node"]["id"].tolist()
    nodes.sort(key=lambda node: node != hamlet.mv_node)
    voltage, power = hamlet.voltage_sensors(nodes, rng), hamlet.power_sensors(rng)
    few, many = (hamlet.measurements(voltage[::step], power) for step in (3, 1))
    fresh = Estimator.of(hamlet.network).estimate(few, Settings())
    used = Estimator.of(hamlet.network)
    used.estimate(many, Settings())
    assert (used.estimate(few, Settings()).u_pu == fresh.u_pu).all()


def test_an_ammeter_that_reads_nothing_stops_nothing(hamlet: Any, rng: np.random.Generator) -> None:
    sensors = dict(
        hamlet.measurements(
            hamlet.voltage_sensors([hamlet.mv_node, hamlet.busbar], rng), hamlet.power_sensors(rng)
        ).sensors
    )
    current = initialize_array("input", "asym_current_sensor", 1)
    current["id"], current["measured_object"] = 40_000, hamlet.network.data["line"]["id"][0]
    current["measured_terminal_type"], current["angle_measurement_type"] = 0, 0
    current["i_sigma"], current["i_angle_sigma"] = 30.0, 0.1
    current["i_measured"] = current["i_angle_measured"] = 0.0
    sensors["asym_current_sensor"] = current
    state = Estimator.of(hamlet.network).estimate(Measurements(sensors), Settings())
    assert np.isfinite(state.loading).all()


def test_two_threads_may_share_an_estimator(hamlet: Any, rng: np.random.Generator) -> None:
    nodes = hamlet.network.data["node"]["id"].tolist()
    cases = [
        hamlet.measurements(hamlet.voltage_sensors(nodes, rng), hamlet.power_sensors(rng))
        for _ in range(8)
    ]
    estimator = Estimator.of(hamlet.network)
    alone = [estimator.estimate(each, Settings()).u_pu for each in cases]
    with ThreadPoolExecutor(4) as pool:
        together = pool.map(lambda each: estimator.estimate(each, Settings()).u_pu, cases * 10)
        for place, found in enumerate(together):
            assert (found == alone[place % len(cases)]).all()
