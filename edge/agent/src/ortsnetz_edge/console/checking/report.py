"""What a check of a node has found, as a whole: the form that `--json` prints."""

from __future__ import annotations

from msgspec import Struct

from ortsnetz_edge.console.checking.findings import Finding, Verdict, worst


class PointReport(Struct, frozen=True):
    """One point of a source: what it says, and what was to be expected.

    Attributes:
        name: without the source.
        value: in `unit`; None where there is none.
        age_s: of the value by its own time; None where the device says no time.
        expects: in words.
        band: lowest and highest value that was expected; None where it is no band.
        advice: what to do; empty if all is well.
    """

    name: str
    value: float | None
    unit: str
    quality: str
    age_s: float | None
    expects: str
    verdict: Verdict
    advice: str = ""
    band: tuple[float, float] | None = None


class Manner(Struct, frozen=True):
    """How a source answers.

    Attributes:
        scans: asked for, and answered well.
        round_trip_s: half of the answers came within this; None without an answer.
        round_trip_max_s: all of them did.
        reads_per_scan: requests that one scan took.
        clock_s: how far the device's clock is ahead; None where it says no time.
        limit: in force, as the device states it, with its unit; empty where it has none.
    """

    scans_asked: int
    scans_answered: int
    round_trip_s: float | None
    round_trip_max_s: float | None
    reads_per_scan: float | None
    clock_s: float | None
    limit: str = ""


class SourceReport(Struct, frozen=True):
    """A source as it was seen on-line.

    Attributes:
        says: what it says it is.
        expected: what it has to say.
        findings: of the source as a whole.
    """

    name: str
    profile: str
    address: str
    says: str
    expected: str
    manner: Manner
    points: tuple[PointReport, ...]
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of what was found."""
        return worst(
            (*(point.verdict for point in self.points), *(f.verdict for f in self.findings))
        )


class Report(Struct, frozen=True):
    """A check of a node.

    Attributes:
        version: of the parameter set; None if it cannot be read.
        findings: of the off-line check, and of the station as a whole.
        sources: of the on-line check; empty without it.
    """

    node: str
    version: int | None
    time: str
    online: bool
    findings: tuple[Finding, ...]
    sources: tuple[SourceReport, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The worst of what was found."""
        return worst((*(f.verdict for f in self.findings), *(s.verdict for s in self.sources)))

    def verdict_of(self, name: str) -> Verdict:
        """The worst of what was found of a source."""
        return worst(
            (
                *(f.verdict for f in self.findings if f.where == name),
                *(s.verdict for s in self.sources if s.name == name),
            )
        )
