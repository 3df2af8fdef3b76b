"""Command registers of a device: a setpoint and the settings that follow it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from ortsnetz_hil.faults.devices import DeviceFailureError, DeviceFaults
from ortsnetz_hil.faults.specs import Ignores
from ortsnetz_hil.plant.devices.watchdog import Watchdog

SETPOINT = 0
LIMIT, FALLBACK_TIME, FALLBACK = range(3)
WAITING = 1000


class BusyDeviceError(RuntimeError):
    """A device has too many setpoints that still wait to act (Modbus exception 6)."""


class Settings(Protocol):
    """Consecutive registers through which a device is commanded; the first is its setpoint.

    Attributes:
        count: how many there are.
    """

    count: int

    def values(self) -> list[int]:
        """What is in force, by place."""
        ...

    def check(self, place: int, value: int) -> None:
        """Raise RefusedValueError for a value that the device does not take."""
        ...

    def put(self, place: int, value: int, now_s: float) -> None:
        """Take a checked value."""
        ...

    def keep(self, now_s: float) -> None:
        """Go on with the setpoint in force, as if it had been commanded again."""
        ...

    def restart(self) -> None:
        """Be as after power-up."""
        ...


class Limited(Protocol):
    """A device model that takes a limit."""

    limit: int
    watchdog: Watchdog

    def checked(self, value: int, /) -> int:
        """A value that the device takes as limit or fall-back; raises RefusedValueError."""
        ...

    def write_limit(self, value: int, now_s: float, /) -> None:
        """Command a limit; raises RefusedValueError."""
        ...


class LimitSettings:
    """Limit, fall-back time and fall-back of a device."""

    def __init__(self, model: Limited) -> None:
        """Take a model that nobody has commanded yet: as it is now it comes back after a restart.

        Args:
            model: the device.
        """
        self.count = 3
        self._model = model
        self._factory = (model.limit, model.watchdog.fallback)

    def values(self) -> list[int]:
        """Limit, fall-back time and fall-back in force."""
        watchdog = self._model.watchdog
        return [self._model.limit, watchdog.time_s, watchdog.fallback]

    def check(self, place: int, value: int) -> None:
        """Raise RefusedValueError for a value that the device does not take."""
        if place == FALLBACK_TIME:
            self._model.watchdog.checked_time(value)
        else:
            self._model.checked(value)

    def put(self, place: int, value: int, now_s: float) -> None:
        """Take a checked value."""
        if place == LIMIT:
            self._model.write_limit(value, now_s)
        elif place == FALLBACK_TIME:
            self._model.watchdog.time_s = value
        else:
            self._model.watchdog.fallback = value

    def keep(self, now_s: float) -> None:
        """Go on with the limit in force; its watchdog has seen that somebody is there."""
        self._model.write_limit(self._model.limit, now_s)

    def restart(self) -> None:
        """Factory settings: the fall-back is in force, and nobody has commanded yet."""
        self._model.limit, fallback = self._factory
        self._model.watchdog = Watchdog(fallback)


@dataclass(frozen=True, slots=True)
class _Waiting:
    due_s: float
    first: int
    values: list[int]


@dataclass(slots=True)
class Commands:
    """Command registers behind a device's faults.

    Attributes:
        address: Modbus address of the first.
        settings: the registers.
        faults: what is wrong with the device.
        delay_s: so long a command takes until it acts, plant seconds.
    """

    address: int
    settings: Settings
    faults: DeviceFaults = field(default_factory=DeviceFaults)
    delay_s: float = 0.0
    _waiting: deque[_Waiting] = field(default_factory=deque)
    _told: tuple[Ignores, int] | None = None

    @property
    def count(self) -> int:
        """Number of registers."""
        return self.settings.count

    @property
    def real(self) -> int:
        """The setpoint that is really in force."""
        return self.settings.values()[SETPOINT]

    def setpoint(self, now_s: float) -> int:
        """The setpoint that the device says is in force."""
        ignoring = self.faults.ignoring(now_s)
        if self._told is not None and self._told[0] is ignoring and ignoring.shows == "new":
            return self._told[1]
        return self.real

    def shown(self, now_s: float) -> list[int]:
        """What a read of all registers gives."""
        return [self.setpoint(now_s), *self.settings.values()[1:]]

    def write(self, first: int, values: list[int], now_s: float) -> None:
        """Write consecutive registers: all of them, or none.

        Args:
            first: number of the first register, 0 is the setpoint.
            values: raw register values.
            now_s: plant seconds.

        Raises:
            RefusedValueError: the device does not take one of the values; nothing has changed.
            DeviceFailureError: a fault holds by which it takes nothing.
            BusyDeviceError: too many earlier ones have not acted yet.
        """
        if self.faults.rejecting(now_s):
            raise DeviceFailureError
        for place, value in enumerate(values, start=first):
            self.settings.check(place, value)
        due_s = now_s + self.delay_s + self.faults.delay_s(now_s)
        if self._waiting:  # one setpoint does not overtake another
            due_s = max(due_s, self._waiting[-1].due_s)
        if due_s <= now_s:
            self._act(first, values, now_s)
            return
        if len(self._waiting) >= WAITING:
            raise BusyDeviceError
        self._waiting.append(_Waiting(due_s, first, values))

    def tick(self, now_s: float) -> None:
        """Let act what was delayed until now."""
        while self._waiting and self._waiting[0].due_s <= now_s:
            late = self._waiting.popleft()
            self._act(late.first, late.values, now_s)

    def restart(self) -> None:
        """Be as after power-up: factory settings, nothing on its way."""
        self._waiting.clear()
        self._told = None
        self.settings.restart()

    def _act(self, first: int, values: list[int], now_s: float) -> None:
        ignoring = self.faults.ignoring(now_s)
        for place, value in enumerate(values, start=first):
            if place == SETPOINT and ignoring is not None:
                self._told = (ignoring, value)
                self.settings.keep(now_s)
            else:
                self.settings.put(place, value, now_s)
