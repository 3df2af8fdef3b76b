"""A plant's network as pandapower's three-phase power flow wants it."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandapower as pp
from numpy.typing import NDArray
from pandapower.pf.runpp_3ph import runpp_3ph

from ortsnetz_hil.plant.network_file import PlantNetwork
from ortsnetz_hil.plant.power_flow import Injections

TOLERANCE_MVA = 1e-8
"""pandapower's own default: mismatch of positive-sequence power at a node."""
STIFF_MVA = 1e6
NO_MAGNETISING = 1e8
"""Zero-sequence magnetising impedance, per cent: the plant's transformers have none."""
PHASES = "abc"


class Pandapower:
    """One network, solved again and again with new injections."""

    name = "pandapower runpp_3ph"

    def __init__(self, network: PlantNetwork) -> None:
        self._net: Any = pp.create_empty_network(f_hz=50.0, sn_mva=1.0)
        data = network.data
        pp.create_buses(self._net, len(data["node"]), vn_kv=data["node"]["u_rated"] / 1e3)
        self._rows = {int(node): row for row, node in enumerate(network.ids("node"))}
        self._sources(data["source"])
        self._lines(data["line"])
        for transformer in data["transformer"]:
            self._transformer(transformer)
        for load in data["asym_load"]:
            pp.create_asymmetric_load(self._net, self._rows[int(load["node"])])
        for generator in network.data.get("asym_gen", ()):
            pp.create_asymmetric_sgen(self._net, self._rows[int(generator["node"])])
        if network.array("link") is not None or network.array("shunt") is not None:
            raise SystemExit("the benchmark's networks have no links and no shunts")

    def solve(self, injections: Injections) -> NDArray[np.float64]:
        """Phase-to-neutral voltages in per unit, shape (nodes, 3)."""
        self._set(self._net.asymmetric_load, injections.load_p, injections.load_q)
        self._set(self._net.asymmetric_sgen, injections.gen_p, injections.gen_q)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            runpp_3ph(self._net, tolerance_mva=TOLERANCE_MVA, numba=False)
        columns = [f"vm_{phase}_pu" for phase in PHASES]
        return np.asarray(self._net.res_bus_3ph[columns], float)

    @staticmethod
    def _set(table: Any, p: NDArray[np.float64], q: NDArray[np.float64]) -> None:
        for place, phase in enumerate(PHASES):
            table[f"p_{phase}_mw"] = p[:, place] / 1e6
            table[f"q_{phase}_mvar"] = q[:, place] / 1e6

    def _sources(self, sources: NDArray[Any]) -> None:
        for source in sources:
            pp.create_ext_grid(
                self._net,
                self._rows[int(source["node"])],
                vm_pu=float(source["u_ref"]),
                s_sc_max_mva=STIFF_MVA,
                rx_max=0.1,
                r0x0_max=0.1,
                x0x_max=1.0,
            )

    def _lines(self, lines: NDArray[Any]) -> None:
        pp.create_lines_from_parameters(
            self._net,
            from_buses=[self._rows[int(node)] for node in lines["from_node"]],
            to_buses=[self._rows[int(node)] for node in lines["to_node"]],
            length_km=1.0,
            r_ohm_per_km=lines["r1"],
            x_ohm_per_km=lines["x1"],
            c_nf_per_km=lines["c1"] * 1e9,
            r0_ohm_per_km=lines["r0"],
            x0_ohm_per_km=lines["x0"],
            c0_nf_per_km=lines["c0"] * 1e9,
            max_i_ka=lines["i_n"] / 1e3,
            in_service=(lines["from_status"] == 1) & (lines["to_status"] == 1),
        )

    def _transformer(self, transformer: Any) -> None:
        uk = 100.0 * float(transformer["uk"])
        ur = 100.0 * float(transformer["pk"] / transformer["sn"])
        pp.create_transformer_from_parameters(
            self._net,
            hv_bus=self._rows[int(transformer["from_node"])],
            lv_bus=self._rows[int(transformer["to_node"])],
            sn_mva=float(transformer["sn"]) / 1e6,
            vn_hv_kv=float(transformer["u1"]) / 1e3,
            vn_lv_kv=float(transformer["u2"]) / 1e3,
            vk_percent=uk,
            vkr_percent=ur,
            pfe_kw=float(transformer["p0"]) / 1e3,
            i0_percent=100.0 * float(transformer["i0"]),
            shift_degree=30.0 * int(transformer["clock"]),
            vector_group="Dyn",
            vk0_percent=uk,
            vkr0_percent=ur,
            mag0_percent=NO_MAGNETISING,
            mag0_rx=0.0,
            si0_hv_partial=0.9,
        )
