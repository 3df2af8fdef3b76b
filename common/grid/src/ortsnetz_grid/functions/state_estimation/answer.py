"""What `ortsnetz estimate` answers: power-grid-model's state, or ours in that library's words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.state_estimation.expressed import expressed
from ortsnetz_grid.functions.state_estimation.places import Places
from ortsnetz_grid.functions.state_estimation.result import Measurements
from ortsnetz_grid.functions.state_estimation.solver import (
    THOROUGH,
    DivergedError,
    NoSolutionError,
    Output,
    solve,
)
from ortsnetz_grid.network.model import Network

_ASTRAY_PU = 0.02
"""Difference of a voltage between power-grid-model's state and that of least squares which no
weighting explains: that library sometimes settles at angles that no network has."""
_MUTED = 1e4
"""Factor on a removed sensor's deviation where power-grid-model counts on the sensor."""


def library_state(network: Network, measurements: Measurements, out: frozenset[int]) -> Output:
    """power-grid-model's own state.

    Args:
        network: the network.
        measurements: all sensors.
        out: ids of those to leave out.

    Raises:
        DivergedError, NoSolutionError: it finds none.
    """
    reduced = measurements.without(out) if out else measurements
    try:
        return solve(network, reduced, THOROUGH)
    except DivergedError:
        raise
    except NoSolutionError:
        if not out:
            raise
        # the library counts power sensors and ignores what voltages tell about flows
        return solve(network, _muted(measurements, out), THOROUGH)


def answer(
    network: Network,
    places: Places,
    measurements: Measurements,
    library: Output | None,
    voltage: NDArray[np.complex128],
) -> Output:
    """The library's state if it has one that least squares confirm, else that of least squares.

    Args:
        network: the network.
        places: of its sensors.
        measurements: those that count.
        library: the library's state.
        voltage: (n, 3) of least squares, per unit.

    Raises:
        InputError: the state cannot be written in the library's words.
    """
    if library is not None:
        away = np.abs(library["node"]["u_pu"] - np.abs(voltage))[places.admittance.energised]
        if away.max(initial=0.0) <= _ASTRAY_PU:
            return library
    try:
        return expressed(network, places, measurements, voltage)
    except NoSolutionError as error:
        raise InputError(f"no state fits the measurements: {error}") from error


def _muted(measurements: Measurements, out: frozenset[int]) -> Measurements:
    """Keep removed sensors in name only, with a deviation that takes their weight away."""
    sensors = {}
    for component, array in measurements.sensors.items():
        mine = np.isin(array["id"], list(out))
        changed = array.copy()
        for name in array.dtype.names or ():
            if name.endswith("sigma"):
                changed[name][mine] *= _MUTED
        sensors[component] = changed
    return replace(measurements, sensors=sensors)
