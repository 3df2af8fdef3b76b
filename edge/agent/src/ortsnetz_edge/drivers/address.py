"""Addresses of devices as people type them: URLs, the same for all protocols.

modbus-tcp://10.0.0.7:502/1        host, port, unit
modbus-tls://10.0.0.7:802/1?credentials=meters
modbus-rtu:///dev/ttyUSB0?unit=3&baud=9600&parity=E
dnp3://10.0.0.9:20000/1024?own=1   host, port, address of the outstation
opc.tcp://10.0.0.11:4840/path?credentials=park
iec61850://10.0.0.12:102           MMS; with ?credentials=FOLDER over TLS
goose://eth1                       an interface that is listened to
sampled-values://01-0C-CD-04-00-01:16384/MU01   destination, APPID (decimal), svID

A protocol that does not ship with the agent goes by the name of its entry point: NAME://host:port
"""

from __future__ import annotations

from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.station import Connection, SerialLine
from ortsnetz_edge.drivers.registry import installed

DEFAULT_PORTS = {
    "modbus-tcp": 502,
    "modbus-tls": 802,
    "dnp3": 20000,
    "dnp3-tls": 19999,
    "opcua": 4840,
    "iec61850": 102,
    "sampled-values": 0x4000,  # the APPID of 9-2LE
}
SERIAL = "modbus-rtu"
_LISTENED_TO = {"goose"}
"""Protocols whose place is an interface of the node, by its name as it is written."""
_PATHS = {"opcua", "sampled-values"}
"""Protocols with a name behind host and port instead of a unit's number."""
_SCHEMES = {"opc.tcp": "opcua"}
_OPTIONS = {"unit", "own", "credentials", "timeout", "bay", "baud", "parity", "stop"}


def parse_address(text: str) -> Connection:
    """The connection that an address means.

    Raises:
        InputError: says which part is wrong and what is possible.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise InputError(f"{text}: {error}") from error
    protocol = _SCHEMES.get(parts.scheme, parts.scheme)
    if protocol not in {*DEFAULT_PORTS, SERIAL, *installed()}:
        names = {*DEFAULT_PORTS, SERIAL, "opc.tcp", *installed()}
        known = ", ".join(f"{name}://" for name in sorted(names))
        raise InputError(f"{text}: the address begins with one of {known}")
    if parts.username is not None or parts.password is not None:
        raise InputError("an address holds no user and no password: use ?credentials=FOLDER")
    options = _options(text, parts)
    if protocol == SERIAL:
        return _serial(text, parts, options)
    if not parts.hostname:
        raise InputError(f"{text}: the host is missing")
    if protocol in _LISTENED_TO:
        return Connection(protocol, host=parts.netloc, path=unquote(parts.path.strip("/")))
    if port is None and protocol not in DEFAULT_PORTS:
        raise InputError(f"{text}: the port is missing")
    named = protocol in _PATHS
    path = parts.path if protocol == "opcua" else unquote(parts.path.strip("/"))
    return Connection(
        protocol=protocol,
        host=parts.hostname,
        port=DEFAULT_PORTS[protocol] if port is None else port,
        unit=1 if named else _number(text, parts.path.strip("/") or options.get("unit", "1")),
        path=path if named else "",
        own_address=_number(text, options.get("own", "1")),
        credentials=options.get("credentials"),
        timeout_s=_seconds(text, options.get("timeout", "2")),
        bay=options.get("bay", ""),
    )


def _options(text: str, parts: SplitResult) -> dict[str, str]:
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    for name, _ in pairs:
        if name not in _OPTIONS:
            known = ", ".join(sorted(_OPTIONS))
            raise InputError(f"{text}: unknown option '{name}' (there are: {known})")
    return dict(pairs)


def _serial(text: str, parts: SplitResult, options: dict[str, str]) -> Connection:
    device = parts.path if not parts.netloc else parts.netloc
    if not device.strip("/"):
        raise InputError(f"{text}: the line is missing: modbus-rtu:///dev/ttyUSB0?unit=3")
    parity = options.get("parity", "E").upper()
    if parity not in {"N", "E", "O"}:
        raise InputError(f"{text}: parity is N, E or O")
    return Connection(
        protocol=SERIAL,
        unit=_number(text, options.get("unit", "1")),
        timeout_s=_seconds(text, options.get("timeout", "2")),
        bay=options.get("bay", ""),
        serial=SerialLine(
            device,
            baud=_number(text, options.get("baud", "19200")),
            parity=parity,
            stop_bits=_number(text, options.get("stop", "1")),
        ),
    )


def _number(text: str, word: str) -> int:
    if not (word.isascii() and word.isdigit()) or len(word) > 7:
        raise InputError(f"{text}: '{word}' has to be a whole number")
    return int(word)


def _seconds(text: str, word: str) -> float:
    try:
        seconds = float(word)
    except ValueError:
        seconds = 0.0
    if not 0.01 <= seconds <= 60:
        raise InputError(f"{text}: the time-out '{word}' has to be 0.01 to 60 s")
    return seconds
