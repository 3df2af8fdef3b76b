"""Device profiles: which register means what. Data, not code; strict, versioned."""

from __future__ import annotations

from enum import StrEnum
from importlib.resources import files
from typing import Annotated

import msgspec
import yaml
from msgspec import Meta, Struct

from ortsnetz_common.errors import InputError
from ortsnetz_edge.drivers.contract import LimitUnit

FORMAT = "ortsnetz.profile/1"
Register = Annotated[int, Meta(ge=0, le=65535)]


class RegisterType(StrEnum):
    """How a number lies in registers."""

    U16 = "u16"
    I16 = "i16"
    U32 = "u32"
    I32 = "i32"
    U64 = "u64"
    F32 = "f32"

    @property
    def width(self) -> int:
        """How many registers it spans."""
        return {"6": 1, "2": 2, "4": 4}[self.value[-1]]


class WordOrder(StrEnum):
    """Which word of a number comes first."""

    BIG = "big"
    SWAPPED = "swapped"


class Direction(StrEnum):
    """Which way of power the registers count as positive."""

    CONSUMPTION = "consumption"
    FEED_IN = "feed-in"
    AWAY_FROM_BUSBAR = "away-from-busbar"
    TOWARDS_LOW_VOLTAGE = "towards-low-voltage"


class Block(Struct, frozen=True, forbid_unknown_fields=True):
    """The one request that reads everything."""

    function: Annotated[int, Meta(ge=3, le=4)]
    address: Register
    count: Annotated[int, Meta(ge=1, le=125)]  # MODBUS application protocol 1.1b3, 6.3


class Number(Struct, frozen=True, forbid_unknown_fields=True):
    """A number in the block.

    Attributes:
        scale: value of one count, in the quantity's unit.
        scale_register: register with a power of ten that multiplies as well (SunSpec habit).
        absent: raw value that means "not present" (unsigned reading of the registers).
    """

    register: Register
    type: RegisterType
    scale: float = 1.0
    scale_register: Register | None = None
    absent: int | None = None


class Terminals(Struct, frozen=True, forbid_unknown_fields=True):
    """One quantity at terminals 1, 2, 3; the fields are those of `Number`.

    Attributes:
        range: plausible range, in the quantity's unit.
    """

    registers: tuple[Register, Register, Register]
    type: RegisterType
    range: tuple[float, float]
    scale: float = 1.0
    scale_register: Register | None = None
    absent: int | None = None


class LimitValue(Struct, frozen=True, forbid_unknown_fields=True):
    """A limit that is read, in the device's own unit."""

    value: Number
    unit: LimitUnit


class AvailableValue(Struct, frozen=True, forbid_unknown_fields=True):
    """What the device would draw or feed in without limit: amperes per phase, or watts in all."""

    value: Number
    unit: Annotated[str, Meta(pattern="^(A|W)$")]


class Setpoint(Struct, frozen=True, forbid_unknown_fields=True):
    """Registers through which the device is limited.

    Attributes:
        register: takes the limit.
        step: value of one count, in `unit`.
        smallest: lowest limit above zero that the device takes, in `unit`.
        fallback_time_register: seconds without a write after which the device acts by itself.
        fallback_limit_register: limit it then takes, same unit and step.
    """

    register: Register
    unit: LimitUnit
    step: float
    smallest: float = 0.0
    fallback_time_register: Register | None = None
    fallback_limit_register: Register | None = None


class SourceTime(Struct, frozen=True, forbid_unknown_fields=True):
    """The device's clock: either milliseconds in one number, or seconds and a fraction."""

    milliseconds: Number | None = None
    seconds: Number | None = None
    fraction_ms: Number | None = None


class Profile(Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of device."""

    format: str
    kind: str
    version: int
    block: Block
    word_order: WordOrder
    direction: Direction
    voltage: Terminals
    active_power: Terminals
    reactive_power: Terminals
    current: Terminals
    time: SourceTime
    read_count: Number | None = None
    limit: LimitValue | None = None
    available: AvailableValue | None = None
    state: Number | None = None
    setpoint: Setpoint | None = None


def parse_profile(text: str, source: str) -> Profile:
    """Read a profile strictly.

    Raises:
        InputError: names the source, the field and the reason.
    """
    try:
        profile = msgspec.convert(yaml.safe_load(text), Profile)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{source}: not a device profile: {reason}") from error
    if profile.format != FORMAT:
        raise InputError(f"{source}: format is '{profile.format}', this agent reads '{FORMAT}'")
    for name, number in _numbers(profile):
        first, last = number.register, number.register + number.type.width - 1
        if first < profile.block.address or last >= profile.block.address + profile.block.count:
            raise InputError(
                f"{source}: {name}: register {first} is outside the block that is read"
            )
    return profile


def load_profile(kind: str) -> Profile:
    """A profile that ships with the agent.

    Raises:
        InputError: there is none of this name, or it is malformed.
    """
    folder = files("ortsnetz_edge.drivers").joinpath("profiles")
    file = folder.joinpath(f"{kind}.yaml")
    if "/" in kind or not file.is_file():
        have = ", ".join(
            sorted(p.name.removesuffix(".yaml") for p in folder.iterdir() if p.name[0] != "_")
        )
        raise InputError(f"there is no device profile '{kind}' (there are: {have})")
    return parse_profile(file.read_text(encoding="utf-8"), f"profile {kind}")


def terminal_number(terminals: Terminals, terminal: int) -> Number:
    """The number of one terminal (1, 2 or 3)."""
    return Number(
        register=terminals.registers[terminal - 1],
        type=terminals.type,
        scale=terminals.scale,
        scale_register=terminals.scale_register,
        absent=terminals.absent,
    )


def _numbers(profile: Profile) -> list[tuple[str, Number]]:
    found: list[tuple[str, Number | None]] = [
        (name, terminal_number(quantity, terminal))
        for name, quantity in (
            ("voltage", profile.voltage),
            ("active_power", profile.active_power),
            ("reactive_power", profile.reactive_power),
            ("current", profile.current),
        )
        for terminal in (1, 2, 3)
    ]
    found += [
        ("time.milliseconds", profile.time.milliseconds),
        ("time.seconds", profile.time.seconds),
        ("time.fraction_ms", profile.time.fraction_ms),
        ("read_count", profile.read_count),
        ("limit", profile.limit.value if profile.limit else None),
        ("available", profile.available.value if profile.available else None),
        ("state", profile.state),
    ]
    numbers = [(name, number) for name, number in found if number is not None]
    scales = [
        (f"{name}.scale_register", Number(number.scale_register, RegisterType.I16))
        for name, number in numbers
        if number.scale_register is not None
    ]
    return numbers + scales
