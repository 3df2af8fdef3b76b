"""What a DNP3 station answers to reads and commands; index map in docs/register-maps.md."""

from __future__ import annotations

from collections.abc import Sequence

from py1815.application import ObjectHeader, object_header
from py1815.control import (
    GROUP_ANALOG_OUTPUT_COMMAND,
    AnalogOutput,
    CommandStatus,
    encode_analog_output_status,
)
from py1815.objects import AnalogPoint, analog_range
from py1815.session import Control, ParameterError, UnknownObject

from ortsnetz_hil.servers.dnp3_bay import STRIDE, Bay

ATTRIBUTES, ANALOG_INPUTS, ANALOG_OUTPUTS = 0, 30, 40
INT32 = 1
"""Variation of analog inputs and of analog output status: 32 bits with flags."""
VISIBLE_STRING = 1
MAKER, MODEL, SERIAL = 252, 250, 248
_Points = dict[int, AnalogPoint]


class StationPoints:
    """Reads and commands of all bays; fulfils py1815's providers.

    Args:
        bays: in the order of their numbers.
        identity: texts of group 0, by variation.
    """

    def __init__(self, bays: Sequence[Bay], identity: dict[int, str]) -> None:
        self._bays = bays
        self._identity = identity

    def read_blocks(self, headers: Sequence[ObjectHeader]) -> list[bytes]:
        """Blocks of objects that headers ask for; each fits a fragment."""
        blocks: list[bytes] = []
        for header in headers:
            blocks += self._blocks(header)
        return blocks

    def read(self, headers: Sequence[ObjectHeader]) -> bytes:
        """The same in one piece."""
        return b"".join(self.read_blocks(headers))

    def select(self, controls: Sequence[Control]) -> list[CommandStatus]:
        """Whether each command would be taken."""
        return [self._command(control, operate=False) for control in controls]

    def operate(self, controls: Sequence[Control]) -> list[CommandStatus]:
        """Take commands."""
        return [self._command(control, operate=True) for control in controls]

    def _command(self, control: Control, *, operate: bool) -> CommandStatus:
        number, place = divmod(control.index, STRIDE)
        command = control.command
        if control.group != GROUP_ANALOG_OUTPUT_COMMAND or not isinstance(command, AnalogOutput):
            return CommandStatus.NOT_SUPPORTED
        if number >= len(self._bays):
            return CommandStatus.NOT_SUPPORTED
        bay = self._bays[number]
        return bay.operate(place, command) if operate else bay.would(place, command)

    def _blocks(self, header: ObjectHeader) -> list[bytes]:
        if header.event_class == 0:
            return [*self._inputs(None), *self._outputs(None)]
        if header.group == ATTRIBUTES and header.variation in self._identity:
            text = self._identity[header.variation].encode()
            head = object_header(ATTRIBUTES, header.variation, start=0, stop=0)
            return [head + bytes([VISIBLE_STRING, len(text)]) + text]
        if header.variation not in {0, INT32}:
            raise UnknownObject(f"group {header.group} variation {header.variation}")
        if header.group == ANALOG_INPUTS:
            return self._inputs(header)
        if header.group == ANALOG_OUTPUTS:
            return self._outputs(header)
        raise UnknownObject(f"group {header.group}")

    def _inputs(self, header: ObjectHeader | None) -> list[bytes]:
        found = {bay.first + n: p for bay in self._bays for n, p in enumerate(bay.inputs)}
        runs = _runs(_asked(found, header))
        return [analog_range(min(run), list(run.values())) for run in runs]

    def _outputs(self, header: ObjectHeader | None) -> list[bytes]:
        found = {bay.first + n: p for bay in self._bays for n, p in enumerate(bay.outputs())}
        blocks = []
        for run in _runs(_asked(found, header)):
            head = object_header(ANALOG_OUTPUTS, INT32, start=min(run), stop=max(run))
            objects = [encode_analog_output_status(p.value, flags=p.flags) for p in run.values()]
            blocks.append(head + b"".join(objects))
        return blocks


def _asked(points: _Points, header: ObjectHeader | None) -> _Points:
    """Those that a header asks for. Raises ParameterError for points that are not there."""
    if header is None or (header.start is None and header.indices is None):
        return points
    if header.indices is not None:
        wanted = set(header.indices)
    else:
        wanted = set(range(header.start or 0, (header.stop or 0) + 1))
    found = {index: point for index, point in points.items() if index in wanted}
    if not found:
        raise ParameterError(f"no points {min(wanted)} to {max(wanted)}")
    return found


def _runs(points: _Points) -> list[_Points]:
    """Indexes that follow each other go under one header."""
    runs: list[_Points] = []
    for index in sorted(points):
        if not runs or index - 1 not in runs[-1]:
            runs.append({})
        runs[-1][index] = points[index]
    return runs
