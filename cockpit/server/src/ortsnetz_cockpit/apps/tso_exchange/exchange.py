"""The app: sends each interval once it is over, and again when late samples change it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from fastapi import APIRouter

from ortsnetz_cockpit.apps.tso_exchange.aggregate import Aggregate, aggregates, points_needed
from ortsnetz_cockpit.apps.tso_exchange.messages import aggregate_info
from ortsnetz_cockpit.apps.tso_exchange.outbox import KEPT_INTERVALS, Outbox, Sent
from ortsnetz_cockpit.apps.tso_exchange.profile import Interface
from ortsnetz_cockpit.apps.tso_exchange.routes import make_router
from ortsnetz_cockpit.sdk.contract import Host
from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_common.link import topics
from ortsnetz_common.measurement.time import NS_PER_S, now_ns

LOGGER = logging.getLogger("ortsnetz.cockpit.tso")
CHECK_S = 1.0


class TsoExchange:
    """Implements `sdk.contract.App`.

    Args:
        interfaces: the profile.
        host: the cockpit.
        clock: UTC nanoseconds.
    """

    def __init__(
        self, interfaces: Sequence[Interface], host: Host, clock: Callable[[], int] = now_ns
    ) -> None:
        self._interfaces = {interface.name: interface for interface in interfaces}
        self._host = host
        self._clock = clock
        self._outbox = Outbox(host.data_dir / "sent.json")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tso-exchange", daemon=True)
        self._router = make_router(self._interfaces, self.compute, self.revision, host.viewer)

    @property
    def router(self) -> APIRouter:
        """REST endpoints."""
        return self._router

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(5.0)

    def compute(self, interface: Interface, starts: Sequence[int]) -> list[Aggregate]:
        """The agreed figures of some intervals, from what is committed now."""
        if not starts:
            return []
        station = self._host.station(interface.node)
        windows = (
            []
            if station is None
            else self._host.windows(
                interface.node,
                points_needed(interface, station),
                start_ns=min(starts),
                end_ns=max(starts) + interface.interval_ns,
                width_ns=interface.interval_ns,
            )
        )
        return aggregates(interface, station, windows, starts)

    def revision(self, interface: Interface, start_ns: int) -> int:
        """Number of the last message about an interval; 1 before the first."""
        sent = self._outbox.sent(interface.name, start_ns)
        return 1 if sent is None else sent.revision

    def due(self, interface: Interface) -> list[int]:
        """Intervals to look at: those that ended since the last message, and those not final."""
        width = interface.interval_ns
        over = self._clock() - round(interface.delay_s * NS_PER_S)
        last = over // width * width - width
        newest = self._outbox.newest(interface.name)
        if newest is not None and newest >= last:
            return []
        oldest = last - (KEPT_INTERVALS - 1) * width
        first = last if newest is None else max(newest + width, oldest)
        known = range(oldest, first, width)
        open_ones = [start for start in known if self._is_open(interface, start)]
        return [*open_ones, *range(first, last + width, width)]

    def _is_open(self, interface: Interface, start_ns: int) -> bool:
        sent = self._outbox.sent(interface.name, start_ns)
        return sent is not None and not sent.is_final

    def send_due(self) -> int:
        """Send what is due; returns the number of messages the broker took."""
        count = 0
        for interface in self._interfaces.values():
            for aggregate in self.compute(interface, self.due(interface)):
                content = aggregate_info(interface, aggregate, 0).model_dump_json()
                before = self._outbox.sent(interface.name, aggregate.start_ns)
                if before is not None and before.content == content:
                    continue
                if not self._send(interface, aggregate, before, content):
                    break  # in order: the next second goes on here
                count += 1
        if count:
            self._outbox.save()
        return count

    def _send(
        self, interface: Interface, aggregate: Aggregate, before: Sent | None, content: str
    ) -> bool:
        revision = 1 if before is None else before.revision + 1
        message = aggregate_info(interface, aggregate, revision).model_dump_json()
        if not self._host.publish(topics.tso(interface.name), message.encode()):
            return False
        self._outbox.note(
            interface.name, aggregate.start_ns, Sent(revision, aggregate.is_final, content)
        )
        return True

    def _run(self) -> None:
        while not self._stopping.wait(CHECK_S):
            try:
                self.send_due()
            except (OrtsnetzError, OSError):  # the next second tries again, from where it was
                LOGGER.exception("aggregates could not be sent")
