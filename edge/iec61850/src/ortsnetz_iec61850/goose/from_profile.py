"""What a source listens to: the streams of its profile, at the places that its station says.

The connection's `path` has the rest, in words: the IED's name, then for each stream of the profile
`MAC/APPID`, in their order, then `simulation` where messages of a test set count:
`B1 01-0C-CD-01-00-01/3001 01-0C-CD-01-00-02/3002`. Without addresses any will do. Behind the
APPID the id of the VLAN may stand, three digits as SCL writes them: `01-0C-CD-01-00-01/3001/005`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ortsnetz_common.errors import InputError
from ortsnetz_common.scl.object_reference import ObjectReference, parse_reference
from ortsnetz_edge.drivers.contract import Source
from ortsnetz_edge.profiles.schema import GooseStream, Profile
from ortsnetz_iec61850.goose.subscription import KINDS, Expected, Subscription

SIMULATION = "simulation"
_ADDRESS = re.compile(
    r"(?P<mac>[0-9A-Fa-f]{2}([-:][0-9A-Fa-f]{2}){5})/(?P<app_id>[0-9A-Fa-f]{4})"
    r"(/(?P<vlan>[0-9A-Fa-f]{3}))?"
)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class Place:
    """What a connection's path says.

    Attributes:
        ied: name of the device.
        addresses: destination, APPID and VLAN (None where it is not said) of each stream; none
            where any will do.
        accepts_simulation: whether messages of a test set count.
    """

    ied: str
    addresses: tuple[tuple[str, int, int | None], ...]
    accepts_simulation: bool


def place_of(path: str) -> Place:
    """What a path says. Raises ValueError: it is none; says how one looks."""
    ied, *words = path.split() or [""]
    if not _NAME.fullmatch(ied):
        raise ValueError(f"path '{path}': it begins with the name of the IED: B1")
    simulated = SIMULATION in words
    addresses = []
    for word in words:
        match = _ADDRESS.fullmatch(word)
        if match is not None:
            mac = match["mac"].replace(":", "-").upper()
            vlan = None if match["vlan"] is None else int(match["vlan"], 16) or None
            addresses.append((mac, int(match["app_id"], 16), vlan))
        elif word != SIMULATION:
            raise ValueError(
                f"path '{path}': '{word}' is neither an address with an APPID of four digits "
                f"(01-0C-CD-01-00-01/3001) nor '{SIMULATION}'"
            )
    return Place(ied, tuple(addresses), simulated)


def subscriptions_of(profile: Profile, source: Source) -> tuple[tuple[Subscription, ...], Place]:
    """What a source listens to.

    Raises:
        InputError: profile and connection do not fit; names the source.
    """
    try:
        place = place_of(source.connection.path)
        found = tuple(_subscriptions(profile, place, source.connection.bay))
    except ValueError as error:
        raise InputError(f"'{source.name}': {error}") from None
    return found, place


def _subscriptions(profile: Profile, place: Place, bay: str) -> Iterator[Subscription]:
    if not profile.goose:
        raise ValueError(f"profile '{profile.kind}' says nothing of GOOSE ('goose')")
    if place.addresses and len(place.addresses) != len(profile.goose):
        raise ValueError(
            f"the path has {len(place.addresses)} addresses, "
            f"profile '{profile.kind}' {len(profile.goose)} streams"
        )
    for number, stream in enumerate(profile.goose):
        address = place.addresses[number] if place.addresses else (None, None, None)
        yield _subscription(stream, place.ied, address, bay)


def _subscription(
    stream: GooseStream,
    ied: str,
    address: tuple[str, int, int | None] | tuple[None, None, None],
    bay: str,
) -> Subscription:
    def here(text: str) -> str:
        return text.replace("{bay}", bay).replace("{ied}", ied)

    def on_the_wire(text: str, kind: str) -> str:
        node, _, name = here(text).partition(".")
        return f"{ied}{node}${kind}{name}"

    return Subscription(
        block=on_the_wire(stream.block, "GO$"),
        data_set=on_the_wire(stream.data_set, ""),
        id=here(stream.id),
        revision=stream.revision,
        destination=address[0],
        app_id=address[1],
        vlan=address[2],
        members=tuple(tuple(_expected(here(text)) for text in each) for each in stream.members),
    )


def _expected(text: str) -> Expected:
    at, _, basic_type = text.partition(" ")
    if basic_type not in KINDS:
        raise ValueError(f"'{text}': '{basic_type}' is none of the types {', '.join(KINDS)}")
    return Expected(parse_reference(at), basic_type)


def places_of(
    references: tuple[ObjectReference, ...], subscriptions: tuple[Subscription, ...], ied: str
) -> tuple[tuple[int, int] | None, ...]:
    """For each reference its stream, and its place among that stream's values.

    None for one that travels in none of them: it has no value, and the others go on.

    Raises:
        ValueError: none of them travels.
    """
    at = {
        value.at: (number, place)
        for number, subscription in reversed(tuple(enumerate(subscriptions)))
        for place, value in enumerate(subscription.values)
    }
    found = []
    for reference in references:
        device = reference.device.removeprefix(ied) or reference.device
        short = ObjectReference(device, reference.node, reference.path, reference.constraint)
        found.append(at.get(reference) or at.get(short))
    if not any(found):
        raise ValueError("none of its values is in the GOOSE data sets that it names")
    return tuple(found)
