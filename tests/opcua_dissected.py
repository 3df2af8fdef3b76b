"""OPC UA messages as tshark dissects them, by the names that its dissector gives them.

A message is the tree of one `opcua` layer (see `modbus_peers.capture.dissected`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from modbus_peers.capture import field

PORT = 4840
DECODED = (
    *("-d", f"tcp.port=={PORT},opcua"),
    *("-o", "tcp.check_checksum:FALSE"),
    "--no-duplicate-keys",  # several messages in one segment
)
NUMBERS = ("opcua.Double", "opcua.Float", "opcua.UInt16", "opcua.UInt32")
MOST_ELEMENTS = 10


def complaints(packets: list[Any]) -> list[str]:
    """What the dissector finds wrong or remarkable, whatever the severity."""
    names = ("_ws.malformed", "_ws.expert.message")
    return [str(found) for name in names for found in field(packets, name)]


def service(message: Any) -> str | None:
    """What the dissector calls a message; None for the two that are none of a service."""
    for key, value in message.items():
        if key.endswith("Encodeable Object"):
            return next(str(name) for name in value if not name.startswith("TypeId"))
    return None


def services(messages: list[Any]) -> list[str]:
    """What the dissector calls each message of a service."""
    return [name for message in messages if (name := service(message)) is not None]


def those(messages: list[Any], name: str) -> list[Any]:
    """The messages of one name."""
    return [message for message in messages if service(message) == name]


def number(holder: Any) -> tuple[str, float]:
    """The only number in a data value: its type and itself."""
    ((kind, text),) = [(name, text) for name in NUMBERS for text in field(holder, name)]
    return kind.removeprefix("opcua."), float(text)


def elements(messages: list[Any], kind: str) -> list[Any]:
    """The elements of all arrays of a kind."""
    return [
        one
        for message in messages
        for place in range(MOST_ELEMENTS)
        for one in field(message, f"[{place}]: {kind}")
    ]


def nodes(message: Any) -> list[str]:
    """The nodes of a message that are named by a text."""
    return field(message, "opcua.nodeid.string")


def stamp_ns(text: str) -> int:
    """UTC ns of a time as the dissector writes it: in words, or by ISO 8601 from 4.2 on."""
    whole, fraction = text.removesuffix(" UTC").removesuffix("Z").split(".")
    form = "%Y-%m-%dT%H:%M:%S" if "T" in whole else "%b %d, %Y %H:%M:%S"
    seconds = datetime.strptime(whole, form).replace(tzinfo=UTC).timestamp()
    return int(seconds) * 10**9 + int(fraction.ljust(9, "0"))
