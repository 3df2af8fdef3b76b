"""The decision of a cycle: from readings and the functions' results to what has to be written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ortsnetz_common.link.messages import Setpoint, SetpointSource
from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.parameter_set import ParameterSet
from ortsnetz_edge.acquisition.image import ProcessImage
from ortsnetz_edge.control.amounts import Amounts
from ortsnetz_edge.control.arbitration import OUTSIDE, Claim, arbitrate
from ortsnetz_edge.control.claims import Cycle, eased, idle_held, while_blind
from ortsnetz_edge.control.device import DeviceControl, Write
from ortsnetz_edge.control.disposal import Disposal, changes_counted, disposal_of
from ortsnetz_edge.control.failsafe import AgentMode, FailSafe
from ortsnetz_edge.control.idle import IdleHold, is_idle
from ortsnetz_edge.control.modes import GroupModes, LimitingMode
from ortsnetz_edge.control.overload import Overload, WatchedBranch, measured_overloads
from ortsnetz_edge.control.release import Rise, Turns
from ortsnetz_edge.control.trust import keeps_everything, missing_guards
from ortsnetz_edge.drivers.contract import LimitResolution
from ortsnetz_edge.hosting.calls import LimitingResult

_NO_CLAIMS: Mapping[str, tuple[Claim, ...]] = MappingProxyType({})
_NO_MODES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a cycle decided.

    Attributes:
        status: ok, limited, infeasible or blind.
        reason: why the mode is what it is, in words.
        writes: to be written now; empty unless limiting is active.
        setpoints: limits in force with their reasons, of every device whose limit is known.
        overloads: that meters show while the state is not verified.
        advised: what devices that are only advised would be told, where it is news.
    """

    mode: AgentMode
    status: str
    reason: str
    writes: tuple[Write, ...]
    setpoints: tuple[Setpoint, ...]
    overloads: tuple[Overload, ...] = ()
    advised: tuple[Setpoint, ...] = ()


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
        self._modes = GroupModes(parameters)
        self._guards = tuple(meter for meter in parameters.station.meters if meter.guards)
        self._watched = watched
        self._loading = parameters.limits.loading
        self._idle = IdleHold()
        self._turns = Turns()
        self._previous = now
        self._writing_since: float | None = None
        self._raises_delayed = 0
        devices = parameters.station.devices
        self.controls = {
            device.name: DeviceControl(
                device=device,
                amounts=Amounts.of(device, resolutions[device.name]),
                timing=timing,
                first_refresh_s=timing.refresh_s * (number + 1) / len(devices),
                mode=self._modes.mode_of(device, {}),
            )
            for number, device in enumerate(devices)
        }

    def disposal(self, *, now: float) -> Disposal:
        """What the next decision may count on, by the modes of the last cycle."""
        return disposal_of(self.controls, now=now)

    def counted(self) -> dict[str, int]:
        """Counters of setpoint changes, by name; none ever goes down."""
        found = changes_counted(self.controls.values())
        return {**found, "setpoint_raises_delayed": self._raises_delayed}

    def step(
        self,
        image: ProcessImage,
        readings: Mapping[str, Reading],
        result: LimitingResult | None,
        failure: str,
        *,
        doubted: tuple[str, ...] = (),
        external: Mapping[str, tuple[Claim, ...]] = _NO_CLAIMS,
        modes: Mapping[str, str] = _NO_MODES,
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
            modes: that orders ask for, by group.
            now: monotonic time, s.
        """
        dt_s = min(2 * self._timing.cycle_s, max(0.0, now - self._previous))
        self._previous = now
        for name, control in self.controls.items():
            source = image.sources[name]
            scan = source.scan if source.valid else None
            control.enter(self._modes.mode_of(control.device, modes))
            control.observe(readings.get(name), scan.limit_in_force if scan else None, now=now)
        missing = missing_guards(self._guards, readings, doubted)
        trusted = result if not missing else None
        known = trusted is not None and (trusted.verified or bool(trusted.violated))
        mode = self.fail_safe.step(verified=known, now=now)
        blind = mode is not AgentMode.ACTIVE
        cycle = Cycle(
            may_raise=keeps_everything(trusted),
            overloads=measured_overloads(self._watched, readings, self._loading) if blind else (),
            dt_s=dt_s,
            now=now,
        )
        self._set_limits(
            cycle, result, idle_held(self._idle, None if blind else result, now=now), external
        )
        controls = self.controls.values()
        return Verdict(
            mode=mode,
            status="blind" if blind or result is None else result.status,
            reason=_reason(mode, missing, failure),
            writes=self._due(mode, cycle),
            setpoints=tuple(c.setpoint for c in controls if c.amount is not None),
            overloads=cycle.overloads,
            advised=tuple(advice for c in controls if (advice := c.advice()) is not None),
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
            if control.allowed_w is None or control.mode is not LimitingMode.ACTIVE:
                continue
            winner = arbitrate(control.device, map(control.softened, found), control.floor_w)
            if winner.limit_w < control.allowed_w:
                control.aim(winner, winner.limit_w, may_raise=False)
                self._writing_since = now if self._writing_since is None else self._writing_since
                writes.append(control.due(now=now, active_since=now))
        return tuple(write for write in writes if write is not None)

    def _set_limits(
        self,
        cycle: Cycle,
        result: LimitingResult | None,
        held: str | None,
        external: Mapping[str, tuple[Claim, ...]],
    ) -> None:
        """Set all limits: lower ones at once, higher ones in turn.

        Args:
            cycle: this cycle.
            result: of the limiting function; None if there is none.
            held: why idle devices are held at their floor; None where they are not.
            external: what orders and prepared responses ask for, by device.
        """
        wanted = {limit.device: limit for limit in result.limits} if result else {}
        silent = set(result.uncontrolled) if result else set()
        kept = result is not None and cycle.may_raise and result.present_kept
        over_w = [0.0, 0.0]
        rises: dict[str, tuple[Claim, Rise]] = {}
        for name, control in self.controls.items():
            if control.mode is LimitingMode.OFF:
                continue
            claims = list(external.get(name, ()))
            if result is not None:
                decided, beyond_w = eased(control, wanted.get(name), cycle, kept=kept)
                over_w[control.pace.feeds_in] += beyond_w
                claims += decided
            idle = held is not None and is_idle(control.device, control.reading)
            if held is not None and idle:
                claims.append(Claim(SetpointSource.SAFETY, control.device.floor_w, held))
            speaks = name not in silent
            found = self._settle(control, claims, cycle, speaks=speaks, idle=idle)
            if found is not None:
                rises[name] = found
        granted = self._turns.grant(
            (rise for _, rise in rises.values()), now=cycle.now, over_w=(over_w[0], over_w[1])
        )
        for name, (claim, rise) in rises.items():
            self._raises_delayed += granted[name] < rise.next_w
            higher = granted[name] > rise.present_w
            self.controls[name].aim(claim, granted[name], may_raise=True, rises=higher)

    def _settle(
        self,
        control: DeviceControl,
        claims: list[Claim],
        cycle: Cycle,
        *,
        speaks: bool,
        idle: bool,
    ) -> tuple[Claim, Rise] | None:
        """Lower one device's limit to what is asked of it; or what it would take of more.

        Args:
            control: of the device.
            claims: limits asked for on the network's account and others'.
            cycle: what holds for all devices.
            speaks: whether the decision knew what the device would draw.
            idle: whether it is held because it is idle: for who begins no time has to pass.
        """
        if control.allowed_w is None:  # nobody knows its limit: nothing to raise or to lower
            return None
        may_raise = cycle.may_raise and speaks and control.answers
        if not may_raise:
            control.withdraw()
        device, present_w = control.device, control.allowed_w
        blind = while_blind(device, present_w, cycle, self.fail_safe, self._timing)
        claims = [control.softened(claim) for claim in (*claims, *blind)]
        winner = arbitrate(device, claims, control.floor_w)
        if not may_raise and (not claims or winner.limit_w > present_w):
            return None
        wanted_w = winner.limit_w if idle else control.sustained(winner.limit_w)
        if winner.limit_w <= present_w:
            control.aim(winner, winner.limit_w, may_raise=may_raise and control.is_due_to_rise)
            self._turns.taken_back(device.name, present_w - winner.limit_w)
            return None
        if not claims and present_w < device.rated_w:
            winner = Claim(SetpointSource.NONE, winner.limit_w, "being released step by step")
        rise = control.rise_to(wanted_w, cycle.dt_s)
        if rise is None:
            self._raises_delayed += 1
            control.aim(winner, present_w, may_raise=False)
            return None
        return winner, rise

    def _due(self, mode: AgentMode, cycle: Cycle) -> tuple[Write, ...]:
        """Writes of this cycle; none before there is a reason to lower, or a verified state."""
        if self._modes.node is not LimitingMode.ACTIVE:
            return ()
        if self._writing_since is None:
            seen = mode in {AgentMode.ACTIVE, AgentMode.BLIND} or bool(cycle.overloads)
            if not seen and not any(c.claim.source in OUTSIDE for c in self.controls.values()):
                return ()
            self._writing_since = cycle.now
        due = (
            control.due(now=cycle.now, active_since=self._writing_since)
            for control in self.controls.values()
            if control.answers  # a device that does not answer cannot be written to
        )
        return tuple(write for write in due if write is not None)


def _reason(mode: AgentMode, missing: Iterable[str], failure: str) -> str:
    if mode is AgentMode.ACTIVE:
        return "the state is verified"
    lost = ", ".join(missing)
    return f"meter {lost} is not good" if lost else failure
