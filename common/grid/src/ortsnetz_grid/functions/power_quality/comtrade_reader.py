"""Reading COMTRADE files of 1999 and 2013 with one sampling rate."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.power_quality.comtrade_writer import MISSING, TYPES, DataFormat
from ortsnetz_grid.functions.power_quality.recording import Recording, Status
from ortsnetz_grid.functions.power_quality.samples import Channel, Flags, Kind, Real, Samples

UNITS = {
    "V": (Kind.VOLTAGE, 1.0),
    "KV": (Kind.VOLTAGE, 1e3),
    "A": (Kind.CURRENT, 1.0),
    "KA": (Kind.CURRENT, 1e3),
}
MOST_CHANNELS = 999
MOST_SAMPLES = 100_000_000


@dataclass(frozen=True, slots=True)
class _Analog:
    """A line of an analog channel; values are scale * raw + offset, in primary V or A."""

    channel: Channel | None
    scale: float
    offset: float


@dataclass(frozen=True, slots=True)
class _Configuration:
    """What a CFG file says."""

    station: str
    device: str
    analogs: tuple[_Analog, ...]
    statuses: tuple[str, ...]
    nominal_hz: int
    rate_hz: float
    count: int
    start_ns: int
    trigger_ns: int
    data_format: DataFormat


class _Lines:
    """Lines of a file, which know their number for errors."""

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


def read(configuration: str, data: bytes, name: str) -> Recording:
    """A recording from the contents of CFG and DAT.

    Channels that are neither V nor A, or of no phase, are left out. Missing values of any channel
    make their sample lost.

    Args:
        configuration: contents of the CFG file.
        data: contents of the DAT file.
        name: of the file, for errors.

    Raises:
        InputError: the files are not what the standard says, with the line.
    """
    said = _configuration(_Lines(configuration, name))
    raw, bits = (
        _ascii(said, data, name) if said.data_format == "ASCII" else _binary(said, data, name)
    )
    missing = MISSING[said.data_format]
    rows = [k for k, analog in enumerate(said.analogs) if analog.channel is not None]
    if not rows:
        raise InputError(f"{name}: no channel is a voltage or a current of a phase")
    kept = raw[rows]
    lost = (~np.isfinite(kept) | (kept == missing)).any(axis=0)
    statuses = dict(zip(said.statuses, bits, strict=True))
    lost |= statuses.pop("lost", np.zeros(said.count, dtype=np.bool_))
    unsynchronised = statuses.pop("unsynchronised", np.zeros(said.count, dtype=np.bool_))
    scale = np.array([said.analogs[k].scale for k in rows])[:, None]
    offset = np.array([said.analogs[k].offset for k in rows])[:, None]
    values = np.where(lost, np.nan, scale * np.where(lost, 0.0, kept) + offset)
    channels = tuple(c for a in said.analogs if (c := a.channel) is not None)
    samples = Samples(said.start_ns, said.rate_hz, channels, values, lost, unsynchronised)
    return Recording(
        samples,
        said.trigger_ns,
        said.station,
        said.device,
        "",
        said.nominal_hz,
        tuple(Status(status, values) for status, values in statuses.items()),
    )


def split_combined(content: bytes, name: str) -> tuple[str, bytes]:
    """CFG and DAT of a CFF file.

    Raises:
        InputError: a part is missing.
    """
    parts: dict[str, bytes] = {}
    rest = content
    while rest:
        line, _, rest = rest.partition(b"\n")
        words = line.decode("utf-8", "replace").strip().strip("-").split(":", 1)
        if not line.startswith(b"---") or len(words) < 2:
            raise InputError(f"{name}: a part of a CFF file begins with '--- file type: ...'")
        kind, binary, _ = words[1].strip().upper().partition(":")
        if kind.startswith("DAT"):
            parts["DAT"] = rest if binary else rest.rstrip(b"\x1a")
            break
        end = rest.find(b"---")
        parts[kind.strip()] = rest[:end] if end >= 0 else rest
        rest = rest[end:] if end >= 0 else b""
    if "CFG" not in parts or "DAT" not in parts:
        raise InputError(f"{name}: a CFF file needs a part CFG and a part DAT")
    return parts["CFG"].decode("utf-8", "replace"), parts["DAT"]


def _configuration(lines: _Lines) -> _Configuration:
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
    return _Configuration(
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


def _analog(lines: _Lines) -> _Analog:
    fields = lines.fields(10)
    unit = UNITS.get(fields[4].upper())
    phase = fields[2].lower()[-1:] if fields[2] else fields[1].lower()[-1:]
    scale, offset = lines.number(fields[5]), lines.number(fields[6] or "0")
    if len(fields) >= 13 and fields[12].upper() == "S":
        ratio = lines.number(fields[10]) / (lines.number(fields[11]) or math.nan)
        if not math.isfinite(ratio):
            raise lines.error("a secondary channel needs its transformer's ratio")
        scale, offset = scale * ratio, offset * ratio
    phase = {"1": "a", "2": "b", "3": "c", "r": "a", "s": "b", "t": "c"}.get(phase, phase)
    if unit is None or phase not in {"a", "b", "c", "n"}:
        return _Analog(None, scale, offset)
    return _Analog(Channel(fields[1], unit[0], phase), scale * unit[1], offset * unit[1])


def _instant(lines: _Lines) -> int:
    """Nanoseconds since 1970 of dd/mm/yyyy,hh:mm:ss.ffffff."""
    date, clock, *_ = lines.fields(2)
    try:
        day, month, year = (int(part) for part in date.split("/"))
        moment = np.datetime64(f"{year:04d}-{month:02d}-{day:02d}T{clock}", "ns")
    except ValueError as error:
        raise lines.error(f"{date},{clock} is no instant dd/mm/yyyy,hh:mm:ss.ffffff") from error
    return int(moment.astype(np.int64))


def _ascii(said: _Configuration, data: bytes, name: str) -> tuple[Real, Flags]:
    width = 2 + len(said.analogs) + len(said.statuses)
    text = data.decode("ascii", "replace").replace("\x1a", "")
    rows = [line.split(",") for line in text.splitlines() if line.strip()]
    if len(rows) < said.count:
        raise InputError(f"{name}: the data have {len(rows)} samples, {said.count} are announced")
    for number, row in enumerate(rows[: said.count], 1):
        if len(row) != width:
            raise InputError(f"{name}: data, line {number}: {len(row)} fields, not {width}")
    try:
        # a value that is not there stands empty in files of 2013
        table = np.array(
            [[float(field) if field.strip() else math.nan for field in row[2:]] for row in rows]
        )[: said.count]
    except ValueError as error:
        raise InputError(f"{name}: data: {error}") from error
    analogs = len(said.analogs)
    return table[:, :analogs].T, table[:, analogs:].T > 0.5


def _binary(said: _Configuration, data: bytes, name: str) -> tuple[Real, Flags]:
    words = -(-len(said.statuses) // 16)
    kind = np.dtype(
        [
            ("n", "<u4"),
            ("t", "<u4"),
            ("a", TYPES[said.data_format], (len(said.analogs),)),
            ("d", "<u2", (words,)),
        ]
    )
    if len(data) < said.count * kind.itemsize:
        raise InputError(
            f"{name}: the data have {len(data)} bytes, {said.count * kind.itemsize} are announced"
        )
    rows = np.frombuffer(data, dtype=kind, count=said.count)
    bits = [(rows["d"][:, k // 16] >> (k % 16)) & 1 for k in range(len(said.statuses))]
    flags = np.array(bits, dtype=np.bool_).reshape(len(said.statuses), said.count)
    return rows["a"].astype(np.float64).T, flags
