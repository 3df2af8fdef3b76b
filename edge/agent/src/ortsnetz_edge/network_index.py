"""What the agent itself needs of the network file: ids and names. The workers read the rest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.station import MeterRole, Station

LINES = ("line", "asym_line", "generic_branch")
APPLIANCES = ("asym_load", "asym_gen", "sym_load", "sym_gen")


@dataclass(frozen=True, slots=True)
class NetworkIndex:
    """Ids of a network by component.

    Attributes:
        nodes, lines, transformers, appliances: ids, in the order of the file.
    """

    nodes: tuple[int, ...]
    lines: tuple[int, ...]
    transformers: tuple[int, ...]
    appliances: tuple[int, ...]

    def check_station(self, station: Station, source: str) -> None:
        """Check that every meter and device has its place.

        Raises:
            InputError: names the meter or device and the element that is missing.
        """
        branches = {*self.lines, *self.transformers}
        for meter in station.meters:
            is_branch = meter.role is not MeterRole.CUSTOMER
            if meter.element not in (branches if is_branch else self.nodes):
                what = "branch" if is_branch else "node"
                raise InputError(
                    f"{source}: meter '{meter.name}': the network has no {what} {meter.element}"
                )
            if is_branch and meter.side is None:
                raise InputError(f"{source}: meter '{meter.name}': a branch meter needs its side")
        for device in station.devices:
            if device.element not in self.appliances:
                raise InputError(
                    f"{source}: device '{device.name}': the network has no load or generator "
                    f"{device.element}"
                )


def index_network(text: str, source: str) -> NetworkIndex:
    """Read ids from a power-grid-model input data set, in either of its two JSON forms.

    Raises:
        InputError: it is not one; names the source.
    """
    try:
        document: Any = msgspec.json.decode(text)
        data, attributes = document["data"], document.get("attributes", {})
        found = {
            component: tuple(_ids(rows, attributes.get(component)))
            for component, rows in data.items()
        }
    except (msgspec.MsgspecError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{source}: not a power-grid-model input data set: {error}") from error
    return NetworkIndex(
        nodes=found.get("node", ()),
        lines=tuple(i for component in LINES for i in found.get(component, ())),
        transformers=found.get("transformer", ()),
        appliances=tuple(i for component in APPLIANCES for i in found.get(component, ())),
    )


def _ids(rows: Iterable[Any], attributes: list[str] | None) -> Iterable[int]:
    for row in rows:
        if isinstance(row, dict):
            yield int(row["id"])
        else:  # the compact form: a list of values in the order of `attributes`
            yield int(row[(attributes or []).index("id")])
