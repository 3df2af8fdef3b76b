"""AGENT.json: where the agent finds what makes it this node, checked before anything starts."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec import Struct

from ortsnetz_common.errors import InputError
from ortsnetz_common.link.bench_clock import BenchClockAddress
from ortsnetz_common.link.broker import Broker, Tls
from ortsnetz_common.parameters.parameter_set import (
    ParameterSet,
    canonical,
    read_signed,
    sha256,
)
from ortsnetz_edge.control.memory import write_atomically
from ortsnetz_edge.network_index import NetworkIndex, index_network

log = logging.getLogger(__name__)

GIBI = 1024**3
VERSION = "parameters-version"
SMALLEST_JOURNAL = 32 * 1024**2


class Bootstrap(Struct, frozen=True, forbid_unknown_fields=True):
    """Contents of AGENT.json; relative paths are relative to the file.

    Attributes:
        data_dir: journal, status and memory.
        parameters: signed parameter set.
        trust_anchor: public key it is signed with, PEM.
        network: network file that the parameter set belongs to.
        journal_max_bytes: bound of the journal.
        credentials: holds a folder of certificates for each name that a connection gives.
        bench_clock: on a bench only: where the node gets its time, see
            `ortsnetz_common.link.bench_clock`.
    """

    node: str
    data_dir: Path
    parameters: Path
    trust_anchor: Path
    network: Path
    broker: Broker
    journal_max_bytes: int = 2 * GIBI
    bench_clock: BenchClockAddress | None = None
    credentials: Path = Path("credentials")


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
        credentials=base / found.credentials,
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
    index.check_ratings(parameters.limits, source)
    return Configuration(bootstrap, parameters, sha256(canonical(parameters)), text, index)


def accept_version(configuration: Configuration) -> None:
    """Remember the version of the parameter set in the data directory; an older one is refused.

    A set is signed for good: without this an old one, with other limits, could be put back.

    Raises:
        InputError: a newer set has been in force here before.
    """
    path = configuration.bootstrap.data_dir / VERSION
    version = configuration.parameters.version
    try:
        known = int(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        known = version
    except (OSError, ValueError) as error:
        log.warning("%s cannot be used, version %d is taken for new: %s", path, version, error)
        known = version
    if version < known:
        raise InputError(
            f"{configuration.bootstrap.parameters.name}: version {version} is older than version "
            f"{known}, which has been in force on this node"
        )
    try:
        write_atomically(path, str(version).encode("ascii"), durable=True)
    except OSError as error:  # a full disk is no reason not to run
        log.warning("%s cannot be written: %s", path, error)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def _path(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError(f"{kind} is not a field of a bootstrap file")
