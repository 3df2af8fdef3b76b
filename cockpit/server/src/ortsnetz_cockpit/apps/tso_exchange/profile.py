"""The exchange profile: what has been agreed with the TSO. What is not listed never leaves."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import msgspec
from msgspec import Struct

from ortsnetz_common.errors import InputError
from ortsnetz_common.link.topics import check_name
from ortsnetz_common.measurement.time import NS_PER_S

FORMAT = "ortsnetz.tso-profile/1"
DAY_S = 86_400


class Kind(StrEnum):
    """What an aggregate sums up."""

    INTERFACE = "interface"
    DEMAND = "demand"
    PV = "pv"
    EV = "ev"
    STORAGE = "storage"


class Power(StrEnum):
    """Active or reactive power."""

    P = "P"
    Q = "Q"

    @property
    def unit(self) -> str:
        """SI unit."""
        return "W" if self is Power.P else "var"


class Quantity(Struct, frozen=True):
    """One agreed figure, `pv.P` in the file."""

    kind: Kind
    power: Power

    @property
    def text(self) -> str:
        """As in the file."""
        return f"{self.kind.value}.{self.power.value}"


class _Listed(Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    node: str
    transformer_meter: str
    quantities: tuple[str, ...]
    interval_s: int = 60
    sample_s: float = 1.0
    good_share: float = 0.95
    least_share: float = 0.5
    delay_s: float = 5.0


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    format: str
    interfaces: tuple[_Listed, ...]


class Interface(Struct, frozen=True):
    """One TSO-DSO boundary and what leaves the house about it.

    Attributes:
        transformer_meter: name of the meter that reads the interface.
        quantities: the agreed figures, in the order of the file.
        interval_s: length of an interval; intervals begin at its multiples since 1970.
        sample_s: expected distance of samples.
        good_share: share of expected samples from which a figure may be good.
        least_share: share below which there is no figure.
        delay_s: time after the end of an interval before it is sent.
    """

    name: str
    node: str
    transformer_meter: str
    quantities: tuple[Quantity, ...]
    interval_s: int
    sample_s: float
    good_share: float
    least_share: float
    delay_s: float

    @property
    def interval_ns(self) -> int:
        """Length of an interval."""
        return self.interval_s * NS_PER_S

    @property
    def expected(self) -> float:
        """Samples of one point in one interval."""
        return self.interval_s / self.sample_s


def load_profile(path: Path) -> tuple[Interface, ...]:
    """Read a profile strictly.

    Raises:
        InputError: names the file, the interface and the reason.
    """
    try:
        payload = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        found = msgspec.yaml.decode(payload, type=_File)
    except msgspec.MsgspecError as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: not an exchange profile: {reason}") from error
    if found.format != FORMAT:
        raise InputError(f"{path}: format is '{found.format}', this cockpit reads '{FORMAT}'")
    interfaces = tuple(_checked(listed, path) for listed in found.interfaces)
    names = [interface.name for interface in interfaces]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{path}: the interface '{name}' is listed twice")
    return interfaces


def _checked(listed: _Listed, path: Path) -> Interface:
    where = f"{path}: interface '{listed.name}'"
    try:
        check_name(listed.name)
        check_name(listed.node)
    except ValueError as error:
        raise InputError(f"{where}: {error}") from error
    if listed.interval_s < 1 or DAY_S % listed.interval_s:
        raise InputError(f"{where}: interval_s: {listed.interval_s} does not divide a day")
    if not 0 < listed.sample_s <= listed.interval_s:
        raise InputError(f"{where}: sample_s must be above 0 and at most interval_s")
    if not 0 < listed.least_share <= listed.good_share <= 1:
        raise InputError(f"{where}: 0 < least_share <= good_share <= 1 is needed")
    if not 0 <= listed.delay_s <= 3600:
        raise InputError(f"{where}: delay_s must be 0 to 3600")
    if not listed.quantities:
        raise InputError(f"{where}: quantities: list at least one")
    return Interface(
        name=listed.name,
        node=listed.node,
        transformer_meter=listed.transformer_meter,
        quantities=tuple(_quantity(text, where) for text in dict.fromkeys(listed.quantities)),
        interval_s=listed.interval_s,
        sample_s=listed.sample_s,
        good_share=listed.good_share,
        least_share=listed.least_share,
        delay_s=listed.delay_s,
    )


def _quantity(text: str, where: str) -> Quantity:
    kind, _, power = text.partition(".")
    try:
        return Quantity(Kind(kind), Power(power))
    except ValueError as error:
        kinds = ", ".join(known.value for known in Kind)
        raise InputError(
            f"{where}: quantity '{text}' is unknown: one of {kinds}, then .P or .Q"
        ) from error
