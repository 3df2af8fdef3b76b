"""The report of a check in lines for a terminal."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from ortsnetz_edge.console.checking.findings import Finding, Verdict
from ortsnetz_edge.console.checking.report import Manner, PointReport, Report, SourceReport
from ortsnetz_edge.console.text_table import one_line, table
from ortsnetz_edge.console.words import number, seconds

_MANY = 4


def lines(report: Report, *, every_point: bool) -> Iterator[str]:
    """The report in lines.

    Args:
        report: of a check.
        every_point: also the points of sources with which all is well.
    """
    version = "unknown" if report.version is None else report.version
    yield f"node {report.node}  parameter set version {version}  {report.time}"
    yield ""
    yield from findings(report.findings)
    if report.sources:
        yield ""
        yield from _overview(report)
        for source in report.sources:
            if every_point or source.verdict is not Verdict.OK:
                yield ""
                yield from _source(source)
    yield ""
    yield summary(report)


def findings(found: Iterable[Finding], *, names: bool = True) -> Iterator[str]:
    """Findings, the worst first; what is said of many sources alike is said once.

    Args:
        found: of whatever source or part.
        names: whether it has to be said of whom they are.
    """
    alike: dict[tuple[Verdict, str, str, str, str], list[str]] = defaultdict(list)
    for finding in found:
        key = (finding.verdict, finding.what, finding.sees, finding.expects, finding.advice)
        alike[key].append(finding.where)
    order = {Verdict.WRONG: 0, Verdict.ATTENTION: 1, Verdict.OK: 2}
    for (verdict, what, sees, expects, advice), where in sorted(
        alike.items(), key=lambda item: order[item[0][0]]
    ):
        whose = f"{_names(where)}: " if names else ""
        line = f"{verdict:<10}{whose}{what}: {one_line(sees)}"
        if expects:
            line += f"; expected: {one_line(expects)}"
        yield line
        if advice:
            yield f"{'':<10}-> {advice}"


def _names(where: list[str]) -> str:
    if len(where) <= _MANY:
        return ", ".join(where)
    return f"{', '.join(where[:_MANY])} and {len(where) - _MANY} more"


def _overview(report: Report) -> list[str]:
    rows = [
        (
            report.verdict_of(source.name).value,
            source.name,
            source.profile,
            source.address,
            f"{source.manner.scans_answered}/{source.manner.scans_asked}",
            _optional(source.manner.round_trip_s),
            _optional(source.manner.round_trip_max_s),
            _plain(source.manner.reads_per_scan),
            clock(source.manner),
            source.manner.limit,
        )
        for source in report.sources
    ]
    heads = (
        "verdict",
        "source",
        "profile",
        "address",
        "answers",
        "p50",
        "max",
        "reads/scan",
        "clock",
        "limit",
    )
    return table(heads, rows, right=("answers", "p50", "max", "reads/scan", "clock", "limit"))


def _source(source: SourceReport) -> Iterator[str]:
    yield f"{source.name}  {source.profile}  {source.address}: {source.verdict}"
    yield f"  says {one_line(source.says)}; expected {one_line(source.expected)}"
    for line in findings(source.findings, names=False):
        yield f"  {line}"
    for line in _points(source.points):
        yield f"  {line}"


def _points(points: Sequence[PointReport]) -> list[str]:
    if not points:
        return []
    rows = [
        (
            "" if point.verdict is Verdict.OK else point.verdict.value,
            point.name,
            number(point.value),
            point.unit,
            point.quality,
            _optional(point.age_s),
            point.expects,
            point.advice,
        )
        for point in points
    ]
    heads = ("verdict", "point", "sees", "unit", "quality", "age", "expects", "what to do")
    return table(heads, rows, right=("sees", "age"))


def summary(report: Report) -> str:
    """The last line: how many of what."""
    names = [source.name for source in report.sources]
    if report.online:
        counted = Counter(report.verdict_of(name) for name in names)
        parts = (
            f"{counted[Verdict.OK]} ok",
            f"{counted[Verdict.ATTENTION]} need attention",
            f"{counted[Verdict.WRONG]} wrong",
        )
        rest = [f.verdict for f in report.findings if f.where not in names]
        beside = sum(verdict is not Verdict.OK for verdict in rest)
        further = f"; {beside} of the node itself: see above" if beside else ""
        return f"{report.verdict}: {len(names)} sources: {', '.join(parts)}{further}"
    counted = Counter(finding.verdict for finding in report.findings)
    return (
        f"{report.verdict}: {counted[Verdict.WRONG]} wrong, "
        f"{counted[Verdict.ATTENTION]} need attention; no device was asked (--online asks)"
    )


def _optional(value_s: float | None) -> str:
    return "" if value_s is None else seconds(value_s)


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def clock(manner: Manner) -> str:
    """How far the device's clock is ahead: `+12 ms`; empty where it says no time."""
    if manner.clock_s is None:
        return ""
    return f"{'+' if manner.clock_s >= 0 else '-'}{seconds(abs(manner.clock_s))}"
