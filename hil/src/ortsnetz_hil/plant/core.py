"""The deterministic core of the plant: one step after the other, no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_hil.plant.calendar import Instant
from ortsnetz_hil.plant.configuration import PlantConfiguration
from ortsnetz_hil.plant.customers import Customers
from ortsnetz_hil.plant.devices.charge_point import ChargePointModel
from ortsnetz_hil.plant.devices.inverter import InverterModel
from ortsnetz_hil.plant.loading import Ratings, line_loading, ratings, transformer_loading
from ortsnetz_hil.plant.network_file import PlantNetwork
from ortsnetz_hil.plant.power_flow import GridState, Injections, PowerFlow
from ortsnetz_hil.plant.profiles import DayProfiles, interpolate

PHASE_LETTERS = "abc"
NOMINAL_V = 230.0


@dataclass(frozen=True, slots=True)
class Step:
    """The truth of one step.

    Attributes:
        now_s: wall time of the step, in the caller's scale.
        instant: instant of the calendar.
        injections: what loads and generators draw and feed in, power-grid-model's signs.
        state: solved three-phase state.
        line_loading, transformer_loading: in the order of the file.
    """

    now_s: float
    instant: Instant
    injections: Injections
    state: GridState
    line_loading: NDArray[np.float64]
    transformer_loading: NDArray[np.float64]


class Plant:
    """The grid with its customers and devices.

    Attributes:
        charge_points, inverters: the devices, in the order of the configuration.
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
        self.flow = PowerFlow(network)
        self.low_voltage = network.low_voltage()
        self._ratings = ratings(network)
        self._customers = Customers(network, profiles)
        self._sun = np.array([_sun(profiles, model) for model in self.inverters])
        self._places = _Places(configuration, network)
        self._voltage = np.full((network.data["node"].size, 3), NOMINAL_V)
        self._now_s: float | None = None
        self._instant: Instant | None = None

    @property
    def rated(self) -> Ratings:
        """Ratings of lines and transformer."""
        return self._ratings

    def step(self, now_s: float, instant: Instant) -> Step:
        """Live through the time since the last step and solve.

        Args:
            now_s: wall time, any scale, rising.
            instant: calendar instant that belongs to it.
        """
        passed_s = self._passed(instant)
        self._now_s, self._instant = now_s, instant
        for model, rows in zip(self.charge_points, self._places.terminals, strict=True):
            model.advance(now_s, passed_s, instant, self._voltage[rows[0], rows[1]])
        if self.inverters:
            shares = interpolate(self._sun, instant.second)
            for inverter, share in zip(self.inverters, shares, strict=True):
                inverter.advance(
                    now_s,
                    passed_s,
                    float(share),
                    self._voltage[
                        np.flatnonzero(self.network.ids("node") == inverter.spec.node)[0],
                        [PHASE_LETTERS.index(letter) for letter in inverter.spec.phases],
                    ],
                )
        injections = self.injections(instant)
        state = self.flow.solve(injections)
        self._voltage = np.abs(state.u_v)
        return Step(
            now_s=now_s,
            instant=instant,
            injections=injections,
            state=state,
            line_loading=line_loading(state, self._ratings),
            transformer_loading=transformer_loading(state, self._ratings),
        )

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
        load_p, load_q, gen_p, gen_q = self._customers.at(instant.second)
        power = self.ev_power() if ev_s is None else ev_s
        for row, phases, terminals in self._places.charge_points(power):
            load_p[row, phases] = terminals.real
            load_q[row, phases] = terminals.imag
        feed_in = self.pv_power() if pv_w is None else pv_w
        gen_p[self._places.inverter_rows] = feed_in[:, np.newaxis] / 3.0
        return Injections(load_p, load_q, gen_p, gen_q)

    def ev_power(self) -> NDArray[np.complex128]:
        """What charge points draw now, per terminal, shape (charge points, 3)."""
        powers = [model.active_w + 1j * model.reactive_var for model in self.charge_points]
        return np.array(powers, np.complex128).reshape(-1, 3)

    def pv_power(self) -> NDArray[np.float64]:
        """What inverters feed in now, shape (inverters,)."""
        return np.array([model.power_w for model in self.inverters], float)

    def terminal_voltage(self, charge_point: int) -> NDArray[np.float64]:
        """Voltage at a charge point's terminals in the last step, V, shape (terminals,)."""
        node, phases = self._places.terminals[charge_point]
        return self._voltage[node, phases]

    def _passed(self, instant: Instant) -> float:
        before = self._instant
        if before is None or before.day != instant.day:
            return 0.0  # the calendar jumped: nobody lived through the night
        return instant.second - before.second


class _Places:
    """Where the devices sit in power-grid-model's arrays."""

    def __init__(self, configuration: PlantConfiguration, network: PlantNetwork) -> None:
        nodes = {int(node): row for row, node in enumerate(network.ids("node"))}
        loads = {int(load): row for row, load in enumerate(network.ids("asym_load"))}
        gens = {int(gen): row for row, gen in enumerate(network.ids("asym_gen"))}
        self.terminals: list[tuple[int, list[int]]] = []
        self._rows: list[int] = []
        for spec in configuration.charge_points:
            phases = [PHASE_LETTERS.index(letter) for letter in spec.phases]
            self.terminals.append((nodes[spec.node], phases))
            self._rows.append(loads[spec.element])
        self.inverter_rows = [gens[spec.element] for spec in configuration.inverters]

    def charge_points(
        self, power: NDArray[np.complex128]
    ) -> list[tuple[int, list[int], NDArray[np.complex128]]]:
        """Row, phases and power of each charge point."""
        return [
            (row, phases, power[i, : len(phases)])
            for i, (row, (_, phases)) in enumerate(zip(self._rows, self.terminals, strict=True))
        ]


def _sun(profiles: DayProfiles, model: InverterModel) -> NDArray[np.float64]:
    """Available power as a share of the rating: 1 at the profile's best instant of the year."""
    name = model.spec.profile
    return profiles.curve(name, model.spec.name) / profiles.yearly_peak[name]
