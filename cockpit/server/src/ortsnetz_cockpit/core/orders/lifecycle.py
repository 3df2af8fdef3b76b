"""What becomes of an order, as the cockpit sees it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from ortsnetz_common.link.messages import Order, OrderState
from ortsnetz_common.measurement.time import NS_PER_S


class State(StrEnum):
    """From what the cockpit knows by itself to what the node has said."""

    WAITING = "waiting"  # for the node's answer
    UNANSWERED = "unanswered"  # it expired before the node has said anything
    ACCEPTED = "accepted"
    IN_FORCE = "in-force"  # all its devices have confirmed it
    REFUSED = "refused"
    EXPIRED = "expired"
    REVOKED = "revoked"


OPEN = (State.WAITING, State.ACCEPTED, State.IN_FORCE)
_RANK = {
    State.WAITING: 0,
    State.UNANSWERED: 1,
    State.ACCEPTED: 2,
    State.IN_FORCE: 3,
    State.REFUSED: 4,
    State.EXPIRED: 4,
    State.REVOKED: 4,
}
SILENT_NS = 300 * NS_PER_S
"""So long after its end the node may say that an order has ended: clocks differ, links are slow."""
KEPT_NS = 90 * 86_400 * NS_PER_S
"""So long after its end an order is listed: a quarter is what is looked into and settled. Who gave
what to whom, and why, stays in the audit trail; what it did is in interventions and log."""
RESEND_FIRST_NS = 2 * NS_PER_S
RESEND_CAP_NS = 30 * NS_PER_S


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order and what became of it.

    Attributes:
        state_ns: when the node, or the cockpit, came to the state; None while it waits.
        sent: times that it was given to the broker, which need not have taken it.
        last_sent_ns: when last.
        in_force_ns: when the last of its devices had confirmed it, by the node's clock.
        revoked_by: who has asked to end it; None if nobody has.
    """

    order: Order
    state: State = State.WAITING
    reason: str = ""
    state_ns: int | None = None
    sent: int = 0
    last_sent_ns: int | None = None
    in_force_ns: int | None = None
    revoked_by: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether it may still act."""
        return self.state in OPEN

    def is_due(self, now_ns: int) -> bool:
        """Whether it has to be sent now: at first, and again less and less often."""
        if self.state is not State.WAITING or self.order.expires_ns <= now_ns:
            return False
        if self.order.revokes is None and self.revoked_by is not None:
            return False
        if self.last_sent_ns is None:
            return True
        pause_ns: int = min(RESEND_CAP_NS, RESEND_FIRST_NS * 2 ** min(self.sent - 1, 8))
        # a clock that was set back must not silence it
        return not 0 <= now_ns - self.last_sent_ns < pause_ns


def follow(before: OrderRow, record: OrderState) -> OrderRow | None:
    """The row after a record of the node; None when it changes nothing.

    An order moves on only: what is over stays over, and a repetition changes nothing. While it may
    act, the node says anew who follows it when that changes.
    """
    try:
        state = State(record.state)
    except ValueError:
        return None  # a later version of the agent has states that this cockpit does not know
    if state is before.state and before.is_open and record.reason != before.reason:
        return replace(before, reason=record.reason)
    if _RANK[state] <= _RANK[before.state]:
        return None
    return replace(
        before,
        state=state,
        reason=record.reason,
        state_ns=record.time_ns,
        in_force_ns=record.time_ns if state is State.IN_FORCE else before.in_force_ns,
    )


def overdue(before: OrderRow, now_ns: int) -> OrderRow | None:
    """The row once an order's time is over without a word of the node; None while it is not.

    A node that has lost its memory, or is gone, never says that an order has ended: it would stand
    as in force for ever.
    """
    if before.state is State.WAITING and before.order.expires_ns <= now_ns:
        text = f"it expired before the node said anything; it was sent {before.sent} times"
        return replace(before, state=State.UNANSWERED, reason=text, state_ns=now_ns)
    if before.is_open and before.order.expires_ns + SILENT_NS <= now_ns:
        text = "its time is over; the node has not said that it has ended"
        return replace(before, state=State.EXPIRED, reason=text, state_ns=now_ns)
    return None
