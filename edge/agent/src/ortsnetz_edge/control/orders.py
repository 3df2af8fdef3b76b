"""The order book: what operator, market and TSO want of this node until an instant. Pure.

An order can lower limits and never raises one above what is safe. How long it has is taken from
the node's clock when it is accepted, and counted by the clock that never jumps: a clock that is set
ends no order early, which would lift a limit, and makes none last longer. Orders in force are kept
over a restart; then they have what both clocks leave them, the lesser of the two, but a limit is
not ended by a clock that nothing keeps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from ortsnetz_common.link.messages import Order, OrderState
from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_common.parameters.parameter_set import ParameterSet
from ortsnetz_common.parameters.station import Device
from ortsnetz_edge.control.arbitration import Claim
from ortsnetz_edge.control.modes import GroupModes
from ortsnetz_edge.control.order_checks import (
    Targets,
    names_any,
    refusal,
    unknown_targets,
)
from ortsnetz_edge.control.order_memory import (
    KeptOrder,
    OrderMemory,
    RevokedOrder,
    left_after_restart,
)
from ortsnetz_edge.control.order_words import (
    contradictions,
    floors_that_hold,
    instant,
    limit_of,
    not_followed,
    some,
    who,
)

MOST_ORDERS = 1000
MOST_OF_A_DEVICE = 20
"""Orders for the limit of one device: what is asked of all devices is looked at in each cycle."""
MOST_REVOKED = 1000
_MODES = ("off", "advisory", "active")  # the lesser first


@dataclass(slots=True, eq=False)
class _Open:
    """An order in force.

    Attributes:
        ends: monotonic time, s.
        devices: whose limit it concerns; none for modes and responses.
        waits_for: one that did not keep it yet when it was last asked.
    """

    order: Order
    ends: float
    state: OrderState
    devices: tuple[Device, ...]
    waits_for: Device | None = None


class OrderBook:
    """Takes, keeps and ends orders; says what they ask of each device, group and response."""

    def __init__(
        self,
        parameters: ParameterSet,
        memory: OrderMemory | None = None,
        *,
        now_ns: int,
        now: float,
        clock_kept: Callable[[], bool] = lambda: True,
    ) -> None:
        """Begin with the orders that were in force when the agent last ran.

        Args:
            parameters: the set in force; orders for what it does not have any more end.
            memory: of the last run.
            now_ns: the node's clock, UTC.
            now: monotonic time, s.
            clock_kept: whether the node's clock is synchronised; asked again, until it is, while
                orders of the last run have not been measured by it.
        """
        self.counters: Counter[str] = Counter()
        self._clock_kept = clock_kept
        self._node = parameters.node
        self._targets = Targets(parameters)
        self._group_modes = GroupModes(parameters)
        self._idle_now: Mapping[str, str] | None = None
        self._idle_told: Mapping[str, str] | None = None
        self._open: dict[str, _Open] = {}
        self._revoked: dict[str, RevokedOrder] = {}
        self._claims: Mapping[str, tuple[Claim, ...]] | None = None
        self._concerning: dict[str, list[_Open]] = {}
        self._news: list[OrderState] = []
        memory = memory or OrderMemory()
        is_kept = clock_kept()
        self._unmeasured = () if is_kept else tuple(kept.order.id for kept in memory.orders)
        for kept in memory.orders[:MOST_ORDERS]:
            order = kept.order
            ends = now + left_after_restart(kept, now_ns, clock_kept=is_kept)
            self._put(_Open(order, ends, kept.state, self._devices(order)))
            wrong = unknown_targets(order, self._targets)
            # a new parameter set may have no such device; what it says of others is not lifted
            if wrong is not None and ends > now and not names_any(order, self._targets):
                self._end(order.id, "refused", f"after a restart: {wrong}", now_ns)
        for item in memory.revoked[-MOST_REVOKED:]:
            self._revoked[item.id] = item

    def take(self, order: Order, *, now_ns: int, now: float) -> tuple[OrderState, ...]:
        """Take an order, or refuse it; what is to be said about it, and about others it ends.

        An order that has come before changes nothing: the same is said again.
        """
        known = self._open.get(order.id)
        if known is not None:
            if known.order == order:
                self.counters["orders_repeated"] += 1
                return (known.state,)
            self.counters["orders_refused"] += 1
            return ()  # its state belongs to the order that holds: a second one cannot have it
        revoked = self._revoked.get(order.id)
        if revoked is not None:
            self.counters["orders_repeated"] += 1
            return (revoked.state,)
        wrong = refusal(order, self._targets, self._node, now_ns)
        devices = () if wrong is not None else self._devices(order)
        if wrong is None and order.revokes is None:
            wrong = self._no_room(devices)
        if wrong is not None:
            self.counters["orders_refused"] += 1
            return (OrderState(order.id, now_ns, "refused", wrong),)
        self.counters["orders_accepted"] += 1
        if order.revokes is not None:
            return self._revoke(order, order.revokes, now_ns)
        state = OrderState(order.id, now_ns, "accepted", self._about(order, devices))
        ends = now + (order.expires_ns - now_ns) / NS_PER_S
        self._put(_Open(order, ends, state, devices))
        return (state,)

    def step(self, *, now_ns: int, now: float) -> tuple[OrderState, ...]:
        """End what has expired; once a cycle."""
        if self._unmeasured and self._clock_kept():
            for item in filter(None, map(self._open.get, self._unmeasured)):
                item.ends = min(item.ends, now + (item.order.expires_ns - now_ns) / NS_PER_S)
            self._unmeasured = ()
        for name, item in list(self._open.items()):
            if item.ends <= now:
                self._end(name, "expired", f"it ended at {instant(item.order.expires_ns)}", now_ns)
        for name in [n for n, item in self._revoked.items() if item.until_ns <= now_ns]:
            del self._revoked[name]
        self._tell_anew(now_ns)
        news, self._news = tuple(self._news), []
        return news

    def confirm(
        self, keeps: Callable[[str, float], bool], *, now_ns: int
    ) -> tuple[OrderState, ...]:
        """Orders that all their devices keep by now; each is said to be in force once.

        Args:
            keeps: whether a device has confirmed a limit, W, or a lower one.
            now_ns: the node's clock, UTC.
        """
        states: list[OrderState] = []
        for item in self._open.values():
            if item.state.state != "accepted" or not item.devices:
                continue
            if item.waits_for is not None and not self._keeps(item, item.waits_for, keeps):
                continue  # the others need not be asked
            slow = (device for device in item.devices if not self._keeps(item, device, keeps))
            item.waits_for = next(slow, None)
            if item.waits_for is None:
                item.state = OrderState(item.order.id, now_ns, "in-force", "")
                item.state = replace(item.state, reason=self._words(item))
                states.append(item.state)
        return tuple(states)

    def _keeps(self, item: _Open, device: Device, keeps: Callable[[str, float], bool]) -> bool:
        """Whether a device keeps an order; where nothing is written, it keeps none by order."""
        return device.name not in self._idle and keeps(device.name, limit_of(item.order, device))

    @property
    def claims(self) -> Mapping[str, tuple[Claim, ...]]:
        """What orders ask of each device."""
        if self._claims is None:
            self._claims = {
                name: tuple(_claim(item.order, self._targets.devices[name]) for item in found)
                for name, found in self._concerning.items()
                if found
            }
        return self._claims

    @property
    def modes(self) -> Mapping[str, str]:
        """Mode of each group that an order gives one: the least of all."""
        found: dict[str, str] = {}
        for item in self._open.values():
            mode = item.order.mode
            if mode is None:
                continue
            for group in item.order.targets:
                found[group] = min(found.get(group, "active"), mode, key=_MODES.index)
        return found

    @property
    def armed(self) -> Mapping[str, bool]:
        """Whether orders arm or disarm a response; of several the one issued last counts."""
        found: dict[str, bool] = {}
        for item in sorted(self._open.values(), key=lambda one: one.order.issued_ns):
            if item.order.armed is not None:
                found.update(dict.fromkeys(item.order.targets, item.order.armed))
        return found

    @property
    def open(self) -> tuple[Order, ...]:
        """Orders in force."""
        return tuple(item.order for item in self._open.values())

    def memory(self, *, now: float) -> OrderMemory:
        """What has to survive a restart."""
        return OrderMemory(
            tuple(
                KeptOrder(item.order, item.ends - now, item.state) for item in self._open.values()
            ),
            tuple(self._revoked.values()),
        )

    def _revoke(self, order: Order, name: str, now_ns: int) -> tuple[OrderState, ...]:
        reason = f"revoked by {order.issued_by}"
        if order.reason:
            reason = f"{reason}: {order.reason}"
        held = self._open.get(name)
        if held is not None:
            self._drop(name)
        state = OrderState(name, now_ns, "revoked", reason)
        until_ns = order.expires_ns if held is None else held.order.expires_ns
        self._remember_revoked(RevokedOrder(name, until_ns, state))
        about = f"order {name} has ended"
        if held is None:
            about = f"order {name} is not in force here; it is not taken if it comes"
        answer = OrderState(order.id, now_ns, "accepted", about)
        self._remember_revoked(RevokedOrder(order.id, order.expires_ns, answer))
        return state, answer

    def _remember_revoked(self, item: RevokedOrder) -> None:
        if len(self._revoked) >= MOST_REVOKED:
            del self._revoked[min(self._revoked, key=lambda name: self._revoked[name].until_ns)]
            self.counters["orders_revoked_forgotten"] += 1
        self._revoked[item.id] = item

    def _end(self, name: str, state: str, reason: str, now_ns: int) -> None:
        self._drop(name)
        self.counters[f"orders_{state}"] += 1
        self._news.append(OrderState(name, now_ns, state, reason))

    def _put(self, item: _Open) -> None:
        self._open[item.order.id] = item
        for device in item.devices:
            self._concerning.setdefault(device.name, []).append(item)
        self._claims = self._idle_now = None

    def _drop(self, name: str) -> None:
        item = self._open.pop(name)
        for device in item.devices:
            self._concerning[device.name].remove(item)
        self._claims = self._idle_now = None

    def _no_room(self, devices: tuple[Device, ...]) -> str | None:
        """Why no further order is taken, in words; None where one is."""
        if len(self._open) >= MOST_ORDERS:
            return f"{MOST_ORDERS} orders are in force here: revoke some first"
        for device in devices:
            if len(self._concerning.get(device.name, ())) >= MOST_OF_A_DEVICE:
                return (
                    f"{MOST_OF_A_DEVICE} orders for {device.name} are in force: revoke some first"
                )
        return None

    def _devices(self, order: Order) -> tuple[Device, ...]:
        return self._targets.named(order.targets) if _asks(order) else ()

    def _about(self, order: Order, devices: tuple[Device, ...]) -> str:
        """What has to be said of an order: who does not follow it, floors, other limits."""
        if order.armed:
            return self._not_followed(self._targets.of_responses(order.targets))
        if not _asks(order):
            return ""
        if not devices:
            return "no device belongs to it"
        others = {
            device.name: [item.order for item in self._concerning.get(device.name, ())]
            for device in devices
        }
        said = [
            self._not_followed(devices),
            floors_that_hold(order, devices),
            contradictions(order, devices, others),
        ]
        return "; ".join(text for text in said if text)

    def _not_followed(self, devices: tuple[Device, ...]) -> str:
        """Which of the devices nothing is written to, and why, in words; empty where none."""
        found: dict[str, list[str]] = {}
        for device in devices:
            if device.name in self._idle:
                found.setdefault(self._idle[device.name], []).append(device.name)
        return not_followed(found)

    def _words(self, item: _Open) -> str:
        """Reason of an order's state as things are now."""
        about = self._about(item.order, item.devices)
        if item.state.state != "in-force":
            return about
        said = f"confirmed by {some([d.name for d in item.devices])}"
        return f"{said}; {about}" if about else said

    @property
    def _idle(self) -> Mapping[str, str]:
        """Devices that nothing is written to, and why."""
        if self._idle_now is None:
            ordered = self.modes
            reasons = {
                name: self._group_modes.why_idle(device, ordered)
                for name, device in self._targets.devices.items()
            }
            self._idle_now = {name: why for name, why in reasons.items() if why is not None}
        return self._idle_now

    def _tell_anew(self, now_ns: int) -> None:
        """Say of orders who follows them, where a mode has changed, or the parameter set."""
        told, idle = self._idle_told, self._idle
        if told == idle:
            return
        self._idle_told = idle
        for item in self._open.values():
            names = [device.name for device in item.devices]
            if not names or (told is not None and all(told.get(n) == idle.get(n) for n in names)):
                continue
            reason = self._words(item)
            if reason != item.state.reason:
                item.state = OrderState(item.order.id, now_ns, item.state.state, reason)
                self._news.append(item.state)


def _asks(order: Order) -> bool:
    return order.limit_w is not None or order.share is not None


def _claim(order: Order, device: Device) -> Claim:
    reason = f"{who(order)}: {order.reason}" if order.reason else who(order)
    limit_w = limit_of(order, device)
    return Claim(order.source, limit_w, reason, until_ns=order.expires_ns)
