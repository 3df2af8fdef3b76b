"""What a device says it is: the same registers in every map, see docs/register-maps.md."""

from __future__ import annotations

import struct

from ortsnetz_hil.plant.serial_numbers import SERIAL_BYTES, serial_number

ADDRESS = 65000
COUNT = 40
MAKER = "Ortsnetz bench"
_MAKER_BYTES = 16
_MODEL_BYTES = 32


def identity_block(profile: str, name: str) -> list[int]:
    """Maker in 8 registers, model and serial number in 16 each; ASCII, filled with zeros.

    Args:
        profile: the device's register map: its model.
        name: the device's name in the plant.
    """
    raw = b"".join(
        text.encode("ascii", "replace")[:size].ljust(size, b"\0")
        for text, size in (
            (MAKER, _MAKER_BYTES),
            (profile, _MODEL_BYTES),
            (serial_number(name), SERIAL_BYTES),
        )
    )
    return list(struct.unpack(f">{COUNT}H", raw))
