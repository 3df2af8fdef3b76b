"""Alarms: cause, consequence, action; records of changes only, and no chatter (IEC 62682)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from ortsnetz_common.link.messages import Alarm, AlarmState
from ortsnetz_edge.control.renewal import STEP, News, Said


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that asks for attention as long as it lasts.

    Attributes:
        key: identifies it; one key is one alarm.
        priority: 1 low to 4 critical.
        after_s: it has to last this long before it is an alarm.
        extent: what it is about, and how bad it is there, in steps that a person would call clearly
            worse; 0 where nobody has to look again. Its alarm is said anew when that changes, see
            `renewal`. Empty for a condition that is said once.
    """

    key: str
    priority: int
    cause: str
    consequence: str
    action: str
    after_s: float = 0.0
    extent: Mapping[str, float] = field(default_factory=dict)


class AlarmBoard:
    """Turns conditions into alarms that come once and go once, and are true meanwhile."""

    def __init__(self, active: Iterable[Alarm] = (), *, clear_after_s: float = 10.0) -> None:
        """Begin with the alarms that stood when the agent last ran.

        Args:
            active: alarms that have been reported and not cleared.
            clear_after_s: a condition has to be gone this long before its alarm is cleared.
        """
        self._clear_after_s = clear_after_s
        self._active: dict[str, Alarm] = {alarm.key: alarm for alarm in active}
        self._said: dict[str, Said] = {}
        self._seen_since: dict[str, float] = {}
        self._gone_since: dict[str, float] = {}

    @property
    def active(self) -> tuple[Alarm, ...]:
        """Alarms that stand."""
        return tuple(self._active.values())

    def step(
        self, conditions: Iterable[Condition], *, now: float, time_ns: int
    ) -> tuple[Alarm, ...]:
        """Take in the conditions of this cycle; alarms that have come, changed or gone.

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
            if key in self._active:
                alarm = self._renewed(condition, now=now, time_ns=time_ns)
            elif now - since >= condition.after_s:
                alarm = _alarm(condition, time_ns)
                self._said[key] = Said(condition.extent, now=now)
            else:
                alarm = None
            if alarm is not None:
                self._active[key] = replace(alarm, worsened=False)
                changes.append(alarm)
        for key in [key for key in self._seen_since if key not in current]:
            del self._seen_since[key]
        for key in [key for key in self._active if key not in current]:
            gone = self._gone_since.setdefault(key, now)
            if now - gone >= self._clear_after_s:
                del self._gone_since[key]
                self._said.pop(key, None)
                alarm = self._active.pop(key)
                changes.append(replace(alarm, state=AlarmState.CLEARED, time_ns=time_ns))
        return tuple(changes)

    def _renewed(self, condition: Condition, *, now: float, time_ns: int) -> Alarm | None:
        """The standing alarm of a condition as it is said anew; None where it says what is true."""
        said = self._said.get(condition.key)
        if said is None:
            # It stood when the agent last ran. How bad that was nobody has kept: if the words are
            # others, somebody has to look again.
            self._said[condition.key] = Said(condition.extent, now=now)
            alarm = _alarm(condition, self._active[condition.key].time_ns)
            if alarm == self._active[condition.key]:
                return None
            is_bad = any(amount >= STEP for amount in condition.extent.values())
            return replace(alarm, time_ns=time_ns, worsened=is_bad)
        news = said.look(condition.extent, now=now)
        if news is News.NONE:
            return None
        return replace(_alarm(condition, time_ns), worsened=news is News.WORSE)


def _alarm(condition: Condition, time_ns: int) -> Alarm:
    return Alarm(
        key=condition.key,
        time_ns=time_ns,
        state=AlarmState.ACTIVE,
        priority=condition.priority,
        cause=condition.cause,
        consequence=condition.consequence,
        action=condition.action,
    )
