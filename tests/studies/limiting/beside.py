"""What uniform scaling would have served on the same evening.

It is idealised: one factor for all cars and one for all roofs, found each second by the plant's own
power flow, without error, delay or reserve. Devices react as they do to everybody.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from studies.limiting.case import Case
from studies.limiting.evening import LEAD_IN_S, STEPS_A_CYCLE
from studies.limiting.outcome import Energy, served
from studies.limiting.plants import prepared

from ortsnetz_hil.plant.loader import load
from ortsnetz_hil.verdict.policies import Uniform


def uniform(case: Case) -> tuple[Energy, Energy]:
    """Energy of cars and roofs."""
    with tempfile.TemporaryDirectory(prefix="evening-") as folder:
        out = Path(folder)
        configuration = prepared(case, out)
        plant = load(out / "plant", configuration)
    policy = Uniform()
    for second in range(-LEAD_IN_S, case.seconds):
        for part in range(STEPS_A_CYCLE):
            now_s = second + part / STEPS_A_CYCLE
            step = plant.step(now_s, configuration.window.after(now_s))
            if part == 0:
                policy.decide(plant, step)
    return served(configuration, plant)
