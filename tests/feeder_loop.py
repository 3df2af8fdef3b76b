"""A feeder in closed loop with the controller, second by second: no network, one capacity.

The decision is what limiting does, reduced to one element: everybody keeps the same share of what
is asked for, as far as floors allow. It sees what meters and devices say, as late as they say it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.parameter_set import SCHEMA, Group, Mode, ParameterSet, Timing
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
from ortsnetz_edge.acquisition.image import ProcessImage, SourceImage
from ortsnetz_edge.control.arbitration import Claim
from ortsnetz_edge.control.controller import Controller, Verdict
from ortsnetz_edge.drivers.contract import LimitResolution, LimitUnit, Scan
from ortsnetz_edge.hosting.calls import DeviceLimit, LimitingCall, LimitingResult
from ortsnetz_edge.hosting.combined import combined

NS = 1_000_000_000
AMPERES = LimitResolution(LimitUnit.AMPERE, 1.0, 6.0)
WATTS = LimitResolution(LimitUnit.WATT, 100.0, reaction_s=5.0)
CONTROL_BOX = LimitResolution(LimitUnit.WATT, 100.0, 4200.0, acknowledged_s=300.0, reaction_s=60.0)
MARGIN = 0.98
EV = Device(
    name="ev",
    kind=DeviceKind.EV,
    profile="x",
    connection=Connection("modbus-tcp", "127.0.0.1", 502),
    element=1,
    phase_count=3,
    phases="abc",
    rated_w=16 * 690.0,
    floor_w=7 * 690.0,
    floor_rule="14a EnWG",
    reaction_s=5.0,
    fallback_w=7 * 690.0,
    u_sigma=0.002,
    p_sigma=10.0,
    step_a=1.0,
)
PUMP = replace(
    EV,
    name="pump",
    kind=DeviceKind.HEAT_PUMP,
    rated_w=9000.0,
    floor_w=0.0,
    floor_rule="none",
    fallback_w=0.0,
    step_a=None,
)
METER = Meter(
    "trafo", MeterRole.TRANSFORMER, "x", EV.connection, 9, "abc", 0.002, 100.0, Side.TO, guards=True
)


def crowd(count: int, device: Device = EV) -> tuple[Device, ...]:
    """So many of the same."""
    return tuple(replace(device, name=f"{device.name}-{n:02}") for n in range(count))


@dataclass
class Played:
    """A device as it behaves.

    Attributes:
        wants_w: what it would draw, over time.
        follows_s: until a limit acts.
        says_s: until it says that it has it.
        deaf: whether it confirms and ignores.
        least_w: it draws nothing with a limit below (a compressor of fixed speed).
    """

    device: Device
    resolution: LimitResolution
    wants_w: Callable[[float], float]
    follows_s: float = 3.0
    says_s: float = 0.0
    deaf: bool = False
    least_w: float = 0.0
    told: list[tuple[float, float]] = field(default_factory=list)
    obeys: float = 0.0
    says: float = 0.0

    def live(self, now: float, watts: Callable[[float], float]) -> float:
        """What it draws in this second."""
        if not self.deaf:
            acting = [amount for at, amount in self.told if at + self.follows_s <= now]
            self.obeys = acting[-1] if acting else self.obeys
        said = [amount for at, amount in self.told if at + self.says_s <= now]
        self.says = said[-1] if said else self.says
        limit_w = watts(self.obeys)
        return min(limit_w, self.wants_w(now)) if limit_w >= self.least_w else 0.0


class Feeder:
    """Devices behind one element.

    Attributes:
        capacity_w: what it carries.
        base_w: what else is drawn, over time.
        late: cycles by which the meter is late; the devices' own words are not.
        command_late: cycles by which setpoints are late.
        noise_w: added to the metered power, over time.
        verified: whether there is a state.
        refuses: whether devices refuse to be written to.
        external: what orders ask for, by device.
        modes: that orders ask for, by group.
        drawn_w: true power of each second.
    """

    def __init__(
        self,
        played: list[Played],
        capacity_w: float,
        base_w: Callable[[float], float] = lambda _now: 0.0,
        *,
        late: int = 0,
        command_late: int = 0,
        noise_w: Callable[[float], float] = lambda _now: 0.0,
        timing: Timing | None = None,
        groups: tuple[Group, ...] = (),
        mode: str = "active",
    ) -> None:
        self.played = {one.device.name: one for one in played}
        self.capacity_w, self.base_w, self.noise_w = capacity_w, base_w, noise_w
        self.late, self.command_late = late, command_late
        devices = tuple(one.device for one in played)
        station = Station((METER,), devices, (), SourcePseudo(1, 1.0, 0.01))
        parameters = ParameterSet(
            SCHEMA,
            "ons-1",
            1,
            "0" * 64,
            station,
            timing=timing or Timing(hold_s=5.0),
            mode=Mode(mode),
            groups=groups,
        )
        resolutions = {one.device.name: one.resolution for one in played}
        self.controller = Controller(parameters, resolutions, (), now=0.0)
        self.now = 0.0
        self.cycle = 0
        self.verified = True
        self.refuses = False
        self.external: Mapping[str, tuple[Claim, ...]] = {}
        self.modes: Mapping[str, str] = {}
        self.verdict: Verdict | None = None
        self.drawn_w: list[float] = []
        self.draws: dict[str, float] = {}
        self._metered: list[float] = []
        self._on_way: list[tuple[float, str, float]] = []
        for name, one in self.played.items():
            one.obeys = one.says = self.controller.controls[name].amounts.top

    def amounts(self) -> dict[str, float]:
        """Limit meant to be in force, by device, in its unit."""
        return {n: c.amount for n, c in self.controller.controls.items() if c.amount is not None}

    def second(self) -> None:
        """The world moves on, then a cycle of the agent."""
        self.now += 1.0
        self.cycle += 1
        for at, name, amount in self._on_way:
            if at <= self.now:
                self.played[name].told.append((self.now, amount))
        self._on_way = [one for one in self._on_way if one[0] > self.now]
        for name, one in self.played.items():
            amounts = self.controller.controls[name].amounts
            self.draws[name] = one.live(self.now, lambda amount, a=amounts: a.watts(amount, None))  # type: ignore[misc]
        total_w = self.base_w(self.now) + sum(self.draws.values())
        self.drawn_w.append(total_w)
        self._metered.append(total_w + self.noise_w(self.now))
        self._decide()

    def seconds(self, count: int) -> None:
        """Several."""
        for _ in range(count):
            self.second()

    def _decide(self) -> None:
        readings = {
            name: Reading(
                (230.0,) * 3,
                (self.draws[name] / 3,) * 3,
                (0.0,) * 3,
                None,
                one.wants_w(self.now),
            )
            for name, one in self.played.items()
        }
        sources = {
            name: SourceImage(Scan((), (), 0, 0, 0, None, one.says), 0.0, True, None)
            for name, one in self.played.items()
        }
        disposal = self.controller.disposal(now=self.now)
        call = LimitingCall(
            b"", readings, disposal.deaf, disposal.may_draw, disposal.advisory, disposal.present
        )
        result = combined(self._once, call) if self.verified else None
        meter = Reading((230.0,) * 3, (1.0,) * 3, (0.0,) * 3)
        self.verdict = self.controller.step(
            ProcessImage(self.cycle, round(self.now * NS), sources, (), ()),
            {**readings, "trafo": meter},
            result,
            "state_estimation: no result",
            external=self.external,
            modes=self.modes,
            now=self.now,
        )
        for write in () if self.refuses else self.verdict.writes:
            self.controller.controls[write.device].written(write, now=self.now)
            self._on_way.append((self.now + self.command_late, write.device, write.amount))

    def _once(self, deaf: frozenset[str], may_draw: Mapping[str, float]) -> LimitingResult:
        """The same share for everybody, as far as floors allow."""
        metered_w = self._metered[max(0, len(self._metered) - 1 - self.late)]
        takes_part = [name for name in self.played if name not in deaf]
        room_w = MARGIN * self.capacity_w - (metered_w - sum(self.draws[n] for n in takes_part))
        asked = {n: max(self.played[n].wants_w(self.now), self.draws[n]) for n in takes_part}
        least = {n: min(asked[n], self.played[n].device.floor_w) for n in takes_part}
        for name, watts in may_draw.items():
            asked[name] = least[name] = min(asked[name], max(watts, self.draws[name]))
        share = _share(asked, least, room_w)
        limits = {n: max(least[n], share * asked[n]) for n in takes_part}
        total_w = sum(limits.values())
        kept = total_w <= room_w + 1.0
        status = "ok" if share >= 1 and kept else "limited" if kept else "infeasible"
        return LimitingResult(
            status=status,
            verified=kept,
            worst_loading=1 - (room_w - total_w) / self.capacity_w,
            limits=tuple(
                DeviceLimit(n, watts, "the feeder is full", ("feeder",))
                for n, watts in limits.items()
                if watts < asked[n] - 1e-6
            ),
            violated=() if kept else ("feeder beyond its rating",),
            uncontrolled=tuple(deaf),
        )


def _share(asked: Mapping[str, float], least: Mapping[str, float], room_w: float) -> float:
    """Largest common share of what is asked for that fits the room, by bisection."""

    def total_w(share: float) -> float:
        return sum(max(least[name], share * watts) for name, watts in asked.items())

    low, high = 0.0, 1.0
    if total_w(high) <= room_w:
        return high
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if total_w(middle) <= room_w else (low, middle)
    return low
