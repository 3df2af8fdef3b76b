"""One tap changer: what it says, what tap control makes of it, what it is told. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from msgspec import Struct

from ortsnetz_common.measurement.quality import is_usable
from ortsnetz_edge.acquisition.image import SourceImage
from ortsnetz_edge.acquisition.readings import ReadingLayout
from ortsnetz_edge.control.adjustment import Adjustment, AdjustmentControl
from ortsnetz_edge.control.reactive import LEAST_PU, MOST_PU, voltages_pu
from ortsnetz_edge.drivers.contract import Role, SourcePoint
from ortsnetz_grid.functions.voltage import tap_control
from ortsnetz_grid.functions.voltage.tap_control import Seen, Tap, TapState


class TapMemory(Struct, frozen=True, forbid_unknown_fields=True):
    """What is remembered of a tap changer over a restart.

    Attributes:
        day: number of the calendar day (UTC) of `operations`.
        setpoint_pu: last one told; None for none.
    """

    name: str
    day: int
    operations: int
    setpoint_pu: float | None = None


@dataclass(frozen=True, slots=True)
class Grid:
    """What a cycle knows of the low-voltage network.

    Attributes:
        lowest_pu, highest_pu: phase-to-neutral voltages; None where nobody says any.
        reactive_var: of the inverters that are adjusted; capability_var: the most they can.
        day: number of the calendar day (UTC).
    """

    lowest_pu: float | None
    highest_pu: float | None
    reactive_var: float
    capability_var: float
    day: int


@dataclass(slots=True)
class TapChangerControl:
    """State of one tap changer.

    Attributes:
        tap: what is known of it.
        control: of its set point.
        nominal_v: of the busbar, phase to neutral; networks state 400 V, which is 230.9 V.
        state: of tap control.
        position: as it says; None if it does not.
    """

    tap: Tap
    control: AdjustmentControl
    points: tuple[SourcePoint, ...]
    nominal_v: float
    state: TapState = field(default_factory=TapState)
    position: int | None = None
    busbar_pu: float | None = None
    _layout: ReadingLayout = field(init=False)
    _position_at: int | None = field(init=False)

    def __post_init__(self) -> None:
        self._layout = ReadingLayout.of(self.points)
        roles = [point.role for point in self.points]
        at = Role.TAP_POSITION
        self._position_at = roles.index(at) if at in roles else None

    def observe(self, source: SourceImage, *, now: float) -> None:
        """Take in what it says in this cycle."""
        self.position = self.busbar_pu = None
        scan = source.scan if source.valid else None
        if scan is None:
            return
        said = scan.adjusted
        self.control.observe(said[self.control.place] if said else None, now=now)
        voltages = voltages_pu(self._layout.reading(scan), self.nominal_v)
        expected = sum(place is not None for place in self._layout.voltage)
        if len(voltages) == expected and all(LEAST_PU <= u_pu <= MOST_PU for u_pu in voltages):
            self.busbar_pu = sum(voltages) / expected if expected else None
        at = self._position_at
        if at is not None and is_usable(scan.qualities[at]) and scan.values[at] is not None:
            self.position = round(scan.values[at] or 0.0)

    def step(self, grid: Grid, *, now: float) -> Adjustment | None:
        """What it has to be told; None where it does not answer, or anything needed is missing."""
        if self.busbar_pu is None or grid.lowest_pu is None or grid.highest_pu is None:
            return None
        seen = Seen(
            busbar_pu=self.busbar_pu,
            lowest_pu=grid.lowest_pu,
            highest_pu=grid.highest_pu,
            reactive_var=grid.reactive_var,
            capability_var=grid.capability_var,
            position=self.position,
            day=grid.day,
        )
        self.state, _ = tap_control.step(self.tap, self._in_force(), seen, now)
        if self.state.setpoint_pu is None:
            return None
        high = "high" if tap_control.deviation_pu(self.tap, seen) > 0 else "low"
        reason = (
            f"voltages of {seen.lowest_pu:.3f} to {seen.highest_pu:.3f} pu: their middle is {high}"
        )
        return self.control.due(self.state.setpoint_pu, reason, now=now)

    @property
    def exhausted(self) -> bool:
        """Whether the day's operations are used up."""
        return self.state.day is not None and tap_control.exhausted(self.tap, self.state)

    def remembered(self) -> TapMemory:
        """For the memory over a restart."""
        state = self.state
        name = self.control.device
        return TapMemory(name, state.day or 0, state.operations_today, state.setpoint_pu)

    def recall(self, memory: Iterable[TapMemory]) -> None:
        """Go on where the last run ended: with its operations of the day and its set point."""
        for one in memory:
            if one.name == self.control.device:
                self.state = replace(
                    self.state,
                    day=one.day,
                    operations_today=one.operations,
                    setpoint_pu=one.setpoint_pu,
                )

    def _in_force(self) -> TapState:
        """The state; before anything was told, the set point that the regulator has.

        One that could not be written is no set point: a register that says 0 would lead to the end
        of the band at once.
        """
        said, bounds = self.control.in_force, self.control.adjustable
        if (
            self.state.setpoint_pu is None
            and said is not None
            and bounds.low <= said <= bounds.high
        ):
            self.tap = replace(self.tap, setpoint_pu=said)
        return self.state
