"""Subscriptions and publications from an SCL file."""

from __future__ import annotations

from pathlib import Path

from ortsnetz_common.errors import InputError
from ortsnetz_common.scl.devices import Ied
from ortsnetz_common.scl.document import Document
from ortsnetz_common.scl.goose_streams import GooseStream, goose_streams_of
from ortsnetz_common.scl.reading.tree import LARGEST_BYTES
from ortsnetz_iec61850.goose.frames import Tag
from ortsnetz_iec61850.goose.publication import Publication
from ortsnetz_iec61850.goose.retransmission import Curve
from ortsnetz_iec61850.goose.subscription import KINDS, Expected, Subscription

_MS = 1000.0


def streams_of(document: Document, ied: str | None = None) -> tuple[GooseStream, ...]:
    """GOOSE control blocks of a file, or of one of its IEDs.

    Raises:
        InputError: there is no such IED.
    """
    chosen = [each for each in document.ieds if ied in (None, each.name)]
    if not chosen:
        known = ", ".join(each.name for each in document.ieds[:20]) or "none"
        raise InputError(f"{document.name}: there is no IED '{ied}': {known}")
    return tuple(stream for each in chosen for stream in _of(document, each))


def _of(document: Document, ied: Ied) -> tuple[GooseStream, ...]:
    return tuple(goose_streams_of(document, ied))


def subscription_of(stream: GooseStream) -> Subscription:
    """What a subscriber expects of a stream.

    Raises:
        InputError: the file does not say what travels, or with a type that does not.
    """
    where = f"{stream.block} (line {stream.control.line})"
    if stream.unclear:
        raise InputError(f"{where}: {stream.unclear}")
    for member in stream.members:
        for value in member:
            if value.basic_type not in KINDS:
                raise InputError(f"{where}: {value.at}: {value.basic_type} does not travel")
    address = stream.multicast
    return Subscription(
        block=stream.block,
        data_set=stream.data_set,
        id=stream.control.app_id,
        revision=stream.control.configuration_revision,
        destination=None if address is None or address.mac is None else address.mac.upper(),
        app_id=None if address is None else address.app_id,
        members=tuple(
            tuple(Expected(value.at, value.basic_type) for value in member)
            for member in stream.members
        ),
        vlan=None if address is None else address.vlan_id or None,
    )


def publication_of(stream: GooseStream) -> Publication:
    """What a publisher sends for a stream.

    Raises:
        InputError: as `subscription_of`, or it has no address.
    """
    expected = subscription_of(stream)
    address = stream.multicast
    if address is None or expected.destination is None or expected.app_id is None:
        raise InputError(f"{stream.block}: the file does not say where its messages go (GSE)")
    curve = Curve()
    return Publication(
        expected,
        depths=stream.depths,
        tag=None if address.vlan_id is None else Tag(address.vlan_id, address.vlan_priority or 4),
        curve=Curve(
            shortest_s=(address.shortest_ms or curve.shortest_s * _MS) / _MS,
            longest_s=(address.longest_ms or curve.longest_s * _MS) / _MS,
        ),
    )


def octets_of(file: Path) -> bytes:
    """What a file holds, as far as `read_scl` takes it. Raises InputError."""
    try:
        with file.open("rb") as opened:
            return opened.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from error
