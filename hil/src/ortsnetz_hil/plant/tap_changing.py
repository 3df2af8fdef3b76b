"""Tap changers at their transformers: what they see, and what they turn."""

from __future__ import annotations

import numpy as np

from ortsnetz_common.errors import InputError
from ortsnetz_hil.plant.devices.specs import TapChanger
from ortsnetz_hil.plant.devices.tap_changer import TapChangerModel
from ortsnetz_hil.plant.network_file import PlantNetwork
from ortsnetz_hil.plant.power_flow import GridState, PowerFlow


class TapChanging:
    """All tap changers of a plant.

    Attributes:
        models: in the order of the configuration.
        positions: tap position of every transformer, shape (transformers,), in the file's order.
    """

    def __init__(self, specs: tuple[TapChanger, ...], network: PlantNetwork) -> None:
        transformers = network.data["transformer"]
        rows = {int(element): row for row, element in enumerate(transformers["id"])}
        nodes = {int(node): row for row, node in enumerate(network.ids("node"))}
        self.positions = np.asarray(transformers["tap_pos"], np.int64).copy()
        self.models: list[TapChangerModel] = []
        self._at: list[tuple[int, int, int]] = []
        for spec in specs:
            if spec.element not in rows:
                raise InputError(f"tap changer '{spec.name}': no transformer {spec.element}")
            row = rows[spec.element]
            own = transformers[row]
            _check(spec, own)
            ends = int(own["tap_min"]), int(own["tap_max"])
            self.models.append(TapChangerModel(spec, *ends, int(own["tap_pos"])))
            self._at.append((row, spec.element, nodes[int(own["to_node"])]))

    def step(self, now_s: float, day: int, state: GridState, flow: PowerFlow) -> None:
        """Let every controller look at its busbar; a completed step acts from the next solution."""
        for model, (row, element, busbar) in zip(self.models, self._at, strict=True):
            alive = bool(state.energized[busbar])
            seen_pu = float(state.u_pu[busbar].mean()) if alive else float("nan")
            if model.advance(now_s, seen_pu, day):
                self.positions[row] = model.position
                flow.set_tap(element, model.position)


def _check(spec: TapChanger, transformer: np.void) -> None:
    """The controller turns the tap of the high-voltage side: a higher position, less voltage."""
    if int(transformer["tap_side"]) != 0 or int(transformer["tap_min"]) > int(
        transformer["tap_max"]
    ):
        raise InputError(
            f"tap changer '{spec.name}': transformer {spec.element} needs tap_side 0 and tap_min "
            "below tap_max"
        )
