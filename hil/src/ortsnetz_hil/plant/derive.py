"""What the agent gets: a network that is not the plant's, and a signed parameter set."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ortsnetz_common.parameters.parameter_set import (
    SCHEMA,
    ParameterSet,
    sha256,
    write_signed,
)
from ortsnetz_common.parameters.station import NOMINAL_PHASE_V
from ortsnetz_common.trust.signature import generate_private_key, public_key
from ortsnetz_hil.plant.configuration import SIGNING_KEY_FILE, PlantConfiguration, PlantMeter
from ortsnetz_hil.plant.devices.charge_point import POWER_FACTOR
from ortsnetz_hil.plant.devices.specs import Battery, ChargePoint, HeatPump, Inverter
from ortsnetz_hil.plant.network_file import Document
from ortsnetz_hil.plant.overlay import overlaid
from ortsnetz_hil.plant.placement import LETTERS
from ortsnetz_hil.plant.pseudo import STORAGE
from ortsnetz_hil.plant.random_streams import stream
from ortsnetz_hil.plant.reached import known_phases
from ortsnetz_hil.plant.records import Records
from ortsnetz_hil.plant.station import station

IMPEDANCES = ("r1", "x1", "r0", "x0")
POWERS = ("p_specified", "q_specified")
_TAN_PHI = float(np.tan(np.arccos(POWER_FACTOR)))


def write_agent_files(
    configuration: PlantConfiguration,
    records: Records,
    overrides: Mapping[str, Mapping[str, object]],
    run: Path,
    plant: Path,
) -> None:
    """Write the agent's network, parameters and trust anchor.

    Args:
        configuration: the plant's configuration.
        records: what the records know of the network, and what is wrong in them.
        overrides: fields of the parameter set by section, see `overlay`.
        run: run directory; files go to its folder `agent`.
        plant: plant directory; keeps the signing key.

    Raises:
        InputError: the overrides do not fit the parameter set.
    """
    agent = run / "agent"
    agent.mkdir(parents=True, exist_ok=True)
    document = json.dumps(agent_network(configuration, records), indent=1).encode()
    parameters = overlaid(
        ParameterSet(
            schema=SCHEMA,
            node=configuration.node,
            version=1,
            network_sha256=sha256(document),
            station=station(configuration, records),
            calendar=configuration.window.shared(),
        ),
        overrides,
    )
    (agent / "network.json").write_bytes(document)
    key = generate_private_key()
    _write_secret(plant / SIGNING_KEY_FILE, key)
    (agent / "trust-anchor.pem").write_bytes(public_key(key))
    (agent / "parameters.json").write_bytes(write_signed(parameters, key))


def agent_network(configuration: PlantConfiguration, records: Records) -> Document:
    """The network as the DSO's records have it.

    Impedances are off, phases are known only where there is a meter, nothing tells the profiles
    that the plant will follow, and what the records miss is not there.
    """
    document: Document = copy.deepcopy(dict(records.network.document))
    data = document["data"]
    rng = stream(configuration.seed, "errors of the records")
    for line in data["line"]:
        _disturb(line, IMPEDANCES, records.errors.line_error, rng)
    for transformer in data["transformer"]:
        _disturb(transformer, ("uk", "pk"), records.errors.transformer_error, rng)
    data["asym_load"] = [load for load in data["asym_load"] if not records.misses(load)]
    wrong = {m.element: m for m in configuration.meters if m.name in records.phases}
    for element in [*data["asym_load"], *data.get("asym_gen", [])]:
        element.pop("profile", None)
        if not records.measures(element):
            _spread(element)
        elif element["node"] in wrong:
            _confuse(element, wrong[element["node"]], records)
    data["asym_load"] += [
        *(_charge_point(spec, records) for spec in configuration.charge_points),
        *(_home_device(spec) for spec in configuration.heat_pumps),
        *({**_home_device(spec), "kind": STORAGE} for spec in configuration.batteries),
    ]
    data.setdefault("asym_gen", []).extend(
        _inverter(spec, records) for spec in configuration.inverters
    )
    document["ortsnetz"] = _header(document, records)
    return document


def _disturb(
    element: Document, fields: tuple[str, ...], error: float, rng: np.random.Generator
) -> None:
    for name in fields:
        element[name] *= float(rng.uniform(1.0 - error, 1.0 + error))


def _spread(element: Document) -> None:
    """Nobody knows the phases: a third each."""
    for name in POWERS:
        element[name] = [sum(element[name]) / 3.0] * 3


def _confuse(load: Document, meter: PlantMeter, records: Records) -> None:
    """A single-phase customer is recorded at another phase, as its meter is."""
    if len(meter.phases) > 1:
        return
    recorded = LETTERS.index(records.phases[meter.name])
    for name in POWERS:
        load[name] = [sum(load[name]) if i == recorded else 0.0 for i in range(3)]


def _charge_point(spec: ChargePoint, records: Records) -> Document:
    """A charge point at its rating, for studies; the agent replaces its power each cycle."""
    phase_w = spec.rated_a * NOMINAL_PHASE_V * POWER_FACTOR
    if known_phases(records, spec):
        power = [phase_w if letter in spec.phases else 0.0 for letter in LETTERS]
    else:
        power = [phase_w * len(spec.phases) / 3.0] * 3
    return {**_place(spec, power, _TAN_PHI), "name": spec.name}


def _inverter(spec: Inverter, records: Records) -> Document:
    power = [spec.rated_w / 3.0] * 3
    if len(spec.phases) == 1 and known_phases(records, spec):
        power = [spec.rated_w if letter == spec.phases else 0.0 for letter in LETTERS]
    place = _place(spec, power, 0.0)
    return {**place, "name": spec.name, "kwp": spec.rated_w / 1000.0}


def _home_device(spec: HeatPump | Battery) -> Document:
    """A heat pump or battery at its rating: registered, but nobody knows its phases.

    What a commanded one measures replaces its power each cycle.
    """
    return {**_place(spec, [spec.rated_w / 3.0] * 3, 0.0), "name": spec.name}


def _place(
    spec: ChargePoint | Inverter | HeatPump | Battery, power_w: list[float], tan_phi: float
) -> Document:
    return {
        "id": spec.element,
        "node": spec.node,
        "status": 1,
        "type": 0,
        "p_specified": power_w,
        "q_specified": [p * tan_phi for p in power_w],
    }


def _header(document: Document, records: Records) -> Document:
    header: Document = dict(document.get("ortsnetz", {}))
    header.pop("seed", None)
    errors = records.errors
    header["assumptions"] = [
        *header.get("assumptions", []),
        f"records: line impedances off by up to {errors.line_error:.0%}",
        f"records: impedance of the transformer off by up to {errors.transformer_error:.0%}",
        "loads and generators of customers without a meter are spread over the three phases",
    ]
    return header


def _write_secret(path: Path, payload: bytes) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(payload)
