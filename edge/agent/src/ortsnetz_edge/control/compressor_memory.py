"""What is remembered of compressors over a restart: the day's starts, and when one was stopped.

Otherwise an agent that restarts would give each of them its starts of the day once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_edge.control.compressor import DAY_S, Compressor
from ortsnetz_edge.control.device import DeviceControl

MOST_STARTS = 1000
"""Of one device: more in a day is no bound of a compressor."""


class CompressorMemory(Struct, frozen=True, forbid_unknown_fields=True):
    """One compressor, as its limits have treated it.

    Attributes:
        written_ns: the node's clock when this was written, UTC.
        starts_ago_s: how long ago limits had started it again, within the last day.
        stopped_ago_s: how long ago a limit had stopped it; None where it may run.
    """

    device: str
    written_ns: int
    starts_ago_s: tuple[float, ...] = ()
    stopped_ago_s: float | None = None


def remembered(
    controls: Iterable[DeviceControl], *, now_ns: int, now: float
) -> tuple[CompressorMemory, ...]:
    """What has to survive a restart; nothing of compressors that no limit has touched today.

    Args:
        controls: of all devices.
        now_ns: the node's clock, UTC.
        now: monotonic time, s.
    """
    found: list[CompressorMemory] = []
    for control in controls:
        compressor = control.pace.compressor
        if compressor is None:
            continue
        starts = tuple(now - start for start in compressor.starts if now - start < DAY_S)
        stopped_at = compressor.cut_at
        if starts or stopped_at is not None:
            ago_s = None if stopped_at is None else now - stopped_at
            found.append(
                CompressorMemory(control.device.name, now_ns, starts[-MOST_STARTS:], ago_s)
            )
    return tuple(found)


def recall(
    controls: Mapping[str, DeviceControl],
    memory: Iterable[CompressorMemory],
    *,
    now_ns: int,
    now: float,
    clock_kept: bool,
) -> None:
    """Give compressors what is remembered of them.

    Args:
        controls: of all devices, by name; others than remembered may be there after a new set.
        memory: of the last run.
        now_ns: the node's clock, UTC.
        now: monotonic time, s.
        clock_kept: whether that clock is synchronised: if not, the time in which the node was down
            is not counted, and starts count for longer rather than shorter.
    """
    for item in memory:
        control = controls.get(item.device)
        compressor: Compressor | None = None if control is None else control.pace.compressor
        if compressor is None:
            continue
        down_s = max(0.0, (now_ns - item.written_ns) / NS_PER_S) if clock_kept else 0.0
        stopped_ago_s = item.stopped_ago_s
        compressor.recall(
            starts=tuple(now - down_s - max(0.0, ago_s) for ago_s in item.starts_ago_s),
            cut_at=None if stopped_ago_s is None else now - down_s - max(0.0, stopped_ago_s),
        )
