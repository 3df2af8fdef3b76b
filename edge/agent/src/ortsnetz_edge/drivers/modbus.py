"""The Modbus TCP driver: one block a scan, limits by single writes, one connection a host."""

from __future__ import annotations

from collections import Counter

from ortsnetz_common.errors import InputError
from ortsnetz_edge.clock import Clock, WallClock
from ortsnetz_edge.drivers.connection import ModbusConnection
from ortsnetz_edge.drivers.contract import (
    Diagnosis,
    DriverError,
    FailureKind,
    LimitResolution,
    Scan,
    Source,
    SourcePoint,
    Watchdog,
)
from ortsnetz_edge.drivers.decode import compile_decoder
from ortsnetz_edge.drivers.profile import Profile, Setpoint, load_profile


class ModbusTcp:
    """Entry point `modbus-tcp`: opens drivers that share one connection per host and port."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or WallClock()
        self._connections: dict[tuple[str, int], ModbusConnection] = {}
        self._profiles: dict[str, Profile] = {}

    def open(self, source: Source) -> ModbusTcpDriver:
        """A driver for a source.

        Raises:
            InputError: names the source and what is wrong with its configuration.
        """
        where = source.connection
        if not 1 <= where.port <= 65535 or not 0 <= where.unit <= 255 or where.timeout_s <= 0:
            raise InputError(
                f"'{source.name}': port {where.port}, unit {where.unit}, time-out "
                f"{where.timeout_s} s: not a Modbus TCP connection"
            )
        if source.profile not in self._profiles:
            try:
                self._profiles[source.profile] = load_profile(source.profile)
            except InputError as error:
                raise InputError(f"'{source.name}': {error}") from error
        key = (where.host, where.port)
        if key not in self._connections:
            self._connections[key] = ModbusConnection(
                where.host, where.port, where.timeout_s, self._clock, name=source.name
            )
        return ModbusTcpDriver(
            source, self._profiles[source.profile], self._connections[key], self._clock
        )


class ModbusTcpDriver:
    """One meter or device behind a Modbus TCP connection; fulfils `contract.Driver`."""

    def __init__(
        self, source: Source, profile: Profile, connection: ModbusConnection, clock: Clock
    ) -> None:
        self._clock = clock
        self._name = source.name
        self._unit = source.connection.unit
        self._block = profile.block
        self._setpoint = profile.setpoint
        self._decoder = compile_decoder(profile, source)
        self._connection = connection
        self._commissioned = -1  # number of the connection over which the fall-back was set
        self._answers = 0
        self._failures: Counter[FailureKind] = Counter()
        self._last_failure: str | None = None

    @property
    def points(self) -> tuple[SourcePoint, ...]:
        """Points of the source; the order of every scan's values."""
        return self._decoder.points

    @property
    def resolution(self) -> LimitResolution | None:
        """How the device takes its limit."""
        if self._setpoint is None:
            return None
        setpoint = self._setpoint
        return LimitResolution(setpoint.unit, setpoint.step, setpoint.smallest)

    async def scan(self) -> Scan:
        """Read the block; see `contract.Driver.scan`."""
        block = self._block
        try:
            registers = await self._connection.read(
                self._unit, block.function, block.address, block.count
            )
        except DriverError as error:
            raise self._noted(error) from None
        self._answers += 1
        return self._decoder.decode(registers, self._clock.now_ns())

    async def write(self, limit: float, watchdog: Watchdog | None) -> None:
        """Write a limit; see `contract.Driver.write`."""
        setpoint = self._setpoint
        if setpoint is None:
            raise DriverError(FailureKind.REFUSED, f"'{self._name}' takes no limit")
        try:
            connection = await self._connection.opened()
            if watchdog is not None and self._commissioned != connection:
                await self._commission(setpoint, watchdog)
                self._commissioned = connection
            await self._connection.write(
                self._unit, setpoint.register, _counts(limit, setpoint.step)
            )
        except DriverError as error:
            raise self._noted(error) from None

    async def _commission(self, setpoint: Setpoint, watchdog: Watchdog) -> None:
        """Tell the device what to do when nobody writes any more; once a connection."""
        if setpoint.fallback_limit_register is not None:
            await self._connection.write(
                self._unit, setpoint.fallback_limit_register, _counts(watchdog.limit, setpoint.step)
            )
        if setpoint.fallback_time_register is not None:
            await self._connection.write(
                self._unit, setpoint.fallback_time_register, round(watchdog.after_s)
            )

    def diagnose(self) -> Diagnosis:
        """How the driver is."""
        return Diagnosis(
            connected=self._connection.connected,
            answers=self._answers,
            failures=dict(self._failures),
            last_failure=self._last_failure,
        )

    async def stop(self) -> None:
        """Close the connection."""
        await self._connection.close()

    def _noted(self, error: DriverError) -> DriverError:
        self._failures[error.kind] += 1
        if error.kind is not FailureKind.WAITING:
            self._last_failure = str(error)
        return error


def _counts(limit: float, step: float) -> int:
    """Register value of a limit: the multiple of the step that is nearest."""
    return round(limit / step)
