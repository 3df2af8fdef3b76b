"""Certificates of a node: there, readable, belonging together, and valid for how long."""

from __future__ import annotations

import math
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from ortsnetz_edge.console.checking.findings import Finding, attention, ok, wrong

SOON_DAYS = 14
"""A certificate that ends within so many days is to be renewed now."""
_S_PER_DAY = 86_400.0


@dataclass(frozen=True)
class Files:
    """Certificates for one peer.

    Attributes:
        where: how findings call them: `broker`, `credentials meters`.
        chained: whether `ca` has to have issued `certificate`.
    """

    where: str
    ca: Path
    certificate: Path
    key: Path
    chained: bool = True


def certificates(files: Files, now: datetime | None = None) -> Iterator[Finding]:
    """What is to be said of the certificates for one peer.

    Args:
        files: of the node.
        now: of the check; the machine's clock without it.
    """
    now = now or datetime.now(tz=UTC)
    ca = own = None
    for what, path in (("authority", files.ca), ("certificate", files.certificate)):
        found = _read(path)
        if isinstance(found, str):
            yield wrong(files.where, what, f"{path}: {found}", "a certificate, PEM", "put it there")
            continue
        ca, own = (found, own) if what == "authority" else (ca, found)
        yield _validity(files.where, what, path, found, now)
    yield from _key(files, own)
    if files.chained and ca is not None and own is not None:
        yield from _chain(files, ca, own)


def _read(path: Path) -> x509.Certificate | str:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as error:
        return str(error.strerror)
    except ValueError:
        return "no certificate in it"


def _validity(where: str, what: str, path: Path, found: x509.Certificate, now: datetime) -> Finding:
    until = found.not_valid_after_utc
    days = (until - now).total_seconds() / _S_PER_DAY
    sees = f"{path.name} valid until {until:%Y-%m-%d}, {math.floor(days)} days left"
    if found.not_valid_before_utc > now:
        sees = f"{path.name} valid from {found.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        return wrong(where, what, sees, "valid now", "is the node's clock right?")
    if days < 0:
        sees = f"{path.name} expired on {until:%Y-%m-%d}"
        return wrong(where, what, sees, "valid now", "have a new one issued")
    if days < SOON_DAYS:
        return attention(
            where, what, sees, f"at least {SOON_DAYS} days", "have a new one issued before it ends"
        )
    return ok(where, what, sees)


def _key(files: Files, own: x509.Certificate | None) -> Iterator[Finding]:
    try:
        mode = files.key.stat().st_mode
        public = _public(files.key.read_bytes())
    except OSError as error:
        yield wrong(
            files.where, "key", f"{files.key}: {error.strerror}", "a private key", "put it there"
        )
        return
    if public is None:
        sees = f"{files.key}: no private key in it, or one with a password"
        yield wrong(files.where, "key", sees, "a private key, PEM", "put it there without password")
    elif own is not None and _bits(public) != _bits(own.public_key()):
        yield wrong(
            files.where,
            "key",
            f"{files.key.name} belongs to another certificate",
            f"the key of {files.certificate.name}",
            "put certificate and key there that were issued together",
        )
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        yield attention(
            files.where,
            "key",
            f"{files.key.name} can be read by others (mode {stat.S_IMODE(mode):o})",
            "mode 600",
            f"chmod 600 {files.key}",
        )


def _chain(files: Files, ca: x509.Certificate, own: x509.Certificate) -> Iterator[Finding]:
    try:
        own.verify_directly_issued_by(ca)
    except (ValueError, TypeError, InvalidSignature):
        yield attention(
            files.where,
            "authority",
            f"{files.certificate.name} was not issued by {files.ca.name}",
            "the same authority at both ends",
            "right only if the peer trusts another authority than the node does",
        )


def _public(pem: bytes) -> PublicKeyTypes | None:
    try:
        return serialization.load_pem_private_key(pem, password=None).public_key()
    except (ValueError, TypeError):
        return None


def _bits(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
