"""One meter or device behind an MMS server."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from ortsnetz_common.drivers.contract import Listener
from ortsnetz_common.drivers.tally import Tally
from ortsnetz_common.drivers.values import (
    Adjustable,
    Diagnosis,
    DriverError,
    FailureKind,
    Identity,
    LimitResolution,
    Quantity,
    Scan,
    SourcePoint,
    Watchdog,
)
from ortsnetz_common.scl.object_reference import ObjectReference
from ortsnetz_edge.profiles.adjustment import checked
from ortsnetz_iec61850.mms.identification import of_the_server, places_of, said_in
from ortsnetz_iec61850.mms.limiting import Writing
from ortsnetz_iec61850.mms.places import Variable
from ortsnetz_iec61850.mms.reporting import Reporting
from ortsnetz_iec61850.mms.revisions import REQUESTS_OF_A_BLOCK, misfit
from ortsnetz_iec61850.mms.samples import Sample
from ortsnetz_iec61850.mms.session import Reading, Session
from ortsnetz_iec61850.mms.source import SourceMaps

MOST_EARLY = 10_000
"""Reports that wait for a scan; beyond it they are dropped and counted."""
LATE_S = 1.0
"""Reports that are older were true then; what holds now the next scan says."""


@dataclass(frozen=True, slots=True)
class _Early:
    """A report that waits for a scan.

    Attributes:
        age_s: of what it says, when it arrived.
        generation: of the connection over which it came.
        known: whether the device had said then who it is.
    """

    samples: Mapping[ObjectReference, Sample]
    age_s: float
    arrived_s: float
    generation: int
    known: bool


class MmsDriver:
    """Fulfils `contract.Driver`.

    Attributes:
        session: shared with all sources behind the same server.
    """

    def __init__(self, maps: SourceMaps, session: Session, reporting: Reporting | None) -> None:
        self.session = session
        self._maps, self._reporting = maps, reporting
        self._listener: Listener | None = None
        self._samples: dict[ObjectReference, Sample] = {}
        self._due: dict[ObjectReference, float] = {}
        self._read_over = -1  # number of the connection over which the samples came
        self._as_configured = -1  # number of the connection over which the revisions were right
        self._known = -1  # number of the connection over which the device said what it is
        # what arrives over a connection before its first answer: a buffer is being emptied
        self._early: deque[_Early] = deque()
        self._dropped = 0
        self._writing = Writing(session, maps.options)
        self._tally = Tally()

    @property
    def received(self) -> int:
        """Reports that have come over the session."""
        return 0 if self._reporting is None else self._reporting.received

    @property
    def polls(self) -> int:
        """Values that are not reported now."""
        references = self._maps.points.references
        reported = {} if self._reporting is None else self._reporting.current()
        return sum(one not in reported for one in references)

    @property
    def points(self) -> tuple[SourcePoint, ...]:
        """Points of the source; the order of every scan's values."""
        return self._maps.points.points

    @property
    def resolution(self) -> LimitResolution | None:
        """How the device takes its limit."""
        return None if self._maps.setpoint is None else self._maps.setpoint.resolution

    @property
    def adjustable(self) -> tuple[Adjustable, ...]:
        """What the device may be told besides its limit."""
        return tuple(one.adjustable for one in self._maps.adjustments)

    async def scan(self) -> Scan:
        """Read what is due and not reported, and ask whether the reports still come."""
        try:
            await self._be_sure_of_it()
            scan = await self._read()
        except DriverError as error:
            raise self._tally.noted(error) from None
        self._tally.answered()
        return scan

    def subscribe(self, listener: Listener) -> bool:
        """Hand over what the device reports."""
        if self._reporting is None:
            return False
        if self._listener is None:
            self._reporting.join(self._maps.name, self._maps.points.references, self._took)
        self._listener = listener
        return True

    async def write(self, limit: float, watchdog: Watchdog | None) -> None:
        """Write a limit; see `contract.Driver.write`."""
        setpoint = self._maps.setpoint
        if setpoint is None:
            raise DriverError(FailureKind.REFUSED, f"'{self._maps.name}' takes no limit")
        try:
            generation = await self._be_sure_of_it(again=True)
            await self._writing.limit(setpoint, limit, watchdog, generation)
        except DriverError as error:
            raise self._tally.noted(error) from None

    async def adjust(self, quantity: Quantity, value: float) -> None:
        """Write a set point other than the limit; see `contract.Driver.adjust`."""
        try:
            there = checked(self._maps.adjustments, quantity, value, self._maps.name)
            await self._writing.adjust(there, value, await self._be_sure_of_it(again=True))
        except DriverError as error:
            raise self._tally.noted(error) from None

    async def identify(self) -> Identity:
        """Ask the device what it is; without places in its profile, its name plate."""
        try:
            if self._maps.identity is None:
                return await of_the_server(self.session)
            reading = await self.session.read(places_of(self._maps.identity))
            return said_in(reading, self._maps.identity)
        except DriverError as error:
            raise self._tally.noted(error) from None

    def diagnose(self) -> Diagnosis:
        """How the driver is; gaps in what was reported count as failures."""
        connected = self.session.connected
        if self._reporting is None:
            return self._tally.diagnosis(connected=connected)
        lost = self._reporting.lost
        counters = {"reports": self._reporting.received} | {f"lost_{k}": lost[k] for k in lost}
        if self._dropped:
            lost = lost + Counter(waiting=self._dropped)
            counters["lost_waiting"] = self._dropped
        found = self._tally.diagnosis(connected=connected, counters=counters, gaps=lost.total())
        last = self._reporting.last_loss if lost else None
        return found if last is None else replace(found, last_failure=last)

    async def stop(self) -> None:
        """Leave the session; the last source behind a device closes it."""
        self._listener = None
        if self._reporting is not None:
            self._reporting.leave(self._maps.name)
        await self.session.leave(self._maps.name)

    async def _be_sure_of_it(self, *, again: bool = False) -> int:
        """Check on each new connection, or `again`, that the device is the one that it should be.

        An IED may stand for several devices behind it, which may be exchanged meanwhile: so before
        each limit it is asked again.

        Returns:
            Number of the connection over which it was said.
        """
        identity = self._maps.identity
        life = await self.session.opened()
        await self._be_sure_of_its_configuration(life.generation)
        if identity is None or (self._known == life.generation and not again):
            return life.generation
        reading = await self.session.read(places_of(identity))
        said = said_in(reading, identity)
        misfit = identity.misfit(said)
        if misfit is not None:
            if said == Identity():  # nobody says anything: perhaps not the places of this device
                life.directory.doubted = True
            self._known = -1
            self._early = deque(one for one in self._early if one.known)  # not of a stranger
            raise DriverError(
                FailureKind.WRONG_DEVICE, f"{self.session.endpoint}: '{self._maps.name}': {misfit}"
            )
        self._known = reading.generation
        return reading.generation

    async def _be_sure_of_its_configuration(self, generation: int) -> None:
        """Check on each new connection that the blocks are those of the profile, if it says so."""
        wanted = self._maps.revisions
        if not wanted or self._as_configured == generation:
            return
        why = await self.session.call(
            lambda life: misfit(life, wanted),
            generation=generation,
            requests=REQUESTS_OF_A_BLOCK * len(wanted),
        )
        if why is not None:
            raise DriverError(
                FailureKind.WRONG_DEVICE, f"{self.session.endpoint}: '{self._maps.name}': {why}"
            )
        self._as_configured = generation

    async def _read(self) -> Scan:
        """Read what is due and not reported.

        Raises:
            DriverError: no answer, or one over a connection made anew meanwhile: nobody has been
                asked who is there.
        """
        reporting = self._reporting if self._listener is not None else None
        if reporting is not None:
            await reporting.ready()
        now, generation = self.session.clock.monotonic(), self.session.generation
        if self._read_over != generation:
            self._samples.clear()
            self._due.clear()
        reported = {} if reporting is None else reporting.current()
        references = self._maps.points.references
        due = [one for one in references if one not in reported and self._due.get(one, 0.0) <= now]
        beats = frozenset() if reporting is None else reporting.beats
        if not due and not beats:
            due = list(references[:1])  # an exchange all the same: whether the device lives
        reading = await self._read_over_this(due, beats, generation)
        self._read_over = generation
        periods = dict(zip(references, self._maps.points.periods_s, strict=True))
        for one in due:
            self._samples[one] = reading.samples[one]
            self._due[one] = now + periods[one]
        if reporting is not None:
            reporting.beaten(reading.variables, generation)
            current = reporting.current()
            # of a block that reports no longer: whatever it has said, what holds now is asked for
            lost = [one for one in references if one in reported and one not in current]
            if lost:
                reading = await self._read_over_this(lost, frozenset(), generation)
                current = reporting.current()
                self._samples.update((one, reading.samples[one]) for one in lost)
            self._samples.update((one, current[one]) for one in references if one in current)
        self._hand_over_early(generation)
        return self._seen(self._maps.scan(self._samples, reading.received_ns))

    async def _read_over_this(
        self, due: Sequence[ObjectReference], beats: AbstractSet[Variable], generation: int
    ) -> Reading:
        """Read over the connection on which the device has said who it is. Raises DriverError."""
        reading = await self.session.read(due, beats)
        known = self._maps.identity is None or self._known == reading.generation
        if reading.generation != generation or not known:
            raise DriverError(
                FailureKind.DISCONNECTED,
                f"{self.session.endpoint}: a new connection, and nobody knows yet who is there",
            )
        return reading

    def _took(self, samples: Mapping[ObjectReference, Sample], age_s: float) -> None:
        """Something was reported.

        What was true before the connection waits for the next scan, and is handed over just before
        it: what holds now is then said last. What comes after it waits behind it.
        """
        if not self._early and age_s <= LATE_S and not self._not_read_yet():
            self._samples.update(samples)
            self._deliver(self._maps.scan(self._samples, self.session.clock.now_ns()))
        elif len(self._early) >= MOST_EARLY:
            self._dropped += 1
        else:
            generation = self.session.generation
            known = self._maps.identity is None or self._known == generation
            arrived_s = self.session.clock.monotonic()
            self._early.append(_Early(samples, age_s, arrived_s, generation, known))

    def _hand_over_early(self, generation: int) -> None:
        """Hand over what waits: history, which changes nothing of what holds now."""
        while self._early:
            one = self._early.popleft()
            if not one.known and one.generation != generation:
                self._dropped += 1  # nobody has said who was there
                continue
            scan = self._maps.scan({**self._samples, **one.samples}, self.session.clock.now_ns())
            waited_s = self.session.clock.monotonic() - one.arrived_s
            self._deliver(replace(scan, held_s=one.age_s + waited_s))

    def _deliver(self, scan: Scan) -> None:
        if self._listener is not None:
            self._listener(scan if scan.held_s else self._seen(scan))

    def _not_read_yet(self) -> bool:
        """Whether nothing was read yet over this connection, by which who is there is known."""
        generation = self.session.generation
        known = self._maps.identity is None or self._known == generation
        return not known or self._read_over != generation

    def _seen(self, scan: Scan) -> Scan:
        self._writing.lapses.saw(scan)
        return scan
