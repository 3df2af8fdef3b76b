"""Voltage-dependent customers: the polynomial, OpenDSS's own ZIP model, and who is left alone."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import dss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ortsnetz_common.errors import InputError
from ortsnetz_hil.plant import network_file
from ortsnetz_hil.plant.events import SourceVoltage
from ortsnetz_hil.plant.power_flow import Injections, PowerFlow
from ortsnetz_hil.plant.voltage_dependence import PART_OF, parts, with_voltage_dependence

PHASE_W, PHASE_VAR = 1000.0, 400.0
PHASE_KV = 0.4 / 3**0.5


def document() -> dict[str, Any]:
    """A customer, a device and a storage behind a transformer that is nearly an ideal one."""
    transformer = {
        "id": 3, "from_node": 0, "to_node": 1, "from_status": 1, "to_status": 1, "u1": 20e3,
        "u2": 400.0, "sn": 1e9, "uk": 0.01, "pk": 1e5, "i0": 0.0, "p0": 0.0, "winding_from": 2,
        "winding_to": 1, "clock": 5, "tap_side": 0, "tap_pos": 0, "tap_min": 0, "tap_max": 0,
        "tap_nom": 0, "tap_size": 0.0,
    }  # fmt: skip
    line = {
        "id": 4, "from_node": 1, "to_node": 2, "from_status": 1, "to_status": 1, "r1": 1e-5,
        "x1": 1e-5, "c1": 0.0, "tan1": 0.0, "r0": 1e-5, "x0": 1e-5, "c0": 0.0, "tan0": 0.0,
        "i_n": 100.0,
    }  # fmt: skip
    load = {
        "node": 2, "status": 1, "type": 0, "p_specified": [PHASE_W] * 3,
        "q_specified": [PHASE_VAR] * 3,
    }  # fmt: skip
    return {
        "version": "1.0", "type": "input", "is_batch": False, "attributes": {},
        "data": {
            "node": [{"id": n, "u_rated": 20e3 if n == 0 else 400.0} for n in range(3)],
            "line": [line],
            "transformer": [transformer],
            "source": [{"id": 5, "node": 0, "status": 1, "u_ref": 1.0, "sk": 1e15}],
            "asym_load": [
                {**load, "id": 10, "name": "bakery", "profile": "G0", "annual_kwh": 900.0},
                {**load, "id": 11, "name": "ev-01", "ortsnetz_device": True},
                {**load, "id": 12, "name": "battery", "kind": "storage"},
                {**load, "id": 13, "name": "lamp", "type": 2},
            ],
        },
    }  # fmt: skip


def consumed(zip_shares: tuple[float, float, float], u_pu: float) -> complex:
    """What phase a of the bakery draws at a voltage, all its parts together."""
    network = network_file.parse(
        json.dumps(with_voltage_dependence(document(), *zip_shares)), "test"
    )
    loads, none = network.data["asym_load"], np.empty((0, 3))
    flow = PowerFlow(network)
    flow.apply(SourceVoltage(0.0, u_pu), 0.0)
    state = flow.solve(Injections(loads["p_specified"], loads["q_specified"], none, none))
    assert state.u_pu[2] == pytest.approx(u_pu, abs=1e-4)
    rows = np.isin(network.ids("asym_load"), parts(network)[10])
    return complex(state.load_s[rows, 0].sum())


def consumed_in_opendss(zip_shares: tuple[float, float, float], u_pu: float) -> complex:
    """The same from a single-phase load of OpenDSS's model 8 at a source."""
    engine = dss.DSS.NewContext()
    z, i, p = zip_shares
    engine.Text.Commands(
        [
            "clear",
            f"new circuit.one phases=1 bus1=a basekv={PHASE_KV} pu={u_pu} r1=0 x1=1e-6",
            f"new load.bakery phases=1 bus1=a kv={PHASE_KV} kw={PHASE_W / 1e3}",
            f"load.bakery.kvar={PHASE_VAR / 1e3} model=8 zipv=({z} {i} {p} {z} {i} {p} 0.0)",
            "load.bakery.vminpu=0.75 vmaxpu=1.2",
            "set tolerance=1e-9",
            "solve",
        ]
    )  # fmt: skip
    engine.ActiveCircuit.SetActiveElement("load.bakery")
    watts, vars_ = engine.ActiveCircuit.ActiveCktElement.Powers[:2]
    return complex(watts, vars_) * 1e3


