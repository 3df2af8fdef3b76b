"""One subscriber of the receiver: what it has asked for, and what waits for it."""

from __future__ import annotations

import socket
import time
from collections import deque

from ortsnetz_common.link import frames
from ortsnetz_common.link import sample_blocks as say
from ortsnetz_iec61850.sampled_values.packet_filter import mac_octets

BACKLOG_OCTETS = 4 * 1024 * 1024
"""Of blocks that it has not taken yet; further ones are dropped and counted."""


class Ended(Exception):  # noqa: N818 - the end of a connection is mostly no error
    """The connection ends; the text says why unless the subscriber has hung up."""


class Subscriber:
    """A connection.

    Attributes:
        connection: its socket.
        streams: what it wants; empty until it has said so.
        backlog: messages on their way.
        since: when it connected, monotonic seconds.
    """

    def __init__(self, connection: socket.socket, interface: str) -> None:
        connection.settimeout(0)
        self.connection = connection
        self.streams: tuple[say.Stream, ...] = ()
        self.backlog: deque[memoryview] = deque()
        self.since = time.monotonic()
        self._interface = interface
        self._said = b""
        self._waiting = 0

    def read(self) -> bool:
        """Take what it says; whether it has just subscribed.

        Raises:
            Ended: it has hung up, or broke the contract.
        """
        try:
            octets = self.connection.recv(say.MAX_REQUEST_BYTES)
        except BlockingIOError:
            return False
        if not octets:
            raise Ended
        if self.streams:
            raise Ended("it spoke after its request")
        self._said += octets
        if len(self._said) < frames.HEADER.size:
            return False
        try:
            size = frames.length(self._said[: frames.HEADER.size])
            payload = self._said[frames.HEADER.size :]
            if len(payload) < min(size, say.MAX_REQUEST_BYTES):
                return False
            self._subscribe(say.from_subscriber(payload[:size]))
        except (frames.FrameError, ValueError) as error:
            self.connection.send(say.pack(say.Refused(str(error))))
            raise Ended(str(error)) from error
        self._send(say.pack(say.Accepted(say.VERSION, self._interface)))
        return True

    def hand_on(self, message: say.Block | say.Silent) -> bool:
        """Put a message into its backlog; whether there was room."""
        octets = say.pack(message)
        if self._waiting + len(octets) > BACKLOG_OCTETS:
            return False
        self._send(octets)
        return True

    def flush(self) -> None:
        """Send what it takes. Raises OSError."""
        while self.backlog:
            head = self.backlog[0]
            try:
                sent = self.connection.send(head)
            except BlockingIOError:
                return
            self._waiting -= sent
            if sent == len(head):
                self.backlog.popleft()
            else:
                self.backlog[0] = head[sent:]

    def _send(self, octets: bytes) -> None:
        self.backlog.append(memoryview(octets))
        self._waiting += len(octets)

    def _subscribe(self, request: say.Subscribe) -> None:
        if request.version != say.VERSION:
            raise ValueError(f"version {request.version} of the contract; here is {say.VERSION}")
        if not 1 <= len(request.streams) <= say.MAX_STREAMS:
            raise ValueError(f"{len(request.streams)} streams; 1 to {say.MAX_STREAMS} are possible")
        for stream in request.streams:
            check_stream(stream)
        self.streams = request.streams


def check_stream(stream: say.Stream) -> None:
    """Refuse a stream that none can be. Raises ValueError."""
    mac_octets(stream.mac)
    if not 100 <= stream.rate <= 65535 or stream.rate % 10:
        raise ValueError(f"a rate of {stream.rate}; 100 to 65535, in tens, are possible")
    if not 1 <= len(stream.channels) <= say.MAX_CHANNELS:
        raise ValueError(f"{len(stream.channels)} channels; 1 to {say.MAX_CHANNELS} are possible")
    if not 0 <= stream.app_id <= 0xFFFF:
        raise ValueError(f"an APPID of {stream.app_id} is none")
    for channel in stream.channels:
        for at in (channel.value_at, channel.quality_at or 0):
            if not 0 <= at <= stream.octets - 4:
                raise ValueError(f"octet {at} is not among the {stream.octets} of an ASDU's values")
