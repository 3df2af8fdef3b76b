"""What is soaked: a driver of each kind, with its deadlines."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from dnp3_bench import HOST
from dnp3_bench import ev as rtu_charge_point
from opcua_bench import SUBSCRIBED, certify
from opcua_bench import source as opcua_source

from ortsnetz_common.parameters.station import Connection, SerialLine
from ortsnetz_common.trust.authority import Authority, Identity
from ortsnetz_edge.drivers.contract import Driver, Source, Watchdog
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.registry import load_protocol
from ortsnetz_edge.drivers.remote.protocol import RemoteProtocol
from ortsnetz_edge.profiles.library import Library
from ortsnetz_hil.plant.application_certificates import SERVER_URI, Application

TIMEOUT_S = 0.2
KINDS = (
    "modbus-tcp",
    "modbus-rtu",
    "modbus-tls",
    "dnp3",
    "dnp3-tls",
    "opcua",
    "opcua-secured",
    "remote",
)
LIMIT_A, WATCHDOG = 10.0, Watchdog(60.0, 7.0)
_LATE = 4 * TIMEOUT_S  # a whole answer is taken so long
DEADLINES_S = {
    # connecting, then requests one after the other, each of which may just be in time
    "modbus": TIMEOUT_S + 4 * _LATE,  # three texts of its identity and its registers
    "dnp3": TIMEOUT_S + 9 * _LATE,  # no reports, restart, all points twice, time, reports, identity
    "opcua": 5.0 + 8 * _LATE,  # five seconds at least; names, identity, subscription, items
    "remote": 10 * TIMEOUT_S + 2.0,  # `remote.driver`
}
CAPS_S = {"remote": 30.0}
CAP_S = 15.0


@dataclass(frozen=True)
class Subject:
    """A driver.

    Attributes:
        scan_s: a scan ends within.
        cap_s: longest time that it waits before it tries again.
        process: gives the process of its own, where it has one.
    """

    kind: str
    driver: Driver
    scan_s: float
    cap_s: float
    remote: RemoteProtocol | None = None


def prepare(folder: Path) -> None:
    """Certificates of node and devices, each believing the other."""
    authority = Authority("soaked")
    _write(folder / "credentials" / "device", authority, authority.issue("node-1"))
    _write(folder / "device", authority, authority.issue("device", server=True))
    certify(folder / "node", Application("node-1", "urn:ortsnetz:node:node-1"))
    certificate, _ = certify(folder / "application", Application("park", SERVER_URI, HOST))
    own = folder / "credentials" / "park"
    own.mkdir()
    (own / "ca.pem").write_bytes(certificate.read_bytes())
    for name in ("certificate.pem", "key.pem"):
        (own / name).write_bytes((folder / "node" / name).read_bytes())


def _write(folder: Path, authority: Authority, own: Identity) -> None:
    folder.mkdir(parents=True)
    (folder / "ca.pem").write_bytes(authority.certificate)
    (folder / "certificate.pem").write_bytes(own.certificate)
    (folder / "key.pem").write_bytes(own.key)


def subject(kind: str, folder: Path, port: int) -> Subject:
    """Open a driver; nothing is connected yet."""
    environment = Environment(
        library=Library({"test-device": SUBSCRIBED}), credentials_dir=folder / "credentials"
    )
    family = kind.partition("-")[0]
    deadlines = DEADLINES_S[family], CAPS_S.get(kind, CAP_S)
    if kind == "remote":
        host = (sys.executable, "-m", "ortsnetz_edge.drivers.remote.host", "modbus-tcp")
        remote = RemoteProtocol("soaked", host, environment)
        return Subject(kind, remote.open(source(kind, folder, port)), *deadlines, remote)
    name = "opcua" if family == "opcua" else kind
    protocol = load_protocol(name, environment, needed_by="soak")
    return Subject(kind, protocol.open(source(kind, folder, port)), *deadlines)


def source(kind: str, folder: Path, port: int) -> Source:
    """The charge point behind a kind's device."""
    credentials = "device" if kind.endswith("-tls") else None
    if kind.startswith("dnp3"):
        return rtu_charge_point(port, protocol=kind, timeout_s=TIMEOUT_S, credentials=credentials)
    if kind.startswith("opcua"):
        park = "park" if kind == "opcua-secured" else None
        return opcua_source(port, timeout_s=TIMEOUT_S, credentials=park)
    if kind == "modbus-rtu":
        line = SerialLine(str(folder / kind / "line"), parity="N")
        where = Connection(kind, timeout_s=TIMEOUT_S, serial=line)
    else:
        protocol = "modbus-tcp" if kind == "remote" else kind
        where = Connection(protocol, HOST, port, 1, TIMEOUT_S, credentials=credentials)
    return Source("ev-1", "ev-controller", where, 1, 3, rated_w=11e3)
