"""The section IED (IEC 61850-6, 9.3): access points, logical devices, logical nodes."""

from __future__ import annotations

from msgspec import Struct

from ortsnetz_common.scl.blocks import (
    DataSet,
    ExternalReference,
    GooseControl,
    ReportControl,
    SampledValueControl,
    SettingControl,
)
from ortsnetz_common.scl.types import Preset


class InstanceValue(Struct, frozen=True, forbid_unknown_fields=True):
    """What the file says of one attribute of one node (DAI).

    Attributes:
        path: from the data object down, elements of arrays as `phsAHar(3)`.
        presets: its values; none where only the address or description is said.
        address: the IED's own short address (sAddr).
    """

    path: tuple[str, ...]
    line: int
    presets: tuple[Preset, ...] = ()
    address: str = ""
    description: str = ""


class LogicalNode(Struct, frozen=True, forbid_unknown_fields=True):
    """A logical node; LN0 is the first of each logical device."""

    prefix: str
    node_class: str
    instance: str
    type_id: str
    line: int
    description: str = ""
    data_sets: tuple[DataSet, ...] = ()
    reports: tuple[ReportControl, ...] = ()
    goose: tuple[GooseControl, ...] = ()
    sampled_values: tuple[SampledValueControl, ...] = ()
    inputs: tuple[ExternalReference, ...] = ()
    settings: SettingControl | None = None
    values: tuple[InstanceValue, ...] = ()

    @property
    def name(self) -> str:
        """As it is addressed: prefix, class and instance."""
        return f"{self.prefix}{self.node_class}{self.instance}"


class LogicalDevice(Struct, frozen=True, forbid_unknown_fields=True):
    """A logical device.

    Attributes:
        instance: its name within the IED; profiles use it.
        domain: its name on the wire: `ldName`, or the IED's name and `instance`.
    """

    instance: str
    domain: str
    line: int
    description: str = ""
    nodes: tuple[LogicalNode, ...] = ()


class AccessPoint(Struct, frozen=True, forbid_unknown_fields=True):
    """An access point.

    Attributes:
        is_server: whether it has a server of its own.
        server_at: access point whose server it offers, too.
        clients: logical nodes without a server: clients.
    """

    name: str
    line: int
    description: str = ""
    is_server: bool = False
    server_at: str = ""
    devices: tuple[LogicalDevice, ...] = ()
    clients: tuple[LogicalNode, ...] = ()


class Service(Struct, frozen=True, forbid_unknown_fields=True):
    """Something the IED says it can do, with its limits as they are written."""

    name: str
    line: int
    limits: tuple[tuple[str, str], ...] = ()


class Ied(Struct, frozen=True, forbid_unknown_fields=True):
    """An intelligent electronic device."""

    name: str
    line: int
    description: str = ""
    maker: str = ""
    kind: str = ""
    configuration_version: str = ""
    services: tuple[Service, ...] = ()
    access_points: tuple[AccessPoint, ...] = ()

    def devices(self) -> tuple[LogicalDevice, ...]:
        """Logical devices of all its access points."""
        return tuple(device for point in self.access_points for device in point.devices)
