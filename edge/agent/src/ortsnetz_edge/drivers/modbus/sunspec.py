"""What a SunSpec device says it is: its common model (SunSpec models, model 1)."""

from __future__ import annotations

from ortsnetz_edge.drivers.contract import Identity
from ortsnetz_edge.drivers.modbus.browsing import SUNSPEC_BASES
from ortsnetz_edge.drivers.modbus.decode import clean_text
from ortsnetz_edge.drivers.modbus.exceptions import RefusedError
from ortsnetz_edge.drivers.modbus.unit import Epoch, Unit
from ortsnetz_edge.profiles.references.modbus import Table

_MARKER = b"SunS"
_COMMON = b"\x00\x01"
_HEADER = 4  # marker, model number, length
_TEXTS = 64  # maker 16 registers, model 16, options 8, version 8, serial number 16


async def common_model(unit: Unit, epoch: Epoch) -> Identity | None:
    """Maker, model and serial number; None for a device without a SunSpec map.

    Raises:
        DriverError: there is no answer.
    """
    for base in SUNSPEC_BASES:
        try:
            data = await unit.read(Table.HOLDING, base, _HEADER + _TEXTS, epoch)
        except RefusedError:
            continue
        raw = bytes(data)
        if raw[:4] != _MARKER or raw[4:6] != _COMMON:
            continue
        texts = raw[2 * _HEADER :]
        return Identity(clean_text(texts[:32]), clean_text(texts[32:64]), clean_text(texts[96:128]))
    return None
