"""DNP3 over TLS: both ends show certificates; what does not fit is said, and never plain text."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from dnp3_bench import HOST, Bench, close, connection, ev, feeder

from ortsnetz_common.drivers.values import DriverError, FailureKind
from ortsnetz_common.errors import InputError
from ortsnetz_edge.clock import WallClock
from ortsnetz_edge.drivers.dnp3.protocol import Dnp3Tcp, Dnp3Tls
from ortsnetz_edge.drivers.environment import Environment

NODE = "node-1"


@dataclass
class Ca:
    """An authority of the test's own."""

    name: str

    def __post_init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._signed(self.name, self.key, ca=True)

    def _signed(
        self, name: str, key: ec.EllipticCurvePrivateKey, *, ca: bool = False, days: int = 2,
        address: str = HOST,
    ) -> x509.Certificate:  # fmt: skip
        def named(text: str) -> x509.Name:
            return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

        now = datetime.datetime.now(datetime.UTC)
        alternative = x509.SubjectAlternativeName(
            [x509.IPAddress(ipaddress.ip_address(address)), x509.DNSName(name)]
        )
        return (
            x509.CertificateBuilder()
            .subject_name(named(name))
            .issuer_name(named(self.name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=3))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(alternative, critical=False)
            .sign(self.key, hashes.SHA256())
        )

    def issue(self, folder: Path, name: str, ca: Ca | None = None, **options: Any) -> Path:
        """A folder of certificates: the own one, its key, and whom to believe."""
        key = ec.generate_private_key(ec.SECP256R1())
        pem = serialization.Encoding.PEM
        folder.mkdir(parents=True)
        certificate = self._signed(name, key, **options)
        (folder / "certificate.pem").write_bytes(certificate.public_bytes(pem))
        (folder / "key.pem").write_bytes(
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        (folder / "ca.pem").write_bytes((ca or self).certificate.public_bytes(pem))
        return folder


def _server(folder: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=folder / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context


def _protocol(credentials: Path) -> Dnp3Tls:
    return Dnp3Tls(Environment(WallClock(), credentials_dir=credentials))


def _run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 40))


async def _started(bench: Bench, folder: Path) -> int:
    await bench.station.start(HOST, 0, tls=_server(folder), masters=frozenset({NODE}))
    return bench.station.port or 0


def test_a_station_is_read_and_limited_over_tls(tmp_path: Path) -> None:
    async def test() -> None:
        ca = Ca("ca")
        ca.issue(tmp_path / "credentials/rtus", NODE)
        bench = Bench(tmp_path)
        port = await _started(bench, ca.issue(tmp_path / "rtu", "rtu"))
        protocol = _protocol(tmp_path / "credentials")
        driver = protocol.open(ev(port, protocol="dnp3-tls", credentials="rtus"))
        assert close((await driver.scan()).values[0], 230.0)
        await driver.write(16.0, None)
        assert (await driver.scan()).limit_in_force == 16.0
        await driver.stop()
        await bench.station.stop()

    _run(test())


@pytest.mark.parametrize(
    ("station", "words"),
    [
        ("expired", "expired"),
        ("another authority", "certificate"),
        ("another address", "mismatch"),
    ],
)
def test_a_station_that_cannot_prove_who_it_is_gets_no_connection(
    tmp_path: Path, station: str, words: str
) -> None:
    async def test() -> None:
        ca, other = Ca("ca"), Ca("other")
        ca.issue(tmp_path / "credentials/rtus", NODE)
        folder = tmp_path / "rtu"
        if station == "expired":
            ca.issue(folder, "rtu", days=-1)
        elif station == "another authority":
            other.issue(folder, "rtu", ca)
        else:
            ca.issue(folder, "rtu", address="192.0.2.7")
        bench = Bench(tmp_path)
        port = await _started(bench, folder)
        protocol = _protocol(tmp_path / "credentials")
        driver = protocol.open(feeder(port, 0, protocol="dnp3-tls", credentials="rtus"))
        with pytest.raises(DriverError, match=words) as failure:
            await driver.scan()
        assert failure.value.kind is FailureKind.INSECURE
        assert "PRIVATE" not in str(failure.value)
        assert str(tmp_path) not in str(failure.value)
        await driver.stop()
        await bench.station.stop()

    _run(test())


