"""Which GOOSE messages are believed, and for how long (IEC 61850-8-1, 18.1)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ortsnetz_iec61850.goose.data import UtcTime
from ortsnetz_iec61850.goose.message import Message
from ortsnetz_iec61850.goose.retransmission import Curve
from ortsnetz_iec61850.goose.supervision import Outcome, Supervision

LARGEST = 2**32 - 1
T0_NS = 1_795_000_000_000_000_000
S_NS = 1_000_000_000


def message(state: int, sequence: int, time_s: float = 0.0, life_ms: int = 1000) -> Message:
    return Message(
        block="B1LD0/LLN0$GO$gcb",
        time_allowed_to_live_ms=life_ms,
        data_set="B1LD0/LLN0$States",
        id="B1/states",
        time=UtcTime(T0_NS + round(time_s * S_NS)),
        state=state,
        sequence=sequence,
        simulation=False,
        revision=1,
        needs_commissioning=False,
        count=0,
        data=(),
    )


class Line:
    """A supervision, and a clock: `T0_NS` is its second 0."""

    def __init__(self, *, accepts_simulation: bool = False) -> None:
        self.supervision = Supervision(accepts_simulation=accepts_simulation)

    def take(self, *numbers: Message, at_s: float = 1000.0, simulation: bool = False) -> Outcome:
        for number in numbers:
            outcome = self.supervision.take(
                number, at_s, T0_NS + round(at_s * S_NS), is_simulation=simulation
            )
        return outcome


def test_the_first_message_is_taken_wherever_its_numbers_stand() -> None:
    line = Line()
    assert line.take(message(40, 17)) is Outcome.NEW_STATE
    assert line.supervision.counts.lost_messages == 0


def test_repetitions_of_a_state_count_on_by_one() -> None:
    line = Line()
    line.take(message(1, 0), message(1, 1), message(1, 2))
    counts = line.supervision.counts
    assert (counts.new_states, counts.retransmissions, counts.lost_messages) == (1, 2, 0)


def test_a_jump_of_the_message_number_is_so_many_lost_messages() -> None:
    line = Line()
    assert line.take(message(1, 3), message(1, 9)) is Outcome.RETRANSMISSION
    assert line.supervision.counts.lost_messages == 5


def test_a_state_that_nobody_heard_of_is_counted_lost() -> None:
    line = Line()
    assert line.take(message(5, 3), message(8, 0)) is Outcome.NEW_STATE
    assert line.supervision.counts.lost_states == 2


def test_the_first_message_of_a_state_that_was_missed_is_counted_lost() -> None:
    line = Line()
    line.take(message(5, 3), message(6, 2))
    assert line.supervision.counts.lost_messages == 2


def test_the_same_message_by_two_ways_counts_once() -> None:
    line = Line()
    assert line.take(message(5, 3), message(5, 3)) is Outcome.DOUBLED
    assert line.supervision.counts.taken == 1


@pytest.mark.parametrize("numbers", [(5, 2), (4, 9), (1, 0), (5, 0)])
def test_an_older_message_is_refused_and_counted(numbers: tuple[int, int]) -> None:
    line = Line()
    line.take(message(5, 3, time_s=10.0))
    assert line.take(message(*numbers, time_s=9.0)) is Outcome.REPLAYED
    assert line.supervision.counts.replayed == 1


def test_a_replay_keeps_no_stream_alive() -> None:
    line = Line()
    line.take(message(5, 3), at_s=0.0)
    line.take(message(5, 3), message(5, 2), at_s=0.9)
    assert line.supervision.expire(1.0)


def test_after_a_silence_old_messages_are_still_old() -> None:
    line = Line()
    line.take(message(5, 3, time_s=10.0), at_s=10.0)
    assert line.supervision.expire(20.0)
    assert line.take(message(3, 7, time_s=4.0), at_s=21.0) is Outcome.REPLAYED
    assert not line.supervision.is_alive


def test_a_publisher_that_starts_again_is_known_by_a_newer_state() -> None:
    line = Line()
    line.take(message(40, 900, time_s=10.0), at_s=500.0)
    assert line.take(message(1, 0, time_s=510.0), at_s=510.0) is Outcome.RESTART
    assert line.take(message(1, 1, time_s=510.0), at_s=511.0) is Outcome.RETRANSMISSION
    assert line.supervision.counts.restarts == 1


def test_a_publisher_without_a_clock_is_believed_again_after_a_silence() -> None:
    line = Line()
    without = replace(message(1, 0), time=UtcTime(5 * S_NS, quality=0x20))
    line.take(message(40, 900, time_s=10.0), at_s=10.0)
    assert line.take(without, at_s=10.5) is Outcome.REPLAYED
    assert line.supervision.expire(20.0)
    assert line.take(without, at_s=21.0) is Outcome.RESTART


def test_a_publisher_without_a_clock_is_believed_after_a_silence_when_it_counts_on() -> None:
    line = Line()
    unsynchronised = UtcTime(5 * S_NS, quality=0x20)
    third, next_one, new = (
        replace(message(*numbers), time=unsynchronised) for numbers in ((3, 7), (3, 8), (4, 0))
    )
    line.take(message(40, 900, time_s=10.0), at_s=10.0)
    assert line.take(third, next_one, at_s=10.5) is Outcome.REPLAYED, "the old life goes on"
    assert line.supervision.expire(20.0)
    assert line.take(third, third, at_s=21.0) is Outcome.REPLAYED, "it does not count on"
    assert line.take(next_one, at_s=22.0) is Outcome.RESTART
    assert line.take(new, at_s=23.0) is Outcome.NEW_STATE


def test_a_publisher_whose_clock_is_ahead_is_protected_from_its_own_past() -> None:
    line = Line()
    old, new = message(10, 0, time_s=3600.0), message(11, 0, time_s=3605.0)
    line.take(old, new, at_s=5.0)
    assert line.take(old, at_s=5.5) is Outcome.REPLAYED
    assert line.supervision.expire(20.0)
    assert line.take(old, at_s=21.0) is Outcome.REPLAYED
    assert line.take(message(1, 0, time_s=3630.0), at_s=30.0) is Outcome.RESTART


def test_a_clock_that_was_ahead_and_is_right_after_a_restart_is_believed_after_a_silence() -> None:
    line = Line()
    line.take(message(40, 0, time_s=1e8), at_s=10.0)
    again = message(1, 0, time_s=10.2)
    assert line.take(again, at_s=10.3) is Outcome.REPLAYED
    assert line.supervision.expire(11.0)
    assert line.take(again, at_s=11.5) is Outcome.RESTART


@pytest.mark.parametrize("after", [0, 1])
def test_numbers_wrap_at_32_bits(after: int) -> None:
    line = Line()
    line.take(message(7, LARGEST))
    assert line.take(message(7, after)) is Outcome.RETRANSMISSION
    line = Line()
    line.take(message(LARGEST, 4))
    assert line.take(message(after, 0)) is Outcome.NEW_STATE
    assert line.supervision.counts.lost_states == 0
    assert line.take(message(after + 1, 0)) is Outcome.NEW_STATE


def test_a_stream_is_lost_once_when_its_time_has_passed() -> None:
    line = Line()
    line.take(message(1, 0, life_ms=1500), at_s=100.0)
    assert not line.supervision.expire(101.49)
    assert line.supervision.expire(101.5)
    assert not line.supervision.expire(200.0)
    assert line.supervision.counts.expired == 1


def test_no_message_is_believed_for_longer_than_a_minute() -> None:
    line = Line()
    line.take(message(1, 0, life_ms=LARGEST), at_s=0.0)
    assert line.supervision.expire(60.0)


def test_messages_of_a_test_set_are_refused_where_nobody_allowed_them() -> None:
    line = Line()
    assert line.take(message(1, 0), simulation=True) is Outcome.SIMULATED
    assert not line.supervision.is_alive


def test_a_test_set_replaces_the_device_where_it_is_allowed() -> None:
    line = Line(accepts_simulation=True)
    line.take(message(90, 4))
    assert line.take(message(2, 0), simulation=True) is Outcome.NEW_STATE
    assert line.take(message(90, 5)) is Outcome.NOT_SIMULATED
    assert line.take(message(2, 1), simulation=True) is Outcome.RETRANSMISSION
    assert line.supervision.counts.lost_states == 0


@given(
    st.lists(
        st.tuples(
            st.integers(0, LARGEST), st.integers(0, LARGEST), st.floats(0, 1e6), st.booleans()
        ),
        max_size=30,
    )
)
def test_each_message_is_taken_or_counted_as_refused(
    history: list[tuple[int, int, float, bool]],
) -> None:
    line = Line()
    for number, (state, sequence, time_s, simulation) in enumerate(history):
        line.take(message(state, sequence, time_s), at_s=float(number), simulation=simulation)
    counts = line.supervision.counts
    refused = counts.doubled + counts.replayed + counts.simulated + counts.not_simulated
    assert counts.taken + refused == len(history)
    assert counts.new_states + counts.retransmissions + counts.restarts == counts.taken
    assert counts.lost_messages >= 0
    assert counts.lost_states >= 0


def test_repetitions_grow_rarer_and_no_message_promises_too_little() -> None:
    curve = Curve(shortest_s=0.004, longest_s=1.0)
    intervals = [curve.interval_s(n) for n in range(12)]
    assert intervals[:4] == [0.004, 0.008, 0.016, 0.032]
    assert intervals[-1] == 1.0
    assert curve.interval_s(LARGEST) == 1.0
    assert all(curve.life_ms(n) >= 1900 * curve.interval_s(n) for n in range(12))
