"""The nodes of a bay in a park's address space, and how they come to show what has changed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from asyncua import ua

from ortsnetz_hil.servers.opcua_bay import Bay
from ortsnetz_hil.servers.opcua_nodes import MAKER, SETPOINTS
from ortsnetz_hil.servers.opcua_server import BenchServer

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Shown(ua.DataValue):  # type: ignore[misc]
    """A value that nobody changes any more.

    asyncua 2.1 copies each value deeply for each subscription, which takes three quarters of what a
    changed value costs.
    """

    def __deepcopy__(self, _: object) -> _Shown:
        return self


@dataclass(slots=True)
class BayNodes:
    """A bay's nodes and what they show.

    Attributes:
        nodes: of the bay's variables, in their order.
        kinds: their types.
        shown: their numbers; None before the first, and while the device is away.
        code, time_ns: status and device's clock of the last showing.
    """

    server: BenchServer
    bay: Bay
    nodes: list[ua.NodeId]
    clock: ua.NodeId
    setpoints: list[ua.NodeId]
    kinds: list[ua.VariantType]
    shown: list[float | None] = field(default_factory=list)
    code: int = -1
    time_ns: int = -1

    async def show(self) -> int:
        """Put into the address space what has changed; how many values that was."""
        shot = self.bay.shot()
        stamp = EPOCH + timedelta(microseconds=shot.time_ns // 1000)
        new_code = shot.code != self.code
        if new_code:
            self.shown = [None] * len(self.nodes)
        offered = 0
        if shot.code:
            if new_code:
                lost = _Shown(StatusCode=ua.StatusCode(shot.code), SourceTimestamp=stamp)
                for node in (*self.nodes, self.clock):
                    await self._write(node, lost)
                offered = len(self.nodes)
        else:
            offered = await self._show_numbers(shot.values, stamp)
            if new_code or shot.time_ns != self.time_ns:
                content = ua.Variant(stamp, ua.VariantType.DateTime)
                await self._write(self.clock, _Shown(content, SourceTimestamp=stamp))
        self.code, self.time_ns = shot.code, shot.time_ns
        self.bay.counters.values += offered
        self.bay.counters.reads += bool(offered)
        return offered

    async def show_setpoints(self) -> None:
        """Command nodes as after power-up."""
        for node, value in zip(self.setpoints, self.bay.setpoints, strict=True):
            await self._write(node, _Shown(ua.Variant(value, ua.VariantType.UInt16)))

    async def _show_numbers(self, numbers: list[float], stamp: datetime) -> int:
        offered = 0
        for place, number in enumerate(numbers):
            if number == self.shown[place]:
                continue
            self.shown[place] = number
            await self._write(self.nodes[place], _number(number, self.kinds[place], stamp))
            offered += 1
        return offered

    async def _write(self, node: ua.NodeId, value: _Shown) -> None:
        space = self.server.iserver.aspace
        await space.write_attribute_value(node, ua.AttributeIds.Value, value)


def _number(number: float, kind: ua.VariantType, stamp: datetime) -> _Shown:
    """A number as a value; what is not measured (NaN) is none."""
    if math.isnan(number):
        no_data = ua.StatusCode(ua.StatusCodes.BadNoData)
        return _Shown(StatusCode=no_data, SourceTimestamp=stamp)
    return _Shown(ua.Variant(number, kind), SourceTimestamp=stamp)


async def built(server: BenchServer, folder: Any, bay: Bay, namespace: int) -> BayNodes:
    """The object of a bay with its variables."""
    stem = bay.stem
    owner = await folder.add_object(_id(stem, namespace), _name(bay.device.name, namespace))

    async def variable(name: str, content: ua.Variant, unit: str = "") -> Any:
        node = await owner.add_variable(
            _id(f"{stem}.{name}", namespace), _name(name, namespace), content
        )
        if unit:
            text = ua.DataValue(ua.Variant(ua.LocalizedText(unit), ua.VariantType.LocalizedText))
            await node.write_attribute(ua.AttributeIds.Description, text)
        return node

    nodes = [(await variable(name, _zero(kind), unit)).nodeid for name, kind, unit in bay.variables]
    clock = await variable("Time", ua.Variant(EPOCH, ua.VariantType.DateTime), "UTC")
    for name, text in (
        ("Maker", MAKER),
        ("Model", bay.device.profile),
        ("Serial", bay.device.name),
    ):
        await variable(name, ua.Variant(text, ua.VariantType.String))
    setpoints = []
    for place, value in enumerate(bay.setpoints):
        node = await variable(SETPOINTS[place], ua.Variant(value, ua.VariantType.UInt16))
        await node.set_writable()
        server.commands[node.nodeid] = partial(bay.command, place)
        setpoints.append(node.nodeid)
    kinds = [kind for _, kind, _ in bay.variables]
    return BayNodes(server, bay, nodes, clock.nodeid, setpoints, kinds)


def _zero(kind: ua.VariantType) -> ua.Variant:
    return ua.Variant(0.0 if kind is ua.VariantType.Double else 0, kind)


def _id(text: str, namespace: int) -> ua.NodeId:
    return ua.NodeId(text, namespace)


def _name(text: str, namespace: int) -> ua.QualifiedName:
    return ua.QualifiedName(text, namespace)
