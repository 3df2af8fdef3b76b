"""Serial numbers of the plant's devices, as type plates and the DSO's records have them."""

from __future__ import annotations

SERIAL_BYTES = 32


def serial_number(name: str) -> str:
    """Serial number of a device: its name, as far as it fits into the identity block."""
    return name[:SERIAL_BYTES]
