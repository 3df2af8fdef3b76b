"""Sensors: what they measure against what their place can show."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.plausibility.rule import Real, Rule, outside, rated_volts, rows
from ortsnetz_grid.network.problem import Problem

VOLTAGE = Rule(
    "measured-voltage",
    ("u_measured",),
    "V; asymmetric sensors measure phase to neutral, symmetric ones phase to phase",
)
SIGMA = Rule("measured-deviation", ("u_sigma",), "u_sigma is a standard deviation in V")

BAND = (0.5, 1.5)
"""Of the rated voltage. Phase and line voltage differ by 1.73 or 0.58, kV and V by 1000; what is
below 5 % is a dead phase, and true."""
DEAD = 0.05
SMALLEST_SIGMA = 1e-6
"""Of the rated voltage. The best instrument transformers have 0.1 % (IEC 61869-3)."""


def implausible(network: Network) -> Iterator[Problem]:
    """Voltages that are not those of their node."""
    for component, divisor in (("sym_voltage_sensor", 1.0), ("asym_voltage_sensor", np.sqrt(3))):
        array = rows(network, component)
        if array is None:
            continue
        volts = rated_volts(network, array["measured_object"]) / divisor
        measured = _worst(array["u_measured"], volts)
        yield from VOLTAGE.where(
            network,
            component,
            outside(measured / volts, *BAND) & (measured > DEAD * volts),
            "{measured} V at a node whose rated voltage is {volts} V there",
            measured=measured,
            volts=volts,
        )
        sigma = array["u_sigma"]
        sharp = (sigma > 0) & (sigma < SMALLEST_SIGMA * volts)
        reason = "{sigma} V is finer than any instrument"
        yield from SIGMA.where(network, component, sharp, reason, sigma=sigma)


def _worst(measured: Real, volts: Real) -> Real:
    """The phase (k,) whose voltage is furthest from the rated one; dead phases do not count."""
    if measured.ndim == 1:
        return measured
    ratio = measured / volts[:, None]
    far = np.where(np.isnan(ratio) | (ratio <= DEAD), 0.0, np.abs(np.log(np.maximum(ratio, DEAD))))
    return np.asarray(np.take_along_axis(measured, far.argmax(axis=1)[:, None], axis=1)[:, 0])
