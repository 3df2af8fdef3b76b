"""What power-grid-model's format lacks: elements of single phases, in `ortsnetz.elements`.

`docs/network-file.md` describes them. Their names follow the CIM (IEC 61970-301): ACLineSegment
with a phase impedance matrix, EnergyConsumer with LoadResponseCharacteristic,
LinearShuntCompensator. SI units; terminals are `a`, `b`, `c` and the earthed neutral `n`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import msgspec
from msgspec import Struct

Phases = Literal["a", "b", "c", "ab", "ac", "bc", "abc"]
Terminals = Literal[
    "an", "bn", "cn", "na", "nb", "nc", "ab", "bc", "ca", "ba", "cb", "ac"
]  # fmt: skip
Connection = Literal["wye", "delta"]
Status = Literal[0, 1]
ThreeNumbers = tuple[float, float, float]
Matrix = tuple[tuple[float, ...], ...]

PHASE_NAMES = "abc"
ALL_TERMINALS: tuple[str, ...] = get_args(Terminals)


class MatrixLine(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A line of one to three phases, given by its total phase matrices (neutral eliminated).

    Attributes:
        id: unique over the whole file.
        from_node: node at its `from` end; `to_node` likewise.
        to_node: see `from_node`.
        from_status: 1 connected, 0 open, all its phases; `to_status` likewise.
        to_status: see `from_status`.
        phases: the k phases that it has, in the order of the matrices: `abc`, `ac`, `b`.
        r: (k, k) series resistance, ohm, symmetric; of the whole length.
        x: (k, k) series reactance, ohm.
        b: (k, k) susceptance to earth and between phases, S, half of it at each end (as a nodal
            matrix: elements off the diagonal are negative or zero); absent: none.
        i_n: rated current of a phase, A.
        i_n_neutral: rated current of the neutral, A; absent: as a phase.
        name: as people know it.
    """

    id: int
    from_node: int
    to_node: int
    from_status: Status
    to_status: Status
    phases: Phases
    r: Matrix
    x: Matrix
    i_n: float
    b: Matrix | None = None
    i_n_neutral: float | None = None
    name: str = ""


class SinglePhaseTransformer(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A transformer or regulator of two windings, each between any two terminals of its node.

    Attributes:
        id: unique over the whole file.
        from_node: node of the first winding; `to_node` of the second.
        to_node: see `from_node`.
        from_status: 1 connected, 0 open; `to_status` likewise.
        to_status: see `from_status`.
        from_terminals: where the first winding begins and ends: `an`, `ab`, `ca`; `to_terminals`
            likewise for the second. Beginnings correspond: `an` to `na` turns the phase.
        to_terminals: see `from_terminals`.
        u1: rated voltage of the first winding, V, from terminal to terminal; `u2` of the second.
        u2: see `u1`.
        sn: rated power of this single-phase unit, VA.
        r_pu: short-circuit resistance of both windings, per unit of `sn` and `u1`, `u2`.
        x_pu: short-circuit reactance likewise.
        g_pu: magnetising conductance at the second winding, per unit likewise.
        b_pu: magnetising susceptance likewise; negative, as a coil's is.
        tap_ratio_from: turns of the first winding over its rated turns; `tap_ratio_to` likewise.
            The impedance in per unit does not change with them.
        tap_ratio_to: see `tap_ratio_from`.
        name: as people know it.
    """

    id: int
    from_node: int
    to_node: int
    from_status: Status
    to_status: Status
    from_terminals: Terminals
    to_terminals: Terminals
    u1: float
    u2: float
    sn: float
    r_pu: float
    x_pu: float
    g_pu: float = 0.0
    b_pu: float = 0.0
    tap_ratio_from: float = 1.0
    tap_ratio_to: float = 1.0
    name: str = ""


class EnergyConsumer(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A consumer whose power depends on its voltage, from phases to neutral or between phases.

    Attributes:
        id: unique over the whole file.
        node: where it is connected.
        status: 1 connected, 0 not.
        connection: `wye`: the three numbers are of `an`, `bn`, `cn`; `delta`: `ab`, `bc`, `ca`.
        u_nominal: voltage across each of these at which it consumes what is specified, V.
        p_specified: active power at that voltage, W; consumption is positive.
        q_specified: reactive power likewise, var; inductive is positive.
        p_constant_current: share of the active power that grows with the voltage.
        p_constant_impedance: share that grows with its square; the rest is constant.
        q_constant_current: share of the reactive power, likewise.
        q_constant_impedance: share of the reactive power, likewise.
        name: as people know it.
    """

    id: int
    node: int
    status: Status
    connection: Connection
    u_nominal: float
    p_specified: ThreeNumbers
    q_specified: ThreeNumbers
    p_constant_current: float = 0.0
    p_constant_impedance: float = 0.0
    q_constant_current: float = 0.0
    q_constant_impedance: float = 0.0
    name: str = ""


class ShuntCompensator(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Capacitors, coils or earths of single phases.

    Attributes:
        id: unique over the whole file.
        node: where it is connected.
        status: 1 connected, 0 not.
        connection: `wye`: the three numbers are of `an`, `bn`, `cn`; `delta`: `ab`, `bc`, `ca`.
        g: conductance, S.
        b: susceptance, S; a capacitor's is positive.
        name: as people know it.
    """

    id: int
    node: int
    status: Status
    connection: Connection
    g: ThreeNumbers
    b: ThreeNumbers
    name: str = ""


Addition = MatrixLine | SinglePhaseTransformer | EnergyConsumer | ShuntCompensator


@dataclass(frozen=True, slots=True)
class Additions:
    """All additional elements of a network, in the order of the file; false if there are none."""

    matrix_line: tuple[MatrixLine, ...] = ()
    single_phase_transformer: tuple[SinglePhaseTransformer, ...] = ()
    energy_consumer: tuple[EnergyConsumer, ...] = ()
    shunt_compensator: tuple[ShuntCompensator, ...] = ()

    def __bool__(self) -> bool:
        return any(True for _ in self)

    def __iter__(self) -> Iterator[tuple[str, Addition]]:
        """Component and element, component by component."""
        for component in COMPONENTS:
            for element in getattr(self, component):
                yield component, element

    @property
    def branches(self) -> tuple[tuple[str, MatrixLine | SinglePhaseTransformer], ...]:
        """Lines, then transformers, with their component."""
        lines = [("matrix_line", each) for each in self.matrix_line]
        units = [("single_phase_transformer", each) for each in self.single_phase_transformer]
        return (*lines, *units)


COMPONENTS: dict[str, type[Addition]] = {
    "matrix_line": MatrixLine,
    "single_phase_transformer": SinglePhaseTransformer,
    "energy_consumer": EnergyConsumer,
    "shunt_compensator": ShuntCompensator,
}


def as_document(element: Addition) -> dict[str, object]:
    """The element as it stands in a file; what has its default is left out."""
    content: dict[str, object] = msgspec.to_builtins(element)
    return {
        key: value
        for key, value in content.items()
        if value is not None and not (key == "name" and value == "")
    }
