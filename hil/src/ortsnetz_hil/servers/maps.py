"""Where the measurement blocks lie, and those of meters, after docs/register-maps.md."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ortsnetz_hil.servers.instrument import Measured, Terminals
from ortsnetz_hil.servers.registers import Stamp, f32, i32, swapped, u16, u32, u64


@dataclass(frozen=True, slots=True)
class Block:
    """A measurement block: Modbus function, first address and number of registers."""

    function: int
    address: int
    count: int


BLOCKS = {
    "meter-transformer": Block(3, 0, 30),
    "meter-feeder": Block(4, 100, 29),
    "meter-customer": Block(3, 3000, 30),
    "ev-controller": Block(3, 1000, 25),
    "pv-inverter": Block(3, 40000, 31),
    "heat-pump": Block(3, 5000, 30),
    "home-battery": Block(4, 600, 35),
    "tap-changer": Block(3, 900, 14),
    "control-box": Block(4, 800, 10),
}


def three(values: Terminals, fill: float = np.nan) -> Terminals:
    """Values at terminals 1 to 3; what is not connected reads as `fill`."""
    return np.concatenate([values, np.full(3 - values.size, fill)])


def transformer_meter(shown: Measured, stamp: Stamp) -> list[int]:
    """Block of `meter-transformer`; powers positive towards the low-voltage network."""
    return [
        *f32(shown.u),
        *f32(shown.i),
        *f32(shown.p / 1000.0),
        *f32(shown.q / 1000.0),
        *u32([stamp.reads]),
        *u64(stamp.milliseconds),
    ]


def feeder_meter(shown: Measured, stamp: Stamp) -> list[int]:
    """Block of `meter-feeder`; powers positive away from the busbar, words swapped."""
    seconds, fraction_ms = divmod(stamp.milliseconds, 1000)
    words = [
        *i32(shown.p),
        *i32(shown.q),
        *u32(shown.i, 1000.0),
        *u32(shown.u, 10.0),
        *u32([stamp.reads, seconds]),
    ]
    return [*swapped(words), *u16([fraction_ms])]


def customer_meter(shown: Measured, stamp: Stamp) -> list[int]:
    """Block of `meter-customer`; a single-phase customer has nothing at terminals 2 and 3."""
    return [
        *u32(three(shown.u), 100.0),
        *i32(three(shown.p)),
        *i32(three(shown.q)),
        *u32(three(shown.i), 1000.0),
        *u32([stamp.reads]),
        *u64(stamp.milliseconds),
    ]
