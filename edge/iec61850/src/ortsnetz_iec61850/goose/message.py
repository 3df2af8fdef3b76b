"""One GOOSE message: `IECGoosePdu` (IEC 61850-8-1, annex A)."""

from __future__ import annotations

from dataclasses import dataclass

from ortsnetz_iec61850.goose.ber import (
    DecodingError,
    Element,
    element_at,
    elements,
    encoded,
    integer,
    integer_octets,
)
from ortsnetz_iec61850.goose.data import Datum, UtcTime
from ortsnetz_iec61850.goose.data_coding import (
    decoded_all,
    decoded_flag,
    decoded_time,
    encoded_datum,
    encoded_time,
)

LONGEST_NAME = 129
"""Of a reference (IEC 61850-8-1: VISIBLE-STRING of up to 129 characters)."""
_PDU = 0x61
_BLOCK, _TAL, _DATA_SET, _ID, _TIME, _STATE, _SEQUENCE = range(0x80, 0x87)
_SIMULATION, _REVISION, _COMMISSIONING, _COUNT = range(0x87, 0x8B)
_DATA, _SECURITY = 0xAB, 0x8C
_ORDER = (*range(_BLOCK, _COUNT + 1), _DATA, _SECURITY)
_OPTIONAL = {_ID, _SIMULATION, _COMMISSIONING, _SECURITY}
_UINT32 = 1 << 32


@dataclass(frozen=True, slots=True)
class Message:
    """A GOOSE message.

    Attributes:
        block: reference of its control block, `B1LD0/LLN0$GO$gcbStates`.
        time_allowed_to_live_ms: within which the next message has to come.
        data_set: reference of the data set, `B1LD0/LLN0$States`.
        id: goID; None where the message has none.
        time: of the last change of state.
        state: stNum, counts changes of state.
        sequence: sqNum, counts messages since then; 0 is the first.
        simulation: of a test set, not of the device (edition 1: `test`).
        revision: confRev, of the data set's configuration.
        needs_commissioning: ndsCom.
        count: of the data set's members, as the message says it.
        data: one a member.
    """

    block: str
    time_allowed_to_live_ms: int
    data_set: str
    id: str | None
    time: UtcTime
    state: int
    sequence: int
    simulation: bool
    revision: int
    needs_commissioning: bool
    count: int
    data: tuple[Datum, ...]


def decoded_message(octets: bytes) -> Message:
    """A message from its octets.

    Raises:
        DecodingError: they are none; says what is wrong.
    """
    pdu, end = element_at(octets, 0)
    if pdu.tag != _PDU or end != len(octets):
        raise DecodingError("no IECGoosePdu, or octets behind it")
    parts = _parts(pdu.content)
    return Message(
        block=_name(parts[_BLOCK]),
        time_allowed_to_live_ms=_number(parts[_TAL]),
        data_set=_name(parts[_DATA_SET]),
        id=_name(parts[_ID]) if _ID in parts else None,
        time=decoded_time(parts[_TIME]),
        state=_number(parts[_STATE]),
        sequence=_number(parts[_SEQUENCE]),
        simulation=_is_set(parts.get(_SIMULATION)),
        revision=_number(parts[_REVISION]),
        needs_commissioning=_is_set(parts.get(_COMMISSIONING)),
        count=_number(parts[_COUNT]),
        data=decoded_all(parts[_DATA]),
    )


def _parts(octets: bytes) -> dict[int, bytes]:
    """Fields by tag; each once, in the standard's order."""
    parts: dict[int, bytes] = {}
    place = -1
    for element in elements(octets):
        where = _place(element)
        if where <= place:
            raise DecodingError(f"field {element.tag:#04x} is doubled or out of its order")
        place = where
        parts[element.tag] = element.content
    missing = [tag for tag in _ORDER if tag not in parts and tag not in _OPTIONAL]
    if missing:
        raise DecodingError(f"field {missing[0]:#04x} is missing")
    return parts


def _place(element: Element) -> int:
    if element.tag not in _ORDER:
        raise DecodingError(f"field {element.tag:#04x} is unknown")
    return _ORDER.index(element.tag)


def _name(content: bytes) -> str:
    if len(content) > LONGEST_NAME or not content.isascii():
        raise DecodingError("a name that is too long, or not ASCII")
    text = content.decode("ascii")
    if not text.isprintable():
        raise DecodingError("a name with characters that cannot be shown")
    return text


def _number(content: bytes) -> int:
    number = integer(content, signed=False)
    if number >= _UINT32:
        raise DecodingError(f"{number} is no number of 32 bits")
    return number


def _is_set(content: bytes | None) -> bool:
    return content is not None and decoded_flag(content)


def encoded_message(message: Message) -> bytes:
    """A message in octets; what it says wrong of itself is sent as it is (for the bench)."""

    def flag(value: bool) -> bytes:  # noqa: FBT001 - a field of the message
        return b"\x01" if value else b"\x00"

    def number(value: int) -> bytes:
        return integer_octets(value, signed=False)

    fields = [
        (_BLOCK, message.block.encode("ascii")),
        (_TAL, number(message.time_allowed_to_live_ms)),
        (_DATA_SET, message.data_set.encode("ascii")),
        *([] if message.id is None else [(_ID, message.id.encode("ascii"))]),
        (_TIME, encoded_time(message.time)),
        (_STATE, number(message.state)),
        (_SEQUENCE, number(message.sequence)),
        (_SIMULATION, flag(message.simulation)),
        (_REVISION, number(message.revision)),
        (_COMMISSIONING, flag(message.needs_commissioning)),
        (_COUNT, number(message.count)),
        (_DATA, b"".join(encoded_datum(each) for each in message.data)),
    ]
    return encoded(_PDU, b"".join(encoded(tag, content) for tag, content in fields))
