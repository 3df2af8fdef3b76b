"""A secured server has to prove who it is, and so have we; without proof there is no connection."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass
from pathlib import Path

import pytest
from asyncua import Client, ua
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from opcua_bench import HOST, POLLED, SUBSCRIBED, certify, failed, protocol, run, serving, source

from ortsnetz_edge.drivers.contract import DriverError, FailureKind
from ortsnetz_hil.plant.application_certificates import SERVER_URI, Application

NODE = Application("node-1", "urn:ortsnetz:node:node-1")
SERVER = Application("park", SERVER_URI, HOST)


@dataclass
class Site:
    """A node's folder of credentials and a server's certificate, each trusting the other."""

    node: Path
    server: tuple[Path, Path]

    @property
    def users(self) -> list[Path]:
        return [self.node / "certificate.pem"]

    def believe(self, certificate: bytes) -> None:
        (self.node / "ca.pem").write_bytes(certificate)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates that take a while to make, once."""
    folder = tmp_path_factory.mktemp("pairs")
    certify(folder / "node", NODE)
    certify(folder / "server", SERVER)
    certify(folder / "stranger", Application("stranger", SERVER_URI, HOST))
    return folder


@pytest.fixture
def site(pairs: Path, tmp_path: Path) -> Site:
    node = tmp_path / "credentials" / "park"
    node.mkdir(parents=True)
    for name in ("certificate.pem", "key.pem"):
        (node / name).write_bytes((pairs / "node" / name).read_bytes())
    server = (pairs / "server" / "certificate.pem", pairs / "server" / "key.pem")
    made = Site(node, server)
    made.believe(server[0].read_bytes())
    return made


async def attempt(site: Site, port: int, profile: str = POLLED) -> DriverError | None:
    """Scan once; the error, or None if there is an answer."""
    made = protocol(profile, credentials_dir=site.node.parent)
    driver = made.open(source(port, credentials="park"))
    try:
        scan = await driver.scan()
        assert scan.values[0] == 230.0
    except DriverError as error:
        return error
    finally:
        await driver.stop()
    return None


@pytest.mark.parametrize("profile", [POLLED, SUBSCRIBED], ids=["read", "subscribed"])
def test_values_and_limits_pass_signed_and_encrypted(site: Site, profile: str) -> None:
    async def check() -> None:
        async with serving(credentials=site.server, users=site.users) as server:
            made = protocol(profile, credentials_dir=site.node.parent)
            driver = made.open(source(server.port, credentials="park"))
            assert (await driver.scan()).values[0] == 230.0
            await driver.write(10.0, None)
            assert server.value("Setpoint") == 10
            (client,) = server.server.bserver.clients
            policy = client.processor._connection.security_policy
            assert policy.URI.endswith("#Basic256Sha256")
            assert policy.Mode is ua.MessageSecurityMode.SignAndEncrypt
            assert client.processor.session.user.name == str(site.users[0])
            await driver.stop()

    run(check)


def test_an_authority_in_place_of_the_servers_own_certificate_is_enough(
    site: Site, tmp_path: Path
) -> None:
    async def check() -> None:
        authority, server = issued(tmp_path, SERVER)
        site.believe(authority)
        async with serving(credentials=server, users=site.users) as running:
            assert await attempt(site, running.port) is None

    run(check)


def test_a_server_of_another_authority_is_not_spoken_to(site: Site, tmp_path: Path) -> None:
    async def check() -> None:
        authority, _ = issued(tmp_path, SERVER)
        site.believe(authority)
        async with serving(credentials=site.server, users=site.users) as server:
            error = await attempt(site, server.port)
            assert error is not None
            assert error.kind is FailureKind.INSECURE
            assert "neither in ca.pem nor issued by an authority in it" in str(error)

    run(check)


def test_a_server_whose_certificate_is_for_another_host_is_not_spoken_to(
    site: Site, tmp_path: Path
) -> None:
    async def check() -> None:
        authority, server = issued(tmp_path, Application("park", SERVER_URI, "10.0.0.7"))
        site.believe(authority)
        async with serving(credentials=server, users=site.users) as running:
            error = await attempt(site, running.port)
            assert error is not None
            assert error.kind is FailureKind.INSECURE
            assert f"is not for {HOST}" in str(error)

    run(check)


def test_a_server_that_calls_itself_something_else_is_not_spoken_to(site: Site) -> None:
    async def check() -> None:
        async with serving(credentials=site.server, users=site.users, uri="urn:else") as server:
            error = await attempt(site, server.port)
            assert error is not None
            assert error.kind is FailureKind.INSECURE
            assert "calls itself 'urn:else'" in str(error)

    run(check)


def test_a_stranger_with_the_same_name_is_not_spoken_to(site: Site, pairs: Path) -> None:
    async def check() -> None:
        stranger = (pairs / "stranger" / "certificate.pem", pairs / "stranger" / "key.pem")
        async with serving(credentials=stranger, users=site.users) as server:
            error = await attempt(site, server.port)
            assert error is not None
            assert error.kind is FailureKind.INSECURE
            assert "neither in ca.pem" in str(error)
            assert not [c for c in server.server.bserver.clients if c.processor.session]

    run(check)