@given(
    parts_=st.lists(st.integers(0, 10), min_size=3, max_size=3).filter(any),
    u_pu=st.floats(0.78, 1.18),
)
@settings(max_examples=40, deadline=None)
def test_a_customer_draws_z_u_squared_plus_i_u_plus_p(parts_: list[int], u_pu: float) -> None:
    z, i, p = (part / sum(parts_) for part in parts_)
    expected = (PHASE_W + 1j * PHASE_VAR) * (z * u_pu**2 + i * u_pu + p)
    assert consumed((z, i, p), u_pu) == pytest.approx(expected, rel=2e-4)


@pytest.mark.parametrize("zip_shares", [(0.5, 0.3, 0.2), (1.0, 0.0, 0.0), (0.0, 0.6, 0.4)])
@pytest.mark.parametrize("u_pu", [0.85, 0.95, 1.0, 1.08])
def test_a_customer_draws_what_opendss_says_of_its_zip_model(
    zip_shares: tuple[float, float, float], u_pu: float
) -> None:
    ours, theirs = consumed(zip_shares, u_pu), consumed_in_opendss(zip_shares, u_pu)
    assert ours == pytest.approx(theirs, rel=2e-4)


def test_devices_storage_and_loads_with_a_dependence_of_their_own_stay_as_they_are() -> None:
    before = document()
    after = with_voltage_dependence(before, 0.4, 0.4, 0.2)
    assert after["data"]["asym_load"][1:4] == before["data"]["asym_load"][1:4]
    assert before == document()  # the argument was not changed


def test_parts_lie_at_the_same_node_with_new_ids_and_the_customers_profile() -> None:
    loads = with_voltage_dependence(document(), 0.5, 0.25, 0.25)["data"]["asym_load"]
    first, further = loads[0], loads[4:]
    assert (first["id"], first["type"], first["p_specified"]) == (10, 0, [250.0] * 3)
    assert [(part["id"], part["type"], part[PART_OF]) for part in further] == [
        (14, 1, 10),
        (15, 2, 10),
    ]
    assert {part["profile"] for part in further} == {"G0"}
    assert {part["node"] for part in further} == {2}
    for name in ("p_specified", "q_specified"):
        assert sum(part[name][1] for part in [first, *further]) == pytest.approx(
            document()["data"]["asym_load"][0][name][1]
        )
    assert sum(part["annual_kwh"] for part in [first, *further]) == pytest.approx(900.0)


def test_a_pure_dependence_needs_no_further_parts() -> None:
    loads = with_voltage_dependence(document(), 1.0, 0.0, 0.0)["data"]["asym_load"]
    assert len(loads) == 4
    assert loads[0]["type"] == 1


def test_parts_of_each_load_are_known_by_the_id_of_the_load() -> None:
    network = network_file.parse(
        json.dumps(with_voltage_dependence(document(), 0.5, 0.25, 0.25)), "test"
    )
    assert parts(network) == {10: (10, 14, 15), 11: (11,), 12: (12,), 13: (13,)}


def test_a_network_is_not_split_twice() -> None:
    once = with_voltage_dependence(document(), 0.5, 0.25, 0.25)
    assert with_voltage_dependence(copy.deepcopy(once), 0.2, 0.2, 0.6) == once


@pytest.mark.parametrize("shares", [(0.5, 0.5, 0.5), (-0.2, 0.6, 0.6), (0.0, 0.0, 0.0)])
def test_shares_that_are_none_are_refused(shares: tuple[float, float, float]) -> None:
    with pytest.raises(InputError, match="shares from 0 to 1 that add up to 1"):
        with_voltage_dependence(document(), *shares)


def test_every_customer_of_the_default_network_is_split(default_network: Path) -> None:
    before = json.loads(default_network.read_text())
    network = network_file.parse(json.dumps(with_voltage_dependence(before, 0.4, 0.3, 0.3)), "x")
    found = parts(network)
    assert set(found) == {load["id"] for load in before["data"]["asym_load"]}
    assert {len(ids) for ids in found.values()} == {3}
