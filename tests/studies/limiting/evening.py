"""Plays one evening: plant, sensors, wires, agent, wires, plant; once a second."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from studies.limiting.case import Case
from studies.limiting.node import Decided, Node
from studies.limiting.plants import prepared
from studies.limiting.sensors import Sensors
from studies.limiting.truth import Elements, floors_keep, ratios
from studies.limiting.wires import Answers, Commands

from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_edge.control.adjustment import Adjustment
from ortsnetz_edge.control.device import Write
from ortsnetz_hil.plant.configuration import PlantConfiguration
from ortsnetz_hil.plant.core import Plant, Step
from ortsnetz_hil.plant.devices.inverter import InverterModel
from ortsnetz_hil.plant.devices.limited import FULL
from ortsnetz_hil.plant.loader import load

STEPS_A_CYCLE = 2
"""Of the plant. With one, a device would follow a second later than its maker states."""
LEAD_IN_S = 8
CYCLE_S = 1.0


@dataclass
class Played:
    """An evening as it was.

    Attributes:
        ratio: (cycles, elements) true value over true limit.
        keep: the same shape, whether floors would keep the element; asked for only where anything
            is above its limit, true elsewhere.
        decided: what the agent decided, by cycle.
        limits: (cycles, devices) limits in force, in the device's own unit; `power_w`: what devices
            draw or feed in, magnitude; `wanted_w`: what they would without a limit.
        changes: delivered commands that changed a limit, by device.
        below_floor: commands below a floor.
    """

    case: Case
    configuration: PlantConfiguration
    elements: Elements
    plant: Plant
    node: Node
    ratio: NDArray[np.float64]
    keep: NDArray[np.bool_]
    limits: NDArray[np.float64]
    power_w: NDArray[np.float64]
    wanted_w: NDArray[np.float64]
    decided: list[Decided] = field(default_factory=list)
    changes: Counter[str] = field(default_factory=Counter)
    below_floor: int = 0


def play(case: Case) -> Played:
    """Play an evening."""
    with tempfile.TemporaryDirectory(prefix="evening-") as folder:
        out = Path(folder)
        configuration = prepared(case, out)
        plant = load(out / "plant", configuration)
        node = Node.of(out, now=float(-LEAD_IN_S))
    return _Evening(case, configuration, plant, node).play()


class _Evening:
    """The loop of one evening."""

    def __init__(
        self, case: Case, configuration: PlantConfiguration, plant: Plant, node: Node
    ) -> None:
        rng = np.random.default_rng([case.seed, 7])
        self._sensors = Sensors(plant, case.wires.bias_share, rng)
        devices = self._sensors.names[len(self._sensors.names) - self._sensors.devices :]
        stale_after_s = node.parameters.timing.stale_after_s
        self._answers = Answers(case, self._sensors, stale_after_s, rng)
        self._commands = Commands(case, devices, rng)
        self._models = dict(zip(devices, (*plant.charge_points, *plant.inverters), strict=True))
        self._floors = dict.fromkeys(devices, 0)
        self._floors |= {p.name: p.floor_a for p in configuration.charge_points}
        elements = Elements.of(plant)
        shape, count = (case.seconds, len(elements.names)), (case.seconds, len(devices))
        self._window = configuration.window
        self._played = Played(
            case=case,
            configuration=configuration,
            elements=elements,
            plant=plant,
            node=node,
            ratio=np.zeros(shape),
            keep=np.ones(shape, bool),
            limits=np.zeros(count),
            power_w=np.zeros(count),
            wanted_w=np.zeros(count),
        )

    def play(self) -> Played:
        for second in range(-LEAD_IN_S, self._played.case.seconds):
            self._second(second)
        return self._played

    def _second(self, second: int) -> None:
        played = self._played
        plant, node = played.plant, played.node
        for part in range(STEPS_A_CYCLE):
            now_s = second + part / STEPS_A_CYCLE
            if part:
                self._deliver(now_s)
            step = plant.step(now_s, self._window.after(now_s))
            if part == 0:
                self._record(second, step)
                said = self._sensors.read(step.state)
                image, readings = self._answers.image(said, now_s)
                hour = step.instant.calendar_ns / NS_PER_S % 86_400.0 / 3600.0
                decided = node.cycle(image, readings, hour, now_s)
                self._commands.send((*decided.verdict.writes, *decided.adjustments), now_s)
                if second >= 0:
                    played.decided.append(decided)

    def _deliver(self, now_s: float) -> None:
        for command in self._commands.arrived(now_s):
            if isinstance(command, Adjustment):
                self._adjust(command)
            else:
                self._write(command, now_s)
            self._played.node.confirmed(command, now=now_s)

    def _adjust(self, command: Adjustment) -> None:
        """Reactive power of an inverter."""
        model = self._models[command.device]
        assert isinstance(model, InverterModel)
        model.reactive = round(command.value / model.spec.rated_w * FULL)
        model.reactive_told = True

    def _write(self, write: Write, now_s: float) -> None:
        model = self._models[write.device]
        is_point = write.device.startswith("ev")
        value = round(write.amount) if is_point else round(write.amount * FULL)
        self._played.changes[write.device] += value != model.limit
        self._played.below_floor += value < self._floors[write.device]
        model.write_limit(value, now_s)

    def _record(self, second: int, step: Step) -> None:
        if second < 0:
            return
        played, plant = self._played, self._played.plant
        played.ratio[second] = ratios(plant, step.state)
        if played.ratio[second].max() > 1.0:
            played.keep[second] = floors_keep(plant, step.instant, played.keep.shape[1])
        points, roofs = plant.charge_points, plant.inverters
        played.limits[second] = [*(m.limit for m in points), *(m.limit for m in roofs)]
        played.power_w[second] = [
            *(m.active_w.sum() for m in points),
            *(m.power_w for m in roofs),
        ]
        played.wanted_w[second] = [
            *(m.wanted_a * 230.0 * m.used_terminals for m in points),
            *(m.available_w for m in roofs),
        ]
