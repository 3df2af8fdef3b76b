"""Loading of the compiled kernels; where there are none, callers compute with numpy.

`ORTSNETZ_KERNELS` decides: `none` never loads them, `required` makes their absence an error,
anything else uses them where they are.
"""

from __future__ import annotations

import ctypes
import os
import warnings
from functools import cache

from ortsnetz_grid.kernels.fingerprint import LIBRARY, fingerprint, sources

ABI = 7
"""Raised with every change of a C function's arguments, here and in `abi.c`."""


class KernelsMissingError(RuntimeError):
    """`ORTSNETZ_KERNELS=required`, and the compiled kernels cannot be used."""


def library() -> ctypes.CDLL | None:
    """The shared library, or None where numpy has to do the work.

    Raises:
        KernelsMissingError: it is required and cannot be used; says why.
    """
    wish = os.environ.get("ORTSNETZ_KERNELS", "")
    if wish == "none":
        return None
    loaded, reason = _load()
    if loaded is None and wish == "required":
        raise KernelsMissingError(f"ORTSNETZ_KERNELS=required, but {reason}")
    return loaded


def in_words() -> str:
    """One line for people: whether the compiled kernels are in use, and why not."""
    if os.environ.get("ORTSNETZ_KERNELS") == "none":
        return "the compiled kernels are switched off (ORTSNETZ_KERNELS=none); numpy does the work"
    loaded, reason = _load()
    return "compiled kernels in use" if loaded else f"{reason}; numpy does the work, more slowly"


@cache
def _load() -> tuple[ctypes.CDLL | None, str]:
    """Library and reason, one of them empty. A library that does not fit is never called."""
    if not LIBRARY.exists():
        return None, "the kernels are not compiled (a C compiler and a new installation cure it)"
    try:
        loaded = ctypes.CDLL(str(LIBRARY))
        loaded.ortsnetz_kernels_sources.restype = ctypes.c_char_p
        abi, made_of = loaded.ortsnetz_kernels_abi(), loaded.ortsnetz_kernels_sources()
    except (OSError, AttributeError) as error:
        reason = f"the compiled kernels do not load: {error}"
    else:
        if abi != ABI:
            reason = f"the compiled kernels have the interface {abi}, {ABI} is needed"
        elif sources() and made_of.decode() != fingerprint():
            reason = "the compiled kernels are older than their sources (`make kernels` cures it)"
        else:
            return loaded, ""
    warnings.warn(f"{reason}; numpy does the work, more slowly", RuntimeWarning, stacklevel=3)
    return None, reason


if __name__ == "__main__":
    print(in_words())
