"""A profile compiled for one source, and what becomes of samples. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ortsnetz_common.drivers.values import Scan, Source
from ortsnetz_common.measurement.quality import Quality, worst
from ortsnetz_common.measurement.time import TimeQuality
from ortsnetz_common.scl.object_reference import ObjectReference
from ortsnetz_edge.profiles.adjustment import AdjustmentMap, compile_adjustments
from ortsnetz_edge.profiles.identity import IdentityMap, compile_identity
from ortsnetz_edge.profiles.point_map import PointMap, compile_point_map
from ortsnetz_edge.profiles.references.iec61850 import Iec61850Syntax
from ortsnetz_edge.profiles.schema import Iec61850Options, Profile
from ortsnetz_edge.profiles.setpoint import SetpointMap, compile_setpoint
from ortsnetz_iec61850.mms.samples import UNKNOWN, Sample

SYNTAX = Iec61850Syntax()
_NO_NUMBER = int(Quality.INVALID | Quality.FAILURE)
_RECEIVED = int(TimeQuality.SET_BY_RECEIVER)


@dataclass(frozen=True)
class SourceMaps:
    """A profile compiled for one source.

    Attributes:
        own_clock: whether the profile says where the device's clock stands.
        revisions: of report control blocks, as the profile says.
    """

    name: str
    points: PointMap[ObjectReference]
    setpoint: SetpointMap[ObjectReference] | None
    identity: IdentityMap[ObjectReference] | None
    adjustments: tuple[AdjustmentMap[ObjectReference], ...]
    options: Iec61850Options
    own_clock: bool
    revisions: Mapping[str, int]

    def scan(self, samples: Mapping[ObjectReference, Sample], received_ns: int) -> Scan:
        """The scan of an answer.

        Each value has its own source time. A value that has not changed keeps an old one, and the
        device has vouched for it just now: the scan's own time is that of its arrival.

        Args:
            samples: by reference; what is not among them is missing.
            received_ns: the agent's clock when the answer was complete.
        """
        raws: list[float | None] = []
        qualities: list[int] = []
        times: list[int] = []
        flags: list[int] = []
        for reference, absent in zip(self.points.references, self.points.absent, strict=True):
            one = samples.get(reference, UNKNOWN)
            there = one.raw is not None and (absent is None or one.raw != absent)
            raws.append(one.raw if there else None)
            qualities.append(one.quality if there else worst(one.quality, _NO_NUMBER))
            times.append(received_ns if one.time_ns is None else one.time_ns)
            flags.append(_RECEIVED if one.time_ns is None else one.time_quality)
        scan = self.points.scan(raws, received_ns, qualities, times, flags)
        if self.own_clock:
            return scan
        return replace(scan, time_ns=received_ns, time_quality=_RECEIVED)


def compiled(profile: Profile, source: Source) -> SourceMaps:
    """Compile a profile for a source. Raises InputError."""
    clock = (profile.time.milliseconds, profile.time.seconds)
    return SourceMaps(
        name=source.name,
        points=compile_point_map(profile, source, SYNTAX),
        setpoint=compile_setpoint(profile, source, SYNTAX),
        identity=compile_identity(profile, source, SYNTAX),
        adjustments=compile_adjustments(profile, source, SYNTAX),
        options=profile.iec61850,
        own_clock=any(at is not None for at in clock),
        revisions={
            block.replace("{bay}", source.connection.bay): revision
            for block, revision in profile.iec61850.revisions.items()
        },
    )
