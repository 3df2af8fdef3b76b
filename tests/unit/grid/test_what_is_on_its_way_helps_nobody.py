"""Decisions for one direction count on nothing that the other direction is only about to do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ortsnetz_common.parameters.station import DeviceKind
from ortsnetz_grid.functions.congestion.problem import ControlledDevice, LimitSet, Offsets
from ortsnetz_grid.functions.congestion.situation import Situation
from ortsnetz_grid.functions.congestion.transition import (
    CONSUMPTION,
    FEED_IN,
    at_limits,
    at_most_now,
    direction_of,
    is_mixed,
)
from ortsnetz_grid.network.model import Network

NONE = Offsets(np.zeros((1, 3)), np.zeros(1))
CAR = ControlledDevice(1, DeviceKind.EV, (3000.0, 3000.0, 3000.0), (1400.0, 1400.0, 1400.0))
ROOF = ControlledDevice(2, DeviceKind.PV, (-4000.0, -4000.0, -4000.0), (0.0, 0.0, 0.0))


def situation(*present: tuple[ControlledDevice, float]) -> Situation:
    """Devices with what they draw or feed in now; a customer stands before them in the network."""
    devices = tuple(device for device, _ in present)
    loads = np.zeros(1 + len(devices), [("p_specified", "f8", 3), ("q_specified", "f8", 3)])
    loads["p_specified"][0] = 500.0
    for row, device in enumerate(devices, start=1):
        loads["p_specified"][row] = device.request_w
        loads["q_specified"][row] = np.array(device.request_w) / 10
    return Situation(
        network=Network(data={"asym_load": loads}, document={}, components={}, names={}),
        devices=devices,
        limits=LimitSet((0.9, 1.1), 1.0),
        bias=NONE,
        margin=NONE,
        names={device.id: str(device.id) for device in devices},
        idle=(),
        uncontrolled=(),
        drawn_w=tuple(drawn_w for _, drawn_w in present),
        used={device.id: 1.0 for device in devices},
    )


def test_a_car_that_may_charge_soon_makes_no_room_for_roofs_yet() -> None:
    found = at_most_now(situation((CAR, 4500.0), (ROOF, 6000.0)), CONSUMPTION)
    assert found.devices[0].request_w == (1500.0, 1500.0, 1500.0)
    assert found.devices[1] == ROOF
    loads = found.network.data["asym_load"]
    assert loads["p_specified"].tolist() == [[500.0] * 3, [1500.0] * 3, [-4000.0] * 3]
    assert loads["q_specified"][1].tolist() == [150.0] * 3  # power factors stay


def test_sunshine_that_is_not_there_makes_no_room_for_cars() -> None:
    found = at_most_now(situation((CAR, 4500.0), (ROOF, 6000.0)), FEED_IN)
    assert found.devices[0] == CAR
    assert sum(found.devices[1].request_w) == -6000.0


def test_what_a_car_is_about_to_lose_helps_nobody_either() -> None:
    found = at_most_now(situation((CAR, 9000.0), (ROOF, 0.0)), CONSUMPTION, {1: 4200.0})
    assert sum(found.devices[0].request_w) == pytest.approx(4200.0)


def test_nobody_asks_for_more_than_before() -> None:
    above_nominal = situation((CAR, 9400.0), (ROOF, 12_300.0))
    for direction in (CONSUMPTION, FEED_IN):
        assert at_most_now(above_nominal, direction).devices == above_nominal.devices


def test_a_car_that_does_the_opposite_of_its_request_counts_with_nothing() -> None:
    found = at_most_now(situation((CAR, -100.0)), CONSUMPTION)
    assert sum(found.devices[0].request_w) == 0.0
    assert direction_of(found.devices[0]) == CONSUMPTION


def test_only_requests_in_both_directions_need_two_decisions() -> None:
    asleep = ControlledDevice(3, DeviceKind.PV, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    assert is_mixed(situation((CAR, 0.0), (ROOF, 0.0)))
    assert not is_mixed(situation((CAR, 0.0), (asleep, 0.0)))
    assert not is_mixed(situation((ROOF, 0.0)))


def test_limits_that_were_found_bound_requests_and_who_has_none_asks_as_before() -> None:
    found = at_limits(situation((CAR, 9000.0), (ROOF, 0.0)), {1: 4500.0})
    assert found.devices[0].request_w == (1500.0, 1500.0, 1500.0)
    assert found.devices[1] == ROOF


def test_a_limit_counts_at_all_terminals_of_a_device_that_uses_some() -> None:
    both = situation((CAR, 9000.0))
    found = at_limits(replace(both, used={1: 1 / 3}), {1: 13_500.0})
    assert sum(found.devices[0].request_w) == pytest.approx(4500.0)
