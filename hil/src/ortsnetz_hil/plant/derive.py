"""What the agent gets: a network that is not the plant's, and a signed parameter set."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np

from ortsnetz_common.parameters.parameter_set import (
    SCHEMA,
    ParameterSet,
    sha256,
    write_signed,
)
from ortsnetz_common.trust.signature import generate_private_key, public_key
from ortsnetz_hil.plant.configuration import SIGNING_KEY_FILE, PlantConfiguration
from ortsnetz_hil.plant.devices.charge_point import POWER_FACTOR
from ortsnetz_hil.plant.network_file import Document, PlantNetwork
from ortsnetz_hil.plant.random_streams import stream
from ortsnetz_hil.plant.station import known_phases, station

LINE_ERROR = 0.10
TRANSFORMER_ERROR = 0.05
IMPEDANCES = ("r1", "x1", "r0", "x0")
_TAN_PHI = float(np.tan(np.arccos(POWER_FACTOR)))


def write_agent_files(
    configuration: PlantConfiguration, network: PlantNetwork, run: Path, plant: Path
) -> None:
    """Write the agent's network, parameters and trust anchor.

    Args:
        configuration: the plant's configuration.
        network: the network before devices are added.
        run: run directory; files go to its folder `agent`.
        plant: plant directory; keeps the signing key.
    """
    agent = run / "agent"
    agent.mkdir(parents=True, exist_ok=True)
    document = json.dumps(agent_network(configuration, network), indent=1).encode()
    (agent / "network.json").write_bytes(document)
    key = generate_private_key()
    _write_secret(plant / SIGNING_KEY_FILE, key)
    (agent / "trust-anchor.pem").write_bytes(public_key(key))
    parameters = ParameterSet(
        schema=SCHEMA,
        node=configuration.node,
        version=1,
        network_sha256=sha256(document),
        station=station(configuration, network),
        calendar=configuration.window.shared(),
    )
    (agent / "parameters.json").write_bytes(write_signed(parameters, key))


def agent_network(configuration: PlantConfiguration, network: PlantNetwork) -> Document:
    """The network as the DSO's records have it.

    Impedances are off, phases are known only where there is a meter, and nothing tells the
    profiles that the plant will follow.
    """
    document: Document = copy.deepcopy(dict(network.document))
    data = document["data"]
    rng = stream(configuration.seed, "errors of the records")
    for line in data["line"]:
        _disturb(line, IMPEDANCES, LINE_ERROR, rng)
    for transformer in data["transformer"]:
        _disturb(transformer, ("uk", "pk"), TRANSFORMER_ERROR, rng)
    measured = {load for meter in configuration.meters for load in meter.loads}
    for element in [*data["asym_load"], *data.get("asym_gen", [])]:
        element.pop("profile", None)
        if element["id"] not in measured:
            _spread(element)
    data["asym_load"] += [
        _charge_point(configuration, i) for i in _count(configuration.charge_points)
    ]
    data.setdefault("asym_gen", []).extend(_inverters(configuration))
    document["ortsnetz"] = _header(document)
    return document


def _count(values: tuple[Any, ...]) -> range:
    return range(len(values))


def _disturb(
    element: Document, fields: tuple[str, ...], error: float, rng: np.random.Generator
) -> None:
    for name in fields:
        element[name] *= float(rng.uniform(1.0 - error, 1.0 + error))


def _spread(element: Document) -> None:
    """Nobody knows the phases: a third each."""
    for name in ("p_specified", "q_specified"):
        element[name] = [sum(element[name]) / 3.0] * 3


def _charge_point(configuration: PlantConfiguration, index: int) -> Document:
    """A charge point at its rating, for studies; the agent replaces its power each cycle."""
    spec = configuration.charge_points[index]
    phase_w = spec.rated_a * 230.0 * POWER_FACTOR
    if known_phases(configuration, spec):
        power = [phase_w if letter in spec.phases else 0.0 for letter in "abc"]
    else:
        power = [phase_w * len(spec.phases) / 3.0] * 3
    return {
        "id": spec.element,
        "node": spec.node,
        "status": 1,
        "type": 0,
        "p_specified": power,
        "q_specified": [p * _TAN_PHI for p in power],
        "name": spec.name,
    }


def _inverters(configuration: PlantConfiguration) -> list[Document]:
    return [
        {
            "id": spec.element,
            "node": spec.node,
            "status": 1,
            "type": 0,
            "p_specified": [spec.rated_w / 3.0] * 3,
            "q_specified": [0.0] * 3,
            "name": spec.name,
            "kwp": spec.rated_w / 1000.0,
        }
        for spec in configuration.inverters
    ]


def _header(document: Document) -> Document:
    header: Document = dict(document.get("ortsnetz", {}))
    header.pop("seed", None)
    header["assumptions"] = [
        *header.get("assumptions", []),
        f"records: line impedances off by up to {LINE_ERROR:.0%}",
        f"records: impedance of the transformer off by up to {TRANSFORMER_ERROR:.0%}",
        "loads and generators of customers without a meter are spread over the three phases",
    ]
    return header


def _write_secret(path: Path, payload: bytes) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(payload)
