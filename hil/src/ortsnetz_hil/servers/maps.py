"""Register images after docs/register-maps.md: measured values in, 16-bit registers out."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ortsnetz_hil.servers.instrument import Measured

ABSENT_U32 = 0xFFFF_FFFF
ABSENT_I32 = -0x8000_0000
POWER_SF = 0
VOLTAGE_SF = -1
CURRENT_SF = -2


@dataclass(frozen=True, slots=True)
class Block:
    """A measurement block: Modbus function, first address and number of registers."""

    function: int
    address: int
    count: int


@dataclass(frozen=True, slots=True)
class Stamp:
    """What every block ends with: number of this read and the device's own clock, UTC ns."""

    reads: int
    time_ns: int

    @property
    def milliseconds(self) -> int:
        """The clock in ms."""
        return self.time_ns // 1_000_000


BLOCKS = {
    "meter-transformer": Block(3, 0, 30),
    "meter-feeder": Block(4, 100, 29),
    "meter-customer": Block(3, 3000, 30),
    "ev-controller": Block(3, 1000, 25),
    "pv-inverter": Block(3, 40000, 31),
}


def _registers(payload: bytes) -> list[int]:
    return list(struct.unpack(f">{len(payload) // 2}H", payload))


def _whole(values: Sequence[float] | np.ndarray, scale: float = 1.0) -> list[int]:
    return [round(float(value) * scale) for value in values]


def transformer_meter(shown: Measured, stamp: Stamp) -> list[int]:
    """Block of `meter-transformer`; powers positive towards the low-voltage network."""
    return _registers(
        struct.pack(
            ">12fIQ",
            *shown.u,
            *shown.i,
            *(shown.p / 1000.0),
            *(shown.q / 1000.0),
            stamp.reads,
            stamp.milliseconds,
        )
    )


def feeder_meter(shown: Measured, stamp: Stamp) -> list[int]:
    """Block of `meter-feeder`; powers positive away from the busbar, words swapped."""
    seconds, fraction_ms = divmod(stamp.milliseconds, 1000)
    words = _registers(
        struct.pack(
            ">6i8I",
            *_whole(shown.p),
            *_whole(shown.q),
            *_whole(shown.i, 1000.0),
            *_whole(shown.u, 10.0),
            stamp.reads,
            seconds,
        )
    )
    swapped = [word for pair in zip(words[1::2], words[::2], strict=True) for word in pair]
    return [*swapped, fraction_ms]


def customer_meter(shown: Measured, stamp: Stamp) -> list[int]:
    """Block of `meter-customer`; a single-phase customer has nothing at terminals 2 and 3."""
    missing = 3 - shown.u.size
    unsigned, signed = [ABSENT_U32] * missing, [ABSENT_I32] * missing
    return _registers(
        struct.pack(
            ">3I6i3IIQ",
            *_whole(shown.u, 100.0),
            *unsigned,
            *_whole(shown.p),
            *signed,
            *_whole(shown.q),
            *signed,
            *_whole(shown.i, 1000.0),
            *unsigned,
            stamp.reads,
            stamp.milliseconds,
        )
    )


@dataclass(frozen=True, slots=True)
class ChargePointStatus:
    """What a charge point says besides its measurements; currents in A per phase."""

    state: int
    limit_a: float
    wanted_a: float
    fallback_in_s: int


def charge_point(shown: Measured, status: ChargePointStatus, stamp: Stamp) -> list[int]:
    """Block of `ev-controller`; a single-phase charge point reads 0 at terminals 2 and 3."""
    missing = [0] * (3 - shown.u.size)
    return _registers(
        struct.pack(
            ">9H3i3hIQH",
            status.state,
            *_whole([status.limit_a, status.wanted_a], 10.0),
            *_whole(shown.i, 10.0),
            *missing,
            *_whole(shown.u, 10.0),
            *missing,
            *_whole(shown.p),
            *missing,
            *_whole(shown.q),
            *missing,
            stamp.reads,
            stamp.milliseconds,
            status.fallback_in_s,
        )
    )


@dataclass(frozen=True, slots=True)
class InverterStatus:
    """What an inverter says besides its measurements; limit in 0.1 % of the rating."""

    limit: int
    available_w: float
    rated_w: float


def inverter(shown: Measured, status: InverterStatus, stamp: Stamp) -> list[int]:
    """Block of `pv-inverter`; feed-in positive, reactive power capacitive positive."""
    return _registers(
        struct.pack(
            ">4h4h3Hh3Hh2HIQ7H",
            *_whole(shown.p, 10.0**-POWER_SF),
            POWER_SF,
            *_whole(shown.q, 10.0**-POWER_SF),
            POWER_SF,
            *_whole(shown.u, 10.0**-VOLTAGE_SF),
            VOLTAGE_SF,
            *_whole(shown.i, 10.0**-CURRENT_SF),
            CURRENT_SF,
            status.limit,
            round(status.available_w * 10.0**-POWER_SF),
            stamp.reads,
            stamp.milliseconds,
            round(status.rated_w / 10.0),
            *[0] * 6,
        )
    )
