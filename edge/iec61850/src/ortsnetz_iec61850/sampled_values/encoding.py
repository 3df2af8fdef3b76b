"""Makes frames of Sampled Values; see `frames`."""

from __future__ import annotations

from collections.abc import Sequence

from ortsnetz_iec61850.sampled_values.frames import (
    ETHERTYPE,
    MOST_ASDUS,
    SIMULATION_BIT,
    Asdu,
    Frame,
)


def frame_octets(frame: Frame) -> bytes:
    """The octets of a frame, without VLAN tag.

    Raises:
        ValueError: a field does not fit.
    """
    if not 1 <= len(frame.asdus) <= MOST_ASDUS:
        raise ValueError(f"{len(frame.asdus)} ASDUs; 1 to {MOST_ASDUS} are possible")
    sequence = b"".join(_element(0x30, _fields(asdu)) for asdu in frame.asdus)
    pdu = _element(0x60, _element(0x80, bytes([len(frame.asdus)])) + _element(0xA2, sequence))
    head = (
        frame.app_id.to_bytes(2, "big")
        + (8 + len(pdu)).to_bytes(2, "big")
        + (SIMULATION_BIT if frame.simulation else 0).to_bytes(2, "big")
        + bytes(2)
    )
    return frame.destination + frame.source + ETHERTYPE.to_bytes(2, "big") + head + pdu


def values_octets(counts: Sequence[int], qualities: Sequence[int]) -> bytes:
    """Values of a data set after 9-2LE: each 32 bits with sign, then its quality."""
    return b"".join(
        count.to_bytes(4, "big", signed=True) + quality.to_bytes(4, "big")
        for count, quality in zip(counts, qualities, strict=True)
    )


def _fields(asdu: Asdu) -> bytes:
    """Fields in the order of the standard."""
    found = _element(0x80, asdu.sv_id.encode("ascii"))
    if asdu.data_set is not None:
        found += _element(0x81, asdu.data_set.encode("ascii"))
    found += _element(0x82, asdu.count.to_bytes(2, "big"))
    found += _element(0x83, asdu.conf_rev.to_bytes(4, "big"))
    if asdu.refresh is not None:
        found += _element(0x84, asdu.refresh)
    found += _element(0x85, bytes([asdu.synch]))
    if asdu.rate is not None:
        found += _element(0x86, asdu.rate.to_bytes(2, "big"))
    found += _element(0x87, asdu.samples)
    if asdu.mode is not None:
        found += _element(0x88, asdu.mode.to_bytes(2, "big"))
    if asdu.clock is not None:
        found += _element(0x89, asdu.clock)
    return found


def _element(tag: int, contents: bytes) -> bytes:
    size = len(contents)
    if size < 0x80:
        length = bytes([size])
    elif size < 0x100:
        length = bytes([0x81, size])
    else:
        length = b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + length + contents
