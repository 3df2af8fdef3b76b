"""Ratings of lines and their neutrals."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.plausibility.levels import LEVELS
from ortsnetz_grid.network.plausibility.rule import (
    Rule,
    column_from_file,
    from_file,
    outside,
    rated_volts,
    rows,
)
from ortsnetz_grid.network.problem import Problem, Severity

MISSING = Rule("no-rating", ("i_n",), "give i_n, A; without it no loading can be said")
SIZE = Rule("rating", ("i_n",), "see whether i_n is in A")
HEAT = Rule("rating", ("i_n", "r1", "length_km"), "give the true rating, A")
NEUTRAL = Rule("neutral-rating", ("i_n_neutral",), "see whether i_n_neutral is in A")
NEUTRAL_FORM = Rule(
    "neutral-rating",
    ("i_n_neutral",),
    "give the neutral's rating in A, or leave it out",
    Severity.ERROR,
)

AMPERE = (5.0, 10_000.0)
"""The thinnest core carries 15 A (IEC 60364-5-52), a bundle of four 5 kA; kA show as less than 5,
mA as more than 10,000."""
NEUTRAL_SHARE = (0.2, 2.0)
"""Reduced neutrals have a half, in old paper cables a third of the phases' section; two of the
phases' size are laid against harmonics (IEC 60364-5-52, annex E)."""


def impossible(network: Network) -> Iterator[Problem]:
    """A neutral's rating that is no positive number: loading cannot be computed."""
    for component in ("line", "asym_line"):
        if rows(network, component) is None:
            continue
        known = set(network.data[component]["id"].tolist())
        for element, rating in from_file(network, component, "i_n_neutral").items():
            number = isinstance(rating, int | float) and not isinstance(rating, bool)
            if element in known and not (number and rating > 0):
                yield NEUTRAL_FORM.broken(
                    network, component, element, f"{rating!r} is no positive number"
                )


def implausible(network: Network) -> Iterator[Problem]:
    """Ratings that are missing or that no conductor has."""
    for component in ("line", "asym_line"):
        array = rows(network, component)
        if array is None:
            continue
        rating = array["i_n"]
        missing = ~np.isfinite(rating)
        yield from MISSING.where(network, component, missing, "has no rating")
        lowest, highest = AMPERE
        reason = f"{{value}} A; conductors carry {lowest:g} to {highest:g}"
        strange = outside(rating, lowest, highest) & ~missing
        yield from SIZE.where(network, component, strange, reason, value=rating)
        yield from _neutral(network, component)
    if rows(network, "line") is not None:
        yield from _heat(network)


def _neutral(network: Network, component: str) -> Iterator[Problem]:
    rating = network.data[component]["i_n"]
    share = column_from_file(network, component, "i_n_neutral") / rating
    lowest, highest = NEUTRAL_SHARE
    yield from NEUTRAL.where(
        network,
        component,
        (share > 0) & outside(share, lowest, highest),
        f"is {{share}} times the phases' i_n; neutrals have {lowest:g} to {highest:g}",
        share=share,
    )


def _heat(network: Network) -> Iterator[Problem]:
    """Loss a metre at the rated current; needs the length."""
    array = network.data["line"]
    length = column_from_file(network, "line", "length_km")
    known = (length > 0) & (array["r1"] > 0)
    each = np.divide(array["r1"], length * 1e3, out=np.full(len(array), np.nan), where=known)
    heat = 3 * each * array["i_n"] ** 2
    volts = rated_volts(network, array["from_node"])
    lower = 0.0
    for level in LEVELS:
        here = (volts > lower) & (volts <= level.highest) & np.isfinite(heat)
        lower = level.highest
        yield from HEAT.where(
            network,
            "line",
            here & (heat > level.heat),
            "at {rating} A the conductors would give off {heat} W/m; "
            f"none at {level.name} bears more than {level.heat:g}",
            rating=array["i_n"],
            heat=heat,
        )
