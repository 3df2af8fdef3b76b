"""The server half of libiec61850 1.6: dynamic model, values, controls, as `ctypes` has them.

Enumerations are those of `iec61850_server.h`, `iec61850_model.h` and `iec61850_common.h`.
"""

from __future__ import annotations

from collections.abc import Callable
from ctypes import (
    CFUNCTYPE,
    c_bool,
    c_char_p,
    c_double,
    c_float,
    c_int,
    c_int32,
    c_int64,
    c_uint,
    c_uint8,
    c_uint16,
    c_uint32,
    c_void_p,
)
from enum import IntEnum
from functools import cache
from typing import Any

from ortsnetz_iec61850.library.loading import library

CONSTRAINTS = {
    name: number
    for number, name in enumerate(
        ("ST", "MX", "SP", "SV", "CF", "DC", "SG", "SE", "SR", "OR", "BL", "EX", "CO")
    )
}
"""FunctionalConstraint by its name."""

TYPES = {
    "BOOLEAN": 0,
    "INT8": 1,
    "INT16": 2,
    "INT32": 3,
    "INT64": 4,
    "INT128": 5,
    "INT8U": 6,
    "INT16U": 7,
    "INT24U": 8,
    "INT32U": 9,
    "FLOAT32": 10,
    "FLOAT64": 11,
    "Enum": 12,
    "Octet64": 13,
    "Octet6": 14,
    "EntryID": 15,
    "VisString32": 16,
    "VisString64": 17,
    "VisString65": 18,
    "VisString129": 19,
    "ObjRef": 19,
    "VisString255": 20,
    "Unicode255": 21,
    "Timestamp": 22,
    "Quality": 23,
    "Check": 24,
    "Dbpos": 25,
    "Tcmd": 25,
    "Struct": 27,
    "EntryTime": 28,
    "PhyComAddr": 29,
    "Currency": 30,
    "OptFlds": 31,
    "TrgOps": 32,
}
"""DataAttributeType by the basic type of SCL (IEC 61850-6, table 45)."""


class Checked(IntEnum):
    """CheckHandlerResult: what becomes of a select or an operate before it is carried out."""

    ACCEPTED = -1
    HARDWARE_FAULT = 1
    TEMPORARILY_UNAVAILABLE = 2
    ACCESS_DENIED = 3
    VALUE_INVALID = 11


class Carried(IntEnum):
    """ControlHandlerResult: what has become of an operate."""

    FAILED = 0
    OK = 1
    WAITING = 2


class WriteAnswer(IntEnum):
    """MmsDataAccessError, as far as it answers a write."""

    SUCCESS = -1
    HARDWARE_FAULT = 1
    TEMPORARILY_UNAVAILABLE = 2
    ACCESS_DENIED = 3
    TYPE_INCONSISTENT = 7
    VALUE_INVALID = 11


class ReportEvent(IntEnum):
    """IedServer_RCBEventType, as far as it is counted."""

    OVERFLOW = 8
    REPORT_CREATED = 9


class MmsKind(IntEnum):
    """MmsType, as far as a control or a setting carries it."""

    STRUCTURE = 1
    BOOLEAN = 2
    BIT_STRING = 3
    INTEGER = 4
    UNSIGNED = 5
    FLOAT = 6
    VISIBLE_STRING = 8


CheckHandler = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_bool, c_bool)
"""action, parameter, value, test, interlock check"""
OperateHandler = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_bool)
"""action, parameter, value, test"""
WriteHandler = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_void_p)
"""attribute, value, connection, parameter"""
ConnectionHandler = CFUNCTYPE(None, c_void_p, c_void_p, c_bool, c_void_p)
"""server, connection, connected, parameter"""
ReportHandler = CFUNCTYPE(None, c_void_p, c_void_p, c_void_p, c_int, c_char_p, c_int)
"""parameter, control block, connection, event, name, error"""

