"""A small node for tests of what checks a node: two meters and a charge point, files and all."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from ortsnetz_common.parameters.parameter_set import SCHEMA, ParameterSet, sha256, write_signed
from ortsnetz_common.parameters.station import (
    Connection,
    Device,
    DeviceKind,
    Meter,
    MeterRole,
    PseudoMeasurement,
    Side,
    SourcePseudo,
    Station,
)
from ortsnetz_common.trust.signature import generate_private_key, public_key

METER_PROFILE = """
format: ortsnetz.profile/2
kind: toy-meter
version: 1
describes: a meter for tests
protocol: modbus
direction: {direction}
voltage: {{at: [holding/0, holding/1, holding/2], scale: 0.1, range: [0, 400]}}
current: {{at: [holding/3, holding/4, holding/5], scale: 0.01, range: [0, 600]}}
active_power: {{at: ["holding/6:i16", "holding/7:i16", "holding/8:i16"], range: [-30000, 30000]}}
reactive_power: {{at: ["holding/9:i16", "holding/10:i16", "holding/11:i16"], range: [-9999, 9999]}}
"""
CHARGER_PROFILE = """
format: ortsnetz.profile/2
kind: toy-charger
version: 1
describes: a charge point for tests
protocol: modbus
direction: consumption
voltage: {at: [holding/0, holding/1, holding/2], scale: 0.1, range: [0, 400]}
current: {at: [holding/3, holding/4, holding/5], scale: 0.01, range: [0, 40]}
active_power: {at: ["holding/6:i16", "holding/7:i16", "holding/8:i16"], range: [-9000, 9000]}
time: {milliseconds: "holding/20:u64"}
read_count: {at: "holding/24:u32"}
limit: {value: {at: holding/30}, unit: A}
state: {at: holding/31}
identity: {maker_at: "holding/40:text4", serial_at: "holding/44:text4", maker: Toys}
setpoint:
  at: holding/30
  kind: steps
  unit: A
  step: 1
  smallest: 6
  reaction_s: 5
  fallback: {time_at: holding/32, limit_at: holding/33}
"""
NETWORK = {
    "version": "1.0",
    "type": "input",
    "is_batch": False,
    "attributes": {},
    "data": {
        "node": [
            {"id": 1, "u_rated": 20000.0},
            {"id": 2, "u_rated": 400.0},
            {"id": 3, "u_rated": 400.0},
        ],
        "transformer": [{"id": 4, "sn": 250e3, "u1": 20000.0, "u2": 400.0}],
        "line": [{"id": 5, "from_node": 2, "to_node": 3, "i_n": 200.0}],
        "asym_load": [{"id": 6}],
    },
}


def where(port: int, **further: Any) -> Connection:
    return Connection("modbus-tcp", "127.0.0.1", port, **{"timeout_s": 0.3, **further})


def transformer_meter(port: int = 1001) -> Meter:
    return Meter(
        name="trafo",
        role=MeterRole.TRANSFORMER,
        profile="toy-trafo",
        connection=where(port),
        element=4,
        phases="abc",
        u_sigma=0.002,
        p_sigma=50.0,
        side=Side.TO,
        guards=True,
    )


def feeder_meter(port: int = 1002) -> Meter:
    return Meter(
        name="feeder",
        role=MeterRole.FEEDER,
        profile="toy-meter",
        connection=where(port),
        element=5,
        phases="abc",
        u_sigma=0.002,
        p_sigma=20.0,
        side=Side.FROM,
    )


def charger(port: int = 1003) -> Device:
    return Device(
        name="ev-1",
        kind=DeviceKind.EV,
        profile="toy-charger",
        connection=where(port, identity="S-1"),
        element=6,
        phase_count=3,
        phases="abc",
        rated_w=16 * 690.0,
        floor_w=7 * 690.0,
        floor_rule="14a EnWG",
        reaction_s=5.0,
        fallback_w=7 * 690.0,
        u_sigma=0.01,
        p_sigma=50.0,
        step_a=1.0,
        watchdog_s=60.0,
    )


@dataclass
class SmallNode:
    """Files of a node, written anew whenever something about it is changed.

    Attributes:
        bootstrap: fields of AGENT.json besides the usual ones.
        profiles: by kind.
        further: fields of the parameter set besides the usual ones.
    """

    directory: Path
    meters: tuple[Meter, ...] = field(default_factory=lambda: (transformer_meter(), feeder_meter()))
    devices: tuple[Device, ...] = field(default_factory=lambda: (charger(),))
    bootstrap: dict[str, Any] = field(default_factory=dict)
    pseudo: tuple[PseudoMeasurement, ...] = ()
    source: SourcePseudo = field(default_factory=lambda: SourcePseudo(1, 1.0, 0.02))
    network: dict[str, Any] = field(default_factory=lambda: dict(NETWORK))
    further: dict[str, Any] = field(default_factory=dict)
    profiles: dict[str, str] = field(
        default_factory=lambda: {
            "toy-meter": METER_PROFILE.format(direction="away-from-busbar"),
            "toy-trafo": METER_PROFILE.format(direction="towards-low-voltage").replace(
                "kind: toy-meter", "kind: toy-trafo"
            ),
            "toy-charger": CHARGER_PROFILE,
        }
    )

    def device(self, **changes: Any) -> None:
        """Change the charge point."""
        self.devices = (msgspec.structs.replace(self.devices[0], **changes),)

    def meter(self, number: int, **changes: Any) -> None:
        """Change a meter."""
        changed = msgspec.structs.replace(self.meters[number], **changes)
        self.meters = tuple(changed if n == number else m for n, m in enumerate(self.meters))

    def profile(self, kind: str, *changes: tuple[str, str]) -> None:
        """Change the text of a profile."""
        for before, after in changes:
            assert before in self.profiles[kind]
            self.profiles[kind] = self.profiles[kind].replace(before, after)

    def write(self, tamper: Callable[[bytes], bytes] = lambda payload: payload) -> Path:
        """Write all files; the path of AGENT.json."""
        network = json.dumps(self.network).encode()
        station = Station(self.meters, self.devices, self.pseudo, self.source)
        parameters = ParameterSet(
            **{
                "schema": SCHEMA,
                "node": "ons-1",
                "version": 3,
                "network_sha256": sha256(network),
                "station": station,
                "profiles": self.profiles,
                **self.further,
            }
        )
        key = generate_private_key()
        (self.directory / "network.json").write_bytes(network)
        (self.directory / "anchor.pem").write_bytes(public_key(key))
        (self.directory / "parameters.json").write_bytes(tamper(write_signed(parameters, key)))
        agent = self.directory / "agent.json"
        agent.write_text(
            json.dumps(
                {
                    "node": "ons-1",
                    "data_dir": ".",
                    "journal_max_bytes": 32 * 1024**2,
                    "parameters": "parameters.json",
                    "trust_anchor": "anchor.pem",
                    "network": "network.json",
                    "broker": {"host": "127.0.0.1", "port": 1883, "tls": None},
                    **self.bootstrap,
                }
            )
        )
        return agent
