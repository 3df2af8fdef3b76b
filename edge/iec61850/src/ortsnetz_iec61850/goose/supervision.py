"""Whether a stream of GOOSE messages can be believed: its numbers, its life, its simulation. Pure.

Numbers (IEC 61850-8-1, 18.1): stNum counts states, sqNum the messages of a state; both wrap from
2^32 - 1 to 1, for 0 is the first message of a state. Numbers that go back are a publisher's restart
if its state is newer, by its own time, than all that came before; else a replay, or a frame that
went a longer way: refused, and no sign of life. Only after a silence is more believed, see
`_began_anew`: a publisher's clock may have been wrong before, or it has none.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum

from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_iec61850.goose.message import Message

LONGEST_LIFE_S = 60.0
"""A message is believed for no longer, whatever it says: IEC 61850-8-1 gives up to 2^32 ms."""
MAX_CLOCK_ERROR_S = 5
"""A clock that is further off is wrong, as everywhere in acquisition."""
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
        other_vlan: tagged for another VLAN than the one that was said; taken all the same.
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
    other_vlan: int = 0
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
        self._newest_ns = self._newest_here_ns = 0
        self._refused: Message | None = None
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
        outcome = self._simulation(is_simulation=is_simulation)
        outcome = outcome or self._numbers(message, arrived_ns)
        self._count(outcome)
        self._refused = message if outcome is Outcome.REPLAYED else None
        if outcome.is_taken:
            life_s = min(message.time_allowed_to_live_ms / 1000, LONGEST_LIFE_S)
            self._until_s = arrived_s + life_s
            self._last = message
            self._newest_ns = max(self._newest_ns, message.time.time_ns)
            here_ns = min(message.time.time_ns, arrived_ns)
            self._newest_here_ns = max(self._newest_here_ns, here_ns)
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
            self._simulating, self._last = True, None
            self._newest_ns = self._newest_here_ns = 0
        if self._simulating and not is_simulation:
            return Outcome.NOT_SIMULATED
        return None

    def _numbers(self, message: Message, arrived_ns: int) -> Outcome:
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
        if message.time.time_ns > self._newest_ns:
            return Outcome.RESTART
        began_anew = not self.is_alive and self._began_anew(message, arrived_ns)
        return Outcome.RESTART if began_anew else Outcome.REPLAYED

    def _began_anew(self, message: Message, arrived_ns: int) -> bool:
        """After a silence: whether numbers that went back are of a publisher that began anew.

        Its clock may have been ahead before: then its state is of the time since we last heard of
        it, by our clock, and not from the future. One without a clock cannot say when: it is
        believed from its first state, or from the second message that counts on from another.
        """
        latest_ns = arrived_ns + MAX_CLOCK_ERROR_S * NS_PER_S
        if self._newest_here_ns < message.time.time_ns <= latest_ns:
            return self._newest_ns > self._newest_here_ns  # it was from the future
        if not message.time.quality & _UNSYNCHRONISED:
            return False
        return message.state <= 1 or _follows(message, self._refused)

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


def _follows(message: Message, before: Message | None) -> bool:
    """Whether a message is the very next one of a publisher."""
    if before is None:
        return False
    if message.state == before.state:
        return _steps(before.sequence, message.sequence) == 1
    return _steps(before.state, message.state) == 1 and message.sequence == 0


def _steps(before: int, after: int) -> int:
    """How far a number went on, over the wrap; negative where it went back.

    Zero stands before one: it is the first of all, and follows nothing.
    """
    if before == 0 or after == 0:
        return after - before if (before, after) != (2**32 - 1, 0) else 1
    ahead = (after - before) % _RING
    return ahead if ahead <= _HALF else ahead - _RING
