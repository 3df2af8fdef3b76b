"""Import: the file computes what pandapower computes, says what it assumes, and drops nothing."""

from __future__ import annotations

import copy
import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandapower as pp
import pytest
from click.testing import CliRunner
from power_grid_model import CalculationType, PowerGridModel

from ortsnetz_common.errors import InputError, MissingExtraError
from ortsnetz_grid.commands.network import network as command
from ortsnetz_grid.network.importing.convert import convert
from ortsnetz_grid.network.importing.source import load
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.validation import problems


def power_flow(network: Network) -> dict[str, Any]:
    return PowerGridModel(dict(network.data)).calculate_power_flow(symmetric=False)


def pandapower_voltages(net: Any) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pp.runpp(
            net, trafo_model="pi", calculate_voltage_angles=True, tolerance_mva=1e-9, numba=False
        )
    return net.res_bus.vm_pu.to_numpy() * np.exp(1j * np.radians(net.res_bus.va_degree.to_numpy()))


def difference(net: Any) -> float:
    """Largest difference of any phase's phasor between our balanced import and pandapower."""
    network = convert(net, "net", None)
    assert problems(network, CalculationType.power_flow) == ()
    node = power_flow(network)["node"]
    ours = node["u_pu"] * np.exp(1j * node["u_angle"])
    turned = ours * np.exp(np.array([0, 2, -2]) * 1j * np.pi / 3)
    theirs = pandapower_voltages(net)
    live = ~np.isnan(theirs)
    return float(np.abs(turned[live] - theirs[live, None]).max())


def workshop() -> Any:
    """Everything at once: taps, parallel systems, derating, switches, a shunt, ZIP loads."""
    net = pp.create_empty_network()
    mv, busbar, far, side, island, section = (
        pp.create_bus(net, volts, name=name)
        for volts, name in (
            (10.0, "MV"),
            (0.4, "busbar"),
            (0.4, "far"),
            (0.4, "side"),
            (0.4, "island"),
            (0.4, "section"),
        )
    )
    pp.create_ext_grid(net, mv, vm_pu=1.01, va_degree=12.0)
    pp.create_transformer_from_parameters(
        net, mv, busbar, 0.4, 10.25, 0.41, vkr_percent=1.2, vk_percent=4.5, pfe_kw=0.9,
        i0_percent=0.4, shift_degree=150, tap_side="hv", tap_neutral=0, tap_min=-2, tap_max=2,
        tap_step_percent=2.5, tap_pos=-1, tap_changer_type="Ratio", parallel=2, df=0.8,
    )  # fmt: skip
    for start, end, parallel in ((busbar, far, 2), (section, side, 1), (far, island, 1)):
        pp.create_line_from_parameters(
            net, start, end, length_km=0.35, r_ohm_per_km=0.2, x_ohm_per_km=0.08,
            c_nf_per_km=800.0, g_us_per_km=2.0, max_i_ka=0.27, parallel=parallel, df=0.9,
        )  # fmt: skip
    pp.create_switch(net, busbar, section, "b", closed=True)
    pp.create_switch(net, side, far, "b", closed=False)
    pp.create_switch(net, island, 2, "l", closed=False)
    pp.create_load(net, far, 0.030, 0.010, name="bakery", scaling=1.2)
    # each kind at a bus of its own: pandapower takes the mean dependence of a bus for all of it
    pp.create_load(net, side, 0.010, 0.002, const_z_p_percent=100.0, const_z_q_percent=100.0)
    pp.create_load(net, section, 0.005, 0.001, const_i_p_percent=100.0, const_i_q_percent=100.0)
    pp.create_load(net, far, 0.050, 0.0, in_service=False)
    pp.create_sgen(net, far, 0.012, -0.002, type="PV", sn_mva=0.013)
    pp.create_storage(net, far, p_mw=-0.004, max_e_mwh=0.01)
    pp.create_shunt(net, far, q_mvar=-0.004, p_mw=0.0005)
    return net


