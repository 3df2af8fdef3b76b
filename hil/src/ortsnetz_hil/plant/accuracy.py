"""How accurate each kind of meter and device is."""

from __future__ import annotations

from collections.abc import Sequence

from ortsnetz_common.errors import InputError
from ortsnetz_hil.plant.configuration import MeterClass
from ortsnetz_hil.plant.request import AccuracyWish

HEAT_PUMP, BATTERY, TAP_CHANGER = "heat-pump", "home-battery", "tap-changer"
# relative standard deviations: class 0.5 and class 1 meters (IEC 62053-22, -21), voltage 0.2 %
METER_CLASSES = (
    MeterClass("meter-transformer", u=0.002, power=0.005),
    MeterClass("meter-feeder", u=0.002, power=0.010),
    MeterClass("meter-customer", u=0.002, power=0.005),
    MeterClass("ev-controller", u=0.002, power=0.010),
    MeterClass("pv-inverter", u=0.002, power=0.010),
)
FURTHER_CLASSES = (
    MeterClass(HEAT_PUMP, u=0.002, power=0.010),
    MeterClass(BATTERY, u=0.002, power=0.010),
    MeterClass(TAP_CHANGER, u=0.002, power=0.010),
)


def meter_classes(wishes: Sequence[AccuracyWish], present: Sequence[str]) -> tuple[MeterClass, ...]:
    """Accuracy of all kinds of meters, and of those further devices that are there.

    Args:
        wishes: replace the usual accuracy of single kinds.
        present: further kinds of devices that the plant has.

    Raises:
        InputError: there is no such kind, or it is named twice.
    """
    wanted: dict[str, AccuracyWish] = {}
    known = {each.profile for each in (*METER_CLASSES, *FURTHER_CLASSES)}
    for wish in wishes:
        if wish.profile not in known or wish.profile in wanted:
            raise InputError(
                f"accuracy of '{wish.profile}': stated twice or no kind of meter; known are "
                f"{', '.join(sorted(known))}"
            )
        if not (wish.u_percent >= 0 and wish.power_percent >= 0):
            raise InputError(f"accuracy of '{wish.profile}': a deviation is negative")
        wanted[wish.profile] = wish
    usual = (*METER_CLASSES, *(each for each in FURTHER_CLASSES if each.profile in present))
    return tuple(_replaced(each, wanted.get(each.profile)) for each in usual)


def _replaced(usual: MeterClass, wish: AccuracyWish | None) -> MeterClass:
    if wish is None:
        return usual
    return MeterClass(usual.profile, wish.u_percent / 100.0, wish.power_percent / 100.0)
