"""What an outstation says it is: device attributes, octet strings, or points."""

from __future__ import annotations

from ortsnetz_edge.drivers.contract import Identity
from ortsnetz_edge.drivers.dnp3.session import Dnp3Session
from ortsnetz_edge.profiles.identity import IdentityMap
from ortsnetz_edge.profiles.references.dnp3 import PointKind, PointReference

MAKER, MODEL, SERIAL = 252, 250, 248
"""Variations of group 0 (IEEE 1815-2012, A.1)."""


def told_by_points(session: Dnp3Session, places: IdentityMap[PointReference]) -> Identity | None:
    """What points say of the device, without a request; None where attributes have to be asked."""
    named = (places.maker_at, places.model_at, places.serial_at)
    if any(at is not None and at.kind is PointKind.ATTRIBUTE for at in named):
        return None
    return Identity(*(None if at is None else session.table.text(at) for at in named))


async def said_of(session: Dnp3Session, places: IdentityMap[PointReference] | None) -> Identity:
    """What the outstation says of itself; where nobody says where, its device attributes.

    Raises:
        DriverError: there is no answer.
    """
    if places is None:
        return Identity(
            *[await session.attribute(variation) for variation in (MAKER, MODEL, SERIAL)]
        )
    return Identity(
        await _said(session, places.maker_at),
        await _said(session, places.model_at),
        await _said(session, places.serial_at),
    )


async def _said(session: Dnp3Session, reference: PointReference | None) -> str | None:
    if reference is None:
        return None
    if reference.kind is PointKind.ATTRIBUTE:
        return await session.attribute(reference.index)
    return session.table.text(reference)
