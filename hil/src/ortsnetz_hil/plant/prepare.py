"""Prepares a run: the plant's own directory and what the agent gets."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_hil.plant import configuration as files
from ortsnetz_hil.plant import network_file, placement, profiles
from ortsnetz_hil.plant.calendar import window
from ortsnetz_hil.plant.configuration import (
    FORMAT,
    MeterClass,
    PlantConfiguration,
)
from ortsnetz_hil.plant.customers import DEVICE_MARK
from ortsnetz_hil.plant.derive import write_agent_files
from ortsnetz_hil.plant.devices.specs import ChargePoint, Inverter
from ortsnetz_hil.plant.metering import meters
from ortsnetz_hil.plant.network_file import Document, PlantNetwork
from ortsnetz_hil.plant.placement import Ports

HOST = "127.0.0.1"
U_PU = (0.95, 1.05)
LOADING = 1.0
SCENARIO = re.compile(r"--([012])-")
# relative standard deviations: class 0.5 and class 1 meters (IEC 62053-22, -21), voltage 0.2 %
METER_CLASSES = (
    MeterClass("meter-transformer", u=0.002, power=0.005),
    MeterClass("meter-feeder", u=0.002, power=0.010),
    MeterClass("meter-customer", u=0.002, power=0.005),
    MeterClass("ev-controller", u=0.002, power=0.010),
    MeterClass("pv-inverter", u=0.002, power=0.010),
)


@dataclass(frozen=True, slots=True)
class Request:
    """What kind of plant is wanted.

    Attributes:
        network: path of the network file.
        out: run directory.
        seconds: length of the run, None for an endless one.
        wall_start_ns: wall instant at which the calendar's window begins.
    """

    network: Path
    out: Path
    seed: int
    seconds: float | None
    base_port: int
    node: str
    ev: int
    pv: int
    wall_start_ns: int


def prepare(request: Request) -> PlantConfiguration:
    """Write `plant/` and `agent/` of a run directory.

    Raises:
        InputError: the network cannot be used; names the file, the element and the reason.
    """
    try:
        text = request.network.read_bytes()
    except OSError as error:
        raise InputError(f"{request.network}: cannot be read: {error.strerror}") from error
    parsed = network_file.parse(text, str(request.network))
    network, assumptions = _with_profiles(parsed, str(request.network))
    configuration = _configure(request, network, assumptions)
    plant = request.out / "plant"
    plant.mkdir(parents=True, exist_ok=True)
    whole = network_file.extended(
        network,
        {
            "asym_load": [_charge_point(spec) for spec in configuration.charge_points],
            "asym_gen": [_inverter(spec) for spec in configuration.inverters],
        },
    )
    (plant / files.NETWORK_FILE).write_text(json.dumps(whole, indent=1))
    profiles.write(_profiles(configuration, network), plant / files.PROFILES_FILE)
    write_agent_files(configuration, network, request.out, plant)
    files.write(configuration, plant)  # last: where it is, the plant is complete
    return configuration


def _with_profiles(network: PlantNetwork, source: str) -> tuple[PlantNetwork, list[str]]:
    """Give a profile to elements whose source states none, and say so."""
    document = network_file.extended(network, {})
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
    return network_file.parse(json.dumps(document), source), assumptions


def _configure(
    request: Request, network: PlantNetwork, assumptions: list[str]
) -> PlantConfiguration:
    ports = Ports(request.base_port)
    found = meters(network, request.seed, ports)
    first = network.next_id()
    ev_ports = [ports.at(len(found) + i) for i in range(request.ev)]
    pv_ports = [ports.at(len(found) + request.ev + i) for i in range(request.pv)]
    return PlantConfiguration(
        format=FORMAT,
        node=request.node,
        seed=request.seed,
        seconds=request.seconds,
        host=HOST,
        window=window(request.seconds, request.wall_start_ns),
        u_pu=U_PU,
        loading=LOADING,
        meters=found,
        charge_points=placement.charge_points(network, request.seed, request.ev, first, ev_ports),
        inverters=placement.inverters(
            network, request.seed, request.pv, first + request.ev, pv_ports
        ),
        meter_classes=METER_CLASSES,
        assumptions=(
            *assumptions,
            "SimBench's clock is taken as UTC",
            "inverters: a SimBench PV profile divided by its highest value of the year",
        ),
    )


def _profiles(configuration: PlantConfiguration, network: PlantNetwork) -> profiles.DayProfiles:
    loads = [element["profile"] for element in network.elements("asym_load")]
    gens = [element["profile"] for element in network.elements("asym_gen")]
    roofs = [inverter.profile for inverter in configuration.inverters]
    return profiles.load_simbench(loads, [*gens, *roofs], _scenario(network))


def _scenario(network: PlantNetwork) -> int:
    """SimBench's scenario from the code that the network came from; 0 for any other source."""
    source = str(dict(network.document.get("ortsnetz", {})).get("source", ""))
    match = SCENARIO.search(source)
    return int(match[1]) if match else 0


def _charge_point(spec: ChargePoint) -> Document:
    return {**_device(spec), "name": spec.name, DEVICE_MARK: True}


def _inverter(spec: Inverter) -> Document:
    return {**_device(spec), "name": spec.name, "kwp": spec.rated_w / 1000.0, DEVICE_MARK: True}


def _device(spec: ChargePoint | Inverter) -> Document:
    return {
        "id": spec.element,
        "node": spec.node,
        "status": 1,
        "type": 0,
        "p_specified": [0.0, 0.0, 0.0],
        "q_specified": [0.0, 0.0, 0.0],
    }


def start_after(now_ns: int, seconds: float) -> int:
    """Wall instant a number of seconds from now, at a whole second."""
    return -(-(now_ns + round(seconds * NS_PER_S)) // NS_PER_S) * NS_PER_S
