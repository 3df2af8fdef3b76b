"""The decision of a cycle: from readings and the functions' results to what has to be written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ortsnetz_common.link.messages import Setpoint, SetpointSource
from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.parameter_set import ParameterSet
from ortsnetz_common.parameters.station import Meter
from ortsnetz_edge.acquisition.image import ProcessImage
from ortsnetz_edge.control.amounts import Amounts
from ortsnetz_edge.control.arbitration import Claim, arbitrate, released
from ortsnetz_edge.control.device import DeviceControl, Write
from ortsnetz_edge.control.failsafe import AgentMode, FailSafe
from ortsnetz_edge.control.idle import IdleHold, is_idle
from ortsnetz_edge.drivers.contract import LimitResolution
from ortsnetz_edge.hosting.calls import LimitingResult


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a cycle decided.

    Attributes:
        status: ok, limited, infeasible or blind.
        reason: why the mode is what it is, in words.
        writes: to be written now; empty unless limiting is active.
        setpoints: limits in force with their reasons, of every device whose limit is known.
    """

    mode: AgentMode
    status: str
    reason: str
    writes: tuple[Write, ...]
    setpoints: tuple[Setpoint, ...]


class Controller:
    """Arbitrates and releases limits; raises none without a verified state."""

    def __init__(
        self,
        parameters: ParameterSet,
        resolutions: Mapping[str, LimitResolution],
        *,
        now: float,
    ) -> None:
        """Start in the safe state.

        Args:
            parameters: the set in force.
            resolutions: of every device, by name.
            now: monotonic time, s.
        """
        timing = parameters.timing
        self.fail_safe = FailSafe(timing, now=now)
        self._timing = timing
        self._writing = parameters.mode.limiting == "active"
        self._guards = tuple(meter for meter in parameters.station.meters if meter.guards)
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
        now: float,
    ) -> Verdict:
        """Decide.

        Args:
            image: the frozen process image.
            readings: from this image.
            result: of the limiting function, for this image; None if there is none.
            failure: why there is none, in words.
            now: monotonic time, s.
        """
        dt_s = min(2 * self._timing.cycle_s, max(0.0, now - self._previous))
        self._previous = now
        for name, control in self.controls.items():
            source = image.sources[name]
            scan = source.scan if source.valid else None
            control.observe(readings.get(name), scan.limit_in_force if scan else None, now=now)
        missing = self._missing_guards(readings)
        seen = result is not None and not missing
        mode = self.fail_safe.step(
            verified=seen and result is not None and (result.verified or bool(result.violated)),
            now=now,
        )
        may_raise = seen and result is not None and result.verified
        held = self._idle_held(result if mode is AgentMode.ACTIVE else None, now=now)
        wanted = {limit.device: limit for limit in result.limits} if result else {}
        for name, control in self.controls.items():
            limit = wanted.get(name)
            claims = []
            if limit is not None:
                claims.append(
                    Claim(SetpointSource.SAFETY, limit.limit_w, limit.reason, limit.binding)
                )
            if held is not None and is_idle(control.device, control.reading):
                claims.append(Claim(SetpointSource.SAFETY, control.device.floor_w, held))
            self._settle(control, claims, may_raise=may_raise, dt_s=dt_s, now=now)
        return Verdict(
            mode=mode,
            status=self._status(mode, result),
            reason=_reason(mode, missing, failure),
            writes=self._due(mode, now=now),
            setpoints=tuple(c.setpoint for c in self.controls.values() if c.amount is not None),
        )

    def _settle(
        self,
        control: DeviceControl,
        claims: list[Claim],
        *,
        may_raise: bool,
        dt_s: float,
        now: float,
    ) -> None:
        """Set one device's limit from what is asked of it."""
        if control.allowed_w is None:  # nobody knows its limit: nothing to raise or to lower
            return
        device, present_w = control.device, control.allowed_w
        fallback_w = self.fail_safe.fallback_w(device, present_w, now=now)
        if fallback_w is not None and fallback_w < present_w:
            reason = f"no verified state for more than {self._timing.blind_fallback_s:.0f} s"
            claims = [*claims, Claim(SetpointSource.FALLBACK, fallback_w, reason)]
        winner = arbitrate(device, claims)
        if winner.limit_w > present_w and not may_raise:
            return
        if not claims and not may_raise:
            return
        rate = self._timing.release_per_s
        allowed_w = released(present_w, winner.limit_w, device, rate, dt_s)
        if not claims and allowed_w < device.rated_w:
            winner = Claim(SetpointSource.NONE, winner.limit_w, "being released step by step")
        control.aim(winner, allowed_w)

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

    def _missing_guards(self, readings: Mapping[str, Reading]) -> tuple[str, ...]:
        return tuple(
            meter.name for meter in self._guards if not _complete(readings.get(meter.name), meter)
        )

    def _due(self, mode: AgentMode, *, now: float) -> tuple[Write, ...]:
        """Writes of this cycle; none before the first verified state, unless blind."""
        if not self._writing:
            return ()
        if not (self.fail_safe.ever_verified or mode is AgentMode.BLIND):
            return ()
        if self._writing_since is None:
            self._writing_since = now
        due = (
            control.due(now=now, active_since=self._writing_since)
            for control in self.controls.values()
            if control.read_back is not None  # a device that does not answer cannot be written to
        )
        return tuple(write for write in due if write is not None)

    def _status(self, mode: AgentMode, result: LimitingResult | None) -> str:
        if mode is not AgentMode.ACTIVE or result is None:
            return "blind"
        return result.status


def _complete(reading: Reading | None, meter: Meter) -> bool:
    """Whether a meter says voltage and power of all its terminals."""
    if reading is None:
        return False
    terminals = range(len(meter.phases))
    return all(
        reading.voltage_v[t] is not None and reading.active_w[t] is not None for t in terminals
    )


def _reason(mode: AgentMode, missing: Iterable[str], failure: str) -> str:
    if mode is AgentMode.ACTIVE:
        return "the state is verified"
    lost = ", ".join(missing)
    return f"meter {lost} is not good" if lost else failure
