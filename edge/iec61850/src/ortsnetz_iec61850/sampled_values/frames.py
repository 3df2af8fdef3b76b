"""One frame of Sampled Values, octet for octet (IEC 61850-9-2, 8.5; 9-2LE; IEC 61869-9).

The parser looks at every length twice: against what encloses it and against what is there. It
raises `Malformed` and nothing else, whatever it is given. It also says where in the frame things
stand, from which `template` makes the quick way for all frames that look alike.
"""

from __future__ import annotations

from dataclasses import dataclass

ETHERTYPE = 0x88BA
HEADER_OCTETS = 22  # destination, source, ethertype, APPID, length, two reserved words
SIMULATION_BIT = 0x8000  # of the first reserved word (IEC 61850-9-2 edition 2, 5.3.3.4.4)
MOST_ASDUS = 32
LONGEST_TEXT = 129  # an ObjectReference

_PDU, _COUNT, _SEQUENCE, _ASDU = 0x60, 0x80, 0xA2, 0x30
_SECURITY = (0x81, 0xA1)  # of any type, so with either form of the tag
_SV_ID, _DATA_SET, _SMP_CNT, _CONF_REV, _REFRESH, _SYNCH = 0x80, 0x81, 0x82, 0x83, 0x84, 0x85
_RATE, _SAMPLE, _MODE, _CLOCK = 0x86, 0x87, 0x88, 0x89
_FIXED = {_SMP_CNT: 2, _CONF_REV: 4, _REFRESH: 8, _SYNCH: 1, _RATE: 2, _MODE: 2, _CLOCK: 8}


class Malformed(ValueError):  # noqa: N818 - an answer about octets, not a failure of ours
    """This is no frame of Sampled Values; the text says why."""


@dataclass(frozen=True, slots=True)
class Asdu:
    """One ASDU.

    Attributes:
        sv_id, count, conf_rev, synch: svID, smpCnt, confRev, smpSynch.
        samples: octets of its values.
        data_set: datSet.
        refresh: refrTm, the eight octets of a UtcTime.
        rate, mode: smpRate, smpMod (0 a period, 1 a second, 2 seconds a sample).
        clock: gmIdentity, the identity of the clock that synchronises (edition 2.1).
        count_at, synch_at, samples_at, refresh_at: first octet of each in the frame.
    """

    sv_id: str
    count: int
    conf_rev: int
    synch: int
    samples: bytes
    data_set: str | None = None
    refresh: bytes | None = None
    rate: int | None = None
    mode: int | None = None
    clock: bytes | None = None
    count_at: int = 0
    synch_at: int = 0
    samples_at: int = 0
    refresh_at: int | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame without VLAN tag: the kernel, or `without_tag`, takes it off."""

    destination: bytes
    source: bytes
    app_id: int
    simulation: bool
    asdus: tuple[Asdu, ...]


def without_tag(octets: bytes) -> tuple[bytes, int | None]:
    """A frame without its VLAN tag (IEEE 802.1Q), and the tag's control information."""
    if octets[12:14] != b"\x81\x00" or len(octets) < 18:
        return octets, None
    return octets[:12] + octets[16:], int.from_bytes(octets[14:16], "big")


def parse_frame(octets: bytes) -> Frame:
    """A frame from its octets; what pads it at the end is not looked at.

    Raises:
        Malformed: it is none.
    """
    if len(octets) < HEADER_OCTETS or octets[12:14] != ETHERTYPE.to_bytes(2, "big"):
        raise Malformed("no frame of ethertype 0x88BA")
    app_id, length, reserved = (int.from_bytes(octets[k : k + 2], "big") for k in (14, 16, 18))
    end = 14 + length
    if not HEADER_OCTETS <= end <= len(octets):
        raise Malformed(f"its length says {length} octets, {len(octets) - 14} are there")
    at, pdu_end = _expect(octets, HEADER_OCTETS, end, _PDU, "savPdu")
    if pdu_end != end:
        raise Malformed("octets behind the savPdu")
    at, stop = _expect(octets, at, end, _COUNT, "noASDU")
    number = _number(octets, at, stop, "noASDU")
    at = stop
    if at < end and octets[at] in _SECURITY:
        _, at = _expect(octets, at, end, octets[at], "security")
    at, stop = _expect(octets, at, end, _SEQUENCE, "seqASDU")
    if stop != end:
        raise Malformed("octets behind seqASDU")
    if not 1 <= number <= MOST_ASDUS:
        raise Malformed(f"{number} ASDUs; 1 to {MOST_ASDUS} are possible")
    asdus: list[Asdu] = []
    while at < end and len(asdus) < number:
        begin, at = _expect(octets, at, end, _ASDU, "ASDU")
        asdus.append(_asdu(octets, begin, at))
    if at != end or len(asdus) != number:
        raise Malformed(f"noASDU says {number} ASDUs, there are others")
    simulated = bool(reserved & SIMULATION_BIT)
    return Frame(octets[:6], octets[6:12], app_id, simulated, tuple(asdus))


