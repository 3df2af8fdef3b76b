"""Voltage control of a node: who is written to, when, on what it rests, what is remembered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import msgspec
import pytest

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.point import Point, Unit, phase_points
from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.parameter_set import SCHEMA, Mode, ParameterSet
from ortsnetz_common.parameters.station import (
    Connection,
    Meter,
    MeterRole,
    Side,
    SourcePseudo,
    Station,
    TapChanger,
)
from ortsnetz_common.parameters.voltage import TapControl, VoltageControl
from ortsnetz_edge.acquisition.image import ProcessImage, SourceImage
from ortsnetz_edge.control.adjustment import Adjustment
from ortsnetz_edge.control.taps import TapMemory
from ortsnetz_edge.control.voltage import VoltageControlling
from ortsnetz_edge.control.voltage_assembly import voltage_controlling
from ortsnetz_edge.drivers.contract import Adjustable, Driver, Quantity, Role, Scan, SourcePoint
from ortsnetz_edge.hosting.calls import EstimationResult, NodeState
from ortsnetz_edge.network_index import NetworkIndex

WIRE = Connection("modbus-tcp", "127.0.0.1", 502)
NAME, TRANSFORMER = "oltc", 3
METER = Meter("meter", MeterRole.CUSTOMER, "p", WIRE, 2, "abc", 0.005, 10.0)
PRIMARY = Meter(
    "primary", MeterRole.TRANSFORMER, "p", WIRE, TRANSFORMER, "abc", 0.005, 10.0, side=Side.FROM
)
PARAMETERS = ParameterSet(
    schema=SCHEMA,
    node="n",
    version=1,
    network_sha256="",
    station=Station(
        meters=(METER, PRIMARY),
        devices=(),
        pseudo=(),
        source=SourcePseudo(0, 1.0, 0.01),
        tap_changers=(TapChanger(NAME, "tap-changer", WIRE, TRANSFORMER, 1.0),),
    ),
    voltage=VoltageControl(tap=TapControl(delay_s=20.0, operations_per_day=4)),
)
NETWORK = NetworkIndex(
    (0, 1, 2),
    (),
    (TRANSFORMER,),
    (),
    tap_steps_pu={TRANSFORMER: 0.025},
    low_voltage={1: 230.0, 2: 230.0},
)


@dataclass
class Regulator:
    """What the agent knows of a tap changer's driver."""

    adjustable: tuple[Adjustable, ...] = (Adjustable(Quantity.VOLTAGE, 0.001, 0.9, 1.1),)
    points: tuple[SourcePoint, ...] = field(init=False)

    def __post_init__(self) -> None:
        voltages = [
            SourcePoint(Point(f"{NAME}/{name}", Unit.VOLT), Role.VOLTAGE, n, 0.0, 460.0)
            for n, name in enumerate(phase_points("MMXU1.PhV"), start=1)
        ]
        position = Point(f"{NAME}/ATCC1.TapPos", Unit.COUNT)
        self.points = (*voltages, SourcePoint(position, Role.TAP_POSITION, None, -9, 9))


class Node:
    """Voltage control of a small node, lived through once a second."""

    def __init__(
        self,
        parameters: ParameterSet = PARAMETERS,
        memory: tuple[TapMemory, ...] = (),
        **driver: Any,
    ) -> None:
        drivers = cast("Mapping[str, Driver]", {NAME: Regulator(**driver)})
        self.voltage: VoltageControlling = voltage_controlling(
            parameters, NETWORK, drivers, memory, now=0.0
        )
        self.now, self.position, self.setpoint_pu = 0.0, 0, 1.0
        self.busbar_pu, self.answers, self.obeys = 1.02, True, True
        self.busbar_v: tuple[float, float, float] | None = None
        self.written: list[tuple[float, Adjustment]] = []

    def live(
        self,
        seconds: int,
        *,
        customer_pu: float | None = 1.06,
        estimate: EstimationResult | None = None,
        verified: bool = True,
        day: int = 1,
    ) -> list[float]:
        """Set points that were written meanwhile."""
        before = len(self.written)
        for _ in range(seconds):
            self.now += 1.0
            due = self.voltage.step(
                self._image(),
                self._readings(customer_pu),
                modes={},
                estimate=estimate,
                verified=verified,
                day=day,
                now=self.now,
            )
            for one in self.voltage.written(due, now=self.now):
                self.written.append((self.now, one))
                self.setpoint_pu = one.value if self.obeys else self.setpoint_pu
        return [one.value for _, one in self.written[before:]]

    @property
    def alarms(self) -> list[str]:
        """Keys of conditions that stand."""
        return [condition.key for condition in self.voltage.conditions(now=self.now)]

    def _readings(self, customer_pu: float | None) -> dict[str, Reading]:
        found = {"primary": Reading(voltage_v=(11_800.0,) * 3)}
        if customer_pu is not None:
            found["meter"] = Reading(voltage_v=(230.0, 230.0 * customer_pu, None))
        return found

    def _image(self) -> ProcessImage:
        volts = self.busbar_v or (230.0 * self.busbar_pu,) * 3
        values = (*volts, float(self.position))
        scan = Scan(values, (0,) * 4, 0, 0, 0, adjusted=(self.setpoint_pu,))
        source = SourceImage(scan if self.answers else None, 0.0, self.answers, None)
        return ProcessImage(0, 1, {NAME: source}, (), ())


