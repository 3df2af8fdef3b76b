"""Which frame belongs to which stream: by template in one go, one by one where none fits."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from ortsnetz_common.link import sample_blocks as say
from ortsnetz_iec61850.sampled_values.assembly import Assembly
from ortsnetz_iec61850.sampled_values.frames import Malformed, parse_frame
from ortsnetz_iec61850.sampled_values.packet_filter import mac_octets
from ortsnetz_iec61850.sampled_values.ring import Received
from ortsnetz_iec61850.sampled_values.subscriber import Subscriber
from ortsnetz_iec61850.sampled_values.template import Template, misfit

Flags = NDArray[np.bool_]

TEMPLATES = 4
"""Forms of one stream's frames that are remembered; the oldest is forgotten."""
FOREIGN = 16
"""Forms of frames that nobody wants and that pass the filter all the same (one APPID for many)."""
ONE_BY_ONE = 64
"""Frames of a length and block that fit no template and are parsed; what is beyond is counted."""
SILENT_AFTER_S = 1.0


@dataclass(eq=False)
class _Place:
    """A stream of a subscriber."""

    stream: say.Stream
    mac: bytes
    app_id: bytes
    assembly: Assembly
    templates: deque[Template] = field(default_factory=lambda: deque(maxlen=TEMPLATES))
    blocks: list[say.Block] = field(default_factory=list)
    heard: float = field(default_factory=time.monotonic)
    told: float = field(default_factory=time.monotonic)


class Sorting:
    """Streams of all subscribers."""

    def __init__(self) -> None:
        self._places: dict[Subscriber, list[_Place]] = {}
        self._foreign: deque[Template] = deque(maxlen=FOREIGN)
        self._unexamined = 0
        self._drops = 0

    @property
    def streams(self) -> tuple[say.Stream, ...]:
        """All that somebody wants."""
        return tuple(place.stream for place in self._all())

    def add(self, subscriber: Subscriber) -> None:
        """Take up the streams of a subscriber."""
        known = {place.stream: place.templates for place in self._all()}
        self._places[subscriber] = [
            _Place(
                stream,
                mac_octets(stream.mac),
                stream.app_id.to_bytes(2, "big"),
                Assembly(number, stream),
            )
            for number, stream in enumerate(subscriber.streams)
        ]
        for place in self._places[subscriber]:
            # frames that another subscriber's template fits are not parsed again
            place.templates.extend(known.get(place.stream, ()))
        self._foreign.clear()

    def remove(self, subscriber: Subscriber) -> None:
        """Forget a subscriber."""
        self._places.pop(subscriber, None)

    def take(self, received: Received, wall_ahead_ns: int) -> None:
        """Frames of one length, in the order in which they came."""
        rest = np.ones(len(received.frames), dtype=np.bool_)
        for place in self._all():
            for template in place.templates:
                rest &= ~_taken(place, template, received, wall_ahead_ns)
        for template in self._foreign:
            rest &= ~template.fits(received.frames)
        for _ in range(ONE_BY_ONE):
            if not rest.any():
                return
            number = int(np.argmax(rest))
            rest[number] = False
            # one that is parsed may be the template of many others
            self._parse(received.frames[number].tobytes(), rest, received, wall_ahead_ns)
        self._unexamined += int(rest.sum())

    def _parse(self, octets: bytes, rest: Flags, received: Received, wall_ahead_ns: int) -> None:
        try:
            frame = parse_frame(octets)
        except Malformed:
            for place in self._all():
                here = octets[:6] == place.mac and octets[14:16] == place.app_id
                place.assembly.counted["malformed"] += here
            return
        names = {asdu.sv_id for asdu in frame.asdus}
        foreign = True
        for place in self._all():
            if frame.destination != place.mac or octets[14:16] != place.app_id:
                continue
            if names != {place.stream.sv_id}:
                continue
            foreign = False
            reason = misfit(frame, place.stream)
            if reason:
                place.assembly.counted[reason] += 1
                continue
            template = Template(frame, octets, place.stream)
            place.templates.append(template)
            rest &= ~_taken(place, template, received, wall_ahead_ns)
        if foreign:
            template = Template(frame, octets, None)
            self._foreign.append(template)
            rest &= ~template.fits(received.frames)

    def expire(self, monotonic_ns: int, drops: int) -> None:
        """Let blocks go that wait for what will not come."""
        self._drops = drops
        for place in self._all():
            place.blocks += place.assembly.expire(monotonic_ns)

    def hand_on(self, subscriber: Subscriber) -> None:
        """Give a subscriber its blocks, and word of streams that are silent."""
        now = time.monotonic()
        for number, place in enumerate(self._places.get(subscriber, ())):
            for block in place.blocks:
                if not subscriber.hand_on(self._completed(block)):
                    place.assembly.counted["blocks_dropped"] += 1
                place.told = now
            place.blocks.clear()
            if now - max(place.heard, place.told) >= SILENT_AFTER_S:
                place.told = now
                counters = place.assembly.counters(
                    kernel_drops=self._drops, unexamined=self._unexamined
                )
                subscriber.hand_on(say.Silent(number, now - place.heard, counters))

    def _all(self) -> Iterator[_Place]:
        return (place for places in self._places.values() for place in places)

    def _completed(self, block: say.Block) -> say.Block:
        """With what is counted for all streams together."""
        counters = replace(block.counters, kernel_drops=self._drops, unexamined=self._unexamined)
        return replace(block, counters=counters)


def _taken(place: _Place, template: Template, received: Received, wall_ahead_ns: int) -> Flags:
    """Take the samples of frames that fit a template; which these are."""
    fits = template.fits(received.frames)
    if fits.any():
        chosen = received.frames if fits.all() else received.frames[fits]
        arrived = received.arrived_ns[fits] - wall_ahead_ns
        taken = template.take(chosen)
        place.blocks += place.assembly.take(taken, arrived[taken.frame], wall_ahead_ns)
        if not place.assembly.refuses:
            place.heard = time.monotonic()
    return fits
