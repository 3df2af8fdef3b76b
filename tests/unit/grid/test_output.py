"""power-grid-model's own output, put together from voltages alone."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from power_grid_model import PowerGridModel

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.admittance import Admittance
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.output import asym_output

APPLIANCES = ("sym_load", "asym_load", "sym_gen", "asym_gen", "source")


def _line(element: int, one: int, other: int, *status: int) -> dict[str, Any]:
    return {
        "id": element,
        **dict(zip(("from_node", "to_node"), (one, other), strict=True)),
        **dict(zip(("from_status", "to_status"), status or (1, 1), strict=True)),
        "r1": 0.05,
        "x1": 0.02,
        "c1": 2e-6,
        "tan1": 0.01,
        "r0": 0.2,
        "x0": 0.07,
        "c0": 1e-6,
        "tan0": 0.01,
        "i_n": 200.0,
    }


def _at(element: int, node: int, status: int = 1, **values: Any) -> dict[str, Any]:
    return {"id": element, "node": node, "status": status, **values}


def _power(kind: int, p: Any, q: Any) -> dict[str, Any]:
    return {"type": kind, "p_specified": p, "q_specified": q}


SHUNT = {"g1": 0.01, "b1": 0.02, "g0": 0.005, "b0": 0.01}
WHOLE = {"from_status": 1, "to_status": 1}
EVERYTHING: dict[str, list[dict[str, Any]]] = {
    "node": [{"id": 1, "u_rated": 20e3}, *({"id": k, "u_rated": 400.0} for k in range(2, 8))],
    "source": [
        _at(10, 1, u_ref=1.02, sk=1e8, rx_ratio=0.2, z01_ratio=2.0),
        _at(11, 3, 0, u_ref=1.0),
    ],
    "transformer": [
        {
            "id": 20,
            "from_node": 1,
            "to_node": 2,
            **WHOLE,
            "u1": 20e3,
            "u2": 400.0,
            "sn": 250e3,
            "uk": 0.04,
            "pk": 3e3,
            "i0": 0.003,
            "p0": 400.0,
            "winding_from": 2,
            "winding_to": 1,
            "clock": 5,
            "tap_side": 0,
            "tap_pos": 1,
            "tap_min": -2,
            "tap_max": 2,
            "tap_nom": 0,
            "tap_size": 500.0,
        }
    ],
    "line": [
        *(_line(30, 2, 3), _line(31, 3, 4, 1, 0), _line(32, 6, 7)),
        *(_line(35, 3, 6, 0, 1), _line(36, 2, 6, 0, 0)),
    ],
    "link": [{"id": 33, "from_node": 3, "to_node": 5, **WHOLE}],
    "asym_line": [
        {
            "id": 34,
            "from_node": 5,
            "to_node": 4,
            **WHOLE,
            "r_aa": 0.06,
            "r_ba": 0.01,
            "r_bb": 0.07,
            "r_ca": 0.012,
            "r_cb": 0.011,
            "r_cc": 0.065,
            "x_aa": 0.05,
            "x_ba": 0.02,
            "x_bb": 0.05,
            "x_ca": 0.021,
            "x_cb": 0.022,
            "x_cc": 0.055,
            "c0": 1e-7,
            "c1": 2e-7,
            "i_n": 150.0,
        }
    ],
    "shunt": [_at(40, 4, **SHUNT), _at(41, 6, **SHUNT), _at(42, 3, 0, **SHUNT)],
    "sym_load": [
        _at(50, 4, **_power(0, 9e3, 2e3)),
        _at(51, 5, **_power(2, 6e3, 1e3)),
        _at(52, 6, **_power(0, 9e3, 2e3)),
    ],
    "asym_load": [
        _at(53, 4, **_power(1, [9e3, 1e3, 0.0], [2e3, 0.0, 0.0])),
        _at(54, 5, 0, **_power(0, [9e3, 1e3, 0.0], [2e3, 0.0, 0.0])),
    ],
    "sym_gen": [_at(55, 4, **_power(0, 5e3, -1e3))],
    "asym_gen": [_at(56, 3, **_power(0, [5e3, 0.0, 20e3], [0.0, 0.0, 1e3]))],
}


@pytest.fixture(scope="module")
def network() -> Network:
    """Every component that the model covers, connected, open at one end, switched off and dead."""
    document = {"version": "1.0", "type": "input", "is_batch": False, "attributes": {}}
    return Network.from_json(json.dumps({**document, "data": EVERYTHING}), "everything")


@pytest.fixture(scope="module")
def solved(network: Network) -> dict[str, np.ndarray]:
    flow = PowerGridModel(dict(network.data)).calculate_power_flow(
        symmetric=False, error_tolerance=1e-7
    )
    return {str(getattr(key, "value", key)): value for key, value in flow.items()}


def _voltage(solved: dict[str, np.ndarray]) -> np.ndarray:
    return np.asarray(solved["node"]["u_pu"] * np.exp(1j * solved["node"]["u_angle"]))


def _powers(solved: dict[str, np.ndarray], components: tuple[str, ...]) -> dict[str, np.ndarray]:
    return {name: solved[name]["p"] + 1j * solved[name]["q"] for name in components}


@pytest.mark.parametrize("with_sources", [True, False])
def test_every_number_equals_the_librarys(
    network: Network, solved: dict[str, np.ndarray], with_sources: bool
) -> None:
    powers = _powers(solved, APPLIANCES if with_sources else APPLIANCES[:-1])
    found = asym_output(network, Admittance.of(network), _voltage(solved), powers)
    assert set(found) == set(solved)
    for component, expected in solved.items():
        for name in expected.dtype.names:
            # over a link, 1e-15 of a voltage is a hundredth of a VA: the library's own noise
            slack = 0.1 if name.startswith(("p", "q", "s")) else 1e-3 if name[0] == "i" else 1e-9
            np.testing.assert_allclose(
                found[component][name],
                expected[name],
                rtol=1e-9,
                atol=1e-5 if name == "pf" else slack,
                err_msg=f"{component} {name}",
            )


def test_a_voltage_that_is_not_known_makes_no_number(
    network: Network, solved: dict[str, np.ndarray]
) -> None:
    voltage = _voltage(solved)
    voltage[3] = np.nan
    powers = _powers(solved, APPLIANCES)
    found = asym_output(network, Admittance.of(network), voltage, powers)
    assert np.isnan(found["node"]["u_pu"][3]).all()
    assert np.isnan(found["node"]["p"][3]).all()
    assert np.isnan(found["asym_line"]["p_to"]).all()
    assert np.isnan(found["asym_line"]["loading"]).all()
    assert np.isfinite(found["line"]["loading"]).all()


def test_appliances_without_powers_are_named(
    network: Network, solved: dict[str, np.ndarray]
) -> None:
    with pytest.raises(InputError, match="sym_load 50"):
        asym_output(network, Admittance.of(network), _voltage(solved), {})
