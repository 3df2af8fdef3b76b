"""Seeking: which units of a line, or behind a gateway, answer at all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

import msgspec

from ortsnetz_common.errors import InputError, OrtsnetzError
from ortsnetz_edge.console.probing.identifying import Introduction, introduce
from ortsnetz_edge.console.probing.session import Target, opened, within
from ortsnetz_edge.console.progress import progress


class Report(Protocol):
    """Takes each unit that answers, at once."""

    def __call__(self, unit: int, who: Introduction) -> None:
        """A unit, and what it says it is."""


async def seek(
    target: Target, units: Iterable[int], patience_s: float, report: Report
) -> tuple[int, int]:
    """Ask units one after the other what they are.

    Args:
        target: the line or gateway; the unit in its address does not matter.
        units: unit or link addresses.
        patience_s: longest wait for each.
        report: called with each that answers.

    Returns:
        How many were asked, and how many answered.

    Raises:
        InputError: devices of this protocol have no units.
    """
    if target.connection.protocol == "opcua":
        raise InputError(f"{target.url}: an OPC UA server has no units: browse it instead")
    asked = answered = 0
    async with progress(lambda: f"asking unit {asked}: {answered} answered"):
        for unit in units:
            asked += 1
            who = await _asked(_at(target, unit), patience_s)
            if who is not None:
                answered += 1
                report(unit, who)
    return asked, answered


def _at(target: Target, unit: int) -> Target:
    where = msgspec.structs.replace(target.connection, unit=unit)
    return replace(target, connection=where)


async def _asked(target: Target, patience_s: float) -> Introduction | None:
    """What a unit says it is; None if it does not answer. Each is asked on a fresh connection.

    A late answer of one unit cannot be taken for that of the next.
    """
    try:
        async with opened(target) as probe:
            return await within(patience_s, introduce(probe, target, None))
    except OrtsnetzError:  # also an address that devices cannot have, or the node's own
        return None
