"""pandapower in the numerical core's benchmark: three-phase power flow, balanced estimation."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandapower as pp
from core_cases import Array, Case, input_data
from core_scenarios import one_by_one
from hil_pandapower import Pandapower
from pandapower.estimation import estimate

from ortsnetz_hil.plant.network_file import parse

NODES = 300
"""Beyond these a single solution takes seconds to minutes."""


def flow(case: Case, _threads: int) -> Callable[[], Array]:
    """runpp_3ph without numba, scenario by scenario: voltages (b, n, 3)."""
    _refuse_large(case)
    network = parse(case.network.read_text(), case.name)
    return one_by_one(case, Pandapower(network).solve)


def estimation(case: Case, _threads: int) -> Callable[[], Array]:
    """Balanced weighted least squares on totals and mean voltages: voltages (n, 1)."""
    _refuse_large(case)
    logging.disable(logging.CRITICAL)
    data = input_data(case.estimation)
    net = _balanced(data)

    def solve() -> Array:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if not estimate(net, init="flat", tolerance=1e-6, maximum_iterations=50):
                raise RuntimeError("pandapower's estimation does not converge")
        return np.asarray(net.res_bus_est[["vm_pu"]])

    return solve


def _balanced(data: dict[str, Array]) -> Any:
    """The network and its measurements, phases added up."""
    plant = Pandapower.__new__(Pandapower)
    net = pp.create_empty_network(f_hz=50.0, sn_mva=1.0)
    plant._net = net  # noqa: SLF001 (its builders for lines and transformers)
    pp.create_buses(net, len(data["node"]), vn_kv=data["node"]["u_rated"] / 1e3)
    rows = {int(node): row for row, node in enumerate(data["node"]["id"])}
    plant._rows = rows  # noqa: SLF001
    plant._sources(data["source"])  # noqa: SLF001
    plant._lines(data["line"])  # noqa: SLF001
    for transformer in data["transformer"]:
        plant._transformer(transformer)  # noqa: SLF001
    _measure(net, data, rows)
    return net


def _measure(net: Any, data: dict[str, Array], rows: dict[int, int]) -> None:
    rated = data["node"]["u_rated"]
    for sensor in data["asym_voltage_sensor"]:
        row = rows[int(sensor["measured_object"])]
        base = rated[row] / np.sqrt(3)
        mean = float(sensor["u_measured"].mean() / base)
        pp.create_measurement(net, "v", "bus", mean, float(sensor["u_sigma"] / base), row)
    power = data["asym_power_sensor"]
    injected: dict[int, list[float]] = {}
    for sensor in power:
        element = int(sensor["measured_object"])
        totals = [
            sensor["p_measured"].sum(),
            sensor["q_measured"].sum(),
            np.square(sensor["p_sigma"]).sum(),
            np.square(sensor["q_sigma"]).sum(),
        ]
        at = np.flatnonzero(data["transformer"]["id"] == element)
        if at.size:
            row = int(at[0])
            for kind, value, square in zip("pq", totals[:2], totals[2:], strict=True):
                pp.create_measurement(
                    net, kind, "trafo", value / 1e6, np.sqrt(square) / 1e6, row, side="lv"
                )
            continue
        node, sign = _place(data, element)
        said = np.array([sign * totals[0], sign * totals[1], *totals[2:]])
        injected[rows[node]] = list(np.add(injected.get(rows[node], np.zeros(4)), said))
    sources = {rows[int(node)] for node in data["source"]["node"]}
    for row in range(len(data["node"])):
        if row in sources:
            continue
        p, q, pp_square, qq_square = injected.get(row, [0.0, 0.0, 1.0, 1.0])
        pp.create_measurement(net, "p", "bus", p / 1e6, np.sqrt(pp_square) / 1e6, row)
        pp.create_measurement(net, "q", "bus", q / 1e6, np.sqrt(qq_square) / 1e6, row)


def _place(data: dict[str, Array], element: int) -> tuple[int, int]:
    """Node of a load or generator, and its sign: pandapower counts consumption positive."""
    for component, sign in (("asym_load", 1), ("asym_gen", -1)):
        if component in data:
            at = np.flatnonzero(data[component]["id"] == element)
            if at.size:
                return int(data[component]["node"][at[0]]), sign
    raise LookupError(f"no load or generator {element}")


def _refuse_large(case: Case) -> None:
    if case.nodes > NODES:
        raise SystemExit(f"not asked beyond {NODES} nodes")
