"""Data sets and control blocks of a node, into the library's model."""

from __future__ import annotations

import re

from ortsnetz_common.errors import InputError
from ortsnetz_common.scl.blocks import DataSet, Member, ReportControl
from ortsnetz_common.scl.devices import LogicalDevice, LogicalNode
from ortsnetz_iec61850.library.server import functions

_ELEMENT = re.compile(r"(?P<name>[^()]+)\((?P<index>[0-9]+)\)")


def add_blocks(file: str, node: LogicalNode, device: LogicalDevice, place: int) -> None:
    """Data sets and control blocks of a node.

    Args:
        file: how errors call the file.
        node: which has them.
        device: it lies in.
        place: the library's handle of the node.

    Raises:
        InputError: names file, line and what cannot be built.
    """
    call = functions()
    for data_set in node.data_sets:
        made = call.DataSet_create(_text(data_set.name), place)
        for member in data_set.members:
            _member(file, data_set, member, device.instance, made)
    for report in node.reports:
        _report(file, report, place)
    for goose in node.goose:
        call.GSEControlBlock_create(
            *(_text(goose.name), place, _text(goose.app_id)),
            _text(goose.data_set) if goose.data_set else None,
            *(goose.configuration_revision or 0, bool(goose.fixed_offsets), -1, -1),
        )
    if node.settings is not None and node.settings.groups and node.settings.active:
        call.SettingGroupControlBlock_create(place, node.settings.active, node.settings.groups)


def _member(file: str, data_set: DataSet, member: Member, device: str, parent: int) -> None:
    index, component, steps = -1, None, []
    for place, step in enumerate(member.path):
        element = _ELEMENT.fullmatch(step)
        if element is None:
            steps.append(step)
            continue
        steps.append(element["name"])
        index = int(element["index"])
        component = "$".join(member.path[place + 1 :]) or None
        break
    name = "$".join((member.node, member.constraint.value, *steps))
    if member.device != device:
        name = f"{member.device}/{name}"
    if not functions().DataSetEntry_create(
        parent, _text(name), index, None if component is None else _text(component)
    ):
        raise InputError(
            f"{file}, line {member.line}: data set {data_set.name}: {name} cannot be a member"
        )


def _report(file: str, report: ReportControl, place: int) -> None:
    triggers, fields = report.triggers, report.fields
    trigger_bits = _bits(
        triggers.data_change,
        triggers.quality_change,
        triggers.data_update,
        triggers.period,
        triggers.general_interrogation,
    )
    field_bits = _bits(
        fields.sequence_number,
        fields.time_stamp,
        fields.reason_code,
        fields.data_set,
        fields.data_reference,
        fields.buffer_overflow,
        fields.entry_id,
        fields.configuration_revision,
    )
    if report.buffered is None or not report.names():
        raise InputError(
            f"{file}, line {report.line}: report block {report.name}: what it is, is not said"
        )
    for name in report.names():
        functions().ReportControlBlock_create(
            *(_text(name), place, _text(report.report_id) if report.report_id else None),
            report.buffered,
            _text(report.data_set) if report.data_set else None,
            *(report.configuration_revision or 0, trigger_bits, field_bits),
            *(report.buffer_ms or 0, report.integrity_ms or 0),
        )


def _bits(*flags: bool | None) -> int:
    return sum(1 << place for place, flag in enumerate(flags) if flag)


def _text(text: str) -> bytes:
    return text.encode()
