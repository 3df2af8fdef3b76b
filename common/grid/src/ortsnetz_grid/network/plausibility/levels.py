"""What lines can be at each voltage level.

Sources of the ranges, all at 50 Hz and 20 degrees:

* conductors: IEC 60228:2004, tables 1 and 2 (1.5 mm2 copper 12.1 ohm/km to 2500 mm2 copper
  0.0072 ohm/km);
* reactances: 0.07 to 0.16 ohm/km of cables, 0.25 to 0.46 ohm/km of overhead lines in pandapower's
  standard types (themselves from Heuck, Dettmann, Schulz: Elektrische Energieversorgung, and the
  makers' tables); a low-voltage core of 1.5 mm2 has 0.12 ohm/km.
"""

from __future__ import annotations

from dataclasses import dataclass

LOW_VOLTAGE = 1_000.0
MEDIUM_VOLTAGE = 60_000.0
"""Upper ends of the levels, V: IEC 60038 ends low voltage at 1 kV; 60 kV is the German usage."""


@dataclass(frozen=True, slots=True)
class Level:
    """What is possible at a voltage level.

    Attributes:
        name: for people.
        highest: rated voltage that still belongs to it, V.
        r_by_x: smallest and largest ratio of resistance to reactance of a line.
        heat: largest loss of all three phases at the rated current, W/m.
        rated: smallest and largest rated power of a transformer on its lower-voltage side, VA.
        short_circuit: smallest short-circuit power of a source, VA.
    """

    name: str
    highest: float
    r_by_x: tuple[float, float]
    heat: float
    rated: tuple[float, float]
    short_circuit: float


LEVELS = (
    # R/X: 300 mm2 copper in a four-core cable has 0.06/0.079 = 0.8, 95 mm2 overhead 1.05; below
    # 0.5 lie only single cores beyond 500 mm2, and every swapped cable up to 150 mm2 (0.38).
    # 1.5 mm2 copper has 12.1/0.12 = 100; the pilot cable of the IEEE feeder 40.
    # Transformers: from 5 kVA on a pole (ANSI C57.12.20) to 4 MVA for industry.
    # Source: 100 A of fault current at 400 V hold no fuse to its time.
    Level("low voltage", LOW_VOLTAGE, (0.5, 120.0), 400.0, (4e3, 5e6), 7e4),
    # R/X: 243-AL1/39 overhead has 0.37, 630 mm2 aluminium in a flat group 0.3; 25 mm2 copper 6.
    # Transformers: 100 kVA between two medium voltages to 100 MVA below 110 kV.
    # Source: 1 MVA is 30 A of fault current at 20 kV.
    Level("medium voltage", MEDIUM_VOLTAGE, (0.2, 12.0), 400.0, (5e4, 1.5e8), 1e6),
    # R/X: 679-AL1/86 has 0.12, bundles of four 0.07; 48-AL1/8 at 110 kV 1.3.
    # Bundles lose more a metre: four times 679-AL1/86 have 660 W/m.
    Level("high voltage", float("inf"), (0.04, 4.0), 1500.0, (1e6, 3e9), 1e7),
)
"""Heat: 40 to 65 W/m of single cables, 60 to 170 W/m of single overhead lines (pandapower's
standard types); the limit leaves room for six cables or two overhead lines in parallel."""


def level_of(volts: float) -> Level:
    """The level of a rated voltage, V."""
    return next(level for level in LEVELS if volts <= level.highest)
