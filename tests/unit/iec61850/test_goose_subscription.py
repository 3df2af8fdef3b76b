"""Whether a message is the one that a station expects; if not, why, in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from goose_bench import GOOD, document

from ortsnetz_common.measurement.quality import Quality
from ortsnetz_common.measurement.time import TimeQuality
from ortsnetz_common.scl.object_reference import parse_reference
from ortsnetz_iec61850.goose.data import Bits, Datum, Kind, UtcTime
from ortsnetz_iec61850.goose.frames import Frame, Tag, decoded_frame
from ortsnetz_iec61850.goose.from_profile import place_of
from ortsnetz_iec61850.goose.from_scl import publication_of, streams_of, subscription_of
from ortsnetz_iec61850.goose.message import Message
from ortsnetz_iec61850.goose.publisher import Publisher
from ortsnetz_iec61850.goose.stream import Stream

STREAM = streams_of(document())[0]
TIME_NS = 1_795_000_000_250_000_000
ARRIVED_NS = TIME_NS + 1_000_000


def frame(quality: Quality = Quality.GOOD) -> Frame:
    """What the bay multicasts of its states."""
    sent: list[bytes] = []
    publisher = Publisher(publication_of(STREAM), sent.append, bytes(6), lambda: TIME_NS)
    values = {parse_reference(text): value for text, value in GOOD.items()}
    publisher.update(values | {parse_reference("LD0/XCBR1.Pos.q[ST]"): int(quality)})
    return decoded_frame(sent[-1])


def heard(*frames: Frame) -> Stream:
    """A stream that has taken these, 10 ms apart."""
    stream = Stream(subscription_of(STREAM))
    for number, each in enumerate(frames):
        stream.take(each, 100.0 + number / 100, ARRIVED_NS)
    return stream


def test_what_is_expected_is_good() -> None:
    stream = heard(frame())
    assert stream.why is None
    held = stream.held(0, ARRIVED_NS)
    assert (held.value, held.quality, held.time_quality) == (2.0, 0, 0)
    assert abs(held.time_ns - TIME_NS) < 60, "one count is 60 ns"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda m: replace(m, needs_commissioning=True), "needs commissioning (ndsCom)"),
        (lambda m: replace(m, revision=4), "revision 4 is sent, 3 expected"),
        (lambda m: replace(m, data_set="B1LD0/LLN0$Other"), "'B1LD0/LLN0$Other' is sent"),
        (lambda m: replace(m, id="B2/states"), "goID 'B2/states' is sent, 'B1/states' expected"),
        (lambda m: replace(m, time_allowed_to_live_ms=0), "time allowed to live is zero"),
        (lambda m: replace(m, count=4), "5 members are sent and 4 announced"),
        (lambda m: replace(m, count=4, data=m.data[:4]), "4 members are sent"),
        (lambda m: replace(m, data=(m.data[1], *m.data[1:])), "Pos.stVal[ST]: 1 values are sent"),
        (
            lambda m: replace(m, data=(*m.data[:4], Datum(Kind.UNSIGNED, 1))),
            "LD0/LLN0.Health.stVal[ST]: unsigned is sent, Enum expected",
        ),
        (
            lambda m: replace(m, data=(*m.data[:2], Datum(Kind.BITS, Bits(0, 8)), *m.data[3:])),
            "LD0/PTRC1.Tr.q[ST]: bit string is sent, Quality expected",
        ),
    ],
)
def test_what_is_not_as_expected_makes_all_values_invalid(
    spoil: Callable[[Message], Message], words: str
) -> None:
    good = frame()
    later = replace(good.message, sequence=1)
    stream = heard(good, replace(good, message=spoil(later)))
    assert words in str(stream.why)
    assert stream.counts.misconfigured == 1
    held = [stream.held(place, ARRIVED_NS) for place in range(7)]
    assert {each.value for each in held} == {None}
    assert {each.quality & 3 for each in held} == {Quality.INVALID}
    stream.take(replace(good, message=replace(later, sequence=2)), 100.03, ARRIVED_NS)
    assert stream.why is None


@pytest.mark.parametrize(
    "changed", [{"destination": "01-0C-CD-01-00-09"}, {"app_id": 0x3009}], ids=str
)
def test_a_message_that_came_another_way_is_refused(changed: dict[str, object]) -> None:
    good = frame()
    astray = replace(good, message=replace(good.message, sequence=1), **changed)
    stream = heard(good, astray)
    assert stream.why is None
    assert (stream.counts.misaddressed, stream.counts.taken) == (1, 1)


@pytest.mark.parametrize(
    ("tag", "others"), [(None, 0), (Tag(0, 4), 0), (Tag(5, 4), 0), (Tag(6, 4), 1)], ids=str
)
def test_a_message_of_another_vlan_is_counted_and_taken(tag: Tag | None, others: int) -> None:
    good = frame()
    stream = Stream(replace(subscription_of(STREAM), vlan=5))
    stream.take(replace(good, tag=tag), 100.0, ARRIVED_NS)
    assert stream.why is None
    assert (stream.counts.other_vlan, stream.counts.taken) == (others, 1)


def test_the_vlan_is_that_of_the_file_or_of_the_station_s_path() -> None:
    assert subscription_of(STREAM).vlan == 10
    place = place_of("B1 01-0C-CD-01-00-01/3001/00A 01-0C-CD-01-00-02/3002")
    assert [vlan for _, _, vlan in place.addresses] == [10, None]


def test_a_message_without_a_goid_is_known_by_its_block() -> None:
    good = frame()
    assert heard(replace(good, message=replace(good.message, id=None))).why is None


def test_after_its_time_a_stream_has_no_value_and_says_since_when() -> None:
    stream = heard(frame())
    assert not stream.expire(100.0)
    assert stream.expire(101.0)
    assert stream.why == "no message within the 100 ms that the last one allowed"
    held = stream.held(0, ARRIVED_NS)
    assert (held.value, held.quality) == (None, Quality.INVALID | Quality.OLD_DATA)


def test_a_value_has_the_quality_of_its_own_object_and_no_other() -> None:
    stream = heard(frame(Quality.QUESTIONABLE | Quality.OSCILLATORY))
    assert stream.held(0, ARRIVED_NS).quality == Quality.QUESTIONABLE | Quality.OSCILLATORY
    assert stream.held(3, ARRIVED_NS).quality == 0, "the trip has its own"
    assert stream.held(6, ARRIVED_NS).quality == 0, "the health travels without one"


@pytest.mark.parametrize(
    ("octet", "quality"),
    [
        (0x0A, TimeQuality.SYNCHRONISED),
        (0x2A, TimeQuality.CLOCK_NOT_SYNCHRONISED),
        (0x40, TimeQuality.CLOCK_FAILURE),
        (0xE0, TimeQuality.CLOCK_FAILURE | TimeQuality.CLOCK_NOT_SYNCHRONISED),
    ],
)
def test_a_clock_that_is_not_right_says_so(octet: int, quality: TimeQuality) -> None:
    good = frame()
    message = replace(good.message, time=UtcTime(TIME_NS, octet))
    held = heard(replace(good, message=message)).held(3, ARRIVED_NS)
    assert (held.time_ns, held.time_quality) == (TIME_NS, quality), "the trip has the state's time"
