"""Criteria about the reads that devices served: nothing lost, nothing doubled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ortsnetz_hil.faults.specs import Reboots
from ortsnetz_hil.verdict.criteria_values import Criterion, Judgement
from ortsnetz_hil.verdict.observed import ReadCount
from ortsnetz_hil.verdict.recording import CannotJudgeError, Recording


@dataclass(frozen=True, slots=True)
class _Served:
    """Reads of one device, as the plant itself has counted them.

    Attributes:
        reads: that the device answered.
        restarts: whether its own count begins again in the run: then equal numbers are different
            reads, and only how many there are can be compared.
        spoiled: chunks that its bad wire has dropped, changed, doubled or cut off. A read may be
            lost with each of them on the way to the device under test, which is not to blame.
        corrupted: of these, the changed ones: they may show the number of another read.
    """

    reads: int
    restarts: bool
    spoiled: int
    corrupted: int

    def lost(self, heard: ReadCount) -> int:
        """Reads that were not heard; negative if more different ones were heard than served."""
        if self.restarts:
            return max(self.reads - heard.distinct - heard.doubled - self.spoiled, 0)
        missing = self.reads - heard.distinct
        return max(missing - self.spoiled, 0) if missing > 0 else missing

    def doubled(self, heard: ReadCount) -> int:
        """Reads that were heard twice."""
        if self.restarts:
            return max(heard.distinct + heard.doubled - self.reads, 0)
        return max(heard.doubled - self.corrupted, 0)


class NothingLost(Criterion, frozen=True, kw_only=True):
    """`nothing lost`: every read that a device served was heard, and is in the cockpit's store."""

    def _judged(self, recording: Recording) -> Judgement:
        served = _served(recording)
        worst, losses = 0, []
        for place, reads, missing in _places(recording):
            lost = {name: own.lost(reads.get(name, _NONE)) for name, own in served.items()}
            total = sum(abs(count) for count in lost.values()) + missing
            worst = max(worst, total)
            if total:
                name = max(lost, key=lambda device: abs(lost[device]))
                losses.append(
                    f"{place}: {sum(lost.values())} reads lost, most by {name} ({lost[name]}); "
                    f"{missing} records missing"
                )
        words = "; ".join(losses) or _everything(served, recording)
        return self._below(worst, 0, words, "reads")


class NothingDoubled(Criterion, frozen=True, kw_only=True):
    """`nothing doubled`: no read of a device is there twice."""

    def _judged(self, recording: Recording) -> Judgement:
        served = _served(recording)
        worst, found = 0, []
        for place, reads, _ in _places(recording):
            doubled = {
                name: served[name].doubled(count) if name in served else count.doubled
                for name, count in reads.items()
            }
            total = sum(doubled.values())
            worst = max(worst, total)
            if total:
                name = max(doubled, key=lambda device: doubled[device])
                found.append(f"{place}: {total} reads twice, most of {name}")
        words = "; ".join(found) or _everything(served, recording)
        return self._below(worst, 0, words, "reads")


_NONE = ReadCount(0, 0)


def _everything(served: Mapping[str, _Served], recording: Recording) -> str:
    words = f"{sum(own.reads for own in served.values())} reads of {len(served)} devices"
    bad = [name for name, own in served.items() if own.spoiled]
    if bad:
        words += f", besides what the wires of {', '.join(bad)} have spoiled"
    servers = recording.configuration.station_servers
    if servers:
        count = sum(len(server.bays) for server in servers)
        names = " and ".join(server.name for server in servers)
        words += f"; {count} devices behind {names} report and are not counted"
    return words


def _served(recording: Recording) -> dict[str, _Served]:
    """Reads that each device served, by the plant's own count.

    Devices behind a station server are left out: they report, nobody counts what they are read.
    """
    counters = recording.counters
    if counters is None:
        raise CannotJudgeError("the plant has left no counters")
    counting = {name: each for name, each in counters.devices.items() if each.behind is None}
    if not any(device.reads for device in counting.values()):
        raise CannotJudgeError("no device was ever read")
    restarting = {f.device for f in recording.configuration.faults if isinstance(f, Reboots)}
    served = {}
    for name, device in counting.items():
        wire = counters.wires.get(name)
        spoiled = corrupted = 0
        if wire is not None:
            corrupted = wire.corrupted
            spoiled = wire.dropped + wire.corrupted + wire.duplicated + wire.resets
        served[name] = _Served(device.reads, name in restarting, spoiled, corrupted)
    return served


def _places(recording: Recording) -> Sequence[tuple[str, Mapping[str, ReadCount], int]]:
    """Where reads have to be: name of the place, reads by device, missing records."""
    totals = recording.heard().totals
    if totals is None:
        raise CannotJudgeError("the observer did not reach its end")
    found = [("uplink", totals.reads, totals.missing)]
    if recording.scenario.connected.cockpit:
        if recording.store is None:
            raise CannotJudgeError("the cockpit's store was not counted")
        found.append(("store", recording.store.reads, recording.store.records_missing))
    return found
