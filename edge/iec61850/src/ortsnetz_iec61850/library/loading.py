"""Finds and loads the shared library that the wheel `pyiec61850-ng` brings.

The wheel's own Python modules are not imported: their calls hold the interpreter's lock.
"""

from __future__ import annotations

import ctypes
from functools import cache
from importlib import metadata
from pathlib import Path

DISTRIBUTION = "pyiec61850-ng"
VERSION = "1.6.1.10"
"""The one whose functions and structures are declared here."""


class LibraryMissingError(RuntimeError):
    """The shared library is not there, or is not the one that is declared here."""


@cache
def library() -> ctypes.CDLL:
    """The shared library, loaded once; every call through it releases the interpreter's lock.

    Raises:
        LibraryMissingError: says what is missing and what to do.
    """
    path = _path()
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise LibraryMissingError(f"{path}: cannot be loaded: {error}") from error


def _path() -> Path:
    advice = f"install {DISTRIBUTION}=={VERSION}"
    try:
        found = metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        raise LibraryMissingError(f"libiec61850 is not installed: {advice}") from None
    if found.version != VERSION:
        raise LibraryMissingError(
            f"{DISTRIBUTION} {found.version} is installed, {VERSION} is needed: {advice}"
        )
    for file in found.files or ():
        if file.name.startswith("libiec61850") and ".so" in file.name:
            return Path(str(file.locate()))
    raise LibraryMissingError(f"{DISTRIBUTION} {found.version} brings no libiec61850.so: {advice}")
