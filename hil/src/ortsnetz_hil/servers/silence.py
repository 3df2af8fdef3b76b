"""The command line's fault: a device that stops answering for a while."""

from __future__ import annotations

import re

from ortsnetz_common.errors import InputError
from ortsnetz_hil.faults.specs import Missing

_FORM = re.compile(r"(?P<device>[^@]+)@(?P<first>\d+(?:\.\d+)?)-(?P<last>\d+(?:\.\d+)?)")


def parse(text: str, devices: set[str]) -> Missing:
    """Read `DEVICE@SECONDS-SECONDS`, plant seconds since the window began.

    Raises:
        InputError: not of this form, or no such device.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise InputError(f"--silent {text}: DEVICE@SECONDS-SECONDS is needed")
    found = Missing(
        name=f"--silent {text}",
        first_s=float(match["first"]),
        last_s=float(match["last"]),
        device=match["device"],
    )
    if found.device not in devices:
        raise InputError(f"--silent {text}: the plant has no device '{found.device}'")
    if found.last_s <= found.first_s:
        raise InputError(f"--silent {text}: ends before it begins")
    return found