def test_the_balanced_import_of_simbench_equals_pandapower(simbench_town: Any) -> None:
    assert difference(simbench_town) < 1e-6


def test_taps_parallel_systems_switches_shunts_and_zip_loads_equal_pandapower() -> None:
    assert difference(workshop()) < 1e-6


def test_a_negative_tap_step_at_the_low_voltage_side_equals_pandapower() -> None:
    net = workshop()
    net.trafo["tap_side"] = "lv"
    net.trafo["tap_step_percent"] = -2.0
    net.trafo["tap_pos"] = 2
    assert difference(net) < 1e-6


def test_capacitances_of_a_sixty_hertz_network_are_those_at_its_frequency() -> None:
    net = workshop()
    net.f_hz = 60.0
    net.line["c_nf_per_km"] = 80_000.0
    assert difference(net) < 1e-6


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_unbalanced_power_flow_converges(simbench_town: Any, seed: int) -> None:
    node = power_flow(convert(simbench_town, "rural2", seed))["node"]
    assert 0.9 < node["u_pu"].min() < node["u_pu"].max() < 1.1


def test_the_seed_alone_decides_the_phases(simbench_town: Any) -> None:
    first, again, other = (convert(simbench_town, "x", seed).to_json() for seed in (1, 1, 2))
    assert first == again != other


def test_small_loads_may_be_single_phase_and_large_ones_are_not(simbench_town: Any) -> None:
    loads = convert(simbench_town, "x", 7).data["asym_load"]
    apparent = np.hypot(loads["p_specified"].sum(axis=1), loads["q_specified"].sum(axis=1))
    used = (loads["p_specified"] != 0).sum(axis=1)
    assert set(used[apparent >= 5000]) == {3}
    assert set(used[apparent < 5000]) == {1, 3}


def test_small_inverters_are_single_phase(simbench_town: Any) -> None:
    net = copy.deepcopy(simbench_town)
    net.sgen.loc[:3, ["p_mw", "sn_mva"]] = 0.0046
    used = (convert(net, "x", 1).data["asym_gen"]["p_specified"] != 0).sum(axis=1)
    assert used.tolist()[:4] == [1, 1, 1, 1]
    assert set(used.tolist()[4:]) == {3}


def test_phases_add_up_to_the_load_of_the_origin(simbench_town: Any) -> None:
    loads = convert(simbench_town, "x", 3).data["asym_load"]
    assert loads["p_specified"].sum(axis=1) == pytest.approx(simbench_town.load.p_mw * 1e6)


def test_the_file_carries_names_places_profiles_and_energies(simbench_town: Any) -> None:
    document = convert(simbench_town, "rural2", 1).document
    node, load_ = document["data"]["node"][0], document["data"]["asym_load"][0]
    assert node["name"] == "LV2.101 Bus 23"
    assert (node["x"], node["y"]) == (11.414, 53.6434)
    assert load_["profile"] == "H0-C"
    hours = simbench_town.profiles["load"]["H0-C_pload"].sum() * 0.25
    assert load_["annual_kwh"] == pytest.approx(simbench_town.load.p_mw[0] * 1e3 * hours, rel=1e-5)
    assert document["data"]["asym_gen"][0]["kwp"] == pytest.approx(22.6)


def test_the_file_says_what_it_assumes(simbench_town: Any) -> None:
    header = convert(simbench_town, "1-LV-rural2--0-sw", 5).document["ortsnetz"]
    assert header["format"] == "ortsnetz.network/1"
    assert header["source"] == "1-LV-rural2--0-sw"
    assert header["seed"] == 5
    text = " | ".join(header["assumptions"])
    for words in ("r0 = 4 r1, x0 = 3.7 x1, c0 = c1", "Dyn5", "seed 5", "neutral", "stiff"):
        assert words in text