@pytest.mark.parametrize("node", ["another authority", "expired", "not on its list"])
def test_a_node_that_the_station_does_not_know_gets_nothing(tmp_path: Path, node: str) -> None:
    async def test() -> None:
        ca, other = Ca("ca"), Ca("other")
        folder = tmp_path / "credentials/rtus"
        if node == "another authority":
            other.issue(folder, NODE, ca)
        elif node == "expired":
            ca.issue(folder, NODE, days=-1)
        else:
            ca.issue(folder, "node-2")
        bench = Bench(tmp_path)
        port = await _started(bench, ca.issue(tmp_path / "rtu", "rtu"))
        protocol = _protocol(tmp_path / "credentials")
        driver = protocol.open(feeder(port, 0, protocol="dnp3-tls", credentials="rtus"))
        with pytest.raises(DriverError) as failure:
            await driver.scan()
        assert failure.value.kind in {FailureKind.INSECURE, FailureKind.DISCONNECTED}
        assert bench.owners[0].counters.reads == 0
        await driver.stop()
        await bench.station.stop()

    _run(test())


def test_neither_end_falls_back_to_plain_text(tmp_path: Path) -> None:
    async def test() -> None:
        ca = Ca("ca")
        ca.issue(tmp_path / "credentials/rtus", NODE)
        plain, secure = Bench(tmp_path / "p"), Bench(tmp_path / "s")
        await plain.station.start(HOST, 0)
        port = await _started(secure, ca.issue(tmp_path / "rtu", "rtu"))
        protocol = _protocol(tmp_path / "credentials")
        encrypted = protocol.open(
            feeder(
                plain.station.port or 0, 0, protocol="dnp3-tls", credentials="rtus", timeout_s=0.5
            )
        )
        with pytest.raises(DriverError):
            await encrypted.scan()
        open_ = Dnp3Tcp().open(feeder(port, 0, timeout_s=0.5))
        with pytest.raises(DriverError):
            await open_.scan()
        assert plain.owners[0].counters.reads == secure.owners[0].counters.reads == 0
        for driver in (encrypted, open_):
            await driver.stop()
        for bench in (plain, secure):
            await bench.station.stop()

    _run(test())


def test_bays_of_one_station_agree_on_their_certificates(tmp_path: Path) -> None:
    ca = Ca("ca")
    for folder in ("one", "two"):
        ca.issue(tmp_path / folder, NODE)
    protocol = _protocol(tmp_path)
    protocol.open(feeder(20001, 0, protocol="dnp3-tls", credentials="one"))
    protocol.open(feeder(20001, 1, protocol="dnp3-tls", credentials="one"))
    with pytest.raises(InputError, match="share one connection"):
        protocol.open(feeder(20001, 2, protocol="dnp3-tls", credentials="two"))


def test_certificates_that_are_not_there_are_refused_before_anything_is_connected(
    tmp_path: Path,
) -> None:
    protocol = _protocol(tmp_path)
    where = {"protocol": "dnp3-tls"}
    (complaint,) = protocol.validate(feeder(20001, 0, **where))
    assert "needs 'credentials'" in complaint
    (complaint,) = protocol.validate(feeder(20001, 0, credentials="rtus", **where))
    assert "ca.pem is missing" in complaint
    folder = Ca("ca").issue(tmp_path / "rtus", NODE)
    assert protocol.validate(feeder(20001, 0, credentials="rtus", **where)) == ()
    (folder / "key.pem").write_text("no key\n")
    with pytest.raises(InputError, match="without a pass phrase are needed"):
        protocol.probe(connection(20001, credentials="rtus", **where))
