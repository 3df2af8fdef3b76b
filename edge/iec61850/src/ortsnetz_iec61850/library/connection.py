"""One association with a device: connect, browse, read, write.

All calls block until the device answers or the time-out is over; they belong in a thread of their
own. They may be called from one thread while reports arrive in the library's own.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

from ortsnetz_iec61850.library import types, values
from ortsnetz_iec61850.library.errors import LibraryError, of_mms
from ortsnetz_iec61850.library.lists import address_of, destroy_deep, of_texts, pointers, texts
from ortsnetz_iec61850.library.loading import function
from ortsnetz_iec61850.library.tls import Tls, configuration, release
from ortsnetz_iec61850.library.types import VariableType
from ortsnetz_iec61850.library.values import AccessError, MmsType, Value

_Handle, _Text, _Error = ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_int)
_create = function("IedConnection_create", _Handle)
_create_tls = function("IedConnection_createWithTlsSupport", _Handle, _Handle)
_destroy = function("IedConnection_destroy", None, _Handle)
_connect_ms = function("IedConnection_setConnectTimeout", None, _Handle, ctypes.c_uint32)
_request_ms = function("IedConnection_setRequestTimeout", None, _Handle, ctypes.c_uint32)
_connect = function("IedConnection_connect", None, _Handle, _Error, _Text, ctypes.c_int)
_close = function("IedConnection_close", None, _Handle)
_state = function("IedConnection_getState", ctypes.c_int, _Handle)
_mms = function("IedConnection_getMmsConnection", _Handle, _Handle)
_domains = function("MmsConnection_getDomainNames", _Handle, _Handle, _Error)
_variables = function("MmsConnection_getDomainVariableNames", _Handle, _Handle, _Error, _Text)
_lists = function("MmsConnection_getDomainVariableListNames", _Handle, _Handle, _Error, _Text)
_type = function(
    "MmsConnection_getVariableAccessAttributes", _Handle, _Handle, _Error, _Text, _Text
)
_read_one = function("MmsConnection_readVariable", _Handle, _Handle, _Error, _Text, _Text)
_read = function("MmsConnection_readMultipleVariables", _Handle, _Handle, _Error, _Text, _Handle)
_read_list = function(
    "MmsConnection_readNamedVariableListValues",
    *(_Handle, _Handle, _Error, _Text, _Text, ctypes.c_bool),
)
_list_directory = function(
    "MmsConnection_readNamedVariableListDirectory",
    *(_Handle, _Handle, _Error, _Text, _Text, ctypes.POINTER(ctypes.c_bool)),
)
_write = function(
    "MmsConnection_writeVariable", ctypes.c_int, _Handle, _Error, _Text, _Text, _Handle
)
_identify = function("MmsConnection_identify", _Handle, _Handle, _Error)
_identity_destroy = function("MmsServerIdentity_destroy", None, _Handle)
_CONNECTED = 2


class _Member(ctypes.Structure):
    """`MmsVariableAccessSpecification`."""

    _fields_ = (
        ("domain", ctypes.c_char_p),
        ("item", ctypes.c_char_p),
        ("index", ctypes.c_int32),
        ("component", ctypes.c_char_p),
    )


class _Server(ctypes.Structure):
    """`MmsServerIdentity`."""

    _fields_ = (
        ("vendor", ctypes.c_char_p),
        ("model", ctypes.c_char_p),
        ("revision", ctypes.c_char_p),
    )


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a data set: `LLN0$ST$Mod` of a domain; parts of arrays are not followed."""

    domain: str
    item: str
    whole: bool