def test_zero_sequence_data_of_the_origin_win_over_the_assumption() -> None:
    net = workshop()
    net.line["r0_ohm_per_km"], net.line["x0_ohm_per_km"], net.line["c0_nf_per_km"] = 0.7, 0.3, 400.0
    line = convert(net, "x", 1).data["line"]
    assert line["r0"][1] == pytest.approx(0.7 * 0.35)
    assert line["c0"][1] == pytest.approx(400e-9 * 0.35)


def put(net: Any, table: str, column: str, value: Any) -> None:
    net[table][column] = value


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda net: pp.create_gen(net, 2, 0.01, name="CHP"), "gen 0 'CHP'"),
        (lambda net: pp.create_impedance(net, 1, 2, 0.1, 0.1, 1.0), "impedance 0"),
        (lambda net: pp.create_switch(net, 1, 3, "b", z_ohm=0.1), "switch 3"),
        (lambda net: put(net, "trafo", "shift_degree", 145.0), "trafo 0: shift_degree 145"),
        (lambda net: put(net, "trafo", "tap_pos", 5), "trafo 0: tap_pos 5"),
        (lambda net: put(net, "trafo", "tap_changer_type", "Ideal"), "trafo 0: a phase-shifting"),
        (lambda net: put(net, "load", "const_i_p_percent", 30.0), "load 0 'bakery': a mixture"),
        (lambda net: put(net, "line", "length_km", 0.0), "line 0: length_km"),
        (lambda net: put(net, "line", "r_ohm_per_km", np.nan), "line 0: r_ohm_per_km"),
        (lambda net: put(net, "load", "bus", 77), "load 0 'bakery': bus 77"),
    ],
)
def test_what_the_model_does_not_cover_is_refused_by_table_and_row(spoil: Any, words: str) -> None:
    net = workshop()
    spoil(net)
    with pytest.raises(InputError) as error:
        convert(net, "net.json", 1)
    assert words in str(error.value)
    assert str(error.value).startswith("net.json: ")


def test_what_is_out_of_service_and_not_covered_is_left_out_aloud() -> None:
    net = workshop()
    pp.create_gen(net, 2, 0.01, in_service=False)
    assumptions = convert(net, "x", 1).document["ortsnetz"]["assumptions"]
    assert "left out, because out of service: gen 0" in assumptions


def test_a_line_without_rating_is_named_in_the_file() -> None:
    net = workshop()
    net.line.loc[1, "max_i_ka"] = np.nan
    network = convert(net, "x", 1)
    assert np.isnan(network.data["line"]["i_n"][1])
    assert "without a rating: line 1" in network.document["ortsnetz"]["assumptions"]


def test_the_command_writes_a_file_that_can_be_read_again(tmp_path: Path) -> None:
    source, target = tmp_path / "net.json", tmp_path / "network.json"
    pp.to_json(workshop(), str(source))
    result = CliRunner().invoke(
        command, ["import", str(source), "-o", str(target), "--seed", "4"], catch_exceptions=False
    )
    assert result.exit_code == 0
    network = Network.from_json(target.read_text(), str(target))
    assert network.document["ortsnetz"]["seed"] == 4
    assert network.document["ortsnetz"]["source"] == "net.json"
    assert len(network.data["asym_load"]) == 5
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("name", "contents", "words"),
    [
        ("missing.json", None, "no such file"),
        ("empty.json", "", "not a pandapower file"),
        ("list.json", "[1, 2]", "not a pandapower"),
        ("other.json", json.dumps({"nodes": []}), "not a pandapower"),
        ("1-LV-moon--0-sw", None, "neither a file nor a SimBench code"),
    ],
)
def test_a_source_that_is_none_is_refused(
    tmp_path: Path, name: str, contents: str | None, words: str
) -> None:
    path = tmp_path / name if name.endswith(".json") else Path(name)
    if contents is not None:
        path.write_text(contents)
    with pytest.raises(InputError, match=words):
        load(str(path))


def test_without_the_extra_the_command_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "simbench", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'ortsnetz-grid\[import\]'"):
        load("1-LV-rural1--0-sw")
