"""What a technician can do about a failure, for each kind of failure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.drivers.contract import DriverError, FailureKind

ADVICE: Mapping[FailureKind, str] = {
    FailureKind.UNREACHABLE: "check address, port, cable and firewall",
    FailureKind.WAITING: "it failed before and is asked again later: wait some seconds",
    FailureKind.TIMEOUT: (
        "check the unit or link address; a slow device needs a longer time-out; many devices serve "
        "one master only, so stop the other one"
    ),
    FailureKind.DISCONNECTED: "the device hung up: is it restarting, or is another master on it?",
    FailureKind.WRONG_ANSWER: "what answers does not speak this protocol as it should: check port",
    FailureKind.REFUSED: "the device knows the request and declines it: check reference and value",
    FailureKind.BUSY: "ask again in some seconds",
    FailureKind.WRONG_DEVICE: "check which device has this address now",
    FailureKind.INSECURE: "check the certificates: authority, validity, name, and the key's folder",
}

ON_A_LINE: Mapping[FailureKind, str] = {
    FailureKind.UNREACHABLE: (
        "check the line's name (ls /dev/serial/by-id), its adapter, and whether you may open it"
    ),
    FailureKind.TIMEOUT: "check unit, baud, parity and stop bits, and the two wires (A and B)",
    FailureKind.WRONG_ANSWER: "check baud, parity, stop bits, and whether two units share a number",
}


def in_place(where: Connection, error: DriverError) -> str:
    """A failure with its place, which drivers often, but not always, say themselves."""
    reason = str(error)
    place = f"{where.host}:{where.port}" if where.serial is None else where.serial.device
    return reason if place in reason else f"{where.address}: {reason}"


def with_advice(where: Connection, error: DriverError) -> str:
    """A failure in one line: what was wrong, where, what to do."""
    return f"{in_place(where, error)}; {advice(where, error)}"


def advice(where: Connection, error: DriverError) -> str:
    """What to do about a failure; on a serial line that is something else than on a network."""
    general = ADVICE[error.kind]
    return general if where.serial is None else ON_A_LINE.get(error.kind, general)


@contextmanager
def explained(where: Connection) -> Iterator[None]:
    """Turn failures of a device into errors for people.

    Raises:
        OrtsnetzError: the device failed; exit code 1.
    """
    try:
        yield
    except DriverError as error:
        raise OrtsnetzError(with_advice(where, error)) from error
