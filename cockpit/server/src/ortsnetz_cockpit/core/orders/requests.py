"""A request of the TSO, divided among the devices of a node and given as orders. Pure.

The request ends here, at the DSO's interface: devices get orders of their DSO, with source TSO.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass

from ortsnetz_cockpit.core.timeseries.latest import LiveValue
from ortsnetz_common.link.messages import Order, SetpointSource
from ortsnetz_common.measurement.point import ACTIVE_POWER, phase_points
from ortsnetz_common.measurement.quality import is_usable
from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_common.parameters.parameter_set import Group
from ortsnetz_common.parameters.station import NOMINAL_PHASE_V, Device, DeviceKind
from ortsnetz_grid.functions.congestion.disaggregation import Contributor, Disaggregation

ACTIVE = "active"
_LESSER = ("off", "advisory", ACTIVE)  # the lesser first
FRESH_NS = 30 * NS_PER_S
"""What a device said longer ago says nothing about what it can give now."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and why.

    Attributes:
        request: id; the orders' ids begin with it.
        user: who has passed it on.
    """

    request: str
    node: str
    user: str
    reason: str
    issued_ns: int


def idle(
    devices: Iterable[Device],
    mode: str | None,
    groups: Iterable[Group],
    orders: Iterable[Order],
) -> dict[str, str]:
    """Devices that nothing is written to, and why: an order to them is not followed.

    Args:
        devices: of the node.
        mode: of the whole node; None where it has not told it.
        groups: of the node.
        orders: that may act there; those of modes lessen what the groups have.
    """
    modes = {group.name: group.mode for group in groups}
    by_order: dict[str, str] = {}
    for order in orders:
        if order.mode is not None:
            for name in order.targets:
                by_order[name] = min(by_order.get(name, ACTIVE), order.mode, key=_LESSER.index)
    found: dict[str, str] = {}
    for device in devices:
        own = [mode or ACTIVE, modes.get(device.group, ACTIVE)]
        least = min((*own, by_order.get(device.group, ACTIVE)), key=_LESSER.index)
        if least != ACTIVE:
            place = "the node" if mode == least else f"group '{device.group}'"
            found[device.name] = f"{place} is {least}{'' if least in own else ' by order'}"
    return found


def contributors(
    devices: Iterable[Device],
    values: Iterable[LiveValue],
    now_ns: int,
    idle: Container[str] = (),
) -> list[Contributor]:
    """What each device can give by a limit: a limit holds back, it never makes anybody do more.

    Args:
        devices: that may take part.
        values: live values of the node.
        now_ns: UTC; what was measured long ago counts as not known.
        idle: devices that would not follow: they count in a sum, and give nothing.
    """
    watts = {
        value.name: value.value
        for value in values
        if is_usable(value.quality) and abs(now_ns - value.time_ns) <= FRESH_NS
    }
    return [
        _contributor(device, _present_w(device, watts), follows=device.name not in idle)
        for device in devices
    ]


def _present_w(device: Device, watts: Mapping[str, float | None]) -> float | None:
    """What a device draws, all its phases; None when one of them is not known."""
    names = phase_points(ACTIVE_POWER)[: device.phase_count]
    found = [watts.get(f"{device.name}/{name}") for name in names]
    known = [value for value in found if value is not None]
    return sum(known) if len(known) == len(found) else None


def _contributor(device: Device, present_w: float | None, *, follows: bool) -> Contributor:
    power = present_w or 0.0
    if not follows:
        return Contributor(device.name, present_w, power, power, device.weight)
    step_w = None
    floor_w = device.floor_w
    if device.step_a is not None:
        step_w = device.step_a * NOMINAL_PHASE_V * device.phase_count
        floor_w = math.ceil(floor_w / step_w - 1e-9) * step_w
    if device.kind is DeviceKind.PV or power < 0:
        lowest_w, highest_w = power, max(power, -floor_w)
    else:
        lowest_w, highest_w = min(power, floor_w), power
    return Contributor(device.name, present_w, lowest_w, highest_w, device.weight, step_w)


def orders(found: Disaggregation, asker: Asker) -> list[Order]:
    """One order a device; they end one after the other."""
    return [
        Order(
            id=f"{asker.request}.{number}",
            node=asker.node,
            source=SetpointSource.TSO,
            issued_by=asker.user,
            issued_ns=asker.issued_ns,
            expires_ns=asker.issued_ns + round(part.ends_after_s * NS_PER_S),
            reason=asker.reason,
            targets=(part.name,),
            limit_w=abs(part.setpoint_w),
        )
        for number, part in enumerate(found.parts, start=1)
    ]
