"""The truth of a run: one row a step, kept in memory by replays and in files by the real plant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_hil.plant.core import NOMINAL_V, Plant, Step
from ortsnetz_hil.plant.devices.inverter import FULL

Vector = NDArray[np.float64]
Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Row:
    """The truth of one step.

    Attributes:
        time_s: wall seconds since the beginning of the window; negative before it.
        calendar_s: calendar seconds that were lived through up to here, windows added up.
        calendar_ns: calendar instant, UTC.
        transformer_loading, line_loading: worst loading and the element that has it.
        u_min, u_max: extreme phase-to-neutral voltages of LV nodes, with the nodes.
        load_w, generation_w: uncontrolled customers, load convention (generation negative).
        ev_w, pv_w: devices by kind, load convention (feed-in negative).
        source_w: power from the MV grid; losses_w: lines and transformer.
        device_w: power of each device, load convention, charge points before inverters.
        limit_w: limit in force of each device, magnitude.
        request_w: what each device would draw or feed in without a limit, magnitude.
        node_u_pu: all voltages, shape (nodes, 3); a dead node reads NaN.
    """

    time_s: float
    calendar_s: float
    calendar_ns: int
    transformer_loading: float
    transformer: int
    line_loading: float
    line: int
    u_min: float
    u_min_node: int
    u_max: float
    u_max_node: int
    load_w: float
    generation_w: float
    ev_w: float
    pv_w: float
    source_w: float
    losses_w: float
    device_w: Vector
    limit_w: Vector
    request_w: Vector
    node_u_pu: Vector


class Observer:
    """Turns steps of a plant into rows of its truth."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant
        self._nodes = plant.network.ids("node")
        self._lines = plant.network.ids("line")
        self._transformers = plant.network.ids("transformer")
        self._length_s = plant.configuration.window.length_s
        own = {spec.element for spec in plant.configuration.charge_points}
        self._customer = np.array([i not in own for i in plant.network.ids("asym_load")])
        own = {spec.element for spec in plant.configuration.inverters}
        self._generator = np.array([i not in own for i in plant.network.ids("asym_gen")], bool)

    def row(self, step: Step, time_s: float) -> Row:
        """The truth of a step.

        Args:
            step: what the plant's last step returned.
            time_s: wall seconds since the beginning of the window.
        """
        plant, state = self._plant, step.state
        u = np.where(state.energized[:, np.newaxis], state.u_pu, np.nan)
        low = np.where(plant.low_voltage[:, np.newaxis], u, np.nan)
        lowest, highest = int(np.nanargmin(low)) // 3, int(np.nanargmax(low)) // 3
        line, transformer = int(step.line_loading.argmax()), int(step.transformer_loading.argmax())
        load_p, gen_p = step.injections.load_p, step.injections.gen_p
        ev_w = np.array([float(m.active_w.sum()) for m in plant.charge_points])
        pv_w = -plant.pv_power()
        source_w = state.source_s.real
        return Row(
            time_s=time_s,
            calendar_s=step.instant.day * self._length_s + step.instant.second,
            calendar_ns=step.instant.calendar_ns,
            transformer_loading=float(step.transformer_loading[transformer]),
            transformer=int(self._transformers[transformer]),
            line_loading=float(step.line_loading[line]),
            line=int(self._lines[line]),
            u_min=float(np.nanmin(low)),
            u_min_node=int(self._nodes[lowest]),
            u_max=float(np.nanmax(low)),
            u_max_node=int(self._nodes[highest]),
            load_w=float(load_p[self._customer].sum()),
            generation_w=-float(gen_p[self._generator].sum()),
            ev_w=float(ev_w.sum()),
            pv_w=float(pv_w.sum()),
            source_w=source_w,
            losses_w=source_w - float(load_p.sum()) + float(gen_p.sum()),
            device_w=np.concatenate([ev_w, pv_w]),
            limit_w=limits_w(plant),
            request_w=requests_w(plant),
            node_u_pu=u,
        )


def limits_w(plant: Plant) -> Vector:
    """Limit in force of each device in W at nominal voltage, charge points before inverters."""
    return np.array(
        [m.limit * NOMINAL_V * m.terminals for m in plant.charge_points]
        + [m.limit * m.spec.rated_w / FULL for m in plant.inverters]
    )


def requests_w(plant: Plant) -> Vector:
    """What each device would draw or feed in without a limit, W, magnitude."""
    return np.array(
        [m.wanted_a * NOMINAL_V * m.terminals for m in plant.charge_points]
        + [m.available_w for m in plant.inverters]
    )
