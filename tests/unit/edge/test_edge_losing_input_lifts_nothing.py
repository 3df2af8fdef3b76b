"""Whatever is lost, ordered or refused: no limit rises without a verified state."""

from __future__ import annotations

from dataclasses import dataclass

from feeder_loop import AMPERES, CONTROL_BOX, EV, METER, NS, PUMP, WATTS
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ortsnetz_common.link.messages import SetpointSource
from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.parameter_set import SCHEMA, Group, ParameterSet, Timing
from ortsnetz_common.parameters.station import Device, DeviceKind, SourcePseudo, Station
from ortsnetz_edge.acquisition.image import ProcessImage, SourceImage
from ortsnetz_edge.control.arbitration import Claim
from ortsnetz_edge.control.controller import Controller
from ortsnetz_edge.control.device import Write
from ortsnetz_edge.drivers.contract import LimitResolution, LimitUnit, Scan
from ortsnetz_edge.hosting.calls import DeviceLimit, LimitingResult

PV = replace(EV, name="pv", kind=DeviceKind.PV, floor_w=0.0, fallback_w=3000.0, step_a=None)
BOX = replace(
    EV, name="box", step_a=None, reaction_s=60.0, rated_w=11_000.0, floor_w=4200.0, group="g"
)
KEPT = replace(PUMP, min_on_s=20.0, min_off_s=20.0, starts_per_day=2)
DEVICES: dict[str, tuple[Device, LimitResolution]] = {
    "ev": (EV, AMPERES),
    "pv": (PV, LimitResolution(LimitUnit.SHARE, 0.01)),
    "box": (BOX, CONTROL_BOX),
    "pump": (KEPT, WATTS),
}
SOURCES = [SetpointSource.OPERATOR, SetpointSource.TSO, SetpointSource.MARKET]


@dataclass(frozen=True)
class Weather:
    """What a few cycles are like.

    Attributes:
        state: verified, given-up (its reserve), infeasible, unverified or none.
        shares: what the decision allows each device, of its rating; None is no limit.
        orders: the same, asked for from outside.
        lost: sources that say nothing.
        refusing: devices that do not take what is written.
        mode: ordered for the control box's group.
    """

    cycles: int
    state: str
    shares: tuple[float | None, ...]
    orders: tuple[float | None, ...]
    lost: frozenset[str]
    refusing: frozenset[str]
    volts: float
    mode: str | None


NAMES = [*DEVICES, "trafo"]
SHARES = st.tuples(*[st.none() | st.floats(0.0, 1.2) for _ in DEVICES])
WEATHER = st.builds(
    Weather,
    cycles=st.integers(1, 25),
    state=st.sampled_from(["verified", "verified", "given-up", "infeasible", "unverified", "none"]),
    shares=SHARES,
    orders=SHARES,
    lost=st.frozensets(st.sampled_from(NAMES), max_size=2),
    refusing=st.frozensets(st.sampled_from(list(DEVICES)), max_size=2),
    volts=st.floats(207.0, 253.0),
    mode=st.sampled_from([None, None, "advisory", "off"]),
)


