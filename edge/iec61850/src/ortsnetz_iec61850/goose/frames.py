"""Ethernet frames of GOOSE (IEC 61850-8-1, annex C), with or without a tag of IEEE 802.1Q."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ortsnetz_iec61850.goose.ber import DecodingError
from ortsnetz_iec61850.goose.message import Message, decoded_message, encoded_message

ETHER_TYPE = 0x88B8
VLAN_ETHER_TYPE = 0x8100
MAC_OCTETS = 6
SHORTEST = 60
"""Octets of a frame without its check sequence; shorter ones are filled up."""
_HEADER = 8  # APPID, length, two reserved fields
_SIMULATED = 0x8000  # bit S of the first reserved field (edition 2)
_GOOSE_IDS = range(0x4000)


@dataclass(frozen=True, slots=True)
class Tag:
    """A VLAN's tag (IEEE 802.1Q)."""

    vlan: int
    priority: int

    @classmethod
    def of(cls, control: int) -> Tag:
        """From the tag control information."""
        return cls(vlan=control & 0xFFF, priority=control >> 13)

    @property
    def control(self) -> int:
        """The tag control information."""
        return self.priority << 13 | self.vlan


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame with its message.

    Attributes:
        destination, source: `01-0C-CD-01-00-01`.
        simulated: bit S of the header; `Message.simulation` is the other place that says it.
    """

    destination: str
    source: str
    app_id: int
    message: Message
    tag: Tag | None = None
    simulated: bool = False

    @property
    def is_simulation(self) -> bool:
        """Whether header or message say that a test set sends it."""
        return self.simulated or self.message.simulation


def decoded_frame(octets: bytes) -> Frame:
    """A frame from its octets, what fills it up included.

    Raises:
        DecodingError: it is no GOOSE frame; says what is wrong.
    """
    place, tag = 2 * MAC_OCTETS, None
    if int.from_bytes(octets[place : place + 2]) == VLAN_ETHER_TYPE:
        tag = Tag.of(int.from_bytes(octets[place + 2 : place + 4]))
        place += 4
    if int.from_bytes(octets[place : place + 2]) != ETHER_TYPE:
        raise DecodingError("another ether type")
    place += 2
    header = octets[place : place + _HEADER]
    if len(header) < _HEADER:
        raise DecodingError("a frame that ends in its header")
    app_id, length = int.from_bytes(header[:2]), int.from_bytes(header[2:4])
    reserved = int.from_bytes(header[4:6])
    if not _HEADER <= length <= len(octets) - place:
        there = len(octets) - place
        raise DecodingError(f"{length} octets are announced, {there} are there")
    return Frame(
        destination=mac_text(octets[:MAC_OCTETS]),
        source=mac_text(octets[MAC_OCTETS : 2 * MAC_OCTETS]),
        app_id=app_id,
        message=decoded_message(octets[place + _HEADER : place + _message_end(header, length)]),
        tag=tag,
        simulated=bool(reserved & _SIMULATED),
    )


def _message_end(header: bytes, length: int) -> int:
    """Where the message ends: an extension of IEC 62351-6 behind it is within the length."""
    extension = int.from_bytes(header[4:6]) & 0xFFF
    if extension > length - _HEADER:
        raise DecodingError("an extension that is longer than its frame")
    return length - extension


def encoded_frame(frame: Frame) -> bytes:
    """A frame in octets, filled up to the shortest that there is."""
    if frame.app_id not in _GOOSE_IDS:
        raise ValueError(f"APPID {frame.app_id:#06x}: 0x0000 to 0x3FFF are GOOSE's")
    message = encoded_message(frame.message)
    octets = mac_octets(frame.destination) + mac_octets(frame.source)
    if frame.tag is not None:
        octets += VLAN_ETHER_TYPE.to_bytes(2) + frame.tag.control.to_bytes(2)
    reserved = _SIMULATED if frame.simulated else 0
    octets += ETHER_TYPE.to_bytes(2) + frame.app_id.to_bytes(2)
    octets += (_HEADER + len(message)).to_bytes(2) + reserved.to_bytes(2) + bytes(2) + message
    return octets.ljust(SHORTEST, b"\x00")


def with_tag(frame: Frame, control: int | None) -> Frame:
    """The frame with the tag that the kernel took off; as it is where it took none."""
    return frame if control is None else replace(frame, tag=Tag.of(control))


def mac_text(octets: bytes) -> str:
    """An address as SCL writes it: `01-0C-CD-01-00-01`."""
    return octets.hex("-").upper()


def mac_octets(text: str) -> bytes:
    """An address from its text, with `-` or `:`. Raises ValueError."""
    octets = bytes.fromhex(text.replace("-", "").replace(":", ""))
    if len(octets) != MAC_OCTETS:
        raise ValueError(f"'{text}' is no address of six octets")
    return octets
