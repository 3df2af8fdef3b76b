"""What is sent and when: in order, bounded, again after silence, never what is committed."""

from __future__ import annotations

from itertools import pairwise

from ortsnetz_edge.journal.layout import Stretch
from ortsnetz_edge.uplink.window import (
    BACKFILL_SPREAD_S,
    LARGE_BACKLOG,
    MAX_BATCHES,
    RESEND_CAP_S,
    SendWindow,
    Verdict,
)


def connected(committed: int = 0) -> SendWindow:
    window = SendWindow(seed=1)
    window.next("e", committed, now=0.0)
    window.connected(now=0.0, backlog=1)
    return window


def send(window: SendWindow, count: int, *, now: float, committed: int = 0) -> list[int]:
    """First sequence numbers of as many batches of ten records as may be sent, at most `count`."""
    firsts: list[int] = []
    while len(firsts) < count and (after := window.next("e", committed, now=now)) is not None:
        window.sent(Stretch("e", after[1] + 1, (b"x",) * 10), now=now)
        firsts.append(after[1] + 1)
    return firsts


def test_nothing_is_sent_before_there_is_a_connection() -> None:
    window = SendWindow()
    assert window.next("e", 0, now=0.0) is None


def test_batches_follow_each_other_up_to_the_bound() -> None:
    window = connected()
    assert send(window, 100, now=0.0) == [1 + 10 * n for n in range(MAX_BATCHES)]


def test_a_watermark_makes_room_for_the_next_batch() -> None:
    window = connected()
    send(window, 100, now=0.0)
    assert window.watermark("e", 10, newest=1000, now=0.1) is Verdict.PROGRESS
    assert send(window, 100, now=0.1) == [10 * MAX_BATCHES + 1]


def test_without_a_watermark_one_batch_asks_again_from_the_watermark_on() -> None:
    window = connected()
    send(window, 100, now=0.0)
    window.watermark("e", 10, newest=1000, now=0.1)
    assert send(window, 100, now=3.0) == [41]
    assert send(window, 100, now=10.0) == [11]
    assert window.counters["uplink_resends"] == 1


def test_repeated_silence_makes_the_questions_rarer() -> None:
    window = connected()
    asked = []
    now = 0.0
    while now < 300.0:
        if send(window, 1, now=now):
            asked.append(now)
        now += 0.1
    gaps = [late - early for early, late in pairwise(asked[MAX_BATCHES:])]
    assert max(gaps) <= RESEND_CAP_S * 1.25 + 0.2
    assert gaps[-1] > 2 * gaps[0]


def test_after_a_reconnection_everything_unacknowledged_is_sent_again() -> None:
    window = connected()
    send(window, 3, now=0.0)
    window.watermark("e", 10, newest=1000, now=0.1)
    window.disconnected()
    assert window.next("e", 10, now=0.2) is None
    window.connected(now=1.0, backlog=1)
    assert send(window, 1, now=1.0) == [11]


def test_a_large_backlog_waits_a_random_while_so_that_a_region_does_not_return_at_once() -> None:
    delays = []
    for seed in range(20):
        window = SendWindow(seed=seed)
        window.connected(now=0.0, backlog=LARGE_BACKLOG + 1)
        now = 0.0
        while window.next("e", 0, now=now) is None:
            now += 0.01
        delays.append(now)
    assert max(delays) <= BACKFILL_SPREAD_S + 0.01
    assert max(delays) - min(delays) > BACKFILL_SPREAD_S / 2


def test_a_restarted_agent_goes_on_behind_what_its_journal_knows_to_be_committed() -> None:
    assert send(connected(committed=500), 1, now=0.0, committed=500) == [501]


def test_a_watermark_of_another_epoch_changes_nothing() -> None:
    window = connected()
    send(window, 1, now=0.0)
    assert window.watermark("old", 10, newest=1000, now=0.1) is Verdict.OTHER_EPOCH
    assert window.acknowledged == ("e", 0)


def test_a_watermark_beyond_the_newest_record_is_noticed() -> None:
    window = connected()
    send(window, 1, now=0.0)
    assert window.watermark("e", 1001, newest=1000, now=0.1) is Verdict.AHEAD


def test_a_cockpit_that_has_forgotten_is_believed_only_after_it_was_asked_again() -> None:
    window = connected(committed=500)
    send(window, 1, now=0.0, committed=500)
    assert window.watermark("e", 0, newest=1000, now=0.1) is Verdict.NOTHING_NEW
    assert send(window, 1, now=10.0, committed=500) == [501]
    assert window.watermark("e", 0, newest=1000, now=10.1) is Verdict.FORGOTTEN


def test_a_new_epoch_begins_at_its_first_record() -> None:
    window = connected(committed=500)
    send(window, 2, now=0.0, committed=500)
    assert window.next("f", 0, now=0.1) == ("f", 0)
