"""The decision of a cycle: from readings and the functions' results to what has to be written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ortsnetz_common.link.messages import Setpoint, SetpointSource
from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.parameter_set import ParameterSet
from ortsnetz_common.parameters.station import Device, Meter
from ortsnetz_edge.acquisition.image import ProcessImage
from ortsnetz_edge.control.amounts import Amounts
from ortsnetz_edge.control.arbitration import Claim, arbitrate
from ortsnetz_edge.control.device import DeviceControl, Write
from ortsnetz_edge.control.failsafe import AgentMode, FailSafe
from ortsnetz_edge.control.idle import IdleHold, is_idle
from ortsnetz_edge.control.overload import (
    DOWN_PER_S,
    Overload,
    WatchedBranch,
    measured_overloads,
)
from ortsnetz_edge.control.release import released
from ortsnetz_edge.drivers.contract import LimitResolution
from ortsnetz_edge.hosting.calls import LimitingResult

_NONE: Mapping[str, tuple[Claim, ...]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a cycle decided.

    Attributes:
        status: ok, limited, infeasible or blind.
        reason: why the mode is what it is, in words.
        writes: to be written now; empty unless limiting is active.
        setpoints: limits in force with their reasons, of every device whose limit is known.
        overloads: that meters show while the state is not verified.
    """

    mode: AgentMode
    status: str
    reason: str
    writes: tuple[Write, ...]
    setpoints: tuple[Setpoint, ...]
    overloads: tuple[Overload, ...] = ()


@dataclass(frozen=True, slots=True)
class _Cycle:
    """What holds for all devices in one cycle.

    Attributes:
        may_raise: whether the state is verified and the answer keeps all its distances.
        overloads: to act upon without a state.
    """

    may_raise: bool
    overloads: tuple[Overload, ...]
    dt_s: float
    now: float


