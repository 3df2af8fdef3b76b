"""All stations of the field, run beside each other: each loses its own things one after another."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from fail_safe import losing_inputs, losing_the_node, losing_the_surroundings
from fail_safe.cockpit import Broker, Cockpit
from fail_safe.modbus_field import FieldThread
from fail_safe.set_clock import SetClock
from fail_safe.station import Row, Station

WATCHDOG_S = 4.0
"""Of charge points that shall fall back by themselves within a test."""
LONGEST_S = 400.0
WITH_COCKPIT = ("cockpit", "clock")

Scenario = Callable[[Station], None]


@dataclass
class Field:
    """What was seen at all stations.

    Attributes:
        stations: by name.
        failures: of a station's scenario, as a traceback.
    """

    directory: Path
    stations: dict[str, Station] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def row(self, what: str) -> Row:
        """What was seen of a loss."""
        for station in self.stations.values():
            if what in station.rows:
                return station.rows[what]
        raise AssertionError(f"'{what}' was never seen; " + "\n".join(self.failures.values()))

    def run(self) -> None:
        """Run everything; ends when all stations have."""
        servers = FieldThread()
        brokers = {name: Broker(self.directory / f"broker-{name}") for name in WITH_COCKPIT}
        rooms = {name: Cockpit(broker.port) for name, broker in brokers.items()}
        for name, broker in brokers.items():
            broker.start()
            rooms[name].connect()
        clock = SetClock(self.directory / "clock")
        scenarios: dict[str, Scenario] = {
            "meters": losing_inputs.meters,
            "one-meter": losing_inputs.one_meter,
            "refusing": losing_inputs.refusing,
            "estimation": lambda station: losing_the_node.function(station, "state_estimation"),
            "limiting": lambda station: losing_the_node.function(station, "congestion"),
            "agent": losing_the_node.agent,
            "restart": losing_the_node.restart,
            "clock": lambda station: losing_the_surroundings.clock(station, clock, rooms["clock"]),
            "solver": losing_inputs.solver,
            "journal": losing_the_node.journal,
            "devices": losing_inputs.devices,
            "cockpit": lambda station: losing_the_surroundings.cockpit(
                station, brokers["cockpit"], rooms["cockpit"]
            ),
        }
        for name in scenarios:
            self.stations[name] = Station(name, self.directory / name, servers)
        for name in ("agent", "devices"):
            self.stations[name].watchdog_s = WATCHDOG_S
        self.stations["devices"].with_rtu = True
        self.stations["clock"].environment = clock.environment
        for name, broker in brokers.items():
            self.stations[name].broker = broker.port
        try:
            with ThreadPoolExecutor(len(scenarios)) as pool:
                done = [pool.submit(self._play, name, play) for name, play in scenarios.items()]
                for one in done:
                    one.result(LONGEST_S)
        finally:
            for station in self.stations.values():
                station.stop()
            for name, broker in brokers.items():
                rooms[name].leave()
                broker.kill()
            servers.stop()

    def _play(self, name: str, play: Scenario) -> None:
        station = self.stations[name]
        try:
            station.prepare()
            station.start()
            play(station)
            station.cycles(1)
        except Exception:  # noqa: BLE001 - the tests of its rows say it; the others go on
            self.failures[name] = f"station {name}: {traceback.format_exc()}"
        finally:
            station.stop()