_P = c_void_p
_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    # model
    "IedModel_create": (_P, (c_char_p,)),
    "IedModel_destroy": (None, (_P,)),
    "LogicalDevice_createEx": (_P, (c_char_p, _P, c_char_p)),
    "LogicalNode_create": (_P, (c_char_p, _P)),
    "DataObject_create": (_P, (c_char_p, _P, c_int)),
    "DataAttribute_create": (_P, (c_char_p, _P, c_int, c_int, c_uint8, c_int, c_uint32)),
    "DataSet_create": (_P, (c_char_p, _P)),
    "DataSetEntry_create": (_P, (_P, c_char_p, c_int, c_char_p)),
    "ReportControlBlock_create": (
        _P,
        (
            *(c_char_p, _P, c_char_p, c_bool, c_char_p),
            *(c_uint32, c_uint8, c_uint8, c_uint32, c_uint32),
        ),
    ),
    "GSEControlBlock_create": (
        _P,
        (c_char_p, _P, c_char_p, c_char_p, c_uint32, c_bool, c_int, c_int),
    ),
    "SettingGroupControlBlock_create": (_P, (_P, c_uint8, c_uint8)),
    # server
    "IedServerConfig_create": (_P, ()),
    "IedServerConfig_destroy": (None, (_P,)),
    "IedServerConfig_setEdition": (None, (_P, c_uint8)),
    "IedServerConfig_setMaxMmsConnections": (None, (_P, c_int)),
    "IedServerConfig_setReportBufferSize": (None, (_P, c_int)),
    "IedServerConfig_enableFileService": (None, (_P, c_bool)),
    "IedServerConfig_enableLogService": (None, (_P, c_bool)),
    "IedServer_createWithConfig": (_P, (_P, _P, _P)),
    "IedServer_destroy": (None, (_P,)),
    "IedServer_setServerIdentity": (None, (_P, c_char_p, c_char_p, c_char_p)),
    "IedServer_setLocalIpAddress": (None, (_P, c_char_p)),
    "IedServer_startThreadless": (None, (_P, c_int)),
    "IedServer_stopThreadless": (None, (_P,)),
    "IedServer_isRunning": (c_bool, (_P,)),
    "IedServer_waitReady": (c_int, (_P, c_uint)),
    "IedServer_processIncomingData": (None, (_P,)),
    "IedServer_performPeriodicTasks": (None, (_P,)),
    "IedServer_getNumberOfOpenConnections": (c_int, (_P,)),
    "IedServer_setConnectionIndicationHandler": (None, (_P, ConnectionHandler, _P)),
    "IedServer_setRCBEventHandler": (None, (_P, ReportHandler, _P)),
    # values
    "IedServer_lockDataModel": (None, (_P,)),
    "IedServer_unlockDataModel": (None, (_P,)),
    "IedServer_updateBooleanAttributeValue": (None, (_P, _P, c_bool)),
    "IedServer_updateInt32AttributeValue": (None, (_P, _P, c_int32)),
    "IedServer_updateInt64AttributeValue": (None, (_P, _P, c_int64)),
    "IedServer_updateUnsignedAttributeValue": (None, (_P, _P, c_uint32)),
    "IedServer_updateFloatAttributeValue": (None, (_P, _P, c_float)),
    "IedServer_updateDbposValue": (None, (_P, _P, c_int)),
    "IedServer_updateVisibleStringAttributeValue": (None, (_P, _P, c_char_p)),
    "IedServer_updateTimestampAttributeValue": (None, (_P, _P, c_char_p)),
    "IedServer_updateQuality": (None, (_P, _P, c_uint16)),
    "IedServer_updateCtlModel": (None, (_P, _P, c_int)),
    # controls and settings
    "IedServer_setPerformCheckHandler": (None, (_P, _P, CheckHandler, _P)),
    "IedServer_setControlHandler": (None, (_P, _P, OperateHandler, _P)),
    "IedServer_handleWriteAccess": (None, (_P, _P, WriteHandler, _P)),
    "ControlAction_isSelect": (c_bool, (_P,)),
    "ControlAction_setAddCause": (None, (_P, c_int)),
    "ControlAction_setError": (None, (_P, c_int)),
    "MmsValue_getType": (c_int, (_P,)),
    "MmsValue_getBoolean": (c_bool, (_P,)),
    "MmsValue_toInt64": (c_int64, (_P,)),
    "MmsValue_toDouble": (c_double, (_P,)),
    "MmsValue_toString": (c_char_p, (_P,)),
    "MmsValue_getArraySize": (c_uint32, (_P,)),
    "MmsValue_getElement": (_P, (_P, c_int)),
    "MmsValue_getBitStringAsIntegerBigEndian": (c_uint32, (_P,)),
}


class _Functions:
    """The declared functions as attributes."""

    def __init__(self) -> None:
        shared = library()
        for name, (result, arguments) in _FUNCTIONS.items():
            declared = getattr(shared, name)
            declared.restype, declared.argtypes = result, arguments
            setattr(self, name, declared)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        raise AttributeError(f"{name} is not declared")


@cache
def functions() -> _Functions:
    """The server's functions. Raises LibraryMissingError."""
    return _Functions()


Value = bool | int | float | str | None


def value_of(value: int | None) -> Value:
    """What a control or a setting carries; None for what is none of it.

    A set point is a structure with one number, which is its value (`APC`: `f`).
    """
    if not value:
        return None
    call = functions()
    kind = call.MmsValue_getType(value)
    if kind == MmsKind.STRUCTURE:
        single = call.MmsValue_getArraySize(value) == 1
        return value_of(call.MmsValue_getElement(value, 0)) if single else None
    reader = _READERS.get(kind)
    found: Any = None if reader is None else getattr(call, reader)(value)
    result: Value = found.decode("utf-8", "replace") if isinstance(found, bytes) else found
    return result


_READERS = {
    MmsKind.BOOLEAN: "MmsValue_getBoolean",
    MmsKind.INTEGER: "MmsValue_toInt64",
    MmsKind.UNSIGNED: "MmsValue_toInt64",
    MmsKind.FLOAT: "MmsValue_toDouble",
    # a coded enumeration (Tcmd, Dbpos) counts its bits from left to right (8-1, 8.1.2.3)
    MmsKind.BIT_STRING: "MmsValue_getBitStringAsIntegerBigEndian",
    MmsKind.VISIBLE_STRING: "MmsValue_toString",
}


def timestamp(time_ns: int, quality: int = 0x0A) -> bytes:
    """An instant as the eight octets of IEC 61850-8-1, table 6.

    Args:
        time_ns: UTC, ns since the epoch.
        quality: leap seconds known 0x80, clock failure 0x40, not synchronised 0x20, and the number
            of exact bits of the fraction: 10 is a millisecond.
    """
    seconds, rest = divmod(time_ns, 1_000_000_000)
    fraction = (rest << 24) // 1_000_000_000
    packed: int = ((seconds & 0xFFFF_FFFF) << 32) | (fraction << 8) | quality
    return packed.to_bytes(8, "big")
