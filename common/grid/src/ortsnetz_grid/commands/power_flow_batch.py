"""The powers of many scenarios from power-grid-model's update data set."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from power_grid_model.errors import PowerGridError
from power_grid_model.utils import json_deserialize

from ortsnetz_common.errors import InputError
from ortsnetz_grid.commands.case_file import read
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.power_flow import Appliances
from ortsnetz_grid.network.power_flow.appliances import SIGNS
from ortsnetz_grid.network.two_ports import Complex

_ALLOWED = {"id", "p_specified", "q_specified"}


def read_update(network: Network, appliances: Appliances, path: Path) -> Complex:
    """Powers (b, a, 3), VA, consumption positive; what an update leaves out stays as in the file.

    Raises:
        InputError: names what is no update of powers.
    """
    try:
        document = json.loads(read(path))
        kind = document.get("type") if isinstance(document, dict) else None
        if kind != "update" or not document.get("is_batch"):
            raise InputError(f"{path}: type is {kind!r}; a batch of type 'update' is needed")
        data = {str(getattr(k, "value", k)): v for k, v in json_deserialize(
            json.dumps(document)).items()}  # fmt: skip
    except (PowerGridError, ValueError, KeyError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: not a power-grid-model update data set: {reason}") from error
    return _powers(network, appliances, data, path)


def _powers(
    network: Network, appliances: Appliances, data: dict[str, NDArray[np.void]], path: Path
) -> Complex:
    for component, array in data.items():
        if component not in SIGNS or array.ndim != 2:
            raise InputError(
                f"{path}: {component}: only loads and generators may vary, all of them in every "
                "scenario"
            )
        _refuse_other_fields(component, array, path)
    counts = {len(array) for array in data.values()}
    if len(counts) != 1:
        raise InputError(f"{path}: no scenario, or not as many for every component")
    found = np.repeat(appliances.power[None], counts.pop(), axis=0)
    for component, array in data.items():
        for scenario, rows in enumerate(array):
            _write(network, appliances, found[scenario], component, rows)
    return found


def _refuse_other_fields(component: str, array: NDArray[np.void], path: Path) -> None:
    for name in set(array.dtype.names or ()) - _ALLOWED:
        column = array[name]
        nothing = np.iinfo(column.dtype).min if column.dtype.kind == "i" else np.nan
        given = column != nothing if column.dtype.kind == "i" else ~np.isnan(column)
        if given.any():
            raise InputError(f"{path}: {component}: {name} cannot vary, only powers can")


def _write(
    network: Network,
    appliances: Appliances,
    power: Complex,
    component: str,
    rows: NDArray[np.void],
) -> None:
    """Put one scenario's update of a component into its powers (a, 3)."""
    place = {element: row for row, element in enumerate(appliances.ids.tolist())}
    for row in rows:
        element = int(row["id"])
        if network.components.get(element) != component:
            raise InputError(f"the network has no {component} {element}")
        at = place[element]
        p, q = (SIGNS[component] * np.asarray(row[f"{x}_specified"]) for x in "pq")
        if p.ndim == 0:
            p, q = np.full(3, p / 3), np.full(3, q / 3)
        old = power[at]
        power[at] = np.where(np.isnan(p), old.real, p) + 1j * np.where(np.isnan(q), old.imag, q)
