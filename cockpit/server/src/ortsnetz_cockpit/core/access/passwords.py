"""Passwords: scrypt (RFC 7914) with a salt per user; parameters after OWASP (N = 2^15, r = 8)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from dataclasses import dataclass

MIN_CHARACTERS = 12
MAX_CHARACTERS = 1024
_COST = {"n": 2**15, "r": 8, "p": 1, "maxmem": 64 * 1024 * 1024, "dklen": 32}
_AT_ONCE = threading.BoundedSemaphore(2)
"""Each hash takes 32 MiB and a tenth of a second: a flood of log-ins must not take the machine."""
# no characters that are mistaken for each other on a terminal
_ALPHABET = "abcdefghjkmnpqrstuvwxyzACDEFGHJKLMNPQRSTUVWXYZ2345679"


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """What is stored of a password."""

    salt: bytes
    digest: bytes


def hash_password(password: str, salt: bytes | None = None) -> PasswordHash:
    """Hash a password, with a fresh salt unless one is given."""
    salt = salt or secrets.token_bytes(16)
    with _AT_ONCE:
        digest = hashlib.scrypt(password.encode(errors="surrogatepass"), salt=salt, **_COST)
    return PasswordHash(salt, digest)


def matches(password: str, stored: PasswordHash) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(hash_password(password, stored.salt).digest, stored.digest)


def one_time_password() -> str:
    """A random password to be typed once: 16 characters, about 92 bits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(16))
