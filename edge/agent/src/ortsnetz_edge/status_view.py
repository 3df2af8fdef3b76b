"""Puts together what the status file says. Reads the parts, changes none."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ortsnetz_common.link.messages import Alarm, Setpoint, SetpointSource
from ortsnetz_common.measurement.quality import describe
from ortsnetz_common.parameters.station import Device, Meter, TapChanger
from ortsnetz_edge.acquisition.image import LOST_QUALITY, ProcessImage, SourceImage
from ortsnetz_edge.acquisition.readings import ReadingLayout
from ortsnetz_edge.control.controller import Verdict
from ortsnetz_edge.drivers.contract import Driver
from ortsnetz_edge.journal.journal import Journal
from ortsnetz_edge.status import SourceStatus, Status
from ortsnetz_edge.uplink.session import Uplink


@dataclass(frozen=True)
class StatusView:
    """Knows the parts that the status speaks about."""

    node: str
    sources: tuple[Meter | Device | TapChanger, ...]
    drivers: Mapping[str, Driver]
    layouts: Mapping[str, ReadingLayout]
    journal: Journal
    uplink: Uplink

    def status(
        self,
        image: ProcessImage,
        verdict: Verdict,
        *,
        worst_loading: float | None,
        cycle_ms: float,
        scan_ms: float,
        state_age_s: float | None,
        alarms: Iterable[Alarm],
        counters: dict[str, int],
    ) -> Status:
        """The status at the end of a cycle."""
        setpoints = {setpoint.device: setpoint for setpoint in verdict.setpoints}
        return Status(
            node=self.node,
            pid=os.getpid(),
            time_ns=image.time_ns,
            cycle=image.cycle,
            mode=verdict.mode.value,
            reason=verdict.reason,
            cycle_ms=round(cycle_ms, 1),
            scan_ms=round(scan_ms, 1),
            state_age_s=state_age_s,
            worst_loading=worst_loading,
            uplink_online=self.uplink.online,
            epoch=self.journal.store.epoch,
            journal_backlog=self.journal.store.backlog,
            journal_bytes=self.journal.store.size,
            alarms=tuple(f"{alarm.key}: {alarm.cause}" for alarm in alarms),
            sources=tuple(
                self._source(source, image.sources[source.name], setpoints.get(source.name))
                for source in self.sources
            ),
            counters=counters,
        )

    def _source(
        self, source: Meter | Device | TapChanger, seen: SourceImage, setpoint: Setpoint | None
    ) -> SourceStatus:
        active_w: float | None = None
        set_points: dict[str, float] = {}
        quality = LOST_QUALITY
        if seen.valid and seen.scan is not None:
            quality = max(seen.scan.qualities, default=0)
            known = [
                value
                for value in self.layouts[source.name].reading(seen.scan).active_w
                if value is not None
            ]
            active_w = sum(known) if known else None
            set_points = {
                adjustable.quantity.value: value
                for adjustable, value in zip(
                    self.drivers[source.name].adjustable, seen.scan.adjusted, strict=False
                )
                if value is not None
            }
        diagnosis = self.drivers[source.name].diagnose()
        return SourceStatus(
            name=source.name,
            profile=source.profile,
            address=source.connection.address,
            quality=describe(quality),
            age_s=None if seen.age_s is None else round(seen.age_s, 2),
            failure=seen.failure or ("what it says stands still" if seen.repeats else None),
            active_w=active_w,
            connected=diagnosis.connected,
            answers=diagnosis.answers,
            failures={kind.value: number for kind, number in diagnosis.failures.items()},
            limit_w=setpoint.limit_w if setpoint else None,
            reason=setpoint.reason if setpoint else None,
            asked_by=_asked_by(setpoint),
            until_ns=setpoint.until_ns if setpoint else None,
            set_points=set_points,
            counters={name: number for name, number in diagnosis.counters.items() if number},
        )


def _asked_by(setpoint: Setpoint | None) -> str | None:
    """Who asks for a limit, by name; None where nobody does."""
    if setpoint is None or setpoint.source is SetpointSource.NONE:
        return None
    return setpoint.source.name.lower()
