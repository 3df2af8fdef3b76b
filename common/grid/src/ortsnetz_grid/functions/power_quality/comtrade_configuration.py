"""CFG files of COMTRADE: 1999 and 2013, one sampling rate."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.power_quality.comtrade_writer import DataFormat
from ortsnetz_grid.functions.power_quality.samples import Channel, Kind

UNITS = {
    "V": (Kind.VOLTAGE, 1.0),
    "KV": (Kind.VOLTAGE, 1e3),
    "A": (Kind.CURRENT, 1.0),
    "KA": (Kind.CURRENT, 1e3),
}
PHASES = {
    text: phase
    for phase, texts in (("a", "a1r"), ("b", "b2s"), ("c", "c3t"), ("n", "n4"))
    for text in texts
}
MOST_CHANNELS = 999
MOST_SAMPLES = 100_000_000


@dataclass(frozen=True, slots=True)
class Analog:
    """A line of an analog channel; values are scale * raw + offset, in primary V or A."""

    name: str
    channel: Channel | None
    scale: float
    offset: float


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a CFG file says."""

    station: str
    device: str
    analogs: tuple[Analog, ...]
    statuses: tuple[str, ...]
    nominal_hz: int
    rate_hz: float
    count: int
    start_ns: int
    trigger_ns: int
    data_format: DataFormat


class _Lines:
    """_Lines of a file, which know their number for errors."""

    def __init__(self, text: str, name: str) -> None:
        self._lines = text.replace("\x1a", "").splitlines()
        self._next = 0
        self._name = name

    def fields(self, least: int) -> list[str]:
        """The next line's fields."""
        if self._next >= len(self._lines):
            raise InputError(f"{self._name}: ends after line {self._next}, more is expected")
        fields = [field.strip() for field in self._lines[self._next].split(",")]
        self._next += 1
        if len(fields) < least:
            raise self.error(f"has {len(fields)} fields, {least} are expected")
        return fields

    def number(self, text: str) -> float:
        """A finite number."""
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self.error(f"{text!r} is no number")
        return value

    def error(self, what: str) -> InputError:
        """An error about the line that was read last."""
        return InputError(f"{self._name}, line {self._next}: {what}")


def parsed(text: str, name: str) -> Configuration:
    """What a CFG file says.

    Raises:
        InputError: it is not what the standard says, with the line.
    """
    lines = _Lines(text, name)
    station, device, *revision = lines.fields(2)
    if not revision or revision[0] not in {"1999", "2001", "2013"}:
        raise lines.error("files of 1991 are not read; the revision has to be 1999 or 2013")
    _, analog_text, status_text, *_ = lines.fields(3)
    analog_count, status_count = (
        int(lines.number(text[:-1])) for text in (analog_text, status_text)
    )
    if not 0 < analog_count <= MOST_CHANNELS or not 0 <= status_count <= MOST_CHANNELS:
        raise lines.error(f"{analog_count} analog and {status_count} status channels")
    analogs = tuple(_analog(lines) for _ in range(analog_count))
    statuses = tuple(lines.fields(2)[1] for _ in range(status_count))
    nominal = lines.number(lines.fields(1)[0])
    rates = lines.number(lines.fields(1)[0])
    if rates != 1:
        raise lines.error(f"there are {rates:g} sampling rates; only files with one are read")
    rate, count, *_ = (lines.number(field) for field in lines.fields(2))
    if not rate > 0 or not 0 < count <= MOST_SAMPLES:
        raise lines.error(f"{count:g} samples at {rate:g} Hz")
    start, trigger = (_instant(lines) for _ in range(2))
    kind = lines.fields(1)[0].upper()
    if kind not in list(DataFormat):
        raise lines.error(f"data of the format {kind!r} are not known")
    return Configuration(
        station,
        device,
        analogs,
        statuses,
        round(nominal),
        rate,
        int(count),
        start,
        trigger,
        DataFormat(kind),
    )


def _analog(lines: _Lines) -> Analog:
    fields = lines.fields(10)
    unit = UNITS.get(fields[4].upper())
    phase = _phase(fields[2] or fields[1].lstrip("UVIuvi"))
    scale, offset = lines.number(fields[5]), lines.number(fields[6] or "0")
    if len(fields) >= 13 and fields[12].upper() == "S":
        ratio = lines.number(fields[10]) / (lines.number(fields[11]) or math.nan)
        if not math.isfinite(ratio):
            raise lines.error("a secondary channel needs its transformer's ratio")
        scale, offset = scale * ratio, offset * ratio
    if unit is None or phase is None:
        return Analog(fields[1], None, scale, offset)
    return Analog(fields[1], Channel(fields[1], unit[0], phase), scale * unit[1], offset * unit[1])


def _phase(text: str) -> str | None:
    """The phase that is meant; None for two of them (`AB`), or what nobody knows."""
    short = text.strip(" _-").lower().removeprefix("l")
    if len(short) > 1:
        short = short.removesuffix("n").rstrip(" _-")
    return PHASES.get(short)


def _instant(lines: _Lines) -> int:
    """Nanoseconds since 1970 of dd/mm/yyyy,hh:mm:ss.ffffff."""
    date, clock, *_ = lines.fields(2)
    try:
        day, month, year = (int(part) for part in date.split("/"))
        moment = np.datetime64(f"{year:04d}-{month:02d}-{day:02d}T{clock}", "ns")
    except ValueError as error:
        raise lines.error(f"{date},{clock} is no instant dd/mm/yyyy,hh:mm:ss.ffffff") from error
    return int(moment.astype(np.int64))
