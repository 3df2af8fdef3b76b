"""What the network's safety asks of each device in a cycle. Sets no limit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ortsnetz_common.link.messages import SetpointSource
from ortsnetz_common.parameters.parameter_set import Timing
from ortsnetz_common.parameters.station import Device
from ortsnetz_edge.control.arbitration import Claim
from ortsnetz_edge.control.device import DeviceControl
from ortsnetz_edge.control.failsafe import FailSafe
from ortsnetz_edge.control.idle import IdleHold
from ortsnetz_edge.control.overload import DOWN_PER_S, Overload
from ortsnetz_edge.hosting.calls import DeviceLimit, LimitingResult


@dataclass(frozen=True, slots=True)
class Cycle:
    """What holds for all devices in one cycle.

    Attributes:
        may_raise: whether the state is verified and the answer keeps all its distances.
        overloads: to act upon without a state.
        dt_s: time since the last one.
        now: monotonic time, s.
    """

    may_raise: bool
    overloads: tuple[Overload, ...]
    dt_s: float
    now: float


def eased(
    control: DeviceControl, limit: DeviceLimit | None, cycle: Cycle, *, kept: bool
) -> tuple[tuple[Claim, ...], float]:
    """What the decision asks of a device; it waits where nothing but sharing depends on it.

    Args:
        control: of the device; remembers what decisions asked for.
        limit: that the network needs at it; None for none.
        cycle: this cycle.
        kept: whether the present limits keep everything.

    Returns:
        The claim, none where there is no limit, and the power that the device keeps beyond it, W.
    """
    wanted_w = control.device.rated_w if limit is None else limit.limit_w
    needed_w = control.pace.needed(wanted_w, now=cycle.now)
    if limit is None:
        return (), 0.0
    claim = Claim(SetpointSource.SAFETY, limit.limit_w, limit.reason, limit.binding)
    present_w = control.allowed_w
    if not kept or present_w is None or wanted_w >= present_w:
        return (claim,), 0.0
    eased_w = max(wanted_w, min(present_w, needed_w))
    return (replace(claim, limit_w=eased_w),), eased_w - wanted_w


def while_blind(
    device: Device, present_w: float, cycle: Cycle, fail_safe: FailSafe, timing: Timing
) -> Iterable[Claim]:
    """What is asked of a device while the state is not verified; never more than it has.

    Args:
        device: the device.
        present_w: its limit, magnitude.
        cycle: this cycle.
        fail_safe: knows for how long there has been no state.
        timing: of the parameter set.
    """
    fallback_w = fail_safe.fallback_w(device, present_w, now=cycle.now)
    if fallback_w is not None and fallback_w < present_w:
        reason = f"no verified state for more than {timing.blind_fallback_s:.0f} s"
        yield Claim(SetpointSource.FALLBACK, fallback_w, reason)
    overload = next((one for one in cycle.overloads if one.concerns(device)), None)
    if overload is not None and device.fallback_w < present_w:
        step_w = DOWN_PER_S * device.rated_w * cycle.dt_s
        yield Claim(
            SetpointSource.SAFETY,
            max(device.fallback_w, present_w - step_w),
            f"{overload.words}, and the state is not verified",
            (f"{overload.meter.role} {overload.meter.element}",),
        )


def idle_held(hold: IdleHold, result: LimitingResult | None, *, now: float) -> str | None:
    """Reason to hold idle devices at their floor; None when there is none.

    Args:
        hold: remembers whether they are held.
        result: of a cycle with a verified state; None without one.
        now: monotonic time, s.
    """
    if result is None:
        return "it is idle, and the state is not verified" if hold.held else None
    worst = result.worst_loading
    binding = result.status != "ok"
    if not hold.step(binding=binding, worst_loading=worst, now=now):
        return None
    why = result.limits[0].reason if result.limits else "the network is near its limits"
    if not binding and worst is not None:
        why = f"the network is loaded to {worst:.0%}"
    return f"it is idle, and must not overload when it begins: {why}"
