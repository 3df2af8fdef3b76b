"""What an operator has to know about: conditions with cause, consequence and action. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ortsnetz_common.parameters.parameter_set import Timing
from ortsnetz_common.parameters.station import Meter
from ortsnetz_edge.acquisition.image import ProcessImage, SourceImage
from ortsnetz_edge.control.alarms import Condition
from ortsnetz_edge.control.device import DeviceControl
from ortsnetz_edge.control.failsafe import AgentMode
from ortsnetz_edge.control.overload import Overload

FUNCTION_AFTER_S = 2.0
BAD_DATA_AFTER_S = 10.0
LIMIT_UNKNOWN_AFTER_S = 3.0
"""As long as it takes until a device that says nothing at all is an alarm."""


def lost_sources(image: ProcessImage, meters: Mapping[str, Meter]) -> Iterable[Condition]:
    """One condition for each source that does not answer, or says nothing new."""
    for name, source in image.sources.items():
        if source.valid:
            continue
        cause = _silence(name, source)
        meter = meters.get(name)
        if meter is not None and meter.guards:
            yield Condition(
                key=f"guard-meter-lost/{name}",
                priority=3,
                cause=f"meter {cause}",
                consequence="no limit is raised; limits ramp to the fallback if it lasts",
                action="check the meter, its supply and its network connection",
            )
        else:
            kept = "its values are missing from the estimate"
            own = "its limit cannot be changed; its own watchdog takes over"
            yield Condition(
                key=f"device-lost/{name}",
                priority=2,
                cause=cause,
                consequence=kept if meter is not None else own,
                action="check the device, its supply and its network connection",
                after_s=1.0,
            )


def _silence(name: str, source: SourceImage) -> str:
    """Why a source has nothing to say, in words."""
    if source.repeats and source.failure is None:
        return f"{name} answers, and what it measures stands still"
    return f"{name} does not answer: {source.failure or 'no fresh answer'}"


def function_failed(function: str, reason: str) -> Condition:
    """A function has no result."""
    return Condition(
        key=f"function-failed/{function}",
        priority=3,
        cause=f"function {reason}",
        consequence="no limit is raised; limits ramp to the fallback if it lasts",
        action="look into the agent's log; check the measurements that the function needs",
        after_s=FUNCTION_AFTER_S,
    )


def bad_data(removed: Iterable[str]) -> Iterable[Condition]:
    """Measurements that contradict the others."""
    for words in removed:
        yield Condition(
            key=f"bad-data/{words}",
            priority=2,
            cause=f"{words} contradicts the other measurements",
            consequence="it is left out of the estimate",
            action="check the meter, its phases and its transformers' ratios",
            after_s=BAD_DATA_AFTER_S,
        )


def doubted_guards(meters: Iterable[str]) -> Iterable[Condition]:
    """Guarding meters that the estimation did not believe."""
    for name in meters:
        yield Condition(
            key=f"guard-meter-doubted/{name}",
            priority=3,
            cause=f"meter {name} contradicts the other measurements",
            consequence="no limit is raised; limits ramp to the fallback if it lasts",
            action="check the meter, its phases and its transformers' ratios",
            after_s=FUNCTION_AFTER_S,
        )


def overload_measured(overloads: Sequence[Overload]) -> Iterable[Condition]:
    """Overloads that meters show while there is no verified state; one alarm a meter."""
    for overload in {one.meter.name: one for one in reversed(overloads)}.values():
        yield Condition(
            key=f"overload-measured/{overload.meter.name}",
            priority=4,
            cause=f"{overload.words}, and the state is not verified",
            consequence="limits go down towards each device's fallback within seconds",
            action="restore the measurements or functions named by the other alarms",
        )


def fail_safe(mode: AgentMode, timing: Timing, reason: str) -> Iterable[Condition]:
    """No verified state for too long."""
    if mode is AgentMode.BLIND:
        yield Condition(
            key="blind",
            priority=4,
            cause=f"no verified state for {timing.blind_fallback_s:.0f} s: {reason}",
            consequence="limits ramp down to each device's fallback",
            action="restore the measurements or functions named by the other alarms",
        )


def limits_unknown(image: ProcessImage, controls: Iterable[DeviceControl]) -> Iterable[Condition]:
    """Devices that answer, and do not say their limit, or nothing good of it: none is written."""
    for control in controls:
        name = control.device.name
        if control.answers or not image.sources[name].valid:
            continue  # one that does not answer is lost
        yield Condition(
            key=f"limit-unknown/{name}",
            priority=2,
            cause=f"{name} answers, and does not say its limit",
            consequence="nothing is written to it; only its own fall-back limits it",
            action="check the limit that it reads back, and its quality, with "
            "'ortsnetz edge check'; check the profile",
            after_s=LIMIT_UNKNOWN_AFTER_S,
        )


def setpoints_ignored(controls: Iterable[DeviceControl], *, now: float) -> Iterable[Condition]:
    """Devices that say another limit than they have confirmed."""
    for control in controls:
        if control.goes_its_own_way(now=now):
            name, unit = control.device.name, control.amounts.resolution.unit.value
            more = "others are limited instead, by as much as it draws too much"
            less = "it serves less than it may; nothing is overloaded by it"
            yield Condition(
                key=f"setpoint-ignored/{name}",
                priority=3,
                cause=f"{name} does not keep the limit it was told; it says "
                f"{control.read_back} {unit}",
                consequence=more if control.cannot_be_limited(now=now) else less,
                action="check the device's controller; it is written to again meanwhile",
            )


def journal_trouble(failure: str | None, damaged: int, dropped: int) -> Iterable[Condition]:
    """The journal cannot write, was damaged, or was full.

    Args:
        failure: why it cannot write now; None if it can.
        damaged: files moved aside in this run of the agent.
        dropped: records dropped because it was full, ever.
    """
    if failure is not None:
        yield Condition(
            key="journal-not-writing",
            priority=3,
            cause=f"the journal cannot be written: {failure}",
            consequence="samples wait in memory and would be lost with the power",
            action="check the disk of the node",
        )
    if damaged:
        yield Condition(
            key="journal-damaged",
            priority=2,
            cause="the journal's file was damaged",
            consequence="what it held and the cockpit had not committed may be missing",
            action="the file is kept beside the new one: have it examined; check the disk",
        )
    if dropped:
        yield Condition(
            key="journal-overflowed",
            priority=3,
            cause=f"the journal was full: {dropped} records were dropped",
            consequence="the cockpit has a gap in this node's data",
            action="restore the connection to the cockpit; give the journal more space",
        )
