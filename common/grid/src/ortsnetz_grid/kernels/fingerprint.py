"""What the compiled kernels were made of, so that a stale library is noticed.

The build (`hatch_build.py`) loads this file alone: it imports nothing but the standard library.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

HERE = Path(__file__).parent
LIBRARY = HERE / "_kernels.so"
"""Where the build puts the shared library."""


def sources() -> list[Path]:
    """The C files that make up the library, headers included; none in an installed wheel."""
    return sorted([*HERE.glob("*.c"), *HERE.glob("*.h")])


def fingerprint() -> str:
    """Hash over names and contents of the C files."""
    digest = hashlib.sha256()
    for path in sources():
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
