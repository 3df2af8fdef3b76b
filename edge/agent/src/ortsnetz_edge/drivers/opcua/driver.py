"""One meter or device behind an OPC UA server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from asyncua import ua

from ortsnetz_common.measurement.quality import is_usable
from ortsnetz_common.measurement.time import NS_PER_S, TimeQuality
from ortsnetz_edge.acquisition.plausibility import MAX_CLOCK_ERROR_S
from ortsnetz_edge.drivers.contract import (
    Diagnosis,
    DriverError,
    FailureKind,
    Identity,
    LimitResolution,
    Listener,
    Scan,
    SourcePoint,
    Watchdog,
)
from ortsnetz_edge.drivers.opcua import status
from ortsnetz_edge.drivers.opcua.channel import Channel
from ortsnetz_edge.drivers.opcua.monitoring import Member
from ortsnetz_edge.drivers.opcua.session import Session
from ortsnetz_edge.drivers.opcua.subscription import Subscription
from ortsnetz_edge.drivers.opcua.values import UNKNOWN, Sample, missing, sample, text
from ortsnetz_edge.drivers.opcua.writing import Targets
from ortsnetz_edge.profiles.conversion import MAX_POWER_OF_TEN
from ortsnetz_edge.profiles.identity import IdentityMap
from ortsnetz_edge.profiles.point_map import PointMap
from ortsnetz_edge.profiles.references.opcua import NodeReference
from ortsnetz_edge.profiles.setpoint import SetpointMap

BUILD_INFO = IdentityMap(
    maker_at=NodeReference(0, "i", "2263"),
    model_at=NodeReference(0, "i", "2261"),
    serial_at=None,
    maker=None,
    model=None,
    serial=None,
)
"""What a server says of itself (part 5, 12.4), where a profile names nothing else."""
_CLOCK_ERROR_NS = round(MAX_CLOCK_ERROR_S * NS_PER_S)
_RECEIVED = int(TimeQuality.SET_BY_RECEIVER)


@dataclass(frozen=True)
class SourceMaps:
    """A profile compiled for one source.

    Attributes:
        own_clock: whether the profile says where the device's clock is.
    """

    name: str
    points: PointMap[NodeReference]
    setpoint: SetpointMap[NodeReference] | None
    identity: IdentityMap[NodeReference] | None
    own_clock: bool


class OpcUaDriver:
    """Fulfils `contract.Driver`.

    Attributes:
        session: shared with all sources behind the same server.
    """

    def __init__(
        self,
        maps: SourceMaps,
        session: Session,
        subscription: Subscription | None,
        member: Member | None,
    ) -> None:
        self.session = session
        self._maps = maps
        self._subscription, self._member = subscription, member
        self._listener: Listener | None = None
        self._samples = [UNKNOWN] * len(maps.points.references)
        self._due = [0.0] * len(self._samples)
        self._read_over = -1  # number of the connection over which the samples came
        self._known = -1  # number of the connection over which the device said what it is
        self._targets: Targets | None = None
        self._commissioned = -1  # number of the connection over which the fall-back was set
        self._answers = 0
        self._failures: Counter[FailureKind] = Counter()
        self._last_failure: str | None = None
        if member is not None:
            member.report = self._report

    @property
    def points(self) -> tuple[SourcePoint, ...]:
        """Points of the source; the order of every scan's values."""
        return self._maps.points.points

    @property
    def resolution(self) -> LimitResolution | None:
        """How the device takes its limit."""
        return None if self._maps.setpoint is None else self._maps.setpoint.resolution

    async def scan(self) -> Scan:
        """What is held if the server has proved that it holds, else a read of what is due."""
        try:
            await self._be_sure_of_it()
            if self._subscription is not None and self._member is not None:
                await self._subscription.ready()
                if not self._subscription.refused:
                    self._answers += 1
                    return self._held(self._subscription, self._member)
            server_ns, received_ns = await self._read()
        except DriverError as error:
            raise self._noted(error) from None
        self._answers += 1
        return self._scan(self._samples, server_ns, received_ns)

    def subscribe(self, listener: Listener) -> bool:
        """Hand over what the server reports; it does so where the profile asks for it."""
        if self._subscription is None:
            return False
        self._listener = listener
        return True

    async def write(self, limit: float, watchdog: Watchdog | None) -> None:
        """Write a limit and read it back; see `contract.Driver.write`."""
        setpoint = self._maps.setpoint
        if setpoint is None:
            raise DriverError(FailureKind.REFUSED, f"'{self._maps.name}' takes no limit")
        try:
            channel = await self._known_channel()
            generation = self.session.generation
            if self._targets is None or self._targets.channel is not channel:
                self._targets = Targets(channel)
            power = await self._power_of_ten(setpoint)
            if watchdog is not None and self._commissioned != generation:
                await self._commission(self._targets, setpoint, watchdog, power)
                self._commissioned = generation
            # a control box says later what it has taken; control waits for it (`acknowledged_s`)
            at_once = not setpoint.resolution.acknowledged_s
            wanted = (setpoint.at, setpoint.counts(limit, power))
            await self._targets.write([wanted], read_back=at_once)
            if setpoint.enable is not None:
                await self._targets.write([setpoint.enable])
        except DriverError as error:
            raise self._noted(error) from None

    async def identify(self) -> Identity:
        """Ask the device what it is; without places in its profile, ask its server."""
        try:
            return await self._said(self._maps.identity or BUILD_INFO)
        except DriverError as error:
            raise self._noted(error) from None

    def diagnose(self) -> Diagnosis:
        """How the driver is."""
        return Diagnosis(
            connected=self.session.connected,
            answers=self._answers,
            failures=dict(self._failures),
            last_failure=self._last_failure,
        )

    async def stop(self) -> None:
        """Leave the session; the last source behind a server closes it."""
        self._listener = None
        if await self.session.leave(self._maps.name) and self._subscription is not None:
            self._subscription.stop()

    async def _be_sure_of_it(self) -> None:
        """Check on each new connection that the device is the one that it should be."""
        identity = self._maps.identity
        await self.session.opened()
        generation = self.session.generation
        if identity is None or self._known == generation:
            return
        misfit = identity.misfit(await self._said(identity))
        if misfit is not None:
            raise DriverError(
                FailureKind.WRONG_DEVICE, f"{self.session.endpoint}: '{self._maps.name}': {misfit}"
            )
        self._known = generation

    async def _known_channel(self) -> Channel:
        """The connection over which the device has said who it is."""
        await self._be_sure_of_it()
        channel = await self.session.opened()
        if self._maps.identity is not None and self._known != self.session.generation:
            raise DriverError(
                FailureKind.DISCONNECTED,
                f"{self.session.endpoint}: a new connection, and nobody knows yet who is there",
            )
        return channel

    async def _said(self, identity: IdentityMap[NodeReference]) -> Identity:
        places = (identity.maker_at, identity.model_at, identity.serial_at)
        asked = [place for place in places if place is not None]
        reading = await self.session.read(asked)
        said = {
            place: None if value is None else _said_text(value)
            for place, value in zip(asked, reading.values, strict=True)
        }
        maker, model, serial = (None if place is None else said[place] for place in places)
        return Identity(maker, model, serial)

    async def _read(self) -> tuple[int | None, int]:
        """Read what is due; the server's clock and when the answer was complete."""
        now = self.session.clock.monotonic()
        references, periods = self._maps.points.references, self._maps.points.periods_s
        fresh = self._read_over == self.session.generation
        due = [place for place in range(len(references)) if not fresh or self._due[place] <= now]
        reading = await self.session.read([references[place] for place in due])
        for place, value in zip(due, reading.values, strict=True):
            self._samples[place] = UNKNOWN if value is None else sample(value)
            self._due[place] = now + periods[place]
        self._read_over = self.session.generation
        return reading.server_ns, reading.received_ns

    def _held(self, subscription: Subscription, member: Member) -> Scan:
        return self._scan(member.held, subscription.server_ns, subscription.received_ns)

    def _report(self) -> None:
        if self._listener is None or self._subscription is None or self._member is None:
            return
        if self._maps.identity is None or self._known == self.session.generation:
            self._listener(self._held(self._subscription, self._member))

    def _scan(self, samples: Sequence[Sample], server_ns: int | None, received_ns: int) -> Scan:
        """The scan of an answer.

        Its time is that of the device's clock, where the profile knows one, or of the server's: an
        old value that has not changed is no old value, the server has just vouched for it. By a
        clock that is wrong no value has a time of its own.
        """
        raws: list[float | None] = []
        qualities: list[int] = []
        for one, absent in zip(samples, self._maps.points.absent, strict=True):
            there = one.raw is not None and (absent is None or one.raw != absent)
            raws.append(one.raw if there else None)
            qualities.append(one.quality if there or one.raw is None else missing(one.quality))
        times = [received_ns if one.time_ns is None else one.time_ns for one in samples]
        flags = [_RECEIVED if one.time_ns is None else 0 for one in samples]
        scan = self._maps.points.scan(raws, received_ns, qualities, times, flags)
        clock_ns = scan.time_ns if self._maps.own_clock else server_ns
        if clock_ns is None:
            return scan
        if abs(clock_ns - received_ns) > _CLOCK_ERROR_NS:
            return replace(scan, time_ns=clock_ns, value_times_ns=None, value_time_qualities=None)
        return replace(scan, time_ns=clock_ns, time_quality=0)

    async def _power_of_ten(self, setpoint: SetpointMap[NodeReference]) -> int:
        if setpoint.scale_at is None:
            return 0
        reading = await self.session.read([setpoint.scale_at])
        value = reading.values[0]
        said = UNKNOWN if value is None else sample(value)
        raw = said.raw if is_usable(said.quality) else None
        if raw is None or abs(raw) > MAX_POWER_OF_TEN or raw != round(raw):
            raise DriverError(
                FailureKind.REFUSED,
                f"{self.session.endpoint}: {setpoint.scale_at} says no power of ten: nothing is "
                "written whose scale is not known",
            )
        return round(raw)

    async def _commission(
        self,
        targets: Targets,
        setpoint: SetpointMap[NodeReference],
        watchdog: Watchdog,
        power: int,
    ) -> None:
        """Tell the device what to do when nobody writes any more; once a connection."""
        wanted: list[tuple[NodeReference, float]] = []
        if setpoint.fallback_limit is not None:
            wanted.append((setpoint.fallback_limit, setpoint.counts(watchdog.limit, power)))
        if setpoint.fallback_time is not None:
            wanted.append((setpoint.fallback_time, round(watchdog.after_s)))
        if wanted:
            await targets.write(wanted)
        if setpoint.fallback_enable is not None:
            await targets.write([setpoint.fallback_enable])

    def _noted(self, error: DriverError) -> DriverError:
        self._failures[error.kind] += 1
        if error.kind is not FailureKind.WAITING:
            self._last_failure = str(error)
        return error


def _said_text(value: ua.DataValue) -> str | None:
    """What the server vouches for: not the last that it has heard of a device that is away."""
    code = 0 if value.StatusCode is None else int(value.StatusCode.value)
    if value.Value is None or not is_usable(status.quality(code)):
        return None
    content = value.Value.Value
    said = text(content)
    if said is None and isinstance(content, int):
        return str(content)  # serial numbers are numbers to some
    return said
