"""Where SunSpec models begin in a device: the chain of models, walked without I/O.

SunSpec Information Model Specification 1.9, 6: the registers begin with the marker `SunS` at one of
three addresses; after it one model follows the other, each with its identifier and the number of
registers after these two; the identifier 0xFFFF ends them. Which models a device has, and in which
order, is its maker's choice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ortsnetz_edge.profiles.references.modbus import RegisterReference

BASES = (40000, 50000, 0)
"""Where the marker may stand, in the order in which they are tried."""
HEADER = 2
"""Registers of the marker, and of each model's identifier and length."""
MOST_MODELS = 100
"""More than any device has: a chain that goes on is none, or turns in a circle."""
_MARKER = (0x5375, 0x6E53)  # "SunS"
_END = 0xFFFF
_LAST = 0xFFFF


@dataclass(frozen=True, slots=True)
class Model:
    """One model of a device.

    Attributes:
        address: of its identifier.
        length: registers, its identifier and length among them.
    """

    number: int
    address: int
    length: int


class ChainWalk:
    """Asks for two holding registers at a time until all models are known.

        walk = ChainWalk()
        while walk.wanted is not None:
            walk.take(<HEADER registers at walk.wanted, None where the device has no such address>)

    Attributes:
        wanted: address of the two registers that are needed next; None when the walk is over.
        models: the first model of each number, as far as the walk has come.
        begun: whether the marker was found.
    """

    def __init__(self) -> None:
        self._bases = list(BASES)
        self.wanted: int | None = self._bases.pop(0)
        self.models: dict[int, Model] = {}
        self.begun = False
        self._met = 0

    def take(self, registers: Sequence[int] | None) -> None:
        """Take in what stands at `wanted`.

        Raises:
            ValueError: the device is none that speaks SunSpec, or its chain is broken; says where.
        """
        if self.wanted is None:
            raise ValueError("the walk is over: nothing was asked for")
        if registers is not None and len(registers) != HEADER:
            raise ValueError(f"{HEADER} registers were asked for, not {len(registers)}")
        if not self.begun:
            self._begin(self.wanted, registers)
        elif registers is None or registers[0] == _END:
            # some makers end the chain with a single register: the second does not exist
            self.wanted = None
        else:
            self._follow(self.wanted, registers[0], registers[1])

    def _begin(self, base: int, registers: Sequence[int] | None) -> None:
        if registers is not None and tuple(registers) == _MARKER:
            self.begun = True
            self.wanted = base + HEADER
        elif self._bases:
            self.wanted = self._bases.pop(0)
        else:
            tried = ", ".join(map(str, BASES))
            raise ValueError(f"the device does not speak SunSpec: no 'SunS' at {tried}")

    def _follow(self, address: int, number: int, length: int) -> None:
        following = address + HEADER + length
        self._met += 1
        if number == 0 or following > _LAST or self._met > MOST_MODELS:
            raise ValueError(
                f"the chain of SunSpec models is broken at holding/{address}: model {number} with "
                f"{length} registers, after {self._met - 1} others"
            )
        self.models.setdefault(number, Model(number, address, HEADER + length))
        self.wanted = following


def resolved(reference: RegisterReference, models: Mapping[int, Model]) -> RegisterReference | None:
    """The register that a reference means in a device; None where the device does not have it.

    Args:
        reference: of a model or not; one that is not is returned as it is.
        models: of the device, by number.
    """
    if reference.model is None:
        return reference
    model = models.get(reference.model)
    if model is None or reference.address + reference.width > model.length:
        return None
    return replace(reference, address=model.address + reference.address, model=None)
