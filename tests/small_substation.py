"""The three devices of the small node, speaking, and what a check says of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from line_protocol import Device
from small_node import SmallNode, where

from ortsnetz_common.measurement.time import now_ns
from ortsnetz_edge.console.checking.command import check_node
from ortsnetz_edge.console.checking.findings import Finding, Verdict
from ortsnetz_edge.console.checking.report import PointReport, Report, SourceReport


def bad(report: Report) -> list[Finding]:
    return [finding for finding in report.findings if finding.verdict is not Verdict.OK]


def meter_values(amperes: float = 10.0, sign: int = 1) -> dict[str, float | str]:
    watts = 230.0 * amperes * sign
    found: dict[str, float | str] = {}
    for phase in range(3):
        found[f"holding/{phase}"] = 2300.0
        found[f"holding/{3 + phase}"] = amperes * 100
        found[f"holding/{6 + phase}:i16"] = watts
        found[f"holding/{9 + phase}:i16"] = 0.0
    return found


class ChargerValues(dict[str, float | str]):
    """Values of a charge point whose clock runs and who counts its answers."""

    def __init__(self, ahead_s: float = 0.0) -> None:
        super().__init__(meter_values())
        self.update({"holding/30": 16.0, "holding/31": 3.0})
        self.update({"holding/20:u64": 0.0, "holding/24:u32": 0.0})
        self.ahead_s, self.count, self.stands_still = ahead_s, 0, False
        self.restarts_at: int | None = None

    def __getitem__(self, key: str) -> float | str:
        if key == "holding/20:u64":
            return float(now_ns() // 1_000_000 + round(self.ahead_s * 1000))
        if key == "holding/24:u32":
            self.count += not self.stands_still
            if self.count == self.restarts_at:
                self.count, self.restarts_at = 1, None
            return float(self.count)
        return super().__getitem__(key)


@dataclass
class Substation:
    """The three devices of the small node, and what a check says of them."""

    node: SmallNode
    trafo: Device = field(default_factory=lambda: Device(meter_values(20.0)))
    feeder: Device = field(default_factory=lambda: Device(meter_values(19.0)))
    ev: Device = field(default_factory=lambda: Device(ChargerValues()))

    def write(self) -> Path:
        node = self.node
        node.meter(0, connection=where(self.trafo.port))
        node.meter(1, connection=where(self.feeder.port))
        node.device(connection=where(self.ev.port, identity="S-1"))
        return node.write()

    def check(self) -> Report:
        report = check_node(self.write(), online=True)
        assert all(device.written == [] for device in (self.trafo, self.feeder, self.ev))
        return report

    def source(self, name: str) -> SourceReport:
        return next(source for source in self.check().sources if source.name == name)


@contextmanager
def running(node: SmallNode, monkeypatch: pytest.MonkeyPatch) -> Iterator[Substation]:
    """All three, each at a port of its own."""
    monkeypatch.setattr("ortsnetz_edge.console.checking.measuring.PAUSE_S", 0.02)
    found = Substation(node)
    with ExitStack() as stack:
        for device in (found.trafo, found.feeder, found.ev):
            stack.enter_context(device.serving())
        yield found


def point(source: SourceReport, name: str) -> PointReport:
    return next(point for point in source.points if point.name == name)


def finding(source: SourceReport, what: str) -> Finding:
    return next(finding for finding in source.findings if finding.what == what)


def change(device: Device, **values: float) -> None:
    device.values.update({name.replace("_", "/", 1): value for name, value in values.items()})
