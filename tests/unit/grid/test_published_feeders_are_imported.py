"""Published feeders by name: what comes out is what pandapower's three-phase power flow says."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandapower as pp
import pytest
from click.testing import CliRunner
from pandapower.pf.runpp_3ph import runpp_3ph
from power_grid_model import PowerGridModel

from ortsnetz_common.errors import InputError
from ortsnetz_grid.commands.network import network as command
from ortsnetz_grid.network.importing.convert import convert
from ortsnetz_grid.network.importing.source import load

R0_BY_R1, X0_BY_X1 = 4.0, 3.7  # what the import assumes, and the network file says


def voltages(net: Any) -> tuple[np.ndarray, np.ndarray]:
    """Ours and pandapower's phase voltages in per unit, each of shape (buses, 3)."""
    ours = PowerGridModel(dict(convert(net, "net", None).data)).calculate_power_flow(
        symmetric=False
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        runpp_3ph(net)
    columns = [f"vm_{phase}_pu" for phase in "abc"]
    return ours["node"]["u_pu"], net.res_bus_3ph[columns].to_numpy()


def with_the_assumptions_of_the_import(net: Any) -> Any:
    """A stiff source, and transformers whose zero sequence is their short-circuit impedance."""
    net.ext_grid["s_sc_max_mva"] = 1e6
    net.trafo["mag0_percent"] = 1e8
    return net


def unbalanced_cigre(seed: int) -> Any:
    """The CIGRE feeder has balanced loads and no zero sequence: both are made up here."""
    net = load("cigre-lv")
    random = np.random.default_rng(seed)
    for _, row in list(net.load.iterrows()):
        shares = dict(zip("abc", random.dirichlet([4.0, 4.0, 4.0]), strict=True))
        power = {f"p_{phase}_mw": row.p_mw * share for phase, share in shares.items()}
        power |= {f"q_{phase}_mvar": row.q_mvar * share for phase, share in shares.items()}
        pp.create_asymmetric_load(net, int(row.bus), **power)
    net.load = net.load.iloc[:0]
    net.trafo["vector_group"] = "Dyn"
    net.trafo["vk0_percent"] = net.trafo.vk_percent
    net.trafo["vkr0_percent"] = net.trafo.vkr_percent
    net.trafo["mag0_rx"], net.trafo["si0_hv_partial"] = 0.0, 0.9
    net.line["r0_ohm_per_km"] = R0_BY_R1 * net.line.r_ohm_per_km
    net.line["x0_ohm_per_km"] = X0_BY_X1 * net.line.x_ohm_per_km
    net.line["c0_nf_per_km"] = 0.0
    net.ext_grid["r0x0_max"], net.ext_grid["x0x_max"] = 0.1, 1.0
    return with_the_assumptions_of_the_import(net)


def test_the_ieee_feeder_as_published_has_pandapowers_voltages() -> None:
    # the rest is the magnetising branch in its transformer's zero sequence, which we leave out
    ours, theirs = voltages(load("ieee-european-lv"))
    assert ours.shape == (907, 3)
    assert np.abs(ours - theirs).max() < 1e-3
    assert np.ptp(theirs, axis=1).max() > 0.05  # single-phase customers


def test_the_ieee_feeder_with_our_assumptions_is_pandapowers_to_a_hundred_thousandth() -> None:
    ours, theirs = voltages(with_the_assumptions_of_the_import(load("ieee-european-lv")))
    assert np.abs(ours - theirs).max() < 1e-5


@pytest.mark.parametrize("seed", [1, 2])
def test_the_cigre_feeder_unbalanced_has_pandapowers_voltages(seed: int) -> None:
    ours, theirs = voltages(unbalanced_cigre(seed))
    assert ours.shape == (44, 3)
    assert np.abs(ours - theirs).max() < 1e-5
    assert np.ptp(theirs, axis=1).max() > 0.05


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("ieee-european-lv", {"node": 907, "line": 905, "transformer": 1, "asym_load": 55}),
        (
            "cigre-lv",
            {"node": 44, "line": 37, "link": 3, "transformer": 3, "source": 1, "asym_load": 15},
        ),
    ],
)
def test_a_feeder_is_imported_by_its_name(
    name: str, counts: dict[str, int], tmp_path: Path
) -> None:
    out = tmp_path / "network.json"
    done = CliRunner().invoke(command, ["import", name, "-o", str(out)], catch_exceptions=False)
    assert done.exit_code == 0
    data = json.loads(out.read_text())["data"]
    assert {component: len(data[component]) for component in counts} == counts


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"ieee-european-lv or cigre-lv"):
        load("ieee-european-hv")
