"""Transformers: short-circuit voltage, losses, size, windings, taps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from power_grid_model import BranchSide

from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.plausibility.levels import LEVELS
from ortsnetz_grid.network.plausibility.rule import Real, Rule, outside, rated_volts, rows
from ortsnetz_grid.network.problem import Problem

UK = Rule("short-circuit-voltage", ("uk",), "uk is relative: 0.04 for 4 per cent")
PK = Rule("copper-loss", ("pk", "sn"), "pk and sn are in W and VA, for all three phases")
NO_LOAD = Rule("no-load-current", ("i0",), "i0 is relative: 0.003 for 0.3 per cent")
IRON = Rule("iron-loss", ("p0", "sn"), "p0 and sn are in W and VA, for all three phases")
SIZE = Rule("transformer-size", ("sn",), "sn is in VA, for all three phases")
RATIO = "rated-voltage"
RATIO_ADVICE = "see whether the windings, or nodes of two levels, were confused"
TAP_SIZE = Rule("tap-size", ("tap_size",), "tap_size is in V of the side that has the taps")
NO_STEP = Rule("tap-size", ("tap_size", "tap_min", "tap_max"), TAP_SIZE.advice)
TAP_REACH = Rule(
    "tap-reach", ("tap_pos", "tap_nom", "tap_size"), "see whether tap_nom is the middle position"
)

UK_RANGE = (0.01, 0.20)
"""IEC 60076-5:2006 table 1 recommends at least 4 to 12.5 %; pandapower's largest standard type has
18 %; below 1 % no transformer would survive its own short circuit."""
PK_RANGE = (0.0005, 0.06)
"""Of sn. 0.25 % at 160 MVA (pandapower's standard type) to 3.6 % at 25 kVA (limit of Regulation
(EU) 548/2014), 5 % at 5 kVA; below 0.05 % W and kW were confused."""
LARGEST_I0 = 0.10
"""0.04 % to 3 % today; small old cores had up to 8 %. Nothing is allowed: it may be neglected."""
LARGEST_P0 = 0.02
"""Of sn: 70 W at 25 kVA is 0.3 % (Regulation (EU) 548/2014), old ones of 5 kVA had 1.5 %."""
WINDING_BAND = (0.85, 1.15)
"""Of the node's voltage. 400 to 433 V stand at 400 V, 21 kV at 20 kV, 115 kV at 110 kV; beyond 30 %
it is an error."""
TAP_STEP = (0.002, 0.06)
"""Of the winding's voltage: 0.625 % of regulators (IEEE C57.15) to 2.5 %, now and then 5 %, off
load (IEC 60076-1)."""
LARGEST_REACH = 0.25
"""Of the winding's voltage at the position in force: tap changers of 110 kV reach 9 x 1.5 % to
16 x 1.25 %."""


def implausible(network: Network) -> Iterator[Problem]:
    """Numbers that no transformer has."""
    array = rows(network, "transformer")
    if array is None:
        return
    yield from _losses(network, array)
    yield from _size(network, array)
    yield from _windings(network, array)
    yield from _taps(network, array)


def _losses(network: Network, array: NDArray[Any]) -> Iterator[Problem]:
    lowest, highest = UK_RANGE
    yield from UK.where(
        network,
        "transformer",
        outside(array["uk"], lowest, highest),
        f"{{value}}; transformers have {lowest:g} to {highest:g}",
        value=array["uk"],
    )
    for rule, name, (lowest, highest) in (
        (PK, "pk", PK_RANGE),
        (IRON, "p0", (0.0, LARGEST_P0)),
    ):
        share = array[name] / array["sn"]
        reason = f"{name} is {{share}} of sn; transformers have {lowest:g} to {highest:g}"
        strange = outside(share, lowest, highest)
        yield from rule.where(network, "transformer", strange, reason, share=share)
    yield from NO_LOAD.where(
        network,
        "transformer",
        array["i0"] > LARGEST_I0,
        f"{{value}}; transformers have up to {LARGEST_I0:g}",
        value=array["i0"],
    )


def _size(network: Network, array: NDArray[Any]) -> Iterator[Problem]:
    volts = np.minimum(array["u1"], array["u2"])
    lower = 0.0
    for level in LEVELS:
        here = (volts > lower) & (volts <= level.highest)
        lower = level.highest
        lowest, highest = level.rated
        yield from SIZE.where(
            network,
            "transformer",
            here & outside(array["sn"], lowest, highest),
            f"{{value}} VA; transformers down to {level.name} have {lowest:g} to {highest:g}",
            value=array["sn"],
        )


def _windings(network: Network, array: NDArray[Any]) -> Iterator[Problem]:
    for field, node in (("u1", "from_node"), ("u2", "to_node")):
        volts = rated_volts(network, array[node])
        ratio = array[field] / volts
        yield from Rule(RATIO, (field,), RATIO_ADVICE).where(
            network,
            "transformer",
            outside(ratio, *WINDING_BAND),
            "{value} V stands at a node of {volts} V",
            value=array[field],
            volts=volts,
        )


def _taps(network: Network, array: NDArray[Any]) -> Iterator[Problem]:
    lowest, highest, step = (
        array[name].astype(float) for name in ("tap_min", "tap_max", "tap_size")
    )
    at_from = array["tap_side"] == BranchSide.from_side
    share = step / np.where(at_from, array["u1"], array["u2"])
    movable = lowest != highest
    yield from NO_STEP.where(
        network, "transformer", movable & (step == 0), "has positions, but steps of 0 V"
    )
    smallest, largest = TAP_STEP
    yield from TAP_SIZE.where(
        network,
        "transformer",
        movable & (step > 0) & outside(share, smallest, largest),
        f"{{value}} V is {{share}} of the winding's voltage; steps are {smallest:g} to {largest:g}",
        value=step,
        share=share,
    )
    reach = np.abs(_position(array, "tap_pos") - _position(array, "tap_nom", 0.0)) * share
    yield from TAP_REACH.where(
        network,
        "transformer",
        reach > LARGEST_REACH,
        f"the position moves the voltage by {{reach}}; tap changers reach {LARGEST_REACH:g}",
        reach=reach,
    )


def _position(array: NDArray[Any], name: str, default: float | None = None) -> Real:
    """A tap position; absent, it is the default or `tap_nom`: in force is what is neutral."""
    values = array[name]
    absent = values == np.iinfo(values.dtype).min
    other = _position(array, "tap_nom", 0.0) if default is None else np.full(len(array), default)
    return np.where(absent, other, values.astype(float))
