"""States over time, as the device under test reported them, in plant seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Generic, TypeVar

from ortsnetz_hil.verdict.observed import AlarmSeen, ModeSeen, SourceQuality, plant_s
from ortsnetz_hil.verdict.recording import CannotJudgeError, Recording

SILENT_CYCLES = 7
"""Health comes every five cycles: one that is late, and the journey of its record."""
State = TypeVar("State")
Seen = TypeVar("Seen", AlarmSeen, ModeSeen, SourceQuality)


@dataclass(frozen=True, slots=True)
class States(Generic[State]):
    """A state that holds until the next change; before the first nothing is known.

    Attributes:
        changes: plant seconds and the state from there on, in the order of time.
    """

    changes: tuple[tuple[float, State], ...]

    def at(self, instant_s: float) -> State | None:
        """The state at an instant, None before the first report."""
        found = [state for at_s, state in self.changes if at_s <= instant_s]
        return found[-1] if found else None

    def before(self, instant_s: float) -> State | None:
        """The state up to an instant, whatever is reported at the instant itself."""
        found = [state for at_s, state in self.changes if at_s < instant_s]
        return found[-1] if found else None

    def first(self, state: State, begin_s: float) -> float | None:
        """First instant from `begin_s` on at which this state holds, None if it never does."""
        if self.at(begin_s) == state:
            return begin_s
        return next((at_s for at_s, one in self.changes if at_s > begin_s and one == state), None)

    def stretches(self, last_s: float) -> list[tuple[float, float, State]]:
        """First and last instant of each state, the last one until `last_s`."""
        ends = [*(at_s for at_s, _ in self.changes[1:]), last_s]
        return [
            (at_s, end_s, state) for (at_s, state), end_s in zip(self.changes, ends, strict=True)
        ]


def timed(recording: Recording, seen: Sequence[Seen]) -> list[tuple[float, Seen]]:
    """Reports with their plant seconds, in the order in which they came."""
    found: list[tuple[float, Seen]] = []
    latest = float("-inf")
    for one in seen:
        at_s = plant_s(
            one.time_ns, recording.configuration, recording.timeline or (), not_before=latest
        )
        latest = max(latest, at_s)
        found.append((at_s, one))
    return found


def modes(recording: Recording) -> States[str]:
    """The agent's mode.

    Raises:
        CannotJudgeError: it never said one.
    """
    found = recording.heard().modes
    if not found:
        raise CannotJudgeError("the device under test never said its mode")
    return States(tuple((at_s, one.mode) for at_s, one in timed(recording, found)))


def qualities(recording: Recording) -> dict[str, States[bool]]:
    """Whether each source is good, by its name."""
    found: dict[str, list[tuple[float, bool]]] = {}
    for at_s, one in timed(recording, recording.heard().qualities):
        found.setdefault(one.source, []).append((at_s, one.good))
    return {name: States(tuple(changes)) for name, changes in found.items()}


def alarms(recording: Recording, pattern: str, *, literal: bool = False) -> States[bool]:
    """Whether any alarm stands whose key matches a pattern with shell wildcards, or is it."""
    changes: list[tuple[float, bool]] = []
    standing: set[str] = set()
    for at_s, one in timed(recording, recording.heard().alarms):
        if not (one.key == pattern if literal else fnmatchcase(one.key, pattern)):
            continue
        before = bool(standing)
        (standing.add if one.active else standing.discard)(one.key)
        if bool(standing) != before:
            changes.append((at_s, bool(standing)))
    return States(tuple(changes))


def require_heard(recording: Recording, first_s: float, last_s: float) -> None:
    """Refuse to take silence for calm: what has to be absent must have been listened for.

    Args:
        recording: the run.
        first_s: plant seconds from which on the node has to have been heard.
        last_s: until when.

    Raises:
        CannotJudgeError: something was not heard or not understood, or it fell silent before.
    """
    totals = recording.heard().totals
    if totals is None:
        raise CannotJudgeError("the observer did not reach its end")
    if totals.missing:
        raise CannotJudgeError(f"{totals.missing} records were never heard")
    if totals.malformed:
        raise CannotJudgeError(f"{totals.malformed} messages were not understood")
    if totals.until_ns is None:
        raise CannotJudgeError("it is not known until when the device under test was heard")
    longest_s = SILENT_CYCLES * recording.cycle_s
    until_s = _until_s(recording, totals.until_ns)
    if until_s < last_s - longest_s:
        raise CannotJudgeError(f"nothing was heard after {until_s:.1f} s")
    timeline = recording.timeline or ()
    for from_ns, to_ns in totals.silences:
        from_s = plant_s(from_ns, recording.configuration, timeline)
        to_s = plant_s(to_ns, recording.configuration, timeline, not_before=from_s)
        if to_s - from_s > longest_s and from_s < last_s and to_s > first_s:
            raise CannotJudgeError(f"nothing was heard from {from_s:.1f} s to {to_s:.1f} s")


def _until_s(recording: Recording, until_ns: int) -> float:
    """Plant seconds of the end; not before anything that was heard, for the clock may jump."""
    heard = recording.heard()
    latest = max(
        (
            one[-1][0]
            for one in (
                timed(recording, heard.modes),
                timed(recording, heard.qualities),
                timed(recording, heard.alarms),
            )
            if one
        ),
        default=float("-inf"),
    )
    timeline = recording.timeline or ()
    return plant_s(until_ns, recording.configuration, timeline, not_before=latest)


def standing(recording: Recording, pattern: str, instant_s: float) -> str:
    """Key of an alarm that matches and stands at an instant."""
    found: dict[str, bool] = {}
    for at_s, one in timed(recording, recording.heard().alarms):
        if at_s <= instant_s and fnmatchcase(one.key, pattern):
            found[one.key] = one.active
    return next((key for key, active in found.items() if active), pattern)
