"""The setpoint of a profile, compiled for one source. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from ortsnetz_edge.drivers.contract import LimitResolution, Source
from ortsnetz_edge.profiles.bays import reference_of
from ortsnetz_edge.profiles.references import Syntax
from ortsnetz_edge.profiles.schema import Enable, Profile, SetpointKind

R = TypeVar("R")


@dataclass(frozen=True)
class SetpointMap(Generic[R]):
    """What is written where to limit a device.

    Attributes:
        at: takes the limit.
        scale_at: says the power of ten of one count; None for none.
        enable: what has to be written after the limit, and where.
        fallback_time: takes the seconds after which the device acts by itself.
        fallback_limit: takes the limit it then has.
        select: whether it is selected before it is operated.
        fallback_enable: what has to be written after the fall-back, and where.
        codes: raw values of off and on; None where a limit is counted.
    """

    at: R
    resolution: LimitResolution
    scale_at: R | None
    enable: tuple[R, int] | None
    fallback_time: R | None
    fallback_limit: R | None
    select: bool
    fallback_enable: tuple[R, int] | None = None
    codes: tuple[int, int] | None = None

    @property
    def written(self) -> tuple[R, ...]:
        """All that may be written to."""
        switches = (self.enable, self.fallback_enable)
        places = (self.at, self.fallback_time, self.fallback_limit)
        return (
            *(at for at in places if at is not None),
            *(switch[0] for switch in switches if switch is not None),
        )

    def counts(self, limit: float, power_of_ten: int = 0) -> int:
        """Raw value of a limit: the multiple of the step that is nearest, or the code of off or on.

        Args:
            limit: in the unit of `resolution`.
            power_of_ten: that the device multiplies counts with, where `scale_at` says one.
        """
        if self.codes is not None:
            return self.codes[1] if limit > self.resolution.step / 2 else self.codes[0]
        return round(limit / (self.resolution.step * 10.0**power_of_ten))


def compile_setpoint(profile: Profile, source: Source, syntax: Syntax[R]) -> SetpointMap[R] | None:
    """The setpoint for a source; None for what takes none.

    Raises:
        InputError: a reference does not work for the source's bay.
    """
    setpoint = profile.setpoint
    if setpoint is None:
        return None

    def at(text: str | None) -> R | None:
        return None if text is None else reference_of(text, profile, source, syntax)

    def switch(enable: Enable | None) -> tuple[R, int] | None:
        if enable is None:
            return None
        return reference_of(enable.at, profile, source, syntax), enable.value

    return SetpointMap(
        at=reference_of(setpoint.at, profile, source, syntax),
        resolution=LimitResolution(
            setpoint.unit,
            setpoint.step,
            setpoint.smallest,
            setpoint.acknowledged_s,
            setpoint.reaction_s,
            setpoint.hold_s,
        ),
        scale_at=at(setpoint.scale_at),
        enable=switch(setpoint.enable),
        fallback_time=at(setpoint.fallback.time_at),
        fallback_limit=at(setpoint.fallback.limit_at),
        select=setpoint.select,
        fallback_enable=switch(setpoint.fallback.enable),
        codes=(setpoint.off, setpoint.on) if setpoint.kind is SetpointKind.ON_OFF else None,
    )