def _asdu(octets: bytes, at: int, end: int) -> Asdu:
    """An ASDU: fields in their order, each at most once."""
    places: dict[int, tuple[int, int]] = {}
    last = -1
    while at < end:
        tag = octets[at]
        if tag <= last:
            raise Malformed(f"field 0x{tag:02X} of an ASDU is out of order")
        if not _SV_ID <= tag <= _CLOCK:
            raise Malformed(f"an ASDU has no field 0x{tag:02X}")
        begin, at = _expect(octets, at, end, tag, "a field of an ASDU")
        size = _FIXED.get(tag)
        if size is not None and at - begin != size:
            raise Malformed(f"field 0x{tag:02X} of an ASDU has {at - begin} octets, not {size}")
        places[tag] = (begin, at)
        last = tag
    for tag, name in (
        (_SV_ID, "svID"),
        (_SMP_CNT, "smpCnt"),
        (_CONF_REV, "confRev"),
        (_SYNCH, "smpSynch"),
        (_SAMPLE, "sample"),
    ):
        if tag not in places:
            raise Malformed(f"an ASDU without {name}")

    def number(tag: int) -> int:
        return int.from_bytes(octets[slice(*places[tag])], "big")

    def text(tag: int) -> str:
        raw = octets[slice(*places[tag])]
        if not 1 <= len(raw) <= LONGEST_TEXT or not raw.isascii():
            raise Malformed(f"field 0x{tag:02X} of an ASDU is no name")
        return raw.decode("ascii")

    refresh = places.get(_REFRESH)
    return Asdu(
        sv_id=text(_SV_ID),
        count=number(_SMP_CNT),
        conf_rev=number(_CONF_REV),
        synch=number(_SYNCH),
        samples=octets[slice(*places[_SAMPLE])],
        data_set=text(_DATA_SET) if _DATA_SET in places else None,
        refresh=None if refresh is None else octets[slice(*refresh)],
        rate=number(_RATE) if _RATE in places else None,
        mode=number(_MODE) if _MODE in places else None,
        clock=octets[slice(*places[_CLOCK])] if _CLOCK in places else None,
        count_at=places[_SMP_CNT][0],
        synch_at=places[_SYNCH][0],
        samples_at=places[_SAMPLE][0],
        refresh_at=None if refresh is None else refresh[0],
    )


def _expect(octets: bytes, at: int, end: int, tag: int, name: str) -> tuple[int, int]:
    """Where an element's contents begin and end; it has to lie within `end`."""
    if at + 2 > end or octets[at] != tag:
        raise Malformed(f"{name} is missing")
    length, at = octets[at + 1], at + 2
    if length >= 0x80:
        extra = length & 0x7F
        if not 1 <= extra <= 2 or at + extra > end:
            raise Malformed(f"the length of {name} is none")
        length, at = int.from_bytes(octets[at : at + extra], "big"), at + extra
    if at + length > end:
        raise Malformed(f"{name} is longer than what it lies in")
    return at, at + length


def _number(octets: bytes, begin: int, end: int, name: str) -> int:
    if not 1 <= end - begin <= 3:
        raise Malformed(f"{name} is no small number")
    return int.from_bytes(octets[begin:end], "big")
