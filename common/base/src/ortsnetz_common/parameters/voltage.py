"""How a node keeps voltages: characteristics of inverters, and the tap changer."""

from __future__ import annotations

from msgspec import Struct

from ortsnetz_common.errors import InputError

Points = tuple[tuple[float, float], ...]
"""Corners of a characteristic: voltage in pu, rising, and the value there; straight in between,
constant beyond the first and the last."""


class TapControl(Struct, frozen=True, forbid_unknown_fields=True):
    """When a tap changer is told to act.

    Attributes:
        deadband_pu: half the band around its set point in which it rests.
        delay_s: so long the voltage has to be outside before it moves.
        operations_per_day: most movements a day of the calendar (UTC).
        lowest_pu, highest_pu: band of its set point.
    """

    deadband_pu: float = 0.012
    delay_s: float = 30.0
    operations_per_day: int = 20
    lowest_pu: float = 0.95
    highest_pu: float = 1.05


class VoltageControl(Struct, frozen=True, forbid_unknown_fields=True):
    """Local voltage control; None is none of its kind.

    Attributes:
        reactive: reactive power over voltage, as a share of a device's `reactive_var`; consumption
            (inductive) positive (Q(U), VDE-AR-N 4105).
        active: highest feed-in over voltage, as a share of the rating (P(U)).
        tap: of the station's tap changers.
    """

    reactive: Points | None = None
    active: Points | None = None
    tap: TapControl | None = None


def check_voltage(control: VoltageControl, source: str) -> None:
    """Refuse what is no characteristic.

    Raises:
        InputError: names the file and the corner.
    """
    for name, lowest in (("reactive", -1.0), ("active", 0.0)):
        points: Points | None = getattr(control, name)
        if points is None:
            continue
        where = f"{source}: voltage.{name}"
        if len(points) < 2:
            raise InputError(f"{where}: a characteristic has two corners at least")
        for (u, value), (later, _) in zip(points, (*points[1:], (float("inf"), 0.0)), strict=True):
            if not 0 < u < later:
                raise InputError(f"{where}: voltages must be positive and rise: {u:g}, {later:g}")
            if not lowest <= value <= 1:
                raise InputError(f"{where}: {value:g} at {u:g} pu is outside {lowest:g} .. 1")
        values = [value for _, value in points]
        if name == "reactive" and values != sorted(values):
            raise InputError(
                f"{where}: values must not fall with the voltage: inductive reactive power "
                "(positive) pulls a high voltage down, capacitive pushes it farther up"
            )
        if name == "active" and values != sorted(values, reverse=True):
            raise InputError(
                f"{where}: values must not rise with the voltage: feed-in pushes it farther up"
            )
    if control.tap is not None:
        _check_tap(control.tap, f"{source}: voltage.tap")


def _check_tap(tap: TapControl, where: str) -> None:
    if not 0 < tap.deadband_pu < 0.1:
        raise InputError(f"{where}.deadband_pu: {tap.deadband_pu:g} is not between 0 and 0.1")
    if not (tap.delay_s >= 0 and tap.operations_per_day >= 0):
        raise InputError(f"{where}: delay_s and operations_per_day must not be negative")
    if not 0.8 <= tap.lowest_pu < tap.highest_pu <= 1.2:
        raise InputError(f"{where}: {tap.lowest_pu:g} .. {tap.highest_pu:g} is no band of voltages")
