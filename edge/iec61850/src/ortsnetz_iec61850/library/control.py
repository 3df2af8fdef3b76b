"""Control of one object: select, operate, and how the command ended."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from ortsnetz_iec61850.library import values
from ortsnetz_iec61850.library.connection import Association
from ortsnetz_iec61850.library.errors import LibraryError, cause_in_words, words
from ortsnetz_iec61850.library.loading import function
from ortsnetz_iec61850.library.types import VariableType
from ortsnetz_iec61850.library.values import MmsType

_Handle, _Text = ctypes.c_void_p, ctypes.c_char_p
ORIGIN = b"ortsnetz"
AUTOMATIC_STATION = 5
"""Originator category of IEC 61850-7-3 (7.5.2): a function of the station, without an operator."""
MAINTENANCE = 7
"""The same: a person who looks after the device."""


class ControlModel(IntEnum):
    """`ctlModel` of IEC 61850-7-3."""

    STATUS_ONLY = 0
    DIRECT = 1
    SELECT = 2
    DIRECT_ENHANCED = 3
    SELECT_ENHANCED = 4

    @property
    def selects(self) -> bool:
        """Whether an object is selected before it is operated."""
        return self in (ControlModel.SELECT, ControlModel.SELECT_ENHANCED)

    @property
    def terminates(self) -> bool:
        """Whether the device says how the command ended."""
        return self in (ControlModel.DIRECT_ENHANCED, ControlModel.SELECT_ENHANCED)


@dataclass(frozen=True, slots=True)
class Checks:
    """Flags of a command.

    Attributes:
        category: who commands (`orCat`, IEC 61850-7-3, 7.5.2).
    """

    test: bool = False
    interlock: bool = True
    synchro: bool = False
    category: int = AUTOMATIC_STATION


class ControlRefusedError(Exception):
    """The device refused a command, or it ended badly; says why.

    Attributes:
        cause: additional cause.
        operated: whether the command was accepted before it failed: nobody knows what it did.
    """

    def __init__(self, reason: str, cause: int = 0, *, operated: bool = False) -> None:
        super().__init__(reason)
        self.cause = cause
        self.operated = operated


class _LastError(ctypes.Structure):
    """`LastApplError`."""

    _fields_ = (
        ("number", ctypes.c_int),
        ("error", ctypes.c_int),
        ("cause", ctypes.c_int),
    )


_Terminated = ctypes.CFUNCTYPE(None, _Handle, _Handle)
_create = function("ControlObjectClient_create", _Handle, _Text, _Handle)
_destroy = function("ControlObjectClient_destroy", None, _Handle)
_model = function("ControlObjectClient_getControlModel", ctypes.c_int, _Handle)
_operate = function("ControlObjectClient_operate", ctypes.c_bool, _Handle, _Handle, ctypes.c_uint64)
_select = function("ControlObjectClient_select", ctypes.c_bool, _Handle)
_select_value = function("ControlObjectClient_selectWithValue", ctypes.c_bool, _Handle, _Handle)
_cancel = function("ControlObjectClient_cancel", ctypes.c_bool, _Handle)
_last_error = function("ControlObjectClient_getLastError", ctypes.c_int, _Handle)
_last_appl = function("ControlObjectClient_getLastApplError", _LastError, _Handle)
_origin = function("ControlObjectClient_setOrigin", None, _Handle, _Text, ctypes.c_int)
_test = function("ControlObjectClient_setTestMode", None, _Handle, ctypes.c_bool)
_interlock = function("ControlObjectClient_setInterlockCheck", None, _Handle, ctypes.c_bool)
_synchro = function("ControlObjectClient_setSynchroCheck", None, _Handle, ctypes.c_bool)
_on_termination = function(
    "ControlObjectClient_setCommandTerminationHandler", None, _Handle, _Terminated, _Handle
)
_NO_CAUSE = (0, 25)
_UNEXPECTED = 13
_NO_ANSWER = frozenset({1, 3, 20})
_ANSWERS = frozenset({2, 10, 12, *range(21, 34), 35})
"""Codes with which a device has said no, or nothing was sent."""


class ControlObject:
    """One object that is operated: `LD/DRCT1.MaxWLimPct` with all its control attributes.

    Attributes:
        model: as the device states it.
    """

    def __init__(self, association: Association, reference: str) -> None:
        """Ask the device for its control model.

        Args:
            association: over which it is controlled; outlives it.
            reference: of the data object.

        Raises:
            LibraryError: the device has no such control.
        """
        self.reference = reference
        self._handle = _create(reference.encode(), association.handle)
        if not self._handle:
            raise LibraryError(22, f"control {reference}")
        self.model = ControlModel(_model(self._handle))
        self._ended: Callable[[ControlRefusedError | None], None] | None = None
        self._callback = _Terminated(self._terminated)
        _on_termination(self._handle, self._callback, None)

    def operate(
        self,
        kind: VariableType,
        value: float,
        checks: Checks,
        ended: Callable[[ControlRefusedError | None], None],
    ) -> None:
        """Select if the model wants it, and operate; returns when the device has accepted it.

        Args:
            kind: type of `Oper.ctlVal`.
            value: as the object counts.
            checks: flags of the command.
            ended: called once with enhanced security, in the library's thread, perhaps before this
                returns: None where the command was carried out.

        Raises:
            ControlRefusedError: why, with the additional cause.
            LibraryError: there was no answer.
            ValueError: the object takes no such value.
        """
        if self.model is ControlModel.STATUS_ONLY:
            raise ControlRefusedError(f"{self.reference} is for reading only (ctlModel 0)")
        self._flags(checks)
        made = control_value(kind, value)
        try:
            if self.model is ControlModel.SELECT and not _select(self._handle):
                raise self._refused("select")
            if self.model is ControlModel.SELECT_ENHANCED and not _select_value(self._handle, made):
                raise self._refused("select")
            self._ended = ended
            if not _operate(self._handle, made, 0):
                raise self._refused("operate")
        finally:
            values.delete(made)

    def close(self) -> None:
        """Free it; before its association is closed."""
        handle, self._handle = self._handle, None
        if handle:
            _destroy(handle)

    def _flags(self, checks: Checks) -> None:
        _origin(self._handle, ORIGIN, checks.category)
        _test(self._handle, checks.test)
        _interlock(self._handle, checks.interlock)
        _synchro(self._handle, checks.synchro)

    def _terminated(self, _parameter: int | None, control: int) -> None:
        ended, self._ended = self._ended, None
        if ended is None:
            return  # of a command that was given up
        said = _last_appl(control)
        if not said.error and said.cause in _NO_CAUSE:
            ended(None)
            return
        reason = f"{self.reference}: command ended badly: {cause_in_words(said.cause)}"
        ended(ControlRefusedError(reason, said.cause, operated=True))

    def _refused(self, step: str) -> ControlRefusedError | LibraryError:
        code, said = _last_error(self._handle), _last_appl(self._handle)
        return outcome_of(step, self.reference, code, said.error, said.cause)


def outcome_of(
    step: str, reference: str, code: int, error: int, cause: int
) -> ControlRefusedError | LibraryError:
    """What a step of a command that failed has come to.

    Whether an operate was taken is not known unless the device says no. Then its connection is of
    no use any more: its termination may still come, and must not be taken for that of the next.

    Args:
        step: `select` or `operate`.
        reference: of the object.
        code: of `IedClientError`.
        error: of `LastApplError`.
        cause: additional cause; 0 for none.
    """
    doing = f"{step} {reference}"
    unknown = code not in _ANSWERS if step == "operate" else code in _NO_ANSWER
    if unknown and not cause and not error:
        if code in _NO_ANSWER:
            return LibraryError(code, doing)
        return LibraryError(_UNEXPECTED, f"{doing} (error {code})")
    because = cause_in_words(cause) if cause else words(code or 21)
    return ControlRefusedError(f"{doing}: refused: {because}", cause)


def control_value(kind: VariableType, value: float) -> int:
    """A control value of an object's own type; the caller frees it.

    A set point (APC, ISC) is a structure with one number, `f` or `i`.

    Raises:
        ValueError: the type takes no such value.
    """
    if kind.kind is MmsType.STRUCTURE:
        if len(kind.parts) != 1:
            names = ", ".join(part.name for part in kind.parts)
            raise ValueError(f"a control value of {names}: one of f and i is expected")
        part = kind.parts[0]
        return values.structure(values.new(part.kind, value, part.size))
    return values.new(kind.kind, value, kind.size)
