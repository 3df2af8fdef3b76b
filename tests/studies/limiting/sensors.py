"""What meters and devices say of the plant's truth: noise and bias of their class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ortsnetz_common.measurement.reading import PhaseValues, Reading
from ortsnetz_common.parameters.station import Side
from ortsnetz_hil.plant.configuration import PlantMeter
from ortsnetz_hil.plant.core import PHASE_LETTERS, Plant
from ortsnetz_hil.plant.devices.limited import FULL
from ortsnetz_hil.plant.network_file import PlantNetwork
from ortsnetz_hil.plant.power_flow import GridState

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Said:
    """All that sources said at one instant.

    Attributes:
        u, p, q: by terminal of all sources, V, W, var, in the signs of readings.
        limit: limit in force by device, in its own unit; `available`: amperes of charge points, W
            of inverters.
        reactive: set point by inverter, var, inductive positive; NaN where none counts.
    """

    u: Values
    p: Values
    q: Values
    limit: Values
    available: Values
    reactive: Values


@dataclass(frozen=True, slots=True)
class _Terminal:
    """Row of node, phase, and what adds up to its power: (row of the pool, sign)."""

    node: int
    phase: int
    power: tuple[tuple[int, float], ...]


class Sensors:
    """The instruments of one plant: meters, charge points, inverters, in this order.

    Attributes:
        names: of the sources.
        devices: how many of them, at the end, are devices.
    """

    def __init__(self, plant: Plant, bias_share: float, rng: np.random.Generator) -> None:
        self._plant, self._rng = plant, rng
        configuration = plant.configuration
        places = _Places(plant.network)
        meters = [places.meter(meter) for meter in configuration.meters]
        points = [
            places.load(one.element, one.node, one.phases) for one in configuration.charge_points
        ]
        roofs = [
            places.generator(one.element, one.node, one.phases) for one in configuration.inverters
        ]
        each = [*meters, *points, *roofs]
        kinds = [
            *(meter.profile for meter in configuration.meters),
            *("ev-controller" for _ in points),
            *("pv-inverter" for _ in roofs),
        ]
        self.names = (
            *(meter.name for meter in configuration.meters),
            *(point.name for point in configuration.charge_points),
            *(roof.name for roof in configuration.inverters),
        )
        self.devices = len(points) + len(roofs)
        self._ends = np.cumsum([0, *(len(one) for one in each)])
        flat = [terminal for one in each for terminal in one]
        self._node = np.array([one.node for one in flat])
        self._phase = np.array([one.phase for one in flat])
        triples = [(row, at, sign) for row, one in enumerate(flat) for at, sign in one.power]
        rows, columns, signs = (np.array(column) for column in zip(*triples, strict=True))
        self._sums = csr_array((signs, (rows, columns)), shape=(len(flat), places.size))
        classes = [configuration.meter_class(kind) for kind in kinds]
        widths = np.diff(self._ends)
        self._u_sigma = np.repeat([one.u for one in classes], widths)
        self._p_sigma = np.repeat([one.power for one in classes], widths)
        self._gain = 1.0 + bias_share * rng.uniform(-1, 1, (3, len(flat))) * np.stack(
            [self._u_sigma, self._p_sigma, self._p_sigma]
        )

    def read(self, state: GridState) -> Said:
        """What all sources say of a state."""
        volts = np.nan_to_num(np.abs(state.local_u_v))[self._node, self._phase]
        power = self._sums @ _pool(state)
        noise = self._rng.standard_normal((3, volts.size))
        gain_u, gain_p, gain_q = self._gain
        points = self._plant.charge_points
        wanted = [*(m.wanted_a for m in points), *(m.available_w for m in self._plant.inverters)]
        limits = [
            *(float(m.limit) for m in points),
            *(m.limit / FULL for m in self._plant.inverters),
        ]
        return Said(
            u=np.round(volts * (gain_u + self._u_sigma * noise[0]), 1),
            p=np.round(power.real * (gain_p + self._p_sigma * noise[1])),
            q=np.round(power.imag * (gain_q + self._p_sigma * noise[2])),
            limit=np.array(limits),
            available=np.array(wanted),
            reactive=np.array(
                [
                    m.reactive / FULL * m.spec.rated_w if m.reactive_told else np.nan
                    for m in self._plant.inverters
                ]
            ),
        )

    def reading(self, said: Said, source: int) -> Reading:
        """The reading of one source."""
        first, last = self._ends[source], self._ends[source + 1]
        volts = said.u[first:last].tolist()
        device = source - (len(self.names) - self.devices)
        limit_w = available_w = None
        if device >= 0:
            points = len(self._plant.charge_points)
            # a charge point says amperes; its profile makes watts with the measured voltage
            is_point = device < points
            per_limit = (
                sum(volts) if is_point else self._plant.inverters[device - points].spec.rated_w
            )
            limit_w = float(said.limit[device]) * per_limit
            available_w = float(said.available[device]) * (sum(volts) if is_point else 1.0)
        return Reading(
            voltage_v=_three(volts),
            active_w=_three(said.p[first:last].tolist()),
            reactive_var=_three(said.q[first:last].tolist()),
            limit_w=limit_w,
            available_w=available_w,
        )

    def limit(self, said: Said, source: int) -> float | None:
        """Limit in force as the device says it, in its own unit; None for a meter."""
        device = source - (len(self.names) - self.devices)
        return float(said.limit[device]) if device >= 0 else None

    def adjusted(self, said: Said, source: int) -> tuple[float | None, ...]:
        """Set points besides the limit, as an inverter says them; nothing from others."""
        roof = source - (len(self.names) - len(self._plant.inverters))
        if roof < 0:
            return ()
        value = float(said.reactive[roof])
        return (None if np.isnan(value) else value,)


def _three(values: list[float]) -> PhaseValues:
    filled: list[float | None] = [*values, None, None]
    return filled[0], filled[1], filled[2]


def _pool(state: GridState) -> NDArray[np.complex128]:
    """All powers that instruments measure, in a row; see `_Places`."""
    parts = (
        state.transformers.s_to,
        state.lines.s_from,
        state.lines.s_to,
        state.load_s,
        state.gen_s,
    )
    return np.concatenate([part.ravel() for part in parts])


class _Places:
    """Where powers lie in the pool."""

    def __init__(self, network: PlantNetwork) -> None:
        self._network = network
        self._rows = {
            name: {int(one): row for row, one in enumerate(network.ids(name))}
            for name in ("node", "transformer", "line", "asym_load", "asym_gen")
        }
        sizes = [
            len(self._rows[name])
            for name in ("transformer", "line", "line", "asym_load", "asym_gen")
        ]
        starts = 3 * np.cumsum([0, *sizes])
        self._transformer, self._from, self._to, self._load, self._gen = starts[:-1].tolist()
        self.size = int(starts[-1])

    def meter(self, meter: PlantMeter) -> list[_Terminal]:
        if meter.side is None:
            rows = [self._rows["asym_load"][load] for load in meter.loads]
            return self._terminals(
                meter.element, meter.phases, [(self._load + 3 * row, 1.0) for row in rows]
            )
        component = "transformer" if meter.element in self._rows["transformer"] else "line"
        row = self._rows[component][meter.element]
        end = "from_node" if meter.side is Side.FROM else "to_node"
        node = int(self._network.data[component][end][row])
        if component == "transformer":
            start = self._transformer
        else:
            start = self._from if meter.side is Side.FROM else self._to
        return self._terminals(node, meter.phases, [(start + 3 * row, 1.0)])

    def load(self, element: int, node: int, phases: str) -> list[_Terminal]:
        start = self._load + 3 * self._rows["asym_load"][element]
        return self._terminals(node, phases, [(start, 1.0)])

    def generator(self, element: int, node: int, phases: str) -> list[_Terminal]:
        """Readings count consumption positive, power-grid-model generation."""
        start = self._gen + 3 * self._rows["asym_gen"][element]
        return self._terminals(node, phases, [(start, -1.0)])

    def _terminals(self, node: int, phases: str, power: list[tuple[int, float]]) -> list[_Terminal]:
        row = self._rows["node"][node]
        return [
            _Terminal(row, phase, tuple((start + phase, sign) for start, sign in power))
            for phase in (PHASE_LETTERS.index(letter) for letter in phases)
        ]
