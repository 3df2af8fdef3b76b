"""Writes device profiles from an SCL file, one for each device that can be told apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from ortsnetz_common.errors import InputError
from ortsnetz_common.scl.devices import Ied
from ortsnetz_common.scl.document import Document
from ortsnetz_common.scl.lookup import Lookup
from ortsnetz_edge.console.scl.connections import Fields, by_goose, by_mms, by_sampled_values
from ortsnetz_edge.console.scl.drafting import Drafting
from ortsnetz_edge.console.scl.goose import Multicast, multicast_of
from ortsnetz_edge.console.scl.profile_text import text_of
from ortsnetz_edge.console.scl.ratings import Ratings
from ortsnetz_edge.console.scl.sampled_values import origin_of, stream_drafts
from ortsnetz_edge.console.scl.scopes import scopes_of
from ortsnetz_edge.console.scl.set_points import hints_of
from ortsnetz_edge.profiles.library import parse_profile
from ortsnetz_edge.profiles.schema import Profile


@dataclass(frozen=True, slots=True)
class Written:
    """A profile that was written, or was not because nothing in it could be read.

    Attributes:
        path: None where nothing was written.
        left_out: what it does not say, with reasons.
        text: of the file.
        kept_in: part of a station that has what it describes.
        connections: how it can be reached: "" as its profile is meant, `goose` instead.
    """

    kind: str
    path: Path | None
    left_out: tuple[str, ...]
    text: str = ""
    kept_in: str = "meters"
    connections: Mapping[str, Fields] = field(default_factory=dict)


def write_profiles(
    document: Document, ieds: tuple[Ied, ...], folder: Path, ratings: Ratings, *, takes_si: bool
) -> Iterator[Written]:
    """Write a profile for each device.

    Raises:
        InputError: a file is there already, or cannot be written.
    """
    lookup = Lookup(document)
    kinds: set[str] = set()
    for ied in ieds:
        for scope in scopes_of(ied):
            draft = Drafting(scope, lookup, ratings, takes_si=takes_si).draft()
            if draft.is_empty:
                yield Written(scope.kind, None, draft.left_out)
                continue
            if scope.kind in kinds:
                raise InputError(f"{document.name}: two devices would be called '{scope.kind}'")
            kinds.add(scope.kind)
            multicast = multicast_of(document, ied, scope, draft.profile)
            left_out = (*draft.left_out, *multicast.left_out)
            text = text_of(
                msgspec.structs.replace(draft.profile, goose=multicast.streams),
                _origin(document, ied, multicast),
                tuple(hints_of(scope, lookup)),
                left_out,
            )
            kept_in = _kept_in(draft.profile)
            operated = kept_in == "devices"
            ways = {"": by_mms(document, ied, scope, draft.profile, operated=operated)}
            if multicast.path and kept_in == "meters":  # over GOOSE nothing can be told
                ways["goose"] = by_goose(ied, multicast.path)
            path = _write(folder, scope.kind, text)
            yield Written(scope.kind, path, left_out, text, kept_in, ways)
        for stream, draft in stream_drafts(document, ied, ratings):
            kind = draft.profile.kind
            if draft.is_empty:
                yield Written(kind, None, draft.left_out)
                continue
            text = text_of(draft.profile, origin_of(stream), (), draft.left_out)
            ways = {"": by_sampled_values(stream)}
            path = _write(folder, kind, text)
            yield Written(kind, path, draft.left_out, text, connections=ways)


def _kept_in(profile: Profile) -> str:
    """Part of a station: what has a limit is a device, what has taps a tap changer."""
    if profile.limit is not None:
        return "devices"
    return "tap_changers" if profile.tap_position is not None else "meters"


def _origin(document: Document, ied: Ied, multicast: Multicast) -> str:
    """Where a profile comes from, and how its device is reached."""
    origin = f"IED {ied.name} of {Path(document.name).name}{_addresses(document, ied)}."
    if multicast.path:
        origin += f" By GOOSE: protocol goose, path '{multicast.path}'."
    return origin


def _addresses(document: Document, ied: Ied) -> str:
    """Where the file says the IED is, for the one who writes its connection."""
    found = [
        f"{point.ip}:{point.port or '?'} ({network.name})"
        for network in document.networks
        for point in network.access_points
        if point.ied == ied.name and point.ip is not None
    ]
    return f", at {', '.join(found)}" if found else ""


def _write(folder: Path, kind: str, text: str) -> Path:
    path = folder / f"{kind}.yaml"
    parse_profile(text, path.name)  # what the agent would refuse is not written
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise InputError(f"{path} is there already: it is not overwritten") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error
    return path
