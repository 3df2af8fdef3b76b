"""`ortsnetz power-quality`: what a recorded waveform has in it."""

from __future__ import annotations

from pathlib import Path

import click

from ortsnetz_common.errors import InputError
from ortsnetz_grid.commands.output import write_together
from ortsnetz_grid.commands.power_quality_words import Found, summary
from ortsnetz_grid.functions.power_quality.aggregation import TEN_MINUTES_NS, unfinished
from ortsnetz_grid.functions.power_quality.comtrade_reader import read, split_combined
from ortsnetz_grid.functions.power_quality.declared import Declared
from ortsnetz_grid.functions.power_quality.fault_direction import FaultDirection
from ortsnetz_grid.functions.power_quality.monitor import MonitorState, advance_monitor
from ortsnetz_grid.functions.power_quality.on_recordings import findings
from ortsnetz_grid.functions.power_quality.presentation import as_json, as_svg, as_text
from ortsnetz_grid.functions.power_quality.record import Record
from ortsnetz_grid.functions.power_quality.recording import Recording
from ortsnetz_grid.functions.power_quality.samples import Samples
from ortsnetz_grid.functions.power_quality.week import report

BLOCK_S = 10.0
_FILE = click.Path(path_type=Path)


@click.command("power-quality")
@click.argument("file", type=_FILE)
@click.option("--voltage", type=float, required=True, help="Declared voltage, phase to neutral, V.")
@click.option("--report", "prefix", type=_FILE, help="Write PREFIX.json, .txt and .svg (EN 50160).")
def power_quality(file: Path, *, voltage: float, prefix: Path | None) -> None:
    """Analyse the recorded waveform FILE, COMTRADE as .cfg beside its .dat, or as .cff.

    It prints what was found of IEC 61000-4-30 (class S), and the direction of a fault if there was
    one. --report judges the whole ten minutes that the recording touches by EN 50160; what the
    recording does not have is missing there, never fine.
    """
    recording = read_recording(file)
    declared = Declared(voltage, 60 if recording.nominal_hz == 60 else 50)
    try:
        found = analysed(recording, declared)
    except InputError as error:
        raise InputError(f"{file}: {error}") from error
    for line in summary(found):
        click.echo(line)
    for finding in findings([FaultDirection(declared)], recording):
        click.echo(f"{finding.function}: {finding.verdict or 'not judged'} ({finding.reason})")
    if prefix is not None:
        judged = report(found.record)
        write_together(
            {
                prefix.with_name(f"{prefix.name}.json"): as_json(judged),
                prefix.with_name(f"{prefix.name}.txt"): as_text(judged),
                prefix.with_name(f"{prefix.name}.svg"): as_svg(found.record),
            }
        )
        click.echo(f"EN 50160: {judged.judgement}")


def read_recording(file: Path) -> Recording:
    """A recording from its files.

    Raises:
        InputError: a file cannot be read or is not COMTRADE.
    """
    path = file
    try:
        if file.suffix.lower() == ".cff":
            text, data = split_combined(file.read_bytes(), str(file))
        elif file.suffix.lower() == ".cfg":
            text = file.read_text(encoding="utf-8", errors="replace")
            path = file.with_suffix(".DAT" if file.suffix.isupper() else ".dat")
            data = path.read_bytes()
        else:
            raise InputError(f"{file}: a COMTRADE file ends in .cfg or .cff")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    return read(text, data, str(file))


def analysed(recording: Recording, declared: Declared) -> Found:
    """Everything the monitor finds, block by block."""
    samples = recording.samples
    state, found = MonitorState(), []
    length = max(round(BLOCK_S * samples.rate_hz), 1)
    for first in range(0, samples.count, length):
        state, one = advance_monitor(state, _part(samples, first, first + length), declared)
        found.append(one)
    last = unfinished(state.aggregation)
    start = samples.start_ns // TEN_MINUTES_NS * TEN_MINUTES_NS
    end = -(-samples.end_ns // TEN_MINUTES_NS) * TEN_MINUTES_NS
    record = Record(
        declared,
        samples.channels,
        start,
        end,
        [i for one in found for i in one.intervals.ten_minutes] + ([last] if last else []),
        [f for one in found for f in one.measured.frequencies],
        [f for one in found for f in one.long_flicker],
        [*(e for one in found for e in one.measured.events), *state.meter.events.lasting],
    )
    windows = tuple(w for one in found for w in one.measured.windows)
    short = tuple(s for one in found for s in one.short_flicker)
    return Found(recording, record, windows, short)


def _part(samples: Samples, first: int, end: int) -> Samples:
    return Samples(
        samples.instant_ns(first),
        samples.rate_hz,
        samples.channels,
        samples.values[:, first:end],
        samples.lost[first:end],
        samples.unsynchronised[first:end],
    )
