"""Replays a plant fast, with a policy instead of an agent, over the same seed and duration."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ortsnetz_common.errors import InputError
from ortsnetz_hil.plant import configuration as files
from ortsnetz_hil.plant.loader import load
from ortsnetz_hil.verdict.policies import Floors, Policy, Uniform, Unlimited
from ortsnetz_hil.verdict.run_truth import RunTruth, judge
from ortsnetz_hil.verdict.truth import Observer, Row

STEPS_A_SECOND = 5
NONE = np.empty((0, 3))
LEAD_IN_S = 8
"""The calendar waits this long before the window, so that devices follow their first limit."""
POLICIES: dict[str, type[Policy]] = {"none": Unlimited, "uniform": Uniform, "floors": Floors}


def policy(name: str) -> Policy:
    """A policy by its name.

    Raises:
        InputError: there is no such policy.
    """
    if name not in POLICIES:
        raise InputError(f"policy '{name}' is unknown: {', '.join(POLICIES)}")
    return POLICIES[name]()


def replay(plant_directory: Path, chosen: Policy) -> RunTruth:
    """Replay a prepared plant and judge it.

    Raises:
        InputError: a file is missing or damaged.
    """
    configuration = files.read(plant_directory)
    return judge(chosen.name, configuration, rows(plant_directory, chosen))


def rows(plant_directory: Path, chosen: Policy) -> list[Row]:
    """The truth of a replay, one row a step; an endless plant is replayed over one window.

    Rows carry the extreme voltages, but not those of all nodes.
    """
    configuration = files.read(plant_directory)
    plant = load(plant_directory, configuration)
    observer = Observer(plant)
    window = configuration.window
    seconds = configuration.seconds or window.length_s / window.factor
    found: list[Row] = []
    for number in range(-LEAD_IN_S * STEPS_A_SECOND, round(seconds * STEPS_A_SECOND)):
        now_s = number / STEPS_A_SECOND
        step = plant.step(now_s, window.after(now_s))
        # of an hour with a thousand nodes, the voltages of all of them would take a gigabyte
        found.append(replace(observer.row(step, now_s), node_u_pu=NONE, node_angle=NONE))
        if number % STEPS_A_SECOND == 0:
            chosen.decide(plant, step)
    return found
