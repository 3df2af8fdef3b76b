"""What the API says about orders."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ortsnetz_cockpit.core.api.models import Message, ns
from ortsnetz_cockpit.core.orders.lifecycle import OrderRow

MOST_TARGETS = 1000
LONGEST_S = 31 * 86_400.0
"""As long as a node takes an order for; what shall stay is a parameter."""
Name = Annotated[str, Field(min_length=1, max_length=200)]


class NewOrder(Message):
    """An order; exactly one of `limit_w`, `share`, `mode` and `armed`.

    It ends at `expires_ns`, or `duration_s` after now.
    """

    id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    source: Literal["operator", "market", "tso"] = "operator"
    targets: list[Name] = Field(min_length=1, max_length=MOST_TARGETS)
    limit_w: float | None = Field(default=None, ge=0, le=1e9, allow_inf_nan=False)
    share: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    mode: Literal["off", "advisory", "active"] | None = None
    armed: bool | None = None
    expires_ns: str | None = Field(default=None, pattern=r"^[0-9]{1,19}$")
    duration_s: float | None = Field(default=None, gt=0, le=LONGEST_S, allow_inf_nan=False)
    reason: str = Field(min_length=1, max_length=300)


class OrderInfo(Message):
    """An order and what became of it.

    `state` is waiting, unanswered, accepted, in-force, refused, expired or revoked; `reason` is the
    order's own, `state_reason` what the node says.
    """

    id: str
    node: str
    source: str
    issued_by: str
    issued_ns: str
    expires_ns: str
    reason: str
    targets: list[str]
    limit_w: float | None
    share: float | None
    mode: str | None
    armed: bool | None
    state: str
    state_reason: str
    state_ns: str | None
    open: bool
    sent: int
    in_force_ns: str | None
    revoked_by: str | None


def order_info(row: OrderRow) -> OrderInfo:
    """An order."""
    order = row.order
    return OrderInfo(
        id=order.id,
        node=order.node,
        source=order.source.name.lower(),
        issued_by=order.issued_by,
        issued_ns=str(order.issued_ns),
        expires_ns=str(order.expires_ns),
        reason=order.reason,
        targets=list(order.targets),
        limit_w=order.limit_w,
        share=order.share,
        mode=order.mode,
        armed=order.armed,
        state=row.state.value,
        state_reason=row.reason,
        state_ns=ns(row.state_ns),
        open=row.is_open,
        sent=row.sent,
        in_force_ns=ns(row.in_force_ns),
        revoked_by=row.revoked_by,
    )
