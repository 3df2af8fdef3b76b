"""Puts the samples of one stream into blocks: what is there, what is lost, what came twice.

Samples are numbered from the UTC second: number = second * rate + smpCnt. A sample's number
follows from its count and the time that has passed since a sample that is known, by the monotonic
clock: a silence of any length changes nothing, nor does a delay below half a second. A block is
handed on when it is whole, or when a sample has come that is later by the grace time.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.link.sample_blocks import Block, Counters, SampleFlag, Stream
from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_iec61850.sampled_values.qualities import LOCKED, TESTED, bits_of, together
from ortsnetz_iec61850.sampled_values.rates import Seconds
from ortsnetz_iec61850.sampled_values.template import Taken, Whole

BLOCKS_PER_S = 10
GRACE_S = 0.02
"""Samples may come so much later than others that were sent after them."""
LONGEST_FILLED = 10
"""Blocks; a longer gap is no block of lost samples, the next one begins behind it."""
REMEMBERED = 3
"""Blocks handed on of which it is known what was in them: late and doubled are two things."""
SLEW_PER_BLOCK = 0.25
"""Of a sample: so much the instants of a source that is not synchronised follow its arrivals."""
OFF_S = 0.5
UNBELIEVABLE_S = 0.25
"""So far a count may be off the others that come with it: half of what a delay may be."""
_LOST = np.uint8(SampleFlag.LOST)


@dataclass(slots=True, eq=False)
class _Open:
    """A block that is not whole yet."""

    values: NDArray[np.int32]
    flags: NDArray[np.uint8]
    qualities: NDArray[np.uint32]
    missing: int
    newest_ns: int = 0


class Assembly:
    """The blocks of one stream.

    Attributes:
        refuses: whether the stream is of another rate, and its samples are not taken.
    """

    def __init__(self, number: int, stream: Stream) -> None:
        self.refuses = False
        self.counted: Counter[str] = Counter()
        self._number, self._stream = number, stream
        self._size = stream.rate // BLOCKS_PER_S
        self._known: tuple[int, int] | None = None  # number of a sample, monotonic ns of its coming
        self._next = 0  # block that is handed on next
        self._open: dict[int, _Open] = {}
        self._seen: deque[tuple[int, NDArray[np.bool_]]] = deque(maxlen=REMEMBERED)
        self._newest = 0
        self._offset_ns: int | None = None  # added to number / rate; whole seconds if synchronised
        self._early_ns: int | None = None  # least of (arrival - number / rate) since the last block
        self._synchronised = False
        self._handed: int | None = None
        self._ends = Seconds(stream.rate)

    def take(self, taken: Taken, arrived_ns: Whole, wall_ahead_ns: int) -> list[Block]:
        """Take samples; the blocks that are whole by now.

        Args:
            taken: of one or many frames.
            arrived_ns: of each sample, monotonic.
            wall_ahead_ns: UTC less the monotonic clock.
        """
        self.counted["frames"] += int(taken.frame[-1]) + 1
        numbers, believed = self._numbers(taken.counts, arrived_ns, wall_ahead_ns)
        beyond = np.cumsum(believed, dtype=np.int64)[taken.counts >= self._stream.rate]
        if not believed.all():
            self.counted["out_of_range"] += int((~believed).sum())
            taken = _chosen(taken, believed)
            arrived_ns, numbers = arrived_ns[believed], numbers[believed]
        self.refuses = self._ends.take(numbers, beyond)
        if not len(numbers):
            return []
        if self.refuses:
            self.counted["malformed"] += int(taken.frame[-1] - taken.frame[0]) + 1
            return []
        last = int(np.argmax(numbers))
        self._known = (int(numbers[last]), int(arrived_ns[last]))
        self._watch_instants(
            numbers, arrived_ns + wall_ahead_ns, synchronised=bool(taken.synch[-1])
        )
        self._place(numbers, taken, arrived_ns + wall_ahead_ns)
        return list(self._whole(self._newest - round(GRACE_S * self._stream.rate)))

    def expire(self, monotonic_ns: int) -> list[Block]:
        """Blocks whose samples must have come by now, where nothing comes any more."""
        if self._known is None or not self._open:
            return []
        number, at_ns = self._known
        passed = (monotonic_ns - at_ns) * self._stream.rate // NS_PER_S
        until = number + passed - round(OFF_S * self._stream.rate)
        return list(self._whole(until))

    def counters(self, **others: int) -> Counters:
        """As they stand."""
        return Counters(**self.counted, **others)

    def _numbers(
        self, counts: Whole, arrived_ns: Whole, wall_ahead_ns: int
    ) -> tuple[Whole, NDArray[np.bool_]]:
        """Numbers of samples from their counts, and which of them are believed.

        A count that contradicts most others of its batch would make all between them lost.
        """
        rate = self._stream.rate
        possible = counts < rate
        if self._known is None:
            if not possible.any():
                return counts, possible
            # the second of the first sample: that which makes it come when it came
            first = int(np.argmax(possible))
            in_second = int(counts[first]) * NS_PER_S // rate
            second = round((int(arrived_ns[first]) + wall_ahead_ns - in_second) / NS_PER_S)
            self._known = (second * rate + int(counts[first]), int(arrived_ns[first]))
            self._next = -(-self._known[0] // self._size)  # the first whole one
            self._newest = self._known[0]
        number, at_ns = self._known
        # in floating point: after a week of silence the product exceeds 64 bits
        expected = number + ((arrived_ns - at_ns) * (rate / NS_PER_S)).astype(np.int64)
        half = rate // 2
        early = (counts - expected + half) % rate - half
        off = np.abs(early - int(np.median(early)))
        believed: NDArray[np.bool_] = possible & (off <= UNBELIEVABLE_S * rate)
        return expected + early, believed

    def _watch_instants(self, numbers: Whole, wall_ns: Whole, *, synchronised: bool) -> None:
        """Keep what turns numbers into instants."""
        # number * 10^9 exceeds 64 bits by far: seconds and the rest apart
        rate = self._stream.rate
        instants = numbers // rate * NS_PER_S + numbers % rate * NS_PER_S // rate
        early = int((wall_ns - instants).min())
        self._early_ns = early if self._early_ns is None else min(early, self._early_ns)
        if self._offset_ns is None or synchronised != self._synchronised:
            self._synchronised = synchronised
            self._offset_ns = _seconds(early) if synchronised else early
            self._early_ns = early

    def _next_offset(self) -> int:
        """Offset for the block that is handed on now."""
        offset, early = self._offset_ns or 0, self._early_ns
        if early is None:
            return offset
        self._early_ns = None
        off = early - offset
        if self._synchronised:
            if abs(off) > OFF_S * NS_PER_S:
                self.counted["restarts"] += 1
                offset += _seconds(off)
        elif abs(off) > OFF_S * NS_PER_S:
            self.counted["restarts"] += 1
            offset = early
        else:
            most = int(SLEW_PER_BLOCK * NS_PER_S / self._stream.rate)
            offset += min(max(off, -most), most)
        self._offset_ns = offset
        return offset

    def _place(self, numbers: Whole, taken: Taken, wall_ns: Whole) -> None:
        """Put samples where they belong."""
        before = np.maximum.accumulate(np.concatenate(([self._newest], numbers[:-1])))
        self.counted["reordered"] += int((numbers < before).sum())
        self._newest = max(self._newest, int(numbers.max()))
        blocks = numbers // self._size
        for block in np.unique(blocks).tolist():
            chosen = blocks == block
            if block < self._next:
                self._too_late(block, numbers[chosen] % self._size)
                continue
            here = self._opened(block)
            places, first = np.unique(numbers[chosen] % self._size, return_index=True)
            new = (here.flags[places] & _LOST) != 0
            doubled = int(chosen.sum()) - int(new.sum())
            self.counted["doubled"] += doubled
            self.counted["reordered"] -= min(doubled, self.counted["reordered"])
            rows = np.flatnonzero(chosen)[first][new]
            places = places[new]
            here.values[:, places] = taken.values[rows].T
            here.flags[places] = _flags(taken.synch[rows], taken.qualities[rows])
            if len(rows):
                here.qualities |= together(taken.qualities[rows])
            here.missing -= len(rows)
            here.newest_ns = max(here.newest_ns, int(wall_ns[rows].max(initial=0)))

    def _too_late(self, block: int, places: Whole) -> None:
        """Samples of a block that was handed on, or of the time before the first."""
        for known, seen in self._seen:
            if known == block:
                doubled = int(seen[places].sum())
                self.counted["doubled"] += doubled
                self.counted["late"] += len(places) - doubled
                return
        if self._handed is not None:
            self.counted["late"] += len(places)

    def _opened(self, block: int) -> _Open:
        found = self._open.get(block)
        if found is None:
            channels = len(self._stream.channels)
            found = self._open[block] = _Open(
                np.zeros((channels, self._size), dtype=np.int32),
                np.full(self._size, _LOST),
                np.zeros(channels, dtype=np.uint32),
                self._size,
            )
        return found

    def _whole(self, until: int) -> Iterator[Block]:
        """Blocks that are whole, or that end before a sample's number."""
        while self._open:
            least = min(self._open)
            if least - self._next > LONGEST_FILLED:
                self.counted["lost"] += (least - self._next) * self._size
                self._next = least
            found = self._open.get(self._next)
            whole = found is not None and not found.missing
            if not whole and (self._next + 1) * self._size > until:
                return
            yield self._closed(self._next)

    def _closed(self, block: int) -> Block:
        found = self._opened(block)
        del self._open[block]
        self._next = block + 1
        lost = (found.flags & _LOST) != 0
        self._seen.append((block, ~lost))
        self.counted["lost"] += found.missing
        self.counted["samples"] += self._size - found.missing
        first = block * self._size
        rate = self._stream.rate
        start = first // rate * NS_PER_S + first % rate * NS_PER_S // rate + self._next_offset()
        self._handed = block
        return Block(
            stream=self._number,
            first=first,
            start_ns=start,
            values=found.values.astype("<i4", copy=False).tobytes(),
            flags=found.flags.tobytes(),
            qualities=tuple(bits_of(int(q)) for q in found.qualities),
            newest_ns=found.newest_ns,
            counters=self.counters(),
            rate_proven=self._ends.proven,
        )


def _chosen(taken: Taken, which: NDArray[np.bool_]) -> Taken:
    return Taken(
        taken.frame[which],
        taken.counts[which],
        taken.synch[which],
        taken.values[which],
        taken.qualities[which],
    )


def _flags(synch: NDArray[np.uint8], qualities: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Flags of samples that came."""
    flags = np.zeros(len(synch), dtype=np.uint8)
    flags[synch == 0] |= np.uint8(SampleFlag.UNSYNCHRONISED)
    flags[(synch != 0) & (synch != 2)] |= np.uint8(SampleFlag.LOCAL_CLOCK)
    validity = qualities & 3
    unfit = (validity == 1) | (validity == 2) | ((qualities & LOCKED) != 0)
    flags[unfit.any(axis=1)] |= np.uint8(SampleFlag.INVALID)
    flags[((qualities & TESTED) != 0).any(axis=1)] |= np.uint8(SampleFlag.TEST)
    return flags


def _seconds(ns: int) -> int:
    """The nearest whole seconds."""
    return round(ns / NS_PER_S) * NS_PER_S
