"""Records of an OpenDSS circuit: buses, elements, solution."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError

TERMINAL_NAMES = "nabc"
"""By OpenDSS's node numbers: 0 is earth."""


@dataclass(frozen=True, slots=True)
class CircuitElement:
    """An enabled element.

    Attributes:
        kind: OpenDSS's class: `Line`.
        name: without its class.
        buses: bus of each terminal.
        nodes: node numbers of each terminal's conductors; 1 to 3 are phases a to c, 0 is earth.
        phases: number of phases.
        open_phases: of each terminal, how many phases are open.
        admittance: OpenDSS's primitive matrix, S, conductors in the order of `nodes`; empty for an
            element without.
        text: properties by name.
    """

    kind: str
    name: str
    buses: tuple[str, ...]
    nodes: tuple[tuple[int, ...], ...]
    phases: int
    open_phases: tuple[int, ...]
    admittance: NDArray[np.complex128]
    text: Mapping[str, str]

    @property
    def words(self) -> str:
        """For errors: `Line.l115`."""
        return f"{self.kind}.{self.name}"

    def numbers(self, name: str) -> list[float]:
        """All numbers of a property."""
        return [
            float(each) for each in re.findall(r"[-+]?[\d.]+(?:[eE][-+]?\d+)?", self.text[name])
        ]

    def number(self, name: str) -> float:
        """The number of a property.

        Raises:
            InputError: the property is not a single number.
        """
        found = self.numbers(name)
        if len(found) != 1 or not math.isfinite(found[0]):
            raise InputError(f"{self.words}: {name} is {self.text[name]!r}, a number is needed")
        return found[0]

    def triangle(self, name: str) -> NDArray[np.float64]:
        """A symmetric matrix (phases, phases), given by its lower triangle.

        Raises:
            InputError: the property has another shape.
        """
        rows = self.text[name].strip("[]() ").split("|")
        matrix = np.zeros((self.phases, self.phases))
        for i, row in enumerate(rows):
            for j, value in enumerate(row.split()[: i + 1]):
                matrix[i, j] = matrix[j, i] = float(value)
        if len(rows) != self.phases:
            raise InputError(f"{self.words}: {name} has {len(rows)} rows, not {self.phases}")
        return matrix


@dataclass(frozen=True, slots=True)
class Bus:
    """A bus: rated line-to-line voltage (V), or None where the file sets none, and where it is."""

    name: str
    rated_v: float | None
    place: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Circuit:
    """A circuit with its solution.

    Attributes:
        buses: in OpenDSS's order.
        elements: the enabled ones, in OpenDSS's order.
        solved: whether OpenDSS's solution converged.
        voltages: V to earth at OpenDSS's solution, by bus and node number.
        load_multiplier: factor on the power of all loads that are not fixed.
        frequency_hz: what it was solved at.
    """

    buses: tuple[Bus, ...]
    elements: tuple[CircuitElement, ...]
    solved: bool
    voltages: Mapping[tuple[str, int], complex]
    load_multiplier: float
    frequency_hz: float

    def of_kind(self, kind: str) -> list[CircuitElement]:
        """Elements of one class."""
        return [each for each in self.elements if each.kind == kind]
