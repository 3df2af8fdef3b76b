"""Points: named quantities with unit and place. Names follow IEC 61850-7-4 and 7-420."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

PHASES = ("phsA", "phsB", "phsC")


class Unit(StrEnum):
    """SI units of point values."""

    VOLT = "V"
    AMPERE = "A"
    WATT = "W"
    VAR = "var"
    PER_UNIT = "pu"
    COUNT = "1"
    VOLT_AMPERE = "VA"
    WATT_HOUR = "Wh"
    HERTZ = "Hz"
    CELSIUS = "°C"
    SECOND = "s"


class Point(Struct, frozen=True, forbid_unknown_fields=True):
    """One named quantity of one source.

    Attributes:
        name: `<source>/<logical node>.<data object>[.<phase>]`, e.g. `meter-7/MMXU1.PhV.phsA`.
        unit: SI unit of the value.
        element: id of the network element it belongs to, or None.
    """

    name: str
    unit: Unit
    element: int | None = None


def phase_points(stem: str) -> tuple[str, str, str]:
    """Names of the three phase values of a data object: `stem.phsA` to `stem.phsC`."""
    return (f"{stem}.{PHASES[0]}", f"{stem}.{PHASES[1]}", f"{stem}.{PHASES[2]}")


# Data objects used throughout the project (IEC 61850-7-4 and 7-420).
PHASE_VOLTAGE = "MMXU1.PhV"  # phase to neutral, V
PHASE_CURRENT = "MMXU1.A"  # A
ACTIVE_POWER = "MMXU1.W"  # W per phase, load convention or into the branch
REACTIVE_POWER = "MMXU1.VAr"  # var per phase
POWER_LIMIT = "DWMX1.WLimSpt"  # W, limit in force as read back from the device, magnitude
AVAILABLE_POWER = "DGEN1.WAvl"  # W, magnitude: what the device would draw or feed in without limit
CONNECTION_STATE = (
    "DESE1.ConnSt"  # IEC 61851 state of the charge point: 1 A, 2 B, 3 C, 4 D, 5 E, 6 F
)
TAP_POSITION = "ATCC1.TapPos"
SETPOINTS = {
    "reactive_power": ("DRCT1.OutVarSet", Unit.VAR),  # var in all, load convention
    "voltage": ("ATCC1.BndCtr", Unit.PER_UNIT),  # centre of the regulator's band
}
"""Set points besides the limit as read back, by `drivers.values.Quantity`."""
READ_COUNT = "LPHD1.RdCnt"  # reads served by the device since its start; proves that none was lost
