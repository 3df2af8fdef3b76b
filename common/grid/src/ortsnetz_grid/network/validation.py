"""Validation of a network or a case: what is wrong, as data and in one sentence each."""

from __future__ import annotations

import numpy as np
from power_grid_model import CalculationType
from power_grid_model.validation import ValidationException, validate_input_data
from power_grid_model.validation.errors import ValidationError

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.plausibility.rules import implausible, impossible
from ortsnetz_grid.network.problem import Problem, Severity
from ortsnetz_grid.network.topology import Topology

__all__ = ["Problem", "Severity", "findings", "problems", "require_valid"]

_RATED_VOLTAGE_BAND = (0.7, 1.4)
"""A transformer's rated voltage relative to its node's; beyond it a unit was confused."""
_LARGEST = 1e20
"""Larger numbers, in whatever unit, are a mistake that would only show as a singular matrix."""


def problems(network: Network, calculation: CalculationType) -> tuple[Problem, ...]:
    """Everything that forbids an asymmetric calculation.

    Args:
        network: with or without sensors.
        calculation: power flow needs loads and sources, state estimation needs sensors.
    """
    try:
        found = validate_input_data(
            dict(network.data), calculation_type=calculation, symmetric=False
        )
    except (ValidationException, KeyError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())
        return (Problem("", (), (), f"the data set cannot be validated: {reason}"),)
    missing = _missing(network)
    if missing:
        return tuple(missing)
    library = [problem for error in found or [] for problem in _of_library(network, error)]
    own = (*_absurd(network), *_voltage_mismatches(network), *impossible(network))
    return (*library, *own)


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
    return [Problem(components[0], fields, ids, sentence)]


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


def _absurd(network: Network) -> list[Problem]:
    """Numbers beyond any network; a standard deviation may be: it disables its sensor."""
    found = []
    for component, array in network.data.items():
        for name in array.dtype.names or ():
            column = array[name]
            if column.dtype.kind != "f" or name.endswith("sigma"):
                continue
            bad = np.abs(column) > _LARGEST
            rows = np.flatnonzero(bad.any(axis=1) if bad.ndim > 1 else bad)
            for element in array["id"][rows[:1]].tolist():
                sentence = f"{network.label(element)}: {name}: is beyond any network"
                found.append(Problem(component, (name,), (element,), sentence))
    return found


def _missing(network: Network) -> list[Problem]:
    """Without these everything else is wrong, too."""
    return [
        Problem(component, (), (), f"the network has no {component}")
        for component in ("node", "source")
        if not len(network.data.get(component, ()))
    ]


def _voltage_mismatches(network: Network) -> list[Problem]:
    nodes = network.data.get("node")
    if nodes is None:
        return []
    rated = dict(zip(nodes["id"].tolist(), nodes["u_rated"].tolist(), strict=True))
    found = []
    lowest, highest = _RATED_VOLTAGE_BAND
    for row in network.data.get("transformer", ()):
        for node, name in (("from_node", "u1"), ("to_node", "u2")):
            volts = rated.get(int(row[node]))
            if volts and not lowest <= float(row[name]) / volts <= highest:
                element = int(row["id"])
                sentence = (
                    f"{network.label(element)}: {name} {row[name]:g} V does not fit its node's "
                    f"{volts:g} V"
                )
                found.append(Problem("transformer", (name,), (element,), sentence))
    for component in ("line", "asym_line", "link"):
        for row in network.data.get(component, ()):
            ends = [rated.get(int(row[name])) for name in ("from_node", "to_node")]
            if component != "link" and None not in ends and ends[0] != ends[1]:
                element = int(row["id"])
                sentence = (
                    f"{network.label(element)} joins nodes of {ends[0]:g} V and {ends[1]:g} V"
                )
                found.append(Problem(component, ("from_node", "to_node"), (element,), sentence))
    return found
