"""Our power flow against power-grid-model, on published networks that nothing was tuned to."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from power_grid_model import CalculationMethod, PowerGridModel, WindingType
from power_grid_model.errors import PowerGridError
from studies.grids import network_of

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.power_flow import Appliances, Injections, PowerFlow, Settings

AGREEMENT_PU = 1e-6
LIBRARY_TOLERANCES = (1e-10, 1e-9, 1e-8)  # links and sources without impedance end in noise
NETWORKS = (
    "1-LV-rural1--0-sw",
    "1-LV-rural2--0-sw",
    "1-LV-semiurb5--1-sw",
    "cigre-lv",
    "ieee-european-lv",
    "1-MV-rural--0-sw",
    "1-MV-rural, rings closed",
    "oberrhein-mv",
)


def with_powers(network: Network, power: np.ndarray) -> Network:
    """The network with other powers (a, 3), consumption positive, in the order of `Appliances`."""
    data, first = dict(network.data), 0
    for component, sign in (("sym_load", 1), ("asym_load", 1), ("sym_gen", -1), ("asym_gen", -1)):
        if component not in data:
            continue
        array = data[component].copy()
        part = sign * power[first : first + len(array)]
        first += len(array)
        part = part.sum(axis=1) if component.startswith("sym") else part
        array["p_specified"], array["q_specified"] = part.real, part.imag
        data[component] = array
    return replace(network, data=data)


def library_voltage(network: Network) -> np.ndarray:
    """power-grid-model's Newton, as exact as it gets on this network."""
    model = PowerGridModel(dict(network.data))
    for tolerance in LIBRARY_TOLERANCES:
        try:
            node: Any = model.calculate_power_flow(
                symmetric=False,
                calculation_method=CalculationMethod.newton_raphson,
                error_tolerance=tolerance,
                max_iterations=50,
            )["node"]
        except PowerGridError:
            continue
        return np.asarray(node["u_pu"] * np.exp(1j * node["u_angle"]))
    raise AssertionError("the library does not converge")


def drawn(network: Network) -> Injections:
    """What the loads and generators of a file draw."""
    return Appliances.of(network).injections()


def random_powers(appliances: Appliances, count: int, seed: int, *, phases: int = 3) -> np.ndarray:
    """Every phase (or all of them alike) of every appliance at a random share of its power."""
    share = np.random.default_rng(seed).uniform(0, 2, (count, len(appliances.ids), phases))
    return appliances.power * share


@pytest.mark.parametrize("name", NETWORKS)
def test_voltages_of_unbalanced_loads_equal_the_librarys(name: str) -> None:
    network = network_of(name)
    appliances = Appliances.of(network)
    # medium voltage without an earthed neutral gives a single phase no way back
    low_voltage = network.data["node"]["u_rated"].min() < 1e3
    power = random_powers(appliances, 3, 11, phases=3 if low_voltage else 1)
    flows = PowerFlow.of(network).solve(appliances.injections(power))
    assert flows.converged.all()
    assert not flows.by_library.any()
    for scenario in range(3):
        expected = library_voltage(with_powers(network, power[scenario]))
        assert np.abs(flows.voltage[scenario] - expected).max() < AGREEMENT_PU


