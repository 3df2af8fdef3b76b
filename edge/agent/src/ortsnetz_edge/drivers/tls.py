"""TLS with certificates on both sides, for the protocols that run over it."""

from __future__ import annotations

import ssl

from ortsnetz_common.errors import InputError
from ortsnetz_edge.drivers.environment import Credentials
from ortsnetz_edge.drivers.system_errors import system_words

_OF_ANOTHER_KEY = "KEY_VALUES_MISMATCH"


def client_context(files: Credentials) -> ssl.SSLContext:
    """TLS 1.2 or later; the server's certificate has to bear the name or address of its host.

    Whom to believe stands in the node's file and nowhere else: the machine's own list of
    authorities is not asked.

    Raises:
        InputError: a file cannot be used; says which and why.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(cafile=str(files.ca))
    except ssl.SSLError as error:
        raise InputError(f"{files.ca}: no certificate in PEM") from error
    except OSError as error:
        raise InputError(f"{files.ca}: {system_words(error)}") from error
    try:
        # without a password OpenSSL asks for one on the terminal, and the agent would stand still
        context.load_cert_chain(str(files.certificate), str(files.key), password="")
    except ssl.SSLError as error:
        if error.reason == _OF_ANOTHER_KEY:
            words = f"{files.certificate}: not of the key {files.key}"
        else:
            words = (
                f"{files.certificate} and {files.key.name}: a certificate and a private key "
                "without a pass phrase are needed, in PEM"
            )
        raise InputError(words) from error
    except OSError as error:
        raise InputError(
            f"{files.certificate} or {files.key.name}: {system_words(error)}"
        ) from error
    return context
