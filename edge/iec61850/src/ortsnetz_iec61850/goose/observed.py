"""What is on an interface: each stream that is heard, supervised, and laid beside an SCL file."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from ortsnetz_iec61850.goose.frames import Frame
from ortsnetz_iec61850.goose.subscription import Subscription, misaddressed, misconfigured
from ortsnetz_iec61850.goose.supervision import Supervision

MOST_STREAMS = 1000
"""More can only be made up; those beyond are counted."""


class Observed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One stream as it was heard; what only the last message says is of that.

    Attributes:
        block: reference of its control block.
        source: address of the sender; "" for one of the SCL file that was not heard.
        vlan: 0 for none.
        frames: that came.
        longest_gap_s: between two of them.
        expired: how often the time allowed to live passed; `silent` whether it has now.
        counts: of `supervision.Counts`.
        findings: what is not as the file has it, or not as it should be, in words.
    """

    block: str
    source: str = ""
    destination: str = ""
    app_id: int = 0
    vlan: int = 0
    id: str = ""
    data_set: str = ""
    revision: int = 0
    state: int = 0
    sequence: int = 0
    time_allowed_to_live_ms: int = 0
    members: int = 0
    simulation: bool = False
    frames: int = 0
    longest_gap_s: float = 0.0
    silent: bool = True
    counts: dict[str, int] = {}
    findings: tuple[str, ...] = ()


class Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that was heard on an interface.

    Attributes:
        malformed: frames of GOOSE's ether type that are none.
        dropped: frames that the kernel dropped because we were too slow.
        beyond: frames of streams beyond `MOST_STREAMS`.
    """

    interface: str
    seconds: float
    streams: tuple[Observed, ...]
    malformed: int
    dropped: int
    beyond: int


@dataclass(slots=True)
class _Heard:
    supervision: Supervision
    last: Frame
    arrived_s: float
    frames: int = 0
    longest_gap_s: float = 0.0


class Observation:
    """Takes every frame of an interface.

    Args:
        expected: what a file says of the streams, by control block; None where there is no file.
    """

    def __init__(self, expected: dict[str, Subscription] | None) -> None:
        self.beyond = 0
        self._expected = expected
        self._heard: dict[tuple[str, str, bool], _Heard] = {}

    def take(self, frame: Frame, arrived_s: float, arrived_ns: int) -> None:
        """Take a frame."""
        # a test set and a second sender have numbers of their own
        key = (frame.message.block, frame.source, frame.is_simulation)
        heard = self._heard.get(key)
        if heard is None:
            if len(self._heard) >= MOST_STREAMS:
                self.beyond += 1
                return
            supervision = Supervision(accepts_simulation=True)
            heard = self._heard[key] = _Heard(supervision, frame, arrived_s)
        heard.supervision.expire(arrived_s)
        heard.supervision.take(
            frame.message, arrived_s, arrived_ns, is_simulation=frame.is_simulation
        )
        heard.longest_gap_s = max(heard.longest_gap_s, arrived_s - heard.arrived_s)
        heard.last, heard.arrived_s = frame, arrived_s
        heard.frames += 1

    def streams(self, now_s: float) -> tuple[Observed, ...]:
        """What was heard by now, and what was not though the file has it."""
        for heard in self._heard.values():
            heard.supervision.expire(now_s)
        seen = [self._observed(heard) for _, heard in sorted(self._heard.items())]
        blocks = {block for block, _, _ in self._heard}
        missing = [
            Observed(block, findings=("not heard, though the file has it",))
            for block in sorted(self._expected or ())
            if block not in blocks
        ]
        return (*seen, *missing)

    def _observed(self, heard: _Heard) -> Observed:
        frame, message = heard.last, heard.last.message
        return Observed(
            block=message.block,
            source=frame.source,
            destination=frame.destination,
            app_id=frame.app_id,
            vlan=0 if frame.tag is None else frame.tag.vlan,
            id=message.id or "",
            data_set=message.data_set,
            revision=message.revision,
            state=message.state,
            sequence=message.sequence,
            time_allowed_to_live_ms=message.time_allowed_to_live_ms,
            members=message.count,
            simulation=frame.is_simulation,
            frames=heard.frames,
            longest_gap_s=round(heard.longest_gap_s, 3),
            silent=not heard.supervision.is_alive,
            counts=heard.supervision.counts.as_dict(),
            findings=tuple(self._findings(heard)),
        )

    def _findings(self, heard: _Heard) -> list[str]:
        frame, found = heard.last, []
        message = frame.message
        senders = {source for block, source, sim in self._heard if block == message.block}
        if len(senders) > 1:
            found.append(f"{len(senders)} senders use this control block")
        if frame.is_simulation:
            found.append("a test set sends it (simulation)")
        if message.needs_commissioning:
            found.append("the publisher says that it needs commissioning (ndsCom)")
        if heard.supervision.counts.expired:
            found.append("was silent for longer than it allowed")
        if self._expected is None:
            return found
        expected = self._expected.get(message.block)
        if expected is None:
            return [*found, "the file does not have it"]
        misfits = (misaddressed(frame, expected), misconfigured(frame, expected))
        return [*found, *(words for words in misfits if words is not None)]
