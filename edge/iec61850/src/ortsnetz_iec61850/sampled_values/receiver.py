"""The receiver's process: frames in from one interface, blocks of samples out over a Unix socket.

    python -m ortsnetz_iec61850.sampled_values.receiver --interface eth1

NET_RAW is held by two services alone: the receiver of Sampled Values until its socket stands, and
the opener of GOOSE sockets, which reads no frame; no service has it while it reads frames. It does
what its subscribers ask for and nothing else; without subscribers the kernel's filter lets nothing
pass.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_common.link.sample_blocks import DEFAULT_SOCKET, SOCKET_VARIABLE
from ortsnetz_iec61850.sampled_values.packet_filter import program_for
from ortsnetz_iec61850.sampled_values.privileges import give_up
from ortsnetz_iec61850.sampled_values.ring import Ring
from ortsnetz_iec61850.sampled_values.sorting import Sorting
from ortsnetz_iec61850.sampled_values.subscriber import Ended, Subscriber

log = logging.getLogger(__name__)

MAX_SUBSCRIBERS = 32
"""Each source of an agent is one."""
TICK_S = 0.1
REQUEST_S = 5.0
"""Within which a subscriber has to say what it wants: there are few places."""


class Receiver:
    """One ring, and those who want samples from it.

    Attributes:
        subscribers: those who are connected.
    """

    def __init__(self, ring: Ring, listening: socket.socket) -> None:
        self._ring, self._listening = ring, listening
        self.subscribers: list[Subscriber] = []
        self._sorting = Sorting()
        self._selector = selectors.DefaultSelector()
        self._selector.register(ring, selectors.EVENT_READ)
        self._selector.register(listening, selectors.EVENT_READ)

    def run(self) -> None:
        """Until the interface is gone.

        Raises:
            OrtsnetzError: it is; whoever started the process starts it again.
        """
        ticked = 0.0
        while True:
            self.serve_round()
            now = time.monotonic()
            if now - ticked >= TICK_S:
                ticked = now
                self.tick()

    def serve_round(self) -> None:
        """Wait until something comes, for a tick at most, and serve it."""
        for key, events in self._selector.select(TICK_S):
            if key.fileobj is self._ring:
                self._receive()
            elif key.fileobj is self._listening:
                self._accept()
            else:
                self._serve(key.data, events)

    def _receive(self) -> None:
        wall_ahead_ns = time.time_ns() - time.monotonic_ns()
        for received in self._ring.received():
            self._sorting.take(received, wall_ahead_ns)
        self._hand_on()

    def tick(self) -> None:
        """What is done ten times a second. Raises OrtsnetzError: the interface is gone."""
        self._ring.check()
        for subscriber in list(self.subscribers):
            with self._ending(subscriber):
                if not subscriber.streams and time.monotonic() - subscriber.since > REQUEST_S:
                    raise Ended(f"it asked for nothing within {REQUEST_S:g} s")
        # what waits in the ring has come: only what is not there either never came
        asked_ns = time.monotonic_ns()
        self._receive()
        self._sorting.expire(asked_ns, self._ring.count_drops())
        self._hand_on()

    def _hand_on(self) -> None:
        for subscriber in list(self.subscribers):
            with self._ending(subscriber):
                self._sorting.hand_on(subscriber)
                subscriber.flush()
                self._watch(subscriber)

    def _accept(self) -> None:
        connection, _ = self._listening.accept()
        if len(self.subscribers) >= MAX_SUBSCRIBERS:
            connection.close()
            log.warning("more than %d subscribers: one is turned away", MAX_SUBSCRIBERS)
            return
        subscriber = Subscriber(connection, self._ring.interface)
        self.subscribers.append(subscriber)
        self._selector.register(connection, selectors.EVENT_READ, subscriber)

    def _serve(self, subscriber: Subscriber, events: int) -> None:
        if subscriber not in self.subscribers:
            return  # it has ended since the selector spoke, while frames were handed on
        with self._ending(subscriber):
            if events & selectors.EVENT_READ and subscriber.read():
                self._sorting.add(subscriber)
                self._ring.filter(program_for(self._sorting.streams))
            subscriber.flush()
            self._watch(subscriber)

    def _watch(self, subscriber: Subscriber) -> None:
        events = selectors.EVENT_READ
        if subscriber.backlog:
            events |= selectors.EVENT_WRITE
        self._selector.modify(subscriber.connection, events, subscriber)

    @contextlib.contextmanager
    def _ending(self, subscriber: Subscriber) -> Iterator[None]:
        """What ends a subscriber ends nobody else."""
        try:
            yield
        except (Ended, OSError) as end:
            if str(end):
                log.warning("a subscriber is given up: %s", end)
            self._selector.unregister(subscriber.connection)
            subscriber.connection.close()
            self.subscribers.remove(subscriber)
            self._sorting.remove(subscriber)
            self._ring.filter(program_for(self._sorting.streams))


def listen(path: Path) -> socket.socket:
    """The Unix socket; one that a former process has left behind is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(str(path))
    path.chmod(0o660)
    listening.listen(MAX_SUBSCRIBERS)
    listening.settimeout(0)
    return listening


def main(arguments: list[str] | None = None) -> None:
    """Run the receiver."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="receiver: %(message)s")
    parser = argparse.ArgumentParser(description="Receives Sampled Values from an interface.")
    parser.add_argument("--interface", required=True, help="network interface of the process bus")
    parser.add_argument(
        "--socket",
        type=Path,
        default=Path(os.environ.get(SOCKET_VARIABLE, DEFAULT_SOCKET)),
        help="path of the Unix socket for subscribers",
    )
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        ring = Ring(options.interface)
        listening = listen(options.socket)
        give_up()
        Receiver(ring, listening).run()
    except (OrtsnetzError, OSError) as error:
        raise SystemExit(f"receiver: {error}") from error


if __name__ == "__main__":
    main()
