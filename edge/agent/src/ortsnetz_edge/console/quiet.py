"""What libraries log is said by the tools themselves, once and in words."""

from __future__ import annotations

import logging

LIBRARIES = ("pymodbus", "asyncua", "py1815", "asyncio")


def said_once() -> None:
    """Let nothing reach the terminal that a library logs, unless somebody has set up logging."""
    root = logging.getLogger()
    if root.handlers:
        return
    root.addHandler(logging.NullHandler())
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.CRITICAL)
