"""The verdict on a run: everything from the plant's truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from msgspec import Struct

from ortsnetz_common.errors import InputError
from ortsnetz_hil.plant import configuration as files
from ortsnetz_hil.plant.configuration import PlantConfiguration
from ortsnetz_hil.servers import setpoint_log
from ortsnetz_hil.servers.setpoint_log import SetpointWrite
from ortsnetz_hil.verdict import energy, truth_file
from ortsnetz_hil.verdict.energy import DeviceEnergy, KindEnergy
from ortsnetz_hil.verdict.excursions import (
    ByQuantity,
    Limits,
    durations,
    excursions,
    gaps_s,
    longest,
    longest_by_quantity,
    outside,
    seconds_by_quantity,
)
from ortsnetz_hil.verdict.reaction import Reaction, reaction
from ortsnetz_hil.verdict.truth import Row


class Extreme(Struct, frozen=True):
    """An extreme value, the element that had it, and when (wall seconds since the beginning)."""

    value: float
    element: int
    time_s: float


class RunTruth(Struct, frozen=True):
    """What the plant's truth says about a run.

    Attributes:
        policy: who set the limits: `agent`, `none` or `uniform`.
        seconds: judged wall seconds; gaps_s: part of them without truth.
        transformer_loading, line_loading: worst loadings.
        u_min, u_max: extreme phase-to-neutral voltages at LV nodes, pu.
        seconds_outside: wall seconds with anything outside its limit.
        longest_excursion_s: longest time that anything was outside without a break.
        ev, pv: energy served of energy requested, and fairness among the devices.
        share: served of requested over all kinds.
        reaction: overload to setpoint; None for replays, whose setpoints are no messages.
    """

    policy: str
    seconds: float
    steps: int
    gaps_s: float
    transformer_loading: Extreme
    line_loading: Extreme
    u_min: Extreme
    u_max: Extreme
    seconds_outside: float
    seconds_outside_by: ByQuantity
    longest_excursion_s: float
    longest_excursion_by: ByQuantity
    ev: KindEnergy
    pv: KindEnergy
    share: float | None
    devices: tuple[DeviceEnergy, ...]
    reaction: Reaction | None


def judge(
    policy: str,
    configuration: PlantConfiguration,
    rows: list[Row],
    writes: list[SetpointWrite] | None = None,
) -> RunTruth:
    """Judge a run by the part of its truth that lies in the calendar's window.

    Args:
        policy: who set the limits.
        configuration: the plant's.
        rows: truth in the order of time.
        writes: setpoints that devices were given; None for replays.

    Raises:
        InputError: fewer than two steps lie in the window.
    """
    rows = [row for row in rows if _judged(row, configuration.seconds)]
    if len(rows) < 2:
        raise InputError("the truth has no two steps in the calendar's window: nothing to judge")
    limits = Limits(configuration.u_pu, configuration.loading)
    flags, lengths = outside(rows, limits), durations(rows)
    found = excursions(rows, flags.any, lengths)
    devices = energy.by_device(configuration, rows)
    ev, pv = energy.by_kind(devices, "ev"), energy.by_kind(devices, "pv")
    requested = ev.requested_kwh + pv.requested_kwh
    answered = None if writes is None else reaction(found, writes, configuration.window)
    return RunTruth(
        policy=policy,
        seconds=round(float(lengths.sum()), 3),
        steps=len(rows),
        gaps_s=round(gaps_s(rows), 3),
        transformer_loading=_extreme(rows, "transformer_loading", "transformer", 1.0),
        line_loading=_extreme(rows, "line_loading", "line", 1.0),
        u_min=_extreme(rows, "u_min", "u_min_node", -1.0),
        u_max=_extreme(rows, "u_max", "u_max_node", 1.0),
        seconds_outside=round(float(lengths[flags.any].sum()), 3),
        seconds_outside_by=seconds_by_quantity(flags, lengths),
        longest_excursion_s=longest(found),
        longest_excursion_by=longest_by_quantity(rows, flags, lengths),
        ev=ev,
        pv=pv,
        share=round((ev.served_kwh + pv.served_kwh) / requested, 5) if requested > 0 else None,
        devices=devices,
        reaction=answered,
    )


def judge_directory(plant_directory: Path) -> RunTruth:
    """Judge what a real run has left in a plant directory.

    Raises:
        InputError: a file is missing or damaged, or there is nothing to judge.
    """
    return judge(
        "agent",
        files.read(plant_directory),
        truth_file.read(plant_directory),
        setpoint_log.read(plant_directory),
    )


def _judged(row: Row, seconds: float | None) -> bool:
    return row.time_s >= 0.0 and (seconds is None or row.time_s < seconds)


def _extreme(rows: list[Row], value: str, element: str, sign: float) -> Extreme:
    signed = np.array([sign * getattr(row, value) for row in rows], float)
    if np.isnan(signed).all():
        raise InputError("no low-voltage node was alive in the whole run: nothing to judge")
    worst = rows[int(np.nanargmax(signed))]
    return Extreme(round(getattr(worst, value), 5), getattr(worst, element), round(worst.time_s, 3))
