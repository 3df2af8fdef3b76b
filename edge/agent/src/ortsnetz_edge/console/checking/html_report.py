"""The report of a check as one HTML file: no scripts, nothing from elsewhere, prints well."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from ortsnetz_edge.console.checking.findings import Finding, Verdict, worst_first
from ortsnetz_edge.console.checking.html_style import STYLE
from ortsnetz_edge.console.checking.report import PointReport, Report, SourceReport
from ortsnetz_edge.console.checking.showing import clock, summary
from ortsnetz_edge.console.words import number, seconds

_GAUGE = (160.0, 14.0)
_MARGIN = 0.5
"""The gauge shows half the width of the expected band on either side of it."""


def html_report(report: Report) -> str:
    """The whole file. What devices say is escaped: it may be hostile."""
    version = "unknown" if report.version is None else str(report.version)
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        (
            '<meta http-equiv="Content-Security-Policy" '
            "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        ),
        f"<title>{escape(report.node)}: check of {escape(report.time)}</title>",
        f"<style>{STYLE}</style></head><body>",
        f"<h1>{escape(report.node)} {_badge(report.verdict)}</h1>",
        (
            f"<p>{escape(report.time)}, parameter set version {escape(version)}. "
            f"{escape(summary(report))}</p>"
        ),
        "<h2>Node</h2>",
        *_findings(report.findings),
    ]
    if report.sources:
        parts += ["<h2>Sources</h2>", *_overview(report)]
        for source in report.sources:
            parts += _source(source)
    return "\n".join([*parts, "</body></html>", ""])


def _badge(verdict: Verdict) -> str:
    return f'<span class="badge {verdict}">{verdict}</span>'


def _findings(found: Iterable[Finding], *, names: bool = True) -> Iterator[str]:
    rows = [
        (
            _badge(finding.verdict),
            *((escape(finding.where),) if names else ()),
            escape(finding.what),
            escape(finding.sees),
            escape(finding.expects),
            escape(finding.advice),
        )
        for finding in worst_first(found)
    ]
    heads = ("", *(("where",) if names else ()), "what", "sees", "expects", "what to do")
    if rows:
        yield from _table(heads, rows)


def _overview(report: Report) -> Iterator[str]:
    rows = []
    for source in report.sources:
        manner = source.manner
        reads = manner.reads_per_scan
        rows.append(
            (
                _badge(report.verdict_of(source.name)),
                f'<a href="#{escape(source.name)}">{escape(source.name)}</a>',
                escape(source.profile),
                escape(source.address),
                f"{manner.scans_answered}/{manner.scans_asked}",
                _seconds(manner.round_trip_s),
                _seconds(manner.round_trip_max_s),
                "" if reads is None else f"{reads:.1f}",
                escape(clock(manner)),
                escape(manner.limit),
            )
        )
    heads = ("", "source", "profile", "address", "answers", "p50", "max")
    yield from _table((*heads, "reads/scan", "clock", "limit"), rows)


def _source(source: SourceReport) -> Iterator[str]:
    yield f'<h3 id="{escape(source.name)}">{escape(source.name)} {_badge(source.verdict)}</h3>'
    yield f"<p>says {escape(source.says)}; expected {escape(source.expected)}</p>"
    yield from _findings(source.findings, names=False)
    rows = [
        (
            "" if point.verdict is Verdict.OK else _badge(point.verdict),
            escape(point.name),
            f'<span class="number">{escape(number(point.value))}</span>',
            escape(point.unit),
            _gauge(point),
            escape(point.quality),
            _seconds(point.age_s),
            escape(point.expects),
            escape(point.advice),
        )
        for point in source.points
    ]
    if rows:
        heads = ("", "point", "sees", "unit", "", "quality", "age", "expects", "what to do")
        yield from _table(heads, rows)


def _gauge(point: PointReport) -> str:
    """The value as a mark above the band that was expected of it."""
    if point.value is None or point.band is None or not point.band[0] < point.band[1]:
        return ""
    low, high = point.band
    width, height = _GAUGE
    left = low - _MARGIN * (high - low)
    span = (1 + 2 * _MARGIN) * (high - low)
    at = min(max((point.value - left) / span, 0.0), 1.0) * width
    begin = _MARGIN / (1 + 2 * _MARGIN) * width
    return (
        f'<svg class="{point.verdict}" width="{width:.0f}" height="{height:.0f}" role="img" '
        f'aria-label="{escape(number(point.value))}, expected {escape(point.expects)}">'
        f'<rect class="scale" x="0" y="6" width="{width:.0f}" height="2"/>'
        f'<rect class="band" x="{begin:.1f}" y="4" width="{width - 2 * begin:.1f}" height="6"/>'
        f'<rect class="mark" x="{max(0.0, at - 1.5):.1f}" y="0" width="3" height="{height:.0f}"/>'
        "</svg>"
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield "<table><thead><tr>"
    yield "".join(f"<th>{escape(head)}</th>" for head in heads)
    yield "</tr></thead><tbody>"
    for row in rows:
        yield f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>"
    yield "</tbody></table>"


def _seconds(value_s: float | None) -> str:
    return "" if value_s is None else escape(seconds(value_s))
