"""What the order book remembers over a restart."""

from __future__ import annotations

from msgspec import Struct

from ortsnetz_common.link.messages import Order, OrderState
from ortsnetz_common.measurement.time import NS_PER_S


class KeptOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """An order in force, as it is kept over a restart.

    Attributes:
        left_s: of its life when this was written, by the clock that never jumps.
        state: the last that was said of it.
    """

    order: Order
    left_s: float
    state: OrderState


class RevokedOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """An order that must not be taken again; forgotten when it would have expired anyhow."""

    id: str
    until_ns: int
    state: OrderState


class OrderMemory(Struct, frozen=True, forbid_unknown_fields=True):
    """What the book remembers over a restart."""

    orders: tuple[KeptOrder, ...] = ()
    revoked: tuple[RevokedOrder, ...] = ()


def left_after_restart(kept: KeptOrder, now_ns: int, *, clock_kept: bool) -> float:
    """What an order has left after a restart, s: by the clock, never more than when it was written.

    A clock that nothing keeps may be hours ahead after a restart, and would lift a limit: then the
    time in which the node was down does not count. What lessens control (a mode, a response that is
    disarmed) ends by any clock.

    Args:
        kept: as it was written.
        now_ns: the node's clock, UTC.
        clock_kept: whether that is synchronised.
    """
    by_clock_s = (kept.order.expires_ns - now_ns) / NS_PER_S
    if clock_kept or not holds_back(kept.order):
        return min(kept.left_s, by_clock_s)
    return kept.left_s


def holds_back(order: Order) -> bool:
    """Whether an order can only hold devices back: it may last longer, and must not end early."""
    return order.limit_w is not None or order.share is not None or order.armed is True
