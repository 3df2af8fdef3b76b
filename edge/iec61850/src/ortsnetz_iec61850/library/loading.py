"""Finds libiec61850 in the `pyiec61850-ng` wheel and declares its functions.

The wheel's SWIG module is not used: its calls hold the interpreter's lock, and a report that
arrives during one stops the process for ever. `ctypes` releases the lock for the time of each call.
"""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from ortsnetz_common.errors import OrtsnetzError

VERSIONS = ("1.6.1",)
"""Signatures and layouts are declared by hand: each version has to be looked at."""
_WHEEL = "pyiec61850"
_ADVICE = "install the pinned wheel: pip install pyiec61850-ng==1.6.1.10"


class LibraryMissingError(OrtsnetzError):
    """libiec61850 is not there, or is of another version."""


@cache
def library() -> ctypes.CDLL:
    """The shared library.

    Raises:
        LibraryMissingError: says what was looked for, where, and what to install.
    """
    found = _path()
    try:
        loaded = ctypes.CDLL(str(found))
    except OSError as error:
        raise LibraryMissingError(f"{found} cannot be loaded: {error}; {_ADVICE}") from error
    loaded.LibIEC61850_getVersionString.restype = ctypes.c_char_p
    version = loaded.LibIEC61850_getVersionString().decode("ascii", "replace")
    if version not in VERSIONS:
        known = ", ".join(VERSIONS)
        raise LibraryMissingError(f"{found} is libiec61850 {version}, not {known}; {_ADVICE}")
    return loaded


def function(name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
    """A function of the library with its signature; found when it is first called.

    Args:
        name: in C.
        result: ctypes type of what it returns; None for nothing.
        arguments: ctypes types.
    """
    known: list[Any] = []

    def call(*given: Any) -> Any:
        if not known:
            declared = library()[name]  # an object of its own: others may declare it otherwise
            declared.restype, declared.argtypes = result, arguments
            known.append(declared)
        return known[0](*given)

    return call


def _path() -> Path:
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        raise LibraryMissingError(f"libiec61850 is not there: {_ADVICE}")
    folder = Path(spec.origin).parent.parent / f"{_WHEEL}_ng.libs"
    found = sorted(folder.glob("libiec61850-*.so*"))
    if len(found) != 1:
        raise LibraryMissingError(f"{folder} holds {len(found)} libiec61850, not one: {_ADVICE}")
    return found[0]
