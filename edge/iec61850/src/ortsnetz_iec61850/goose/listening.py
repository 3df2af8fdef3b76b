"""Listens to the GOOSE messages of one interface, in an event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_common.measurement.time import now_ns
from ortsnetz_iec61850.goose.ber import DecodingError
from ortsnetz_iec61850.goose.frames import Frame, decoded_frame, with_tag
from ortsnetz_iec61850.goose.interface import AT_ONCE, Arrival, Interface
from ortsnetz_iec61850.goose.stream import Stream

log = logging.getLogger(__name__)
REOPEN_S = 1.0
"""An interface that is gone or down is looked for this often."""
MOST_BEFORE_LOST = 16
"""Times `AT_ONCE` frames that are read before a stream is said to be lost: they may be its own."""

Changed = Callable[[], None]
Heard = Callable[[Frame], None]


@dataclass(slots=True)
class Following:
    """A stream, and whom to tell that a value or its validity changed."""

    stream: Stream
    changed: Changed


@dataclass(slots=True)
class Listening:
    """An interface that is listened to; opened when the first asks, closed when the last leaves.

    Attributes:
        name: of the interface.
        everything: takes every frame that is one, wanted or not; a console's.
        malformed: frames that were none.
        unwanted: frames of control blocks that nobody follows.
        why: why it does not listen, in words; None while it does.
    """

    name: str
    everything: Heard | None = None
    malformed: int = 0
    unwanted: int = 0
    why: str | None = "not yet opened"
    _following: list[Following] = field(default_factory=list)
    _by_block: dict[str, list[Following]] = field(default_factory=dict)
    _interface: Interface | None = None
    _timer: asyncio.TimerHandle | None = None
    _reopening: asyncio.TimerHandle | None = None
    _dropped_before: int = 0

    @property
    def dropped(self) -> int:
        """Frames that the kernel dropped because they were not fetched in time."""
        now = 0 if self._interface is None else self._interface.count_dropped()
        return self._dropped_before + now

    def follow(self, following: Following) -> None:
        """Follow a stream from now on."""
        self._following.append(following)
        self._by_block.setdefault(following.stream.subscription.block, []).append(following)
        if self._interface is not None:
            self._close()  # the addresses to listen to have changed
            self.open()

    def leave(self, following: Following) -> None:
        """Follow it no longer."""
        self._following.remove(following)
        self._by_block[following.stream.subscription.block].remove(following)
        if not self._following and self.everything is None:
            self.close()

    def open(self) -> None:
        """Listen from the running loop; tries again by itself where it cannot."""
        if self._interface is not None or self._reopening is not None:
            return
        try:
            self._interface = Interface(self.name, self._destinations())
        except OrtsnetzError as error:
            self.why = str(error)
            self._open_later()
            return
        self.why = None
        asyncio.get_running_loop().add_reader(self._interface.fileno(), self._read)

    def close(self) -> None:
        """Listen no longer."""
        for timer in (self._timer, self._reopening):
            if timer is not None:
                timer.cancel()
        self._timer = self._reopening = None
        self._close()
        self.why = "closed"

    def _destinations(self) -> tuple[str, ...] | None:
        wanted = [each.stream.subscription.destination for each in self._following]
        named = tuple(each for each in wanted if each is not None)
        is_all = self.everything is not None or len(named) < len(wanted)
        return None if is_all else named

    def _close(self) -> None:
        if self._interface is not None:
            asyncio.get_running_loop().remove_reader(self._interface.fileno())
            self._dropped_before += self._interface.count_dropped()
            self._interface.close()
            self._interface = None

    def _open_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._reopening = loop.call_later(REOPEN_S, self._reopen)

    def _reopen(self) -> None:
        self._reopening = None
        self.open()

    def _read(self) -> None:
        try:
            self._fetch()
        finally:
            self._set_timer()

    def _fetch(self) -> int:
        """Take what has come; how many frames."""
        count = 0
        if self._interface is None:
            return count
        try:
            for arrival in self._interface.arrivals():
                count += 1
                self._take(arrival)
        except OSError as error:
            self.why = f"interface '{self.name}': {error.strerror or error}"
            self._close()
            self._open_later()
        return count

    def _take(self, arrival: Arrival) -> None:
        try:
            frame = with_tag(decoded_frame(arrival.octets), arrival.tag_control)
        except DecodingError:
            self.malformed += 1
            return
        if self.everything is not None:
            self.everything(frame)
        followed = self._by_block.get(frame.message.block)
        if not followed:
            self.unwanted += 1
            return
        arrived_s = asyncio.get_running_loop().time() - arrival.age_s
        arrived_ns = now_ns()
        for each in followed:
            if each.stream.take(frame, arrived_s, arrived_ns):
                _tell(each)

    def _set_timer(self) -> None:
        """Wake at the first deadline; an earlier one replaces what is set."""
        deadlines = [each.stream.deadline_s for each in self._following]
        first = min((each for each in deadlines if each is not None), default=None)
        if self._timer is not None:
            if first is not None and self._timer.when() <= first:
                return  # it will look again by then
            self._timer.cancel()
            self._timer = None
        if first is not None:
            self._timer = asyncio.get_running_loop().call_at(first, self._expire)

    def _expire(self) -> None:
        """Say which streams are lost; what has come and waits is read before."""
        self._timer = None
        for _ in range(MOST_BEFORE_LOST):
            if self._fetch() < AT_ONCE:
                break
        now_s = asyncio.get_running_loop().time()
        for each in tuple(self._following):
            if each.stream.expire(now_s):
                _tell(each)
        self._set_timer()


def _tell(following: Following) -> None:
    """Say that something changed; who fails to take it costs the stream neither value nor end."""
    try:
        following.changed()
    except Exception:
        log.exception("%s: a change could not be reported", following.stream.subscription.block)
