"""What goes into the plant's power flow, and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Phases = NDArray[np.float64]
Phasors = NDArray[np.complex128]


@dataclass(frozen=True, slots=True)
class BranchFlows:
    """Complex power and current into branches at their ends, each of shape (branches, 3)."""

    s_from: Phasors
    s_to: Phasors
    i_from: Phasors
    i_to: Phasors


@dataclass(frozen=True, slots=True)
class Injections:
    """Powers of the network's asym_loads and asym_gens in the order of the file, shape (n, 3).

    power-grid-model's signs: loads consume positive, generators generate positive; W and var. They
    are the powers at rated voltage: what is really drawn depends on the element's type. Phases are
    local: behind a line with swapped cores phase a is what equipment there has at its terminal a.
    """

    load_p: Phases
    load_q: Phases
    gen_p: Phases
    gen_q: Phases


@dataclass(frozen=True, slots=True)
class GridState:
    """A solved state.

    Attributes:
        u_pu: phase-to-neutral voltage in per unit of the node's rating, shape (nodes, 3); network
            phases, 0 where a phase is dead.
        u_v: complex phase-to-neutral voltage in V, shape (nodes, 3); network phases.
        local_u_v: the same as equipment at the node sees it at its phases a, b and c; it differs
            only behind lines with swapped cores.
        energized: whether the node is connected to a source, shape (nodes,).
        lines, transformers: flows in network phases.
        source_s: complex power from the sources into the network, total.
        load_s, gen_s: what each asym_load consumes and each asym_gen generates, shape (n, 3), local
            phases, 0 in a dead phase; W and var.
        balance: largest power that is missing at any node and phase, as a share of a third of the
            smallest transformer's rated power (`ortsnetz_hil.plant.balance`).
    """

    u_pu: Phases
    u_v: Phasors
    local_u_v: Phasors
    energized: NDArray[np.bool_]
    lines: BranchFlows
    transformers: BranchFlows
    source_s: complex
    load_s: Phasors
    gen_s: Phasors
    balance: float
