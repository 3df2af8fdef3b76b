"""The off-line check: everything that can be said of a node without asking anybody."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import msgspec

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.parameter_set import ParameterSet, Timing
from ortsnetz_common.parameters.station import Device, Meter, TapChanger
from ortsnetz_edge.console.checking.addresses import addresses
from ortsnetz_edge.console.checking.certificates import Files, certificates
from ortsnetz_edge.console.checking.data_directory import data_directory
from ortsnetz_edge.console.checking.findings import Finding, attention, ok, wrong
from ortsnetz_edge.console.checking.node_files import Node, Placed
from ortsnetz_edge.console.checking.source_rules import source_rules
from ortsnetz_edge.console.checking.station_rules import station_rules
from ortsnetz_edge.console.protocols import Protocols
from ortsnetz_edge.drivers.contract import Source
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.network_index import NetworkIndex
from ortsnetz_edge.profiles.library import Library

_MAY_BE_ZERO = {"blind_ramp_s", "hold_s"}
_UNCHAINED = {"opcua"}  # an OPC UA server's own certificate may stand in the authority's place


def environment_of(node: Node) -> Environment:
    """What the drivers of a node get."""
    own = {} if node.parameters is None else node.parameters.profiles
    return Environment(
        library=Library(own=own),
        credentials_dir=node.bootstrap.credentials,
        observing=True,
    )


def source_of(placed: Placed) -> Source:
    """A meter, device or tap changer as its driver sees it."""
    match placed:
        case Meter():
            return Source.of_meter(placed)
        case Device():
            return Source.of_device(placed)
        case TapChanger():
            return Source.of_tap_changer(placed)


def check_offline(
    node: Node, environment: Environment, protocols: Protocols, only: Collection[str]
) -> list[Finding]:
    """All findings, in the order of the station.

    Args:
        node: as far as it could be read.
        environment: of its drivers.
        protocols: that are installed.
        only: names of the sources to look at; empty for all.
    """
    found = [*data_directory(node.bootstrap, node.parameters), *_broker(node)]
    found += _credentials(node, environment)
    if node.parameters is not None:
        found += _timing(node.parameters.timing)
        found += station_rules(node.parameters, node.network)
    found += addresses(node.placed)
    for placed in node.placed:
        if not only or placed.name in only:
            found += _source(placed, node, environment, protocols)
    return [f for f in found if not only or f.where in only or f.where not in _names(node)]


def _names(node: Node) -> set[str]:
    return {placed.name for placed in node.placed}


def _source(
    placed: Placed, node: Node, environment: Environment, protocols: Protocols
) -> Iterator[Finding]:
    yield from _element(placed, node.parameters, node.network)
    try:
        protocol = protocols.named(placed.connection.protocol, needed_by=f"'{placed.name}'")
        complaints = protocol.validate(source_of(placed))
    except InputError as error:
        complaints = (str(error),)
    for complaint in complaints:
        yield wrong(placed.name, "driver", complaint, "", "correct profile or connection")
    try:
        profile = environment.library.load(placed.profile)
    except InputError as error:
        if not any(str(error) in complaint for complaint in complaints):
            yield wrong(placed.name, "profile", str(error), "", "correct the profile, or its name")
        return
    timing = Timing() if node.parameters is None else node.parameters.timing
    yield from source_rules(placed, profile, timing)


def _element(
    placed: Placed, parameters: ParameterSet | None, network: NetworkIndex | None
) -> Iterator[Finding]:
    if parameters is None or network is None:
        return
    empty = msgspec.structs.replace(parameters.station, meters=(), devices=(), tap_changers=())
    field = {Meter: "meters", Device: "devices", TapChanger: "tap_changers"}[type(placed)]
    try:
        network.check_station(msgspec.structs.replace(empty, **{field: (placed,)}), "station")
    except InputError as error:
        yield wrong(placed.name, "element", str(error), "", "correct the station, or its network")


def _broker(node: Node) -> Iterator[Finding]:
    broker = node.bootstrap.broker
    where = f"{broker.host}:{broker.port}"
    if broker.tls is not None:
        yield from certificates(
            Files("broker", broker.tls.ca, broker.tls.certificate, broker.tls.key)
        )
    elif broker.is_loopback:
        yield ok("broker", where, "on this machine, without TLS")
    else:
        yield wrong("broker", where, "no TLS", "mutual TLS", "the agent refuses it: state 'tls'")


def _credentials(node: Node, environment: Environment) -> Iterator[Finding]:
    protocols: dict[str, set[str]] = {}
    for placed in node.placed:
        if placed.connection.credentials is not None:
            names = protocols.setdefault(placed.connection.credentials, set())
            names.add(placed.connection.protocol)
    for name, used_by in protocols.items():
        where = f"credentials {name}"
        try:
            files = environment.credentials(name)
        except InputError as error:
            yield wrong(where, "files", str(error), "ca.pem, certificate.pem, key.pem", "add them")
            continue
        chained = not used_by & _UNCHAINED
        yield from certificates(Files(where, files.ca, files.certificate, files.key, chained))


def _timing(timing: Timing) -> Iterator[Finding]:
    for field in timing.__struct_fields__:
        value = getattr(timing, field)
        if field in _MAY_BE_ZERO and value >= 0:
            continue
        if not value > 0:
            yield wrong("parameters", field, f"{value:g}", "above zero", "correct the timing")
    if timing.stale_after_s < 2 * timing.cycle_s:
        yield attention(
            "parameters",
            "stale_after_s",
            f"{timing.stale_after_s:g} s",
            f"at least two cycles, {2 * timing.cycle_s:g} s",
            "one answer that is late would make a source invalid",
        )
    if timing.function_deadline_s > timing.cycle_s:
        yield attention(
            "parameters",
            "function_deadline_s",
            f"{timing.function_deadline_s:g} s",
            f"at most the cycle of {timing.cycle_s:g} s",
            "a function may not take longer than a cycle",
        )