class Controller:
    """Arbitrates and releases limits; raises none without a verified state."""

    def __init__(
        self,
        parameters: ParameterSet,
        resolutions: Mapping[str, LimitResolution],
        watched: tuple[WatchedBranch, ...],
        *,
        now: float,
    ) -> None:
        """Start in the safe state.

        Args:
            parameters: the set in force.
            resolutions: of every device, by name.
            watched: branches whose meters tell an overload by themselves.
            now: monotonic time, s.
        """
        timing = parameters.timing
        self.fail_safe = FailSafe(timing, now=now)
        self._timing = timing
        self._writing = parameters.mode.limiting == "active"
        self._guards = tuple(meter for meter in parameters.station.meters if meter.guards)
        self._watched = watched
        self._loading = parameters.limits.loading
        self._idle = IdleHold()
        self._previous = now
        self._writing_since: float | None = None
        devices = parameters.station.devices
        self.controls = {
            device.name: DeviceControl(
                device=device,
                amounts=Amounts.of(device, resolutions[device.name]),
                refresh_s=timing.refresh_s,
                cycle_s=timing.cycle_s,
                first_refresh_s=timing.refresh_s * (number + 1) / len(devices),
            )
            for number, device in enumerate(devices)
        }

    def step(
        self,
        image: ProcessImage,
        readings: Mapping[str, Reading],
        result: LimitingResult | None,
        failure: str,
        *,
        doubted: tuple[str, ...] = (),
        external: Mapping[str, tuple[Claim, ...]] = _NONE,
        now: float,
    ) -> Verdict:
        """Decide.

        Args:
            image: the frozen process image.
            readings: from this image.
            result: of the limiting function, for this image; None if there is none.
            failure: why there is none, in words.
            doubted: guarding meters that the estimation did not believe.
            external: what orders and prepared responses ask for, by device.
            now: monotonic time, s.
        """
        dt_s = min(2 * self._timing.cycle_s, max(0.0, now - self._previous))
        self._previous = now
        for name, control in self.controls.items():
            source = image.sources[name]
            scan = source.scan if source.valid else None
            control.observe(readings.get(name), scan.limit_in_force if scan else None, now=now)
        missing = self._missing_guards(readings, doubted)
        trusted = result if not missing else None
        known = trusted is not None and (trusted.verified or bool(trusted.violated))
        mode = self.fail_safe.step(verified=known, now=now)
        blind = mode is not AgentMode.ACTIVE
        cycle = _Cycle(
            may_raise=_keeps_everything(trusted),
            overloads=measured_overloads(self._watched, readings, self._loading) if blind else (),
            dt_s=dt_s,
            now=now,
        )
        held = self._idle_held(None if blind else result, now=now)
        wanted = {limit.device: limit for limit in result.limits} if result else {}
        silent = set(result.uncontrolled) if result else set()
        for name, control in self.controls.items():
            limit = wanted.get(name)
            claims = list(external.get(name, ()))
            if limit is not None:
                claims.append(
                    Claim(SetpointSource.SAFETY, limit.limit_w, limit.reason, limit.binding)
                )
            if held is not None and is_idle(control.device, control.reading):
                claims.append(Claim(SetpointSource.SAFETY, control.device.floor_w, held))
            self._settle(control, claims, cycle, speaks=name not in silent)
        return Verdict(
            mode=mode,
            status=self._status(mode, result),
            reason=_reason(mode, missing, failure),
            writes=self._due(mode, cycle),
            setpoints=tuple(c.setpoint for c in self.controls.values() if c.amount is not None),
            overloads=cycle.overloads,
        )

    def lower_now(
        self, claims: Mapping[str, tuple[Claim, ...]], *, now: float
    ) -> tuple[Write, ...]:
        """Lower limits between two cycles, as a released response asks; nothing is raised.

        Args:
            claims: by device.
            now: monotonic time, s.
        """
        writes: list[Write | None] = []
        for name, found in claims.items():
            control = self.controls[name]
            if control.allowed_w is None or not self._writing:
                continue
            winner = arbitrate(control.device, found)
            if winner.limit_w < control.allowed_w:
                control.aim(winner, winner.limit_w, may_raise=False)
                writes.append(control.due(now=now, active_since=now))
        return tuple(write for write in writes if write is not None)

    def _settle(
        self, control: DeviceControl, claims: list[Claim], cycle: _Cycle, *, speaks: bool
    ) -> None:
        """Set one device's limit from what is asked of it.

        Args:
            control: of the device.
            claims: limits asked for on the network's account.
            cycle: what holds for all devices.
            speaks: whether the decision knew what the device would draw.
        """
        if control.allowed_w is None:  # nobody knows its limit: nothing to raise or to lower
            return
        device, present_w = control.device, control.allowed_w
        may_raise = cycle.may_raise and speaks and control.answers
        claims = [*claims, *self._safe_claims(device, present_w, cycle)]
        winner = arbitrate(device, claims)
        if not may_raise and (not claims or winner.limit_w > present_w):
            return
        rate = self._timing.release_per_s
        allowed_w = released(present_w, winner.limit_w, device, rate, cycle.dt_s)
        if not claims and allowed_w < device.rated_w:
            winner = Claim(SetpointSource.NONE, winner.limit_w, "being released step by step")
        control.aim(winner, allowed_w, may_raise=may_raise)

    def _safe_claims(self, device: Device, present_w: float, cycle: _Cycle) -> Iterable[Claim]:
        """What is asked of a device while the state is not verified; never more than it has."""
        fallback_w = self.fail_safe.fallback_w(device, present_w, now=cycle.now)
        if fallback_w is not None and fallback_w < present_w:
            reason = f"no verified state for more than {self._timing.blind_fallback_s:.0f} s"
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

    def _idle_held(self, result: LimitingResult | None, *, now: float) -> str | None:
        """Reason to hold idle charge points at their floor; None when there is none."""
        if result is not None:
            worst = result.worst_loading
            binding = result.status != "ok"
            if not self._idle.step(binding=binding, worst_loading=worst, now=now):
                return None
            why = result.limits[0].reason if result.limits else "the network is near its limits"
            if not binding and worst is not None:
                why = f"the network is loaded to {worst:.0%}"
            return f"no car is connected, and a new one must not overload: {why}"
        return "no car is connected, and the state is not verified" if self._idle.held else None

    def _missing_guards(
        self, readings: Mapping[str, Reading], doubted: tuple[str, ...]
    ) -> tuple[str, ...]:
        return tuple(
            meter.name
            for meter in self._guards
            if meter.name in doubted or not _complete(readings.get(meter.name), meter)
        )

    def _due(self, mode: AgentMode, cycle: _Cycle) -> tuple[Write, ...]:
        """Writes of this cycle; none before there is a reason to lower, or a verified state."""
        if not self._writing:
            return ()
        if self._writing_since is None:
            if mode not in {AgentMode.ACTIVE, AgentMode.BLIND} and not cycle.overloads:
                return ()
            self._writing_since = cycle.now
        due = (
            control.due(now=cycle.now, active_since=self._writing_since)
            for control in self.controls.values()
            if control.answers  # a device that does not answer cannot be written to
        )
        return tuple(write for write in due if write is not None)

    def _status(self, mode: AgentMode, result: LimitingResult | None) -> str:
        if mode is not AgentMode.ACTIVE or result is None:
            return "blind"
        return result.status


def _complete(reading: Reading | None, meter: Meter) -> bool:
    """Whether a meter says voltage and power of all its terminals.

    Active power alone is not enough: the estimation takes a flow only as a whole.
    """
    if reading is None:
        return False
    count = len(meter.phases)
    values = (reading.voltage_v, reading.active_w, reading.reactive_var)
    return all(value is not None for each in values for value in each[:count])


def _keeps_everything(result: LimitingResult | None) -> bool:
    """Whether limits may be raised on an answer.

    One that gave up its reserve keeps the limits of an estimate that is too uncertain for them: a
    lost meter makes the reserve grow until it is given up, and that must lift nothing.
    """
    return result is not None and result.verified and not result.reserve_given_up


def _reason(mode: AgentMode, missing: Iterable[str], failure: str) -> str:
    if mode is AgentMode.ACTIVE:
        return "the state is verified"
    lost = ", ".join(missing)
    return f"meter {lost} is not good" if lost else failure
