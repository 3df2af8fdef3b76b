"""The record of interventions: without it no DSO may dim anybody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from ortsnetz_common.link.messages import Intervention, SetpointSource
from ortsnetz_common.parameters.station import Device
from ortsnetz_edge.control.intervention_course import (
    MAX_UNKNOWN_S,
    MOST_LIMITS,
    Following,
    OpenIntervention,
    begun,
    completed,
    elapsed,
    follow,
    main_reason,
)

__all__ = ["MOST_LIMITS", "Following", "InterventionLedger", "OpenIntervention"]

RENEW_S = 900.0
"""An intervention that lasts is recorded again so often: who looks at it at night sees its energy,
and a node that is lost has not lost all of it."""


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
        self._open = {item.device: completed(item) for item in open_ones}
        self._seen_s: dict[str, float] = {}
        self._contracts = contracts

    @property
    def open(self) -> tuple[OpenIntervention, ...]:
        """Interventions that last."""
        return tuple(self._open.values())

    def step(
        self, following: Iterable[Following], time_ns: int, *, now: float
    ) -> tuple[Intervention, ...]:
        """Take in a cycle; records that are due.

        Due is what began or ended in it, what another source has taken a part in for the first
        time, and what has not been recorded for `RENEW_S`.

        Args:
            following: every device whose limit is known.
            time_ns: instant of the process image, UTC ns.
            now: the same instant, monotonic, s.
        """
        records: list[Intervention] = []
        for item in following:
            name = item.device.name
            lasting = self._open.get(name)
            if lasting is None:
                if item.limited:
                    lasting = self._open[name] = begun(item, time_ns)
                    self._seen_s[name] = now
                    records.append(self._record(lasting, item.device, None))
                continue
            asked = _asking(lasting)
            seen_s = self._seen_s.get(name)
            passed_s = elapsed(lasting, time_ns, None if seen_s is None else now - seen_s)
            self._seen_s[name] = now
            follow(lasting, item, time_ns, passed_s)
            if not item.limited:
                del self._open[name], self._seen_s[name]
                records.append(self._record(lasting, item.device, time_ns))
            elif lasting.lasted_s - lasting.recorded_s >= RENEW_S or _asking(lasting) != asked:
                lasting.recorded_s = lasting.lasted_s
                records.append(self._record(lasting, item.device, None))
        return tuple(records)

    def _record(self, item: OpenIntervention, device: Device, end_ns: int | None) -> Intervention:
        known = item.unknown_s <= MAX_UNKNOWN_S
        return Intervention(
            id=f"{item.device}@{item.start_ns}",
            device=item.device,
            start_ns=item.start_ns,
            end_ns=end_ns,
            reason=main_reason(item.sources),
            binding=tuple(item.elements),
            lowest_limit_w=item.lowest_limit_w,
            floor_w=device.floor_w,
            rule=device.floor_rule,
            energy_not_served_wh=item.energy_wh if known else None,
            customer=device.customer,
            contract=self._contracts.get(device.group, ""),
            limits=item.limits,
            limits_left_out=item.limits_left_out,
            causes=item.causes,
            causes_left_out=item.causes_left_out,
            sources=item.sources,
            elements=tuple(item.elements.values()),
            elements_left_out=item.elements_left_out,
            energy_at_least_wh=item.energy_wh,
            unknown_s=item.unknown_s,
            duration_s=item.lasted_s,
            down_s=item.down_s,
            clock_sets=item.clock_sets,
            clock_set_s=item.clock_set_s,
        )


def _asking(lasting: OpenIntervention) -> int:
    """How many sources have asked for its limits; its way back is none."""
    return sum(total.source is not SetpointSource.NONE for total in lasting.sources)
