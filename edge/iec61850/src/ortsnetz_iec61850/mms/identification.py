"""What a device says of itself."""

from __future__ import annotations

from ortsnetz_common.drivers.values import Identity
from ortsnetz_common.measurement.quality import is_usable
from ortsnetz_common.scl.object_reference import ObjectReference
from ortsnetz_edge.profiles.identity import IdentityMap
from ortsnetz_iec61850.library.errors import LibraryError
from ortsnetz_iec61850.mms.failures import ends_connection
from ortsnetz_iec61850.mms.life import Life
from ortsnetz_iec61850.mms.places import Variable
from ortsnetz_iec61850.mms.session import Reading, Session

MOST_DEVICES = 16
"""Logical devices in which a name plate is looked for."""
_PARTS = (("vendor",), ("model", "d"), ("serNum",))


def places_of(identity: IdentityMap[ObjectReference] | None) -> list[ObjectReference]:
    """What has to be read to know who is there."""
    if identity is None:
        return []
    places = (identity.maker_at, identity.model_at, identity.serial_at)
    return [place for place in places if place is not None]


def said_in(reading: Reading, identity: IdentityMap[ObjectReference]) -> Identity:
    """What stands where a device says what it is."""

    def text(at: ObjectReference | None) -> str | None:
        sample = None if at is None else reading.samples.get(at)
        if sample is None or not is_usable(sample.quality):
            return None
        if sample.text is not None:
            return sample.text or None
        return None if sample.raw is None else f"{sample.raw:g}"

    return Identity(text(identity.maker_at), text(identity.model_at), text(identity.serial_at))


async def of_the_server(session: Session) -> Identity:
    """What the first physical name plate of a device says, else its MMS server.

    Raises:
        DriverError: there is no answer.
    """
    return await session.call(_name_plate, requests=2 * MOST_DEVICES + 2)


def _name_plate(life: Life) -> Identity:
    for domain in life.directory.domains[:MOST_DEVICES]:
        for node in ("LPHD1", "LPHD"):
            plate = Variable(domain, f"{node}$DC$PhyNam")
            kind = life.directory.type_of(plate)
            if kind is None:
                continue
            value = life.read([plate])[plate]
            if not isinstance(value, tuple):
                continue
            said = dict(zip((part.name for part in kind.parts), value, strict=False))
            maker, model, serial = (_first(said, names) for names in _PARTS)
            if maker or model or serial:
                return Identity(maker, model, serial)
    try:
        vendor, model, _ = life.association.identify()
    except LibraryError as error:
        if ends_connection(error):
            raise
        return Identity()
    return Identity(vendor or None, model or None)


def _first(said: dict[str, object], names: tuple[str, ...]) -> str | None:
    for name in names:
        text = said.get(name)
        if isinstance(text, str) and text:
            return text
    return None
