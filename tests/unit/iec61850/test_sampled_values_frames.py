"""Frames of Sampled Values: the parser expects enemies, the quick way agrees with it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ortsnetz_common.link.sample_blocks import ChannelPlace, Stream
from ortsnetz_iec61850.sampled_values.encoding import frame_octets, values_octets
from ortsnetz_iec61850.sampled_values.frames import Asdu, Frame, Malformed, parse_frame, without_tag
from ortsnetz_iec61850.sampled_values.template import Template, misfit

MAC = bytes.fromhex("010CCD040001")
STREAM = Stream(
    sv_id="MU01",
    mac="01-0C-CD-04-00-01",
    app_id=0x4000,
    conf_rev=1,
    rate=4000,
    asdus=2,
    octets=16,
    channels=(ChannelPlace(0, 4), ChannelPlace(8, 12)),
)
# header, savPdu, noASDU 1, one ASDU with svID, smpCnt, confRev, smpSynch, sample
BY_HAND = bytes.fromhex(
    "010ccd040001 020000000061 88ba 4000 0036 0000 0000"
    "602c 800101 a227 3025 8004 4d553031 8202 0fa0 8304 00000001 850101"
    "8710 000003e8 00000000 fffffc18 00000801".replace(" ", "")
)


def asdu(count: int = 7, **others: object) -> Asdu:
    known: dict[str, object] = {
        "sv_id": "MU01",
        "count": count,
        "conf_rev": 1,
        "synch": 2,
        "samples": values_octets((1000, -1000), (0, 1)),
    }
    return Asdu(**(known | others))  # type: ignore[arg-type]


def frame(*asdus: Asdu, simulation: bool = False) -> Frame:
    return Frame(MAC, bytes.fromhex("020000000061"), 0x4000, simulation, asdus)


def test_a_frame_written_by_hand_is_read() -> None:
    found = parse_frame(BY_HAND)
    assert (found.destination, found.app_id, found.simulation) == (MAC, 0x4000, False)
    (one,) = found.asdus
    assert (one.sv_id, one.count, one.conf_rev, one.synch) == ("MU01", 4000, 1, 1)
    assert one.samples == values_octets((1000, -1000), (0, 0x801))
    assert frame_octets(found) == BY_HAND


def test_optional_fields_are_read_and_written() -> None:
    full = asdu(
        data_set="MU01/LLN0$dsSV",
        refresh=bytes(range(8)),
        rate=4800,
        mode=1,
        clock=bytes.fromhex("0011223344556677"),
    )
    octets = frame_octets(frame(full, full, simulation=True))
    again = parse_frame(octets)
    assert again.simulation
    assert [a.data_set for a in again.asdus] == ["MU01/LLN0$dsSV"] * 2
    assert (again.asdus[1].rate, again.asdus[1].mode) == (4800, 1)
    assert again.asdus[1].refresh == bytes(range(8))
    assert again.asdus[1].clock == bytes.fromhex("0011223344556677")
    assert frame_octets(again) == octets


def test_a_priority_tag_is_taken_off() -> None:
    tagged = BY_HAND[:12] + bytes.fromhex("81008000") + BY_HAND[12:]
    assert without_tag(tagged) == (BY_HAND, 0x8000)
    assert without_tag(BY_HAND) == (BY_HAND, None)


@pytest.mark.parametrize(
    ("what", "changed"),
    [
        ("its length says", BY_HAND[:16] + b"\xff\xff" + BY_HAND[18:]),
        ("its length says", BY_HAND[:16] + b"\x00\x07" + BY_HAND[18:]),
        ("its length says", BY_HAND[:-1]),
        ("ethertype", BY_HAND[:12] + b"\x88\xb8" + BY_HAND[14:]),
        ("noASDU says", BY_HAND.replace(b"\x80\x01\x01", b"\x80\x01\x02")),
        ("0 ASDUs", BY_HAND.replace(b"\x80\x01\x01", b"\x80\x01\x00")),
        ("out of order", BY_HAND.replace(b"\x85\x01\x01", b"\x82\x01\x01")),
        ("out of order", BY_HAND.replace(b"\x83\x04\0\0\0\1\x85\1\1", b"\x83\x04\0\0\0\1\x83\1\1")),
        ("octets, not 2", BY_HAND.replace(b"\x82\x02\x0f\xa0\x83", b"\x82\x03\x0f\xa0\x83")),
        ("longer than what it lies in", BY_HAND.replace(b"\x87\x10", b"\x87\x11")),
        ("is no name", BY_HAND.replace(b"MU01", b"MU\xff1")),
    ],
)
def test_what_is_wrong_is_said(what: str, changed: bytes) -> None:
    with pytest.raises(Malformed, match=what):
        parse_frame(changed)


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_any_edit_of_a_frame_is_read_or_refused_in_words(data: st.DataObject) -> None:
    octets = bytearray(frame_octets(frame(asdu(1, rate=4000, mode=1), asdu(2))))
    for _ in range(data.draw(st.integers(0, 6))):
        at = data.draw(st.integers(12, len(octets) - 1))
        octets[at] = data.draw(st.integers(0, 255))
    cut = bytes(octets[: data.draw(st.integers(0, len(octets)))] or octets)
    try:
        found = parse_frame(cut)
    except Malformed:
        return
    assert all(cut[a.samples_at : a.samples_at + len(a.samples)] == a.samples for a in found.asdus)


@settings(max_examples=300, deadline=None)
@given(octets=st.binary(max_size=200))
def test_any_octets_are_read_or_refused_in_words(octets: bytes) -> None:
    framed = BY_HAND[:14] + octets
    try:
        parse_frame(framed)
    except Malformed:
        return


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_the_quick_way_takes_what_the_parser_takes_and_nothing_else(data: st.DataObject) -> None:
    """Frames that differ at random: each that fits the template is read alike by the parser."""
    first = frame_octets(frame(asdu(1), asdu(2)))
    template = Template(parse_frame(first), first, STREAM)
    frames = []
    for _ in range(data.draw(st.integers(1, 8))):
        octets = bytearray(first)
        for _ in range(data.draw(st.integers(0, 3))):
            octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
        frames.append(bytes(octets))
    block = np.frombuffer(b"".join(frames), dtype=np.uint8).reshape(len(frames), -1)
    fits = template.fits(block)
    taken = template.take(block)
    for number, octets in enumerate(frames):
        if not fits[number]:
            continue
        found = parse_frame(octets)
        assert misfit(found, STREAM) == ""
        for place, one in enumerate(found.asdus):
            row = 2 * number + place
            assert taken.frame[row] == number
            assert taken.counts[row] == one.count
            assert taken.synch[row] == one.synch
            pairs = np.frombuffer(one.samples, dtype=">i4").reshape(2, 2)
            assert taken.values[row].tolist() == pairs[:, 0].tolist()
            assert taken.qualities[row].astype(np.int32).tolist() == pairs[:, 1].tolist()


def test_only_counts_synchronisation_values_and_sender_may_differ() -> None:
    first = frame_octets(frame(asdu(1), asdu(2)))
    template = Template(parse_frame(first), first, STREAM)
    same = frame_octets(frame(asdu(65535, synch=0), asdu(0, samples=bytes(16))))
    for other, fits in (
        (same, True),
        (first[:6] + b"\x02\x02\x02\x02\x02\x02" + first[12:], True),
        (frame_octets(frame(asdu(1), asdu(2), simulation=True)), False),
        (frame_octets(frame(asdu(1), asdu(2, conf_rev=2))), False),
        (frame_octets(frame(asdu(1), asdu(2, sv_id="MU02"))), False),
        (frame_octets(frame(asdu(1))), False),
    ):
        block = np.frombuffer(other, dtype=np.uint8)[None, :]
        assert template.fits(block).tolist() == [fits]


def test_the_quick_way_reads_counts_of_two_octets() -> None:
    first = frame_octets(frame(asdu(1), asdu(2)))
    template = Template(parse_frame(first), first, STREAM)
    other = frame_octets(frame(asdu(0x1234, synch=0), asdu(14399, samples=bytes(16))))
    taken = template.take(np.frombuffer(first + other, dtype=np.uint8).reshape(2, -1))
    assert taken.counts.tolist() == [1, 2, 0x1234, 14399]
    assert taken.synch.tolist() == [2, 2, 0, 2]
    assert taken.frame.tolist() == [0, 0, 1, 1]
    assert taken.values.tolist() == [[1000, -1000]] * 3 + [[0, 0]]


@pytest.mark.parametrize(
    ("found", "counter"),
    [
        (frame(asdu(), asdu()), ""),
        (frame(asdu(), asdu(), simulation=True), "simulated"),
        (frame(asdu(), asdu(conf_rev=2)), "conf_rev_mismatch"),
        (frame(asdu()), "malformed"),
        (frame(asdu(), asdu(samples=bytes(24))), "malformed"),
        (frame(asdu(), asdu(rate=4800, mode=1)), "malformed"),
    ],
)
def test_a_frame_of_another_form_is_counted_by_its_reason(found: Frame, counter: str) -> None:
    assert misfit(found, STREAM) == counter
