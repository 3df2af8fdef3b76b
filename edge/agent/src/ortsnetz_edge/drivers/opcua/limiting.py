"""Limits: the fall-back first, once a connection or lapse; then the limit, and its enable."""

from __future__ import annotations

from ortsnetz_common.measurement.quality import is_usable
from ortsnetz_edge.drivers.contract import DriverError, FailureKind, Watchdog
from ortsnetz_edge.drivers.lapses import Lapses
from ortsnetz_edge.drivers.opcua.channel import Channel
from ortsnetz_edge.drivers.opcua.session import Session
from ortsnetz_edge.drivers.opcua.values import UNKNOWN, sample
from ortsnetz_edge.drivers.opcua.writing import Targets
from ortsnetz_edge.profiles.adjustment import AdjustmentMap
from ortsnetz_edge.profiles.conversion import MAX_POWER_OF_TEN
from ortsnetz_edge.profiles.references.opcua import NodeReference
from ortsnetz_edge.profiles.setpoint import SetpointMap


class Limiting:
    """The setpoint of one source.

    Attributes:
        lapses: of the device; after one it is told its fall-back again.
    """

    def __init__(self, setpoint: SetpointMap[NodeReference], session: Session) -> None:
        self._setpoint, self._session = setpoint, session
        self._targets: Targets | None = None
        self.lapses = Lapses()
        # the connection over which the fall-back was set, and the lapses before
        self._commissioned: tuple[Channel, int] | None = None

    async def write(self, limit: float, watchdog: Watchdog | None, channel: Channel) -> None:
        """Write a limit over a connection on which the device has said who it is.

        Raises:
            DriverError: it was not confirmed; nothing after what was not is written.
        """
        setpoint = self._setpoint
        if self._targets is None or self._targets.channel is not channel:
            self._targets = Targets(channel)
        power = await power_of_ten(setpoint.scale_at, self._session)
        now = (channel, self.lapses.count)
        if watchdog is not None and self._commissioned != now:
            await self._commission(self._targets, watchdog, power)
            self._commissioned = now
        # a control box says later what it has taken; control waits for it (`acknowledged_s`)
        at_once = not setpoint.resolution.acknowledged_s
        wanted = (setpoint.at, setpoint.counts(limit, power))
        await self._targets.write([wanted], read_back=at_once)
        if setpoint.enable is not None:
            await self._targets.write([setpoint.enable])

    async def _commission(self, targets: Targets, watchdog: Watchdog, power: int) -> None:
        """Tell the device what to do when nobody writes any more."""
        setpoint = self._setpoint
        wanted: list[tuple[NodeReference, float]] = []
        if setpoint.fallback_limit is not None:
            wanted.append((setpoint.fallback_limit, setpoint.counts(watchdog.limit, power)))
        if setpoint.fallback_time is not None:
            wanted.append((setpoint.fallback_time, round(watchdog.after_s)))
        if wanted:
            await targets.write(wanted)
        if setpoint.fallback_enable is not None:
            await targets.write([setpoint.fallback_enable])


async def adjust(
    adjustment: AdjustmentMap[NodeReference], value: float, channel: Channel, session: Session
) -> None:
    """Write a set point besides the limit, over a connection on which the device is known.

    Raises:
        DriverError: it was not confirmed.
    """
    targets = Targets(channel)
    counts = adjustment.counts(value, await power_of_ten(adjustment.scale_at, session))
    await targets.write([(adjustment.at, counts)])
    for switch in adjustment.enable:
        await targets.write([switch])


async def power_of_ten(at: NodeReference | None, session: Session) -> int:
    """Power of ten of one count, as the device states it now; 0 where it has none.

    Raises:
        DriverError: it does not say one.
    """
    if at is None:
        return 0
    value = (await session.read([at])).values[0]
    said = UNKNOWN if value is None else sample(value)
    raw = said.raw if is_usable(said.quality) else None
    if raw is None or abs(raw) > MAX_POWER_OF_TEN or raw != round(raw):
        raise DriverError(
            FailureKind.REFUSED,
            f"{session.endpoint}: {at} says no power of ten: nothing is written whose "
            "scale is not known",
        )
    return round(raw)
