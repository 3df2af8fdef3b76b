"""Who a server is, and who we are to it: certificates after OPC UA part 4, 6.1.3.

`ca.pem` holds whom to believe: the server's own certificate, or authorities. A certificate that is
pinned itself is believed wherever it answers; one that an authority issued has to name the host.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from asyncua.ua import MessageSecurityMode
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from ortsnetz_common.errors import InputError
from ortsnetz_edge.drivers.contract import DriverError, FailureKind
from ortsnetz_edge.drivers.environment import Credentials

POLICY = SecurityPolicyBasic256Sha256
_KEY_BITS = range(2048, 4097)  # part 7, profile Basic256Sha256


@dataclass(frozen=True)
class Security:
    """Certificates of a node for one kind of server.

    Attributes:
        trusted: servers' own certificates and authorities.
        certificate, key: the node's own, of the application and of the user alike.
    """

    trusted: tuple[x509.Certificate, ...]
    certificate: x509.Certificate
    key: RSAPrivateKey

    @property
    def application_uri(self) -> str:
        """What the node calls itself; servers compare it with the certificate."""
        return next(iter(_uris(self.certificate)))

    @property
    def pinned(self) -> x509.Certificate | None:
        """The one certificate that the server has to have; None where it has to be asked for."""
        only = self.trusted[0]
        return only if len(self.trusted) == 1 and not _is_authority(only) else None

    def policy(self, server: x509.Certificate) -> SecurityPolicyBasic256Sha256:
        """Sign and encrypt towards a server."""
        return POLICY(server, self.certificate, self.key, MessageSecurityMode.SignAndEncrypt)

    def check_own(self, now_ns: int) -> None:
        """Check the node's own certificate. Raises DriverError."""
        why = _out_of_date(self.certificate, now_ns)
        if why is not None:
            raise _insecure(f"the node's own certificate {why}")

    def check_server(self, server: x509.Certificate, host: str, now_ns: int) -> None:
        """Check who a server is before anything is sent to it.

        Raises:
            DriverError: nobody vouches for it, it is out of date, or it is another host's.
        """
        why = _out_of_date(server, now_ns)
        if why is not None:
            raise _insecure(f"the server's certificate {why}")
        if not isinstance(server.public_key(), RSAPublicKey):
            raise _insecure("the server's certificate has no RSA key")
        if any(server == known and not _is_authority(known) for known in self.trusted):
            return
        if not self._vouched(server, now_ns):
            raise _insecure(
                f"the server's certificate {_name(server)} is neither in ca.pem nor issued by an "
                "authority in it"
            )
        if not _is_for(server, host):
            raise _insecure(f"the server's certificate {_name(server)} is not for {host}")

    def _vouched(self, server: x509.Certificate, now_ns: int) -> bool:
        """Whether an authority of ca.pem, itself in date, has issued it."""
        for authority in self.trusted:
            if not _is_authority(authority) or _out_of_date(authority, now_ns) is not None:
                continue
            try:
                server.verify_directly_issued_by(authority)
            except (ValueError, TypeError, InvalidSignature):
                continue
            return True
        return False


def check_application(server: x509.Certificate, application_uri: str) -> None:
    """Check that a server calls itself what its certificate says. Raises DriverError."""
    if application_uri not in _uris(server):
        raise _insecure(
            f"the server calls itself '{application_uri}', its certificate "
            f"'{', '.join(_uris(server)) or 'nothing'}'"
        )


def load(credentials: Credentials) -> Security:
    """Read certificates.

    Raises:
        InputError: names the file and what is wrong with it.
    """
    try:
        trusted = x509.load_pem_x509_certificates(credentials.ca.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"{credentials.ca}: no certificates in PEM: {error}") from error
    try:
        certificate = x509.load_pem_x509_certificate(credentials.certificate.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"{credentials.certificate}: no certificate in PEM: {error}") from error
    try:
        key = load_pem_private_key(credentials.key.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{credentials.key}: no private key in PEM") from error
    if not isinstance(key, RSAPrivateKey) or key.key_size not in _KEY_BITS:
        raise InputError(f"{credentials.key}: an RSA key of 2048 to 4096 bits is needed")
    if key.public_key() != certificate.public_key():
        raise InputError(f"{credentials.certificate}: not of the key {credentials.key}")
    if not _uris(certificate):
        raise InputError(
            f"{credentials.certificate}: names no application: a URI is needed among its "
            "subject alternative names (OPC UA part 6, 6.2.2)"
        )
    return Security(tuple(trusted), certificate, key)


def der(certificate: x509.Certificate) -> bytes:
    """A certificate as it goes over the wire."""
    return certificate.public_bytes(Encoding.DER)


def from_der(data: bytes | None) -> x509.Certificate:
    """The first certificate of a chain as it comes over the wire. Raises DriverError."""
    try:
        # a chain is certificates one after another (part 6, 6.2.6); each begins with its length
        length = int.from_bytes((data or b"")[2:4], "big") + 4
        return x509.load_der_x509_certificate((data or b"")[:length])
    except ValueError as error:
        raise _insecure("the server shows no certificate") from error


def _alternative_names(certificate: x509.Certificate) -> x509.SubjectAlternativeName | None:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        return None
    return found.value


def _uris(certificate: x509.Certificate) -> Sequence[str]:
    names = _alternative_names(certificate)
    return [] if names is None else names.get_values_for_type(x509.UniformResourceIdentifier)


def _is_for(certificate: x509.Certificate, host: str) -> bool:
    names = _alternative_names(certificate)
    if names is None:
        return False
    try:
        return ipaddress.ip_address(host) in names.get_values_for_type(x509.IPAddress)
    except ValueError:
        wanted = host.lower().rstrip(".")
        return wanted in {name.lower() for name in names.get_values_for_type(x509.DNSName)}


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        found = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except (x509.ExtensionNotFound, ValueError):
        return False
    return found.value.ca


def _out_of_date(certificate: x509.Certificate, now_ns: int) -> str | None:
    now = datetime.fromtimestamp(now_ns / 1e9, tz=UTC)
    if now > certificate.not_valid_after_utc:
        return f"{_name(certificate)} has expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
    if now < certificate.not_valid_before_utc:
        return f"{_name(certificate)} is not valid before {certificate.not_valid_before_utc:%F %R}"
    return None


def _name(certificate: x509.Certificate) -> str:
    return f"'{certificate.subject.rfc4514_string()}'"


def _insecure(reason: str) -> DriverError:
    return DriverError(FailureKind.INSECURE, reason)
