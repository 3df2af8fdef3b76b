"""Voltage dependence of customers' loads: shares of constant impedance, current and power (ZIP).

A load is split into parts at the same node, each of one of power-grid-model's types, so that its
power follows p(u) = z u^2 + i u + p of the specified one. Devices and storage keep theirs: their
converters hold their power whatever the voltage.
"""

from __future__ import annotations

import copy
import math

from power_grid_model import LoadGenType

from ortsnetz_common.errors import InputError
from ortsnetz_hil.plant.customers import DEVICE_MARK
from ortsnetz_hil.plant.network_file import Document, PlantNetwork

PART_OF = "part_of"
"""Key of an element that is a further part of a load: the id of the load that was split."""
_TOLERANCE = 1e-9


def with_voltage_dependence(document: Document, z: float, i: float, p: float) -> Document:
    """Split customers' loads of constant power into parts.

    Args:
        document: network file; it stays as it is.
        z: share of constant impedance, 0 to 1.
        i: share of constant current.
        p: share of constant power; the three add up to 1.

    Returns:
        A document in which each such load keeps its id with its first share that is not zero
        (power, impedance, current, in this order); the other parts are new elements at the end,
        with new ids, `part_of` and the same profile.

    Raises:
        InputError: the shares are no shares.
    """
    shares = _shares(z, i, p)
    changed: Document = copy.deepcopy(document)
    data = changed["data"]
    following = 1 + max(element["id"] for found in data.values() for element in found)
    further: list[Document] = []
    split = {load.get(PART_OF) for load in data["asym_load"]}
    for load in data["asym_load"]:
        if load["id"] in split or not _follows(load):
            continue
        whole = copy.deepcopy(load)
        load.update(_part(whole, *shares[0]))
        for kind, share in shares[1:]:
            further.append(
                {**whole, **_part(whole, kind, share), "id": following, PART_OF: whole["id"]}
            )
            following += 1
    data["asym_load"] += further
    return changed


def parts(network: PlantNetwork) -> dict[int, tuple[int, ...]]:
    """Ids of all parts of each load, by the id under which the load is known.

    A load that was not split has itself as its only part.
    """
    found: dict[int, list[int]] = {}
    for load in network.elements("asym_load"):
        found.setdefault(int(load.get(PART_OF) or load["id"]), []).append(int(load["id"]))
    return {load: tuple(ids) for load, ids in found.items()}


def _shares(z: float, i: float, p: float) -> list[tuple[LoadGenType, float]]:
    named = (
        (LoadGenType.const_power, p),
        (LoadGenType.const_impedance, z),
        (LoadGenType.const_current, i),
    )
    if any(not 0 <= share <= 1 for _, share in named) or not math.isclose(
        z + i + p, 1.0, abs_tol=_TOLERANCE
    ):
        raise InputError(
            f"voltage dependence z {z:g}, i {i:g}, p {p:g}: shares from 0 to 1 that add up to 1"
        )
    return [(kind, share) for kind, share in named if share > 0]


def _follows(load: Document) -> bool:
    """Whether a load is a customer's own, of constant power and not split yet."""
    return (
        int(load["type"]) == LoadGenType.const_power
        and not load.get(DEVICE_MARK)
        and load.get("kind") != "storage"
        and PART_OF not in load
    )


def _part(whole: Document, kind: LoadGenType, share: float) -> Document:
    part: Document = {"type": int(kind)}
    for name in ("p_specified", "q_specified"):
        part[name] = [share * value for value in whole[name]]
    annual = whole.get("annual_kwh")
    return part if annual is None else {**part, "annual_kwh": share * annual}
