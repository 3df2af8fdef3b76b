"""A control block that reports over the present connection, and what its reports bring. Pure."""

from __future__ import annotations

import time
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from ortsnetz_common.scl.object_reference import ObjectReference
from ortsnetz_iec61850.library.reports import Report
from ortsnetz_iec61850.library.values import Value
from ortsnetz_iec61850.mms.covering import Cell, Way
from ortsnetz_iec61850.mms.enabling import Enabled
from ortsnetz_iec61850.mms.places import Place, at
from ortsnetz_iec61850.mms.samples import Sample, sample_of

QUIET_S, LONGEST_DRAIN_S = 0.2, 10.0
"""A buffer is taken for empty when nothing has come for so long, or at last after so long: answers
to interrogations of old are entries of it, too, and must not be taken for ours."""
ANSWER_S, MOST_ASKED = 2.0, 3
_NS_PER_MS = 1_000_000


@dataclass
class Subscribed:
    """A control block that reports over the present connection.

    Attributes:
        interrogated: whether an interrogation over this connection was answered: what arrives from
            then on holds now, before it a buffer is emptied.
        complete: whether all that it has reported holds; false after a loss until the next answer.
    """

    enabled: Enabled
    held: dict[int, Value] = field(default_factory=dict)
    sequence: int | None = None
    segmented: bool = False
    began_s: float = field(default_factory=time.monotonic)
    heard_s: float = field(default_factory=time.monotonic)
    asked_s: float | None = None
    asked: int = 0
    interrogated: bool = False
    complete: bool = False

    @property
    def is_open(self) -> bool:
        """Whether an interrogation has to be asked for, or may still be answered."""
        return not self.interrogated and self.asked < MOST_ASKED

    def is_due(self, now_s: float) -> bool:
        """Whether it is to be interrogated now: when its buffer is empty, and again if need be."""
        if self.asked_s is None:
            quiet = now_s - self.heard_s >= QUIET_S
            return quiet or now_s - self.began_s >= LONGEST_DRAIN_S
        return self.asked < MOST_ASKED and now_s - self.asked_s >= ANSWER_S

    def samples_of(self, report: Report) -> dict[ObjectReference, Sample]:
        """What a report brings: each value with its quality and time, from whatever members."""
        self.held.update(report.values)
        arrived = {place for place, _ in report.values}
        return {
            reference: self._sample(reference, cell, report, arrived)
            for reference, cell in self.enabled.cells.items()
            if not cell.members.isdisjoint(arrived) and cell.members <= self.held.keys()
        }

    def _sample(
        self,
        reference: ObjectReference,
        cell: Cell,
        report: Report,
        arrived: AbstractSet[int],
    ) -> Sample:
        # a time that is a member of its own triggers no report: the one that is held is an old one
        timed = cell.time if cell.time is not None and cell.time.member in arrived else None
        # a value, its quality and its time put together as one variable of three parts
        ways = (cell.value, cell.quality, timed)
        parts = tuple(None if way is None else _part(self.held, way) for way in ways)
        place = Place(
            self.enabled.places[reference].variable,
            (0,),
            None if cell.quality is None else (1,),
            None if timed is None else (2,),
            self.enabled.places[reference].kind,
        )
        sample = sample_of(place, parts)
        if sample.time_ns is None and report.time_ms:
            return Sample(
                sample.raw, sample.quality, report.time_ms * _NS_PER_MS, 0, sample.text, sample.why
            )
        return sample


def _part(held: Mapping[int, Value], way: Way) -> Value:
    return at(held[way.member], way.parts)
