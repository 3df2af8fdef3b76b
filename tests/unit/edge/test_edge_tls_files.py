"""Certificates that cannot be used are named with what is needed; no pass phrase is asked for."""

from __future__ import annotations

import os
import pty
import ssl
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ortsnetz_common.errors import InputError
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.tls import client_context

PEM = serialization.Encoding.PEM
PASS_PHRASE = serialization.BestAvailableEncryption(b"geheim")


def key_text(
    key: ec.EllipticCurvePrivateKey | None = None,
    how: serialization.KeySerializationEncryption | None = None,
) -> bytes:
    key = key or ec.generate_private_key(ec.SECP256R1())
    how = how or serialization.NoEncryption()
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, how)


def good(folder: Path) -> ec.EllipticCurvePrivateKey:
    """A folder in order: a certificate that is its own authority, and its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(tz=UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "node-1")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1))
    made = builder.sign(key, hashes.SHA256()).public_bytes(PEM)
    folder.mkdir()
    (folder / "ca.pem").write_bytes(made)
    (folder / "certificate.pem").write_bytes(made)
    (folder / "key.pem").write_bytes(key_text(key))
    return key


def context(folder: Path) -> ssl.SSLContext:
    return client_context(Environment(credentials_dir=folder.parent).credentials(folder.name))


def test_files_in_order_make_a_context_that_checks_the_name_and_nothing_older_than_1_2(
    tmp_path: Path,
) -> None:
    good(tmp_path / "rtus")
    made = context(tmp_path / "rtus")
    assert made.check_hostname
    assert made.verify_mode is ssl.CERT_REQUIRED
    assert made.minimum_version is ssl.TLSVersion.TLSv1_2
    assert len(made.get_ca_certs()) <= 1  # none of the machine's own


SPOILS: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "no authority": ("ca.pem", lambda: b"", "ca.pem: no certificate in PEM"),
    "no certificate": ("certificate.pem", lambda: b"\0\1", "a certificate and a private key"),
    "no key": ("key.pem", lambda: b"SECRETSECRET", "without a pass phrase are needed"),
    "another key": ("key.pem", key_text, "certificate.pem: not of the key"),
    "a pass phrase": ("key.pem", lambda: key_text(how=PASS_PHRASE), "without a pass phrase"),
}


@pytest.mark.parametrize("spoil", SPOILS)
def test_a_file_that_cannot_be_used_is_named_without_its_contents(
    tmp_path: Path, spoil: str
) -> None:
    good(tmp_path / "rtus")
    name, content, words = SPOILS[spoil]
    (tmp_path / "rtus" / name).write_bytes(content())
    with pytest.raises(InputError) as refused:
        context(tmp_path / "rtus")
    assert words in str(refused.value)
    assert str(tmp_path / "rtus") in str(refused.value)
    assert "SECRET" not in str(refused.value)


def test_on_a_terminal_nobody_is_asked_for_a_pass_phrase(tmp_path: Path) -> None:
    """OpenSSL would ask, and the agent, started by hand, would stand still until somebody types."""
    key = good(tmp_path / "rtus")
    (tmp_path / "rtus" / "key.pem").write_bytes(key_text(key, PASS_PHRASE))
    code = (
        "from pathlib import Path; from ortsnetz_edge.drivers.environment import Environment;"
        "from ortsnetz_edge.drivers.tls import client_context;"
        f"client_context(Environment(credentials_dir=Path({str(tmp_path)!r})).credentials('rtus'))"
    )
    leader, follower = pty.openpty()
    try:
        ended = subprocess.run(
            [sys.executable, "-c", code],
            stdin=follower,
            stdout=follower,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
            preexec_fn=os.setsid,
        )
    finally:
        os.close(leader)
        os.close(follower)
    assert b"without a pass phrase are needed" in ended.stderr
