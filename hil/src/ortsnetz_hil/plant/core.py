"""The deterministic core of the plant: one step after the other, no I/O, no clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ortsnetz_hil.plant.calendar import Instant
from ortsnetz_hil.plant.configuration import PlantConfiguration
from ortsnetz_hil.plant.customers import Customers
from ortsnetz_hil.plant.devices.battery import BatteryModel
from ortsnetz_hil.plant.devices.charge_point import ChargePointModel
from ortsnetz_hil.plant.devices.heat_pump import HeatPumpModel
from ortsnetz_hil.plant.devices.inverter import InverterModel
from ortsnetz_hil.plant.events import ClockStep, NetworkEvent, ProcessEvent
from ortsnetz_hil.plant.loading import Ratings, line_loading, ratings, transformer_loading
from ortsnetz_hil.plant.network_file import PlantNetwork
from ortsnetz_hil.plant.places import Places, Seen
from ortsnetz_hil.plant.power_flow import GridState, Injections, PowerFlow
from ortsnetz_hil.plant.profiles import DayProfiles
from ortsnetz_hil.plant.sunshine import Sunshine
from ortsnetz_hil.plant.tap_changing import TapChanging
from ortsnetz_hil.plant.weather import outdoor_c

PHASE_LETTERS = "abc"
NOMINAL_V = 230.0


class Device(Protocol):
    """What every device model has.

    Attributes:
        active_w, reactive_var: per terminal, load convention, shape (3,); unused terminals zero.
    """

    active_w: NDArray[np.float64]
    reactive_var: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Step:
    """The truth of one step.

    Attributes:
        now_s: plant time of the step, in the caller's scale.
        instant: instant of the calendar.
        injections: what loads and generators were asked to draw and feed in, power-grid-model's
            signs; `state` has what they really did at their voltage.
        state: solved three-phase state.
        line_loading, transformer_loading: in the order of the file.
        happened: events that came into force with this step.
        commanded: what was switched by command since the step before.
    """

    now_s: float
    instant: Instant
    injections: Injections
    state: GridState
    line_loading: NDArray[np.float64]
    transformer_loading: NDArray[np.float64]
    happened: tuple[NetworkEvent, ...] = ()
    commanded: tuple[NetworkEvent, ...] = ()


class Plant:
    """The grid with its customers and devices.

    Attributes:
        charge_points, inverters, heat_pumps, batteries: the devices, in the order of the
            configuration.
        taps: tap changers and their transformers.
        flow: the plant's own power flow; a policy may ask it what would happen.
        low_voltage: which nodes count for voltage limits.
    """

    def __init__(
        self, configuration: PlantConfiguration, network: PlantNetwork, profiles: DayProfiles
    ) -> None:
        self.configuration = configuration
        self.network = network
        self.charge_points = [ChargePointModel(spec) for spec in configuration.charge_points]
        self.inverters = [InverterModel(spec) for spec in configuration.inverters]
        self.heat_pumps = [HeatPumpModel(spec) for spec in configuration.heat_pumps]
        self.batteries = [BatteryModel(spec) for spec in configuration.batteries]
        self.flow = PowerFlow(network)
        self.taps = TapChanging(configuration.tap_changers, network)
        self.low_voltage = network.low_voltage()
        self._ratings = ratings(network)
        self._customers = Customers(network, profiles)
        self._sunshine = Sunshine(configuration, network, profiles, self._customers)
        self._clear: NDArray[np.float64] | None = None
        self._places = Places(configuration, network)
        self._voltage = np.full((network.data["node"].size, 3), NOMINAL_V)
        self._events = sorted(
            (e for e in configuration.events if not isinstance(e, ClockStep | ProcessEvent)),
            key=lambda event: event.at_s,
        )
        self._commanded: list[NetworkEvent] = []
        self._instant: Instant | None = None
        self._passed_s = 0.0

    @property
    def rated(self) -> Ratings:
        """Ratings of lines and transformers."""
        return self._ratings

    @property
    def devices(self) -> Sequence[Device]:
        """All devices: charge points, inverters, heat pumps, batteries."""
        return [*self.charge_points, *self.inverters, *self.heat_pumps, *self.batteries]

    def command(self, event: NetworkEvent, now_s: float) -> None:
        """Let somebody switch something between two steps; the next step shows it.

        Args:
            event: what is switched.
            now_s: plant time.

        Raises:
            InputError: the network cannot be switched so; nothing has changed.
        """
        self.flow.apply(event, now_s)
        self._commanded.append(event)

    def step(self, now_s: float, instant: Instant) -> Step:
        """Live through the time since the last step and solve.

        Args:
            now_s: plant time, any scale, rising; events are due in it.
            instant: calendar instant that belongs to it.
        """
        commanded, self._commanded = tuple(self._commanded), []
        happened = self._happen(now_s)
        seen = self._places.seen(self._voltage)
        self._live(now_s, instant, seen)
        injections = self._with_batteries(now_s, instant, seen.batteries)
        state = self.flow.solve(injections)
        self._voltage = np.abs(state.local_u_v)
        self.taps.step(now_s, instant.day, state, self.flow)
        return Step(
            now_s=now_s,
            instant=instant,
            injections=injections,
            state=state,
            line_loading=line_loading(state, self._ratings),
            transformer_loading=transformer_loading(state, self._ratings),
            happened=happened,
            commanded=commanded,
        )

    def _happen(self, now_s: float) -> tuple[NetworkEvent, ...]:
        due = []
        while self._events and self._events[0].at_s <= now_s:
            event = self._events.pop(0)
            self.flow.apply(event, now_s)
            due.append(event)
        self.flow.advance(now_s)
        return tuple(due)

    def _live(self, now_s: float, instant: Instant, seen: Seen) -> None:
        passed_s = self._passed(instant)
        self._instant = instant
        for point, volts in zip(self.charge_points, seen.charge_points, strict=True):
            point.advance(now_s, passed_s, instant, volts)
        shares, self._clear = self._sunshine.shares(now_s, instant)
        sun = zip(self.inverters, shares.tolist(), seen.inverters, strict=True)
        for inverter, share, volts in sun:
            inverter.advance(now_s, passed_s, share, volts)
        if self.heat_pumps:
            cold_c = outdoor_c(self.configuration.weather.outdoor_c, instant.calendar_ns)
            for pump, volts in zip(self.heat_pumps, seen.heat_pumps, strict=True):
                pump.advance(now_s, passed_s, cold_c, volts)
        self._passed_s = passed_s

    def _with_batteries(
        self, now_s: float, instant: Instant, voltages: list[NDArray[np.float64]]
    ) -> Injections:
        """Injections with batteries that have seen what their customers draw now."""
        if not self.batteries:
            return self.injections(instant)
        house = self._places.net_w(self.injections(instant))
        own_w = np.array([model.active_w for model in self.batteries]).sum(axis=1)
        net_w = house[[at.node for at in self._places.batteries]] - own_w
        for model, drawn_w, volts in zip(self.batteries, net_w.tolist(), voltages, strict=True):
            model.advance(now_s, self._passed_s, drawn_w, volts)
        return self.injections(instant)

    def injections(
        self,
        instant: Instant,
        ev_s: NDArray[np.complex128] | None = None,
        pv_w: NDArray[np.float64] | None = None,
    ) -> Injections:
        """Injections at an instant: the devices as they are, or as a policy imagines them.

        Args:
            instant: instant of the calendar.
            ev_s: complex power per charge point and terminal, shape (charge points, 3); None for
                what they draw now.
            pv_w: feed-in per inverter, shape (inverters,); None for what they feed in now.
        """
        load_p, load_q, gen_p, gen_q = self._customers.at(instant.second, self._clear)
        places = self._places
        ev = _power(self.charge_points) if ev_s is None else ev_s
        loads = np.concatenate([ev, _power(self.heat_pumps), _power(self.batteries)])
        places.put_loads(loads, load_p, load_q)
        pv = -_power(self.inverters)
        if pv_w is not None:
            pv = places.spread(pv_w) + 1j * pv.imag
        places.put_generators(pv, gen_p, gen_q)
        return Injections(load_p, load_q, gen_p, gen_q)

    def ev_power(self) -> NDArray[np.complex128]:
        """What charge points draw now, per terminal, shape (charge points, 3)."""
        return _power(self.charge_points)

    def pv_power(self) -> NDArray[np.float64]:
        """What inverters feed in now, shape (inverters,)."""
        return np.array([model.power_w for model in self.inverters], float)

    def terminal_voltage(self, charge_point: int) -> NDArray[np.float64]:
        """Voltage at a charge point's terminals in the last step, V, shape (terminals,)."""
        return self._places.charge_points[charge_point].seen(self._voltage)

    def _passed(self, instant: Instant) -> float:
        before = self._instant
        if before is None or before.day != instant.day:
            return 0.0  # the calendar jumped: nobody lived through the night
        return instant.second - before.second


def _power(models: Sequence[Device]) -> NDArray[np.complex128]:
    """Complex power per terminal, load convention, shape (models, 3)."""
    active = np.array([model.active_w for model in models], float).reshape(-1, 3)
    reactive = np.array([model.reactive_var for model in models], float).reshape(-1, 3)
    return active + 1j * reactive
