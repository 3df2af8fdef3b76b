"""The network as it was built: what a run changes in the file before anybody looks at it.

Everything here is known to the records too: a new transformer, a tap changer and a tie line are
what the operator has bought.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from ortsnetz_common.errors import InputError
from ortsnetz_hil.plant import network_file, profiles
from ortsnetz_hil.plant.network_file import Document, PlantNetwork
from ortsnetz_hil.plant.request import NetworkWish, TapChangerWish, TieWish

PER_LENGTH = ("r1", "x1", "c1", "r0", "x0", "c0")
FROM_SIDE = 0


def as_built(
    network: PlantNetwork, wish: NetworkWish, taps: tuple[TapChangerWish, ...]
) -> tuple[PlantNetwork, list[str]]:
    """The network with its changes, and what had to be assumed.

    Args:
        network: the network file as it was read.
        wish: rating and ties.
        taps: tap changers.

    Raises:
        InputError: an element that is named does not exist, or a value makes no sense.
    """
    document: Document = copy.deepcopy(dict(network.document))
    assumptions = _default_profiles(document)
    if wish.rated_kva is not None:
        assumptions += _rerate(document, wish.rated_kva)
    for tie in wish.ties:
        _add_tie(document, tie, network.next_id(), wish.path.name)
        network = network_file.parse(json.dumps(document), str(wish.path))
    for tap in taps:
        _fit_tap_changer(document, tap)
    return network_file.parse(json.dumps(document), str(wish.path)), assumptions


def transformer_id(network: PlantNetwork, tap: TapChangerWish) -> int:
    """Id of the transformer that a tap changer belongs to."""
    return int(_transformer(network.document["data"], tap)["id"])


def _default_profiles(document: Document) -> list[str]:
    """Give a profile to elements whose source states none, and say so."""
    assumptions = []
    for component, default in (
        ("asym_load", profiles.DEFAULT_LOAD),
        ("asym_gen", profiles.DEFAULT_PV),
    ):
        without = [e for e in document["data"].get(component, []) if not e.get("profile")]
        for element in without:
            element["profile"] = default
        if without:
            assumptions.append(f"{len(without)} x {component} without a profile follow {default}")
    return assumptions


def _rerate(document: Document, rated_kva: float) -> list[str]:
    """Another rating: impedance and losses in per cent of it stay."""
    if not rated_kva > 0:
        raise InputError(f"network: a transformer's rating of {rated_kva:g} kVA is not positive")
    assumptions = []
    for transformer in document["data"]["transformer"]:
        factor = rated_kva * 1000.0 / transformer["sn"]
        for field in ("sn", "pk", "p0"):
            transformer[field] *= factor
        name = transformer.get("name", transformer["id"])
        assumptions.append(
            f"transformer '{name}' is rated {rated_kva:g} kVA instead of "
            f"{rated_kva / factor:g} kVA: short-circuit voltage and no-load current stay the same "
            "per cent, copper and iron losses grow with the rating"
        )
    return assumptions


def _add_tie(document: Document, tie: TieWish, new_id: int, source: str) -> None:
    data = document["data"]
    if not tie.length > 0:
        raise InputError(f"tie '{tie.name}': length {tie.length:g} is not positive")
    pattern = _find(data, "line", tie.like, f"{source}: tie '{tie.name}'")
    ends = [
        _find(data, "node", node, f"{source}: tie '{tie.name}'")
        for node in (tie.from_node, tie.to_node)
    ]
    if ends[0]["id"] == ends[1]["id"]:
        raise InputError(f"{source}: tie '{tie.name}': both ends are the same node")
    if ends[0]["u_rated"] != ends[1]["u_rated"]:
        raise InputError(f"{source}: tie '{tie.name}' would connect two rated voltages")
    line = {
        **pattern,
        "id": new_id,
        "name": tie.name,
        "from_node": ends[0]["id"],
        "to_node": ends[1]["id"],
        "from_status": 0,
        "to_status": 0,
    }
    for field in PER_LENGTH:
        if field in line:
            line[field] *= tie.length
    if "length_km" in line:
        line["length_km"] *= tie.length
    data["line"].append(line)


def _fit_tap_changer(document: Document, tap: TapChangerWish) -> None:
    transformer = _transformer(document["data"], tap)
    if tap.steps < 1 or not 0 < tap.step_percent <= 10:
        raise InputError(
            f"tap changer: {tap.steps} steps of {tap.step_percent:g} % on each side: at least one "
            "step of more than 0 and at most 10 % is needed"
        )
    tapped = "u1" if transformer.get("tap_side", FROM_SIDE) == FROM_SIDE else "u2"
    transformer |= {
        "tap_side": transformer.get("tap_side", FROM_SIDE),
        "tap_pos": max(-tap.steps, min(tap.steps, transformer.get("tap_pos", 0))),
        "tap_min": -tap.steps,
        "tap_max": tap.steps,
        "tap_nom": 0,
        "tap_size": transformer[tapped] * tap.step_percent / 100.0,
    }


def _transformer(data: Mapping[str, Any], tap: TapChangerWish) -> Document:
    if tap.transformer is None:
        first: Document = data["transformer"][0]
        return first
    return _find(data, "transformer", tap.transformer, "tap changer")


def _find(data: Mapping[str, Any], component: str, wanted: int | str, where: str) -> Document:
    """An element by id or name, which has to be unique."""
    key = "id" if isinstance(wanted, int) else "name"
    found: list[Document] = [each for each in data[component] if each.get(key) == wanted]
    if len(found) != 1:
        how_many = "no" if not found else f"{len(found)} times a"
        raise InputError(f"{where}: the network has {how_many} {component} '{wanted}'")
    return found[0]
