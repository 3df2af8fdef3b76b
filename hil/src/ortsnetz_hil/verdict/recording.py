"""What a run has left behind, ready to be judged. Everything may be missing but the truth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from ortsnetz_hil.faults.timeline import BY_COMMAND, Entry
from ortsnetz_hil.plant.configuration import PlantConfiguration
from ortsnetz_hil.scenarios.schema import Scenario
from ortsnetz_hil.servers.counters import Counters
from ortsnetz_hil.servers.setpoint_log import SetpointWrite
from ortsnetz_hil.verdict.observed import Observed, ReadCount
from ortsnetz_hil.verdict.truth import Row

PLANT_TAGS = {
    **dict.fromkeys(("open", "close"), "switch"),
    **dict.fromkeys(("stop", "kill", "start"), "process"),
}
"""Tags of the plant's events where they are not the keys of the scenario's."""


class CannotJudgeError(Exception):
    """What a criterion needs is not there; the text says what."""


class StoreCount(Struct, frozen=True, forbid_unknown_fields=True):
    """What the cockpit's store holds of the node.

    Attributes:
        reads: read numbers by device.
        records_missing: holes below the node's watermark.
    """

    reads: dict[str, ReadCount]
    records_missing: int


def store_count(counted: Mapping[str, Any]) -> StoreCount:
    """Read the answer of `ortsnetz cockpit count` for one node."""
    return StoreCount(
        reads={
            row["device"]: ReadCount(row["count"] - row["doubled"], row["doubled"])
            for row in counted["read_counters"]
        },
        records_missing=counted["records_missing"],
    )


class Stated(Struct, frozen=True):
    """What the station states about a device that takes setpoints: W and seconds."""

    reaction_s: float
    fallback_w: float


class Elements(Struct, frozen=True):
    """Names of the network's elements, each kind in the order of the truth."""

    lines: tuple[str, ...] = ()
    transformers: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()


class Happening(Struct, frozen=True):
    """A fault or event as it took place, plant seconds; an event begins and ends at once."""

    name: str
    first_s: float
    last_s: float
    is_fault: bool
    words: str = ""


@dataclass(frozen=True, slots=True)
class Recording:
    """A run.

    Attributes:
        rows: the truth in the order of time.
        elements: names behind the truth's columns.
        stated: by device.
        writes: setpoints that devices accepted.
        unlimited: truth of the same seed replayed without limits.
    """

    scenario: Scenario
    configuration: PlantConfiguration
    rows: Sequence[Row]
    elements: Elements = field(default_factory=Elements)
    stated: Mapping[str, Stated] | None = None
    writes: Sequence[SetpointWrite] | None = None
    counters: Counters | None = None
    timeline: Sequence[Entry] | None = None
    observed: Observed | None = None
    store: StoreCount | None = None
    unlimited: Sequence[Row] | None = None
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Length of the run in plant seconds."""
        return float(self.scenario.time.seconds)

    @property
    def cycle_s(self) -> float:
        """Cycle of the device under test, which is also its scan."""
        return self.configuration.pace.cycle_s

    def device_names(self) -> list[str]:
        """Devices that take setpoints, in the order of the truth."""
        plant = self.configuration
        kinds = (plant.charge_points, plant.inverters, plant.heat_pumps, plant.batteries)
        return [device.name for kind in kinds for device in kind]

    def happened(self) -> list[Happening]:
        """All that took place, in the order of time.

        Raises:
            CannotJudgeError: the run has no timeline.
        """
        if self.timeline is None:
            raise CannotJudgeError("the run has left no timeline")
        found = [*self._faults(self.timeline), *self._events(self.timeline)]
        return sorted(found, key=lambda one: (one.first_s, one.name))

    def happening(self, name: str) -> Happening:
        """What took place under a name.

        Raises:
            CannotJudgeError: nothing did.
        """
        for one in self.happened():
            if one.name == name:
                return one
        raise CannotJudgeError(f"'{name}' did not take place in this run")

    def heard(self) -> Observed:
        """What the device under test said.

        Raises:
            CannotJudgeError: nobody listened.
        """
        if self.observed is None:
            raise CannotJudgeError("nothing was kept of what the device under test said")
        return self.observed

    def written(self) -> list[tuple[float, SetpointWrite]]:
        """Limits that devices accepted, with their plant seconds, by time and device.

        A tap changer's set point of voltage is no limit.

        Those of one instant stand in the log in the order in which the network brought them.

        Raises:
            CannotJudgeError: no setpoint at all: then nothing was controlled; or a part of the
                log is gone.
        """
        dropped = self.counters.setpoints_dropped if self.counters is not None else 0
        if dropped:
            raise CannotJudgeError(f"{dropped} setpoints were dropped from the log")
        if not self.writes:
            raise CannotJudgeError("no device was given a setpoint")
        window = self.configuration.window
        taps = {changer.name for changer in self.configuration.tap_changers}
        limits = [write for write in self.writes if write.device not in taps]
        writes = sorted(limits, key=lambda write: (write.time_ns, write.device))
        return [(window.elapsed_s(write.time_ns), write) for write in writes]

    def _faults(self, timeline: Sequence[Entry]) -> Iterator[Happening]:
        own = [entry for entry in timeline if entry.kind == "fault"]
        ends = {entry.name: entry.at_s for entry in own if entry.state == "end"}
        for entry in own:
            if entry.state == "begin":
                last_s = ends.get(entry.name, self.seconds)
                yield Happening(entry.name, entry.at_s, last_s, is_fault=True, words=entry.what)

    def _events(self, timeline: Sequence[Entry]) -> Iterator[Happening]:
        """Events by the names that the scenario gives them; the plant knows kind and instant."""
        left = [e for e in timeline if e.kind == "event" and e.state == "done"]
        for event in self.scenario.events:
            kind = PLANT_TAGS.get(event.key, event.key)
            for entry in left:
                if entry.name == kind and abs(entry.due_s - event.at) < 1e-6:
                    left.remove(entry)
                    at_s = entry.at_s
                    yield Happening(event.called, at_s, at_s, is_fault=False, words=entry.what)
                    break
        for entry in left:
            if entry.detail == BY_COMMAND:
                words = f"{entry.what} {BY_COMMAND}"
                yield Happening(words, entry.at_s, entry.at_s, is_fault=False, words=words)
