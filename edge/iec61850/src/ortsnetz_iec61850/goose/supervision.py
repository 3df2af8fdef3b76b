"""Whether a stream of GOOSE messages can be believed: its numbers, its life, its simulation. Pure.

Numbers (IEC 61850-8-1, 18.1): stNum counts states, sqNum the messages of a state; both wrap from
2^32 - 1 to 1, for 0 is the first message of a state. Numbers that go back are a publisher's restart
if its state is newer, by its own time, than all that came before; else a replay, or a frame that
went a longer way: refused, and no sign of life.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum

from ortsnetz_iec61850.goose.message import Message

LONGEST_LIFE_S = 60.0
"""A message is believed for no longer, whatever it says: IEC 61850-8-1 gives up to 2^32 ms."""
_RING = 2**32 - 1  # numbers 1 to 2^32 - 1
_HALF = _RING // 2
_UNSYNCHRONISED = 0x60  # clock failure, clock not synchronised


class Outcome(StrEnum):
    """What became of a message."""

    NEW_STATE = "new state"
    RETRANSMISSION = "retransmission"
    RESTART = "restart"
    DOUBLED = "doubled"  # the same message once more: two paths, or a loop
    REPLAYED = "replayed"  # older than what is known
    SIMULATED = "simulated"  # from a test set, and the node is not told to take it
    NOT_SIMULATED = "not simulated"  # from the device, while the node follows a test set

    @property
    def is_taken(self) -> bool:
        """Whether its values count, and its time allowed to live begins."""
        return self in _TAKEN


_TAKEN = {Outcome.NEW_STATE, Outcome.RETRANSMISSION, Outcome.RESTART}


@dataclass(slots=True)
class Counts:
    """What happened to a stream since the start.

    Attributes:
        taken: messages whose values counted.
        new_states, retransmissions, restarts: of these.
        lost_messages: that must have been sent in between, by sqNum.
        lost_states: of which no message came, by stNum.
        doubled, replayed, simulated, not_simulated: refused.
        misaddressed: refused: another destination or APPID.
        misconfigured: nothing could be read: revision, data set, types, ndsCom.
        expired: how often the time allowed to live passed without a message.
    """

    taken: int = 0
    new_states: int = 0
    retransmissions: int = 0
    restarts: int = 0
    lost_messages: int = 0
    lost_states: int = 0
    doubled: int = 0
    replayed: int = 0
    simulated: int = 0
    not_simulated: int = 0
    misaddressed: int = 0
    misconfigured: int = 0
    expired: int = 0

    def as_dict(self) -> dict[str, int]:
        """By name, for programs."""
        return asdict(self)


class Supervision:
    """Follows one control block.

    Args:
        accepts_simulation: whether messages of a test set count; once one came, only they do, as
            LPHD.Sim of IEC 61850-7-4 has it.
    """

    def __init__(self, *, accepts_simulation: bool = False) -> None:
        self.counts = Counts()
        self._accepts_simulation = accepts_simulation
        self._simulating = False
        self._last: Message | None = None
        self._newest_ns = 0
        self._until_s: float | None = None

    @property
    def is_alive(self) -> bool:
        """Whether the last message's time allowed to live has not been found to have passed."""
        return self._until_s is not None

    @property
    def deadline_s(self) -> float | None:
        """When the next message has to be here; monotonic seconds."""
        return self._until_s

    @property
    def is_simulating(self) -> bool:
        """Whether a test set is followed instead of the device."""
        return self._simulating

    def take(
        self, message: Message, arrived_s: float, arrived_ns: int, *, is_simulation: bool
    ) -> Outcome:
        """Judge a message and count it.

        Args:
            message: of this control block.
            arrived_s: when, in monotonic seconds.
            arrived_ns: the same, UTC ns.
            is_simulation: whether frame or message say that a test set sends it.
        """
        outcome = self._simulation(is_simulation=is_simulation) or self._numbers(message)
        self._count(outcome)
        if outcome.is_taken:
            life_s = min(message.time_allowed_to_live_ms / 1000, LONGEST_LIFE_S)
            self._until_s = arrived_s + life_s
            self._last = message
            # one that claims to come from the future must not make all later ones look old
            self._newest_ns = max(self._newest_ns, min(message.time.time_ns, arrived_ns))
        return outcome

    def expire(self, now_s: float) -> bool:
        """Whether the stream has just been lost; counted."""
        if self._until_s is None or now_s < self._until_s:
            return False
        self._until_s = None
        self.counts.expired += 1
        return True

    def _simulation(self, *, is_simulation: bool) -> Outcome | None:
        if is_simulation and not self._accepts_simulation:
            return Outcome.SIMULATED
        if is_simulation and not self._simulating:
            # another sender with numbers of its own
            self._simulating, self._last, self._newest_ns = True, None, 0
        if self._simulating and not is_simulation:
            return Outcome.NOT_SIMULATED
        return None

    def _numbers(self, message: Message) -> Outcome:
        last = self._last
        if last is None:
            return Outcome.NEW_STATE
        states = _steps(last.state, message.state)
        if states > 0:
            self.counts.lost_states += states - 1
            self.counts.lost_messages += message.sequence
            return Outcome.NEW_STATE
        if states == 0:
            messages = _steps(last.sequence, message.sequence)
            if messages > 0:
                self.counts.lost_messages += messages - 1
                return Outcome.RETRANSMISSION
            if messages == 0 and message.time == last.time:
                return Outcome.DOUBLED
        return Outcome.RESTART if self._is_newer(message) else Outcome.REPLAYED

    def _is_newer(self, message: Message) -> bool:
        """Whether numbers that went back are those of a publisher that began anew.

        One without a clock cannot say when: after a silence it is believed from its first state.
        """
        if message.time.time_ns > self._newest_ns:
            return True
        has_clock = not message.time.quality & _UNSYNCHRONISED
        return not has_clock and not self.is_alive and message.state <= 1

    def _count(self, outcome: Outcome) -> None:
        counts = self.counts
        counts.taken += outcome.is_taken
        counts.new_states += outcome is Outcome.NEW_STATE
        counts.retransmissions += outcome is Outcome.RETRANSMISSION
        counts.restarts += outcome is Outcome.RESTART
        counts.doubled += outcome is Outcome.DOUBLED
        counts.replayed += outcome is Outcome.REPLAYED
        counts.simulated += outcome is Outcome.SIMULATED
        counts.not_simulated += outcome is Outcome.NOT_SIMULATED


def _steps(before: int, after: int) -> int:
    """How far a number went on, over the wrap; negative where it went back.

    Zero stands before one: it is the first of all, and follows nothing.
    """
    if before == 0 or after == 0:
        return after - before if (before, after) != (2**32 - 1, 0) else 1
    ahead = (after - before) % _RING
    return ahead if ahead <= _HALF else ahead - _RING
