"""What a device, or its server, says of itself."""

from __future__ import annotations

from asyncua import ua

from ortsnetz_common.measurement.quality import is_usable
from ortsnetz_edge.drivers.contract import Identity
from ortsnetz_edge.drivers.opcua import status
from ortsnetz_edge.drivers.opcua.session import Session
from ortsnetz_edge.drivers.opcua.values import text
from ortsnetz_edge.profiles.identity import IdentityMap
from ortsnetz_edge.profiles.references.opcua import NodeReference

BUILD_INFO = IdentityMap(
    maker_at=NodeReference(0, "i", "2263"),
    model_at=NodeReference(0, "i", "2261"),
    serial_at=None,
    maker=None,
    model=None,
    serial=None,
)
"""What a server says of itself (part 5, 12.4), where a profile names nothing else."""


async def said_of(session: Session, identity: IdentityMap[NodeReference]) -> Identity:
    """What stands where a device says what it is. Raises DriverError."""
    places = (identity.maker_at, identity.model_at, identity.serial_at)
    asked = [place for place in places if place is not None]
    reading = await session.read(asked)
    said = {
        place: None if value is None else _said_text(value)
        for place, value in zip(asked, reading.values, strict=True)
    }
    maker, model, serial = (None if place is None else said[place] for place in places)
    return Identity(maker, model, serial)


def _said_text(value: ua.DataValue) -> str | None:
    """What the server vouches for: not the last that it has heard of a device that is away."""
    code = 0 if value.StatusCode is None else int(value.StatusCode.value)
    if value.Value is None or not is_usable(status.quality(code)):
        return None
    content = value.Value.Value
    said = text(content)
    if said is None and isinstance(content, int):
        return str(content)  # serial numbers are numbers to some
    return said
