"""Direction of a short circuit from a recording: forward (into the line) or reverse.

Currents are counted into the element that is watched (load convention at its terminal), so a fault
behind the terminal makes the current run against its voltage. Three elements, in this order:

* negative sequence (faults with one or two phases): V2 = -Z2 I2 with the source behind for a fault
  ahead, and V2 = +Z2 I2 with what lies ahead for a fault behind. The sign of Re(V2 conj(I2 Z1))
  tells, independent of load and of the fault's resistance;
* zero sequence, the same with V0, I0 and Z0, where there is little negative sequence;
* positive sequence with memory: the change of the current against the voltage from before the
  fault, carried on with its own frequency. It also serves when nothing is left of the voltage.

The angles of the elements are those of lines, not of this line: they have a margin of nearly 90
degrees. Networks with Petersen coil or without earthing need methods of their own for single earth
faults (wattmetric, transient); there the zero sequence is not asked (`solidly_earthed`).

Source: G. Ziegler, Numerical Distance Protection, 4th ed., chapter 3.3; J. Roberts, A. Guzman,
Directional Element Design and Evaluation, 1994.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.power_quality.declared import Declared
from ortsnetz_grid.functions.power_quality.on_recordings import Finding
from ortsnetz_grid.functions.power_quality.recording import Recording
from ortsnetz_grid.functions.power_quality.reference import phasors
from ortsnetz_grid.functions.power_quality.samples import Complex, Kind
from ortsnetz_grid.functions.power_quality.unbalance import phases_of, symmetrical_components


class Direction(StrEnum):
    """Where the fault is, seen from the terminal."""

    FORWARD = "forward"
    REVERSE = "reverse"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class DirectionSettings:
    """Of the elements.

    Attributes:
        line_angle_deg: of the positive-sequence impedance; 30 to 60 for cables, 70 to 85 for lines.
        zero_angle_deg: of the zero-sequence impedance.
        unbalance_share: negative (zero) over positive sequence of the current's change, from which
            the element is trusted.
        surely_share: change of the current over the current before, from which there is a fault.
        least_share: the same where a voltage changes by `least_voltage_share`: a weak source ahead
            feeds a fault behind with little current, and no load makes such a voltage.
        least_voltage_share: of the voltage before.
        least_current_a: a smaller change is never a fault.
        wait_cycles: from the trigger to the window that is judged; by then the filter, two cycles
            long, sees the fault only.
        solidly_earthed: whether the zero sequence says something.
    """

    line_angle_deg: float = 60.0
    zero_angle_deg: float = 70.0
    unbalance_share: float = 0.15
    surely_share: float = 0.3
    least_share: float = 0.05
    least_voltage_share: float = 0.05
    least_current_a: float = 5.0
    wait_cycles: float = 2.5
    solidly_earthed: bool = True


@dataclass(frozen=True, slots=True)
class FaultDirection:
    """The function on recordings (requirement A13)."""

    declared: Declared
    settings: DirectionSettings = DirectionSettings()

    @property
    def name(self) -> str:
        """What findings are named after."""
        return "fault_direction"

    def judge(self, recording: Recording) -> Finding:
        """Direction of the fault at the trigger.

        Raises:
            InputError: three voltages and currents are not there, the recording is too short around
                its trigger, or samples are lost where they are needed.
        """
        before, memory, during = _states(recording, self.declared, self.settings)
        direction, reason = _decide(before, memory, during, self.settings)
        return Finding(self.name, direction.value, reason)


@dataclass(frozen=True, slots=True)
class _Sequences:
    """Zero, positive and negative sequence of voltages and currents, RMS phasors."""

    v: Complex
    i: Complex


def _states(
    recording: Recording, declared: Declared, settings: DirectionSettings
) -> tuple[_Sequences, complex, _Sequences]:
    """Sequences before the fault, remembered voltage at the later instant, and during the fault.

    What is from before is carried on to the later instant with its own frequency.
    """
    samples = recording.samples
    voltages, currents = samples.rows(Kind.VOLTAGE), samples.rows(Kind.CURRENT)
    if len(voltages) < 3 or len(currents) < 3:
        raise InputError(
            "fault direction: three phase voltages and three phase currents are needed"
        )
    cycle = samples.rate_hz / declared.nominal_hz
    trigger = recording.trigger_sample
    # the trigger may be some samples late, and the filter reaches one cycle to either side
    earlier, early = round(trigger - 2.5 * cycle), round(trigger - 1.5 * cycle)
    late = round(trigger + settings.wait_cycles * cycle)
    first, last = earlier - int(np.ceil(cycle)), late + int(np.ceil(cycle))
    if first < 0 or last > samples.count:
        raise InputError(
            "fault direction: 3.5 cycles before the trigger and"
            f" {settings.wait_cycles + 1:g} behind it are needed"
        )
    if samples.lost[first:last].any():
        raise InputError("fault direction: samples are lost around the trigger")
    found = phasors(samples, (*voltages, *currents), declared)
    v, i = symmetrical_components(found[:3]), symmetrical_components(found[3:])
    turned = _turned(v[1, earlier], v[1, early], (late - early) / (early - earlier))
    before = _Sequences(v[:, early] * turned, i[:, early] * turned)
    return before, complex(before.v[1]), _Sequences(v[:, late], i[:, late])


def _turned(earlier: complex, early: complex, times: float) -> complex:
    """By how much a phasor turns until the later instant, from how much it turned before."""
    if not abs(earlier) * abs(early) > 0.0:
        return 1.0 + 0.0j
    return complex(np.exp(1j * float(np.angle(early / earlier)) * times))


def _decide(
    before: _Sequences, memory: complex, during: _Sequences, settings: DirectionSettings
) -> tuple[Direction, str]:
    change = during.i - before.i
    dipped = _largest_phase(during.v - before.v) > settings.least_voltage_share * abs(memory)
    share_of_load = settings.least_share if dipped else settings.surely_share
    threshold = max(share_of_load * abs(before.i[1]), settings.least_current_a)
    size = _largest_phase(change)
    if size < threshold:
        return Direction.UNKNOWN, f"the currents change by {size:.1f} A only; no short circuit"
    share = settings.unbalance_share * abs(change[1])
    if abs(change[2]) > share:
        voltage = during.v[2] - before.v[2]
        return _by_sequence("negative", voltage, change[2], settings.line_angle_deg)
    if settings.solidly_earthed and abs(change[0]) > share:
        voltage = during.v[0] - before.v[0]
        return _by_sequence("zero", voltage, change[0], settings.zero_angle_deg)
    return _by_memory(memory, change[1], settings.line_angle_deg)


def _largest_phase(sequences: Complex) -> float:
    return float(np.abs(phases_of(sequences)).max())


def _by_sequence(
    name: str, voltage: complex, current: complex, angle_deg: float
) -> tuple[Direction, str]:
    """A fault ahead is fed through the source behind: the voltage is minus that of its Z."""
    if not abs(voltage) > 0.0:
        return Direction.UNKNOWN, f"there is no {name}-sequence voltage"
    torque = (voltage * np.conj(current * _unit(angle_deg))).real
    direction = Direction.FORWARD if torque < 0.0 else Direction.REVERSE
    angle = np.degrees(np.angle(voltage / current))
    return direction, f"{name} sequence: voltage leads current by {angle:.0f} degrees"


def _by_memory(memory: complex, current: complex, angle_deg: float) -> tuple[Direction, str]:
    """A fault ahead draws its current through the line from the voltage that was there before."""
    if not abs(memory) > 0.0:
        return Direction.UNKNOWN, "there was no voltage before the fault to remember"
    torque = (memory * np.conj(current * _unit(angle_deg))).real
    direction = Direction.FORWARD if torque > 0.0 else Direction.REVERSE
    angle = np.degrees(np.angle(memory / current))
    return direction, (
        f"positive sequence with memory: voltage before leads the current's change by"
        f" {angle:.0f} degrees"
    )


def _unit(angle_deg: float) -> complex:
    return complex(np.exp(1j * np.radians(angle_deg)))
