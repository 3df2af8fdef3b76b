"""How good a driver is, by a scale that a test checks (after Home Assistant's quality scale).

Each driver's room has an `assessment.py` with an `ASSESSMENT`: for each rule the tests that hold
it, or why the rule does not apply, or that it is not held yet. A driver has the highest level all
of whose rules, and those of the levels below, are held or do not apply.
`tests/unit/edge/test_drivers_assess_themselves.py` checks that the tests named exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Level(IntEnum):
    """Levels of quality, from none to the best."""

    NONE = 0
    BRONZE = 1
    SILVER = 2
    GOLD = 3
    PLATINUM = 4


class Rule(StrEnum):
    """What can be said of a driver; the comment is the question that its tests answer."""

    # bronze: it can be used on a bench
    QUALITY_AND_TIME = "quality and time"  # does each value come with the device's own?
    REFUSES_WRONG_PROFILES = "refuses wrong profiles"  # with file, line and reason?
    DEADLINES = "deadlines"  # does every request end in bounded time?
    READS_BACK = "reads back"  # is a limit confirmed and read back?
    SILENT_AT_START = "silent at start"  # does it write nothing by itself?
    # silver: it can be left alone in a substation
    RECOVERS = "recovers"  # by itself, when the device is back?
    BACKS_OFF = "backs off"  # for each device, capped, with jitter?
    ALONE = "alone"  # does a silent or babbling device delay no other?
    KNOWS_ITS_DEVICE = "knows its device"  # is nothing written to another device?
    ADJUSTS = "adjusts"  # are other set points bounded, confirmed, read back, to the right device?
    LOGS_ONCE = "logs once"  # when a device is lost, and once when it is back?
    NO_SECRETS = "no secrets"  # in diagnostics, logs, errors?
    # gold: it can be given to strangers
    INTEROPERATES = "interoperates"  # with a stack that is not ours, in CI?
    HOSTILE_FRAMES = "hostile frames"  # truncated, garbled, repeated: a stated outcome?
    HALF_OPEN = "half-open"  # is a connection without a peer noticed?
    PROBES = "probes"  # browse, read, watch, confirmed write for the technician?
    SECURED = "secured"  # encryption and mutual authentication?
    # platinum: it can be forgotten
    FUZZED = "fuzzed"  # are its parsers, with figures in docs/figures.md?
    SOAKED = "soaked"  # minutes of random disconnects without growth?
    MEASURED = "measured"  # at most 1.5 times a plain loop on the library?


LEVELS: Mapping[Level, tuple[Rule, ...]] = {
    Level.BRONZE: (
        Rule.QUALITY_AND_TIME,
        Rule.REFUSES_WRONG_PROFILES,
        Rule.DEADLINES,
        Rule.READS_BACK,
        Rule.SILENT_AT_START,
    ),
    Level.SILVER: (
        Rule.RECOVERS,
        Rule.BACKS_OFF,
        Rule.ALONE,
        Rule.KNOWS_ITS_DEVICE,
        Rule.ADJUSTS,
        Rule.LOGS_ONCE,
        Rule.NO_SECRETS,
    ),
    Level.GOLD: (
        Rule.INTEROPERATES,
        Rule.HOSTILE_FRAMES,
        Rule.HALF_OPEN,
        Rule.PROBES,
        Rule.SECURED,
    ),
    Level.PLATINUM: (Rule.FUZZED, Rule.SOAKED, Rule.MEASURED),
}


@dataclass(frozen=True, slots=True)
class Held:
    """A rule is held by tests: `tests/interop/test_x.py::test_y`, or a make target."""

    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """A rule says nothing about this protocol."""

    why: str


@dataclass(frozen=True, slots=True)
class NotYet:
    """A rule is not held; what is missing."""

    missing: str


Assessment = Mapping[Rule, Held | NotApplicable | NotYet]


def held(*tests: str) -> Held:
    """A rule that these tests hold."""
    return Held(tests)


def level(assessment: Assessment) -> Level:
    """The level of a driver."""
    reached = Level.NONE
    for candidate, rules in LEVELS.items():
        if any(isinstance(assessment.get(rule, NotYet("")), NotYet) for rule in rules):
            break
        reached = candidate
    return reached
