"""What a failed call means to the agent."""

from __future__ import annotations

from ortsnetz_common.drivers.values import DriverError, FailureKind
from ortsnetz_iec61850.library.errors import CONNECTION_LOST, LibraryError

_KINDS = {
    5: FailureKind.UNREACHABLE,
    6: FailureKind.BUSY,
    20: FailureKind.TIMEOUT,
    26: FailureKind.BUSY,
    13: FailureKind.WRONG_ANSWER,
    34: FailureKind.WRONG_ANSWER,
    99: FailureKind.WRONG_ANSWER,
}


def failure_of(error: LibraryError, where: str) -> DriverError:
    """The agent's error for the library's."""
    kind = _KINDS.get(error.code)
    if kind is None:
        lost = error.code in CONNECTION_LOST
        kind = FailureKind.DISCONNECTED if lost else FailureKind.REFUSED
    return DriverError(kind, f"{where}: {error}")


def ends_connection(error: LibraryError) -> bool:
    """Whether nothing more is said over the connection.

    What came to nothing without an answer closes it: a late answer is never taken for the next one.
    """
    return error.code in CONNECTION_LOST | {13, 20}
