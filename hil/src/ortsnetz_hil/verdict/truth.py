"""The truth of a run: one row a step, kept in memory by replays and in files by the real plant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ortsnetz_hil.plant.core import NOMINAL_V, Plant, Step
from ortsnetz_hil.plant.devices.heat_pump import UNIT_W as HEAT_PUMP_UNIT_W
from ortsnetz_hil.plant.devices.limited import FULL

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
        u_min, u_max: extreme phase-to-neutral voltages of LV nodes that are alive, with the nodes;
            NaN while none is.
        load_w, generation_w: uncontrolled customers, load convention (generation negative).
        ev_w, pv_w, heat_pump_w, battery_w: devices by kind, load convention (feed-in negative).
        source_w, source_var: power from the MV grid; losses_w: lines and transformers.
        balance: worst mismatch of power at a node and phase, relative to the transformer's rated
            power per phase.
        device_w, device_var: power of each device, load convention: charge points, inverters, heat
            pumps, batteries.
        limit_w: limit in force of each device, magnitude.
        request_w: what each device would draw or feed in without a limit, magnitude.
        line_loadings, transformer_loadings: of each element, in the order of the file.
        tap: tap position of each transformer.
        node_u_pu: all voltages, shape (nodes, 3); a dead node reads NaN.
        node_angle: their angles, rad, shape (nodes, 3).
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
    heat_pump_w: float
    battery_w: float
    source_w: float
    source_var: float
    losses_w: float
    balance: float
    device_w: Vector
    device_var: Vector
    limit_w: Vector
    request_w: Vector
    line_loadings: Vector
    transformer_loadings: Vector
    tap: Ids
    node_u_pu: Vector
    node_angle: Vector


class Observer:
    """Turns steps of a plant into rows of its truth."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant
        self._nodes = plant.network.ids("node")
        self._lines = plant.network.ids("line")
        self._transformers = plant.network.ids("transformer")
        self._length_s = plant.configuration.window.length_s
        configuration = plant.configuration
        own = {spec.element for spec in configuration.charge_points}
        own |= {spec.element for spec in configuration.heat_pumps}
        own |= {spec.element for spec in configuration.batteries}
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
        # a phase that a blown fuse has taken has no voltage; neither is it a low one
        low = np.where(plant.low_voltage[:, np.newaxis] & (u > 0.0), u, np.nan)
        extremes = _extremes(low)
        line, transformer = int(step.line_loading.argmax()), int(step.transformer_loading.argmax())
        load_p, gen_p = state.load_s.real, state.gen_s.real
        device_w, device_var = _powers(plant)
        by_kind = _by_kind(plant, device_w)
        source_w = state.source_s.real
        return Row(
            time_s=time_s,
            calendar_s=step.instant.day * self._length_s + step.instant.second,
            calendar_ns=step.instant.calendar_ns,
            transformer_loading=float(step.transformer_loading[transformer]),
            transformer=int(self._transformers[transformer]),
            line_loading=float(step.line_loading[line]),
            line=int(self._lines[line]),
            u_min=extremes.low,
            u_min_node=int(self._nodes[extremes.low_row]),
            u_max=extremes.high,
            u_max_node=int(self._nodes[extremes.high_row]),
            load_w=float(load_p[self._customer].sum()),
            generation_w=-float(gen_p[self._generator].sum()),
            ev_w=by_kind[0],
            pv_w=by_kind[1],
            heat_pump_w=by_kind[2],
            battery_w=by_kind[3],
            source_w=source_w,
            source_var=state.source_s.imag,
            losses_w=source_w - float(load_p.sum()) + float(gen_p.sum()),
            balance=state.balance,
            device_w=device_w,
            device_var=device_var,
            limit_w=limits_w(plant),
            request_w=requests_w(plant),
            line_loadings=step.line_loading,
            transformer_loadings=step.transformer_loading,
            tap=plant.taps.positions.copy(),
            node_u_pu=u,
            node_angle=np.angle(state.u_v),
        )


class _Extremes(NamedTuple):
    """Lowest and highest voltage with the rows of their nodes; NaN while nothing is alive."""

    low: float
    low_row: int
    high: float
    high_row: int


def _extremes(low: Vector) -> _Extremes:
    if np.isnan(low).all():
        return _Extremes(float("nan"), 0, float("nan"), 0)
    first, last = int(np.nanargmin(low)), int(np.nanargmax(low))
    return _Extremes(float(low.flat[first]), first // 3, float(low.flat[last]), last // 3)


def _powers(plant: Plant) -> tuple[Vector, Vector]:
    """Active and reactive power of each device, load convention, shape (devices,) each."""
    devices = plant.devices
    active = np.array([device.active_w for device in devices], float).reshape(-1, 3)
    reactive = np.array([device.reactive_var for device in devices], float).reshape(-1, 3)
    return active.sum(axis=1), reactive.sum(axis=1)


def _by_kind(plant: Plant, device_w: Vector) -> tuple[float, float, float, float]:
    """Sums over charge points, inverters, heat pumps and batteries."""
    sizes = (len(plant.charge_points), len(plant.inverters), len(plant.heat_pumps))
    ev, pv, heat, battery = np.split(device_w, np.cumsum(sizes))
    return float(ev.sum()), float(pv.sum()), float(heat.sum()), float(battery.sum())


def limits_w(plant: Plant) -> Vector:
    """Limit in force of each device, W, magnitude; amperes count at nominal voltage."""
    return np.array(
        [m.limit * NOMINAL_V * m.terminals for m in plant.charge_points]
        + [m.limit * m.spec.rated_w / FULL for m in plant.inverters]
        + [float(m.limit * HEAT_PUMP_UNIT_W) for m in plant.heat_pumps]
        + [m.limit * m.spec.rated_w / FULL for m in plant.batteries]
    )


def requests_w(plant: Plant) -> Vector:
    """What each device would draw or feed in without a limit, W, magnitude."""
    return np.array(
        [m.wanted_a * NOMINAL_V * m.used_terminals for m in plant.charge_points]
        + [m.available_w for m in plant.inverters]
        + [m.wanted_w for m in plant.heat_pumps]
        + [abs(m.wanted_w) for m in plant.batteries]
    )
