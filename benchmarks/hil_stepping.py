"""Steps of the plant a second, and what a step is made of: one JSON line a plant.

A step is what the running process does in each: devices, customers, power flow, the row of truth
and its file. Nobody reads meanwhile; `hil_serving.py` has the servers.

    python benchmarks/hil_stepping.py DIRECTORY
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from hil_networks import Case, cases
from hil_plants import SECONDS, prepared
from numpy.typing import NDArray

from ortsnetz_hil.plant import configuration as files
from ortsnetz_hil.plant import network_file, profiles
from ortsnetz_hil.plant.calendar import Instant
from ortsnetz_hil.plant.configuration import PlantConfiguration
from ortsnetz_hil.plant.core import Plant, Step
from ortsnetz_hil.plant.network_file import PlantNetwork
from ortsnetz_hil.plant.places import Seen
from ortsnetz_hil.plant.power_flow import GridState, Injections, PowerFlow
from ortsnetz_hil.verdict.truth import Observer
from ortsnetz_hil.verdict.truth_file import TruthWriter

COPIES = (1, 3, 10)
DEVICES = (0, 40, 100, 400)
STEPS = 300
AT_MOST_S = 5.0
WARM_UP = 5
Phases = NDArray[np.float64]


class Stopwatch:
    """Adds up what parts take, each without the parts inside it.

    Attributes:
        spent: seconds by part.
    """

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        self._inside: list[float] = []

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Measure what happens in the block."""
        self._inside.append(0.0)
        begin = time.perf_counter()
        try:
            yield
        finally:
            took = time.perf_counter() - begin
            self.spent[name] += took - self._inside.pop()  # type: ignore[assignment]
            if self._inside:
                self._inside[-1] += took


class _Flow(PowerFlow):
    def __init__(self, network: PlantNetwork, watch: Stopwatch) -> None:
        super().__init__(network)
        self._watch = watch

    def solve(self, injections: Injections) -> GridState:
        with self._watch.part("power_flow"):
            return super().solve(injections)


class TimedPlant(Plant):
    """A plant with a stopwatch at its parts."""

    def __init__(self, directory: Path, watch: Stopwatch) -> None:
        configuration: PlantConfiguration = files.read(directory)
        text = (directory / files.NETWORK_FILE).read_bytes()
        network = network_file.parse(text, str(directory))
        super().__init__(configuration, network, profiles.read(directory / files.PROFILES_FILE))
        self._watch = watch
        self.flow = _Flow(network, watch)

    def step(self, now_s: float, instant: Instant) -> Step:
        """A step; what no other part takes is loadings and the rest."""
        with self._watch.part("loading"):
            return super().step(now_s, instant)

    def _live(self, now_s: float, instant: Instant, seen: Seen) -> None:
        with self._watch.part("devices"):
            super()._live(now_s, instant, seen)

    def _with_batteries(self, now_s: float, instant: Instant, voltages: list[Phases]) -> Injections:
        with self._watch.part("devices"):
            return super()._with_batteries(now_s, instant, voltages)

    def injections(
        self,
        instant: Instant,
        ev_s: NDArray[np.complex128] | None = None,
        pv_w: Phases | None = None,
    ) -> Injections:
        """What all elements draw and feed in."""
        with self._watch.part("customers"):
            return super().injections(instant, ev_s, pv_w)


def measured(case: Case, devices: int, run: Path) -> dict[str, object]:
    """Steps over the whole day, evenly, as many as the time allows."""
    prepared(case, devices, run)
    watch = Stopwatch()
    plant = TimedPlant(run / "plant", watch)
    observer, truth = Observer(plant), TruthWriter(run / "plant")
    taken = []
    begin = time.perf_counter()
    for number in range(-WARM_UP, STEPS):
        if number == 0:
            watch.spent.clear()
            begin = time.perf_counter()
        began = time.perf_counter()
        now_s = max(number, 0) * SECONDS / STEPS + min(number, 0) * 0.2
        step = plant.step(now_s, plant.configuration.window.after(now_s))
        with watch.part("truth_row"):
            row = observer.row(step, now_s)
        with watch.part("truth_file"):
            truth.append(row)
        if number >= 0:
            taken.append(time.perf_counter() - began)
        if time.perf_counter() - begin > AT_MOST_S:
            break
    count, total = len(taken), sum(taken)
    return {
        "benchmark": "hil_stepping",
        "network": case.name,
        "nodes": case.nodes,
        "devices": devices,
        "steps": count,
        "steps_per_s": round(count / total),
        "step_ms_median": round(1e3 * statistics.median(taken), 2),
        "step_ms_p99": round(1e3 * float(np.quantile(taken, 0.99)), 2),
        "parts_ms": {name: round(1e3 * s / count, 3) for name, s in sorted(watch.spent.items())},
    }


def main() -> None:
    directory = Path(sys.argv[1])
    for case in cases(directory / "networks", COPIES):
        for devices in DEVICES:
            run = directory / "runs" / f"{case.path.stem}-{devices}"
            print(json.dumps(measured(case, devices, run)), flush=True)


if __name__ == "__main__":
    main()
