"""Measurement blocks of controllable devices, after docs/register-maps.md."""

from __future__ import annotations

from dataclasses import dataclass

from ortsnetz_hil.servers.instrument import Measured
from ortsnetz_hil.servers.maps import three
from ortsnetz_hil.servers.registers import Stamp, f32, i16, i32, u16, u32, u64

POWER_SF = 0
VOLTAGE_SF = -1
CURRENT_SF = -2
TEN_W = 0.1
"""Registers that count in units of 10 W."""


@dataclass(frozen=True, slots=True)
class ChargePointStatus:
    """What a charge point says besides its measurements; currents in A per phase."""

    state: int
    limit_a: float
    wanted_a: float
    fallback_in_s: int


def charge_point(shown: Measured, status: ChargePointStatus, stamp: Stamp) -> list[int]:
    """Block of `ev-controller`; a single-phase charge point reads 0 at terminals 2 and 3."""
    return [
        status.state,
        *u16([status.limit_a, status.wanted_a], 10.0),
        *u16(three(shown.i, 0.0), 10.0),
        *u16(three(shown.u, 0.0), 10.0),
        *i32(three(shown.p, 0.0)),
        *i16(three(shown.q, 0.0)),
        *u32([stamp.reads]),
        *u64(stamp.milliseconds),
        status.fallback_in_s,
    ]


@dataclass(frozen=True, slots=True)
class InverterStatus:
    """What an inverter says besides its measurements; limit in 0.1 % of the rating.

    Attributes:
        reactive: set point in 0.1 % of the rating, capacitive positive; told: whether it counts.
    """

    limit: int
    available_w: float
    rated_w: float
    reactive: int = 0
    told: bool = False


def inverter(shown: Measured, status: InverterStatus, stamp: Stamp) -> list[int]:
    """Block of `pv-inverter`; feed-in positive, reactive power capacitive positive."""
    return [
        *i16(three(shown.p), 10.0**-POWER_SF),
        *i16([POWER_SF]),
        *i16(three(shown.q), 10.0**-POWER_SF),
        *i16([POWER_SF]),
        *u16(three(shown.u), 10.0**-VOLTAGE_SF),
        *i16([VOLTAGE_SF]),
        *u16(three(shown.i), 10.0**-CURRENT_SF),
        *i16([CURRENT_SF]),
        status.limit,
        *u16([status.available_w], 10.0**-POWER_SF),
        *u32([stamp.reads]),
        *u64(stamp.milliseconds),
        *u16([status.rated_w], TEN_W),
        *i16([status.reactive]),
        int(status.told),
        *[0] * 4,
    ]


@dataclass(frozen=True, slots=True)
class HeatPumpStatus:
    """What a heat pump says besides its measurements; limit in 10 W."""

    limit: int
    wanted_w: float
    rated_w: float
    temperature_c: float
    fallback_in_s: int


def heat_pump(shown: Measured, status: HeatPumpStatus, stamp: Stamp) -> list[int]:
    """Block of `heat-pump`; consumption positive, reactive power inductive positive."""
    return [
        *i32(three(shown.p)),
        *i32(three(shown.q)),
        *u16(three(shown.u), 10.0),
        *u16(three(shown.i), 100.0),
        status.limit,
        *u16([status.wanted_w, status.rated_w], TEN_W),
        *i16([status.temperature_c], 10.0),
        *u32([stamp.reads]),
        *u64(stamp.milliseconds),
        status.fallback_in_s,
        0,
    ]


@dataclass(frozen=True, slots=True)
class BoxStatus:
    """What a control box says besides the power; limit in 100 W, as the heat pump has it."""

    limit: int
    fallback_in_s: int


def control_box(shown: Measured, status: BoxStatus, stamp: Stamp) -> list[int]:
    """Block of `control-box`; consumption positive."""
    return [
        *i32([float(shown.p.sum())]),
        status.limit,
        status.fallback_in_s,
        *u32([stamp.reads]),
        *u64(stamp.milliseconds),
    ]


@dataclass(frozen=True, slots=True)
class BatteryStatus:
    """What a battery says besides its measurements; limit in 0.1 % of the rating."""

    limit: int
    wanted_w: float
    charge_share: float
    rated_w: float
    capacity_wh: float
    fallback_in_s: int


def battery(shown: Measured, status: BatteryStatus, stamp: Stamp) -> list[int]:
    """Block of `home-battery`; charging positive, reactive power inductive positive."""
    return [
        *f32(three(shown.p)),
        *f32(three(shown.q)),
        *f32(three(shown.u)),
        *u16(three(shown.i), 100.0),
        *u16([status.charge_share], 1000.0),
        status.limit,
        *i16([status.wanted_w], TEN_W),
        *u16([status.rated_w, status.capacity_wh], TEN_W),
        status.fallback_in_s,
        *u32([stamp.reads]),
        *u64(stamp.milliseconds),
        *[0] * 2,
    ]


@dataclass(frozen=True, slots=True)
class TapChangerStatus:
    """What a tap changer's controller says besides voltages; set point in 0.1 %."""

    position: int
    blocked: bool
    setpoint: int
    operations: int


def tap_changer(shown: Measured, status: TapChangerStatus, stamp: Stamp) -> list[int]:
    """Block of `tap-changer`."""
    return [
        *i16([status.position]),
        int(status.blocked),
        status.setpoint,
        *u16(three(shown.u), 10.0),
        *u32([status.operations, stamp.reads]),
        *u64(stamp.milliseconds),
    ]