class Association:
    """An MMS association; see the module.

    Attributes:
        handle: the library's `IedConnection`.
    """

    def __init__(self, *, connect_s: float, request_s: float, tls: Tls | None = None) -> None:
        """Make one; nothing is connected. Raises LibraryError."""
        self._tls = None if tls is None else configuration(tls)
        self.handle: int | None = _create() if tls is None else _create_tls(self._tls)
        if not self.handle:
            raise LibraryError(99, "libiec61850 makes no connection")
        _connect_ms(self.handle, max(1, round(connect_s * 1000)))
        _request_ms(self.handle, max(1, round(request_s * 1000)))

    @property
    def connected(self) -> bool:
        """Whether the library takes the connection to stand."""
        return bool(self.handle) and _state(self.handle) == _CONNECTED

    def connect(self, host: str, port: int) -> tuple[str, ...]:
        """Connect and ask for the logical devices: their names.

        The library says that all is well with some connections on which every request then fails
        for ever: so nothing is connected before a request was answered.

        Raises:
            LibraryError: there is no connection, or it is not served.
        """
        error = ctypes.c_int(0)
        try:
            name = host.encode("idna")
        except UnicodeError:
            raise LibraryError(28, f"connect to {host}:{port}") from None
        _connect(self.handle, ctypes.byref(error), name, port)
        _good(error.value, f"connect to {host}:{port}")
        return self.domains()

    def domains(self) -> tuple[str, ...]:
        """Names of the logical devices, as on the wire. Raises LibraryError."""
        error = ctypes.c_int(0)
        names = texts(_domains(self._mms(), ctypes.byref(error)))
        _good_mms(error.value, "list the logical devices")
        return names

    def variables(self, domain: str) -> tuple[str, ...]:
        """Names of all variables of a logical device: `MMXU1$MX$PhV`. Raises LibraryError."""
        error = ctypes.c_int(0)
        names = texts(_variables(self._mms(), ctypes.byref(error), domain.encode()))
        _good_mms(error.value, f"list {domain}")
        return names

    def data_sets(self, domain: str) -> tuple[str, ...]:
        """Names of the data sets of a logical device: `LLN0$Measured`. Raises LibraryError."""
        error = ctypes.c_int(0)
        names = texts(_lists(self._mms(), ctypes.byref(error), domain.encode()))
        _good_mms(error.value, f"list the data sets of {domain}")
        return names

    def members(self, domain: str, data_set: str) -> tuple[Member, ...]:
        """Members of a data set. Raises LibraryError."""
        error, deletable = ctypes.c_int(0), ctypes.c_bool()
        where = (self._mms(), ctypes.byref(error), domain.encode(), data_set.encode())
        handle = _list_directory(*where, ctypes.byref(deletable))
        _good_mms(error.value, f"members of {domain}/{data_set}")
        try:
            return tuple(_member(pointer) for pointer in pointers(handle))
        finally:
            if handle:
                destroy_deep(handle, address_of("MmsVariableAccessSpecification_destroy"))

    def type_of(self, domain: str, item: str) -> VariableType:
        """Type of a variable. Raises LibraryError."""
        error = ctypes.c_int(0)
        handle = _type(self._mms(), ctypes.byref(error), domain.encode(), item.encode())
        _good_mms(error.value, f"type of {domain}/{item}")
        if not handle:
            raise LibraryError(13, f"type of {domain}/{item}")
        try:
            return types.type_of(handle)
        finally:
            types.destroy(handle)

    def read(self, domain: str, items: Sequence[str]) -> tuple[Value, ...]:
        """Values of variables of one logical device, in one request.

        Raises:
            LibraryError: there is no answer, or one of another length. What a device does not have
                is an `AccessError` in its place.
        """
        error = ctypes.c_int(0)
        if len(items) == 1:
            where = (self._mms(), ctypes.byref(error), domain.encode(), items[0].encode())
            return (self._taken(_read_one(*where), error.value, f"read {domain}/{items[0]}"),)
        with of_texts(items) as wanted:
            handle = _read(self._mms(), ctypes.byref(error), domain.encode(), wanted)
        found = self._taken(handle, error.value, f"read {len(items)} values of {domain}")
        if not isinstance(found, tuple) or len(found) != len(items):
            raise LibraryError(13, f"read {len(items)} values of {domain}")
        return found

    def read_data_set(self, domain: str, data_set: str) -> tuple[Value, ...]:
        """Values of the members of a data set, in their order. Raises LibraryError."""
        error = ctypes.c_int(0)
        where = (self._mms(), ctypes.byref(error), domain.encode(), data_set.encode())
        found = self._taken(_read_list(*where, True), error.value, f"read {domain}/{data_set}")  # noqa: FBT003 - C
        if not isinstance(found, tuple):
            raise LibraryError(13, f"read {domain}/{data_set}")
        return found

    def write(self, domain: str, item: str, kind: VariableType, value: Value) -> None:
        """Write one variable, in its own type.

        Raises:
            LibraryError: the device refuses it, or there is no answer.
            ValueError: its type takes no such value.
        """
        error = ctypes.c_int(0)
        with values.made(kind.kind, value, kind.size) as handle:
            _write(self._mms(), ctypes.byref(error), domain.encode(), item.encode(), handle)
        _good_mms(error.value, f"write {domain}/{item}")

    def identify(self) -> tuple[str, str, str]:
        """Vendor, model and revision that the server says (MMS identify). Raises LibraryError."""
        error = ctypes.c_int(0)
        handle = _identify(self._mms(), ctypes.byref(error))
        _good_mms(error.value, "identify")
        if not handle:
            raise LibraryError(13, "identify")
        try:
            said = ctypes.cast(handle, ctypes.POINTER(_Server)).contents
            texts = (said.vendor, said.model, said.revision)
            vendor, model, revision = ((one or b"").decode("utf-8", "replace") for one in texts)
            return vendor, model, revision
        finally:
            _identity_destroy(handle)

    def close(self) -> None:
        """Close and free; waits for the library's thread. Never called from a report's handler."""
        handle, self.handle = self.handle, None
        if handle:
            with contextlib.suppress(OSError):
                _close(handle)
            _destroy(handle)
        if self._tls is not None:
            release(self._tls)
            self._tls = None

    def _mms(self) -> int:
        if not self.handle:
            raise LibraryError(1, "call")
        return int(_mms(self.handle))

    @staticmethod
    def _taken(handle: int | None, code: int, doing: str) -> Value:
        """A value that the caller owns, freed; that of an error is an error of access."""
        try:
            if code and of_mms(code) not in _ACCESS:
                raise LibraryError(of_mms(code), doing)
            if code:
                return AccessError(_ACCESS[of_mms(code)])
            return values.value_of(handle)
        finally:
            if handle:
                values.delete(handle)


