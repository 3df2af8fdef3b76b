"""Report control blocks, and reports as they arrive.

A report's handler is called in the library's own thread. What it hands on are values of Python; the
library's own are gone when it returns.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntFlag

from ortsnetz_iec61850.library import values
from ortsnetz_iec61850.library.connection import Association
from ortsnetz_iec61850.library.errors import LibraryError
from ortsnetz_iec61850.library.loading import function
from ortsnetz_iec61850.library.values import MOST_ELEMENTS, MmsType, Value

log = logging.getLogger(__name__)

_Handle, _Text, _Error = ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_int)


class Trigger(IntFlag):
    """What makes a device report."""

    DATA_CHANGE = 1
    QUALITY_CHANGE = 2
    DATA_UPDATE = 4
    INTEGRITY = 8
    GENERAL_INTERROGATION = 16


class Option(IntFlag):
    """What a report says besides its values."""

    SEQUENCE_NUMBER = 1
    TIME_STAMP = 2
    REASON = 4
    DATA_SET = 8
    DATA_REFERENCE = 16
    BUFFER_OVERFLOW = 32
    ENTRY_ID = 64
    CONFIGURATION_REVISION = 128


class Element(IntFlag):
    """Attributes of a report control block, as a mask of what is written."""

    RPT_ENA = 2
    RESV = 4
    DAT_SET = 8
    OPT_FLDS = 32
    BUF_TM = 64
    TRG_OPS = 256
    INTG_PD = 512
    GI = 1024
    PURGE_BUF = 2048
    ENTRY_ID = 4096
    RESV_TMS = 16384


@dataclass(frozen=True, slots=True)
class BlockState:
    """A report control block as the device states it.

    Attributes:
        data_set: `LD/LLN0$Measured`; empty where there is none.
        reserved_s: of a buffered one: -1 by configuration, 0 for nobody; None where it has none.
    """

    buffered: bool
    report_id: str
    enabled: bool
    reserved: bool
    reserved_s: int | None
    data_set: str
    revision: int
    options: Option
    triggers: Trigger
    integrity_ms: int


@dataclass(frozen=True, slots=True)
class Changes:
    """What is written to a report control block; None leaves it as it is."""

    enabled: bool | None = None
    reserved: bool | None = None
    reserved_s: int | None = None
    options: Option | None = None
    triggers: Trigger | None = None
    integrity_ms: int | None = None
    entry_id: bytes | None = None
    interrogate: bool = False
    purge: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """One report, or a segment of one.

    Attributes:
        sequence: of the report; None where the device was not asked for it.
        entry_id: place in the device's buffer.
        time_ms: of the entry, UTC ms.
        overflow: the buffer has lost entries before this one.
        values: place in the data set and value, of what is included.
        reasons: bits of `Trigger` for each of `values`; 32 where the device does not say.
    """

    block: str
    sequence: int | None
    more_follows: bool
    entry_id: bytes | None
    time_ms: int | None
    overflow: bool
    revision: int | None
    values: tuple[tuple[int, Value], ...]
    reasons: tuple[int, ...]


_get_block = function("IedConnection_getRCBValues", _Handle, _Handle, _Error, _Text, _Handle)
_set_block = function(
    "IedConnection_setRCBValues", None, _Handle, _Error, _Handle, ctypes.c_uint32, ctypes.c_bool
)
_create = function("ClientReportControlBlock_create", _Handle, _Text)
_destroy = function("ClientReportControlBlock_destroy", None, _Handle)
_is_buffered = function("ClientReportControlBlock_isBuffered", ctypes.c_bool, _Handle)
_rpt_id = function("ClientReportControlBlock_getRptId", _Text, _Handle)
_rpt_ena = function("ClientReportControlBlock_getRptEna", ctypes.c_bool, _Handle)
_resv = function("ClientReportControlBlock_getResv", ctypes.c_bool, _Handle)
_has_resv_tms = function("ClientReportControlBlock_hasResvTms", ctypes.c_bool, _Handle)
_resv_tms = function("ClientReportControlBlock_getResvTms", ctypes.c_int16, _Handle)
_data_set = function("ClientReportControlBlock_getDataSetReference", _Text, _Handle)
_conf_rev = function("ClientReportControlBlock_getConfRev", ctypes.c_uint32, _Handle)
_opt_flds = function("ClientReportControlBlock_getOptFlds", ctypes.c_int, _Handle)
_trg_ops = function("ClientReportControlBlock_getTrgOps", ctypes.c_int, _Handle)
_intg_pd = function("ClientReportControlBlock_getIntgPd", ctypes.c_uint32, _Handle)


def _setter(name: str, kind: object) -> Callable[..., object]:
    return function(f"ClientReportControlBlock_set{name}", None, _Handle, kind)


_set_rpt_ena = _setter("RptEna", ctypes.c_bool)
_set_resv = _setter("Resv", ctypes.c_bool)
_set_resv_tms = _setter("ResvTms", ctypes.c_int16)
_set_opt_flds = _setter("OptFlds", ctypes.c_int)
_set_trg_ops = _setter("TrgOps", ctypes.c_int)
_set_intg_pd = _setter("IntgPd", ctypes.c_uint32)
_set_gi = _setter("GI", ctypes.c_bool)
_set_purge = _setter("PurgeBuf", ctypes.c_bool)
_set_entry_id = _setter("EntryId", _Handle)


def read_block(association: Association, block: str) -> BlockState:
    """A report control block, `LD/LLN0.BR.brcbA01`. Raises LibraryError."""
    error = ctypes.c_int(0)
    handle = _get_block(association.handle, ctypes.byref(error), block.encode(), None)
    if error.value or not handle:
        raise LibraryError(error.value or 13, f"read {block}")
    try:
        return BlockState(
            buffered=_is_buffered(handle),
            report_id=_text(_rpt_id(handle)),
            enabled=_rpt_ena(handle),
            reserved=_resv(handle),
            reserved_s=_resv_tms(handle) if _has_resv_tms(handle) else None,
            data_set=_text(_data_set(handle)),
            revision=_conf_rev(handle),
            options=Option(_opt_flds(handle) & 255),
            triggers=Trigger(_trg_ops(handle) & 31),
            integrity_ms=_intg_pd(handle),
        )
    finally:
        _destroy(handle)


def write_block(association: Association, block: str, changes: Changes) -> None:
    """Write attributes of a report control block, in one request.

    Raises:
        LibraryError: the device refuses one; nothing is known of the others.
    """
    handle = _create(block.encode())
    mask = Element(0)
    entry = None
    try:
        for element, wanted, setter in (
            (Element.RPT_ENA, changes.enabled, _set_rpt_ena),
            (Element.RESV, changes.reserved, _set_resv),
            (Element.RESV_TMS, changes.reserved_s, _set_resv_tms),
            (Element.OPT_FLDS, changes.options, _set_opt_flds),
            (Element.TRG_OPS, changes.triggers, _set_trg_ops),
            (Element.INTG_PD, changes.integrity_ms, _set_intg_pd),
            (Element.GI, changes.interrogate or None, _set_gi),
            (Element.PURGE_BUF, changes.purge or None, _set_purge),
        ):
            if wanted is not None:
                setter(handle, wanted)
                mask |= element
        if changes.entry_id is not None:
            entry = values.new(MmsType.OCTET_STRING, changes.entry_id)
            _set_entry_id(handle, entry)
            mask |= Element.ENTRY_ID
        error = ctypes.c_int(0)
        single = mask & (mask - 1) == 0
        _set_block(association.handle, ctypes.byref(error), handle, int(mask), not single)
        if error.value:
            raise LibraryError(error.value, f"write {block} ({mask!s})")
    finally:
        if entry is not None:
            values.delete(entry)
        _destroy(handle)


def _of_report(name: str, result: object) -> Callable[..., object]:
    return function(f"ClientReport_{name}", result, _Handle)


_Callback = ctypes.CFUNCTYPE(None, _Handle, _Handle)
_install = function(
    "IedConnection_installReportHandler", None, _Handle, _Text, _Text, _Callback, _Handle
)
_uninstall = function("IedConnection_uninstallReportHandler", None, _Handle, _Text)
_has_seq = _of_report("hasSeqNum", ctypes.c_bool)
_seq = function("ClientReport_getSeqNum", ctypes.c_uint16, _Handle)
_more = _of_report("getMoreSeqmentsFollow", ctypes.c_bool)
_entry_id = function("ClientReport_getEntryId", _Handle, _Handle)
_has_time = _of_report("hasTimestamp", ctypes.c_bool)
_time = function("ClientReport_getTimestamp", ctypes.c_uint64, _Handle)
_has_overflow = _of_report("hasBufOvfl", ctypes.c_bool)
_overflow = _of_report("getBufOvfl", ctypes.c_bool)
_has_revision = _of_report("hasConfRev", ctypes.c_bool)
_revision = function("ClientReport_getConfRev", ctypes.c_uint32, _Handle)
_contents = function("ClientReport_getDataSetValues", _Handle, _Handle)
_reason = function("ClientReport_getReasonForInclusion", ctypes.c_int, _Handle, ctypes.c_int)
_size = function("MmsValue_getArraySize", ctypes.c_uint32, _Handle)
_element = function("MmsValue_getElement", _Handle, _Handle, ctypes.c_int)


class Handler:
    """Takes the reports of one control block, in the library's thread; keep it while installed.

    Args:
        block: the control block.
        take: takes each report.
        failed: told of each that could not be taken.
    """

    def __init__(
        self,
        block: str,
        take: Callable[[Report], None],
        failed: Callable[[], None] = lambda: None,
    ) -> None:
        self._block, self._take, self._failed = block, take, failed
        self._callback = _Callback(self._called)

    def install(self, association: Association, report_id: str) -> None:
        """From now on, until the association is closed."""
        _install(
            *(association.handle, self._block.encode(), report_id.encode() or None),
            *(self._callback, None),
        )

    def uninstall(self, association: Association) -> None:
        """Not any more."""
        _uninstall(association.handle, self._block.encode())

    def _called(self, _parameter: int | None, report: int) -> None:
        try:
            self._take(_understood(self._block, report))
        except Exception:  # nothing may leave a handler: there is C behind it
            log.exception("a report of %s could not be taken", self._block)
            self._failed()


def _understood(block: str, report: int) -> Report:
    contents = _contents(report)
    included: list[tuple[int, Value]] = []
    reasons: list[int] = []
    for place in range(min(_size(contents), MOST_ELEMENTS) if contents else 0):
        reason = _reason(report, place)
        if reason:
            included.append((place, values.value_of(_element(contents, place))))
            reasons.append(reason)
    entry = values.value_of(_entry_id(report))
    return Report(
        block=block,
        sequence=_seq(report) if _has_seq(report) else None,
        more_follows=bool(_more(report)),
        entry_id=entry if isinstance(entry, bytes) else None,
        time_ms=_time(report) if _has_time(report) else None,
        overflow=bool(_has_overflow(report) and _overflow(report)),
        revision=_revision(report) if _has_revision(report) else None,
        values=tuple(included),
        reasons=tuple(reasons),
    )


def _text(octets: bytes | None) -> str:
    return (octets or b"").decode("utf-8", "replace")
