"""Where there is certainly voltage, and where a meter says that there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ortsnetz_grid.functions.state_estimation import Measurements
from ortsnetz_grid.functions.topology_check.judging import DEAD_PU
from ortsnetz_grid.functions.topology_check.sites import Sites

_NOISE = 6.0
"""Standard deviations up to which a flow is its sensor's noise."""


@dataclass(frozen=True, slots=True)
class Supply:
    """What meters say about supply; the switch state is the same in all snapshots.

    Attributes:
        live: ids of nodes where a meter reads a voltage or a flow.
        dead: ids of nodes where a voltage meter reads nothing, in every phase and snapshot.
    """

    live: frozenset[int]
    dead: frozenset[int]

    @classmethod
    def of(cls, sites: Sites, snapshots: Sequence[Measurements]) -> Supply:
        """Read it off the snapshots; assumptions do not count."""
        live: set[int] = set()
        dead: set[int] = set()
        for snapshot in snapshots:
            _voltages(sites, snapshot, live, dead)
            _flows(sites, snapshot, live)
        return cls(frozenset(live), frozenset(dead - live))


def _voltages(sites: Sites, snapshot: Measurements, live: set[int], dead: set[int]) -> None:
    for component in ("sym_voltage_sensor", "asym_voltage_sensor"):
        array = snapshot.sensors.get(component)
        if array is None:
            continue
        for row in range(len(array)):
            node = int(array["measured_object"][row])
            at = sites.node_rows.get(node)
            if at is None:
                continue
            base = sites.model.node_volts[at] * (np.sqrt(3) if component[0] == "s" else 1)
            fed = np.atleast_1d(array["u_measured"][row]) > DEAD_PU * base
            (live if fed.any() else dead).add(node)


def _flows(sites: Sites, snapshot: Measurements, live: set[int]) -> None:
    for component in ("sym_power_sensor", "asym_power_sensor"):
        array = snapshot.sensors.get(component)
        if array is None:
            continue
        for row in range(len(array)):
            if int(array["id"][row]) in snapshot.pseudo:
                continue
            terminal = int(array["measured_terminal_type"][row])
            at = sites.node_of(int(array["measured_object"][row]), terminal)
            sigma = np.atleast_1d(array["p_sigma"][row])
            sigma = np.where(np.isnan(sigma), array["power_sigma"][row], sigma)
            loud = np.abs(np.atleast_1d(array["p_measured"][row])) > _NOISE * sigma
            if at is not None and loud.any():
                live.add(int(sites.model.node_ids[at]))
