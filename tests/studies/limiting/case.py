"""One random evening or noon: network, plant, what is wrong in the records and on the wires.

All follows from one number. The agent's impedances are up to 20 % off, one customer's meter is
recorded at wrong phases, meters have noise and bias, answers and commands are late and get lost.
Transformer and cables are rated so that limits bind, and mostly so that the floors would keep them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from ortsnetz_common.measurement.time import NS_PER_S

NETWORKS = (
    "1-LV-rural1--0-sw",
    "1-LV-rural2--0-sw",
    "1-LV-rural3--2-sw",
    "1-LV-semiurb4--0-sw",
    "1-LV-semiurb5--1-sw",
    "1-LV-urban6--0-sw",
)
SECONDS = 200
"""Plant time of an evening. Clouds, devices and the agent live in it, cars and the sun in the
calendar, which is 10 to 20 times faster: all cars of a street come within minutes."""
EVENINGS = ("2016-01-12T17:00", "2016-04-14T17:30", "2016-07-25T18:00", "2016-10-20T17:30")
NOONS = ("2016-05-10T11:00", "2016-06-21T11:30", "2016-07-25T11:30", "2016-08-30T11:00")


@dataclass(frozen=True, slots=True)
class Wires:
    """What is wrong with measurements and commands.

    Attributes:
        answers_late: most cycles by which a source's answers are late; each has its own number.
        commands_late: the same of commands.
        answers_lost, commands_lost: shares that never arrive.
        silent_s: one source says nothing for so long, somewhere in the evening; 0 for none.
        bias_share: gain error of each terminal of a meter, at most, in its standard deviations.
    """

    answers_late: int
    commands_late: int
    answers_lost: float
    commands_lost: float
    silent_s: int
    bias_share: float = 1.0

    @property
    def late_s(self) -> float:
        """Injected delay from the grid to a device, s."""
        return float(self.answers_late + self.commands_late)


@dataclass(frozen=True, slots=True)
class Case:
    """An evening or noon.

    Attributes:
        seed: of everything.
        noon: whether the sun is the trouble, else the cars.
        transformer_share: its rating over what all devices at once would ask of it.
        line_share: rated currents of all lines over those of the file.
        u_pu: band of voltages, for the agent and the judge.
        seconds: length in plant time.
        told_loading: limit of loading that the agent is told; the judge's is 1.
    """

    seed: int
    network: str
    noon: bool
    begin_ns: int
    factor: float
    charge_point_share: float
    roof_share: float
    heat_pumps: int
    batteries: int
    transformer_share: float
    line_share: float
    u_pu: tuple[float, float]
    sky: str
    single_phase_share: float
    arrival_sigma_s: float
    metered_share: float
    wrong_phases: int
    missing_customers: int
    wires: Wires
    seconds: int = SECONDS
    told_loading: float = 1.0

    @property
    def words(self) -> str:
        """For people."""
        wires = self.wires
        return (
            f"seed {self.seed}: {'noon' if self.noon else 'evening'} in {self.network}, "
            f"transformer {self.transformer_share:.2f} of what devices ask for, lines "
            f"{self.line_share:.2f} of their rating, {self.u_pu[0]}-{self.u_pu[1]} pu, sky "
            f"{self.sky}; answers {wires.answers_late} and commands {wires.commands_late} cycles "
            f"late at most, {wires.answers_lost:.0%} and {wires.commands_lost:.0%} lost, a source "
            f"silent for {wires.silent_s} s; {self.metered_share:.0%} of the customers metered, "
            f"{self.wrong_phases} at wrong phases, {self.missing_customers} unknown"
        )

    def lasting(self, seconds: int) -> Case:
        """The same part of the calendar, faster or slower."""
        return replace(self, seconds=seconds, factor=self.factor * self.seconds / seconds)


def case_of(seed: int) -> Case:
    """The case of a number."""
    rng = np.random.default_rng([seed, 6])
    noon = bool(seed % 2)
    begin = str(rng.choice(NOONS if noon else EVENINGS))
    return Case(
        seed=seed,
        network=NETWORKS[seed // 2 % len(NETWORKS)],
        noon=noon,
        begin_ns=int(datetime.fromisoformat(begin).replace(tzinfo=UTC).timestamp()) * NS_PER_S,
        factor=float(rng.uniform(10.0, 20.0)),
        charge_point_share=float(rng.uniform(0.05, 0.2) if noon else rng.uniform(0.3, 0.7)),
        roof_share=float(rng.uniform(0.4, 0.8) if noon else rng.uniform(0.0, 0.3)),
        heat_pumps=int(rng.integers(0, 5)),
        batteries=int(rng.integers(0, 5)),
        transformer_share=float(rng.uniform(0.45, 0.95)),
        line_share=float(rng.choice([1.0, rng.uniform(0.35, 0.8)])),
        u_pu=((0.90, 1.10), (0.95, 1.05))[int(rng.integers(2))],
        sky=str(rng.choice(("clear", "scattered", "broken"))) if noon else "clear",
        single_phase_share=float(rng.choice((0.0, 0.3))),
        arrival_sigma_s=float(rng.uniform(15.0, 60.0)),
        metered_share=float(rng.uniform(0.1, 0.4)),
        wrong_phases=1,
        missing_customers=int(rng.integers(0, 2)),
        wires=_wires(rng),
    )


def _wires(rng: np.random.Generator) -> Wires:
    return Wires(
        answers_late=int(rng.integers(0, 4)),
        commands_late=int(rng.integers(0, 4)),
        answers_lost=float(rng.choice((0.0, 0.01, 0.05))),
        commands_lost=float(rng.choice((0.0, 0.01, 0.05))),
        silent_s=int(rng.choice((0, 0, 20))),
    )
