"""Commands on outputs: from a reference and a number to what travels, and what came of it. Pure."""

from __future__ import annotations

from py1815.control import CommandStatus
from py1815.master import controls
from py1815.master.controls import Command, PointStatus

from ortsnetz_edge.drivers.contract import DriverError, FailureKind
from ortsnetz_edge.profiles.references.dnp3 import Form, PointKind, PointReference

VARIATIONS = {Form.I32: 1, Form.I16: 2, Form.F32: 3, Form.F64: 4}
"""Variation of group 41 that carries each form; the library's own choice would be the narrowest."""
OPERATIONS = {
    Form.LATCH: ("latch_off", "latch_on"),
    Form.PULSE: ("pulse_off", "pulse_on"),
    Form.TRIP_CLOSE: ("trip", "close"),
}
"""What 0 and 1 mean for each form of group 12."""

WORDS = {
    CommandStatus.TIMEOUT: "the operate came too long after the select",
    CommandStatus.NO_SELECT: "it wants to be selected first",
    CommandStatus.FORMAT_ERROR: "it does not understand the command",
    CommandStatus.NOT_SUPPORTED: "it has no such output, or none of this form",
    CommandStatus.ALREADY_ACTIVE: "it is still busy with an earlier command",
    CommandStatus.HARDWARE_ERROR: "its hardware has failed",
    CommandStatus.LOCAL: "it is switched to local control",
    CommandStatus.TOO_MANY_OPS: "too many commands at a time",
    CommandStatus.NOT_AUTHORIZED: "this master may not command it",
    CommandStatus.AUTOMATION_INHIBIT: "its own automation holds the output",
    CommandStatus.PROCESSING_LIMITED: "it has no time for it",
    CommandStatus.OUT_OF_RANGE: "it does not take this value",
    CommandStatus.DOWNSTREAM_LOCAL: "the device behind it is switched to local control",
    CommandStatus.ALREADY_COMPLETE: "it is already so",
    CommandStatus.BLOCKED: "it is blocked",
    CommandStatus.CANCELLED: "it was cancelled",
    CommandStatus.BLOCKED_OTHER_MASTER: "another master has control",
    CommandStatus.DOWNSTREAM_FAIL: "the device behind it does not answer",
    CommandStatus.NON_PARTICIPATING: "it takes no part in commands",
}
"""IEEE 1815-2012, table 11-10, for people."""


def command(reference: PointReference, value: float) -> Command:
    """What travels.

    Args:
        reference: of an output.
        value: raw; 0 or 1 for a binary output.

    Raises:
        ValueError: the reference takes no commands, or not this value; says why.
    """
    form = reference.form
    if reference.kind is PointKind.ANALOG_OUTPUT and form in VARIATIONS:
        return controls.analog(reference.index, value, VARIATIONS[form])
    if reference.kind is PointKind.BINARY_OUTPUT and form in OPERATIONS:
        if value not in {0, 1}:
            raise ValueError(f"{reference} takes 0 or 1, not {value:g}")
        return controls.binary(reference.index, OPERATIONS[form][int(value)])
    raise ValueError(f"{reference} takes no commands")


def require_accepted(where: str, reference: PointReference, status: PointStatus) -> None:
    """Check what the outstation says of a command.

    Raises:
        DriverError: it did not take it; names output and status.
    """
    if status.accepted:
        return
    said = status.status
    if said is CommandStatus.SUCCESS:
        raise DriverError(
            FailureKind.WRONG_ANSWER, f"{where}: {reference}: confirms another command"
        )
    if said is None:
        raise DriverError(FailureKind.REFUSED, f"{where}: {reference}: refused without saying why")
    words = WORDS.get(said, "no further words")
    raise DriverError(FailureKind.REFUSED, f"{where}: {reference}: {said.name} ({words})")
