"""TLS after IEC 62351-3: certificates on both sides, TLS 1.2.

Not TLS 1.3: libiec61850 1.6 takes the tickets that a server sends after the handshake for an error.
The library checks chains and dates, not names: who else may answer is said by the authority, or by
naming the only certificate that is let in.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_iec61850.library.loading import function

_Handle, _Text = ctypes.c_void_p, ctypes.c_char_p
_create = function("TLSConfiguration_create", _Handle)
_destroy = function("TLSConfiguration_destroy", None, _Handle)
_chain = function("TLSConfiguration_setChainValidation", None, _Handle, ctypes.c_bool)
_known_only = function(
    "TLSConfiguration_setAllowOnlyKnownCertificates", None, _Handle, ctypes.c_bool
)
_times = function("TLSConfiguration_setTimeValidation", None, _Handle, ctypes.c_bool)
_lowest = function("TLSConfiguration_setMinTlsVersion", None, _Handle, ctypes.c_int)
_highest = function("TLSConfiguration_setMaxTlsVersion", None, _Handle, ctypes.c_int)
_own = function("TLSConfiguration_setOwnCertificateFromFile", ctypes.c_bool, _Handle, _Text)
_key = function("TLSConfiguration_setOwnKeyFromFile", ctypes.c_bool, _Handle, _Text, _Text)
_authority = function("TLSConfiguration_addCACertificateFromFile", ctypes.c_bool, _Handle, _Text)
_peer = function("TLSConfiguration_addAllowedCertificateFromFile", ctypes.c_bool, _Handle, _Text)
TLS_1_2 = 6  # TLSConfigVersion


class TlsFilesError(OrtsnetzError):
    """A certificate or key that the library does not take."""


@dataclass(frozen=True, slots=True)
class Tls:
    """Files of one end.

    Attributes:
        ca: whom to believe, PEM.
        certificate, key: one's own.
        peer: the only certificate that is let in; None takes every one of `ca`.
    """

    ca: Path
    certificate: Path
    key: Path
    peer: Path | None = None


def release(configured: int) -> None:
    """Free a configuration when its connection is gone."""
    _destroy(configured)


def configuration(tls: Tls) -> int:
    """A configuration of the library; has to outlive all connections made with it.

    Raises:
        TlsFilesError: names the file that is not taken.
    """
    handle = _create()
    if not handle:
        raise TlsFilesError("libiec61850 was built without TLS")
    taken: list[tuple[Path, Callable[..., Any], tuple[None, ...]]] = [
        (tls.certificate, _own, ()),
        (tls.key, _key, (None,)),
        (tls.ca, _authority, ()),
    ]
    if tls.peer is not None:
        taken.append((tls.peer, _peer, ()))
    for path, take, password in taken:
        if not take(handle, str(path).encode(), *password):
            _destroy(handle)
            raise TlsFilesError(f"{path}: no certificate or key that libiec61850 takes (PEM)")
    _chain(handle, True)  # noqa: FBT003 - C
    _known_only(handle, tls.peer is not None)
    _times(handle, True)  # noqa: FBT003 - C
    _lowest(handle, TLS_1_2)
    _highest(handle, TLS_1_2)
    return int(handle)