def associated(
    host: str, port: int, *, connect_s: float, request_s: float, tls: Tls | None = None
) -> tuple[Association, tuple[str, ...]]:
    """A connection that is served, and the names of the logical devices.

    Where the device answers faster than the calling thread goes on, the library overwrites
    "connected" with "connecting": the connection stands, and every request fails for ever. Then
    another one is made at once, at most `ATTEMPTS` times: the device had nothing to do with it.

    Raises:
        LibraryError: there is none.
    """
    for attempt in range(1, ATTEMPTS + 1):
        association = Association(connect_s=connect_s, request_s=request_s, tls=tls)
        try:
            return association, association.connect(host, port)
        except LibraryError as error:
            confused = error.code == _LOST and association.connected
            association.close()
            if not confused or attempt == ATTEMPTS:
                raise
        except BaseException:
            association.close()
            raise
    raise LibraryError(_LOST, f"connect to {host}:{port}")


ATTEMPTS = 8
_LOST = 3
_ACCESS = {22: 10, 24: 9, 21: 3, 33: 0, 32: 11, 26: 2, 27: 4, 29: 1}
"""Errors with which the library answers a read of one variable that the device refuses."""


def _member(pointer: int) -> Member:
    one = ctypes.cast(pointer, ctypes.POINTER(_Member)).contents
    whole = one.index < 0 and not one.component
    domain, item = ((text or b"").decode("utf-8", "replace") for text in (one.domain, one.item))
    return Member(domain, item, whole)


def _good(code: int, doing: str) -> None:
    if code:
        raise LibraryError(code, doing)


def _good_mms(code: int, doing: str) -> None:
    if code:
        raise LibraryError(of_mms(code), doing)


__all__ = ["Association", "Member", "MmsType", "associated"]
