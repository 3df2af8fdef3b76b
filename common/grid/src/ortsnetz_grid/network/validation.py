"""Validation of a network or a case: what is wrong, as data and in one sentence each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from power_grid_model import CalculationType, DatasetType, initialize_array
from power_grid_model.validation import ValidationException, validate_input_data
from power_grid_model.validation.errors import ValidationError

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.model import Dataset, Network
from ortsnetz_grid.network.plausibility.rules import implausible, impossible
from ortsnetz_grid.network.problem import Problem, Severity
from ortsnetz_grid.network.topology import Topology

__all__ = ["Problem", "Severity", "findings", "problems", "require_valid"]


def problems(network: Network, calculation: CalculationType) -> tuple[Problem, ...]:
    """Everything that forbids an asymmetric calculation.

    Args:
        network: with or without sensors.
        calculation: power flow needs loads and sources, state estimation needs sensors.
    """
    try:
        found = validate_input_data(
            _as_the_library_knows(network.data), calculation_type=calculation, symmetric=False
        )
    except (ValidationException, KeyError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())
        sentence = f"the data set cannot be validated: {reason}"
        return (Problem("", (), (), sentence, advice="give every element all its attributes"),)
    missing = _missing(network)
    if missing:
        return tuple(missing)
    library = [problem for error in found or [] for problem in _of_library(network, error)]
    return (*library, *impossible(network))


def _as_the_library_knows(data: Dataset) -> dict[str, NDArray[Any]]:
    """The data set with what the library has no word for filled in, for its validation alone.

    It knows no current sensor without an angle, and looks for both kinds of voltage sensors where
    a current has a global angle.
    """
    found = dict(data)
    for component in ("sym_current_sensor", "asym_current_sensor"):
        if component in found:
            found[component] = _with_angles(found[component])
            for voltage in ("sym_voltage_sensor", "asym_voltage_sensor"):
                found.setdefault(voltage, initialize_array(DatasetType.input, voltage, 0))
    return found


def _with_angles(sensors: NDArray[Any]) -> NDArray[Any]:
    """Current sensors that state neither an angle nor its deviation get some."""
    array = sensors.copy()
    angle = array["i_angle_measured"].reshape(len(array), -1)
    alone = np.isnan(angle).all(axis=1) & np.isnan(array["i_angle_sigma"])
    array["i_angle_measured"][alone] = 0.0
    array["i_angle_sigma"][alone] = 1.0
    return array


def findings(
    network: Network, calculation: CalculationType, topology: Topology | None
) -> tuple[Problem, ...]:
    """Errors first, then warnings.

    Args:
        network: with or without sensors.
        calculation: see `problems`.
        topology: of the network, or None where it has none because of an error.
    """
    errors = problems(network, calculation)
    known = {(element, field) for each in errors for element in each.ids for field in each.fields}
    warnings = [
        each
        for each in implausible(network, topology)
        if not any((element, field) in known for element in each.ids for field in each.fields)
    ]
    return (*errors, *warnings)


def require_valid(network: Network, calculation: CalculationType, source: str) -> None:
    """Refuse an unusable network.

    Raises:
        InputError: the first problem's sentence, and how many more there are.
    """
    found = problems(network, calculation)
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise InputError(f"{source}: {found[0].sentence}{more}")


def _of_library(network: Network, error: ValidationError) -> list[Problem]:
    """One problem per error of the library: it lists all elements with the same fault."""
    ids = tuple(
        int(entry[1]) if isinstance(entry, tuple) else int(entry) for entry in error.ids or []
    )
    component = error.component
    components = [
        str(getattr(each, "value", each))
        for each in (component if isinstance(component, list) else [component])
    ]
    field = error.field
    fields = tuple(
        str(entry[1]) if isinstance(entry, tuple) else str(entry)
        for entry in (field if isinstance(field, list) else [field])
    )
    where = network.label(ids[0]) if ids else " and ".join(components)
    also = f" (and {len(ids) - 1} more elements)" if len(ids) > 1 else ""
    attributes = ", ".join(dict.fromkeys(fields))
    sentence = f"{where}{also}: {attributes}: {_reason(error)}"
    advice = _ADVICE.get(type(error).__name__, "correct the number, or its unit")
    return [Problem(components[0], fields, ids, sentence, advice=advice)]


_ADVICE = {
    "MissingValueError": "give the value",
    "MultiComponentNotUniqueError": "give each element an id of its own",
    "NotUniqueError": "give each element an id of its own",
    "InvalidIdError": "correct the id, or add the element",
    "InvalidEnumValueError": "use a value of power-grid-model's format",
    "InvalidAssociatedEnumValueError": "measure something that this element has",
    "NotBooleanError": "write 1 for in service or closed, 0 for not",
    "TwoValuesZeroError": "give the true impedance, or make it a link",
    "TransformerClockError": "give an odd clock where one winding is a star, else an even one",
    "SameValueError": "connect the ends to two nodes",
}
"""What to do about the errors of the library that are not about the size of a number."""


def _reason(error: ValidationError) -> str:
    """What the library says, without its counting of elements and its field name."""
    kind = {
        "MissingValueError": "is missing or not a number",
        "MultiComponentNotUniqueError": "is used by more than one element",
        "NotUniqueError": "is used more than once",
        "InvalidIdError": "refers to an element that does not exist",
        "InvalidEnumValueError": "has a value that the format does not know",
        "InvalidAssociatedEnumValueError": "does not fit the kind of the element it refers to",
        "NotBooleanError": "must be 0 or 1",
        "TwoValuesZeroError": "must not both be zero",
        "TransformerClockError": "the clock number is impossible for these windings",
        "SameValueError": "must not be the same",
    }.get(type(error).__name__)
    if kind:
        return kind
    limit = getattr(error, "ref_value", None)
    words = {
        "NotGreaterThanError": "must be greater than",
        "NotGreaterOrEqualError": "must not be less than",
        "NotLessThanError": "must be less than",
        "NotLessOrEqualError": "must not be greater than",
        "NotBetweenError": "must lie between",
        "NotBetweenOrAtError": "must lie between",
    }.get(type(error).__name__)
    if words:
        return f"{words} {limit}"
    return " ".join(str(error).split())


def _missing(network: Network) -> list[Problem]:
    """Without these everything else is wrong, too."""
    return [
        Problem(
            component,
            (),
            (),
            f"the network has no {component}",
            rule="empty",
            advice=f"add a {component}",
        )
        for component in ("node", "source")
        if not len(network.data.get(component, ()))
    ]
