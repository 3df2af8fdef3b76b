"""One device that speaks the toy protocol; fulfils `contract.Driver`."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ortsnetz_common.drivers.tally import Tally
from ortsnetz_edge.clock import Clock
from ortsnetz_edge.drivers.contract import (
    Diagnosis,
    DriverError,
    FailureKind,
    Identity,
    LimitOnly,
    LimitResolution,
    Listener,
    Scan,
    Source,
    SourcePoint,
    Watchdog,
)
from ortsnetz_edge.profiles.identity import compile_identity
from ortsnetz_edge.profiles.point_map import compile_point_map
from ortsnetz_edge.profiles.schema import Profile
from ortsnetz_edge.profiles.setpoint import compile_setpoint
from toy_meter.line import Line
from toy_meter.references import ToyReference, ToySyntax


class ToyDriver(LimitOnly):
    """Asks for the profile's references; what the values mean is the point map's to say."""

    def __init__(self, source: Source, profile: Profile, clock: Clock) -> None:
        syntax = ToySyntax()
        self._map = compile_point_map(profile, source, syntax)
        self._setpoint = compile_setpoint(profile, source, syntax)
        self._identity = compile_identity(profile, source, syntax)
        self._line = Line(source.connection, clock)
        self._clock = clock
        self._identified = -1  # number of the connection over which the identity was checked
        self._tally = Tally()

    @property
    def points(self) -> tuple[SourcePoint, ...]:
        """Points of the source; the order of every scan's values."""
        return self._map.points

    @property
    def resolution(self) -> LimitResolution | None:
        """How the device takes its limit; None for what takes none."""
        return None if self._setpoint is None else self._setpoint.resolution

    async def scan(self) -> Scan:
        """Read all points; see `contract.Driver.scan`."""
        try:
            await self._check_identity()
            words = await self._get(self._map.references)
        except DriverError as error:
            raise self._tally.noted(error) from None
        self._tally.answered()
        return self._map.scan([number(word) for word in words], self._clock.now_ns())

    def subscribe(self, listener: Listener) -> bool:
        """The toy protocol reports nothing by itself."""
        del listener
        return False

    async def write(self, limit: float, watchdog: Watchdog | None) -> None:
        """Write a limit; see `contract.Driver.write`. The profile has no fall-back to set."""
        del watchdog
        if self._setpoint is None:
            raise self._tally.noted(DriverError(FailureKind.REFUSED, "the device takes no limit"))
        try:
            await self._check_identity()
            await self._line.ask(f"set {self._setpoint.at} {self._setpoint.counts(limit)}")
        except DriverError as error:
            raise self._tally.noted(error) from None

    async def identify(self) -> Identity:
        """Ask the device what it is; see `contract.Driver.identify`."""
        places = self._identity
        if places is None:
            return Identity()
        asked = [at for at in (places.maker_at, places.model_at, places.serial_at) if at]
        said = dict(zip(asked, await self._get(asked), strict=True))

        def text(at: ToyReference | None) -> str | None:
            return None if at is None else said[at]

        return Identity(text(places.maker_at), text(places.model_at), text(places.serial_at))

    def diagnose(self) -> Diagnosis:
        """How the driver is."""
        return self._tally.diagnosis(connected=self._line.connected)

    async def stop(self) -> None:
        """Close the connection."""
        self._line.close()

    async def _check_identity(self) -> None:
        """Once a connection: somebody else may answer at this address by now."""
        if self._identity is None or (
            self._line.connected and self._identified == self._line.generation
        ):
            return
        said = await self.identify()
        reason = self._identity.misfit(said)
        if reason is not None:
            raise DriverError(FailureKind.WRONG_DEVICE, reason)
        self._identified = self._line.generation

    async def _get(self, references: Sequence[ToyReference]) -> list[str]:
        words = await self._line.ask("get " + " ".join(map(str, references)))
        if len(words) != len(references):
            reason = f"{len(words)} values instead of {len(references)}"
            raise self._line.broke(FailureKind.WRONG_ANSWER, reason)
        return words


def number(word: str) -> float | None:
    """A value; None where the device says `-`, or nothing that is a number."""
    try:
        value = float(word)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
