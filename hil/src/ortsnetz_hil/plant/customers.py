"""Customers that nobody controls: the file's own loads and generators on their profiles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ortsnetz_hil.plant.network_file import Document, PlantNetwork
from ortsnetz_hil.plant.profiles import ZERO, Curves, DayProfiles, Member

DEVICE_MARK = "ortsnetz_device"
"""Key in the plant's network file that marks loads and generators of the bench's devices."""

Phases = NDArray[np.float64]


class Customers:
    """Loads and generators of the network file, each its power times its profile.

    Elements of devices stay at zero here: the devices themselves say what they draw.

    Attributes:
        generator_nodes: ids of the nodes of all generators, in the order of the file: where clouds
            shade them.
    """

    def __init__(self, network: PlantNetwork, profiles: DayProfiles) -> None:
        loads, gens = network.elements("asym_load"), network.elements("asym_gen")
        self.generator_nodes = tuple(int(gen["node"]) for gen in gens)
        self._load_p, self._load_q = _powers(loads)
        self._gen_p, self._gen_q = _powers(gens)
        active = [_curve(profiles, e, reactive=False) for e in loads]
        reactive = [_curve(profiles, e, reactive=True) for e in loads]
        sun = [_curve(profiles, e, reactive=False) for e in gens]
        self._curves = Curves(active + reactive + sun)

    def at(
        self, second: float, clear: NDArray[np.float64] | None = None
    ) -> tuple[Phases, Phases, Phases, Phases]:
        """Load P and Q, generator P and Q at a second of the window, each of shape (n, 3).

        Args:
            second: calendar seconds since the beginning of the window.
            clear: transmission of the sky at each generator, shape (generators,); None for none.
        """
        now = self._curves.at(second)[:, np.newaxis]
        n = len(self._load_p)
        sun = now[2 * n :] if clear is None else now[2 * n :] * clear[:, np.newaxis]
        return (
            self._load_p * now[:n],
            self._load_q * now[n : 2 * n],
            self._gen_p * sun,
            self._gen_q * sun,
        )


def _powers(elements: list[Document]) -> tuple[Phases, Phases]:
    p = np.array([_own(element, "p_specified") for element in elements], float).reshape(-1, 3)
    q = np.array([_own(element, "q_specified") for element in elements], float).reshape(-1, 3)
    return p, q


def _own(element: Document, field: str) -> list[float]:
    if element.get(DEVICE_MARK) or not element.get("status", 1):
        return [0.0, 0.0, 0.0]
    return list(element[field])


def _curve(profiles: DayProfiles, element: Document, *, reactive: bool) -> Member:
    if element.get(DEVICE_MARK):
        return ZERO
    source = f"'{element.get('name') or element['id']}'"
    if reactive:
        return profiles.reactive(element["profile"], source)
    return profiles.active(element["profile"], source)
