"""Alarms: cause, consequence, action; records of changes only, and no chatter (IEC 62682)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ortsnetz_common.link.messages import Alarm, AlarmState


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that asks for attention as long as it lasts.

    Attributes:
        key: identifies it; one key is one alarm.
        priority: 1 low to 4 critical.
        after_s: it has to last this long before it is an alarm.
    """

    key: str
    priority: int
    cause: str
    consequence: str
    action: str
    after_s: float = 0.0


class AlarmBoard:
    """Turns conditions into alarms that come once and go once."""

    def __init__(self, active: Iterable[Alarm] = (), *, clear_after_s: float = 10.0) -> None:
        """Begin with the alarms that stood when the agent last ran.

        Args:
            active: alarms that have been reported and not cleared.
            clear_after_s: a condition has to be gone this long before its alarm is cleared.
        """
        self._clear_after_s = clear_after_s
        self._active: dict[str, Alarm] = {alarm.key: alarm for alarm in active}
        self._seen_since: dict[str, float] = {}
        self._gone_since: dict[str, float] = {}

    @property
    def active(self) -> tuple[Alarm, ...]:
        """Alarms that stand."""
        return tuple(self._active.values())

    def step(
        self, conditions: Iterable[Condition], *, now: float, time_ns: int
    ) -> tuple[Alarm, ...]:
        """Take in the conditions of this cycle; alarms that have come or gone.

        Args:
            conditions: all that hold now.
            now: monotonic time, s.
            time_ns: instant of the process image, UTC ns.
        """
        current = {condition.key: condition for condition in conditions}
        changes: list[Alarm] = []
        for key, condition in current.items():
            self._gone_since.pop(key, None)
            since = self._seen_since.setdefault(key, now)
            if key not in self._active and now - since >= condition.after_s:
                alarm = Alarm(
                    key=key,
                    time_ns=time_ns,
                    state=AlarmState.ACTIVE,
                    priority=condition.priority,
                    cause=condition.cause,
                    consequence=condition.consequence,
                    action=condition.action,
                )
                self._active[key] = alarm
                changes.append(alarm)
        for key in [key for key in self._seen_since if key not in current]:
            del self._seen_since[key]
        for key in [key for key in self._active if key not in current]:
            gone = self._gone_since.setdefault(key, now)
            if now - gone >= self._clear_after_s:
                del self._gone_since[key]
                changes.append(_cleared(self._active.pop(key), time_ns))
        return tuple(changes)


def _cleared(alarm: Alarm, time_ns: int) -> Alarm:
    return Alarm(
        key=alarm.key,
        time_ns=time_ns,
        state=AlarmState.CLEARED,
        priority=alarm.priority,
        cause=alarm.cause,
        consequence=alarm.consequence,
        action=alarm.action,
    )
