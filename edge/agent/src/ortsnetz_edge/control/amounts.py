"""Between watts and what a device takes: amperes per phase, a share of its rating, or watts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.station import NOMINAL_PHASE_V, Device
from ortsnetz_edge.drivers.contract import LimitResolution, LimitUnit

_ROUNDING = 1e-6  # of a step: what floating point may have taken from a whole number
_TOLERANCE = {LimitUnit.AMPERE: 0.02, LimitUnit.SHARE: _ROUNDING, LimitUnit.WATT: _ROUNDING}
"""Of a step: so much less counts as the whole step. A limit of ten amperes' power would become nine
amperes and ten again with the noise of the voltage; two hundredths of an ampere are within it."""
_COARSE_SHARE = 0.01
"""Of the rating: a limit in watts or as a share is raised only from so much on, and lowered to the
next multiple below, so that shares of a thousandth do not move each second. Lowering is never
delayed by it, only a little deeper than needed."""
_WORTH_STEPS = 2
"""Of amperes: a raise by fewer is worth a change only if it is all that the device asks for, or has
been allowed for long. Single amperes up and down in each breath of the estimate used up the changes
of an hour, and then cars waited for the rest of it. Lowering is as fine as ever."""
_SUPPLY = (0.5, 1.5)
"""Of nominal: what lies outside is no voltage of a supply, see `congestion.places`."""
_LEAST = 0.85
"""Of nominal: the lowest voltage in service (EN 50160). One that a device says below makes no more
amperes: it may be its meter that is wrong, and a network in such distress needs fewer."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """Converts limits of one device.

    Attributes:
        floor: lowest limit, in the device's unit: its floor at nominal voltage, rounded up.
        top: limit that is no limit: its rating.
    """

    device: Device
    resolution: LimitResolution
    floor: float
    top: float

    @classmethod
    def of(cls, device: Device, resolution: LimitResolution) -> Amounts:
        """Conversion for a device."""
        step = resolution.step
        per_unit = _nominal_w(device, resolution)
        floor = math.ceil(device.floor_w / per_unit / step - _ROUNDING) * step
        top = round(device.rated_w / per_unit / step) * step
        if 0 < floor < resolution.smallest:
            floor = resolution.smallest
        return cls(device, resolution, min(floor, top), top)

    def watts_per_unit(self, reading: Reading | None) -> float:
        """Watts of one ampere (by the measured voltage where there is one), of the rating, or one.

        Without one the nominal voltage stands in: that is the basis of ratings and floors, and the
        limit that is written stays a limit. A terminal behind a blown fuse shows 0 V: counted, it
        would make half as many amperes again of the same watts at the other two.
        """
        if self.resolution.unit is LimitUnit.AMPERE and reading is not None:
            volts = reading.voltage_v[: self.device.phase_count]
            low, high = (share * NOMINAL_PHASE_V for share in _SUPPLY)
            supply = [volt for volt in volts if volt is not None and low < volt < high]
            if len(supply) == self.device.phase_count:
                return max(sum(supply), _LEAST * NOMINAL_PHASE_V * self.device.phase_count)
        return _nominal_w(self.device, self.resolution)

    def floor_w(self, reading: Reading | None) -> float:
        """Power that the floor stands for: of amperes below nominal voltage less than its watts.

        A decision counts the floor's amperes by the voltage that is there, too: lifted to the watts
        at nominal voltage, its limit would become amperes that nobody has verified.
        """
        if self.resolution.unit is not LimitUnit.AMPERE:
            return self.device.floor_w
        return min(self.device.floor_w, self.floor * self.watts_per_unit(reading))

    def watts(self, amount: float, reading: Reading | None) -> float:
        """Power that a limit in the device's unit stands for; the rating for no limit."""
        if amount >= self.top - self.resolution.step / 2:
            return self.device.rated_w
        return min(self.device.rated_w, amount * self.watts_per_unit(reading))

    def amount(
        self,
        limit_w: float,
        reading: Reading | None,
        present: float | None,
        *,
        fine: bool = False,
    ) -> float:
        """Limit in the device's unit that keeps `limit_w`: rounded down, never below the floor.

        Args:
            limit_w: magnitude.
            reading: of the device, for its voltage and what it asks for.
            present: limit in force, in the device's unit; None if unknown.
            fine: whether a single ampere more is worth a change.
        """
        if limit_w >= self.device.rated_w * (1 - _ROUNDING):
            return self.top
        step = self.resolution.step
        steps = limit_w / self.watts_per_unit(reading) / step
        unit = self.resolution.unit
        whole = math.floor(steps + _TOLERANCE[unit])
        if present is not None:
            present_steps = round(present / step)
            worth = 1 if fine and unit is LimitUnit.AMPERE else self._worth
            if present_steps < whole < present_steps + worth and not self._is_enough(
                present_steps * step, whole * step, reading
            ):
                whole = present_steps
            elif whole < present_steps:
                whole = whole // self._coarse * self._coarse
        amount = max(self.floor, min(self.top, whole * step))
        if 0 < amount < self.resolution.smallest:
            return 0.0 if self.floor == 0 else self.resolution.smallest
        return amount

    def _is_enough(self, present: float, amount: float, reading: Reading | None) -> bool:
        """Whether a raise in amperes gives the device all that it asks for, and the present not."""
        asked_w = None if reading is None else reading.available_w
        if self.resolution.unit is not LimitUnit.AMPERE or asked_w is None:
            return False
        per_unit = self.watts_per_unit(reading)
        return present * per_unit < abs(asked_w) <= amount * per_unit

    def raised_at_least(self, present: float) -> float:
        """The next limit above a present one that is worth a change."""
        return present + self._worth * self.resolution.step

    @property
    def _worth(self) -> int:
        """How many steps a limit is raised by, at least."""
        return _WORTH_STEPS if self.resolution.unit is LimitUnit.AMPERE else self._coarse

    @property
    def _coarse(self) -> int:
        """Of how many steps lowered limits are multiples."""
        unit, step = self.resolution.unit, self.resolution.step
        if unit is LimitUnit.AMPERE:
            return 1
        rating = self.device.rated_w if unit is LimitUnit.WATT else 1.0
        return max(1, round(_COARSE_SHARE * rating / step))

    def same(self, one: float, other: float) -> bool:
        """Whether two limits are the same step."""
        return abs(one - other) < self.resolution.step / 2


def _nominal_w(device: Device, resolution: LimitResolution) -> float:
    if resolution.unit is LimitUnit.AMPERE:
        return NOMINAL_PHASE_V * device.phase_count
    if resolution.unit is LimitUnit.WATT:
        return 1.0
    return device.rated_w
