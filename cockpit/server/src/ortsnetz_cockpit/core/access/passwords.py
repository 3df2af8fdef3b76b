"""Passwords: scrypt (RFC 7914) with a salt per user; parameters after OWASP (N = 2^15, r = 8)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

MIN_CHARACTERS = 12
MAX_CHARACTERS = 1024
_COST = {"n": 2**15, "r": 8, "p": 1, "maxmem": 64 * 1024 * 1024, "dklen": 32}
# each hash takes 32 MiB and a tenth of a second: a flood of log-ins must not take the machine
_AT_ONCE = threading.BoundedSemaphore(2)
_IN_LINE = threading.BoundedSemaphore(8)
_LONGEST_WAIT_S = 5.0
# no characters that are mistaken for each other on a terminal
_ALPHABET = "abcdefghjkmnpqrstuvwxyzACDEFGHJKLMNPQRSTUVWXYZ2345679"


class BusyError(Exception):
    """Too many log-ins at once: try again in a moment."""


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """What is stored of a password."""

    salt: bytes
    digest: bytes


def hash_password(password: str, salt: bytes | None = None) -> PasswordHash:
    """Hash a password, with a fresh salt unless one is given.

    Raises:
        BusyError: too many passwords are being hashed.
    """
    salt = salt or secrets.token_bytes(16)
    with _place_in_line():
        digest = hashlib.scrypt(password.encode(errors="surrogatepass"), salt=salt, **_COST)
    return PasswordHash(salt, digest)


@contextmanager
def _place_in_line() -> Generator[None]:
    if not _IN_LINE.acquire(blocking=False):
        raise BusyError
    try:
        if not _AT_ONCE.acquire(timeout=_LONGEST_WAIT_S):
            raise BusyError
        try:
            yield
        finally:
            _AT_ONCE.release()
    finally:
        _IN_LINE.release()


def matches(password: str, stored: PasswordHash) -> bool:
    """Compare in constant time.

    Raises:
        BusyError: too many passwords are being hashed.
    """
    return hmac.compare_digest(hash_password(password, stored.salt).digest, stored.digest)


def one_time_password() -> str:
    """A random password to be typed once: 16 characters, about 92 bits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(16))
