"""The section Communication (IEC 61850-6, 9.4): who is where."""

from __future__ import annotations

from msgspec import Struct

ISO_TRANSPORT_PORT = 102


class Parameter(Struct, frozen=True, forbid_unknown_fields=True):
    """One parameter of an address, e.g. `IP`."""

    kind: str
    value: str
    line: int


class Multicast(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a control block's messages go (GSE or SMV).

    Attributes:
        device, block: instance of the logical device, and name of its control block.
        mac: destination, `01-0C-CD-01-00-01`.
        app_id: of the message, a number.
        vlan_id, vlan_priority: of its tag (IEEE 802.1Q).
        shortest_ms, longest_ms: between repetitions of a GOOSE message.
    """

    device: str
    block: str
    line: int
    mac: str | None = None
    app_id: int | None = None
    vlan_id: int | None = None
    vlan_priority: int | None = None
    shortest_ms: float | None = None
    longest_ms: float | None = None
    description: str = ""


class ConnectedAccessPoint(Struct, frozen=True, forbid_unknown_fields=True):
    """An access point of an IED on a subnetwork.

    Attributes:
        ip: its IP address, None where there is none.
        port: of MMS; 102 where the file does not say (ISO transport over TCP, RFC 1006), None where
            what it says is no port.
        address: all parameters, as they are written.
    """

    ied: str
    access_point: str
    line: int
    ip: str | None = None
    port: int | None = ISO_TRANSPORT_PORT
    address: tuple[Parameter, ...] = ()
    goose: tuple[Multicast, ...] = ()
    sampled_values: tuple[Multicast, ...] = ()
    description: str = ""


class SubNetwork(Struct, frozen=True, forbid_unknown_fields=True):
    """A subnetwork.

    Attributes:
        kind: protocol, e.g. `8-MMS`.
        bits_per_s: None where the file does not say.
    """

    name: str
    kind: str
    line: int
    description: str = ""
    bits_per_s: float | None = None
    access_points: tuple[ConnectedAccessPoint, ...] = ()
