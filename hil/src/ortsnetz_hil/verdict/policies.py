"""Who sets the limits in a replay."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_hil.plant.core import Plant, Step
from ortsnetz_hil.plant.devices.charge_point import LOWEST_A, POWER_FACTOR, ChargePointModel
from ortsnetz_hil.plant.devices.heat_pump import UNIT_W
from ortsnetz_hil.plant.devices.limited import FULL
from ortsnetz_hil.plant.home_devices import battery_floor_w
from ortsnetz_hil.plant.loading import line_loading, transformer_loading

HALVINGS = 10
_TAN_PHI = float(np.tan(np.arccos(POWER_FACTOR)))


class Policy(Protocol):
    """Sets limits once a second."""

    @property
    def name(self) -> str:
        """How verdicts name it."""
        ...

    def decide(self, plant: Plant, step: Step) -> None:
        """Write limits to the plant's devices after a step."""
        ...


class Unlimited:
    """No limits: every device is allowed its rating, every second."""

    name = "none"

    def decide(self, plant: Plant, step: Step) -> None:
        """Allow everything."""
        for point in plant.charge_points:
            point.write_limit(point.spec.rated_a, step.now_s)
        for inverter in plant.inverters:
            inverter.write_limit(FULL, step.now_s)
        _allow_homes(plant, step)


class Floors:
    """Everybody on the floor: 4.2 kW for consumers, nothing for inverters."""

    name = "floors"

    def decide(self, plant: Plant, step: Step) -> None:
        """Allow the floors."""
        for point in plant.charge_points:
            point.write_limit(point.spec.floor_a, step.now_s)
        for inverter in plant.inverters:
            inverter.write_limit(0, step.now_s)
        for pump in plant.heat_pumps:
            if pump.spec.commanded:
                pump.write_limit(math.ceil(pump.spec.floor_w / UNIT_W), step.now_s)
        for battery in plant.batteries:
            rated_w = battery.spec.rated_w
            if battery.spec.commanded:
                share = battery_floor_w(rated_w) / rated_w
                battery.write_limit(math.ceil(FULL * share), step.now_s)


class Uniform:
    """Uniform scaling, idealised: one factor for all charge points, one for all inverters.

    Heat pumps and batteries have no limit.

    It sees the plant's true state without error and asks the plant's own power flow for the largest
    factor that keeps loading and voltages inside their limits (bisection). Device steps, floors and
    reaction times are those of everybody else.
    """

    name = "uniform"

    def decide(self, plant: Plant, step: Step) -> None:
        """Find the factors for this second and write the limits."""
        ev, pv = self._factors(plant, step)
        for point in plant.charge_points:
            point.write_limit(ev_limit(point, ev), step.now_s)
        for inverter in plant.inverters:
            inverter.write_limit(
                _pv_limit(inverter.available_w, inverter.spec.rated_w, pv), step.now_s
            )
        _allow_homes(plant, step)

    def _factors(self, plant: Plant, step: Step) -> tuple[float, float]:
        if self._keeps(plant, step, 1.0, 1.0):
            return 1.0, 1.0
        if self._keeps(plant, step, 1.0, 0.0):  # feeding in less is enough
            return 1.0, self._largest(plant, step, ev=1.0, pv=None)
        if self._keeps(plant, step, 0.0, 1.0):  # charging less is enough
            return self._largest(plant, step, ev=None, pv=1.0), 1.0
        pv = self._largest(plant, step, ev=0.0, pv=None)
        return self._largest(plant, step, ev=None, pv=pv), pv

    def _largest(self, plant: Plant, step: Step, ev: float | None, pv: float | None) -> float:
        """Largest factor of the kind that is None, the other one given; 0 where nothing helps."""
        low, high = 0.0, 1.0
        for _ in range(HALVINGS):
            middle = (low + high) / 2.0
            tried = (middle if ev is None else ev, middle if pv is None else pv)
            if self._keeps(plant, step, *tried):
                low = middle
            else:
                high = middle
        return low

    @staticmethod
    def _keeps(plant: Plant, step: Step, ev: float, pv: float) -> bool:
        """Whether everything is inside its limit with these factors in force."""
        feed_in = np.array(
            [
                inverter.spec.rated_w
                * _pv_limit(inverter.available_w, inverter.spec.rated_w, pv)
                / FULL
                for inverter in plant.inverters
            ]
        )
        available = np.array([inverter.available_w for inverter in plant.inverters])
        imagined = plant.injections(
            step.instant, _ev_power(plant, ev), np.minimum(feed_in, available)
        )
        try:
            state = plant.flow.solve(imagined)
        except OrtsnetzError:
            return False  # what has no solution keeps nothing
        configuration = plant.configuration
        worst = max(
            line_loading(state, plant.rated).max(), transformer_loading(state, plant.rated).max()
        )
        alive = plant.low_voltage & state.energized
        u = state.u_pu[alive]
        u = u[u > 0.0]  # a dead phase has no voltage to keep
        low, high = configuration.u_pu
        inside = not u.size or (u.min() >= low and u.max() <= high)
        return bool(worst <= configuration.loading and inside)


def _allow_homes(plant: Plant, step: Step) -> None:
    """Allow heat pumps and batteries all; those that nobody commands are never written to."""
    for pump in plant.heat_pumps:
        if pump.spec.commanded:
            pump.write_limit(math.ceil(pump.spec.rated_w / UNIT_W), step.now_s)
    for battery in plant.batteries:
        if battery.spec.commanded:
            battery.write_limit(FULL, step.now_s)


def ev_limit(point: ChargePointModel, factor: float) -> int:
    """Limit of a charge point under a common factor: whole amperes, never below the floor.

    A floor beyond the request counts as the request; without a car the factor acts on the rating.
    """
    if factor >= 1.0:
        return point.spec.rated_a
    wanted = point.wanted_a or float(point.spec.rated_a)
    floor = min(float(point.spec.floor_a), wanted)
    # a car near its end asks for less than a charge point can be told
    return int(max(factor * wanted, floor, LOWEST_A))


def _pv_limit(available_w: float, rated_w: float, factor: float) -> int:
    """Limit of an inverter under a common factor on what it could feed in, in 0.1 %."""
    return FULL if factor >= 1.0 else int(FULL * factor * available_w / rated_w)


def _ev_power(plant: Plant, factor: float) -> NDArray[np.complex128]:
    """Complex power per terminal with a factor in force, shape (charge points, 3)."""
    power = np.zeros((len(plant.charge_points), 3), np.complex128)
    for i, point in enumerate(plant.charge_points):
        current = min(float(ev_limit(point, factor)), point.wanted_a)
        used = point.used_terminals
        active = current * POWER_FACTOR * plant.terminal_voltage(i)[:used]
        power[i, :used] = active * (1.0 + 1j * _TAN_PHI)
    return power
