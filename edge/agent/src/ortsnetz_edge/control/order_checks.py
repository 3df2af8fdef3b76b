"""Whether an order can be taken, and what is said about it. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ortsnetz_common.link.messages import Order, SetpointSource
from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_common.parameters.parameter_set import MODES, ParameterSet
from ortsnetz_common.parameters.station import Device
from ortsnetz_edge.control.order_words import instant

AHEAD_NS = 60 * NS_PER_S
"""An order that was issued later than this after the node's present: a clock is wrong."""
LONGEST_NS = 31 * 86_400 * NS_PER_S
"""Longest life of an order: an override ends by itself, what shall stay is a parameter."""
EARLIEST_NS = 1_767_225_600 * NS_PER_S
"""1 January 2026, UTC: a clock that shows an earlier time has never been set."""
MOST_TARGETS = 1000
MOST_CHARACTERS = 500
_SOURCES = frozenset({SetpointSource.OPERATOR, SetpointSource.MARKET, SetpointSource.TSO})
_SAID_WRONG = "give exactly one of limit_w, share, mode, armed and revokes"


class Targets:
    """What orders of a parameter set may name."""

    def __init__(self, parameters: ParameterSet) -> None:
        self.devices: Mapping[str, Device] = {d.name: d for d in parameters.station.devices}
        self.groups = frozenset(group.name for group in parameters.groups)
        self.responses = {response.name: response.targets for response in parameters.responses}

    def of_responses(self, names: tuple[str, ...]) -> tuple[Device, ...]:
        """Devices of prepared responses."""
        targets = [target for name in names for target in self.responses.get(name, ())]
        return self.named(tuple(targets))

    def named(self, targets: tuple[str, ...]) -> tuple[Device, ...]:
        """Devices that are named, or belong to a group that is; in the order of the station."""
        names = set(targets)
        return tuple(
            device
            for device in self.devices.values()
            if device.name in names or (device.group and device.group in names)
        )


def refusal(order: Order, targets: Targets, node: str, now_ns: int) -> str | None:
    """Why an order cannot be taken, in words, with what to do; None when it can.

    Args:
        order: as it came.
        targets: of the parameter set in force.
        node: name of this node.
        now_ns: the node's clock, UTC.
    """
    return (
        _wrong_form(order, node)
        or _wrong_time(order, now_ns)
        or _wrong_content(order)
        or unknown_targets(order, targets)
    )


def _wrong_form(order: Order, node: str) -> str | None:
    if order.node != node:
        return f"the order is for node '{order.node}', this is '{node}'"
    if not 0 < len(order.id) <= MOST_CHARACTERS:
        return f"the id has {len(order.id)} characters: give 1 to {MOST_CHARACTERS}"
    if len(order.reason) > MOST_CHARACTERS or len(order.issued_by) > MOST_CHARACTERS:
        return f"reason and name have at most {MOST_CHARACTERS} characters"
    if order.source not in _SOURCES:
        return f"'{order.source.name.lower()}' gives no orders: operator, market and TSO do"
    return None


def _wrong_time(order: Order, now_ns: int) -> str | None:
    if now_ns < EARLIEST_NS:
        return f"the node's clock is not set (it shows {instant(now_ns)}): check its time source"
    if order.issued_ns > now_ns + AHEAD_NS:
        ahead_s = (order.issued_ns - now_ns) / NS_PER_S
        return (
            f"it was issued {ahead_s:.0f} s after the node's present, {instant(now_ns)}: "
            "check the clocks of node and cockpit"
        )
    if order.expires_ns <= now_ns:
        return f"it has expired: it ended at {instant(order.expires_ns)}, now is {instant(now_ns)}"
    if order.expires_ns - now_ns > LONGEST_NS:
        days = LONGEST_NS // (86_400 * NS_PER_S)
        return f"it would last longer than {days} days: what shall stay is a parameter"
    return None


def _wrong_content(order: Order) -> str | None:
    given = [
        value
        for value in (order.limit_w, order.share, order.mode, order.armed, order.revokes)
        if value is not None
    ]
    if len(given) != 1:
        return f"it says {'nothing' if not given else 'several things'}: {_SAID_WRONG}"
    return _wrong_amount(order) or _not_entitled(order)


def _wrong_amount(order: Order) -> str | None:
    if order.limit_w is not None and not (math.isfinite(order.limit_w) and order.limit_w >= 0):
        return f"the limit of {order.limit_w:g} W is no magnitude: give 0 or a positive number"
    if order.share is not None and not 0 <= order.share <= 1:
        return f"the share {order.share:g} is not between 0 and 1"
    if order.mode is not None and order.mode not in MODES:
        return f"the mode '{order.mode}' is unknown: off, advisory or active"
    return None


def _not_entitled(order: Order) -> str | None:
    if order.mode is not None and order.source is not SetpointSource.OPERATOR:
        return "only an operator changes a mode"
    if order.armed is not None and order.source is SetpointSource.MARKET:
        return "a market arms no responses"
    return None


def unknown_targets(order: Order, targets: Targets) -> str | None:
    """Which targets the parameter set does not have, in words; None if it has all."""
    if order.revokes is not None:
        return None
    if not 0 < len(order.targets) <= MOST_TARGETS:
        return f"it has {len(order.targets)} targets: name 1 to {MOST_TARGETS}"
    known, kind = _may_name(order, targets)
    unknown = sorted({name for name in order.targets if name not in known})
    if not unknown:
        return None
    names = ", ".join(f"'{name}'" for name in unknown[:5])
    more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
    return f"this node has no {kind} {names}{more}"


def names_any(order: Order, targets: Targets) -> bool:
    """Whether the parameter set has at least one of an order's targets."""
    known, _ = _may_name(order, targets)
    return not known.isdisjoint(order.targets)


def _may_name(order: Order, targets: Targets) -> tuple[frozenset[str], str]:
    """What an order's targets may be, and what that is called."""
    if order.mode is not None:
        return targets.groups, "group"
    if order.armed is not None:
        return frozenset(targets.responses), "prepared response"
    return frozenset(targets.devices) | targets.groups, "device or group"
