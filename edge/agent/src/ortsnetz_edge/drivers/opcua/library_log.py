"""The library's own log, which says each failure in several lines and at each attempt."""

from __future__ import annotations

import logging

_BEYOND_EVERYTHING = logging.CRITICAL + 1


def be_quiet() -> None:
    """Silence the library unless somebody has set its level: what it says, the driver says once."""
    library = logging.getLogger("asyncua")
    if library.level == logging.NOTSET:
        library.setLevel(_BEYOND_EVERYTHING)
