"""What the order book remembers over a restart."""

from __future__ import annotations

from msgspec import Struct

from ortsnetz_common.link.messages import Order, OrderState


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
