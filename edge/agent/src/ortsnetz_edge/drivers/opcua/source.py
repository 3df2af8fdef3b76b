"""A profile compiled for one source, and what becomes of an answer. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ortsnetz_common.measurement.time import NS_PER_S, TimeQuality
from ortsnetz_edge.acquisition.plausibility import MAX_CLOCK_ERROR_S
from ortsnetz_edge.drivers.contract import Scan, Source
from ortsnetz_edge.drivers.opcua.values import Sample, missing
from ortsnetz_edge.profiles.adjustment import AdjustmentMap, compile_adjustments
from ortsnetz_edge.profiles.identity import IdentityMap, compile_identity
from ortsnetz_edge.profiles.point_map import PointMap, compile_point_map, reference_of
from ortsnetz_edge.profiles.references.opcua import NodeReference, OpcUaSyntax
from ortsnetz_edge.profiles.schema import Profile
from ortsnetz_edge.profiles.setpoint import SetpointMap, compile_setpoint

SYNTAX = OpcUaSyntax()
_CLOCK_ERROR_NS = round(MAX_CLOCK_ERROR_S * NS_PER_S)
_RECEIVED = int(TimeQuality.SET_BY_RECEIVER)


@dataclass(frozen=True)
class SourceMaps:
    """A profile compiled for one source.

    Attributes:
        clock_at: where among the references the device's own clock is; empty where the profile
            knows none.
    """

    name: str
    points: PointMap[NodeReference]
    setpoint: SetpointMap[NodeReference] | None
    identity: IdentityMap[NodeReference] | None
    clock_at: tuple[int, ...]
    adjustments: tuple[AdjustmentMap[NodeReference], ...] = ()

    def scan(self, samples: Sequence[Sample], server_ns: int | None, received_ns: int) -> Scan:
        """The scan of an answer.

        Its time is that of the device's clock, where there is one, else of the server's: an old
        value that has not changed is no old value, the server has just vouched for it. By a clock
        that is wrong no value has a time of its own.

        Args:
            samples: one a reference.
            server_ns: the server's clock, UTC ns; None where it says none.
            received_ns: the agent's clock when the answer was complete.
        """
        raws: list[float | None] = []
        qualities: list[int] = []
        for one, absent in zip(samples, self.points.absent, strict=True):
            there = one.raw is not None and (absent is None or one.raw != absent)
            raws.append(one.raw if there else None)
            qualities.append(one.quality if there or one.raw is None else missing(one.quality))
        times = [received_ns if one.time_ns is None else one.time_ns for one in samples]
        flags = [_RECEIVED if one.time_ns is None else 0 for one in samples]
        scan = self.points.scan(raws, received_ns, qualities, times, flags)
        own_clock = self.clock_at and all(raws[place] is not None for place in self.clock_at)
        clock_ns = scan.time_ns if own_clock else server_ns
        if clock_ns is None:
            return scan
        if abs(clock_ns - received_ns) > _CLOCK_ERROR_NS:
            return replace(scan, time_ns=clock_ns, value_times_ns=None, value_time_qualities=None)
        return replace(scan, time_ns=clock_ns, time_quality=0)


def compiled(profile: Profile, source: Source) -> SourceMaps:
    """Compile a profile for a source. Raises InputError."""
    points = compile_point_map(profile, source, SYNTAX)
    clock = (profile.time.milliseconds, profile.time.seconds, profile.time.fraction_ms)
    nodes = [reference_of(text, profile, source, SYNTAX) for text in clock if text is not None]
    return SourceMaps(
        name=source.name,
        points=points,
        setpoint=compile_setpoint(profile, source, SYNTAX),
        identity=compile_identity(profile, source, SYNTAX),
        clock_at=tuple(points.references.index(node) for node in nodes),
        adjustments=compile_adjustments(profile, source, SYNTAX),
    )
