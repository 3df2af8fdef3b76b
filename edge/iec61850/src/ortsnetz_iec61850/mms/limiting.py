"""Set points of one source: the fall-back first, once a connection or lapse; then the limit."""

from __future__ import annotations

from ortsnetz_common.drivers.values import DriverError, FailureKind, Watchdog
from ortsnetz_common.measurement.quality import is_usable
from ortsnetz_common.scl.object_reference import ObjectReference
from ortsnetz_edge.drivers.lapses import Lapses
from ortsnetz_edge.profiles.adjustment import AdjustmentMap
from ortsnetz_edge.profiles.conversion import MAX_POWER_OF_TEN
from ortsnetz_edge.profiles.schema import Iec61850Options
from ortsnetz_edge.profiles.setpoint import SetpointMap
from ortsnetz_iec61850.library.control import Checks
from ortsnetz_iec61850.mms.operating import set_point
from ortsnetz_iec61850.mms.session import Session


class Writing:
    """What one source is told.

    Attributes:
        lapses: of the device; after one it is told its fall-back again.
    """

    def __init__(self, session: Session, options: Iec61850Options) -> None:
        self.lapses = Lapses()
        self._session, self._options = session, options
        self._checks = Checks(options.test, options.interlock, options.synchro)
        # the connection over which the fall-back was set, and the lapses before
        self._commissioned: tuple[int, int] | None = None

    async def limit(
        self,
        setpoint: SetpointMap[ObjectReference],
        limit: float,
        watchdog: Watchdog | None,
        generation: int,
    ) -> None:
        """Write a limit over the connection on which the device has said who it is.

        Raises:
            DriverError: it was not confirmed; nothing after what was not is written.
        """
        power = await self._power_of_ten(setpoint.scale_at)
        now = (generation, self.lapses.count)
        if watchdog is not None and self._commissioned != now:
            await self._commission(setpoint, watchdog, power, generation)
            self._commissioned = now
        await self._set(setpoint.at, setpoint.counts(limit, power), generation)
        if setpoint.enable is not None:
            await self._set(*setpoint.enable, generation)

    async def adjust(
        self, there: AdjustmentMap[ObjectReference], value: float, generation: int
    ) -> None:
        """Write a set point besides the limit. Raises DriverError."""
        power = await self._power_of_ten(there.scale_at)
        await self._set(there.at, there.counts(value, power), generation)
        for at, switch in there.enable:
            await self._set(at, switch, generation)

    async def _commission(
        self,
        setpoint: SetpointMap[ObjectReference],
        watchdog: Watchdog,
        power: int,
        generation: int,
    ) -> None:
        """Tell the device what to do when nobody writes any more."""
        if setpoint.fallback_limit is not None:
            counts = setpoint.counts(watchdog.limit, power)
            await self._set(setpoint.fallback_limit, counts, generation)
        if setpoint.fallback_time is not None:
            await self._set(setpoint.fallback_time, round(watchdog.after_s), generation)
        if setpoint.fallback_enable is not None:
            await self._set(*setpoint.fallback_enable, generation)

    async def _set(self, at: ObjectReference, value: float, generation: int) -> None:
        await set_point(
            self._session,
            at,
            value,
            generation=generation,
            # before the agent gives the command up, at ten of the connection's time-outs
            last_s=min(self._options.termination_s, 2 * self._session.endpoint.request_s),
            checks=self._checks,
        )

    async def _power_of_ten(self, at: ObjectReference | None) -> int:
        """Power of ten of one count, as the device states it now; 0 where it has none."""
        if at is None:
            return 0
        said = (await self._session.read([at])).samples[at]
        raw = said.raw if is_usable(said.quality) else None
        if raw is None or abs(raw) > MAX_POWER_OF_TEN or raw != round(raw):
            raise DriverError(
                FailureKind.REFUSED,
                f"{self._session.endpoint}: {at} says no power of ten: nothing is written whose "
                "scale is not known",
            )
        return round(raw)
