"""Tables of what a logical device has: data sets, control blocks, controls, inputs, values."""

from __future__ import annotations

from collections.abc import Iterator

from ortsnetz_common.scl.blocks import ReportControl
from ortsnetz_common.scl.controls import controls_of
from ortsnetz_common.scl.devices import LogicalDevice, LogicalNode
from ortsnetz_common.scl.lookup import Lookup
from ortsnetz_common.scl.types import FunctionalConstraint, Leaf, leaves_of
from ortsnetz_edge.console.text_table import table

UNKNOWN = "?"
_NOT_READINGS = {FunctionalConstraint.CO}


def data_sets_of(device: LogicalDevice) -> list[str]:
    """Data sets: how many members, how many values."""
    rows = []
    for node in device.nodes:
        for each in node.data_sets:
            leaves = [member.leaves for member in each.members]
            count = sum(len(leaf) for leaf in leaves if leaf is not None)
            values = UNKNOWN if None in leaves else str(count)
            rows.append((f"{node.name}.{each.name}", str(len(each.members)), values))
    heads = ("data set", "members", "values")
    return table(heads, rows, right=heads[1:]) if rows else []


def reports_of(device: LogicalDevice) -> list[str]:
    """Report control blocks."""
    rows = [
        (
            f"{node.name}.{each.name}",
            _yes(each.buffered, "buffered", "unbuffered"),
            each.data_set or "(the client chooses)",
            known(each.instances),
            "" if each.integrity_ms == 0 else f"{known(each.integrity_ms)} ms",
            _triggers(each),
        )
        for node in device.nodes
        for each in node.reports
    ]
    heads = ("report", "kind", "data set", "clients", "integrity", "reported on")
    return table(heads, rows, right=("clients",)) if rows else []


def _triggers(report: ReportControl) -> str:
    on = report.triggers
    named = {
        "change": on.data_change,
        "quality": on.quality_change,
        "update": on.data_update,
        "period": on.period,
        "interrogation": on.general_interrogation,
    }
    return ", ".join(name for name, is_set in named.items() if is_set)


def messages_of(device: LogicalDevice) -> list[str]:
    """GOOSE and sampled-value control blocks."""
    rows = []
    for node in device.nodes:
        for goose in node.goose:
            name = f"{node.name}.{goose.name}"
            rows.append((name, goose.kind, goose.data_set or "", goose.app_id, ""))
        for stream in node.sampled_values:
            rate = f"{known(stream.rate)} {stream.mode}, {known(stream.asdus)} ASDUs a frame"
            name = f"{node.name}.{stream.name}"
            rows.append((name, "SV", stream.data_set or "", stream.stream_id, rate))
    return table(("control block", "kind", "data set", "id", "rate"), rows) if rows else []


def control_rows_of(lookup: Lookup, device: LogicalDevice) -> list[str]:
    """What can be operated, and by which model."""
    rows = [
        (
            f"{node.name}.{'.'.join(each.path)}",
            each.data_class,
            each.model or "the device says it, the file does not",
            "" if each.select_timeout_ms is None else f"{each.select_timeout_ms} ms",
        )
        for node in device.nodes
        for each in controls_of(lookup, node)
        if each.model != "status-only"
    ]
    return table(("control", "class", "model", "selected for"), rows) if rows else []


def inputs_of(device: LogicalDevice) -> list[str]:
    """Values of other IEDs."""
    rows = [
        (
            node.name,
            each.internal,
            f"{each.ied}/{each.device}/{each.node}.{'.'.join(each.path)}"
            if each.ied is not None
            else "(prepared, not wired)",
            each.service,
        )
        for node in device.nodes
        for each in node.inputs
    ]
    return table(("node", "called", "from", "by"), rows) if rows else []


def points_of(lookup: Lookup, device: LogicalDevice) -> list[str]:
    """Every value that can be read, with its reference."""
    rows = []
    for node in device.nodes:
        for leaf in readable(lookup, node):
            said = " ".join(each.text for each in lookup.presets(node, leaf.path))
            path = ".".join(leaf.path)
            reference = f"{device.instance}/{node.name}.{path}[{leaf.constraint}]"
            rows.append((reference, leaf.attribute.basic_type, said))
    return table(("reference", "type", "value in the file"), rows) if rows else []


def readable(lookup: Lookup, node: LogicalNode) -> Iterator[Leaf]:
    """Values of a node, without those of its controls."""
    kind = lookup.type_of(node)
    for part in () if kind is None else kind.objects:
        yield from (leaf for leaf in leaves_of(part) if leaf.constraint not in _NOT_READINGS)


def known(value: float | None) -> str:
    """A number, or a question mark where the file does not say it."""
    return UNKNOWN if value is None else f"{value:.10g}"


def _yes(value: bool | None, yes: str, no: str) -> str:  # noqa: FBT001 - what the file says
    return UNKNOWN if value is None else yes if value else no
