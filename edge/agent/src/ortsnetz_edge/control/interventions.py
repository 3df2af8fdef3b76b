"""The record of interventions: without it no DSO may dim anybody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from msgspec import Struct

from ortsnetz_common.link.messages import Intervention, Setpoint
from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.station import Device

MAX_UNKNOWN_S = 5.0
"""Longest time without measurement after which the energy not served counts as unknown."""
MOST_LIMITS = 200
"""Changes of the limit that one record lists; further ones are counted."""
RENEW_NS = 900 * 1_000_000_000
"""An intervention that lasts is recorded again so often: who looks at it at night sees its energy,
and a node that is lost has not lost all of it."""


class OpenIntervention(Struct, forbid_unknown_fields=True):
    """An intervention that lasts, as it is kept over a restart.

    Attributes:
        energy_wh: wanted and not allowed so far.
        unknown_s: how much of its time nobody has measured.
        seen_ns: until when it has been followed.
        limits: instant and limit of each change.
        limits_left_out: changes after those.
        recorded_ns: when a record of it was last made.
    """

    device: str
    start_ns: int
    reason: str
    binding: tuple[str, ...]
    lowest_limit_w: float
    energy_wh: float = 0.0
    unknown_s: float = 0.0
    seen_ns: int = 0
    limits: tuple[tuple[int, float], ...] = ()
    limits_left_out: int = 0
    recorded_ns: int = 0


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

    def __init__(
        self,
        open_ones: Iterable[OpenIntervention] = (),
        *,
        contracts: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Begin with those that lasted when the agent last ran.

        Args:
            open_ones: these.
            contracts: what entitles the DSO to interventions, by group.
        """
        self._open = {item.device: item for item in open_ones}
        self._contracts = contracts

    @property
    def open(self) -> tuple[OpenIntervention, ...]:
        """Interventions that last."""
        return tuple(self._open.values())

    def step(self, following: Iterable[Following], time_ns: int) -> tuple[Intervention, ...]:
        """Take in a cycle; records of interventions that began or ended in it or are due again.

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
                        limits=((time_ns, item.setpoint.limit_w),),
                        recorded_ns=time_ns,
                    )
                    records.append(self._record(begun, item.device, None))
                continue
            _follow(lasting, item, time_ns)
            if not item.limited:
                records.append(self._record(self._open.pop(name), item.device, time_ns))
            elif time_ns - lasting.recorded_ns >= RENEW_NS:
                lasting.recorded_ns = time_ns
                records.append(self._record(lasting, item.device, None))
        return tuple(records)

    def _record(self, item: OpenIntervention, device: Device, end_ns: int | None) -> Intervention:
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
            customer=device.customer,
            contract=self._contracts.get(device.group, ""),
            limits=item.limits,
            limits_left_out=item.limits_left_out,
        )


def _follow(lasting: OpenIntervention, item: Following, time_ns: int) -> None:
    """Integrate what was wanted and not allowed since the last cycle."""
    elapsed_s = max(0.0, (time_ns - lasting.seen_ns) / 1e9)
    lasting.seen_ns = time_ns
    if item.limited:
        lasting.lowest_limit_w = min(lasting.lowest_limit_w, item.setpoint.limit_w)
        _note_limit(lasting, item.setpoint.limit_w, time_ns)
    missing_w = _not_served_w(item.device, item.reading)
    if missing_w is None or elapsed_s > MAX_UNKNOWN_S:
        lasting.unknown_s += elapsed_s
    else:
        lasting.energy_wh += missing_w * elapsed_s / 3600.0


def _note_limit(lasting: OpenIntervention, limit_w: float, time_ns: int) -> None:
    if lasting.limits and lasting.limits[-1][1] == limit_w:
        return
    if len(lasting.limits) < MOST_LIMITS:
        lasting.limits = (*lasting.limits, (time_ns, limit_w))
    else:
        lasting.limits_left_out += 1


def _not_served_w(device: Device, reading: Reading | None) -> float | None:
    """Power wanted and not allowed, magnitude; None where it is not measured."""
    if reading is None or reading.available_w is None:
        return None
    phases = reading.active_w[: device.phase_count]
    if any(value is None for value in phases):
        return None
    actual_w = abs(sum(value for value in phases if value is not None))
    return max(0.0, min(abs(reading.available_w), device.rated_w) - actual_w)
