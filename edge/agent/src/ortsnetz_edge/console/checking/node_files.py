"""Reads a node's files like the agent does, and goes on after the first mistake."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.parameter_set import (
    ParameterSet,
    SignedParameters,
    canonical,
    parse,
    sha256,
)
from ortsnetz_common.parameters.refusal import in_words
from ortsnetz_common.parameters.station import Device, Meter, TapChanger
from ortsnetz_common.trust.signature import verify
from ortsnetz_edge.bootstrap import Bootstrap, read_bootstrap
from ortsnetz_edge.console.checking.findings import Finding, attention, ok, wrong
from ortsnetz_edge.network_index import NetworkIndex, index_network
from ortsnetz_edge.status import read_status

Placed = Meter | Device | TapChanger


@dataclass(frozen=True)
class Node:
    """A node as far as its files can be read.

    Attributes:
        parameters: None if the parameter set cannot be read at all.
        network: None if the network file cannot be.
    """

    bootstrap: Bootstrap
    parameters: ParameterSet | None
    network: NetworkIndex | None

    @property
    def placed(self) -> tuple[Placed, ...]:
        """Meters, devices and tap changers of the station."""
        if self.parameters is None:
            return ()
        station = self.parameters.station
        return (*station.meters, *station.devices, *station.tap_changers)


def read_node(path: Path) -> tuple[Node, list[Finding]]:
    """Read AGENT.json and all that it names.

    Raises:
        InputError: AGENT.json itself cannot be read: nothing else is known then.
    """
    bootstrap = read_bootstrap(path)
    findings = [ok("agent", "bootstrap file", f"node '{bootstrap.node}'")]
    parameters = _parameters(bootstrap, findings)
    network = _network(bootstrap, parameters, findings)
    return Node(bootstrap, parameters, network), findings


def _parameters(bootstrap: Bootstrap, findings: list[Finding]) -> ParameterSet | None:
    name = bootstrap.parameters.name
    payload = _bytes(bootstrap.parameters, "parameters", findings)
    if payload is None:
        return None
    try:
        signed = msgspec.json.decode(payload, type=SignedParameters)
        body = signed.body()
    except msgspec.MsgspecError as error:
        findings.append(
            wrong("parameters", name, f"{error}", "a signed parameter set", "have it issued anew")
        )
        return None
    try:
        parameters = signed.unverified()
    except msgspec.MsgspecError as error:
        words = in_words(error, body, ParameterSet)
        findings.append(
            wrong("parameters", name, words, "a parameter set", "correct it and have it signed")
        )
        return None
    expects = f"signed by the key of {bootstrap.trust_anchor.name}"
    misfit = _signature(bootstrap, body, signed.signature, findings)
    findings.append(
        ok("parameters", "signature", f"version {parameters.version}, {expects}")
        if misfit is None
        else wrong("parameters", "signature", misfit[0], expects, misfit[1])
    )
    if parameters.node != bootstrap.node:
        findings.append(
            wrong(
                "parameters",
                "node",
                f"the set is for '{parameters.node}'",
                f"'{bootstrap.node}', as AGENT.json says",
                "take the parameter set of this node",
            )
        )
    findings += _refusals(parameters, name)
    return parameters


def _signature(
    bootstrap: Bootstrap, body: bytes, signature: str, findings: list[Finding]
) -> tuple[str, str] | None:
    """What is wrong with a signature, and what to do; None if it fits."""
    anchor = _bytes(bootstrap.trust_anchor, "parameters", findings)
    if anchor is None:
        return "not checked", "put the trust anchor there"
    try:
        verify(body, signature, anchor, bootstrap.parameters.name)
    except (InputError, ValueError) as error:
        todo = (
            "the agent refuses this set: have it signed anew; what follows is said of its contents"
        )
        return str(error), todo
    return None


def _refusals(parameters: ParameterSet, name: str) -> list[Finding]:
    """What the agent would refuse in a set: of each source by itself, and of the whole.

    Prepared responses name sources, so they are looked at in the whole only.
    """
    station = parameters.station
    empty = msgspec.structs.replace(station, meters=(), devices=(), pseudo=(), tap_changers=())
    replace = msgspec.structs.replace
    parts = [("parameters", empty)]
    parts += [(meter.name, replace(empty, meters=(meter,))) for meter in station.meters]
    parts += [(device.name, replace(empty, devices=(device,))) for device in station.devices]
    parts += [(tap.name, replace(empty, tap_changers=(tap,))) for tap in station.tap_changers]
    parts += [("parameters", replace(empty, pseudo=(pseudo,))) for pseudo in station.pseudo]
    sets = [(where, replace(parameters, station=part, responses=())) for where, part in parts]
    found: dict[str, Finding] = {}
    for where, part_of_it in [*sets, ("parameters", parameters)]:
        try:
            parse(canonical(part_of_it), name)
        except InputError as error:
            refused = wrong(
                where, "parameter set", str(error), "", "the agent refuses the set: correct it"
            )
            found.setdefault(str(error), refused)
    return list(found.values())


def _network(
    bootstrap: Bootstrap, parameters: ParameterSet | None, findings: list[Finding]
) -> NetworkIndex | None:
    payload = _bytes(bootstrap.network, "network", findings)
    if payload is None:
        return None
    name = bootstrap.network.name
    if parameters is not None and sha256(payload) != parameters.network_sha256:
        findings.append(
            wrong(
                "network",
                name,
                f"SHA-256 {sha256(payload)[:12]}...",
                f"{parameters.network_sha256[:12]}..., as the parameter set says",
                "take the network file that was issued with this parameter set",
            )
        )
    try:
        index = index_network(payload.decode(), name)
    except (InputError, UnicodeDecodeError) as error:
        findings.append(wrong("network", name, str(error), "a network file", "export it anew"))
        return None
    branches = len(index.lines) + len(index.transformers)
    findings.append(ok("network", name, f"{len(index.nodes)} nodes, {branches} branches"))
    return index


def running(bootstrap: Bootstrap) -> list[Finding]:
    """Whether an agent speaks to the devices at the same time."""
    try:
        pid = read_status(bootstrap.data_dir).pid
        os.kill(pid, 0)
    except (InputError, ProcessLookupError):
        return []
    except PermissionError:
        pass
    return [
        attention(
            "agent",
            "process",
            "the agent is running",
            "",
            "a device that serves one master only answers either of the two: if devices do not "
            "answer the check, stop the agent first",
        )
    ]


def _bytes(path: Path, where: str, findings: list[Finding]) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError as error:
        findings.append(
            wrong(
                where,
                path.name,
                f"{path}: {error.strerror}",
                "a file that can be read",
                "put it there",
            )
        )
        return None
