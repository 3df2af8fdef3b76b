"""Grids that exist, and what they are built of, are plausible: no rule cries wolf."""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from power_grid_model import CalculationType

from ortsnetz_grid.network.importing.convert import convert
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.problem import Problem, Severity
from ortsnetz_grid.network.topology import Topology
from ortsnetz_grid.network.validation import findings


def network_of(document: dict[str, Any]) -> Network:
    return Network.from_json(json.dumps(document), "grid.json")


def found_in(network: Network) -> tuple[Problem, ...]:
    return findings(network, CalculationType.power_flow, Topology.of(network))


PUBLISHED = {
    "1-LV-rural1--0-sw": {},
    "1-LV-rural2--0-sw": {},
    "1-MV-rural--0-sw": {},
    # pandapower gives all its cables 1 kA, the thinnest with 3.7 ohm/km
    "cigre-lv": {"rating": 37},
    # OpenDSS's linecodes have one rating for all; the code 35_SAC_XSC has R1 0.868, R0 0.760
    "ieee-european-lv": {"rating": 539, "zero-sequence": 3},
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_grids_have_no_error_and_only_warnings_that_are_true(
    published: Callable[[str], Network], name: str
) -> None:
    network = published(name)
    found = found_in(network)
    assert {each.severity for each in found} <= {Severity.WARNING}
    counts: dict[str, int] = {}
    for each in found:
        counts[each.rule] = counts.get(each.rule, 0) + 1
    assert counts == PUBLISHED[name]


STRANGERS = {
    "create_cigre_network_mv": set(),
    "create_kerber_dorfnetz": set(),
    "kb_extrem_landnetz_freileitung": set(),
    "create_synthetic_voltage_control_lv_network": set(),
    "mv_oberrhein": set(),
    # Baran and Wu: ratings of 100 MA, and impedances that are said to be of 1 km each
    "case33bw": {"rating", "impedance-per-length"},
}
"""Grids that no threshold was fitted to, from pandapower."""


@pytest.mark.parametrize("name", STRANGERS)
def test_grids_of_other_authors_raise_no_false_alarm(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pandapower import networks

        network = convert(getattr(networks, name)(), name, 1)
    assert {each.rule for each in found_in(network)} == STRANGERS[name]


def volts_in(name: str) -> float:
    """Voltage in the name of a type: `NA2XS2Y 1x95 RM/25 12/20 kV`, `15-AL1/3-ST1A 0.4`, `NAYY`."""
    last = name.removesuffix(" kV").rsplit(maxsplit=1)[-1].split("/")[-1]
    return 1e3 * float(last) if last.replace(".", "").isdigit() else 400.0


def of_standard_types(*, swapped: bool) -> tuple[Network, list[str]]:
    """A star with 100 m of each line type of pandapower, at its voltage; their names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pandapower

        net = pandapower.create_empty_network()
        types = pandapower.available_std_types(net, "line")
    nodes, lines, sources = [], [], []
    for number, (name, row) in enumerate(types.iterrows()):
        volts = (
            float(str(name).rsplit(maxsplit=2)[-2].split("/")[-1]) * 1e3
            if "kV" in str(name)
            else 0.0
        )
        if not volts:
            last = str(name).rsplit(maxsplit=1)[-1]
            volts = float(last) * 1e3 if last.replace(".", "").isdigit() else 400.0
        start = 4 * number
        nodes += [{"id": start, "u_rated": volts}, {"id": start + 1, "u_rated": volts}]
        r, x = 0.1 * float(row.r_ohm_per_km), 0.1 * float(row.x_ohm_per_km)
        r, x = (x, r) if swapped else (r, x)
        lines.append(
            {
                "id": start + 2,
                "name": str(name),
                "from_node": start,
                "to_node": start + 1,
                "from_status": 1,
                "to_status": 1,
                "r1": r,
                "x1": x,
                "c1": 1e-10 * float(row.c_nf_per_km),
                "tan1": 0.0,
                "r0": 3 * r,
                "x0": 3 * x,
                "c0": 1e-10 * float(row.c_nf_per_km),
                "tan0": 0.0,
                "i_n": 1e3 * float(row.max_i_ka),
                "length_km": 0.1,
            }
        )
        sources.append({"id": start + 3, "node": start, "status": 1, "u_ref": 1.0})
    data = {"node": nodes, "line": lines, "source": sources}
    document = {
        "version": "1.0",
        "type": "input",
        "is_batch": False,
        "attributes": {},
        "data": data,
    }
    return network_of(document), [line["name"] for line in lines]


def test_all_standard_types_of_cables_and_overhead_lines_are_plausible() -> None:
    network, names = of_standard_types(swapped=False)
    assert len(names) > 40
    assert found_in(network) == ()


def test_a_low_voltage_cable_with_r_and_x_swapped_never_passes() -> None:
    network, names = of_standard_types(swapped=True)
    found = found_in(network)
    named = {network.names[each.ids[0]] for each in found if each.rule == "r-x-ratio"}
    cables = {name for name in names if name.startswith("NAYY")}
    assert cables
    assert cables <= named


def test_all_standard_types_of_transformers_are_plausible(hamlet: Any) -> None:
    document = json.loads(hamlet.network.to_json())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pandapower

        types = pandapower.available_std_types(pandapower.create_empty_network(), "trafo")
    for name, row in types.iterrows():
        data = copy.deepcopy(document["data"])
        for node in data["node"]:
            high = node["id"] == data["source"][0]["node"]
            node["u_rated"] = 1e3 * float(row.vn_hv_kv if high else row.vn_lv_kv)
        sn = 1e6 * float(row.sn_mva)
        data["transformer"][0] |= {
            "u1": 1e3 * float(row.vn_hv_kv),
            "u2": 1e3 * float(row.vn_lv_kv),
            "sn": sn,
            "uk": float(row.vk_percent) / 100,
            "pk": sn * float(row.vkr_percent) / 100,
            "i0": max(float(row.i0_percent) / 100, 1e3 * float(row.pfe_kw) / sn),
            "p0": 1e3 * float(row.pfe_kw),
            "tap_size": 10 * float(row.vn_hv_kv) * float(row.tap_step_percent),
            "tap_min": int(row.tap_min),
            "tap_max": int(row.tap_max),
            "tap_pos": int(row.tap_max),
        }
        found = found_in(network_of({**document, "data": data}))
        about = [each for each in found if each.component == "transformer"]
        assert [each.sentence for each in about if each.rule != "power-total"] == [], name
