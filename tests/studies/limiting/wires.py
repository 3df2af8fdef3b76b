"""Answers that are late or lost, and commands that are."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from studies.limiting.case import Case
from studies.limiting.sensors import Said, Sensors

from ortsnetz_common.measurement.reading import Reading
from ortsnetz_edge.acquisition.image import ProcessImage, SourceImage
from ortsnetz_edge.control.adjustment import Adjustment
from ortsnetz_edge.control.device import Write
from ortsnetz_edge.drivers.contract import Scan


@dataclass(slots=True)
class _Last:
    """The last answer of a source that has arrived."""

    reading: Reading
    scan: Scan
    at_s: float


class Answers:
    """From what sources say to the process image: each source is late by its own cycles.

    An answer that is lost leaves the one before it, which gets older.
    """

    def __init__(
        self, case: Case, sensors: Sensors, stale_after_s: float, rng: np.random.Generator
    ) -> None:
        wires = case.wires
        count = len(sensors.names)
        self._wires, self._sensors, self._rng = wires, sensors, rng
        self._stale_after_s = stale_after_s
        self._late = rng.integers(0, wires.answers_late + 1, count).tolist()
        self._said: deque[Said] = deque(maxlen=wires.answers_late + 1)
        self._last: dict[int, _Last] = {}
        self._silent = int(rng.integers(count)) if wires.silent_s else None
        self._silent_from_s = float(rng.uniform(0.1, 0.9) * case.seconds)
        self._cycle = 0

    def image(self, said: Said, now_s: float) -> tuple[ProcessImage, dict[str, Reading]]:
        """Take in what is said now; what the agent has of it in this cycle."""
        self._said.append(said)
        self._cycle += 1
        lost = self._rng.random(len(self._sensors.names)) < self._wires.answers_lost
        sources: dict[str, SourceImage] = {}
        readings: dict[str, Reading] = {}
        for source, name in enumerate(self._sensors.names):
            if not lost[source] and not self._is_silent(source, now_s):
                self._arrive(source, now_s)
            last = self._last.get(source)
            age_s = None if last is None else now_s - last.at_s
            valid = age_s is not None and age_s <= self._stale_after_s
            scan = None if last is None else last.scan
            sources[name] = SourceImage(scan, age_s, valid, None if valid else "no answer")
            if valid and last is not None:
                readings[name] = last.reading
        return ProcessImage(self._cycle, round(now_s * 1e9), sources, (), ()), readings

    def _is_silent(self, source: int, now_s: float) -> bool:
        since_s = now_s - self._silent_from_s
        return source == self._silent and 0 <= since_s < self._wires.silent_s

    def _arrive(self, source: int, now_s: float) -> None:
        late = self._late[source]
        if late >= len(self._said):
            return
        said = self._said[-1 - late]
        scan = Scan(
            (),
            (),
            0,
            0,
            0,
            limit_in_force=self._sensors.limit(said, source),
            adjusted=self._sensors.adjusted(said, source),
        )
        self._last[source] = _Last(self._sensors.reading(said, source), scan, now_s)


Command = Write | Adjustment


class Commands:
    """Commands on their way; a device has one at a time, as the agent's writes have."""

    def __init__(self, case: Case, devices: tuple[str, ...], rng: np.random.Generator) -> None:
        wires = case.wires
        self._wires, self._rng = wires, rng
        late = rng.integers(0, wires.commands_late + 1, len(devices)).tolist()
        self._late_s = dict(zip(devices, late, strict=True))
        self._under_way: dict[str, tuple[Command, float, bool]] = {}

    def send(self, commands: Iterable[Command], now_s: float) -> None:
        """Let commands begin; one to a device that has one under way is not sent."""
        for one in commands:
            if one.device not in self._under_way:
                lost = bool(self._rng.random() < self._wires.commands_lost)
                due_s = now_s + self._late_s[one.device]
                self._under_way[one.device] = (one, due_s, lost)

    def arrived(self, now_s: float) -> tuple[Command, ...]:
        """Commands that reach their devices now; lost ones end without a word."""
        due = [one for one in self._under_way.values() if one[1] <= now_s]
        for command, _, _ in due:
            del self._under_way[command.device]
        return tuple(command for command, _, lost in due if not lost)
