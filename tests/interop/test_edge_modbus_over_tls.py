"""Modbus over TLS: OpenSSL in front of libmodbus; certificates on both sides, or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from modbus_peers.processes import built_server, free_port, need, process, wait_for_port

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.station import Connection
from ortsnetz_common.trust.authority import Authority, Identity
from ortsnetz_edge.drivers.contract import DriverError, FailureKind, Probe
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.modbus.protocol import ModbusTls

pytestmark = pytest.mark.interop
UNIT = 1
OURS, STRANGERS, EXPIRED = Authority("ours"), Authority("strangers"), Authority("old", days=0)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Port of the device on libmodbus behind the TLS server."""
    server = built_server(tmp_path_factory.mktemp("libmodbus"))
    port = free_port()
    with process(str(server), "tcp", str(port), str(UNIT), ready="ready"):
        yield port


def write(folder: Path, ca: Authority, own: Identity) -> Path:
    folder.mkdir()
    (folder / "ca.pem").write_bytes(ca.certificate)
    (folder / "certificate.pem").write_bytes(own.certificate)
    (folder / "key.pem").write_bytes(own.key)
    return folder


@dataclass
class Peer:
    """The device's TLS server, and the node's certificates."""

    port: int
    folder: Path

    def probe(
        self, host: str = "127.0.0.1", *, ca: Authority = OURS, own: Authority = OURS
    ) -> Probe:
        name = f"node-{len(list(self.folder.iterdir()))}"
        write(self.folder / name, ca, own.issue("ons-1"))
        where = Connection("modbus-tls", host, self.port, UNIT, 2.0, credentials=name)
        return ModbusTls(Environment(credentials_dir=self.folder)).probe(where)


@contextmanager
def tls(
    tmp_path: Path,
    plain: int,
    *,
    of: Authority = OURS,
    host: str = "127.0.0.1",
    more: str = "",
) -> Iterator[Peer]:
    """A TLS server that wants certificates of ours and shows one of `of`."""
    need("socat")
    device = write(tmp_path / "device", OURS, of.issue("device", server=True))
    port = free_port()
    files = (("cert", "certificate"), ("key", "key"), ("cafile", "ca"))
    shown = ",".join(f"{option}={device / name}.pem" for option, name in files)
    listen = f"OPENSSL-LISTEN:{port},bind={host},reuseaddr,fork,verify=1,{shown}{more}"
    node = tmp_path / "node"
    node.mkdir()
    with process("socat", listen, f"TCP:127.0.0.1:{plain}"):
        wait_for_port(port, host)
        yield Peer(port, node)


def run(check: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(check(), 20))


async def refusal(probe: Probe) -> str:
    with pytest.raises(DriverError) as caught:
        await probe.read(("holding/114",))
    await probe.close()
    assert caught.value.kind is FailureKind.INSECURE
    return str(caught.value)


def test_with_certificates_of_one_authority_on_both_sides_values_and_writes_pass(
    tmp_path: Path, plain: int
) -> None:
    async def check(peer: Peer) -> None:
        probe = peer.probe()
        assert (await probe.read(("holding/114",)))[0].value == 54321
        whole = tuple(f"holding/{address}" for address in range(100, 225))
        assert len([v for v in await probe.read(whole) if v.value is not None]) == 125
        assert await probe.write("holding/120", 77) == "holding/120 now says 77"
        await probe.close()

    with tls(tmp_path, plain) as peer:
        run(lambda: check(peer))


def test_a_device_with_a_certificate_of_another_authority_is_not_spoken_to(
    tmp_path: Path, plain: int
) -> None:
    async def check(peer: Peer) -> None:
        assert "certificate is not accepted" in await refusal(peer.probe())

    with tls(tmp_path, plain, of=STRANGERS) as peer:
        run(lambda: check(peer))


def test_a_device_whose_certificate_bears_another_name_is_not_spoken_to(
    tmp_path: Path, plain: int
) -> None:
    async def check(peer: Peer) -> None:
        assert "not valid for '127.0.0.2'" in await refusal(peer.probe("127.0.0.2"))

    with tls(tmp_path, plain, host="127.0.0.2") as peer:
        run(lambda: check(peer))


def test_a_device_whose_certificate_has_expired_is_not_spoken_to(
    tmp_path: Path, plain: int
) -> None:
    async def check(peer: Peer) -> None:
        assert "expired" in await refusal(peer.probe(ca=EXPIRED))

    with tls(tmp_path, plain, of=EXPIRED) as peer:
        run(lambda: check(peer))


def test_a_device_that_does_not_accept_our_certificate_is_insecure_and_not_merely_away(
    tmp_path: Path, plain: int
) -> None:
    async def check(peer: Peer) -> None:
        assert "does not accept the node's certificate" in await refusal(peer.probe(own=STRANGERS))

    with tls(tmp_path, plain) as peer:
        run(lambda: check(peer))


def test_nothing_falls_back_to_plain_text(tmp_path: Path, plain: int) -> None:
    """A device that speaks plain Modbus at the address of a TLS device gets no request."""

    async def check() -> None:
        seen: list[bytes] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.append(await reader.read(300))
            writer.write(b"\0\1\0\0\0\5\1\3\2\0\1")
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        node = tmp_path / "node"
        node.mkdir()
        peer = Peer(server.sockets[0].getsockname()[1], node)
        assert "TLS" in await refusal(peer.probe())
        server.close()
        assert all(said[:1] == b"\x16" for said in seen)  # a TLS handshake, RFC 8446, 5.1

    del plain
    run(check)


def test_tls_older_than_1_2_is_refused(tmp_path: Path, plain: int) -> None:
    async def check(peer: Peer) -> None:
        await refusal(peer.probe())

    old = ",openssl-max-proto-version=TLS1.1,ciphers=ALL@SECLEVEL=0"
    with tls(tmp_path, plain, more=old) as peer:
        run(lambda: check(peer))


def test_credentials_that_are_missing_are_named(tmp_path: Path) -> None:
    where = Connection("modbus-tls", "127.0.0.1", 802, credentials="nobody")
    with pytest.raises(InputError, match="nobody"):
        ModbusTls(Environment(credentials_dir=tmp_path)).probe(where)
    with pytest.raises(InputError, match="credentials"):
        ModbusTls().probe(Connection("modbus-tls", "127.0.0.1", 802))


def test_no_message_shows_what_is_in_a_key(tmp_path: Path) -> None:
    async def check() -> None:
        folder = write(tmp_path / "broken", OURS, OURS.issue("ons-1"))
        key = (folder / "key.pem").read_text()
        (folder / "key.pem").write_text(key.replace("MIG", "XXX"))
        where = Connection("modbus-tls", "127.0.0.1", 1, credentials="broken")
        probe = ModbusTls(Environment(credentials_dir=tmp_path)).probe(where)
        said = await refusal(probe)
        assert not any(line in said for line in key.splitlines()[1:-1])

    run(check)