@pytest.mark.parametrize("whose", ["server", "node"])
def test_an_expired_certificate_ends_the_connection(
    site: Site, whose: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def check() -> None:
        async with serving(credentials=site.server, users=site.users) as server:
            made = protocol(credentials_dir=site.node.parent)
            driver = made.open(source(server.port, credentials="park"))
            clock = driver.session.clock
            now_ns = clock.now_ns()
            later = dt.timedelta(days=31).total_seconds()
            monkeypatch.setattr(clock.__class__, "now_ns", lambda _: now_ns + round(later * 1e9))
            if whose == "server":
                monkeypatch.setattr(
                    "ortsnetz_edge.drivers.opcua.security.Security.check_own", lambda *_: None
                )
            with pytest.raises(DriverError) as caught:
                await driver.scan()
            assert caught.value.kind is FailureKind.INSECURE
            assert ("own certificate" in str(caught.value)) == (whose == "node")
            assert "has expired on" in str(caught.value)
            await driver.stop()

    run(check)


def test_a_server_without_security_is_refused_where_certificates_are_asked_for(
    site: Site, tmp_path: Path
) -> None:
    async def check() -> None:
        authority, _ = issued(tmp_path, SERVER)
        for believed in (site.server[0].read_bytes(), authority):
            site.believe(believed)
            async with serving() as server:
                internal = server.server.iserver
                internal.create_session = lambda *_, **__: pytest.fail("a session in plain text")
                error = await attempt(site, server.port)
                assert error is not None
                assert error.kind is FailureKind.INSECURE
                assert "offers no Basic256Sha256 with SignAndEncrypt" in str(error)

    run(check)


def test_a_server_does_not_let_in_a_node_that_it_does_not_know(site: Site, pairs: Path) -> None:
    async def check() -> None:
        users = [pairs / "stranger" / "certificate.pem"]
        async with serving(credentials=site.server, users=users) as server:
            error = await attempt(site, server.port)
            assert error is not None
            assert error.kind is FailureKind.INSECURE
            assert "BadUserAccessDenied" in str(error)

    run(check)


def test_a_client_without_certificate_reads_nothing(site: Site) -> None:
    async def check() -> None:
        async with serving(credentials=site.server, users=site.users) as server:
            client = Client(f"opc.tcp://{HOST}:{server.port}/test", timeout=2)
            with pytest.raises((ua.UaError, ConnectionError, TimeoutError)):
                await client.connect()

    run(check)


def test_what_credentials_lack_is_said_by_file(site: Site) -> None:
    def complaint() -> str:
        (words,) = protocol(credentials_dir=site.node.parent).validate(
            source(4840, credentials="park")
        )
        return words

    key = (site.node / "key.pem").read_bytes()
    (site.node / "key.pem").write_bytes(b"nothing")
    assert "key.pem: no private key in PEM" in complaint()
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (site.node / "key.pem").write_bytes(pem(other))
    assert "not of the key" in complaint()
    (site.node / "key.pem").write_bytes(pem(ec.generate_private_key(ec.SECP256R1())))
    assert "an RSA key of 2048 to 4096 bits is needed" in complaint()
    (site.node / "key.pem").write_bytes(key)
    (site.node / "ca.pem").write_bytes(b"")
    assert "ca.pem: no certificates in PEM" in complaint()


def test_no_secret_is_in_what_is_said(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    async def check() -> None:
        secret = (site.node / "key.pem").read_text().splitlines()[5]
        async with serving(credentials=site.server, users=site.users) as server:
            made = protocol(credentials_dir=site.node.parent)
            driver = made.open(source(server.port, credentials="park"))
            await driver.scan()
            token = str(driver.session._channel.client.uaclient.session.authentication_token)
            server.server.cut()
            with caplog.at_level(logging.DEBUG, logger="ortsnetz_edge"):
                said = await failed(driver, FailureKind.WAITING)
            said += caplog.text + repr(driver.diagnose()) + repr(driver.session.endpoint)
            assert secret not in said
            assert token not in said
            await driver.stop()

    run(check)


def issued(folder: Path, application: Application) -> tuple[bytes, tuple[Path, Path]]:
    """An authority's certificate, and certificate and key that it issued to an application."""
    authority_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority of the tests")])
    now = dt.datetime.now(tz=dt.UTC)

    def builder(subject: x509.Name, public: rsa.RSAPublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=1))
        )

    authority = (
        builder(name, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    certify(folder / "issued", application)
    self_signed = x509.load_pem_x509_certificate(
        (folder / "issued" / "certificate.pem").read_bytes()
    )
    names = self_signed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    certificate = (
        builder(self_signed.subject, key.public_key())
        .add_extension(names, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    files = folder / "issued" / "certificate.pem", folder / "issued" / "key.pem"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(pem(key))
    return authority.public_bytes(serialization.Encoding.PEM), files


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
