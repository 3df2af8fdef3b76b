"""A substation as its agent would tell of it: 97 nodes, 20 charge points, 20 inverters, an evening.

Plain arithmetic instead of a power flow: the browser tests need plausible, known numbers on the
wire, not the grid's truth. `stress` makes the transformer and the feeders' ends leave their limits.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scene_network import (
    BUSBAR,
    LINE_A,
    MV,
    NOMINAL_V,
    RATED_VA,
    TRANSFORMER,
    Floats,
    Grid,
    network_text,
    radial,
)

from ortsnetz_common.link.messages import (
    Alarm,
    AlarmState,
    Catalogue,
    Decision,
    Health,
    Record,
    Samples,
    Setpoint,
    SetpointSource,
)
from ortsnetz_common.measurement.origin import Origin
from ortsnetz_common.measurement.point import Point, Unit, phase_points
from ortsnetz_common.measurement.quality import Quality
from ortsnetz_common.parameters.parameter_set import SCHEMA, ParameterSet, canonical
from ortsnetz_common.parameters.station import (
    Connection,
    Device,
    DeviceKind,
    Meter,
    MeterRole,
    Side,
    SourcePseudo,
    Station,
)


def _plug(port: int) -> Connection:
    return Connection("modbus-tcp", "127.0.0.1", port)


@dataclass
class Scene:
    """What the agent of one substation says, second by second.

    Attributes:
        stress: factor on the households' load; 1.0 is a normal evening, 2.2 an overload that the
            devices' floors cannot cure.
        lost: meters and devices that do not answer.
        silent: meters and devices of which nothing is said at all.
    """

    grid: Grid = field(default_factory=radial)
    node: str = "ons-1"
    seed: int = 7
    stress: float = 1.0
    lost: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng(self.seed)
        self._order = list(self.grid.parent)
        self._below = self.grid.below()
        count = len(self._order)
        self._length_km = self._rng.uniform(0.003, 0.017, count)
        self._household_w = self._rng.uniform(150, 900, (count, 3))
        places = self._rng.permutation(count)
        self._ev = sorted(int(i) for i in places[:20])
        self._pv = sorted(int(i) for i in self._rng.permutation(count)[:20])
        self._customers = sorted(int(i) for i in places[:16])
        self._limits: dict[str, float] = {}
        self.station = self._station()
        self.points = self._points()
        self._index = {point.name: i for i, point in enumerate(self.points)}

    def _station(self) -> Station:
        meters = [
            Meter(
                "meter-transformer", MeterRole.TRANSFORMER, "meter-transformer", _plug(1502),
                TRANSFORMER, "abc", 0.005, 500.0, Side.TO, guards=True,
            )
        ]  # fmt: skip
        for i, head in enumerate(self.grid.head, 1):
            meters.append(
                Meter(
                    f"meter-feeder-{i}", MeterRole.FEEDER, "meter-feeder", _plug(1510 + i),
                    100 + head, "abc", 0.005, 200.0, Side.FROM,
                )
            )  # fmt: skip
        for i in self._customers:
            name = f"meter-{self._order[i]:03d}"
            meters.append(
                Meter(
                    name, MeterRole.CUSTOMER, "meter-customer", _plug(1600 + i),
                    self._order[i], "abc", 0.005, 50.0,
                )
            )  # fmt: skip
        devices = [
            Device(
                f"ev-{k:02d}", DeviceKind.EV, "ev-controller", _plug(1700 + k), 500 + k, 3, "abc",
                self._ev_rating(k), 4_200.0, "14a EnWG", 5.0, 4_200.0, 0.01, 100.0, 1.0, 60.0,
            )
            for k in range(1, len(self._ev) + 1)
        ]  # fmt: skip
        devices += [
            Device(
                f"pv-{k:02d}", DeviceKind.PV, "pv-inverter", _plug(1800 + k), 600 + k, 3, "abc",
                15_000.0, 0.0, "none", 2.0, 4_500.0, 0.01, 100.0, None, 60.0,
            )
            for k in range(1, len(self._pv) + 1)
        ]  # fmt: skip
        return Station(tuple(meters), tuple(devices), (), SourcePseudo(MV, 1.0, 0.01))

    def _ev_rating(self, k: int) -> float:
        return 22_000.0 if k % 4 == 0 else 11_000.0

    def _points(self) -> tuple[Point, ...]:
        points: list[Point] = []
        for meter in self.station.meters:
            for data, unit in (("PhV", Unit.VOLT), ("W", Unit.WATT), ("VAr", Unit.VAR)):
                names = phase_points(f"{meter.name}/MMXU1.{data}")
                points += [Point(name, unit, meter.element) for name in names]
        for device in self.station.devices:
            for data, unit in (("PhV", Unit.VOLT), ("W", Unit.WATT)):
                names = phase_points(f"{device.name}/MMXU1.{data}")
                points += [Point(name, unit, device.element) for name in names]
            for data in ("DWMX1.WLimSpt", "DGEN1.WAvl"):
                points.append(Point(f"{device.name}/{data}", Unit.WATT, device.element))
            if device.kind is DeviceKind.EV:
                points.append(Point(f"{device.name}/DESE1.ConnSt", Unit.COUNT, device.element))
        for node in self.grid.nodes:
            names = phase_points(f"node-{node}/MMXU1.PhV")
            points += [Point(name, Unit.VOLT, node) for name in names]
        for branch in (TRANSFORMER, *(100 + n for n in self._order)):
            points.append(Point(f"branch-{branch}/Loading", Unit.PER_UNIT, branch))
        names = phase_points(f"branch-{TRANSFORMER}/MMXU1.W")
        points += [Point(name, Unit.WATT, TRANSFORMER) for name in names]
        return tuple(points)

    def parameters(self) -> ParameterSet:
        """The parameter set that the agent tells with its catalogue."""
        return ParameterSet(SCHEMA, self.node, 1, "0" * 64, self.station)

    def catalogue(self) -> Catalogue:
        """First record of an epoch."""
        network = network_text(
            self.grid,
            self._length_km,
            [self._order[i] for i in self._ev],
            [self._order[i] for i in self._pv],
            self.seed,
        )
        parameters = canonical(self.parameters()).decode()
        return Catalogue(0, self.points, "ab" * 32, network, parameters)

    def records(self, time_ns: int, cycle: int) -> list[Record]:
        """Records of one cycle."""
        values, setpoints = self._cycle(cycle)
        measured = {n: v for n, v in values.items() if not n.startswith(("node-", "branch-"))}
        estimated = {n: v for n, v in values.items() if n.startswith(("node-", "branch-"))}
        found: list[Record] = [
            self._samples(measured, Origin.MEASURED, time_ns),
            self._samples(estimated, Origin.ESTIMATED, time_ns),
        ]
        if setpoints:
            found.append(Decision(time_ns, cycle, "limited", tuple(setpoints)))
        reason = f"{len(self.lost)} devices do not answer" if self.lost else ""
        found.append(Health(time_ns, cycle, "active", reason, 41.5, 0.2, {"cycles": cycle}))
        return found

    def _samples(self, values: dict[str, float], origin: Origin, time_ns: int) -> Samples:
        names = [name for name in values if name.partition("/")[0] not in self.silent]
        gone = [name.partition("/")[0] in self.lost for name in names]
        return Samples(
            origin,
            tuple(self._index[name] for name in names),
            tuple(None if g else values[n] for n, g in zip(names, gone, strict=True)),
            tuple(int(Quality.INVALID | Quality.FAILURE) if g else 0 for g in gone),
            (time_ns,) * len(names),
            (0,) * len(names),
        )

    def _cycle(self, cycle: int) -> tuple[dict[str, float], list[Setpoint]]:
        """Values of all points, and the setpoints that are new."""
        evening = min(1.0, 0.25 + cycle / 700)
        wave = 1 + 0.15 * np.sin(cycle / 40 + np.arange(len(self._order)))
        house = self._household_w * self.stress * (0.5 + 0.5 * evening) * wave[:, None]
        sun = max(0.0, 0.55 * (1 - cycle / 1100)) * (1 + 0.05 * np.sin(cycle / 13))
        plugged = [k < 3 + 17 * evening and k % 7 != 3 for k in range(len(self._ev))]
        wish = np.array([self._ev_rating(k + 1) * p for k, p in enumerate(plugged)])
        factor = self._ev_factor(house.sum(axis=0), sun, wish)
        limits, setpoints = self._decide(factor, plugged)
        drawn = np.minimum(wish, limits[: len(wish)])
        load = house.copy()
        np.add.at(load, self._ev, drawn[:, None] / 3 * np.ones(3))
        np.add.at(load, self._pv, -np.full((len(self._pv), 3), 15_000 * sun / 3))
        return self._values(load, drawn, limits, wish, sun, cycle), setpoints

    def _ev_factor(self, house: Floats, sun: float, wish: Floats) -> float:
        room = 0.965 * RATED_VA / 3 - (house.max() - 15_000 * sun * len(self._pv) / 3)
        return float(np.clip(room / max(wish.sum() / 3, 1.0), 0.0, 1.0))

    def _decide(self, factor: float, plugged: list[bool]) -> tuple[Floats, list[Setpoint]]:
        limits, setpoints = [], []
        for device in self.station.devices:
            limit, reason, binding = device.rated_w, "", ()
            if device.kind is DeviceKind.EV and factor < 1:
                k = int(device.name[-2:]) - 1
                amperes = np.floor(factor * device.rated_w / 690) if plugged[k] else 0
                limit = float(max(device.floor_w, amperes * 690))
                reason, binding = "transformer at its limit", ("Transformer",)
                if not plugged[k]:
                    reason = "no car: held at the floor while limits bind"
            limits.append(limit)
            if self._limits.get(device.name) != limit:
                self._limits[device.name] = limit
                source = SetpointSource.SAFETY if reason else SetpointSource.NONE
                setpoints.append(Setpoint(device.name, limit, source, reason, binding))
        return np.array(limits), setpoints

    def _values(  # noqa: PLR0917
        self,
        load: Floats,
        drawn: Floats,
        limits: Floats,
        wish: Floats,
        sun: float,
        cycle: int,
    ) -> dict[str, float]:
        flow = self._below @ load
        r = 0.2067 * self._length_km[:, None]
        drop = self._below.T @ (r * (flow + 0.35 * (flow - np.roll(flow, 1, 1))) / NOMINAL_V)
        total = load.sum(axis=0)
        u_bus = NOMINAL_V * 1.035 - 0.028 * total / NOMINAL_V
        u = u_bus - drop
        rng = np.random.default_rng(cycle)
        values: dict[str, float] = {}

        def put(stem: str, numbers: Floats, sigma: float = 0.0) -> None:
            noisy = numbers + rng.normal(0, sigma, 3) if sigma else numbers
            values.update(zip(phase_points(stem), (float(v) for v in noisy), strict=True))

        put(f"node-{MV}/MMXU1.PhV", np.full(3, 11_550.0))
        put(f"node-{BUSBAR}/MMXU1.PhV", u_bus)
        loss = 1.012 * total
        values[f"branch-{TRANSFORMER}/Loading"] = float(abs(loss).max() / (RATED_VA / 3))
        put(f"branch-{TRANSFORMER}/MMXU1.W", loss, 260)
        put("meter-transformer/MMXU1.PhV", u_bus, 0.3)
        put("meter-transformer/MMXU1.W", -total, 260)
        put("meter-transformer/MMXU1.VAr", -0.1 * total, 100)
        for i, node in enumerate(self._order):
            put(f"node-{node}/MMXU1.PhV", u[i])
            values[f"branch-{100 + node}/Loading"] = float(abs(flow[i]).max() / NOMINAL_V / LINE_A)
        for i, head in enumerate(self.grid.head, 1):
            put(f"meter-feeder-{i}/MMXU1.PhV", u_bus, 0.3)
            put(f"meter-feeder-{i}/MMXU1.W", flow[self._order.index(head)], 150)
            put(f"meter-feeder-{i}/MMXU1.VAr", 0.1 * flow[self._order.index(head)], 50)
        for i in self._customers:
            name = f"meter-{self._order[i]:03d}"
            put(f"{name}/MMXU1.PhV", u[i], 0.4)
            put(f"{name}/MMXU1.W", load[i], 20)
            put(f"{name}/MMXU1.VAr", 0.1 * load[i], 10)
        for k, i in enumerate(self._ev):
            name = f"ev-{k + 1:02d}"
            put(f"{name}/MMXU1.PhV", u[i], 0.4)
            put(f"{name}/MMXU1.W", np.full(3, drawn[k] / 3))
            values[f"{name}/DWMX1.WLimSpt"] = float(limits[k])
            values[f"{name}/DGEN1.WAvl"] = float(wish[k])
            values[f"{name}/DESE1.ConnSt"] = 3.0 if wish[k] > 0 else 1.0
        for k, i in enumerate(self._pv):
            name = f"pv-{k + 1:02d}"
            put(f"{name}/MMXU1.PhV", u[i], 0.4)
            put(f"{name}/MMXU1.W", np.full(3, -15_000 * sun / 3))
            values[f"{name}/DWMX1.WLimSpt"] = float(limits[len(self._ev) + k])
            values[f"{name}/DGEN1.WAvl"] = float(15_000 * sun)
        return values


def device_lost(device: str, time_ns: int, state: AlarmState = AlarmState.ACTIVE) -> Alarm:
    """The alarm of a device that does not answer."""
    return Alarm(
        f"device-lost/{device}",
        time_ns,
        state,
        2,
        f"{device} does not answer",
        "Its limit stays as it was; its power is estimated.",
        "Check the connection and the supply of the device.",
    )
