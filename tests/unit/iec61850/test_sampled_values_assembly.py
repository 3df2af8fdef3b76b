"""Blocks of samples: what is there, what is lost, late or doubled, and when it was."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ortsnetz_common.link.sample_blocks import Block, ChannelPlace, SampleFlag, Stream
from ortsnetz_common.measurement.quality import Quality
from ortsnetz_iec61850.sampled_values.assembly import Assembly
from ortsnetz_iec61850.sampled_values.template import Taken

RATE = 1000
STREAM = Stream("MU01", "01-0C-CD-04-00-01", 0x4000, 1, RATE, 1, 8, (ChannelPlace(0, 4),))
SECOND = 1_700_000_000
AHEAD_NS = SECOND * 10**9  # monotonic 0 is this second
DELAY_NS = 2_000_000  # from the sample to its arrival


class Source:
    """A merging unit that counts samples from a second on; sample n has the value n."""

    def __init__(self, assembly: Assembly) -> None:
        self.assembly = assembly
        self.blocks: list[Block] = []

    def send(
        self,
        numbers: list[int],
        *,
        synch: int = 2,
        quality: int = 0,
        delay_ns: int = DELAY_NS,
        shift: int = 0,
        ahead_ns: int = AHEAD_NS,
    ) -> None:
        """Samples in this order; `shift` is added to smpCnt."""
        n = np.array(numbers, dtype=np.int64)
        taken = Taken(
            frame=np.arange(len(n)),
            counts=(n + shift) % RATE,
            synch=np.full(len(n), synch, dtype=np.uint8),
            values=n.astype(np.int32)[:, None],
            qualities=np.full((len(n), 1), quality, dtype=np.uint32),
        )
        arrived = np.maximum.accumulate(n * (10**9 // RATE) + delay_ns)
        self.blocks += self.assembly.take(taken, arrived, ahead_ns)

    @property
    def counted(self) -> dict[str, int]:
        return {name: number for name, number in self.assembly.counted.items() if number}


def source() -> Source:
    return Source(Assembly(0, STREAM))


def flags(block: Block) -> np.ndarray:
    return np.frombuffer(block.flags, dtype=np.uint8)


def values(block: Block) -> list[int]:
    return np.frombuffer(block.values, dtype="<i4").tolist()


def test_a_block_is_a_tenth_of_a_second_with_its_instant() -> None:
    mu = source()
    for begin in range(0, 1000, 10):
        mu.send(list(range(begin, begin + 10)))
    assert len(mu.blocks) == 10
    for number, block in enumerate(mu.blocks):
        assert block.first == SECOND * RATE + 100 * number
        assert block.start_ns == AHEAD_NS + number * 100_000_000
        assert values(block) == list(range(100 * number, 100 * number + 100))
        assert not flags(block).any()
    assert mu.counted == {"frames": 1000, "samples": 1000}


def test_a_block_that_was_not_seen_from_its_begin_is_left_out() -> None:
    mu = source()
    mu.send(list(range(1, 250)))
    assert [values(block)[0] for block in mu.blocks] == [100]
    assert "lost" not in mu.counted


def test_the_count_begins_anew_with_each_second_and_no_sample_is_lost_there() -> None:
    mu = source()
    for begin in range(850, 3250, 50):
        mu.send(list(range(begin, begin + 50)))
    assert [block.first % RATE for block in mu.blocks[:3]] == [900, 0, 100]
    assert "lost" not in mu.counted
    assert mu.blocks[-1].start_ns == AHEAD_NS + 3_100_000_000


def test_lost_samples_are_marked_and_counted_and_nothing_is_made_up() -> None:
    mu = source()
    mu.send(list(range(1, 150)))
    mu.send([n for n in range(150, 400) if n not in {160, 161, 170}])
    block = mu.blocks[0]
    assert np.flatnonzero(flags(block) & SampleFlag.LOST).tolist() == [60, 61, 70]
    assert [values(block)[k] for k in (59, 60, 61, 62)] == [159, 0, 0, 162]
    assert mu.counted["lost"] == 3
    assert mu.counted["samples"] == 297


def test_a_sample_that_comes_again_is_counted_and_changes_nothing() -> None:
    mu = source()
    mu.send([*range(1, 130), *range(120, 130), *range(130, 230)])
    assert values(mu.blocks[0]) == list(range(100, 200))
    assert mu.counted == {"frames": 239, "samples": 100, "doubled": 10}


def test_a_sample_that_overtook_another_is_put_in_order() -> None:
    mu = source()
    mu.send([*range(1, 110), 111, 110, *range(112, 250)])
    assert values(mu.blocks[0]) == list(range(100, 200))
    assert mu.counted["reordered"] == 1
    assert "lost" not in mu.counted


def test_a_sample_behind_its_block_is_late_and_stays_lost() -> None:
    mu = source()
    mu.send([n for n in range(300) if n != 150])
    assert mu.counted["lost"] == 1
    mu.send([150, *range(300, 310)])
    mu.send([151, *range(310, 320)])
    assert mu.counted["late"] == 1
    assert mu.counted["doubled"] == 1


def test_after_a_long_silence_blocks_go_on_with_the_right_instant() -> None:
    """A week of silence: longer than any product of nanoseconds and rate that fits 64 bits."""
    mu = source()
    mu.send(list(range(250)))
    later = 8 * 24 * 3600 * RATE + 137
    mu.send(list(range(later, later + 300)))
    block = mu.blocks[-1]
    assert block.start_ns == AHEAD_NS + (later // 100 + 2) * 100_000_000
    assert len(mu.blocks) < 8
    assert mu.counted["lost"] > 8 * 24 * 3600 * RATE - 300


def test_what_waits_for_samples_that_never_come_is_let_go() -> None:
    mu = source()
    mu.send(list(range(150)))
    assert mu.assembly.expire(300 * 10**6) == []
    (block,) = mu.assembly.expire(1_000 * 10**6)
    assert np.flatnonzero(flags(block) & SampleFlag.LOST).tolist() == list(range(50, 100))
    assert mu.assembly.expire(2_000 * 10**6) == []


@pytest.mark.parametrize(
    ("synch", "flag"),
    [
        (2, 0),
        (1, SampleFlag.LOCAL_CLOCK),
        (0, SampleFlag.UNSYNCHRONISED),
        (5, SampleFlag.LOCAL_CLOCK),
    ],
)
def test_what_the_source_says_of_its_clock_goes_with_each_sample(synch: int, flag: int) -> None:
    mu = source()
    mu.send(list(range(250)), synch=synch)
    assert set(flags(mu.blocks[0]).tolist()) == {flag}


@pytest.mark.parametrize(
    ("quality", "flag", "said"),
    [
        (0x0, 0, 0),
        (0x1, SampleFlag.INVALID, Quality.INVALID),
        (0x3, 0, Quality.QUESTIONABLE),
        (0x43, 0, Quality.QUESTIONABLE | Quality.FAILURE),
        (0x800, SampleFlag.TEST, Quality.TEST),
        (0x1000, SampleFlag.INVALID, Quality.OPERATOR_BLOCKED),
        (0x2000, 0, 0),  # derived: 9-2LE's own bit, no reason to doubt
    ],
)
def test_quality_goes_with_samples_and_block(quality: int, flag: int, said: int) -> None:
    mu = source()
    mu.send(list(range(250)), quality=quality)
    assert set(flags(mu.blocks[0]).tolist()) == {flag}
    assert mu.blocks[0].qualities == (said,)


def test_a_source_without_clock_has_the_instants_of_its_arrival_and_no_gap() -> None:
    """It runs 100 ppm fast, its count began at any time; blocks follow each other all the same."""
    mu = source()
    mu.assembly = Assembly(0, STREAM)
    sent = 0
    for _ in range(3000):
        n = np.arange(sent, sent + 10)
        sent += 10
        taken = Taken(
            frame=np.arange(10),
            counts=(n + 437) % RATE,
            synch=np.zeros(10, dtype=np.uint8),
            values=n.astype(np.int32)[:, None],
            qualities=np.zeros((10, 1), dtype=np.uint32),
        )
        arrived = (n * 1e6 * (1 - 100e-6)).astype(np.int64) + DELAY_NS
        mu.blocks += mu.assembly.take(taken, arrived, AHEAD_NS)
    assert "lost" not in mu.counted
    assert [b.first - a.first for a, b in zip(mu.blocks, mu.blocks[1:], strict=False)] == [100] * (
        len(mu.blocks) - 1
    )
    for block in mu.blocks:
        truth = AHEAD_NS + values(block)[0] * 1e6 * (1 - 100e-6) + DELAY_NS
        assert abs(block.start_ns - truth) < 0.6e6  # half a sample
    spacing = np.diff([block.start_ns for block in mu.blocks]) - 100_000_000
    assert np.abs(spacing).max() <= 0.25e6 + 1


def test_a_clock_that_was_set_moves_the_instants_by_whole_seconds() -> None:
    mu = source()
    mu.send(list(range(250)))
    mu.send(list(range(250, 450)), ahead_ns=AHEAD_NS + 3 * 10**9)
    mu.send(list(range(450, 650)), ahead_ns=AHEAD_NS + 3 * 10**9)
    assert mu.blocks[-1].start_ns == AHEAD_NS + 3 * 10**9 + 500_000_000
    assert mu.counted["restarts"] == 1
    assert "lost" not in mu.counted


def test_a_count_that_the_rate_does_not_have_is_not_taken() -> None:
    mu = source()
    taken = Taken(
        frame=np.arange(1),
        counts=np.array([RATE]),
        synch=np.full(1, 2, dtype=np.uint8),
        values=np.zeros((1, 1), dtype=np.int32),
        qualities=np.zeros((1, 1), dtype=np.uint32),
    )
    assert mu.assembly.take(taken, np.array([0]), AHEAD_NS) == []
    assert mu.counted == {"frames": 1, "out_of_range": 1}


def test_a_single_wrong_count_costs_its_sample_and_no_other() -> None:
    mu = source()
    mu.send(list(range(1, 150)))
    wrong = [*range(150, 160), 160 + 400, *range(161, 250)]
    taken = Taken(
        frame=np.arange(100),
        counts=np.array(wrong) % RATE,
        synch=np.full(100, 2, dtype=np.uint8),
        values=np.array(wrong, dtype=np.int32)[:, None],
        qualities=np.zeros((100, 1), dtype=np.uint32),
    )
    arrived = np.arange(150, 250, dtype=np.int64) * 10**6 + DELAY_NS
    mu.blocks += mu.assembly.take(taken, arrived, AHEAD_NS)
    mu.send(list(range(250, 350)))
    assert np.flatnonzero(flags(mu.blocks[0])).tolist() == [60]
    assert (mu.counted["lost"], mu.counted["out_of_range"]) == (1, 1)


def test_a_source_that_counts_anew_is_followed() -> None:
    """Its clock has been found: the count jumps by 0.3 s; what lies between is lost, once."""
    mu = source()
    mu.send(list(range(1, 250)), synch=0)
    mu.send(list(range(250, 300)), synch=2, shift=300)
    mu.send(list(range(300, 450)), synch=2, shift=300)
    assert mu.counted["lost"] == 300
    assert mu.blocks[-1].first % RATE == 600
    assert not flags(mu.blocks[-1]).any()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), loss=st.floats(0, 0.9), most=st.integers(1, 80))
def test_every_sample_is_handed_on_lost_or_waits(seed: int, loss: float, most: int) -> None:
    """Any loss, doubling and small disorder: each place of each block says what it is."""
    random = np.random.default_rng(seed)
    mu = source()
    sent = {0}
    mu.send([0])
    at = 1
    while at < 1000:
        batch = np.arange(at, at + int(random.integers(1, most + 1)))
        at += len(batch)
        kept = batch[random.random(len(batch)) >= loss]
        kept = np.concatenate((kept, kept[random.random(len(kept)) < 0.1]))
        if len(kept) < 15:
            random.shuffle(kept)
        if len(kept):
            sent |= set(kept.tolist())
            mu.send(kept.tolist())
    seen = 0
    for before, block in zip([None, *mu.blocks], mu.blocks, strict=False):
        assert before is None or block.first == before.first + 100
        here = block.first - SECOND * RATE
        for k, (flag, value) in enumerate(zip(flags(block), values(block), strict=True)):
            came = here + k in sent
            assert (flag & SampleFlag.LOST == 0) == came
            assert value == (here + k if came else 0)
            seen += came
    assert mu.counted["samples"] == seen
    assert mu.counted.get("lost", 0) == 100 * len(mu.blocks) - seen


@pytest.mark.parametrize(
    ("said", "together"),
    [
        ((1, 2), Quality.INVALID),
        ((1, 3), Quality.INVALID),
        ((0, 3), Quality.QUESTIONABLE),
        ((0, 1 << 31), Quality.GOOD),
        ((1, 1 << 2), Quality.INVALID | Quality.OVERFLOW),
    ],
)
def test_a_block_is_no_better_than_its_worst_sample(
    said: tuple[int, int], together: Quality
) -> None:
    mu = source()
    mu.send(list(range(100, 150)), quality=said[0])
    mu.send(list(range(150, 250)), quality=said[1])
    assert mu.blocks[0].qualities == (int(together),)


def send_at(mu: Source, rate: int, seconds: float, *, synch: int = 2, begin: int = 0) -> None:
    """Samples of a source of another rate, twenty a batch; sample n has the value n."""
    for first in range(begin, begin + round(seconds * rate), 20):
        n = np.arange(first, first + 20, dtype=np.int64)
        taken = Taken(
            frame=np.arange(len(n)),
            counts=n % rate,
            synch=np.full(len(n), synch, dtype=np.uint8),
            values=n.astype(np.int32)[:, None],
            qualities=np.zeros((len(n), 1), dtype=np.uint32),
        )
        arrived = n * 10**9 // rate + DELAY_NS
        mu.blocks += mu.assembly.take(taken, arrived, AHEAD_NS)


@pytest.mark.parametrize("synch", [0, 2])
def test_a_stream_of_another_rate_is_not_taken_though_no_message_says_its_rate(synch: int) -> None:
    mu, slow = source(), 800
    send_at(mu, slow, 6, synch=synch)
    assert mu.assembly.refuses
    assert mu.counted["malformed"] == 3 * slow
    for begin in range(6 * RATE, 8 * RATE, 50):
        mu.send(list(range(begin, begin + 50)), synch=synch)
    assert not mu.assembly.refuses


@pytest.mark.parametrize("synch", [0, 2])
@pytest.mark.parametrize("fast", [1020, 1200, 1440, 3600])
def test_a_stream_that_is_faster_is_another_one_though_nothing_of_the_wanted_is_lost(
    fast: int, synch: int
) -> None:
    mu = source()
    send_at(mu, fast, 6, synch=synch)
    assert mu.assembly.refuses
    assert len(mu.blocks) <= 10  # of the first second, of which nothing could be known
    assert 4900 <= mu.counted["malformed"] <= 5 * RATE  # counts that contradict each other apart
    for begin in range(6 * RATE, 8 * RATE, 50):
        mu.send(list(range(begin, begin + 50)), synch=synch)
    assert not mu.assembly.refuses
    assert mu.blocks[-1].rate_proven


@pytest.mark.parametrize("other", [500, 800, 980, 1005, 1020, 1200, 3600])
@pytest.mark.parametrize("begin", [0.0, 0.5, 0.95])
def test_nothing_of_a_stream_of_another_rate_is_said_to_be_of_the_wanted(
    other: int, begin: float
) -> None:
    mu = source()
    send_at(mu, other, 6, begin=round(begin * other))
    assert not any(block.rate_proven for block in mu.blocks)


def test_a_stream_has_shown_its_rate_when_a_second_has_ended() -> None:
    mu = source()
    for begin in range(500, 1500, 50):
        mu.send(list(range(begin, begin + 50)))
    assert [(block.first % RATE, block.rate_proven) for block in mu.blocks] == [
        *((each, False) for each in (500, 600, 700, 800, 900)),
        *((each, True) for each in (0, 100, 200, 300, 400)),
    ]


def test_a_stream_that_was_silent_for_a_second_shows_its_rate_anew() -> None:
    mu = source()
    for begin in (*range(0, 1500, 50), *range(3500, 4500, 50)):
        mu.send(list(range(begin, begin + 50)))
    proven = {block.first - SECOND * RATE: block.rate_proven for block in mu.blocks}
    assert (proven[1400], proven[3600], proven[4000]) == (True, False, True)


def test_counts_beyond_the_rate_now_and_then_are_faults_and_no_other_rate() -> None:
    mu = source()
    for second in range(8):
        for begin in range(0, 1000, 50):
            mu.send([1000 * second + begin + k for k in range(50)])
        if second % 2:
            strange = Taken(
                frame=np.arange(5),
                counts=np.arange(RATE, RATE + 5),
                synch=np.full(5, 2, dtype=np.uint8),
                values=np.zeros((5, 1), dtype=np.int32),
                qualities=np.zeros((5, 1), dtype=np.uint32),
            )
            arrived = np.full(5, (second + 1) * 10**9 + DELAY_NS, dtype=np.int64)
            mu.blocks += mu.assembly.take(strange, arrived, AHEAD_NS)
    assert not mu.assembly.refuses
    assert mu.counted == {"frames": 8020, "samples": 8000, "out_of_range": 20}


def test_seconds_that_lose_their_last_samples_now_and_then_are_no_other_rate() -> None:
    mu = source()
    for second, most in enumerate((1000, 900, 900, 950, 900, 1000)):
        for begin in range(0, most, 50):
            mu.send([1000 * second + begin + k for k in range(50)])
    assert not mu.assembly.refuses
    assert "malformed" not in mu.counted


def test_a_source_that_begins_anew_a_sample_early_is_slow_and_no_other_rate() -> None:
    mu = source()
    for second in range(6):
        for begin in range(0, 1000, 50):
            mu.send([1000 * second + begin + k for k in range(50) if begin + k != RATE - 1])
    assert not mu.assembly.refuses
    assert mu.counted["lost"] == 5
