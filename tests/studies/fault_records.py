"""Simulated short circuits between two sources, as a recorder at a terminal sees them.

Phasors before and during the fault come from the admittances of the three phases (not from
sequence networks: the code under test uses those). Currents go on from where they were, with an
aperiodic part that decays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from studies.waveforms import MIDNIGHT_NS

from ortsnetz_grid.functions.power_quality.recording import Recording
from ortsnetz_grid.functions.power_quality.samples import Samples, channels_of_feeder

Complex = NDArray[np.complex128]
RATE = 4800.0
BEFORE_S, AFTER_S = 0.12, 0.12
KINDS = ("a-n", "b-n", "c-n", "ab", "bc", "ca", "ab-n", "bc-n", "ca-n", "abc", "abc-n")


@dataclass(frozen=True)
class Fault:
    """A short circuit.

    Attributes:
        kind: phases, `-n` with earth.
        ahead: in the line, or behind the terminal.
        place: 0 to 1, of the line ahead or of one like it behind, away from the terminal.
        ohm: of the fault.
        load_deg: by how much the source behind leads the source ahead.
        at_deg: point on the wave.
        source_ohm: positive-sequence impedance of the source behind; ahead it is twice that.
        hz: of the grid.
    """

    kind: str
    ahead: bool
    place: float = 0.5
    ohm: float = 0.0
    load_deg: float = 5.0
    at_deg: float = 0.0
    source_ohm: float = 1.0
    hz: float = 50.0


def _phases(z1: complex, z0: complex) -> Complex:
    """Matrix of a symmetrical element: self and mutual impedance from its sequences."""
    own, mutual = (z0 + 2 * z1) / 3, (z0 - z1) / 3
    return np.full((3, 3), mutual) + np.eye(3) * (own - mutual)


def _shunt(kind: str, ohm: float) -> Complex:
    """Admittance of the fault itself; metal is a tenth of a milliohm."""
    y = 1.0 / max(ohm, 1e-4)
    phases, earth = kind.removesuffix("-n"), kind.endswith("-n")
    found = np.zeros((3, 3), dtype=np.complex128)
    for one in range(3):
        for other in range(one):
            if "abc"[one] in phases and "abc"[other] in phases:
                found[[one, other], [one, other]] += y
                found[one, other] -= y
                found[other, one] -= y
    if earth:
        for one in range(3):
            if "abc"[one] in phases:
                found[one, one] += y
    return found


def _solved(fault: Fault, shunt: Complex) -> tuple[Complex, Complex]:
    """Voltages at the terminal and currents from it into the line, RMS phasors."""
    angle = np.exp(1j * np.radians(85.0))
    behind = _phases(fault.source_ohm * angle, 2.0 * fault.source_ohm * angle)
    source = 2.0 * behind
    line = _phases(2.0 + 3.5j, 5.0 + 11.0j)
    if fault.ahead:
        chain = (behind, fault.place * line, (1.0 - fault.place) * line + source)
    else:
        chain = (behind, fault.place * line, line + source)
    left, middle, right = (np.linalg.inv(z) for z in chain)
    balanced = 20e3 / np.sqrt(3.0) * np.exp(-2j * np.pi / 3.0 * np.arange(3))
    driven = np.concatenate(
        (left @ balanced * np.exp(1j * np.radians(fault.load_deg)), right @ balanced)
    )
    nodes = np.block([[left + middle, -middle], [-middle, middle + right]])
    place = slice(3, 6) if fault.ahead else slice(0, 3)
    nodes[place, place] += shunt
    u = np.linalg.solve(nodes, driven)
    if fault.ahead:
        return u[:3], middle @ (u[:3] - u[3:])
    return u[3:], right @ (u[3:] - balanced)


def recorded(fault: Fault, *, decay_s: float = 0.03, noise: float = 0.0) -> Recording:
    """What a recorder has of it: i_a, i_b, i_c, u_a, u_b, u_c."""
    t = np.arange(round((BEFORE_S + AFTER_S) * RATE)) / RATE - BEFORE_S
    w = 2 * np.pi * fault.hz
    turning = np.exp(1j * (w * t + np.radians(fault.at_deg)))
    u0, i0 = _solved(fault, np.zeros((3, 3), dtype=np.complex128))
    u1, i1 = _solved(fault, _shunt(fault.kind, fault.ohm))
    during = t >= 0.0

    def wave(before: Complex, after: Complex) -> NDArray[np.float64]:
        rows = np.where(during, after[:, None] * turning, before[:, None] * turning)
        return np.sqrt(2.0) * rows.real

    jump = np.sqrt(2.0) * ((i0 - i1) * np.exp(1j * np.radians(fault.at_deg))).real
    currents = wave(i0, i1) + np.where(during, jump[:, None] * np.exp(-t / decay_s), 0.0)
    values = np.concatenate((currents, wave(u0, u1)))
    if noise:
        rng = np.random.default_rng(7)
        values += noise * np.abs(values).max(axis=1)[:, None] * rng.standard_normal(values.shape)
    samples = Samples.whole(MIDNIGHT_NS, RATE, channels_of_feeder(neutral=False), values)
    return Recording(samples, samples.instant_ns(round(BEFORE_S * RATE)))
