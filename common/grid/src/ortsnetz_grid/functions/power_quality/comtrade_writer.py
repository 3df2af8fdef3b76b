"""COMTRADE files by IEEE C37.111-2013 (IEC 60255-24): CFG and DAT, or both in one CFF.

Values are primary. Lost samples have the standard's code for missing data, and a status `lost`
beside them; so has `unsynchronised`. Times are UTC with nanoseconds; the time stamps of samples
count microseconds.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.power_quality.recording import Recording, Status
from ortsnetz_grid.functions.power_quality.samples import Flags, Real


class DataFormat(StrEnum):
    """Format of the DAT file."""

    ASCII = "ASCII"
    BINARY = "BINARY"
    BINARY32 = "BINARY32"
    FLOAT32 = "FLOAT32"


STEPS = {DataFormat.ASCII: 99998, DataFormat.BINARY: 32767, DataFormat.BINARY32: 2147483647}
MISSING = {
    DataFormat.ASCII: 99999.0,
    DataFormat.BINARY: -32768.0,
    DataFormat.BINARY32: -2147483648.0,
    DataFormat.FLOAT32: float(np.finfo(np.float32).min),
}
TYPES = {DataFormat.BINARY: "<i2", DataFormat.BINARY32: "<i4", DataFormat.FLOAT32: "<f4"}
LONGEST_US = 2**31 - 1
NAMES = 64
"""Most characters of a name; of channels the standard allows 128, older readers take 64."""


def configuration(recording: Recording, data_format: DataFormat) -> str:
    """The CFG file.

    Raises:
        InputError: a name does not fit into the file.
    """
    samples = recording.samples
    statuses = _statuses(recording)
    scales = _scales(samples.values, data_format)
    most = _limits(data_format)
    lines = [
        f"{_name(recording.station)},{_name(recording.device)},2013",
        f"{len(samples.channels) + len(statuses)},{len(samples.channels)}A,{len(statuses)}D",
    ]
    for number, (channel, scale) in enumerate(zip(samples.channels, scales, strict=True), 1):
        lines.append(
            f"{number},{_name(channel.name)},{channel.phase.upper()},,{channel.kind.value},"
            f"{float(scale)!r},0,0,{most[0]},{most[1]},1,1,P"
        )
    lines += [f"{number},{_name(status.name)},,,0" for number, status in enumerate(statuses, 1)]
    synchronised = "F" if samples.unsynchronised.any() else "0"
    lines += [
        str(recording.nominal_hz),
        "1",
        f"{samples.rate_hz:.9g},{samples.count}",
        _instant(samples.start_ns),
        _instant(recording.trigger_ns),
        data_format.value,
        "1000",  # nanoseconds in the dates make a nanosecond the unit; stamps count microseconds
        "0,0",  # UTC, here and there
        f"{synchronised},3",  # quality of the clock; leap second: the source cannot say
    ]
    return "\r\n".join(lines) + "\r\n"


def data(recording: Recording, data_format: DataFormat) -> bytes:
    """The DAT file.

    Raises:
        InputError: the record is too long for its time stamps.
    """
    samples = recording.samples
    scales = _scales(samples.values, data_format)
    raw = samples.values / scales[:, None]
    if data_format is not DataFormat.FLOAT32:
        raw = np.round(raw)
    raw = np.where(samples.lost, MISSING[data_format], raw)
    numbers = np.arange(1, samples.count + 1)
    stamps = np.round((numbers - 1) * 1e6 / samples.rate_hz)
    if samples.count and stamps[-1] > LONGEST_US:
        raise InputError("COMTRADE: a record longer than 2147 s does not fit into its time stamps")
    bits = np.stack([s.values for s in _statuses(recording)])
    if data_format is DataFormat.ASCII:
        return _ascii(stamps, raw, bits)
    words = -(-len(bits) // 16)
    kind = TYPES[data_format]
    row = np.dtype(
        [("n", "<u4"), ("t", "<u4"), ("a", kind, (len(raw),)), ("d", "<u2", (words,))],
    )
    rows = np.zeros(samples.count, dtype=row)
    rows["n"], rows["t"], rows["a"] = numbers, stamps, raw.T
    for k, values in enumerate(bits):
        rows["d"][:, k // 16] |= values.astype(np.uint16) << np.uint16(k % 16)
    return rows.tobytes()


def combined(recording: Recording, data_format: DataFormat) -> bytes:
    """One CFF file with everything in it."""
    content = data(recording, data_format)
    head = "--- file type: DAT ASCII ---"
    if data_format is not DataFormat.ASCII:
        head = f"--- file type: DAT {data_format.value}: {len(content)} ---"
    text = (
        f"--- file type: CFG ---\r\n{configuration(recording, data_format)}"
        "--- file type: INF ---\r\n"
        f"--- file type: HDR ---\r\n{_free(recording.reason)}\r\n{head}\r\n"
    )
    return text.encode() + content


def _statuses(recording: Recording) -> list[Status]:
    samples = recording.samples
    return [
        Status("lost", samples.lost),
        Status("unsynchronised", samples.unsynchronised),
        *recording.statuses,
    ]


def _scales(values: Real, data_format: DataFormat) -> Real:
    """Units a step of each channel: the largest value is the last step."""
    if data_format is DataFormat.FLOAT32:
        return np.ones(len(values))
    largest = np.max(np.abs(np.nan_to_num(values)), axis=1, initial=0.0)
    return np.where(largest > 0.0, largest, 1.0) / STEPS[data_format]


def _limits(data_format: DataFormat) -> tuple[str, str]:
    if data_format is DataFormat.FLOAT32:
        return "-3.4028235E+38", "3.4028235E+38"
    return f"-{STEPS[data_format]}", f"{STEPS[data_format]}"


def _ascii(stamps: Real, raw: Real, bits: Flags) -> bytes:
    numbers = np.arange(1, len(stamps) + 1, dtype=np.float64)
    table = np.concatenate((numbers[None], stamps[None], raw, bits)).astype(np.int64).T
    return "".join(",".join(map(str, row)) + "\r\n" for row in table.tolist()).encode()


def _instant(time_ns: int) -> str:
    """As C37.111 writes it: dd/mm/yyyy,hh:mm:ss.nnnnnnnnn."""
    date, clock = str(np.datetime64(time_ns, "ns")).split("T")
    year, month, day = date.split("-")
    return f"{day}/{month}/{year},{clock}"


def _free(text: str) -> str:
    """A line of free text, which may have commas.

    Raises:
        InputError: it would be taken for the head of a section, or is more than a line.
    """
    if any(c in text for c in "\r\n") or text.startswith("---"):
        raise InputError(f"COMTRADE: {text!r} cannot be the header's line")
    return text


def _name(text: str) -> str:
    """A name that fits between commas.

    Raises:
        InputError: it does not.
    """
    if len(text) > NAMES or any(c in text for c in ",\r\n") or text.startswith("---"):
        raise InputError(
            f"COMTRADE: {text!r} cannot be a name in the file: it has a comma, a line break, or"
            f" more than {NAMES} characters"
        )
    return text
