"""Whether a device is limited, only thought about, or left alone. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.parameter_set import ParameterSet
from ortsnetz_common.parameters.station import Device


class LimitingMode(IntEnum):
    """Modes by how much they do; of several the lesser one holds."""

    OFF = 0  # no part of any decision: what it draws is load; nothing is written
    ADVISORY = 1  # limits are computed and reported; nothing is written
    ACTIVE = 2

    @classmethod
    def of(cls, name: str) -> LimitingMode:
        """Mode by its name in parameters and orders.

        Raises:
            InputError: there is no such mode.
        """
        try:
            return cls[name.upper()]
        except KeyError:
            known = ", ".join(mode.name.lower() for mode in cls)
            raise InputError(f"mode '{name}' is unknown, take one of {known}") from None


class GroupModes:
    """Modes of a parameter set's devices, and orders that lessen them."""

    def __init__(self, parameters: ParameterSet) -> None:
        """Args: parameters: the set in force."""
        self.node = LimitingMode.of(parameters.mode.limiting)
        self._groups = {group.name: LimitingMode.of(group.mode) for group in parameters.groups}

    def mode_of(self, device: Device, ordered: Mapping[str, str]) -> LimitingMode:
        """Mode of a device: the least of the node's, its group's and what is ordered for it.

        Args:
            device: of the station.
            ordered: modes that orders ask for, by group. They can lessen a mode, never lift it:
                what a signed parameter set does not let us command is not commanded.

        Raises:
            InputError: an order asks for a mode that does not exist.
        """
        modes = [self.node]
        if device.group:
            modes.append(self._groups[device.group])
            if device.group in ordered:
                modes.append(LimitingMode.of(ordered[device.group]))
        return min(modes)

    def why_idle(self, device: Device, ordered: Mapping[str, str]) -> str | None:
        """What keeps a device from being written to, in words; None where it is active.

        Args:
            device: of the station.
            ordered: as for `mode_of`.
        """
        mode = self.mode_of(device, ordered)
        if mode is LimitingMode.ACTIVE:
            return None
        # where the node itself does no more, the group's mode would change nothing
        place = "the node" if self.node is mode else f"group '{device.group}'"
        by_order = mode < min(self.node, self._groups.get(device.group, self.node))
        return f"{place} is {mode.name.lower()}{' by order' if by_order else ''}"
