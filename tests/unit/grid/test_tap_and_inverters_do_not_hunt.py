"""Tap control against the bench's tap changer and Q(U) inverters: closed loop, one step a second.

The grid is solved by power-grid-model; tap changer and inverters are the bench's models, with their
own delays. 60 kWp at the end of a cable behind a 250 kVA transformer, and an evening's load.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from power_grid_model import LoadGenType, PowerGridModel, WindingType, initialize_array

from ortsnetz_common.parameters.voltage import TapControl
from ortsnetz_grid.functions.voltage import tap_control
from ortsnetz_grid.functions.voltage.tap_control import Seen, Tap, TapState
from ortsnetz_hil.plant.devices.characteristics import VDE_AR_N_4105
from ortsnetz_hil.plant.devices.inverter import InverterModel
from ortsnetz_hil.plant.devices.limited import FULL
from ortsnetz_hil.plant.devices.specs import Inverter, TapChanger
from ortsnetz_hil.plant.devices.tap_changer import TapChangerModel

STEP_PU = 0.025
RATED_W = 60_000.0
BUSBAR, END, LOAD, TRANSFORMER = 1, 2, 5, 3
DAY_S = 1500


class Grid:
    """A transformer with taps, a cable, and what hangs at its end."""

    def __init__(self) -> None:
        node = initialize_array("input", "node", 3)
        node["id"], node["u_rated"] = [0, BUSBAR, END], [20_000.0, 400.0, 400.0]
        source = initialize_array("input", "source", 1)
        source["id"], source["node"], source["status"], source["u_ref"] = 6, 0, 1, 1.02
        line = initialize_array("input", "line", 1)
        line["id"], line["from_node"], line["to_node"] = 4, BUSBAR, END
        line["from_status"] = line["to_status"] = 1
        # 800 m NAYY 4x150: 0.206 + j 0.080 ohm/km (makers' tables)
        line["r1"], line["x1"], line["c1"], line["tan1"] = 0.1648, 0.064, 0.0, 0.0
        load = initialize_array("input", "sym_load", 1)
        load["id"], load["node"], load["status"] = LOAD, END, 1
        load["type"], load["p_specified"], load["q_specified"] = LoadGenType.const_power, 0.0, 0.0
        self._model = PowerGridModel(
            {
                "node": node,
                "source": source,
                "line": line,
                "sym_load": load,
                "transformer": _transformer(),
            }
        )

    def solve(
        self, active_w: float, reactive_var: float, position: int, mv_pu: float
    ) -> list[float]:
        """Voltages of busbar and end, pu."""
        load = initialize_array("update", "sym_load", 1)
        load["id"], load["p_specified"], load["q_specified"] = LOAD, active_w, reactive_var
        tap = initialize_array("update", "transformer", 1)
        tap["id"], tap["tap_pos"] = TRANSFORMER, position
        source = initialize_array("update", "source", 1)
        source["id"], source["u_ref"] = 6, mv_pu
        self._model.update(update_data={"sym_load": load, "transformer": tap, "source": source})
        result = self._model.calculate_power_flow(symmetric=True)
        return [float(u) for u in result["node"]["u_pu"][1:]]


def _transformer() -> np.ndarray:
    transformer = initialize_array("input", "transformer", 1)
    for name, value in {
        "id": TRANSFORMER,
        "from_node": 0,
        "to_node": BUSBAR,
        "from_status": 1,
        "to_status": 1,
        "u1": 20_000.0,
        "u2": 400.0,
        "sn": 250_000.0,
        "uk": 0.04,
        "pk": 3250.0,
        "i0": 0.0,
        "p0": 0.0,
        "winding_from": WindingType.delta,
        "winding_to": WindingType.wye_n,
        "clock": 5,
        "tap_side": 0,
        "tap_pos": 0,
        "tap_min": -4,
        "tap_max": 4,
        "tap_nom": 0,
        "tap_size": 20_000.0 * STEP_PU,
    }.items():
        transformer[name] = value
    return transformer


@dataclass
class Loop:
    """Grid, tap changer, inverter and tap control; one step is a second."""

    delay_s: float = 30.0
    controlled: bool = True
    lowest: list[float] = field(default_factory=list)
    highest: list[float] = field(default_factory=list)
    reactive: list[float] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    told: list[tuple[int, float]] = field(default_factory=list)

    def live(self, clouds: bool = False) -> Loop:
        """Live from a morning through a noon into an evening."""
        grid, rng = Grid(), np.random.default_rng(1)
        changer = TapChangerModel(
            TapChanger("tap", TRANSFORMER, 1, 1.0, 0.015, 10.0, 3.0, 40), -4, 4, 0
        )
        inverter = InverterModel(
            Inverter("pv", 1, END, 1, "sun", RATED_W, 2.0, control=VDE_AR_N_4105)
        )
        inverter.write_limit(FULL, 0.0)
        control = TapControl(delay_s=self.delay_s, operations_per_day=12)
        tap = Tap(control, STEP_PU, (0.95, 1.05), 1.0)
        state, end_pu = TapState(), 1.0
        sky = 1.0
        for now in range(DAY_S):
            if clouds and now % 20 == 0:
                sky = float(rng.uniform(0.3, 1.0))
            inverter.write_limit(FULL, now)
            inverter.advance(now, 1.0, sun(now) * sky, np.full(3, end_pu * 230.0))
            load_w = evening(now)
            active_w = load_w + float(inverter.active_w.sum())
            reactive_var = 0.2 * load_w + float(inverter.reactive_var.sum())
            busbar_pu, end_pu = grid.solve(active_w, reactive_var, changer.position, mv_pu(now))
            changer.advance(now, busbar_pu)
            seen = Seen(
                busbar_pu=busbar_pu,
                lowest_pu=min(busbar_pu, end_pu),
                highest_pu=max(busbar_pu, end_pu),
                reactive_var=float(inverter.reactive_var.sum()),
                capability_var=0.436 * RATED_W,
                position=changer.position,
                day=0,
            )
            state, setpoint = tap_control.step(tap, state, seen, float(now))
            if setpoint is not None and self.controlled:
                changer.setpoint_pu = setpoint
                self.told.append((now, setpoint))
            self.lowest.append(seen.lowest_pu)
            self.highest.append(seen.highest_pu)
            self.reactive.append(seen.reactive_var)
            self.positions.append(changer.position)
        return self

    @property
    def operations(self) -> list[tuple[int, int]]:
        """When the tap moved, and which way."""
        moves = np.diff(self.positions)
        return [(int(when) + 1, int(moves[when])) for when in np.flatnonzero(moves)]


def sun(now: int) -> float:
    """Share of the rating: up until 200 s, noon until 700 s, gone at 900 s."""
    return float(np.interp(now, [0, 200, 700, 900], [0, 1, 1, 0]))


def evening(now: int) -> float:
    """Load, W: cooking and charging from 950 s on."""
    return float(np.interp(now, [900, 1000], [3_000, 50_000]))


def mv_pu(now: int) -> float:
    """The medium-voltage network is high at noon and low in the evening."""
    return float(np.interp(now, [0, 200, 700, 1000], [1.02, 1.03, 1.03, 1.0]))


@cache
def lived(*, delay_s: float = 30.0, controlled: bool = True, clouds: bool = False) -> Loop:
    """A loop that was lived through."""
    return Loop(delay_s=delay_s, controlled=controlled).live(clouds)


def test_without_tap_control_noon_and_evening_leave_the_band() -> None:
    alone = lived(controlled=False)
    assert max(alone.highest) > 1.05
    assert min(alone.lowest) < 0.95


def test_with_it_both_are_inside_once_it_had_its_time() -> None:
    loop = lived()
    assert max(loop.highest[400:900]) < 1.05
    assert min(loop.lowest[1300:]) > 0.95


@pytest.mark.parametrize("clouds", [False, True])
@pytest.mark.parametrize("delay_s", [15.0, 30.0, 60.0])
def test_noon_lowers_evening_raises_and_nothing_goes_to_and_fro(
    delay_s: float, clouds: bool
) -> None:
    loop = lived(delay_s=delay_s, clouds=clouds)
    directions = [way for _, way in loop.operations]
    turns = sum(a != b for a, b in pairwise(directions))
    assert turns <= 1, loop.operations  # down for noon, up for the evening
    assert 2 <= len(directions) <= 6, loop.operations


def test_the_inverters_come_to_rest_after_each_operation() -> None:
    loop = lived()
    for when, _ in loop.operations:
        rest = loop.reactive[when + 40 : when + 60]
        if 200 < when < 600:  # while the sun stands still
            assert max(rest) - min(rest) < 0.02 * RATED_W


def test_no_set_point_is_told_while_the_inverters_move() -> None:
    loop = lived()
    for when, _ in loop.told:
        before = loop.reactive[max(when - 9, 0) : when + 1]
        assert max(before) - min(before) <= 0.10 * RATED_W * 0.436, when


def test_the_tap_relieves_the_inverters_at_noon() -> None:
    assert lived().reactive[690] < 0.8 * lived(controlled=False).reactive[690]
