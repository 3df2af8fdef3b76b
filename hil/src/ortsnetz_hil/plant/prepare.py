"""Prepares a run: the plant's own directory and what the agent gets."""

from __future__ import annotations

import json
from dataclasses import dataclass

import msgspec

from ortsnetz_common.errors import InputError
from ortsnetz_common.link.topics import check_name
from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_hil.plant import application_certificates, network_file, profiles, protocols
from ortsnetz_hil.plant import configuration as files
from ortsnetz_hil.plant.as_built import as_built
from ortsnetz_hil.plant.configuration import PlantConfiguration
from ortsnetz_hil.plant.configure import configure
from ortsnetz_hil.plant.derive import write_agent_files
from ortsnetz_hil.plant.device_elements import elements
from ortsnetz_hil.plant.network_file import Document, PlantNetwork
from ortsnetz_hil.plant.programme import Programme, programme
from ortsnetz_hil.plant.records import records
from ortsnetz_hil.plant.request import NetworkWish, Request
from ortsnetz_hil.plant.season import season

PART_OF = "part_of"


def prepare(request: Request) -> PlantConfiguration:
    """Write `plant/` and `agent/` of a run directory.

    Raises:
        InputError: the request cannot be fulfilled; names the file, the element and the reason.
    """
    _check(request)
    networks = _networks(request)
    placed = configure(request, networks.built, networks.split)
    played = programme(
        request.profiles, networks.built, placed.inverters, placed.window, request.seed
    )
    configuration = msgspec.structs.replace(
        placed,
        inverters=played.inverters,
        assumptions=(*networks.assumptions, *played.assumptions),
    )
    known = records(
        networks.built,
        configuration.meters,
        errors=request.errors,
        season=season(configuration.window, request.profiles),
        outdoor_c=request.profiles.outdoor_c,
        seed=request.seed,
    )
    plant = request.out / "plant"
    plant.mkdir(parents=True, exist_ok=True)
    whole = _plant_network(networks.split, configuration, played)
    (plant / files.NETWORK_FILE).write_text(json.dumps(whole, indent=1))
    profiles.write(played.profiles, plant / files.PROFILES_FILE)
    write_agent_files(configuration, known, request.parameters, request.out, plant)
    for server in configuration.station_servers:
        if server.credentials is not None:
            application_certificates.write(
                server.credentials,
                node=configuration.node,
                host=configuration.host,
                plant=plant,
                agent=request.out / "agent",
            )
    files.write(configuration, plant)  # last: where it is, the plant is complete
    return configuration


def _check(request: Request) -> None:
    if request.seed < 0:
        raise InputError(f"seed {request.seed}: a seed is not negative")
    try:
        check_name(request.node)
    except ValueError as error:
        raise InputError(f"node: {error}") from error
    protocols.check(request.protocols)
    for what in ("charge_points", "inverters", "heat_pumps", "batteries"):
        if getattr(request, what).count < 0:
            raise InputError(f"{what}: a number of devices is not negative")
    low, high = request.u_pu
    if not 0 < low < high or not request.loading > 0:
        raise InputError(f"limits of the verdict: {low} .. {high} pu, loading {request.loading}")


@dataclass(frozen=True, slots=True)
class _Networks:
    """The network before devices are added.

    Attributes:
        built: as the records know it: whole customers.
        split: as the plant solves it: customers in parts of different voltage dependence.
        assumptions: for people.
    """

    built: PlantNetwork
    split: PlantNetwork
    assumptions: tuple[str, ...]


def _networks(request: Request) -> _Networks:
    path = request.network.path
    try:
        text = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    parsed = network_file.parse(text, str(path))
    built, assumptions = as_built(parsed, request.network, request.tap_changers)
    split, more = _split(built, request.network)
    return _Networks(built, split, (*assumptions, *more))


def _split(built: PlantNetwork, wish: NetworkWish) -> tuple[PlantNetwork, tuple[str, ...]]:
    if (wish.z, wish.i, wish.p) == (0.0, 0.0, 1.0):
        return built, ()
    from ortsnetz_hil.plant.voltage_dependence import (  # noqa: PLC0415 - only where it is wanted
        with_voltage_dependence,
    )

    document = with_voltage_dependence(dict(built.document), wish.z, wish.i, wish.p)
    said = (
        f"customers' loads: {wish.z:.0%} constant impedance, {wish.i:.0%} constant current, "
        f"{wish.p:.0%} constant power, in each phase"
    )
    return network_file.parse(json.dumps(document), str(wish.path)), (said,)


def _plant_network(
    split: PlantNetwork, configuration: PlantConfiguration, played: Programme
) -> Document:
    """The plant's network file: customers with the profiles that they follow, and devices."""
    whole = network_file.extended(split, {})
    data = whole["data"]
    for element in [*data["asym_load"], *data.get("asym_gen", [])]:
        element["profile"] = played.followed[int(element.get(PART_OF, element["id"]))]
    for component, devices in elements(configuration).items():
        data.setdefault(component, []).extend(devices)
    return whole


def start_after(now_ns: int, seconds: float) -> int:
    """Wall instant a number of seconds from now, at a whole second."""
    return -(-(now_ns + round(seconds * NS_PER_S)) // NS_PER_S) * NS_PER_S
