"""The weekly report as JSON, as text and as a picture (SVG)."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import pairwise
from xml.sax.saxutils import escape

import numpy as np

from ortsnetz_common.measurement.time import rfc3339
from ortsnetz_grid.functions.power_quality import en50160
from ortsnetz_grid.functions.power_quality.en50160 import Criterion
from ortsnetz_grid.functions.power_quality.record import LEAST_COVERED, Record
from ortsnetz_grid.functions.power_quality.samples import Kind
from ortsnetz_grid.functions.power_quality.week import Report

WIDTH, HEIGHT, MARGIN = 900, 320, 50
NAME, JUDGED = 40, 22
"""Columns of the text, in characters."""
COLOURS = {"a": "#8c510a", "b": "#35978f", "c": "#762a83"}


def as_json(report: Report) -> str:
    """The report for machines; times as RFC 3339, counts as they are."""
    content = asdict(report)
    content["start"], content["end"] = rfc3339(report.start_ns), rfc3339(report.end_ns)
    del content["start_ns"], content["end_ns"]
    content["standard"] = en50160.EDITION
    content["not_judged"] = list(en50160.NOT_JUDGED)
    content["dip_rows_residual_pu"] = list(en50160.DIP_ROWS_PU)
    content["dip_columns_up_to_s"] = list(en50160.DIP_COLUMNS_S)
    content["swell_rows_pu"] = list(en50160.SWELL_ROWS_PU)
    content["swell_columns_up_to_s"] = list(en50160.SWELL_COLUMNS_S)
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def as_text(report: Report) -> str:
    """The report for people, a line a criterion, orders that are met in one line together."""
    head = (
        f"{'criterion':{NAME}} {'judged':{JUDGED}} {'within':>8} {'asked':>7} {'missing':>8}"
        f" {'left out':>9} {'lowest':>9} {'highest':>9}"
    )
    period = f"{rfc3339(report.start_ns)} to {rfc3339(report.end_ns)}"
    lines = [
        f"{en50160.EDITION}, {period}: {report.judgement}",
        f"not judged: {', '.join(en50160.NOT_JUDGED)}",
        _orders(report),
        "",
        head,
    ]
    quiet = [c for c in report.criteria if c.name.startswith("order") and c.judgement == "met"]
    lines += [_line(c) for c in report.criteria if c not in quiet]
    if quiet:
        lines.append(f"{len(quiet)} harmonic orders met")
    lines += ["", "Dips by residual voltage and duration (EN 50160, table 2)"]
    lines += _table(report.dips, _dip_names(), en50160.DIP_COLUMNS_S)
    lines += ["", "Swells by largest voltage and duration (EN 50160, table 4)"]
    lines += _table(report.swells, ["u >= 120 %", "120 > u > 110 %"], en50160.SWELL_COLUMNS_S)
    lines += [
        "",
        f"interruptions up to 3 min: {report.short_interruptions}",
        f"interruptions beyond 3 min: {report.long_interruptions}",
        f"dips beyond 1 min: {report.longer_dips}",
        f"swells beyond 1 min: {report.longer_swells}",
        f"events without an end: {report.lasting}",
        f"events that began before, and are in the report before, too: {report.began_before}",
        f"events with lost samples: {report.uncertain}",
    ]
    return "\n".join(lines) + "\n"


def _orders(report: Report) -> str:
    highest = report.highest_order
    if highest is None:
        return "harmonics: none were measured"
    short = f"; a THD has {en50160.THD_ORDERS}" if highest < en50160.THD_ORDERS else ""
    return f"harmonics: orders up to {highest} were measured{short}"


def _line(c: Criterion) -> str:
    whole = c.within + c.beyond
    share = f"{100.0 * c.within / whole:.1f} %" if whole else "none"
    lowest = "-" if c.lowest is None else f"{c.lowest:.4g}"
    highest = "-" if c.highest is None else f"{c.highest:.4g}"
    return (
        f"{c.name:{NAME}} {c.judgement:{JUDGED}} {share:>8} {100.0 * c.share:>5.1f} %"
        f" {c.missing:>8} {c.left_out:>9} {lowest:>9} {highest:>9}"
    )


def _dip_names() -> list[str]:
    edges = [round(100 * u) for u in en50160.DIP_ROWS_PU]
    return [*(f"{a} > u >= {b} %" for a, b in pairwise(edges[:-1])), "5 % > u"]


def _table(
    counts: tuple[tuple[int, ...], ...], names: list[str], columns: tuple[float, ...]
) -> list[str]:
    head = f"{'':18}" + "".join(f"{'<= ' + format(c, 'g') + ' s':>10}" for c in columns)
    rows = [
        f"{name:18}" + "".join(f"{n:>10}" for n in row)
        for name, row in zip(names, counts, strict=True)
    ]
    return [head, *rows]


def as_svg(record: Record) -> str:
    """The ten-minute voltages of the period with their limits; gaps stay gaps."""
    declared = record.declared.voltage_v
    low, high = 0.8 * declared, 1.2 * declared

    def x(time_ns: float) -> float:
        share = (time_ns - record.start_ns) / (record.end_ns - record.start_ns)
        return MARGIN + share * (WIDTH - 2 * MARGIN)

    def y(volt: float) -> float:
        share = (min(max(volt, low), high) - low) / (high - low)
        return HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN)

    parts = []
    for limit in (0.85, 0.9, 1.0, 1.1):
        dash = "" if limit == 1.0 else ' stroke-dasharray="4 3"'
        at = y(limit * declared)
        parts.append(
            f'<line x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{at:.1f}" y2="{at:.1f}"'
            f' stroke="#999"{dash}/><text x="4" y="{at + 4:.1f}">{limit * declared:.0f} V</text>'
        )
    for row, channel in enumerate(record.channels):
        if channel.kind is not Kind.VOLTAGE or channel.phase not in COLOURS:
            continue
        for stretch in _stretches(record, row):
            points = " ".join(f"{x(t):.1f},{y(u):.1f}" for t, u in stretch)
            colour = COLOURS[channel.phase]
            parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}"/>')
    title = f"10-minute voltages, {rfc3339(record.start_ns)} to {rfc3339(record.end_ns)}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' font-family="sans-serif" font-size="11"><text x="{MARGIN}" y="20">{escape(title)}</text>'
        + "".join(parts)
        + "</svg>\n"
    )


def _stretches(record: Record, row: int) -> list[list[tuple[int, float]]]:
    """Instants and values without a gap between them."""
    stretches: list[list[tuple[int, float]]] = []
    end = -1
    for interval in sorted(record.ten_minutes, key=lambda i: i.start_ns):
        if interval.quantities is None or interval.covered < LEAST_COVERED:
            continue
        if interval.start_ns != end:
            stretches.append([])
        volt = float(np.float64(interval.quantities.rms[row]))
        stretches[-1] += [(interval.start_ns, volt), (interval.end_ns, volt)]
        end = interval.end_ns
    return stretches
