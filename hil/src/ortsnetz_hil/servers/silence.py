"""A fault on purpose: a device that stops answering for a while."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ortsnetz_common.errors import InputError

_FORM = re.compile(r"(?P<device>[^@]+)@(?P<first>\d+(?:\.\d+)?)-(?P<last>\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Silence:
    """A device does not answer between two instants, wall seconds since the window began."""

    device: str
    first_s: float
    last_s: float

    def covers(self, device: str, elapsed_s: float) -> bool:
        """Whether the device is silent at an instant."""
        return device == self.device and self.first_s <= elapsed_s < self.last_s


def parse(text: str, devices: set[str]) -> Silence:
    """Read `DEVICE@SECONDS-SECONDS`.

    Raises:
        InputError: not of this form, or no such device.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise InputError(f"--silent {text}: DEVICE@SECONDS-SECONDS is needed")
    found = Silence(match["device"], float(match["first"]), float(match["last"]))
    if found.device not in devices:
        raise InputError(f"--silent {text}: the plant has no device '{found.device}'")
    if found.last_s <= found.first_s:
        raise InputError(f"--silent {text}: ends before it begins")
    return found
