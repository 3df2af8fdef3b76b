"""What loads and generators draw from the nodes of a network, for many scenarios."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.network.two_ports import Complex

KINDS = (
    "power",
    "current",
    "impedance",
    "delta_power",
    "delta_current",
    "delta_impedance",
)
"""How an injection depends on the voltage, phase to neutral and between phases."""


@dataclass(frozen=True, slots=True)
class Injections:
    """Complex powers at `k` nodes in `b` scenarios: VA, consumption positive, Q inductive.

    Arrays of powers have the shape (b, k, 3), or (1, k, 3) where all scenarios are alike; None is
    nothing of this kind. Phases are a, b, c; between phases ab, bc, ca.

    Attributes:
        nodes: (k,) rows of the nodes, none twice.
        power: power to neutral, whatever the voltage.
        current: power to neutral at rated voltage, of a constant current magnitude.
        impedance: power to neutral at rated voltage, of a constant impedance.
        delta_power: power between phases, whatever the voltage.
        delta_current: as `current`, between phases.
        delta_impedance: as `impedance`, between phases.
        source_voltage: (b, s) voltages behind the sources in service, per unit, phase a of a
            symmetrical system; None: as the file says.
    """

    nodes: NDArray[np.intp]
    power: Complex | None = None
    current: Complex | None = None
    impedance: Complex | None = None
    delta_power: Complex | None = None
    delta_current: Complex | None = None
    delta_impedance: Complex | None = None
    source_voltage: Complex | None = None

    def __post_init__(self) -> None:
        """Check shapes.

        Raises:
            ValueError: names the array that does not fit.
        """
        count = self.scenarios
        if len(np.unique(self.nodes)) != len(self.nodes):
            raise ValueError("injections name a node twice")
        for kind, array in self.by_kind.items():
            if array.shape[1:] != (len(self.nodes), 3) or len(array) not in (1, count):
                expected = f"({count} or 1, {len(self.nodes)}, 3)"
                raise ValueError(f"injections: {kind} has the shape {array.shape}, not {expected}")
        if self.source_voltage is not None and len(self.source_voltage) not in (1, count):
            raise ValueError("injections: source_voltage has another number of scenarios")

    @property
    def by_kind(self) -> dict[str, Complex]:
        """The arrays that are given."""
        found = {kind: getattr(self, kind) for kind in KINDS}
        return {kind: array for kind, array in found.items() if array is not None}

    @property
    def scenarios(self) -> int:
        """Number of scenarios; 1 if nothing varies."""
        sizes = [len(array) for array in self.by_kind.values()]
        if self.source_voltage is not None:
            sizes.append(len(self.source_voltage))
        varying = [size for size in sizes if size != 1]
        return varying[0] if varying else 1

    def scenario(self, number: int) -> Injections:
        """One of the scenarios."""
        return self.chosen(np.array([number]))

    def chosen(self, numbers: NDArray[np.intp]) -> Injections:
        """Some of the scenarios."""
        arrays = {**self.by_kind, "source_voltage": self.source_voltage}
        part = {
            name: array if array is None or len(array) == 1 else array[numbers]
            for name, array in arrays.items()
        }
        return Injections(self.nodes, **part)
