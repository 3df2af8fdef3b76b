"""What is asked of a node beside its own decision, as the cycle sees it: orders and responses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ortsnetz_common.link.messages import Order, OrderState
from ortsnetz_edge.control.arbitration import Claim
from ortsnetz_edge.control.device import DeviceControl
from ortsnetz_edge.control.orders import OrderBook
from ortsnetz_edge.control.responses import PreparedResponses


@dataclass(frozen=True, slots=True)
class Outside:
    """Orders and responses of a node."""

    orders: OrderBook
    responses: PreparedResponses

    def step(self, arrived: Iterable[Order], *, now_ns: int, now: float) -> tuple[OrderState, ...]:
        """Take what has arrived, end what is over; what has to be said about it.

        Args:
            arrived: orders since the last cycle.
            now_ns: the node's clock, UTC.
            now: monotonic time, s.
        """
        states = [
            state for order in arrived for state in self.orders.take(order, now_ns=now_ns, now=now)
        ]
        states += self.orders.step(now_ns=now_ns, now=now)
        self.responses.step(self.orders.armed, now=now)
        return tuple(states)

    def confirmed(
        self, controls: Mapping[str, DeviceControl], *, now_ns: int
    ) -> tuple[OrderState, ...]:
        """Orders that all their devices keep by now."""

        def keeps(device: str, limit_w: float) -> bool:
            return controls[device].keeps(limit_w)

        return self.orders.confirm(keeps, now_ns=now_ns)

    @property
    def claims(self) -> Mapping[str, tuple[Claim, ...]]:
        """What is asked of each device."""
        orders, responses = self.orders.claims, self.responses.claims
        if not responses:
            return orders
        names = {*orders, *responses}
        return {name: (*orders.get(name, ()), *responses.get(name, ())) for name in names}

    def counted(self) -> Counter[str]:
        """All counters."""
        found = self.orders.counters + self.responses.counters
        found["orders_in_force"] = len(self.orders.open)
        return found
