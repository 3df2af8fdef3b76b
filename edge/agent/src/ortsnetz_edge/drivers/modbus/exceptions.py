"""Exceptions of Modbus (application protocol 1.1b3, 7): what they mean, what comes of them."""

from __future__ import annotations

from ortsnetz_edge.drivers.contract import DriverError, FailureKind

NO_SUCH_FUNCTION, NO_SUCH_ADDRESS, NO_SUCH_VALUE = 1, 2, 3
BUSY = {5, 6}
AWAY = {10, 11}
NOT_THERE = {NO_SUCH_FUNCTION, NO_SUCH_ADDRESS, NO_SUCH_VALUE}
"""By which a device says that it does not have what was asked for."""
_WORDS = {
    1: "it does not know the function",
    2: "it has no such address",
    3: "it does not take the value",
    4: "it has failed",
    5: "it has taken the request and is still at it",
    6: "it is busy",
    7: "it cannot do that now",
    8: "its memory has a parity error",
    10: "the gateway has no path to the unit",
    11: "the unit behind the gateway does not answer",
}


class RefusedError(DriverError):
    """The device answered with an exception.

    Attributes:
        code: of the exception.
    """

    def __init__(self, where: str, function: int, code: int) -> None:
        words = _WORDS.get(code, "which the protocol does not know")
        super().__init__(_kind(code), f"{where}: exception {code} to function {function}: {words}")
        self.code = code


def _kind(code: int) -> FailureKind:
    if code in AWAY:
        return FailureKind.UNREACHABLE
    return FailureKind.BUSY if code in BUSY else FailureKind.REFUSED
