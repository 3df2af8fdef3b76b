"""When a tap changer is given another voltage set point. Pure: state, what is seen, time in.

The tap changer has a regulator of its own, which holds a set point at the busbar within its band.
What it cannot know is what the voltages are farther out. So the set point is moved until the middle
between the highest and the lowest voltage of the network is in the middle of the allowed band, and
never by so much that it takes more than one step of the tap. A set point in the right place serves
later, too: what the medium voltage does is then the regulator's own business.

The tap does what inverters cannot do, and does not hunt against them:

* it is slower: the middle has to be beyond the dead band, on one side, for `delay_s`;
* its dead band is wider than a step: half of it is at least `STEP_SHARE` of a step, so a step never
  leads from one side of it to the other (makers of regulators ask for at least 0.6 of a step);
* it waits for them: no set point while their reactive power has moved within `SETTLED_S`, and none
  while the tap has not yet followed the last one. Their reactive power may move all day under
  clouds: after `PATIENCE` delays it is not waited for, if a voltage is beyond the allowed band;
* it is saving: the last quarter of the day's operations is for voltages beyond the allowed band.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ortsnetz_common.parameters.voltage import TapControl

STEP_SHARE = 0.6
SETTLED_S = 10.0
"""An inverter's reactive power has settled so long after a change (VDE-AR-N 4105, 5.7.2.4)."""
SETTLED_SHARE = 0.05
"""Of the inverters' reactive capability: less than that is noise and rounding."""
PATIENCE = 5.0
SURELY = 1.2
"""Of the dead band at least: a regulator with a band of its own, not wider than that, then acts."""
MOST_STEPS = 1.4
"""Of the tap at a time: what one step leaves is within the regulator's own band."""
RESERVED = 0.25
"""Share of a day's operations that is kept for voltages beyond the allowed band."""
ANSWER_DELAYS = 4.0
"""So many delays a tap has to follow a set point; then it is told the next one all the same."""


@dataclass(frozen=True, slots=True)
class Tap:
    """What is known of a tap changer.

    Attributes:
        control: from the parameters.
        step_pu: what one operation changes at the busbar.
        band_pu: lower and upper end of the allowed voltages, phase to neutral.
        setpoint_pu: what it holds when nobody says otherwise.
    """

    control: TapControl
    step_pu: float
    band_pu: tuple[float, float]
    setpoint_pu: float

    @property
    def deadband_pu(self) -> float:
        """Half of the dead band: as the parameters say, and wider than half a step."""
        return max(self.control.deadband_pu, STEP_SHARE * self.step_pu)


@dataclass(frozen=True, slots=True)
class Seen:
    """What is seen in a cycle; nothing of it may be guessed.

    Attributes:
        busbar_pu: voltage that the regulator regulates.
        lowest_pu, highest_pu: of all low-voltage phases that are known.
        reactive_var: of all inverters that are known, their sum, inductive consumption positive.
        capability_var: most reactive power of these inverters; 0 without any.
        position: of the tap; a change is so many operations. None where nobody says it.
        day: number of the calendar day (UTC).
    """

    busbar_pu: float
    lowest_pu: float
    highest_pu: float
    reactive_var: float
    capability_var: float
    position: int | None
    day: int


@dataclass(frozen=True, slots=True)
class TapState:
    """What has to be remembered between cycles; all times in the caller's seconds.

    Attributes:
        setpoint_pu: last one told; None before the first.
        operations_today: of the calendar day; set points told where no position is known.
        side: 1 while the middle is too high, -1 too low, 0 inside the dead band.
        since_s: since when it is on that side.
        told_s: when the last set point was told; -inf before.
        moved_s: when the tap moved last.
        reactive_var: of the inverters, from which a movement is measured; since reactive_since_s.
        position: of the tap, as seen last.
        day: number of the calendar day.
    """

    setpoint_pu: float | None = None
    operations_today: int = 0
    side: int = 0
    since_s: float = 0.0
    told_s: float = -math.inf
    moved_s: float = -math.inf
    reactive_var: float | None = None
    reactive_since_s: float = 0.0
    position: int | None = None
    day: int | None = None


