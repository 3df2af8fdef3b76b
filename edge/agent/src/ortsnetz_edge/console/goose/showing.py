"""What a listener heard, as tables for people."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from ortsnetz_edge.console.text_table import one_line, table


class Stream(Struct, frozen=True):
    """One stream, as the listener says it (`ortsnetz_iec61850.goose.observed.Observed`)."""

    block: str
    source: str
    destination: str
    app_id: int
    vlan: int
    id: str
    data_set: str
    revision: int
    state: int
    sequence: int
    time_allowed_to_live_ms: int
    members: int
    simulation: bool
    frames: int
    longest_gap_s: float
    silent: bool
    counts: dict[str, int]
    findings: tuple[str, ...]


class Report(Struct, frozen=True):
    """All that was heard on an interface."""

    interface: str
    seconds: float
    streams: tuple[Stream, ...]
    malformed: int
    dropped: int
    beyond: int


_COUNTED = {
    "lost_messages": "lost messages",
    "lost_states": "lost states",
    "doubled": "doubled",
    "replayed": "replayed",
    "restarts": "restarts",
    "expired": "silences",
}


def lines_of(report: Report) -> Iterator[str]:
    """Tables: what there is, what was counted, what is not as it should be."""
    heard = [stream for stream in report.streams if stream.frames]
    count = f"{len(heard)} GOOSE stream{'' if len(heard) == 1 else 's'}"
    yield f"{report.interface}: {count} in {report.seconds:.1f} s"
    if heard:
        yield ""
        yield from _streams(heard)
        yield ""
        yield from _counts(heard)
    findings = [(each.block, words) for each in report.streams for words in each.findings]
    if findings:
        yield ""
        yield from (f"{one_line(block)}: {one_line(words)}" for block, words in findings)
    for number, words in (
        (report.malformed, "frames are no GOOSE messages"),
        (report.dropped, "frames were dropped by the kernel: this machine was too slow"),
        (report.beyond, "frames of further streams were not looked at"),
    ):
        if number:
            yield f"{number} {words}"


def _streams(heard: list[Stream]) -> list[str]:
    rows = [
        (
            each.block,
            each.source,
            each.destination,
            f"{each.app_id:04X}",
            str(each.vlan or ""),
            each.id,
            str(each.revision),
            str(each.members),
        )
        for each in heard
    ]
    heads = ("control block", "from", "to", "APPID", "VLAN", "goID", "revision", "members")
    return table(heads, rows, right=("VLAN", "revision", "members"))


def _counts(heard: list[Stream]) -> list[str]:
    rows = [
        (
            each.block,
            "silent" if each.silent else "alive",
            str(each.state),
            str(each.sequence),
            f"{each.time_allowed_to_live_ms} ms",
            f"{each.longest_gap_s:.3f} s",
            str(each.frames),
            *(str(each.counts.get(name) or "") for name in _COUNTED),
        )
        for each in heard
    ]
    heads = (
        *("control block", "is", "state", "message", "allowed", "longest gap", "frames"),
        *_COUNTED.values(),
    )
    return table(heads, rows, right=heads[2:])
