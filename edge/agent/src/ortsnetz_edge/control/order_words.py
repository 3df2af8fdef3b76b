"""What is said about orders, for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from msgspec.structs import replace

from ortsnetz_common.link.messages import Order, OrderState, SetpointSource
from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_common.parameters.station import Device

_SOURCE_WORDS = {
    SetpointSource.OPERATOR: "operator",
    SetpointSource.MARKET: "market",
    SetpointSource.TSO: "TSO",
}
_LASTING = frozenset({"accepted", "in-force", "revoked"})


def who(order: Order) -> str:
    """An order by its id, its source and who gave it."""
    return f"order {order.id} of {_SOURCE_WORDS[order.source]} {order.issued_by}".rstrip()


def some(names: Iterable[str]) -> str:
    """The first five names, and how many more there are."""
    found = list(names)
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    return ", ".join(found[:5]) + more


def limit_of(order: Order, device: Device) -> float:
    """What an order allows a device, magnitude in W; not below its floor, not above its rating."""
    asked_w = asked_of(order, device)
    return min(device.rated_w, max(device.floor_w, asked_w))


def asked_of(order: Order, device: Device) -> float:
    """What an order asks of a device, magnitude in W, whatever its floor is."""
    if order.limit_w is not None:
        return order.limit_w
    if order.share is not None:
        return order.share * device.rated_w
    return device.rated_w


def floors_that_hold(order: Order, devices: tuple[Device, ...]) -> str:
    """Which floors hold against an order, in words; empty where none has to."""
    held = [
        device
        for device in devices
        if asked_of(order, device) < device.floor_w * (1 - 1e-9)  # rounding of a share
    ]
    if not held:
        return ""
    named = ", ".join(
        f"{d.name} ({d.floor_w / 1000:.2f} kW{f', {d.floor_rule}' if d.floor_rule else ''})"
        for d in held[:5]
    )
    more = f" and {len(held) - 5} more" if len(held) > 5 else ""
    return f"it is below the guaranteed floor, which holds, at {named}{more}"


def contradictions(
    order: Order, devices: Iterable[Device], others: Mapping[str, Iterable[Order]]
) -> str:
    """Which orders ask for another limit of the same devices, in words; empty where none does.

    Args:
        order: that has come.
        devices: that it concerns.
        others: orders in force, by device.
    """
    lower: set[str] = set()
    higher: set[str] = set()
    for device in devices:
        asked_w = limit_of(order, device)
        for other in others[device.name]:
            other_w = limit_of(other, device)
            if other_w < asked_w:
                lower.add(who(other))
            elif other_w > asked_w:
                higher.add(who(other))
    said = []
    if lower:
        said.append(f"{some(sorted(lower))} asks for less, and the lowest limit holds")
    if higher:
        said.append(f"{some(sorted(higher))} asks for more, and the lowest limit holds")
    return "; ".join(said)


def not_followed(found: Mapping[str, Iterable[str]]) -> str:
    """Which devices nothing is written to, in words; empty where there are none.

    Args:
        found: devices by what keeps them from it, e.g. `group 'street' is advisory`.
    """
    return "; ".join(
        f"not followed by {some(names)}: {why}, nothing is written there"
        for why, names in found.items()
    )


def not_kept(states: Iterable[OrderState], failure: str | None) -> tuple[OrderState, ...]:
    """The same states; what has to last says that it is lost over a restart.

    Args:
        states: to be told.
        failure: why the node's memory could not be written; None if it was.
    """
    if failure is None:
        return tuple(states)
    said = f"not kept over a restart of the node: {failure}; mend its disk, then give it again"
    return tuple(
        replace(state, reason=f"{state.reason}; {said}" if state.reason else said)
        if state.state in _LASTING
        else state
        for state in states
    )


def instant(time_ns: int) -> str:
    """An instant for people, to the second, UTC."""
    try:
        return datetime.fromtimestamp(time_ns // NS_PER_S, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):  # a clock or an order beyond the calendar
        return f"{time_ns} ns"
