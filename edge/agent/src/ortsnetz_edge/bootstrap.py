"""AGENT.json: where the agent finds what makes it this node, checked before anything starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec import Struct

from ortsnetz_common.errors import InputError
from ortsnetz_common.link.broker import Broker, Tls
from ortsnetz_common.parameters.parameter_set import (
    ParameterSet,
    canonical,
    read_signed,
    sha256,
)
from ortsnetz_edge.network_index import NetworkIndex, index_network

GIBI = 1024**3
SMALLEST_JOURNAL = 32 * 1024**2


class Bootstrap(Struct, frozen=True, forbid_unknown_fields=True):
    """Contents of AGENT.json; relative paths are relative to the file.

    Attributes:
        data_dir: journal, status and memory.
        parameters: signed parameter set.
        trust_anchor: public key it is signed with, PEM.
        network: network file that the parameter set belongs to.
        journal_max_bytes: bound of the journal.
    """

    node: str
    data_dir: Path
    parameters: Path
    trust_anchor: Path
    network: Path
    broker: Broker
    journal_max_bytes: int = 2 * GIBI


@dataclass(frozen=True)
class Configuration:
    """Everything the agent was told, read and checked."""

    bootstrap: Bootstrap
    parameters: ParameterSet
    parameters_hash: str
    network_text: str
    network: NetworkIndex


def read_bootstrap(path: Path) -> Bootstrap:
    """Read AGENT.json strictly; paths come back absolute.

    Raises:
        InputError: names the file, the field and the reason.
    """
    try:
        found = msgspec.json.decode(_bytes(path), type=Bootstrap, dec_hook=_path)
    except msgspec.MsgspecError as error:
        raise InputError(f"{path}: not an agent's bootstrap file: {error}") from error
    if found.journal_max_bytes < SMALLEST_JOURNAL:
        raise InputError(f"{path}: journal_max_bytes must be at least {SMALLEST_JOURNAL}")
    base = path.resolve().parent
    tls = found.broker.tls
    if tls is not None:
        tls = Tls(ca=base / tls.ca, certificate=base / tls.certificate, key=base / tls.key)
    return msgspec.structs.replace(
        found,
        data_dir=base / found.data_dir,
        parameters=base / found.parameters,
        trust_anchor=base / found.trust_anchor,
        network=base / found.network,
        broker=Broker(found.broker.host, found.broker.port, tls),
    )


def read_configuration(path: Path) -> Configuration:
    """Read AGENT.json and all that it names.

    Raises:
        InputError: names the file, the element and the reason.
    """
    bootstrap = read_bootstrap(path)
    source = bootstrap.parameters.name
    parameters = read_signed(_bytes(bootstrap.parameters), _bytes(bootstrap.trust_anchor), source)
    if parameters.node != bootstrap.node:
        raise InputError(f"{source}: is for node '{parameters.node}', this is '{bootstrap.node}'")
    network = _bytes(bootstrap.network)
    if sha256(network) != parameters.network_sha256:
        raise InputError(f"{bootstrap.network.name}: not the network file that {source} belongs to")
    text = network.decode()
    index = index_network(text, bootstrap.network.name)
    index.check_station(parameters.station, source)
    return Configuration(bootstrap, parameters, sha256(canonical(parameters)), text, index)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def _path(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError(f"{kind} is not a field of a bootstrap file")