def test_a_high_customer_lowers_the_busbar_after_the_delay() -> None:
    # 230 V to 1.06 pu: the middle is 3 % too high, and one step takes 1.4 of 2.5 % at most
    assert Node().live(25) == [pytest.approx(1.02 - 0.03)]


def test_nothing_is_written_before_the_first_verified_state() -> None:
    node = Node()
    assert node.live(100, verified=False) == []
    assert node.live(25) == [pytest.approx(0.99)]


def test_blind_it_goes_on_with_what_is_measured() -> None:
    node = Node()
    node.live(1)
    assert node.live(30, verified=False) == [pytest.approx(0.99)]


@pytest.mark.parametrize("limiting", ["advisory", "off"])
def test_nothing_is_written_unless_the_node_is_active(limiting: str) -> None:
    only = msgspec.structs.replace(PARAMETERS, mode=Mode(limiting))
    assert Node(only).live(100) == []


def test_what_is_estimated_comes_before_what_single_meters_say() -> None:
    calm = NodeState(2, (230.0, 231.0, 229.0))
    medium = NodeState(0, (12_000.0,) * 3)
    estimate = EstimationResult((medium, calm), (), (), b"")
    assert Node().live(60, estimate=estimate) == []
    high = EstimationResult((NodeState(2, (230.0, 246.0, 230.0)),), (), (), b"")
    assert len(Node().live(25, estimate=high, customer_pu=1.0)) == 1


def test_an_estimate_that_is_not_verified_moves_no_tap() -> None:
    node = Node()
    node.live(1, customer_pu=1.02)
    guessed = EstimationResult((NodeState(2, (230.0, 250.0, 230.0)),), (), (), b"")
    assert node.live(60, estimate=guessed, customer_pu=1.0, verified=False) == []


def test_without_any_voltage_the_tap_stays() -> None:
    assert Node().live(100, customer_pu=None) == []


@pytest.mark.parametrize("said", [0.0, 2.0, 230.0])
def test_a_set_point_that_no_regulator_can_have_leads_to_no_jump(said: float) -> None:
    node = Node()
    node.setpoint_pu = said
    assert node.live(25) == [pytest.approx(1.02 - 0.03)]


def test_a_busbar_terminal_behind_a_blown_fuse_is_no_low_busbar() -> None:
    node = Node()
    node.busbar_v = (230.0 * 1.02, 230.0 * 1.02, 0.0)
    assert node.live(100) == []


def test_a_disturbance_is_no_reason_to_step() -> None:
    assert Node().live(100, customer_pu=0.4) == []


def test_a_changer_that_does_not_answer_is_told_nothing() -> None:
    node = Node()
    node.answers = False
    assert node.live(100) == []


def test_one_that_ignores_its_set_point_is_an_alarm_and_told_again() -> None:
    node = Node()
    node.obeys = False
    node.live(25)
    assert node.alarms == []
    node.live(4)
    assert node.alarms == [f"adjustment-ignored/{NAME}"]
    node.obeys, node.setpoint_pu = True, 0.99
    node.live(1)
    assert node.alarms == []


def test_operations_of_the_day_are_remembered_over_a_restart() -> None:
    node = Node()
    node.live(1)
    for position in (1, 2, 1, 2):
        node.position = position
        node.live(1)
    assert node.alarms == [f"tap-operations-used-up/{NAME}"]
    (remembered,) = node.voltage.remembered()
    restarted = Node(memory=(remembered,))
    assert restarted.live(100) == []
    assert restarted.alarms == [f"tap-operations-used-up/{NAME}"]
    assert len(restarted.live(30, day=2)) == 1


def test_after_a_restart_the_set_point_in_force_is_kept() -> None:
    node = Node(memory=(TapMemory(NAME, 1, 1, 0.985),))
    node.setpoint_pu = 0.985
    assert node.live(10, customer_pu=1.0) in ([], [0.985])


def test_without_tap_control_in_the_parameters_the_changer_is_only_read() -> None:
    alone = msgspec.structs.replace(PARAMETERS, voltage=VoltageControl())
    assert Node(alone).live(100) == []


def test_a_profile_without_a_set_point_is_refused_at_the_start() -> None:
    with pytest.raises(InputError, match=r"'oltc': .*voltage.*no 'further_setpoints'"):
        Node(adjustable=())


def test_a_transformer_without_taps_is_refused_at_the_start() -> None:
    drivers = cast("Mapping[str, Driver]", {NAME: Regulator()})
    with pytest.raises(InputError, match="'oltc': the network states no taps"):
        voltage_controlling(PARAMETERS, replace(NETWORK, tap_steps_pu={}), drivers, now=0.0)
