"""Raw values seen through a profile: the points that they become, with units and signs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.quality import Quality
from ortsnetz_common.parameters.station import Connection, Side
from ortsnetz_edge.console.syntaxes import syntax_of
from ortsnetz_edge.drivers.contract import Observation, Source, SourcePoint
from ortsnetz_edge.profiles.library import Library, parse_profile
from ortsnetz_edge.profiles.point_map import PointMap, compile_point_map
from ortsnetz_edge.profiles.references.modbus import Kind, RegisterReference
from ortsnetz_edge.profiles.schema import Direction, Profile

_SIGNED = {Kind.I16, Kind.I32, Kind.I64}
NEVER_SEEN = int(Quality.INVALID | Quality.OLD_DATA)


@dataclass(frozen=True, slots=True)
class Wish:
    """Through which profile a device is looked at, and what a profile does not know of its place.

    Attributes:
        terminals: how many of the terminals 1, 2, 3 are connected.
        side: end of the branch that a branch meter sits at; None if nobody has said.
        rated_w: rated power of a device; None if nobody has said.
    """

    kind: str
    terminals: int = 3
    side: Side | None = None
    rated_w: float | None = None


def load(kind: str) -> Profile:
    """A profile by its kind, or from a file that somebody is writing.

    Raises:
        InputError: there is none, or it is wrong: with file, line and reason.
    """
    if not kind.endswith((".yaml", ".yml")):
        return Library().load(kind)
    path = Path(kind)
    try:
        return parse_profile(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error


@dataclass(frozen=True, slots=True)
class Seen:
    """A point and the raw values behind it.

    Attributes:
        value: None where there is none.
        quality: bits of `measurement.quality`.
        raw: that have been observed.
        is_complete: whether all have been.
    """

    point: SourcePoint
    value: float | None
    quality: int
    raw: tuple[Observation, ...]
    is_complete: bool


@dataclass(frozen=True)
class Lens:
    """A profile compiled for the place that is probed.

    Attributes:
        references: as the probe takes them.
    """

    profile: Profile
    references: tuple[str, ...]
    _map: PointMap[Any]

    @classmethod
    def of(cls, wish: Wish, connection: Connection) -> Lens:
        """The lens of a profile.

        Raises:
            InputError: there is no such profile, or it does not fit the address.
        """
        profile = load(wish.kind)
        if profile.direction is Direction.TOWARDS_LOW_VOLTAGE and wish.side is None:
            raise InputError(
                f"profile '{wish.kind}' is a transformer meter's: its sign depends on the end it "
                "sits at: --side from (medium voltage) or --side to (low voltage)"
            )
        source = Source(
            connection.address, wish.kind, connection, 0, wish.terminals, wish.side, wish.rated_w
        )
        compiled = compile_point_map(profile, source, syntax_of(profile))
        return cls(profile, tuple(map(str, compiled.references)), compiled)

    def points(self, observations: Mapping[str, Observation]) -> tuple[Seen, ...]:
        """All points of the profile, from the newest observation of each reference."""
        found = [observations.get(reference) for reference in self.references]
        scan = self._map.scan(
            raws=[self._raw(place, item) for place, item in enumerate(found)],
            received_ns=max((item.time_ns for item in found if item is not None), default=0),
            qualities=[NEVER_SEEN if item is None else item.quality for item in found],
        )
        seen: list[Seen] = []
        for point, value, quality, places in zip(
            self._map.points, scan.values, scan.qualities, self._map.places, strict=True
        ):
            raw = tuple(item for place in places if (item := found[place]) is not None)
            seen.append(Seen(point, value, quality, raw, len(raw) == len(places)))
        return tuple(seen)

    def touched(self, references: Sequence[str]) -> frozenset[str]:
        """Names of the points that rest on one of these references."""
        wanted = {n for n, reference in enumerate(self.references) if reference in references}
        return frozenset(
            point.point.name
            for point, places in zip(self._map.points, self._map.places, strict=True)
            if wanted & set(places)
        )

    def needed(self, references: Sequence[str]) -> tuple[str, ...]:
        """All references that the points resting on these ones need."""
        wanted = {n for n, reference in enumerate(self.references) if reference in references}
        for places in self._map.places:
            if set(places) & wanted:
                wanted |= set(places)
        return tuple(reference for n, reference in enumerate(self.references) if n in wanted)

    def _raw(self, place: int, observation: Observation | None) -> float | None:
        if observation is None or observation.value is None or isinstance(observation.value, str):
            return None
        absent = self._map.absent[place]
        if (
            absent is not None
            and _unsigned(self._map.references[place], observation.value) == absent
        ):
            return None
        return observation.value


def _unsigned(reference: object, value: float) -> float:
    """A value as `absent` counts it: numbers of whole registers without sign."""
    if isinstance(reference, RegisterReference) and reference.kind in _SIGNED:
        return int(value) % (1 << 16 * reference.width)
    return value
