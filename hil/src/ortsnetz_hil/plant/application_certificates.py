"""Certificates of OPC UA applications: a station server and the node trust each other's by name.

Each is its own authority, as in the trust lists of the field; RSA, as Basic256Sha256 asks for, with
the application's URI among the alternative names (OPC UA part 6, 6.2.2).
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ortsnetz_common.trust.authority import Identity

KEY_BITS = 2048
VALID_DAYS = 30
SERVER_URI = "urn:ortsnetz:bench:server"
"""What the bench's OPC UA servers call themselves, see `servers.opcua_park`."""
FOLDER = "credentials"
CA, CERTIFICATE, KEY = "ca.pem", "certificate.pem", "key.pem"


@dataclass(frozen=True, slots=True)
class Application:
    """An OPC UA application.

    Attributes:
        name: common name of its certificate.
        uri: what it calls itself.
        host: IP address at which it is reached; None for one that only connects.
    """

    name: str
    uri: str
    host: str | None = None


def write(name: str, *, node: str, host: str, plant: Path, agent: Path) -> None:
    """Write what a station server and the node need to know each other.

    Args:
        name: of the station server, and of the folders.
        node: name of the node.
        host: address of the station server.
        plant: plant directory; the server's own certificate and whom it lets in.
        agent: the agent's directory; the node's own certificate and whom it believes.
    """
    server = self_signed(Application(name, SERVER_URI, host))
    client = self_signed(Application(node, f"urn:ortsnetz:node:{node}"))
    for folder, own, other in (
        (plant / FOLDER / name, server, client),
        (agent / FOLDER / name, client, server),
    ):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CA).write_bytes(other.certificate)
        (folder / CERTIFICATE).write_bytes(own.certificate)
        key = folder / KEY
        key.unlink(missing_ok=True)
        key.touch(mode=0o600)
        key.write_bytes(own.key)


def self_signed(application: Application) -> Identity:
    """A certificate of an application, and its key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, application.name)])
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(application.uri)]
    if application.host is not None:
        names.append(x509.IPAddress(ipaddress.ip_address(application.host)))
    now = datetime.now(tz=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(_usage(), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            ),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    return Identity(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def _usage() -> x509.KeyUsage:
    """What OPC UA part 6, 6.2.2 asks of application certificates."""
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=True,
        data_encipherment=True,
        key_agreement=False,
        key_cert_sign=False,  # only an authority may (RFC 5280, 4.2.1.3)
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
