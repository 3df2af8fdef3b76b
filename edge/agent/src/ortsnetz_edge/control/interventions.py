"""The record of interventions: without it no DSO may dim anybody."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from msgspec import Struct

from ortsnetz_common.link.messages import Intervention, Setpoint
from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.station import Device

MAX_UNKNOWN_S = 5.0
"""Longest time without measurement after which the energy not served counts as unknown."""


class OpenIntervention(Struct, forbid_unknown_fields=True):
    """An intervention that lasts, as it is kept over a restart.

    Attributes:
        energy_wh: wanted and not allowed so far.
        unknown_s: how much of its time nobody has measured.
        seen_ns: until when it has been followed.
    """

    device: str
    start_ns: int
    reason: str
    binding: tuple[str, ...]
    lowest_limit_w: float
    energy_wh: float = 0.0
    unknown_s: float = 0.0
    seen_ns: int = 0


@dataclass(frozen=True, slots=True)
class Following:
    """What a device did in a cycle, as far as an intervention goes.

    Attributes:
        setpoint: limit in force with its reason.
        limited: whether it is below the rating.
    """

    device: Device
    setpoint: Setpoint
    limited: bool
    reading: Reading | None


class InterventionLedger:
    """Begins, follows and ends interventions."""

    def __init__(self, open_ones: Iterable[OpenIntervention] = ()) -> None:
        """Begin with those that lasted when the agent last ran."""
        self._open = {item.device: item for item in open_ones}

    @property
    def open(self) -> tuple[OpenIntervention, ...]:
        """Interventions that last."""
        return tuple(self._open.values())

    def step(self, following: Iterable[Following], time_ns: int) -> tuple[Intervention, ...]:
        """Take in a cycle; records of interventions that have begun or ended in it.

        Args:
            following: every device whose limit is known.
            time_ns: instant of the process image, UTC ns.
        """
        records: list[Intervention] = []
        for item in following:
            name = item.device.name
            lasting = self._open.get(name)
            if lasting is None:
                if item.limited:
                    self._open[name] = begun = OpenIntervention(
                        device=name,
                        start_ns=time_ns,
                        reason=item.setpoint.reason,
                        binding=item.setpoint.binding,
                        lowest_limit_w=item.setpoint.limit_w,
                        seen_ns=time_ns,
                    )
                    records.append(_record(begun, item.device, None))
                continue
            _follow(lasting, item, time_ns)
            if not item.limited:
                records.append(_record(self._open.pop(name), item.device, time_ns))
        return tuple(records)


def _follow(lasting: OpenIntervention, item: Following, time_ns: int) -> None:
    """Integrate what was wanted and not allowed since the last cycle."""
    elapsed_s = max(0.0, (time_ns - lasting.seen_ns) / 1e9)
    lasting.seen_ns = time_ns
    if item.limited:
        lasting.lowest_limit_w = min(lasting.lowest_limit_w, item.setpoint.limit_w)
    missing_w = _not_served_w(item.device, item.reading)
    if missing_w is None or elapsed_s > MAX_UNKNOWN_S:
        lasting.unknown_s += elapsed_s
    else:
        lasting.energy_wh += missing_w * elapsed_s / 3600.0


def _not_served_w(device: Device, reading: Reading | None) -> float | None:
    """Power wanted and not allowed, magnitude; None where it is not measured."""
    if reading is None or reading.available_w is None:
        return None
    phases = reading.active_w[: device.phase_count]
    if any(value is None for value in phases):
        return None
    actual_w = abs(sum(value for value in phases if value is not None))
    return max(0.0, min(reading.available_w, device.rated_w) - actual_w)


def _record(item: OpenIntervention, device: Device, end_ns: int | None) -> Intervention:
    known = item.unknown_s <= MAX_UNKNOWN_S
    return Intervention(
        id=f"{item.device}@{item.start_ns}",
        device=item.device,
        start_ns=item.start_ns,
        end_ns=end_ns,
        reason=item.reason,
        binding=item.binding,
        lowest_limit_w=item.lowest_limit_w,
        floor_w=device.floor_w,
        rule=device.floor_rule,
        energy_not_served_wh=item.energy_wh if known else None,
    )
