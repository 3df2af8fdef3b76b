"""Criteria about the network: loading and voltage in a band, with the device under test or without.

Loading 1 is the rating; voltages are phase to neutral in per unit. The voltage of all nodes leaves
out those that are dead; one named node that is dead, or a phase of it, is below every limit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ortsnetz_hil.scenarios.durations import words as duration
from ortsnetz_hil.verdict import measures
from ortsnetz_hil.verdict.criteria_values import Criterion, Judgement, Span, Within
from ortsnetz_hil.verdict.excursions import Vector
from ortsnetz_hil.verdict.recording import CannotJudgeError, Recording
from ortsnetz_hil.verdict.truth import Row

TRANSFORMER, LINES = "transformer", "lines"


class _Band(Criterion, frozen=True, kw_only=True):
    """A quantity that has to stay in a band, or be back in it soon.

    Attributes:
        low, high: the band, None for no limit on that side.
        within: longest time outside; None: never outside.
        span: the part of the run that counts.
    """

    low: float | None = None
    high: float | None = None
    within: Within | None = None
    span: Span = Span()

    @property
    def happenings(self) -> tuple[str, ...]:
        """Names of faults and events that it refers to."""
        return self.span.names()

    def _extremes(self, recording: Recording, rows: Sequence[Row]) -> tuple[Vector, Vector]:
        """Lowest and highest value of each row, shape (rows,); NaN where there is none."""
        raise NotImplementedError

    def _judged(self, recording: Recording) -> Judgement:
        rows = measures.judged(recording, *self.span.bounds(recording))
        lowest, highest = self._extremes(recording, rows)
        if np.isnan(lowest).all():
            raise CannotJudgeError("it is dead all the time")
        reserve = self._reserve(lowest, highest)
        worst = int(np.argmin(reserve))
        limit, value = self._nearest(float(lowest[worst]), float(highest[worst]))
        spoken = "dead" if np.isnan(value) else f"{value:.3f}"
        words = f"{_side(limit, self.high)} {spoken} at {rows[worst].time_s:.1f} s"
        if self.within is not None:
            return self._soon_back(recording, rows, reserve, words, self.within)
        return Judgement(
            self.sentence,
            passed=bool(reserve[worst] >= 0.0),
            words=words,
            margin=round(float(reserve[worst]), 6) if np.isfinite(reserve[worst]) else None,
            unit="pu",
            observed=None if np.isnan(value) else round(value, 6),
            limit=limit,
            at_s=round(rows[worst].time_s, 3),
        )

    def _reserve(self, lowest: Vector, highest: Vector) -> Vector:
        """Distance to the nearer limit, negative outside; a dead row is infinitely low."""
        reserve = np.full(lowest.size, np.inf)
        if self.low is not None:
            reserve = np.where(np.isnan(lowest), -np.inf, lowest - self.low)
        if self.high is not None:
            above = np.where(np.isnan(highest), np.inf, self.high - highest)
            reserve = np.minimum(reserve, above)
        return reserve

    def _nearest(self, lowest: float, highest: float) -> tuple[float, float]:
        """The limit that is nearer, and the value that is nearer to it."""
        if self.high is None:
            return (self.low or 0.0), lowest
        if self.low is None or highest - self.high > self.low - lowest:
            return self.high, highest
        return self.low, lowest

    def _soon_back(
        self, recording: Recording, rows: list[Row], reserve: Vector, worst: str, within: Within
    ) -> Judgement:
        allowed_s, allowed = _allowed(recording, within)
        found = measures.outside(rows, reserve < 0.0)
        longest = measures.longest(found)
        if longest is None:
            words, seconds, at_s = f"never outside; {worst}", 0.0, None
        else:
            times = "once" if len(found) == 1 else f"{len(found)} times"
            seconds, at_s = longest.seconds, round(longest.first_s, 3)
            words = (
                f"outside {times}, at the longest for {seconds:.1f} s from {at_s:.1f} s on; "
                f"{worst}; allowed are {allowed}"
            )
        return Judgement(
            self.sentence,
            passed=seconds <= allowed_s + 1e-6,
            words=words,
            margin=round(allowed_s - seconds, 3),
            unit="s",
            observed=round(seconds, 3),
            limit=round(allowed_s, 3),
            at_s=at_s,
        )


class Loading(_Band, frozen=True, kw_only=True):
    """`loading of transformer|lines|ELEMENT below X`."""

    of: str

    @property
    def elements(self) -> tuple[str, ...]:
        """The element, where it is one."""
        return () if self.of in {TRANSFORMER, LINES} else (self.of,)

    def _extremes(self, recording: Recording, rows: Sequence[Row]) -> tuple[Vector, Vector]:
        found = loading(recording, rows, self.of)
        return found, found


class Voltage(_Band, frozen=True, kw_only=True):
    """`voltage between A and B`, `voltage at NODE above A`; without a node: all LV nodes."""

    node: str | None = None

    @property
    def elements(self) -> tuple[str, ...]:
        """The node, where it is one."""
        return () if self.node is None else (self.node,)

    @property
    def needs_voltages(self) -> bool:
        """Whether it needs the voltages of all nodes."""
        return self.node is not None

    def _extremes(self, recording: Recording, rows: Sequence[Row]) -> tuple[Vector, Vector]:
        if self.node is None:
            return measures.numbers(rows, "u_min"), measures.numbers(rows, "u_max")
        if self.node not in recording.elements.nodes:
            raise CannotJudgeError(f"the network has no node '{self.node}'")
        phases = measures.column(rows, "node_u_pu")[:, recording.elements.nodes.index(self.node)]
        return phases.min(axis=1), phases.max(axis=1)  # NaN stays NaN: a dead phase is no voltage


class WithoutLimits(Criterion, frozen=True, kw_only=True):
    """`without limits loading of transformer above 1.0`: the scenario is a test at all.

    Attributes:
        of: transformer, lines or element whose loading is meant; None for the voltage.
        above, below: what the same seed without limits has to reach; one of them.
    """

    of: str | None
    above: float | None = None
    below: float | None = None

    @property
    def elements(self) -> tuple[str, ...]:
        """The element, where it is one."""
        return () if self.of in {None, TRANSFORMER, LINES} else (str(self.of),)

    @property
    def needs_replay(self) -> bool:
        """It compares with the same seed without limits."""
        return True

    def _judged(self, recording: Recording) -> Judgement:
        if recording.unlimited is None:
            raise CannotJudgeError("the seed was not replayed without limits")
        rows = measures.whole(recording, recording.unlimited, 0.0, recording.seconds)
        if self.of is not None:
            values = loading(recording, rows, self.of)
        else:
            values = measures.numbers(rows, "u_max" if self.above is not None else "u_min")
        rises = self.above is not None
        limit = self.above if self.above is not None else float(self.below or 0.0)
        best = int(np.argmax(values) if rises else np.argmin(values))
        reached, at_s = float(values[best]), rows[best].time_s
        margin = reached - limit if rises else limit - reached
        return Judgement(
            self.sentence,
            passed=margin > 0.0,
            words=f"without limits {'at most' if rises else 'at least'} {reached:.3f} "
            f"at {at_s:.1f} s",
            margin=round(margin, 6),
            unit="pu",
            observed=round(reached, 6),
            limit=limit,
            at_s=round(at_s, 3),
        )


def loading(recording: Recording, rows: Sequence[Row], of: str) -> Vector:
    """Loading of the worst transformer or line, or of one element, shape (rows,).

    Raises:
        CannotJudgeError: there is no such element, or the truth does not have it.
    """
    if of == TRANSFORMER:
        return measures.numbers(rows, "transformer_loading")
    if of == LINES:
        return measures.numbers(rows, "line_loading")
    known = recording.elements
    for names, field in (
        (known.lines, "line_loadings"),
        (known.transformers, "transformer_loadings"),
    ):
        if of in names:
            return np.asarray(measures.numbers(rows, field)[:, names.index(of)])
    raise CannotJudgeError(f"the network has no line or transformer '{of}'")


def _allowed(recording: Recording, within: Within) -> tuple[float, str]:
    """Longest time outside, in seconds and in words.

    A device under test decides once a cycle and sees what it has done when devices have followed:
    its cycles count only on top of the slowest reaction that the station states.
    """
    seconds, words = within.seconds(recording), within.words(recording)
    if not within.cycles:
        return seconds, words
    if recording.stated is None:
        raise CannotJudgeError("no stated reaction times of the devices")
    name, slowest = max(
        recording.stated.items(), key=lambda item: item[1].reaction_s, default=("", None)
    )
    if slowest is None:
        return seconds, words
    allowed_s = seconds + slowest.reaction_s
    reaction = f"{duration(slowest.reaction_s)}, the slowest stated reaction ({name})"
    return allowed_s, f"{duration(allowed_s)}: {words} and {reaction}"


def _side(limit: float, high: float | None) -> str:
    return "at most" if limit == high else "at least"
