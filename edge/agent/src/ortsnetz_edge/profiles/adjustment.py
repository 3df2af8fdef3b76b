"""Set points besides the limit, compiled for one source. Pure.

They count in the device's own direction, as its measurements do: an inverter that counts feed-in
positive takes capacitive reactive power as positive, and is told the negative of what we mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from ortsnetz_common.errors import InputError
from ortsnetz_edge.drivers.contract import (
    Adjustable,
    DriverError,
    FailureKind,
    Quantity,
    Source,
)
from ortsnetz_edge.profiles.bays import reference_of
from ortsnetz_edge.profiles.references import Syntax
from ortsnetz_edge.profiles.schema import Direction, FurtherSetpoint, Profile, SetpointUnit

R = TypeVar("R")


@dataclass(frozen=True)
class AdjustmentMap(Generic[R]):
    """What is written where to adjust a device.

    Attributes:
        at: takes the set point.
        per_count: value of one count, in the quantity's unit and the project's sign.
        scale_at: says the power of ten of one count; None for none.
        enable: what has to be written after the set point, and where.
        select: whether it is selected before it is operated.
    """

    at: R
    adjustable: Adjustable
    per_count: float
    scale_at: R | None
    enable: tuple[tuple[R, int], ...]
    select: bool

    @property
    def written(self) -> tuple[R, ...]:
        """All that may be written to."""
        return (self.at, *(at for at, _ in self.enable))

    def counts(self, value: float, power_of_ten: int = 0) -> int:
        """Raw value of a set point: the count that is nearest.

        Args:
            value: in the quantity's unit, checked before.
            power_of_ten: that the device multiplies counts with, where `scale_at` says one.
        """
        return round(value / (self.per_count * 10.0**power_of_ten))


def compile_adjustments(
    profile: Profile, source: Source, syntax: Syntax[R]
) -> tuple[AdjustmentMap[R], ...]:
    """The set points for a source, in the profile's order.

    Raises:
        InputError: a reference does not work for the source's bay, or a rated power is missing.
    """
    return tuple(_compiled(one, profile, source, syntax) for one in profile.further_setpoints)


def factor(further: FurtherSetpoint, profile: Profile, source: Source) -> float:
    """From the unit of a set point, in the device's direction, to the quantity's and ours.

    Raises:
        InputError: shares need a rated power; names the source.
    """
    if further.unit is SetpointUnit.PER_UNIT:
        return 1.0
    sign = -1.0 if profile.direction is Direction.FEED_IN else 1.0
    if further.unit is SetpointUnit.VAR:
        return sign
    if source.rated_w is None:
        raise InputError(f"'{source.name}': profile '{profile.kind}' needs a rated power")
    return sign * source.rated_w


def checked(
    adjustments: tuple[AdjustmentMap[R], ...], quantity: Quantity, value: float, name: str
) -> AdjustmentMap[R]:
    """Where a set point is written, if the device takes it.

    Raises:
        DriverError: it takes no such set point, or none of this value; says its bounds.
    """
    for one in adjustments:
        if one.adjustable.quantity is quantity:
            break
    else:
        words = f"'{name}' takes no set point for {quantity.value}"
        raise DriverError(FailureKind.REFUSED, words)
    low, high = one.adjustable.low, one.adjustable.high
    if not low <= value <= high:  # NaN is in no range
        raise DriverError(
            FailureKind.REFUSED,
            f"'{name}': {quantity.value} {value:g} is outside {low:g} to {high:g}: not written",
        )
    return one


def _compiled(
    further: FurtherSetpoint, profile: Profile, source: Source, syntax: Syntax[R]
) -> AdjustmentMap[R]:
    ours = factor(further, profile, source)
    low, high = sorted(end * ours for end in further.range)
    return AdjustmentMap(
        at=reference_of(further.at, profile, source, syntax),
        adjustable=Adjustable(further.quantity, abs(further.step * ours), low, high),
        per_count=further.step * ours,
        scale_at=(
            None
            if further.scale_at is None
            else reference_of(further.scale_at, profile, source, syntax)
        ),
        enable=tuple(
            (reference_of(one.at, profile, source, syntax), one.value) for one in further.enable
        ),
        select=further.select,
    )
