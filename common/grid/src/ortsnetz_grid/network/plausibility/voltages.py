"""Rated voltages of nodes, and sources."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.plausibility.levels import LEVELS, LOW_VOLTAGE
from ortsnetz_grid.network.plausibility.rule import Rule, outside, rated_volts, rows
from ortsnetz_grid.network.problem import Problem

UNIT = Rule("node-voltage", ("u_rated",), "u_rated is in V, between two phases")
PHASE = Rule("phase-voltage", ("u_rated",), "u_rated is the voltage between two phases, in V")
REFERENCE = Rule("source-voltage", ("u_ref",), "u_ref is per unit of the node's rated voltage")
WEAK = Rule("short-circuit-power", ("sk",), "sk is in VA, for all three phases")
RESISTIVE = Rule("source-impedance", ("rx_ratio",), "rx_ratio is R/X of the grid above")
ZERO = Rule("source-impedance", ("z01_ratio",), "z01_ratio is Z0/Z1 of the grid above")

VOLTS = (100.0, 1_200_000.0)
"""IEC 60038 begins at 100 V and ends at 1,200 kV; kV and mV lie outside."""
_IEC_60038 = (
    *(380, 400, 415, 416, 420, 433, 690, 1000),  # with the names of 400 V beside and before 1983
    *(3000, 3300, 6000, 6600, 10000, 11000, 11500, 15000, 20000, 22000, 30000, 33000, 35000),
    *(45000, 66000, 69000, 110000, 115000, 132000, 138000, 150000, 220000, 230000, 400000),
)
_ANSI_C84_1 = (208, 480, 600, 2400, 4160, 4800, 6900, 12470, 13200, 13800, 24940, 34500, 46000)
STANDARD = np.array([*_IEC_60038, *_ANSI_C84_1], dtype=float)
"""Usual voltages between phases, V."""
USUAL = 0.001
"""A nominal voltage is written exactly."""
ROUNDED_LOW, ROUNDED = 0.005, 0.001
"""Over sqrt(3) it is rounded, below and above 1 kV: both 230 and 231 V are 400 V; the 12.66 kV of
Baran and Wu's feeder are not 22 kV (12.70)."""
U_REF = (0.85, 1.15)
"""EN 50160 allows 10 % at the customer; no busbar is run further out than 15 %."""
LARGEST_R_BY_X = 10.0
"""0.1 of a grid, 5 of a long thin cable that feeds a source; beyond, R and X were confused."""
Z0_BY_Z1 = (0.05, 100.0)
"""1 to 3 with earthed neutrals, 20 and more with a coil or a resistor."""


def implausible(network: Network) -> Iterator[Problem]:
    """Voltages that no grid has."""
    if rows(network, "node") is not None:
        yield from _nodes(network)
    if rows(network, "source") is not None:
        yield from _sources(network)


def _nodes(network: Network) -> Iterator[Problem]:
    volts = network.data["node"]["u_rated"]
    lowest, highest = VOLTS
    reason = f"{{value}} V; grids have {lowest:g} to {highest:g}"
    yield from UNIT.where(network, "node", outside(volts, lowest, highest), reason, value=volts)
    line = volts[:, None] * np.sqrt(3)
    near = np.abs(line / STANDARD - 1).argmin(axis=1)
    meant = STANDARD[near]
    usual = (np.abs(volts[:, None] / STANDARD - 1) < USUAL).any(axis=1)
    for low, rounded, unless in (
        (True, ROUNDED_LOW, ", unless this is a three-wire grid of 230 V"),
        (False, ROUNDED, ""),
    ):
        confused = ~usual & (np.abs(line[:, 0] / meant - 1) < rounded)
        yield from PHASE.where(
            network,
            "node",
            confused & ((volts <= LOW_VOLTAGE) == low),
            f"{{value}} V is {{meant}} V over sqrt(3), a voltage to neutral{unless}",
            value=volts,
            meant=meant,
        )


def _sources(network: Network) -> Iterator[Problem]:
    array = network.data["source"]
    lowest, highest = U_REF
    yield from REFERENCE.where(
        network,
        "source",
        outside(array["u_ref"], lowest, highest),
        f"{{value}}; busbars are kept at {lowest:g} to {highest:g}",
        value=array["u_ref"],
    )
    volts = rated_volts(network, array["node"])
    lower = 0.0
    for level in LEVELS:
        here = (volts > lower) & (volts <= level.highest)
        lower = level.highest
        yield from WEAK.where(
            network,
            "source",
            here & (array["sk"] < level.short_circuit),
            f"{{value}} VA; a source at {level.name} has at least {level.short_circuit:g}",
            value=array["sk"],
        )
    for rule, (least, most) in ((RESISTIVE, (0.0, LARGEST_R_BY_X)), (ZERO, Z0_BY_Z1)):
        values = array[rule.fields[0]]
        reason = f"{{value}}; grids have {least:g} to {most:g}"
        yield from rule.where(network, "source", outside(values, least, most), reason, value=values)
