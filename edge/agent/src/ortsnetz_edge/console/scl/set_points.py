"""Set points that an SCL file has: how a profile could take them, for people to complete.

What a set point needs besides its reference (how finely it counts, how fast the device follows, how
far it may go) no SCL file says: these lines are comments until somebody has filled them in.
"""

from __future__ import annotations

from collections.abc import Iterator

from ortsnetz_common.scl.controls import controls_of
from ortsnetz_common.scl.devices import LogicalNode
from ortsnetz_common.scl.lookup import Lookup
from ortsnetz_common.scl.types import FunctionalConstraint
from ortsnetz_common.scl.units import units_of
from ortsnetz_edge.console.scl.measured import constraint_at, reference
from ortsnetz_edge.console.scl.scopes import Scope

_LIMITS = {("DWMX", "WLimSpt"), ("DRCT", "MaxWLim")}
_REACTIVE = {("DRCT", "OutVarSet")}
_SETTINGS = ("ASG", "ING", "SPG", "ENG")
_VALUES = ("setMag", "setVal")


def hints_of(scope: Scope, lookup: Lookup) -> Iterator[str]:
    """Lines on each set point of a device."""
    for device, node in scope.nodes:
        for name, written, read_back in _settable(lookup, device, node):
            yield from _lines(lookup, node, name, written, read_back)


def _lines(
    lookup: Lookup, node: LogicalNode, name: str, written: str, read_back: str
) -> Iterator[str]:
    key = (node.node_class, name)
    if not read_back or key not in _LIMITS | _REACTIVE:
        yield f"{node.name}.{name}: {written}"
        return
    unit = "W" if key in _LIMITS else "VAr"
    back = f'{{at: "{read_back}", scale: {_scale(lookup, node, name, unit)}}}'
    if key in _LIMITS:
        yield f"{node.name}.{name}, a limit of active power; complete what has a question mark:"
        yield f"  limit: {{value: {back}, unit: W}}"
        yield f'  setpoint: {{at: "{written}", kind: continuous, unit: W, step: ?, reaction_s: ?}}'
    else:
        yield f"{node.name}.{name}, reactive power; complete what has a question mark:"
        yield "  further_setpoints:"
        yield f'    - {{quantity: reactive_power, at: "{written}", unit: var, step: ?,'
        yield f"       range: [?, ?], read_back: {back}}}"


def _scale(lookup: Lookup, node: LogicalNode, name: str, unit: str) -> str:
    """Value of one count; a question mark where the file does not say it."""
    try:
        said = units_of(lookup, node, (name,))
    except ValueError:
        return "?"
    return f"{10.0**said.power:g}" if said.unit in (None, unit) else "?"


def _settable(lookup: Lookup, device: str, node: LogicalNode) -> Iterator[tuple[str, str, str]]:
    """Name, reference that takes it, reference to read it back (or "")."""
    if node.node_class in ("LLN0", "LPHD"):
        return
    for control in controls_of(lookup, node):
        if control.model == "status-only" or len(control.values) != 1:
            continue
        written = reference(device, node, control.values[0], FunctionalConstraint.CO)
        yield ".".join(control.path), written, _back(lookup, device, node, control.path)
    kind = lookup.type_of(node)
    for part in () if kind is None else kind.objects:
        if part.data_class not in _SETTINGS:
            continue
        for attribute in _VALUES:
            for path in ((part.name, attribute), (part.name, attribute, "f")):
                if constraint_at(lookup, node, path) is FunctionalConstraint.SP:
                    text = reference(device, node, path, FunctionalConstraint.SP)
                    yield part.name, text, text


def _back(lookup: Lookup, device: str, node: LogicalNode, path: tuple[str, ...]) -> str:
    for inner in (("mxVal", "f"), ("mxVal", "i"), ("stVal",), ("valWTr", "posVal")):
        constraint = constraint_at(lookup, node, (*path, *inner))
        if constraint is not None:
            return reference(device, node, (*path, *inner), constraint)
    return ""
