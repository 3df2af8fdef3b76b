"""The state by power-grid-model, its errors in words, and no NaN let through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from power_grid_model import CalculationMethod, PowerGridModel
from power_grid_model.errors import (
    IterationDiverge,
    NotObservableError,
    PowerGridError,
    SparseMatrixError,
)

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.state_estimation.result import SENSORS, Measurements
from ortsnetz_grid.network.model import Network

Output = Mapping[str, NDArray[Any]]

Attempts = tuple[tuple[float, int], ...]
"""Tolerance (per unit) and iterations. Angles between phases that the measurements hardly determine
move for ever by less than anybody can measure; then a coarser tolerance has to do."""

THOROUGH: Attempts = ((1e-8, 3000),)
"""For that library's own answer. At a coarser tolerance it may stop a thousand steps too early."""
QUICK: Attempts = ((1e-6, 30), (1e-4, 100), (1e-3, 100))
"""For a start from which a step of least squares leads on."""

_MUST_BE_NUMBERS = {
    "node": ("u_pu", "u_angle", "u", "p", "q"),
    "line": ("p_from", "q_from", "i_from", "p_to", "q_to", "i_to"),
    "transformer": ("p_from", "q_from", "i_from", "p_to", "q_to", "i_to", "loading"),
    "asym_line": ("p_from", "q_from", "i_from", "p_to", "q_to", "i_to"),
    "link": ("p_from", "q_from", "i_from", "p_to", "q_to", "i_to"),
    "source": ("p", "q", "i"),
    "shunt": ("p", "q", "i"),
    **dict.fromkeys(("sym_load", "asym_load", "sym_gen", "asym_gen"), ("p", "q", "i")),
}


class NoSolutionError(Exception):
    """power-grid-model found no state; its reason in one sentence."""


class DivergedError(NoSolutionError):
    """It might have found one, had it converged."""


def solve(network: Network, measurements: Measurements, attempts: Attempts) -> Output:
    """Estimate the state of a case.

    Returns:
        power-grid-model's asymmetric output of all components.

    Raises:
        DivergedError: no attempt converged.
        NoSolutionError: the case is not observable.
        InputError: the case is refused, or its result is not a number; names the element.
    """
    case = {name: array for name, array in network.data.items() if name not in SENSORS}
    case |= {name: array for name, array in measurements.sensors.items() if len(array)}
    try:
        model = PowerGridModel(case)
        output = _converged(model, attempts)
    except IterationDiverge as error:
        raise DivergedError("power-grid-model does not converge") from error
    except (NotObservableError, SparseMatrixError) as error:
        raise NoSolutionError(_reason(error)) from error
    except PowerGridError as error:
        raise InputError(f"power-grid-model refuses the case: {_reason(error)}") from error
    _require_numbers(network, output)
    return output


def _converged(model: PowerGridModel, attempts: Attempts) -> Output:
    failure: IterationDiverge | None = None
    for tolerance, iterations in attempts:
        try:
            output = model.calculate_state_estimation(
                symmetric=False,
                error_tolerance=tolerance,
                max_iterations=iterations,
                calculation_method=CalculationMethod.iterative_linear,
            )
        except IterationDiverge as error:
            failure = error
        else:
            return {str(getattr(name, "value", name)): array for name, array in output.items()}
    raise failure or IterationDiverge()


def _require_numbers(network: Network, output: Output) -> None:
    for component, names in _MUST_BE_NUMBERS.items():
        array = output.get(component)
        if array is None or not len(array):
            continue
        for name in names:
            good = np.isfinite(array[name])
            good = good.all(axis=1) if good.ndim > 1 else good
            if not good.all():
                element = int(array["id"][np.flatnonzero(~good)[0]])
                raise InputError(
                    f"{network.label(element)}: its {name} comes out as not a number: something "
                    "measured or stated near it is missing"
                )


def _reason(error: Exception) -> str:
    """First sentences of the library's message, without its advice to the programmer."""
    text = str(error).split("Try validate")[0]
    return " ".join(text.split()).rstrip(".") or type(error).__name__
