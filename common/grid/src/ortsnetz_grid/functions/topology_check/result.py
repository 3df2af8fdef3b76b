"""What the check of a topology is asked and what it answers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

from ortsnetz_grid.functions.state_estimation import Settings


class Kind(StrEnum):
    """What explains the measurements."""

    OK = "ok"
    """The stated network does; nothing explains them much better."""
    BAD_METER = "bad meter"
    """Gross errors in one or several sensors."""
    WRONG_PHASE = "wrong phase"
    """A meter or customer whose phases are connected in another order than stated."""
    WRONG_SWITCH = "wrong switch"
    """Branches that are open instead of closed (also: a blown fuse) or closed instead of open."""
    WRONG_ASSUMPTION = "wrong assumption"
    """A customer without meter who consumes something else than assumed: nobody's fault."""
    UNDECIDED = "undecided"
    """Something is wrong; which of the alternatives it is cannot be told."""


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """How to check a topology.

    Attributes:
        false_alarm: probability that a case in which nothing is wrong is answered with anything
            but OK, for each of the tests that may say so.
        decisive: how much better (2 ln of the likelihood ratio, freed values paid) an explanation
            has to be than the next to be named; 9.2 is a hundred to one.
        gross_errors: spreads that the errors of a bad meter may have, in its standard deviations.
            The wider, the dearer it is to explain values by their being wrong.
        most_hypotheses: how many alternatives are computed at most, besides the stated case. Each
            costs one estimate a snapshot.
        switchable: ids of the branches that have a switch or fuse; None: any may be open. Naming
            them helps: an open end somewhere along a cable can hardly be told from one next to it.
        estimation: how the states are estimated.
    """

    false_alarm: float = 0.002
    decisive: float = 9.2
    gross_errors: tuple[float, ...] = (10.0, 100.0, 1000.0)
    most_hypotheses: int = 200
    switchable: frozenset[int] | None = None
    estimation: Settings = field(default_factory=lambda: Settings(loading=False))

    @property
    def convincing(self) -> float:
        """Evidence that a case without errors reaches with no more than `false_alarm`.

        The probability that a likelihood ratio against the truth exceeds c is at most 1 / c.
        """
        return -2 * math.log(self.false_alarm)


@dataclass(frozen=True, slots=True)
class Alternative:
    """One explanation of the measurements.

    Attributes:
        kind: of what is wrong.
        elements: ids of what is wrong: branches, or what the sensors measure.
        sensors: ids of the sensors that would be wrong or connected to other phases.
        closed: for each of `elements` whether it would be closed; empty unless a switch is wrong.
        phases: for `WRONG_PHASE`: network phases at the terminals 1, 2, 3 (stated: abc), else "".
        misfit: sum of the squared deviations that it leaves, in standard deviations.
        evidence: 2 ln of how much likelier than the stated network it makes the measurements, after
            the price for freed values and for the number of alternatives of its kind.
        words: what it says, for people.
    """

    kind: Kind
    elements: tuple[int, ...]
    sensors: tuple[int, ...]
    closed: tuple[bool, ...]
    phases: str
    misfit: float
    evidence: float
    words: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What the measurements say about the stated topology.

    Attributes:
        kind: what is the matter.
        elements: ids of the elements that are wrong; empty if OK or undecided.
        sensors: ids of the sensors that are wrong; likewise.
        alternatives: what cannot be told apart, the likeliest first; a single one where it could be
            decided; empty if OK.
        misfit: sum of the squared deviations from the stated network, over all snapshots.
        values: number of measured values behind it.
        snapshots: number of instants that were used.
        words: the finding in sentences, for people.
    """

    kind: Kind
    elements: tuple[int, ...]
    sensors: tuple[int, ...]
    alternatives: tuple[Alternative, ...]
    misfit: float
    values: int
    snapshots: int
    words: tuple[str, ...]
