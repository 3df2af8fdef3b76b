"""Detached Ed25519 signatures over parameter sets (RFC 8032)."""

from __future__ import annotations

import base64

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ortsnetz_common.errors import InputError


def generate_private_key() -> bytes:
    """A new private key, PEM (PKCS 8, unencrypted: the caller keeps it with mode 0600)."""
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def public_key(private_pem: bytes) -> bytes:
    """Public key of a private key, PEM."""
    return (
        _private(private_pem)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def sign(payload: bytes, private_pem: bytes) -> str:
    """Base64 signature of a payload."""
    return base64.b64encode(_private(private_pem).sign(payload)).decode()


def verify(payload: bytes, signature: str, public_pem: bytes, source: str) -> None:
    """Check a signature.

    Raises:
        InputError: the payload was not signed by this key; names the source.
    """
    key = serialization.load_pem_public_key(public_pem)
    if not isinstance(key, Ed25519PublicKey):
        raise InputError(f"{source}: the trust anchor is not an Ed25519 key")
    try:
        key.verify(base64.b64decode(signature, validate=True), payload)
    except (InvalidSignature, ValueError) as error:
        raise InputError(
            f"{source}: signature does not match: the set was changed or signed by somebody else"
        ) from error


def _private(pem: bytes) -> Ed25519PrivateKey:
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError("the signing key is not an Ed25519 key")
    return key