@pytest.mark.parametrize("name", ["1-LV-rural2--0-sw", "ieee-european-lv", "cigre-lv"])
def test_numpy_gives_the_same_numbers(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_of(name)
    appliances = Appliances.of(network)
    injections = appliances.injections(random_powers(appliances, 9, 5))
    compiled = PowerFlow.of(network).solve(injections)
    monkeypatch.setenv("ORTSNETZ_KERNELS", "none")
    plain = PowerFlow.of(network).solve(injections)
    np.testing.assert_allclose(plain.voltage, compiled.voltage, rtol=0, atol=1e-10)
    np.testing.assert_array_equal(plain.iterations, compiled.iterations)
    np.testing.assert_allclose(plain.mismatch_va, compiled.mismatch_va, rtol=1e-2, atol=1e-6)


WINDINGS = {
    "D": WindingType.delta,
    "Y": WindingType.wye,
    "YN": WindingType.wye_n,
    "yn": WindingType.wye_n,
    "zn": WindingType.zigzag_n,
}
GROUPS = [("D", "yn", clock) for clock in (1, 5, 7, 11)]
GROUPS += [("Y", "zn", clock) for clock in (1, 5, 11)]
GROUPS += [("D", "zn", clock) for clock in (0, 6)]
GROUPS += [(star, "yn", clock) for star in ("Y", "YN") for clock in (0, 6)]


def station(high: str = "D", low: str = "yn", clock: int = 5, tap: int = 0) -> dict[str, Any]:
    """A station and a street of four nodes with loads of all kinds; the data of its file."""
    street = {"r1": 0.05, "x1": 0.02, "c1": 1e-7, "tan1": 0.0, "i_n": 200.0}
    street |= {"r0": 0.2, "x0": 0.07, "c0": 1e-7, "tan0": 0.0}
    ends = {"from_status": 1, "to_status": 1}
    unit = {"u1": 20e3, "u2": 400.0, "sn": 250e3, "uk": 0.04, "pk": 3e3, "i0": 0.003, "p0": 400.0}
    unit |= {"winding_from": int(WINDINGS[high]), "winding_to": int(WINDINGS[low])}
    unit |= {"clock": clock, "tap_side": 0, "tap_pos": tap, "tap_min": -2, "tap_max": 2}
    unit |= {"tap_nom": 0, "tap_size": 500.0}
    loads = [(0, [9e3, 1e3, 0.0]), (1, [0.0, 8e3, 4e3]), (2, [2e3, 5e3, 7e3]), (0, [-6e3, 0, 2e3])]
    return {
        "node": [{"id": k, "u_rated": 20e3 if k == 1 else 400.0} for k in range(1, 6)],
        "source": [{"id": 10, "node": 1, "status": 1, "u_ref": 1.02, "sk": 1e8, "rx_ratio": 0.2}],
        "transformer": [{"id": 20, "from_node": 1, "to_node": 2, **ends, **unit}],
        "line": [
            {"id": 28 + k, "from_node": k, "to_node": k + 1, **ends, **street} for k in (2, 3, 4)
        ],
        "asym_load": [
            {"id": 40 + k, "node": 2 + k, "status": 1, "type": kind, "p_specified": p,
             "q_specified": [0.2 * abs(each) for each in p]}
            for k, (kind, p) in enumerate(loads)
        ],
    }  # fmt: skip


def read(data: dict[str, Any]) -> Network:
    document = {"version": "1.0", "type": "input", "is_batch": False, "attributes": {}}
    return Network.from_json(json.dumps({**document, "data": data}), "test")


@pytest.mark.parametrize(("high", "low", "clock"), GROUPS)
@pytest.mark.parametrize("tap", [-2, 1])
def test_vector_groups_taps_and_kinds_of_load(high: str, low: str, clock: int, tap: int) -> None:
    data = station(high, low, clock, tap)
    if tap > 0:  # a transformer does not look the same from both ends
        data["node"].reverse()
    network = read(data)
    flows = PowerFlow.of(network).solve(drawn(network))
    assert flows.converged.all()
    assert np.abs(flows.voltage[0] - library_voltage(network)).max() < AGREEMENT_PU


def test_each_scenario_may_have_its_own_source_voltage() -> None:
    data = station()
    network = read(data)
    sources = np.array([[0.97], [1.05 * np.exp(0.1j)]])
    flows = PowerFlow.of(network).solve(replace(drawn(network), source_voltage=sources))
    for scenario, source in enumerate(sources[:, 0].tolist()):
        data["source"][0] |= {"u_ref": abs(source), "u_ref_angle": float(np.angle(source))}
        expected = library_voltage(read(data))
        assert np.abs(flows.voltage[scenario] - expected).max() < AGREEMENT_PU


def test_loads_between_phases_balance() -> None:
    """Three equal loads between phases are three equal loads to neutral, for every kind."""
    network = read(station())
    flow = PowerFlow.of(network)
    nodes, power = np.array([3, 4]), np.full((1, 2, 3), 5e3 + 2e3j)
    for kind in ("power", "current", "impedance"):
        star = flow.solve(Injections(nodes, **{kind: power})).voltage
        delta = flow.solve(Injections(nodes, **{f"delta_{kind}": power})).voltage
        assert np.abs(star - delta).max() < 1e-9


@pytest.mark.parametrize("compiled", [True, False])
def test_a_load_between_two_phases_draws_what_it_should(
    compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not compiled:
        monkeypatch.setenv("ORTSNETZ_KERNELS", "none")
    network = read({**station(), "asym_load": []})
    flow = PowerFlow.of(network)
    asked = np.zeros((1, 1, 3), dtype=np.complex128)
    asked[0, 0, 1] = 6e3 + 1e3j
    for kind, exponent in (("power", 0), ("current", 1), ("impedance", 2)):
        voltage = flow.solve(
            Injections(np.array([4]), **{f"delta_{kind}": asked}), Settings(tolerance=1e-12)
        ).voltage[0]
        # the last line carries the load and nothing else
        row = flow.admittance.branch_ids.tolist().index(32)
        current = -flow.admittance.branch_currents(voltage)[row, 1] * (1e6 / 3)
        across = voltage[4, 1] - voltage[4, 2]
        assert current[1] == pytest.approx(-current[2], rel=1e-6)
        assert abs(current[0]) < 1e-5
        expected = asked[0, 0, 1] * (abs(across) / np.sqrt(3)) ** exponent
        assert across * np.conj(current[1]) == pytest.approx(expected, rel=1e-6)


def two_parts(overload_w: float) -> Network:
    """Two streets that nothing joins, and a node without supply; the second may be overloaded."""
    data = station()
    node, line = data["node"], data["line"]
    node += [{"id": k, "u_rated": 400.0} for k in (6, 7, 8)]
    line.append({**line[0], "id": 33, "from_node": 6, "to_node": 7})
    data["source"].append({**data["source"][0], "id": 11, "node": 6, "u_ref": 1.0})
    data["sym_load"] = [
        {"id": 50, "node": 7, "status": 1, "type": 0, "p_specified": overload_w, "q_specified": 0.0}
    ]
    return read(data)


@pytest.mark.parametrize("compiled", [True, False])
def test_an_overloaded_part_does_not_spoil_the_other(
    compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not compiled:
        monkeypatch.setenv("ORTSNETZ_KERNELS", "none")
    network = two_parts(3e6)
    flow = PowerFlow.of(network)
    flows = flow.solve(drawn(network))
    assert not flows.converged[0]
    assert flows.part_converged[0].tolist() == [True, False]
    assert np.isnan(flows.voltage[0, 5:7]).all()
    alone = PowerFlow.of(read(station())).solve(drawn(read(station())))
    np.testing.assert_allclose(flows.voltage[0, :5], alone.voltage[0], rtol=0, atol=1e-9)
    assert flows.mismatch_va[0] < 0.1


def test_a_node_without_supply_is_at_0_and_said_not_to_be_energised() -> None:
    network = two_parts(1e3)
    flow = PowerFlow.of(network)
    flows = flow.solve(drawn(network))
    assert flows.converged.all()
    assert flow.admittance.energised.tolist() == [True] * 7 + [False]
    assert (flows.voltage[0, 7] == 0).all()


def test_close_to_collapse_newton_takes_over() -> None:
    """At 98 % of the power that the line can carry the fixed point is too slow."""
    network = two_parts(0.0)
    nodes = np.array([6])
    flow = PowerFlow.of(network)

    def loaded(power_w: float) -> Injections:
        return Injections(nodes, power=np.full((1, 1, 3), power_w / 3, dtype=np.complex128))

    # |V|^2 = 1/2 - r P ± sqrt(1/4 - r P - (x P)^2): the root ends at the largest power
    r, x = 0.05 / 0.16 / 1e6, 0.02 / 0.16 / 1e6
    largest = (-r + np.hypot(r, x)) / (2 * x**2)
    flows = flow.solve(loaded(0.98 * largest))
    assert flows.converged.all()
    assert flows.by_library.all()
    assert np.abs(flows.voltage[0, 6]).max() > 0.5
    alone = flow.solve(loaded(0.98 * largest), Settings(newton=False))
    assert not alone.converged.any()
    assert not flow.solve(loaded(1.1 * largest)).converged.any()


def test_scenarios_that_fail_do_not_disturb_their_neighbours() -> None:
    network = two_parts(0.0)
    flow = PowerFlow.of(network)
    power = np.array([1e3, 5e6, 2e3, np.nan, 3e3])[:, None, None] * np.ones((1, 3)) + 0j
    flows = flow.solve(Injections(np.array([6]), power=power), Settings(newton=False))
    assert flows.converged.tolist() == [True, False, True, False, True]
    for scenario in (0, 2, 4):
        alone = flow.solve(Injections(np.array([6]), power=power[[scenario]]))
        np.testing.assert_allclose(flows.voltage[scenario], alone.voltage[0], rtol=0, atol=1e-11)


def test_power_on_a_phase_that_is_not_there_is_refused() -> None:
    data = {**station(), "asym_load": []}
    line = {"id": 60, "from_node": 5, "to_node": 6, "from_status": 1, "to_status": 1}
    line |= {"phases": "ac", "r": [[0.1, 0.01], [0.01, 0.1]], "x": [[0.1, 0.02], [0.02, 0.1]]}
    document = {"version": "1.0", "type": "input", "is_batch": False, "attributes": {}}
    data["node"] = [*data["node"], {"id": 6, "u_rated": 400.0}]
    document["ortsnetz"] = {"elements": {"matrix_line": [{**line, "i_n": 100.0}]}}
    network = Network.from_json(json.dumps({**document, "data": data}), "test")
    flow = PowerFlow.of(network)
    power = np.array([[[1e3, 0, 2e3]]], dtype=np.complex128)
    flows = flow.solve(Injections(np.array([5]), power=power))
    assert flows.converged.all()
    assert np.isnan(flows.voltage[0, 5]).tolist() == [False, True, False]
    with pytest.raises(InputError, match="node 6: power is drawn at b"):
        flow.solve(Injections(np.array([5]), power=power[..., ::-1].copy() * [1, 0, 0] + [0, 1, 0]))


def test_powers_are_set_by_id_and_generators_consume_less_than_nothing() -> None:
    network = read({
        **station(),
        "sym_gen": [
            {"id": 70, "node": 5, "status": 1, "type": 0, "p_specified": 3e3, "q_specified": 0.0}
        ],
    })  # fmt: skip
    appliances = Appliances.of(network)
    given = np.full((2, 1, 3), 4e3 + 0j)
    power = appliances.powers_with(np.array([41], dtype=np.int32), given)
    assert (power[:, appliances.ids.tolist().index(41)] == 4e3).all()
    assert (power[:, appliances.ids.tolist().index(70)] == -1e3).all()
    with pytest.raises(InputError, match="no load or generator 20"):
        appliances.powers_with(np.array([20], dtype=np.int32), given)


def test_a_network_without_a_source_is_refused() -> None:
    data = station()
    data["source"][0]["status"] = 0
    with pytest.raises(InputError, match="no source in service"):
        PowerFlow.of(read(data))