def step(tap: Tap, state: TapState, seen: Seen, now_s: float) -> tuple[TapState, float | None]:
    """Live through a cycle.

    Args:
        tap: what is known of the tap changer.
        state: from the cycle before.
        seen: in this cycle.
        now_s: monotonic seconds.

    Returns:
        The new state, and a set point in pu to be told now; None for none. What is returned counts
        as told.

    Raises:
        ValueError: a voltage or power is no number: without them nothing is decided.
    """
    numbers = (seen.busbar_pu, seen.lowest_pu, seen.highest_pu, seen.reactive_var)
    if not all(math.isfinite(number) for number in numbers):
        raise ValueError("a voltage or a reactive power is no number: the tap stays where it is")
    state = _watched(tap, state, seen, now_s)
    if not state.side or not _may_act(tap, state, seen, now_s):
        return state, None
    setpoint_pu = _next(tap, state, seen)
    if setpoint_pu is None:
        return state, None
    made = state.operations_today + (seen.position is None)
    told = replace(
        state, setpoint_pu=setpoint_pu, told_s=now_s, since_s=now_s, operations_today=made
    )
    return told, setpoint_pu


def deviation_pu(tap: Tap, seen: Seen) -> float:
    """How far the middle of the network's voltages is above the middle of the allowed band."""
    return (seen.lowest_pu + seen.highest_pu - sum(tap.band_pu)) / 2


def exhausted(tap: Tap, state: TapState) -> bool:
    """Whether the day's operations are used up."""
    return state.operations_today >= tap.control.operations_per_day


def _watched(tap: Tap, state: TapState, seen: Seen, now_s: float) -> TapState:
    """The state with what has been seen: operations, the inverters' movement, the side."""
    if seen.day != state.day:
        state = replace(state, day=seen.day, operations_today=0)
    if seen.position is not None and seen.position != state.position:
        if state.position is not None:
            made = state.operations_today + abs(seen.position - state.position)
            state = replace(state, operations_today=made, moved_s=now_s, since_s=now_s)
        state = replace(state, position=seen.position)
    moved = SETTLED_SHARE * seen.capability_var
    before = state.reactive_var
    if before is None or abs(seen.reactive_var - before) > moved:
        state = replace(state, reactive_var=seen.reactive_var, reactive_since_s=now_s)
    deviation = deviation_pu(tap, seen)
    side = 0 if abs(deviation) <= tap.deadband_pu else round(math.copysign(1, deviation))
    return state if side == state.side else replace(state, side=side, since_s=now_s)


def _may_act(tap: Tap, state: TapState, seen: Seen, now_s: float) -> bool:
    delay_s = tap.control.delay_s
    beyond = seen.highest_pu > tap.band_pu[1] or seen.lowest_pu < tap.band_pu[0]
    left = tap.control.operations_per_day - state.operations_today
    if left <= (0 if beyond else RESERVED * tap.control.operations_per_day):
        return False
    waited_s = now_s - state.since_s
    if waited_s < delay_s:
        return False
    if _awaited(state) and now_s - state.told_s < ANSWER_DELAYS * max(delay_s, SETTLED_S):
        return False  # the regulator has its own delay, and its motor takes its time
    settled = not seen.capability_var or now_s - state.reactive_since_s >= SETTLED_S
    return settled or (beyond and waited_s >= PATIENCE * max(delay_s, SETTLED_S))


def _awaited(state: TapState) -> bool:
    """Whether the tap has not moved since it was told something."""
    return state.setpoint_pu is not None and state.moved_s < state.told_s


def _next(tap: Tap, state: TapState, seen: Seen) -> float | None:
    """Where the busbar has to be; None at the end of the band of set points.

    Counted from where it is, not from the last set point, and so far only that one step brings it
    into the regulator's own band. A regulator whose band is wider than the dead band has not moved,
    and is told one step more.
    """
    present = tap.setpoint_pu if state.setpoint_pu is None else state.setpoint_pu
    farther = min if state.side > 0 else max
    missing = max(abs(deviation_pu(tap, seen)), SURELY * tap.deadband_pu)
    missing = min(missing, MOST_STEPS * tap.step_pu)
    wanted = seen.busbar_pu - state.side * missing
    if _awaited(state):
        wanted = farther(wanted, present - state.side * tap.step_pu)
    wanted = farther(wanted, present)  # never back: what holds has not been enough
    wanted = min(max(wanted, tap.control.lowest_pu), tap.control.highest_pu)
    return None if math.isclose(wanted, present, abs_tol=1e-4) else wanted
