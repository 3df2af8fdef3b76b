"""Reading COMTRADE files of 1999 and 2013 with one sampling rate."""

from __future__ import annotations

import math

import numpy as np

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.power_quality.comtrade_configuration import Configuration, parsed
from ortsnetz_grid.functions.power_quality.comtrade_writer import MISSING, TYPES
from ortsnetz_grid.functions.power_quality.recording import Recording, Status
from ortsnetz_grid.functions.power_quality.samples import Flags, Real, Samples


def read(configuration: str, data: bytes, name: str) -> Recording:
    """A recording from the contents of CFG and DAT.

    Channels that are neither V nor A, of no single phase, or a second one of a phase are left out
    and named. Missing values of any channel make their sample lost.

    Args:
        configuration: contents of the CFG file.
        data: contents of the DAT file.
        name: of the file, for errors.

    Raises:
        InputError: the files are not what the standard says, with the line.
    """
    said = parsed(configuration, name)
    raw, bits = (
        _ascii(said, data, name) if said.data_format == "ASCII" else _binary(said, data, name)
    )
    missing = MISSING[said.data_format]
    rows, left_out = _chosen(said)
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
    channels = tuple(c for k in rows if (c := said.analogs[k].channel) is not None)
    samples = Samples(said.start_ns, said.rate_hz, channels, values, lost, unsynchronised)
    return Recording(
        samples,
        said.trigger_ns,
        said.station,
        said.device,
        "",
        said.nominal_hz,
        tuple(Status(status, values) for status, values in statuses.items()),
        left_out,
    )


def _chosen(said: Configuration) -> tuple[list[int], tuple[str, ...]]:
    """The first channel of each phase's voltage and current, and the names of the others."""
    rows: dict[tuple[str, str], int] = {}
    left_out = []
    for k, analog in enumerate(said.analogs):
        channel = analog.channel
        if channel is None or rows.setdefault((channel.kind, channel.phase), k) != k:
            left_out.append(analog.name)
    return list(rows.values()), tuple(left_out)


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


def _ascii(said: Configuration, data: bytes, name: str) -> tuple[Real, Flags]:
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


def _binary(said: Configuration, data: bytes, name: str) -> tuple[Real, Flags]:
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
