"""What control remembers over a restart: interventions, alarms, orders, compressors, ..."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from ortsnetz_common.link.messages import Alarm
from ortsnetz_edge.control.compressor_memory import CompressorMemory
from ortsnetz_edge.control.interventions import OpenIntervention
from ortsnetz_edge.control.order_memory import OrderMemory
from ortsnetz_edge.control.taps import TapMemory

log = logging.getLogger(__name__)


class Memory(Struct, frozen=True, forbid_unknown_fields=True):
    """Contents of the file.

    Attributes:
        interventions: that last.
        alarms: that stand.
        orders: in force or revoked.
        taps: operations of the day and set points of tap changers.
        released: names of prepared responses that stand.
        compressors: what limits have done to them within a day.
    """

    interventions: tuple[OpenIntervention, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    orders: OrderMemory = field(default_factory=OrderMemory)
    released: tuple[str, ...] = ()
    taps: tuple[TapMemory, ...] = ()
    compressors: tuple[CompressorMemory, ...] = ()


def load_memory(path: Path) -> Memory:
    """Read the file; one that is not there or damaged is an empty memory, and is said so.

    Each part is read by itself: what another version of the agent has written otherwise, or knows
    beside, takes nothing from the rest. A forgotten order would lift a limit.
    """
    found: dict[str, Any] = {}
    try:
        parts = msgspec.json.decode(path.read_bytes(), type=dict[str, msgspec.Raw])
    except FileNotFoundError:
        return Memory()
    except (OSError, msgspec.MsgspecError) as error:
        log.warning("control: %s cannot be used: %s", path.name, error)
        return Memory()
    for part in msgspec.structs.fields(Memory):
        if part.name not in parts:
            continue
        try:
            found[part.name] = msgspec.json.decode(parts[part.name], type=part.type)
        except msgspec.MsgspecError as error:
            log.warning("control: %s: %s cannot be used: %s", path.name, part.name, error)
    return Memory(**found)


def save_memory(path: Path, memory: Memory) -> None:
    """Replace the file as a whole; durable when this returns.

    Raises:
        OSError: it cannot be written.
    """
    write_atomically(path, msgspec.json.encode(memory), durable=True)


def write_atomically(path: Path, payload: bytes, *, durable: bool) -> None:
    """Replace a file as a whole: a reader sees the old or the new one.

    Args:
        path: the file.
        payload: its new contents.
        durable: whether it has to survive a power cut from now on.

    Raises:
        OSError: it cannot be written.
    """
    temporary = path.with_name(path.name + ".new")
    with temporary.open("wb") as file:
        file.write(payload)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    temporary.replace(path)
