"""What a subscriber expects of one control block, and whether a message is that. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ortsnetz_common.scl.object_reference import ObjectReference
from ortsnetz_iec61850.goose.data import Bits, Datum, Kind, flat
from ortsnetz_iec61850.goose.frames import Frame

KINDS: dict[str, tuple[Kind, int | None]] = {
    "BOOLEAN": (Kind.BOOLEAN, None),
    "Dbpos": (Kind.BITS, 2),
    "Tcmd": (Kind.BITS, 2),
    "Check": (Kind.BITS, 2),
    "Quality": (Kind.BITS, 13),
    "OptFlds": (Kind.BITS, 10),
    "TrgOps": (Kind.BITS, 6),
    "FLOAT32": (Kind.FLOAT, None),
    "FLOAT64": (Kind.FLOAT, None),
    "Timestamp": (Kind.TIME, None),
    "Enum": (Kind.INTEGER, None),
    "EntryTime": (Kind.BINARY_TIME, None),
    "Octet64": (Kind.OCTETS, None),
    "Unicode255": (Kind.UNICODE, None),
    "ObjRef": (Kind.TEXT, None),
    "Currency": (Kind.TEXT, None),
    **{f"INT{bits}": (Kind.INTEGER, None) for bits in (8, 16, 24, 32, 64, 128)},
    **{f"INT{bits}U": (Kind.UNSIGNED, None) for bits in (8, 16, 24, 32, 64)},
    **{f"VisString{most}": (Kind.TEXT, None) for most in (32, 64, 65, 129, 255)},
}
"""How the basic types of SCL travel (IEC 61850-8-1, clause 8), and with how many bits."""


@dataclass(frozen=True, slots=True)
class Expected:
    """One value of a data set.

    Attributes:
        at: its reference, the logical device by its instance.
        basic_type: as SCL names it, one of `KINDS`.
    """

    at: ObjectReference
    basic_type: str

    def fits(self, datum: Datum) -> bool:
        """Whether a value is of this type."""
        kind, bits = KINDS[self.basic_type]
        if datum.kind is not kind:
            return False
        return bits is None or (isinstance(datum.value, Bits) and datum.value.count == bits)


@dataclass(frozen=True, slots=True)
class Subscription:
    """What is expected of one control block.

    Attributes:
        block: reference on the wire, `B1LD0/LLN0$GO$gcbStates`.
        data_set: reference on the wire, `B1LD0/LLN0$States`.
        id: goID.
        revision: confRev; None where nobody says it, and any will do.
        destination: `01-0C-CD-01-00-01`; None for any.
        app_id: None for any.
        members: the data set's members, and of each the values that travel for it.
        vlan: id of the VLAN in which its frames are sent; None where nobody says it.
    """

    block: str
    data_set: str
    id: str
    revision: int | None
    destination: str | None
    app_id: int | None
    members: tuple[tuple[Expected, ...], ...]
    vlan: int | None = None

    @property
    def values(self) -> tuple[Expected, ...]:
        """All values in the order in which they travel."""
        return tuple(value for member in self.members for value in member)


def misaddressed(frame: Frame, expected: Subscription) -> str | None:
    """Why a frame that names this control block did not come on its way; None if it did."""
    if expected.destination is not None and frame.destination != expected.destination:
        return f"it came to {frame.destination}, not {expected.destination}"
    if expected.app_id is not None and frame.app_id != expected.app_id:
        return f"its APPID is {frame.app_id:#06x}, not {expected.app_id:#06x}"
    return None


def in_another_vlan(frame: Frame, expected: Subscription) -> bool:
    """Whether a frame is tagged for another VLAN than its own.

    One without a tag, or with a priority alone (VLAN 0), is as a switch hands it on to who belongs
    to the VLAN (IEEE 802.1Q, 6.9).
    """
    tag = frame.tag
    return expected.vlan is not None and tag is not None and tag.vlan not in (0, expected.vlan)


def misconfigured(frame: Frame, expected: Subscription) -> str | None:
    """Why nothing can be read from a message of this control block; None if it can."""
    message = frame.message
    if message.needs_commissioning:
        return "the publisher says that it needs commissioning (ndsCom)"
    if expected.revision is not None and message.revision != expected.revision:
        return f"configuration revision {message.revision} is sent, {expected.revision} expected"
    if message.data_set != expected.data_set:
        return f"data set '{message.data_set}' is sent, '{expected.data_set}' expected"
    if message.id is not None and message.id != expected.id:
        return f"goID '{message.id}' is sent, '{expected.id}' expected"
    if message.time_allowed_to_live_ms == 0:
        return "its time allowed to live is zero"
    return _unlike(message.count, message.data, expected)


def _unlike(count: int, data: tuple[Datum, ...], expected: Subscription) -> str | None:
    """Whether the values are those of the data set: as many, and of these types."""
    if not count == len(data) == len(expected.members):
        return (
            f"{len(data)} members are sent and {count} announced, "
            f"the data set has {len(expected.members)}"
        )
    for datum, member in zip(data, expected.members, strict=True):
        values = flat((datum,))
        if len(values) != len(member):
            where = member[0].at if member else "a member without values"
            return f"{where}: {len(values)} values are sent, {len(member)} expected"
        for value, each in zip(values, member, strict=True):
            if not each.fits(value):
                return f"{each.at}: {value.kind} is sent, {each.basic_type} expected"
    return None
