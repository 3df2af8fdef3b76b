"""What the devices of the plant show in an IED: references and values, after docs/register-maps.md.

References are within a bay's logical device (`MMXU1.TotW.mag.f[MX]`); phases A, B, C are the
device's terminals 1, 2, 3.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ortsnetz_hil.servers.instrument import Measured

MAKER = "Ortsnetz bench"
KINDS = {
    "meter-feeder": "FD",
    "meter-transformer": "FD",
    "meter-customer": "FD",
    "ev-controller": "CP",
    "pv-inverter": "PV",
    "tap-changer": "TC",
}
"""The template's logical device for each kind of device."""
QUANTITIES = (("PhV", "u"), ("A", "i"), ("W", "p"), ("VAr", "q"))
TERMINALS = "ABC"
TOTALS = ("MMXU1.TotW.mag.f[MX]", "MMXU1.TotVAr.mag.f[MX]")
ENERGY = ("MMTR1.DmdWh.actVal[ST]", "MMTR1.SupWh.actVal[ST]")
"""What the feeder has taken from the busbar, and what it has given back."""


POSITION = "XCBR1.Pos"
OPENING, CLOSING = "XCBR1.BlkOpn", "XCBR1.BlkCls"
BLOCKS = (OPENING, CLOSING)
"""Both are operated by clients, as the position is."""
BREAKER = tuple(
    f"{shown}.stVal[ST]" for shown in (POSITION, "XCBR1.OpCnt", "XCBR1.Loc", OPENING, CLOSING)
)
"""In the order of `Breaker.shown`."""

_LARGEST, _LARGEST_SIGNED = 0xFFFF, 0x7FFF


@dataclass(frozen=True, slots=True)
class Said:
    """A status value of a device, made of its status."""

    reference: str
    of: Callable[[Any], float]


STATUS = {
    "CP": (
        Said("DECP1.ConnSt.stVal[ST]", lambda said: said.state),
        Said("DECP1.AReq.mag.f[MX]", lambda said: said.wanted_a),
    ),
    "PV": (Said("DWMX1.WAvl.mag.f[MX]", lambda said: said.available_w),),
    "TC": (Said("ATCC1.TapPos.valWTr.posVal[ST]", lambda said: said.position),),
}


@dataclass(frozen=True, slots=True)
class Commanded:
    """A command register of the device as a control or a setting.

    Attributes:
        place: of the register, 0 is the set point.
        shown: reference of the value in force.
        reference: what a client operates or writes.
        counts: register counts of one.
        signed: whether the register counts below zero.
    """

    place: int
    shown: str
    reference: str
    counts: float = 1.0
    signed: bool = False

    def value(self, register: int) -> float:
        """What a register's number stands for."""
        below_zero = self.signed and register > _LARGEST_SIGNED
        return (register - (_LARGEST + 1) * below_zero) / self.counts

    @property
    def is_setting(self) -> bool:
        """Whether it is written, not operated."""
        return self.reference.endswith("[SP]")


COMMANDS = {
    "CP": (
        Commanded(0, "DECP1.ALim.mxVal.f[MX]", "DECP1.ALim"),
        Commanded(1, "DECP1.FalTms.setVal[SP]", "DECP1.FalTms.setVal[SP]"),
        Commanded(2, "DECP1.FalALim.setMag.f[SP]", "DECP1.FalALim.setMag.f[SP]"),
    ),
    "PV": (
        Commanded(0, "DWMX1.WLimPct.mxVal.f[MX]", "DWMX1.WLimPct", 10.0),
        Commanded(1, "DWMX1.FalTms.setVal[SP]", "DWMX1.FalTms.setVal[SP]"),
        Commanded(2, "DWMX1.FalWLim.setMag.f[SP]", "DWMX1.FalWLim.setMag.f[SP]", 10.0),
        Commanded(3, "DVAR1.VArPct.mxVal.f[MX]", "DVAR1.VArPct", 10.0, signed=True),
        Commanded(4, "DVAR1.VArEna.stVal[ST]", "DVAR1.VArEna"),
    ),
    "TC": (
        Commanded(0, "ATCC1.VolSpt.mxVal.f[MX]", "ATCC1.VolSpt", 1000.0),
        Commanded(1, "ATCC1.LTCBlk.stVal[ST]", "ATCC1.LTCBlk"),
    ),
}
"""In the order of `servers.commands`: A for charge points, per cent for inverters, per unit."""


def references(kind: str, terminals: int) -> tuple[str, ...]:
    """All that a device of a kind shows, in the order of its values."""
    found = [
        f"MMXU1.{object_}.phs{phase}.cVal.mag.f[MX]"
        for object_, _ in QUANTITIES
        for phase in TERMINALS[:terminals]
    ]
    found += TOTALS
    if kind == "FD":
        found += ENERGY
    found += [said.reference for said in STATUS.get(kind, ())]
    found += [command.shown for command in COMMANDS.get(kind, ())]
    return tuple(found)


def measured(shown: Measured) -> Iterator[float]:
    """Values of phases and totals; NaN for what is not measured."""
    for _, attribute in QUANTITIES:
        yield from getattr(shown, attribute).tolist()
    yield float(shown.p.sum())
    yield float(shown.q.sum())


def register(command: Commanded, value: float) -> int | None:
    """The register's number for a value; None for what it cannot hold exactly.

    Values come with the 24 bits of a float.
    """
    counts = value * command.counts
    lowest, highest = (-_LARGEST_SIGNED, _LARGEST_SIGNED) if command.signed else (0, _LARGEST)
    if not math.isfinite(counts) or not lowest <= counts <= highest:
        return None
    exact = abs(counts - round(counts)) <= 1e-5 * max(abs(counts), 1.0)
    return round(counts) & _LARGEST if exact else None
