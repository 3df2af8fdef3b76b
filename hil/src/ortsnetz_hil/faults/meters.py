"""Meters that lie: between the truth of a step and the register image."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_hil.faults.specs import (
    Biased,
    ClockSkew,
    Fault,
    Frozen,
    MeterFault,
    Missing,
    Noisy,
    Spikes,
    SwappedPhases,
    WrongSign,
)
from ortsnetz_hil.plant.core import PHASE_LETTERS
from ortsnetz_hil.plant.random_streams import stream
from ortsnetz_hil.servers.instrument import Measured, Terminals, current

Kept = TypeVar("Kept", Measured, int)

# the way of a value through a meter: its wiring, its transducers, its reading, its image. Faults
# act in this order, whatever the order of the file.
_ORDER = (SwappedPhases, WrongSign, Biased, Noisy, Spikes, Frozen)
_TURN = np.exp(-2j * np.pi / 3.0)  # phase b lags a by 120 degrees, c lags b


class MeterFaults:
    """The faults of one device's instrument.

    Two reads of the same step are shown the same: every draw follows from seed, device, fault and
    step alone. A frozen meter keeps the last values that were asked for before its fault, so ask in
    each step (`servers.device_server.DeviceServer.tick` does).
    """

    def __init__(
        self, faults: Iterable[Fault], device: str, seed: int, phases: str = PHASE_LETTERS
    ) -> None:
        """Pick the meter faults of a device.

        Args:
            faults: all faults of the plant.
            device: whose faults these are.
            seed: seed of the plant.
            phases: network phases at the terminals.
        """
        own = [f for f in faults if isinstance(f, MeterFault) and f.device == device]
        self._shown = sorted(
            (f for f in own if isinstance(f, _ORDER)), key=lambda f: _ORDER.index(type(f))
        )
        self._clocks = [f for f in own if isinstance(f, ClockSkew)]
        self._missing = [f for f in own if isinstance(f, Missing)]
        self._device = device
        self._seed = seed
        self._turns = _TURN ** np.array([PHASE_LETTERS.index(letter) for letter in phases])
        self._values: dict[Frozen, Measured] = {}
        self._stamps: dict[Frozen, int] = {}
        self._acts: dict[type, Callable[[Any, Measured, float], Measured]] = {
            SwappedPhases: self._swapped,
            WrongSign: _turned_round,
            Biased: _biased,
            Noisy: self._noisy,
            Spikes: self._spiked,
        }

    @property
    def remembers(self) -> bool:
        """Whether a fault shows values from before its beginning: then each step is looked at."""
        return any(isinstance(fault, Frozen) for fault in self._shown)

    def answers(self, now_s: float) -> bool:
        """Whether the device answers at an instant."""
        return not any(fault.holds(now_s) for fault in self._missing)

    def show(self, measured: Measured, now_s: float) -> Measured:
        """What the faulty meter shows of a step's measurement.

        Args:
            measured: what the sound instrument would show.
            now_s: instant of the step, plant seconds.
        """
        for fault in self._shown:
            if isinstance(fault, Frozen):
                measured = _kept(self._values, fault, measured, now_s)
            elif fault.holds(now_s):
                measured = self._acts[type(fault)](fault, measured, now_s)
        return measured

    def stamp_ns(self, time_ns: int, now_s: float) -> int:
        """The device's own clock.

        Args:
            time_ns: wall instant of the step, UTC.
            now_s: the same instant, plant seconds.
        """
        for clock in self._clocks:
            if clock.holds(now_s):
                off_s = clock.offset_s + clock.drift_s_per_s * (now_s - clock.first_s)
                time_ns += round(off_s * NS_PER_S)
        for fault in self._shown:
            if isinstance(fault, Frozen) and not fault.clock:
                time_ns = _kept(self._stamps, fault, time_ns, now_s)
        return time_ns

    def _swapped(self, fault: SwappedPhases, measured: Measured, _: float) -> Measured:
        order = np.arange(measured.u.size)
        first, second = (terminal - 1 for terminal in fault.terminals)
        order[[first, second]] = order[[second, first]]
        if not fault.currents_only:
            return Measured(
                measured.u[order], measured.p[order], measured.q[order], measured.i[order]
            )
        # the meter multiplies its own voltage with the other's current: u_1 i_2* = s_2 u_1 / u_2,
        # which turns the power of a symmetrical network by 120 degrees
        u = measured.u * self._turns
        alive = np.where(measured.u[order] > 0.0, u[order], np.inf)
        power = (measured.p + 1j * measured.q)[order] * u / alive
        return Measured(measured.u, power.real, power.imag, measured.i[order])

    def _noisy(self, fault: Noisy, measured: Measured, now_s: float) -> Measured:
        draw = self._draws(fault, now_s).standard_normal((3, measured.u.size))
        return _scaled(
            measured,
            1.0 + fault.u * draw[0],
            1.0 + fault.power * draw[1],
            1.0 + fault.power * draw[2],
        )

    def _spiked(self, fault: Spikes, measured: Measured, now_s: float) -> Measured:
        rng = self._draws(fault, now_s)
        if rng.random() >= fault.probability:
            return measured
        readings = np.array([measured.u, measured.p, measured.q, measured.i])
        possible = np.argwhere(np.isfinite(readings))
        row, terminal = possible[int(rng.integers(len(possible)))]
        readings[row, terminal] *= fault.factor
        return Measured(*readings)

    def _draws(self, fault: MeterFault, now_s: float) -> np.random.Generator:
        return stream(self._seed, f"fault {fault.name} of {self._device} at {now_s:.3f} s")


def _kept(kept: dict[Frozen, Kept], fault: Frozen, value: Kept, now_s: float) -> Kept:
    """The last value before the fault while it holds, else the present one."""
    if fault.holds(now_s):
        return kept.setdefault(fault, value)
    if now_s < fault.first_s:
        kept[fault] = value
    return value


def _turned_round(_: WrongSign, measured: Measured, __: float) -> Measured:
    return replace(measured, p=-measured.p, q=-measured.q)


def _biased(fault: Biased, measured: Measured, _: float) -> Measured:
    u, power = (np.full(measured.u.size, 1.0 + bias) for bias in (fault.u, fault.power))
    return _scaled(measured, u, power, power)


def _scaled(measured: Measured, u: Terminals, p: Terminals, q: Terminals) -> Measured:
    """Readings times factors; the current is what belongs to them."""
    shown = (measured.u * u, measured.p * p, measured.q * q)
    return Measured(*shown, current(*shown))
