"""The life of an alarm after IEC 62682, figure 2: raised, acknowledged, cleared. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from ortsnetz_common.link.messages import Alarm, AlarmState


class State(StrEnum):
    """States of IEC 62682 that this cockpit uses."""

    NORMAL = "normal"
    ACTIVE_UNACKNOWLEDGED = "active_unacknowledged"
    ACTIVE_ACKNOWLEDGED = "active_acknowledged"
    CLEARED_UNACKNOWLEDGED = "cleared_unacknowledged"


OPEN = (State.ACTIVE_UNACKNOWLEDGED, State.ACTIVE_ACKNOWLEDGED, State.CLEARED_UNACKNOWLEDGED)
UNACKNOWLEDGED = (State.ACTIVE_UNACKNOWLEDGED, State.CLEARED_UNACKNOWLEDGED)
ACTIVE = (State.ACTIVE_UNACKNOWLEDGED, State.ACTIVE_ACKNOWLEDGED)


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """One alarm: one key of one node.

    Attributes:
        raised_ns: when the condition came up last.
        cleared_ns: when it went, None while it stands.
        acknowledged_by: who acknowledged the occurrence of `raised_ns`.
        occurrences: how often it came up.
    """

    node: str
    key: str
    state: State
    priority: int
    cause: str
    consequence: str
    action: str
    raised_ns: int
    cleared_ns: int | None
    acknowledged_by: str | None
    acknowledged_ns: int | None
    occurrences: int


def follow(row: AlarmRow | None, node: str, record: Alarm) -> AlarmRow | None:
    """The alarm after a record of the log; None when there is nothing to keep.

    An alarm that comes up again must be acknowledged again, and so must one that stands and has
    become worse; another repetition of what stands changes texts only; the end of a condition that
    never stood is no alarm.
    """
    if record.state is AlarmState.CLEARED:
        if row is None or row.state not in ACTIVE:
            return row
        gone = (
            State.CLEARED_UNACKNOWLEDGED
            if row.state is State.ACTIVE_UNACKNOWLEDGED
            else State.NORMAL
        )
        return replace(row, state=gone, cleared_ns=record.time_ns)
    stands = row is not None and row.state in ACTIVE
    kept = row if stands and not record.worsened else None
    return AlarmRow(
        node=node,
        key=record.key,
        state=kept.state if kept else State.ACTIVE_UNACKNOWLEDGED,
        priority=record.priority,
        cause=record.cause,
        consequence=record.consequence,
        action=record.action,
        raised_ns=row.raised_ns if row is not None and stands else record.time_ns,
        cleared_ns=None,
        acknowledged_by=kept.acknowledged_by if kept else None,
        acknowledged_ns=kept.acknowledged_ns if kept else None,
        occurrences=(row.occurrences if row else 0) + (not stands),
    )


def acknowledge(row: AlarmRow, user: str, time_ns: int) -> AlarmRow | None:
    """The alarm after an operator acknowledged it; None when there is nothing to acknowledge."""
    if row.state not in UNACKNOWLEDGED:
        return None
    state = State.ACTIVE_ACKNOWLEDGED if row.state in ACTIVE else State.NORMAL
    return replace(row, state=state, acknowledged_by=user, acknowledged_ns=time_ns)
