"""The broker of the demo: mosquitto with mutual TLS and an ACL, else iotcore on loopback."""

from __future__ import annotations

import getpass
import shutil
from dataclasses import dataclass
from pathlib import Path

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_common.link import topics
from ortsnetz_common.link.broker import Broker, Tls
from ortsnetz_common.link.codec import MAX_MESSAGE_BYTES
from ortsnetz_common.trust.authority import Authority, Identity
from ortsnetz_hil.bench.ports import HOST

COCKPIT = "cockpit"
TSO = "tso"
BENCH = "bench"


@dataclass(frozen=True, slots=True)
class PreparedBroker:
    """A broker that can be started, and how each participant reaches it.

    Attributes:
        kind: `mosquitto` or `iotcore`.
        command: how to start it.
        node, cockpit, bench: their connections; the bench may listen to what the node says, and
            answer in a cockpit's place.
    """

    kind: str
    command: list[str]
    node: Broker
    cockpit: Broker
    bench: Broker


def mosquitto_program() -> str | None:
    """Path of mosquitto; Debian keeps it outside a user's PATH."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def prepare(
    kind: str, directory: Path, port: int, node: str, python: str, *, host: str = HOST
) -> PreparedBroker:
    """Write the broker's configuration.

    Args:
        kind: `mosquitto`, `iotcore` or `auto`.
        directory: where configuration, certificates and persistence go.
        port: TCP port on loopback.
        node: name of the node, also its certificate's common name.
        python: interpreter that runs iotcore.
        host: address at which mosquitto listens.

    Raises:
        OrtsnetzError: mosquitto was asked for and is not installed.
    """
    directory.mkdir(parents=True, exist_ok=True)
    program = mosquitto_program()
    if kind == "mosquitto" and program is None:
        raise OrtsnetzError(
            "mosquitto is not installed: install it (Debian: apt install mosquitto) or "
            "choose --broker iotcore"
        )
    if program is not None and kind != "iotcore":
        return _mosquitto(program, directory, port, node, host)
    if host != HOST:
        raise OrtsnetzError(
            "iotcore listens on loopback only: install mosquitto (Debian: apt install mosquitto), "
            "or leave out 'namespace' and 'address'"
        )
    return _iotcore(directory, port, python)


def _mosquitto(program: str, directory: Path, port: int, node: str, host: str) -> PreparedBroker:
    authority = Authority()
    (directory / "ca.pem").write_bytes(authority.certificate)
    _write_identity(directory, "broker", authority.issue("broker", server=True, addresses=(host,)))
    for client in (node, COCKPIT, TSO, BENCH):
        _write_identity(directory, client, authority.issue(client))
    (directory / "acl").write_text(_acl(node))
    configuration = directory / "mosquitto.conf"
    configuration.write_text(_configuration(directory, port, host))

    def reach(client: str) -> Broker:
        tls = Tls(
            ca=directory / "ca.pem",
            certificate=directory / f"{client}.pem",
            key=directory / f"{client}.key",
        )
        return Broker(host, port, tls)

    return PreparedBroker(
        "mosquitto",
        [program, "-c", str(configuration)],
        reach(node),
        reach(COCKPIT),
        reach(BENCH),
    )


def _write_identity(directory: Path, name: str, identity: Identity) -> None:
    (directory / f"{name}.pem").write_bytes(identity.certificate)
    key = directory / f"{name}.key"
    key.touch(mode=0o600)
    key.write_bytes(identity.key)


def _acl(node: str) -> str:
    return "\n".join(
        [
            f"user {node}",
            f"topic write {topics.uplink(node)}",
            f"topic write {topics.presence(node)}",
            f"topic read {topics.downlink(node)}",
            f"user {COCKPIT}",
            f"topic read {topics.ALL_UPLINKS}",
            f"topic read {topics.ALL_PRESENCE}",
            "topic write ortsnetz/+/+/down",
            "topic write ortsnetz/tso/#",
            f"user {TSO}",
            "topic read ortsnetz/tso/#",
            f"user {BENCH}",
            f"topic read {topics.ALL_UPLINKS}",
            f"topic readwrite {topics.downlink(node)}",
            "",
        ]
    )


def _configuration(directory: Path, port: int, host: str) -> str:
    # mosquitto started by root would change to a user that cannot read the run directory
    return "\n".join(
        [
            f"user {getpass.getuser()}",
            f"listener {port} {host}",
            f"cafile {directory / 'ca.pem'}",
            f"certfile {directory / 'broker.pem'}",
            f"keyfile {directory / 'broker.key'}",
            "require_certificate true",
            "use_identity_as_username true",
            "allow_anonymous false",
            f"acl_file {directory / 'acl'}",
            f"max_packet_size {MAX_MESSAGE_BYTES + 1024}",
            "max_queued_messages 1000",
            "persistence true",
            f"persistence_location {directory}/",
            "autosave_interval 5",
            "log_dest stdout",
            "log_timestamp_format %Y-%m-%dT%H:%M:%S",
            "",
        ]
    )


def _iotcore(directory: Path, port: int, python: str) -> PreparedBroker:
    configuration = directory / "iotcore.toml"
    configuration.write_text(
        f"""id = 0
[router]
id = 0
max_connections = 50
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10
[v5.1]
name = "loopback"
listen = "{HOST}:{port}"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 10000
max_payload_size = {MAX_MESSAGE_BYTES + 1024}
max_inflight_count = 100
dynamic_filters = true
"""
    )
    command = [python, "-m", "ortsnetz_hil.bench.loopback_broker", str(configuration)]
    reach = Broker(HOST, port, None)
    return PreparedBroker("iotcore", command, reach, reach, reach)
