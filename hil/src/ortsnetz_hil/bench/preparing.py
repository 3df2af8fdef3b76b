"""Writes everything that a run is made of, before anything is started."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ortsnetz_common.errors import InputError
from ortsnetz_common.files.yaml_source import Source
from ortsnetz_common.link.bench_clock import BenchClockAddress
from ortsnetz_common.link.broker import Broker, Tls
from ortsnetz_common.measurement.time import now_ns
from ortsnetz_hil.bench import broker as brokers
from ortsnetz_hil.bench import rundir
from ortsnetz_hil.bench.broker import PreparedBroker
from ortsnetz_hil.bench.options import Options
from ortsnetz_hil.bench.rundir import NODE, RunDirectory
from ortsnetz_hil.bench.wishes import Bench, request
from ortsnetz_hil.plant import configuration as files
from ortsnetz_hil.plant import network_file
from ortsnetz_hil.plant.configuration import PlantConfiguration
from ortsnetz_hil.plant.grid_changes import validate
from ortsnetz_hil.plant.network_file import PlantNetwork
from ortsnetz_hil.plant.prepare import prepare, start_after
from ortsnetz_hil.scenarios.checks import check_names
from ortsnetz_hil.scenarios.schema import Scenario, encode
from ortsnetz_hil.scenarios.translate import plant_events, plant_faults
from ortsnetz_hil.servers.port_plan import ports
from ortsnetz_hil.servers.possible_faults import complaint, targets
from ortsnetz_hil.verdict.recording_file import SCENARIO_FILE, write_versions

LEAD_IN_S = 15.0
"""In real time the calendar waits this long for the device under test to be up."""
BRANCHES = ("line", "link", "transformer")
UPLINK = "uplink"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run that can be started.

    Attributes:
        host: address of the bench as the device under test sees it.
        broker: how everybody reaches the broker.
        plant: the plant's configuration.
        faulty_uplink: whether a proxy before the broker plays faults.
    """

    scenario: Scenario
    options: Options
    directory: RunDirectory
    host: str
    broker: PreparedBroker
    plant: PlantConfiguration
    faulty_uplink: bool

    @property
    def stepped(self) -> bool:
        """Whether plant time waits for the device under test."""
        return self.plant.pace.stepped


def prepare_run(
    scenario: Scenario, source: Source, options: Options, directory: RunDirectory, host: str
) -> Prepared:
    """Write network, plant, what the device under test gets, broker and cockpit.

    Raises:
        InputError: the scenario names what is not there; names file, line and field.
        OrtsnetzError: a step failed; says which.
    """
    (directory.root / SCENARIO_FILE).write_bytes(encode(scenario))
    if Path(source.name).is_file():
        shutil.copyfile(source.name, directory.root / "scenario.yaml")
    _network(scenario, source, options, directory)
    broker = brokers.prepare(
        options.broker,
        directory.root / "broker",
        options.ports.broker,
        NODE,
        sys.executable,
        host=host,
    )
    plant = _plant(scenario, source, options, directory, host)
    write_versions(directory.root)
    prepared = Prepared(
        scenario=scenario,
        options=options,
        directory=directory,
        host=host,
        broker=broker,
        plant=plant,
        faulty_uplink=any(fault.target == UPLINK for fault in scenario.faults),
    )
    _agent(prepared)
    if scenario.connected.cockpit:
        rundir.write_cockpit(directory, options.ports.cockpit, broker)
    return prepared


def _network(scenario: Scenario, source: Source, options: Options, directory: RunDirectory) -> None:
    """The network file: taken as it is if it is one already, else imported."""
    wanted = scenario.network.source
    path = (source.folder or Path()) / wanted
    if path.is_file() and b'"ortsnetz"' in path.read_bytes():
        shutil.copyfile(path, directory.network)
        return
    kept = None
    if options.networks is not None and not path.is_file():
        kept = options.networks / f"{wanted}-{scenario.seed}.json"
        if kept.is_file():
            shutil.copyfile(kept, directory.network)
            return
    name = str(path) if path.is_file() else wanted
    rundir.ortsnetz(
        *("network", "import", name, "-o", str(directory.network)),
        *("--seed", str(scenario.seed)),
    )
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(directory.network, kept)


def _plant(
    scenario: Scenario, source: Source, options: Options, directory: RunDirectory, host: str
) -> PlantConfiguration:
    stepped = scenario.time.mode == "stepped"
    wait_s = LEAD_IN_S if options.start_in_s is None else options.start_in_s
    bench = Bench(
        out=directory.root,
        folder=source.folder or Path(),
        host=host,
        device_port=options.ports.devices,
        clock_port=options.ports.clock,
        wall_start_ns=start_after(now_ns(), 0.0 if stepped else wait_s),
        node=NODE,
    )
    prepared = prepare(request(scenario, bench, directory.network))
    plant = directory.root / "plant"
    network = network_file.parse((plant / files.NETWORK_FILE).read_bytes(), "the plant's network")
    ids = _ids(network)
    nodes = {str(node.get("name") or f"node {node['id']}") for node in network.elements("node")}
    servers = {server.name for server in prepared.station_servers}
    devices = {name for name, _ in ports(prepared)} - servers
    check_names(scenario, source, devices, set(ids), nodes, servers=servers)
    whole = msgspec.structs.replace(
        prepared, events=plant_events(scenario, ids), faults=plant_faults(scenario)
    )
    try:
        validate(network, whole.events)
    except InputError as error:
        raise source.error(("events",), str(error)) from error
    check_faults(scenario, source, whole)
    files.write(whole, plant)
    return whole


def check_faults(scenario: Scenario, source: Source, plant: PlantConfiguration) -> None:
    """What cannot be played is refused where the file asks for it."""
    known, stepped = targets(plant), plant.pace.stepped
    for i, (stated, fault) in enumerate(zip(scenario.faults, plant.faults, strict=True)):
        why = complaint(fault, known, with_uplink=True, stepped=stepped)
        if why is not None:
            raise source.error(("faults", i, stated.key), why)


def _ids(network: PlantNetwork) -> dict[str, int]:
    """Ids of lines, links and transformers by name; those without one are `line 12`."""
    return {
        str(element.get("name") or f"{component} {element['id']}"): int(element["id"])
        for component in BRANCHES
        for element in network.elements(component)
    }


def _agent(prepared: Prepared) -> None:
    """Bootstrap file of the project's agent; another device under test may read it too."""
    node, ports_, host = prepared.broker.node, prepared.options.ports, prepared.host
    port = ports_.uplink if prepared.faulty_uplink else node.port
    node = Broker(host, port, _own_identity(node.tls, prepared.directory.agent.parent))
    rundir.write_agent(
        prepared.directory,
        node,
        bench_clock=BenchClockAddress(host, ports_.clock) if prepared.stepped else None,
        journal_max_bytes=prepared.scenario.connected.journal_max_bytes,
    )


def _own_identity(tls: Tls | None, folder: Path) -> Tls | None:
    """The node's own certificate beside its bootstrap file: nobody needs the broker's folder."""
    if tls is None:
        return None
    for file in (tls.ca, tls.certificate, tls.key):
        shutil.copy2(file, folder / file.name)  # with its mode: the key stays the owner's
    return Tls(Path(tls.ca.name), Path(tls.certificate.name), Path(tls.key.name))
