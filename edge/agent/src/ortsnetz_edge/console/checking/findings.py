"""What a check has found: what it sees, what it expects, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct


class Verdict(StrEnum):
    """How something is, from best to worst."""

    OK = "ok"
    ATTENTION = "attention"
    WRONG = "wrong"


_ORDER = {verdict: number for number, verdict in enumerate(Verdict)}


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of some verdicts; ok if there are none."""
    return max(verdicts, key=_ORDER.__getitem__, default=Verdict.OK)


def worst_first(found: Iterable[Finding]) -> list[Finding]:
    """Findings from the worst to the best, else in their order."""
    return sorted(found, key=lambda finding: -_ORDER[finding.verdict])


class Finding(Struct, frozen=True):
    """One thing that was looked at.

    Attributes:
        where: name of the source, or part of the node: `parameters`, `broker`, ...
        what: the field or quantity that was looked at.
        sees: what is there.
        expects: what should be there.
        advice: what to do; empty if all is well.
    """

    verdict: Verdict
    where: str
    what: str
    sees: str
    expects: str = ""
    advice: str = ""


def ok(where: str, what: str, sees: str) -> Finding:
    """Something that is as it should be, and worth saying."""
    return Finding(Verdict.OK, where, what, sees)


def attention(where: str, what: str, sees: str, expects: str, advice: str) -> Finding:
    """Something that works and deserves a look."""
    return Finding(Verdict.ATTENTION, where, what, sees, expects, advice)


def wrong(where: str, what: str, sees: str, expects: str, advice: str) -> Finding:
    """Something that will not work."""
    return Finding(Verdict.WRONG, where, what, sees, expects, advice)
