"""Devices that do not do what they are told: what holds at an instant."""

from __future__ import annotations

from collections.abc import Iterable

from ortsnetz_hil.faults.specs import (
    ChangesAddress,
    Delays,
    DeviceFault,
    Fault,
    Ignores,
    Multicasts,
    Reboots,
    Rejects,
)


class DeviceFailureError(RuntimeError):
    """A device takes no setpoint at the moment (Modbus exception 4)."""


class DeviceFaults:
    """The faults of one device besides those of its meter; without any it does as it is told."""

    def __init__(self, faults: Iterable[Fault] = (), device: str = "") -> None:
        own = [f for f in faults if isinstance(f, DeviceFault) and f.device == device]
        self._ignores = [f for f in own if isinstance(f, Ignores)]
        self._delays = [f for f in own if isinstance(f, Delays)]
        self._rejects = [f for f in own if isinstance(f, Rejects)]
        self._reboots = [f for f in own if isinstance(f, Reboots)]
        self._moves = [f for f in own if isinstance(f, ChangesAddress)]
        self._multicasts = [f for f in own if isinstance(f, Multicasts)]

    def ignoring(self, now_s: float) -> Ignores | None:
        """The fault by which setpoints are confirmed and not followed, None if they are."""
        return next((fault for fault in self._ignores if fault.holds(now_s)), None)

    def delay_s(self, now_s: float) -> float:
        """How long after its confirmation a setpoint acts that comes now."""
        return max((fault.seconds for fault in self._delays if fault.holds(now_s)), default=0.0)

    def rejecting(self, now_s: float) -> bool:
        """Whether setpoints are answered with an exception."""
        return any(fault.holds(now_s) for fault in self._rejects)

    def port(self, now_s: float, own: int) -> int | None:
        """Where the device is reached at an instant.

        Args:
            now_s: plant seconds.
            own: its port when nothing is wrong.

        Returns:
            The port, None while the device restarts and nothing listens.
        """
        if any(fault.holds(now_s) for fault in self._reboots):
            return None
        return next((fault.port for fault in self._moves if fault.holds(now_s)), own)

    def multicasting(self, now_s: float) -> dict[str, str]:
        """What it multicasts wrongly, by control block; "" stands for all."""
        return {fault.block: fault.wrong for fault in self._multicasts if fault.holds(now_s)}

    def restarts(self, now_s: float) -> int:
        """How often the device has restarted until an instant."""
        return sum(fault.last_s <= now_s for fault in self._reboots)
