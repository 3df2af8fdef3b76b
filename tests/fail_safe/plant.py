"""One substation of the field: a household, three charge points, two meters, and what flows."""

from __future__ import annotations

from dataclasses import dataclass, field

from fail_safe.charge_point import PHASE_V, Change, ChargePoint
from fail_safe.modbus_field import ChargePointServer, MeterServer
from fail_safe.network import RATED_VA

EVENING_W = 2000.0
"""Per phase: what the household draws when the charge points have to be limited."""
HEAVY_W = 3500.0
"""Per phase: the limits of an evening are not enough."""
HEAVIEST_W = 4000.0
"""Per phase: three floors, and not much more."""
NIGHT_W = 300.0
"""Per phase: nothing would overload, and every limit could go."""


@dataclass
class Plant:
    """What is there, and what flows; no time of its own.

    Attributes:
        house_w: what the household draws, per phase.
        lies: what all of them show instead of the truth: voltage, and power per phase.
    """

    house_w: float = EVENING_W
    charge_points: tuple[ChargePoint, ...] = field(
        default_factory=lambda: tuple(ChargePoint(f"ev-{number}") for number in (1, 2, 3))
    )
    lies: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        self.trafo = MeterServer(lambda: self._shown(self.transformer_w))
        self.feeder = MeterServer(lambda: self._shown(self.charging_w))
        self.servers = {
            each.name: ChargePointServer(each, lambda of=each: self._shown(of.phase_w))
            for each in self.charge_points
        }

    @property
    def charging_w(self) -> float:
        """What all cars draw, per phase."""
        return sum(each.phase_w for each in self.charge_points)

    @property
    def transformer_w(self) -> float:
        """What flows through the transformer, per phase."""
        return self.house_w + self.charging_w

    @property
    def loading(self) -> float:
        """Of the transformer."""
        return 3 * self.transformer_w / RATED_VA

    @property
    def limits(self) -> tuple[int, ...]:
        """Limits in force, A, as the devices' registers have them."""
        return tuple(each.limit_a for each in self.charge_points)

    def changes(self) -> list[Change]:
        """Everything that was written to anybody, in order."""
        found = [change for each in self.charge_points for change in each.changes]
        return sorted(found, key=lambda change: change.at_s)

    def _shown(self, phase_w: float) -> tuple[float, float]:
        return self.lies or (PHASE_V, phase_w)
