"""The files of a small substation's node, and its agent as a process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from small_node import CHARGER_PROFILE, METER_PROFILE, SmallNode, where

from fail_safe.network import CABLE, CHARGE_POINTS, HOUSE, TRANSFORMER, network
from ortsnetz_common.parameters.parameter_set import Timing
from ortsnetz_common.parameters.station import (
    Connection,
    Device,
    DeviceKind,
    Meter,
    MeterRole,
    PseudoMeasurement,
    Side,
    SourcePseudo,
)

ORTSNETZ = str(Path(sys.executable).with_name("ortsnetz"))
AMPERE_W = 3 * 230.0
REACTION_S = 1.0
RATED_A, FALLBACK_A, FLOOR_A = 16, 8, 7
"""Of each charge point; 7 A are the 4.2 kW of 14a EnWG, rounded up. All three differ: each tells by
itself who has had his way."""
WISH = "available: {value: {at: holding/34}, unit: A}\n"
TIMING = Timing(blind_fallback_s=3.0, blind_ramp_s=3.0, refresh_s=1.0)


def meters(trafo: int, feeder: int) -> tuple[Meter, ...]:
    """The transformer's, which guards, and the cable's."""
    return (
        Meter(
            name="trafo",
            role=MeterRole.TRANSFORMER,
            profile="toy-trafo",
            connection=where(trafo),
            element=TRANSFORMER,
            phases="abc",
            u_sigma=0.005,
            p_sigma=50.0,
            side=Side.TO,
            guards=True,
        ),
        Meter(
            name="feeder",
            role=MeterRole.FEEDER,
            profile="toy-meter",
            connection=where(feeder),
            element=CABLE,
            phases="abc",
            u_sigma=0.005,
            p_sigma=50.0,
            side=Side.FROM,
        ),
    )


def charge_point(number: int, connection: Connection, watchdog_s: float, **more: Any) -> Device:
    """One of the three, by its number from one on."""
    return Device(
        **{
            "name": f"ev-{number}",
            "kind": DeviceKind.EV,
            "profile": "toy-charger",
            "connection": connection,
            "element": CHARGE_POINTS[number - 1],
            "phase_count": 3,
            "phases": "abc",
            "rated_w": RATED_A * AMPERE_W,
            "floor_w": FLOOR_A * AMPERE_W,
            "floor_rule": "14a EnWG",
            "reaction_s": REACTION_S,
            "fallback_w": FALLBACK_A * AMPERE_W,
            "u_sigma": 0.01,
            "p_sigma": 50.0,
            "step_a": 1.0,
            "watchdog_s": watchdog_s,
            **more,
        }
    )


def node(
    directory: Path,
    name: str,
    meters: tuple[Meter, ...],
    devices: tuple[Device, ...],
    broker: int,
) -> SmallNode:
    """The files of a node, to be written."""
    hourly = PseudoMeasurement(HOUSE, (3000.0,) * 24, (3000.0,) * 24)
    return SmallNode(
        directory,
        meters=meters,
        devices=devices,
        bootstrap={
            "node": name,
            "data_dir": "data",
            "broker": {"host": "127.0.0.1", "port": broker, "tls": None},
        },
        pseudo=(hourly,),
        source=SourcePseudo(1, 1.0, 0.02),
        network=network(),
        further={"node": name, "timing": TIMING},
        profiles={
            "toy-meter": METER_PROFILE.format(direction="away-from-busbar"),
            "toy-trafo": METER_PROFILE.format(direction="towards-low-voltage").replace(
                "kind: toy-meter", "kind: toy-trafo"
            ),
            "toy-charger": CHARGER_PROFILE.replace("reaction_s: 5", "reaction_s: 1") + WISH,
        },
    )


def start(
    agent: Path, environment: dict[str, str] | None = None, output: int | None = None
) -> subprocess.Popen[bytes]:
    """The agent of a bootstrap file as a process; its log is beside the file, or goes to a pipe."""
    with (agent.parent / "agent.log").open("ab") as log:
        return subprocess.Popen(
            [ORTSNETZ, "edge", "run", str(agent)],
            stdin=subprocess.DEVNULL,
            stdout=log if output is None else output,
            stderr=log if output is None else subprocess.STDOUT,
            env=os.environ | {"OMP_NUM_THREADS": "1"} | (environment or {}),
        )
