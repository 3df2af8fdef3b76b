"""From the process image to readings: only what is usable, by physical quantity. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ortsnetz_common.measurement.quality import is_usable
from ortsnetz_common.measurement.reading import PhaseValues, Reading
from ortsnetz_edge.acquisition.image import ProcessImage
from ortsnetz_edge.drivers.contract import Role, Scan, SourcePoint

Places = tuple[int | None, int | None, int | None]


@dataclass(frozen=True, slots=True)
class ReadingLayout:
    """Where a source's quantities are among its values; compiled once."""

    voltage: Places
    active: Places
    reactive: Places
    limit: int | None
    available: int | None

    @classmethod
    def of(cls, points: tuple[SourcePoint, ...]) -> ReadingLayout:
        """Layout of a source's points."""
        at = {(point.role, point.terminal): index for index, point in enumerate(points)}

        def places(role: Role) -> Places:
            return at.get((role, 1)), at.get((role, 2)), at.get((role, 3))

        return cls(
            voltage=places(Role.VOLTAGE),
            active=places(Role.ACTIVE_POWER),
            reactive=places(Role.REACTIVE_POWER),
            limit=at.get((Role.LIMIT, None)),
            available=at.get((Role.AVAILABLE, None)),
        )

    @property
    def speaks(self) -> bool:
        """Whether a device says what it wants, where it has good values."""
        return self.available is not None

    def reading(self, scan: Scan) -> Reading:
        """Usable values of an answer; None where there is none."""

        def value(place: int | None) -> float | None:
            if place is None or not is_usable(scan.qualities[place]):
                return None
            return scan.values[place]

        def phases(places: Places) -> PhaseValues:
            return value(places[0]), value(places[1]), value(places[2])

        return Reading(
            voltage_v=phases(self.voltage),
            active_w=phases(self.active),
            reactive_var=phases(self.reactive),
            limit_w=value(self.limit),
            available_w=value(self.available),
        )


def readings(image: ProcessImage, layouts: Mapping[str, ReadingLayout]) -> dict[str, Reading]:
    """Reading of each source that is valid in the image; a source without one is not in it."""
    return {
        name: layouts[name].reading(source.scan)
        for name, source in image.sources.items()
        if source.valid and source.scan is not None
    }
