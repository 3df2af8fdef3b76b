"""The cockpit's bootstrap file: where it keeps its data, where it listens, whom it serves."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, structs

from ortsnetz_common.errors import InputError
from ortsnetz_common.link.broker import Broker
from ortsnetz_common.link.topics import check_name


class PageTls(Struct, frozen=True, forbid_unknown_fields=True):
    """Certificate and key with which the page is served."""

    certificate: Path
    key: Path


class CockpitConfiguration(Struct, frozen=True, forbid_unknown_fields=True):
    """Contents of `cockpit.json`; relative paths are relative to the file.

    Attributes:
        data_dir: holds `timeseries.duckdb` and `registry.sqlite`.
        host: address of the page and the API.
        port: TCP port of the page and the API.
        nodes: the nodes this cockpit accepts messages from.
        tso_profile: profile of the TSO exchange, None without one.
        operator: name of the account that the first start creates.
        tls: certificate of the page; needed where `host` is not loopback.
        behind_tls_proxy: a reverse proxy on this machine ends TLS; the page itself is plain.
    """

    data_dir: Path
    host: str
    port: int
    broker: Broker
    nodes: tuple[str, ...]
    tso_profile: Path | None = None
    operator: str = "operator"
    tls: PageTls | None = None
    behind_tls_proxy: bool = False

    @property
    def timeseries_file(self) -> Path:
        """The DuckDB file."""
        return self.data_dir / "timeseries.duckdb"

    @property
    def registry_file(self) -> Path:
        """The SQLite file."""
        return self.data_dir / "registry.sqlite"

    @property
    def serves_tls(self) -> bool:
        """Whether browsers reach the page over TLS, so that cookies must be marked secure."""
        return self.tls is not None or self.behind_tls_proxy


def load(path: Path) -> CockpitConfiguration:
    """Read and check `cockpit.json`.

    Raises:
        InputError: names the file, the field and the reason.
    """
    try:
        payload = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        found = msgspec.json.decode(payload, type=CockpitConfiguration, dec_hook=_path)
    except msgspec.MsgspecError as error:
        raise InputError(f"{path}: not a cockpit configuration: {error}") from error
    _check(found, path)
    return _absolute(found, path.resolve().parent)


def _path(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError


def _check(found: CockpitConfiguration, path: Path) -> None:
    if not found.nodes:
        raise InputError(f"{path}: nodes: name at least one node")
    for node in found.nodes:
        try:
            check_name(node)
        except ValueError as error:
            raise InputError(f"{path}: nodes: {error}") from error
    for field, port in (("port", found.port), ("broker.port", found.broker.port)):
        if not 0 < port < 65536:
            raise InputError(f"{path}: {field}: {port} is not a TCP port")
    if not found.operator.strip() or len(found.operator) > 64:
        raise InputError(f"{path}: operator: a name of 1 to 64 characters is needed")
    if found.broker.tls is None and not found.broker.is_loopback:
        raise InputError(
            f"{path}: broker: '{found.broker.host}' is not this machine, so broker.tls is needed"
        )
    if not found.serves_tls and not is_loopback(found.host):
        raise InputError(
            f"{path}: host: '{found.host}' is not loopback, passwords would travel readable: "
            "set tls, or behind_tls_proxy where a proxy on this machine ends TLS"
        )


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _absolute(found: CockpitConfiguration, base: Path) -> CockpitConfiguration:
    broker = found.broker
    if broker.tls is not None:
        tls = broker.tls
        broker = structs.replace(
            broker,
            tls=structs.replace(
                tls, ca=base / tls.ca, certificate=base / tls.certificate, key=base / tls.key
            ),
        )
    page = found.tls
    if page is not None:
        page = structs.replace(page, certificate=base / page.certificate, key=base / page.key)
    return structs.replace(
        found,
        data_dir=base / found.data_dir,
        broker=broker,
        tso_profile=None if found.tso_profile is None else base / found.tso_profile,
        tls=page,
    )
