"""Devices as elements of the plant's network file: places; they say themselves what they do."""

from __future__ import annotations

from ortsnetz_hil.plant.configuration import PlantConfiguration
from ortsnetz_hil.plant.customers import DEVICE_MARK
from ortsnetz_hil.plant.devices.specs import Battery, ChargePoint, HeatPump, Inverter
from ortsnetz_hil.plant.network_file import Document


def elements(configuration: PlantConfiguration) -> dict[str, list[Document]]:
    """Elements of all devices by component."""
    loads: tuple[ChargePoint | HeatPump | Battery, ...] = (
        *configuration.charge_points,
        *configuration.heat_pumps,
        *configuration.batteries,
    )
    return {
        "asym_load": [{**_place(spec), DEVICE_MARK: True} for spec in loads],
        "asym_gen": [
            {**_place(spec), "kwp": spec.rated_w / 1000.0, DEVICE_MARK: True}
            for spec in configuration.inverters
        ],
    }


def _place(spec: ChargePoint | Inverter | HeatPump | Battery) -> Document:
    return {
        "id": spec.element,
        "node": spec.node,
        "status": 1,
        "type": 0,
        "p_specified": [0.0, 0.0, 0.0],
        "q_specified": [0.0, 0.0, 0.0],
        "name": spec.name,
    }
