"""What libiec61850's error codes mean, in words."""

from __future__ import annotations

from enum import IntEnum

CONNECTION_LOST = frozenset({1, 3, 5, 34})
"""Codes of a client after which its connection is of no use."""


class LibraryError(Exception):
    """A call of the library failed.

    Attributes:
        code: of `IedClientError`; those of `MmsError` are translated.
    """

    def __init__(self, code: int, doing: str) -> None:
        super().__init__(f"{doing}: {words(code)}")
        self.code = code


_CLIENT = {
    1: "not connected",
    2: "connected already",
    3: "connection lost",
    4: "the device does not offer this service",
    5: "the device rejects the connection",
    6: "more calls outstanding than agreed",
    10: "wrong argument",
    11: "the data set is not the one that was expected",
    12: "not a reference",
    13: "an answer of unexpected form",
    20: "no answer in time",
    21: "access denied",
    22: "the device has no such object",
    23: "there is such an object already",
    24: "the device does not offer this access",
    25: "wrong type",
    26: "temporarily unavailable",
    27: "object undefined",
    28: "invalid address",
    29: "hardware fault in the device",
    30: "the device does not know this type",
    31: "inconsistent attribute",
    32: "the device refuses the value",
    33: "the object is not valid any more",
    34: "malformed message",
    35: "conflict with a constraint of the object",
    98: "the device has not implemented this service",
    99: "unknown error",
}
_OF_MMS = {
    1: 5,
    2: 3,
    3: 20,
    4: 34,
    5: 29,
    7: 10,
    8: 6,
    31: 28,
    32: 30,
    33: 25,
    34: 27,
    35: 23,
    36: 31,
    55: 35,
    81: 22,
    82: 24,
    83: 21,
    84: 33,
    85: 32,
    86: 26,
    103: 4,
}
"""`MmsError` to `IedClientError`; what is not in it is 99."""
_OF_ACCESS = {0: 33, 1: 29, 2: 26, 3: 21, 4: 27, 5: 28, 6: 30, 7: 25, 8: 31, 9: 24, 10: 22, 11: 32}
"""`DataAccessError` (ISO 9506-2) to `IedClientError`."""


def words(code: int) -> str:
    """A client's error in words."""
    return _CLIENT.get(code, f"error {code}")


def of_mms(code: int) -> int:
    """The client's code that means the same as an `MmsError`."""
    return _OF_MMS.get(code, 99)


def of_access(code: int) -> int:
    """The client's code that means the same as a `DataAccessError`."""
    return _OF_ACCESS.get(code, 99)


class AddCause(IntEnum):
    """Additional cause of IEC 61850-7-2 (20.5.2.9): why a control was refused or ended."""

    UNKNOWN = 0
    NOT_SUPPORTED = 1
    BLOCKED_BY_SWITCHING_HIERARCHY = 2
    SELECT_FAILED = 3
    INVALID_POSITION = 4
    POSITION_REACHED = 5
    PARAMETER_CHANGE_IN_EXECUTION = 6
    STEP_LIMIT = 7
    BLOCKED_BY_MODE = 8
    BLOCKED_BY_PROCESS = 9
    BLOCKED_BY_INTERLOCKING = 10
    BLOCKED_BY_SYNCHROCHECK = 11
    COMMAND_ALREADY_IN_EXECUTION = 12
    BLOCKED_BY_HEALTH = 13
    ONE_OF_N_CONTROL = 14
    ABORTION_BY_CANCEL = 15
    TIME_LIMIT_OVER = 16
    ABORTION_BY_TRIP = 17
    OBJECT_NOT_SELECTED = 18
    OBJECT_ALREADY_SELECTED = 19
    NO_ACCESS_AUTHORITY = 20
    ENDED_WITH_OVERSHOOT = 21
    ABORTION_DUE_TO_DEVIATION = 22
    ABORTION_BY_COMMUNICATION_LOSS = 23
    ABORTION_BY_COMMAND = 24
    NONE = 25
    INCONSISTENT_PARAMETERS = 26
    LOCKED_BY_OTHER_CLIENT = 27


def cause_in_words(code: int) -> str:
    """An additional cause: `blocked by interlocking (10)`."""
    try:
        return f"{AddCause(code).name.lower().replace('_', ' ')} ({code})"
    except ValueError:
        return f"additional cause {code}"
