"""libiec61850's linked lists: of texts, and of whatever else."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ortsnetz_iec61850.library.loading import function, library

_Pointer = ctypes.c_void_p
_create = function("LinkedList_create", _Pointer)
_add = function("LinkedList_add", None, _Pointer, _Pointer)
_next = function("LinkedList_getNext", _Pointer, _Pointer)
_data = function("LinkedList_getData", _Pointer, _Pointer)
_destroy = function("LinkedList_destroy", None, _Pointer)
_destroy_static = function("LinkedList_destroyStatic", None, _Pointer)
destroy_deep = function("LinkedList_destroyDeep", None, _Pointer, _Pointer)
MOST = 100_000
"""Elements of one list; a device with more is no device."""


def pointers(handle: int | None) -> Iterator[int]:
    """What the elements of a list point to, at most `MOST`."""
    element = _next(handle) if handle else None
    for _ in range(MOST):
        if not element:
            return
        data = _data(element)
        if data:
            yield data
        element = _next(element)


def texts(handle: int | None) -> tuple[str, ...]:
    """A list of texts that the caller owns; it is freed."""
    if not handle:
        return ()
    try:
        return tuple(
            ctypes.string_at(pointer).decode("utf-8", "replace") for pointer in pointers(handle)
        )
    finally:
        _destroy(handle)


@contextmanager
def of_texts(words: Sequence[str]) -> Iterator[int]:
    """A list for the library to read; freed afterwards."""
    kept = [ctypes.create_string_buffer(word.encode()) for word in words]
    handle = _create()
    try:
        for buffer in kept:
            _add(handle, ctypes.addressof(buffer))
        yield handle
    finally:
        _destroy_static(handle)


def address_of(name: str) -> int:
    """Address of a function of the library, to hand it to another."""
    return ctypes.cast(getattr(library(), name), ctypes.c_void_p).value or 0
