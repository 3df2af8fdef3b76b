"""What the devices of an OPC UA park show, after docs/register-maps.md: names, types, values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from asyncua import ua

from ortsnetz_hil.servers.instrument import Measured

NAMESPACE = "urn:ortsnetz:bench:park"
MAKER = "Ortsnetz bench"
PREFIXES = {
    "ev-controller": "CP",
    "pv-inverter": "PV",
    "meter-transformer": "M",
    "meter-feeder": "M",
    "meter-customer": "M",
}
"""How the node ids of each kind of device begin; their place in the park follows."""
SETPOINTS = ("LimitSetpoint", "FallbackTime", "FallbackLimit")
"""Command nodes, in the order of the Modbus command registers; all UInt16."""
QUANTITIES = (("Voltage", "u"), ("Current", "i"), ("ActivePower", "p"), ("ReactivePower", "q"))

Double, UInt16, Byte = ua.VariantType.Double, ua.VariantType.UInt16, ua.VariantType.Byte


@dataclass(frozen=True, slots=True)
class Shown:
    """A variable of a device and how its value is made of the device's status.

    Attributes:
        unit: for people.
    """

    name: str
    kind: ua.VariantType
    unit: str
    of: Callable[[Any], float]


STATUS: dict[str, tuple[Shown, ...]] = {
    "ev-controller": (
        Shown("State", Byte, "IEC 61851: 1 A to 6 F", lambda said: int(said.state)),
        Shown("Limit", Double, "A", lambda said: float(said.limit_a)),
        Shown("Wanted", Double, "A", lambda said: float(said.wanted_a)),
        Shown("FallbackIn", UInt16, "s", lambda said: int(said.fallback_in_s)),
    ),
    "pv-inverter": (
        Shown("Limit", Double, "% of the rating", lambda said: said.limit / 10.0),
        Shown("Available", Double, "W", lambda said: float(said.available_w)),
    ),
}
"""Besides the measurements; meters show no more than those."""


def measured_names(terminals: int) -> list[str]:
    """Names of what is measured at the connected terminals."""
    return [f"{name}{number}" for name, _ in QUANTITIES for number in range(1, terminals + 1)]


def measured_values(shown: Measured) -> list[float]:
    """Values in the order of `measured_names`; powers in the instrument's own direction."""
    values: list[float] = []
    for _, attribute in QUANTITIES:
        values += getattr(shown, attribute).tolist()
    return values


def status_values(profile: str, said: Any) -> list[float]:
    """Values in the order of `STATUS`."""
    return [variable.of(said) for variable in STATUS.get(profile, ())]


def names_of(profile: str, terminals: int) -> Sequence[tuple[str, ua.VariantType, str]]:
    """All variables of a device that change by themselves: name, type, unit."""
    units = {"Voltage": "V", "Current": "A", "ActivePower": "W", "ReactivePower": "var"}
    found = [(name, Double, units[name.rstrip("123")]) for name in measured_names(terminals)]
    found += [(one.name, one.kind, one.unit) for one in STATUS.get(profile, ())]
    return found