class Node:
    """A controller and devices that take what they are told, or do not."""

    def __init__(self, found: tuple[float, ...]) -> None:
        station = Station(
            (METER,), tuple(device for device, _ in DEVICES.values()), (), SourcePseudo(1, 1.0, 0.1)
        )
        parameters = ParameterSet(
            SCHEMA, "ons-1", 1, "0" * 64, station, timing=Timing(hold_s=3.0), groups=(Group("g"),)
        )
        resolutions = {name: resolution for name, (_, resolution) in DEVICES.items()}
        self.controller = Controller(parameters, resolutions, (), now=0.0)
        self.now = 0.0
        self.in_force = {
            name: round(share * control.amounts.top / control.amounts.resolution.step)
            * control.amounts.resolution.step
            for share, (name, control) in zip(found, self.controller.controls.items(), strict=True)
        }

    def cycle(self, weather: Weather) -> tuple[Write, ...]:
        self.now += 1.0
        readings = {
            name: Reading((weather.volts,) * 3, (0.0,) * 3, (0.0,) * 3, None, 5000.0)
            for name in NAMES
            if name not in weather.lost
        }
        sources = {
            name: SourceImage(
                Scan((), (), 0, 0, 0, None, self.in_force[name]), 0.0, name in readings, None
            )
            for name in DEVICES
        }
        external = {
            name: (Claim(source, share * device.rated_w, "ordered"),)
            for source, share, (name, (device, _)) in zip(
                (*SOURCES, SetpointSource.RESPONSE), weather.orders, DEVICES.items(), strict=True
            )
            if share is not None
        }
        verdict = self.controller.step(
            ProcessImage(1, round(self.now * NS), sources, (), ()),
            readings,
            self._result(weather),
            "lost",
            external=external,
            modes={} if weather.mode is None else {"g": weather.mode},
            now=self.now,
        )
        for write in verdict.writes:
            if write.device not in weather.refusing:
                self.controller.controls[write.device].written(write, now=self.now)
                self.in_force[write.device] = write.amount
        return verdict.writes

    def _result(self, weather: Weather) -> LimitingResult | None:
        if weather.state == "none":
            return None
        return LimitingResult(
            status="infeasible" if weather.state == "infeasible" else "limited",
            verified=weather.state in {"verified", "given-up"},
            worst_loading=0.97,
            limits=tuple(
                DeviceLimit(name, share * device.rated_w, "full", ("T1",))
                for share, (name, (device, _)) in zip(weather.shares, DEVICES.items(), strict=True)
                if share is not None
            ),
            violated=("T1",) if weather.state == "infeasible" else (),
            reserve_given_up=("T1",) if weather.state == "given-up" else (),
        )


FOUND = st.tuples(*[st.floats(0.0, 1.0) for _ in DEVICES])


@settings(max_examples=100, deadline=None)
@given(FOUND, st.lists(WEATHER, min_size=1, max_size=6))
def test_no_limit_rises_without_a_state_or_leaves_floor_and_rating(
    found: tuple[float, ...], weathers: list[Weather]
) -> None:
    node = Node(found)
    for weather in weathers:
        may_raise = weather.state == "verified" and "trafo" not in weather.lost
        for _ in range(weather.cycles):
            before = dict(node.in_force)
            for write in node.cycle(weather):
                control = node.controller.controls[write.device]
                half = control.amounts.resolution.step / 2
                assert control.amounts.floor - half <= write.amount <= control.amounts.top
                assert write.device not in weather.lost
                assert not (write.device == "box" and weather.mode is not None)
                rises = write.amount > before[write.device] + half
                assert not rises or may_raise
                if rises and control.device.reaction_s <= 10.0:
                    ramp = 2 * control.timing.release_per_s * control.amounts.top
                    smallest = control.amounts.resolution.smallest
                    step = max(ramp, smallest, control.amounts.floor - before[write.device])
                    assert write.amount - before[write.device] <= step + 2 * half
            allowed = [c.allowed_w for c in node.controller.controls.values()]
            assert all(w is None or w >= 0.0 for w in allowed)


@settings(max_examples=40, deadline=None)
@given(FOUND, st.lists(WEATHER, min_size=0, max_size=4))
def test_after_whatever_has_been_limits_are_back_when_all_is_well(
    found: tuple[float, ...], weathers: list[Weather]
) -> None:
    node = Node(found)
    nobody = (None,) * len(DEVICES)
    calm = Weather(1, "verified", nobody, nobody, frozenset(), frozenset(), 230.0, None)
    for weather in weathers:
        for _ in range(weather.cycles):
            node.cycle(weather)
    for _ in range(300):
        node.cycle(calm)
    tops = {name: control.amounts.top for name, control in node.controller.controls.items()}
    assert {**node.in_force, "pump": 0.0} == {**tops, "pump": 0.0}  # it may be out of starts
