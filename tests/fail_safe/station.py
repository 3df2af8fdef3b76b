"""A substation of the field with its agent, watched: what its status said when, who wrote what."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dnp3_bench
from small_node import where

from fail_safe import node
from fail_safe.charge_point import Change
from fail_safe.dnp3_field import Rtu
from fail_safe.modbus_field import FieldThread, ModbusServer
from fail_safe.plant import EVENING_W, Plant
from ortsnetz_common.parameters.station import Device

PATIENCE_S = 60.0
"""For whatever has to happen: a busy machine is slow, and not wrong."""
LOOK_S = 0.03


@dataclass(frozen=True)
class Seen:
    """The status file of a cycle, and when it was first seen (monotonic)."""

    at_s: float
    pid: int
    cycle: int
    mode: str
    time_ns: int
    reason: str
    alarms: frozenset[str]
    counters: dict[str, int]
    online: bool
    backlog: int


@dataclass
class Row:
    """One loss from before to after, as it was seen.

    Attributes:
        before: limits in force before it, A.
        known: status when it began.
        began_s, healed_s, ended_s: monotonic.
        at_its_end, after: limits in force when it was healed, and some time later.
        changes, seen, loadings: meanwhile.
        notes: what only this row knows.
    """

    what: str
    before: tuple[int, ...]
    began_s: float
    known: Seen
    healed_s: float = 0.0
    ended_s: float = 0.0
    at_its_end: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    changes: list[Change] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    loadings: list[tuple[float, float]] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def lost(self) -> list[Seen]:
        """Cycles in which the state was not verified, from the loss to its healing."""
        return [one for one in self.seen if self.began_s <= one.at_s and one.mode != "active"]

    @property
    def verified_before(self) -> Seen:
        """The last cycle whose state was verified, before the first that was not."""
        begin = self.lost[0].at_s
        good = [one for one in self.seen if one.mode == "active" and one.at_s < begin]
        return good[-1] if good else self.known

    @property
    def alarms(self) -> frozenset[str]:
        """Keys of all alarms that stood at some time."""
        return frozenset().union(*(one.alarms for one in self.seen if one.at_s > self.began_s))

    def written(self, since_s: float, until_s: float) -> list[Change]:
        """What was written in between."""
        return [one for one in self.changes if since_s < one.at_s <= until_s and not one.by_itself]


@dataclass
class Station:
    """One substation.

    Attributes:
        watchdog_s: after which its charge points fall back by themselves.
        environment: of the agent's process, besides the usual.
        rows: what has been lost so far.
        seen: every status that the agent wrote.
        loadings: true loading of the transformer, all the time.
    """

    name: str
    directory: Path
    field_: FieldThread
    watchdog_s: float = 60.0
    broker: int = 1
    with_rtu: bool = False
    environment: dict[str, str] = field(default_factory=dict)
    plant: Plant = field(default_factory=Plant)
    agents: list[subprocess.Popen[bytes]] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    loadings: list[tuple[float, float]] = field(default_factory=list)
    rows: dict[str, Row] = field(default_factory=dict)
    rtu: Rtu | None = None
    servers: tuple[ModbusServer | Rtu, ...] = ()
    _ended: threading.Event = field(default_factory=threading.Event)

    def prepare(self) -> Path:
        """Its devices serve, its files are written."""
        plant = self.plant
        at = dict(plant.servers)
        if self.with_rtu:
            (*_, last), shown = plant.charge_points, plant.servers["ev-3"]
            self.rtu = at["ev-3"] = Rtu(last, shown.shows, self.directory / "rtu")
        self.servers = (plant.trafo, plant.feeder, *at.values())
        for server in self.servers:
            self.field_.do(server.connect())
        self.directory.mkdir(parents=True, exist_ok=True)
        self.files = node.node(
            self.directory,
            self.name,
            node.meters(plant.trafo.port, plant.feeder.port),
            tuple(self._charge_point(number, server) for number, server in enumerate(at.values())),
            self.broker,
        )
        self.agent_json = self.files.write()
        threading.Thread(target=self._watch, name=self.name, daemon=True).start()
        return self.agent_json

    def _charge_point(self, place: int, server: ModbusServer | Rtu) -> Device:
        if isinstance(server, Rtu):
            connection = dnp3_bench.connection(server.port, "0", identity="rtu-1")
            more = {"profile": "rtu-charge-point"}
        else:
            connection, more = where(server.port, identity=f"ev-{place + 1}"), {}
        return node.charge_point(place + 1, connection, self.watchdog_s, **more)

    @property
    def agent(self) -> subprocess.Popen[bytes]:
        """The latest agent."""
        return self.agents[-1]

    def start(self) -> None:
        """Start the agent."""
        self.agents.append(node.start(self.agent_json, self.environment))

    def stop(self) -> None:
        """End everything."""
        self._ended.set()
        for agent in self.agents:
            if agent.poll() is None:
                agent.send_signal(signal.SIGCONT)
                agent.kill()
                agent.wait(10)
        for server in self.servers:
            self.field_.do(server.cut())

    def _watch(self) -> None:
        """Note every status, and let the charge points live."""
        path = self.directory / "data" / "status.json"
        while not self._ended.wait(LOOK_S):
            for each in self.plant.charge_points:
                each.live()
            self.loadings.append((time.monotonic(), self.plant.loading))
            try:
                said = json.loads(path.read_bytes())
            except (OSError, ValueError):
                continue
            if self.seen and (said["pid"], said["cycle"]) == (
                self.seen[-1].pid,
                self.seen[-1].cycle,
            ):
                continue
            alarms = frozenset(text.partition(": ")[0] for text in said["alarms"])
            self.seen.append(
                Seen(
                    time.monotonic(),
                    *(said[name] for name in ("pid", "cycle", "mode", "time_ns", "reason")),
                    alarms,
                    *(said[name] for name in ("counters", "uplink_online", "journal_backlog")),
                )
            )

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait, with a deadline."""
        end = time.monotonic() + PATIENCE_S
        while not condition():
            last = self.seen[-1] if self.seen else None
            assert time.monotonic() < end, (
                f"{self.name}: {what}: did not happen; {self.plant.limits}, "
                f"{last and (last.cycle, last.mode, last.reason, sorted(last.alarms))}"
            )
            time.sleep(LOOK_S)

    def cycles(self, count: int) -> None:
        """Wait for so many further cycles."""
        goal = len(self.seen) + count
        self.until(lambda: len(self.seen) >= goal, f"{count} cycles")

    @property
    def mode(self) -> str:
        """Of the latest cycle of the agent that runs."""
        if not self.seen or self.seen[-1].pid != self.agent.pid:
            return "none yet"
        return self.seen[-1].mode

    def settle(self) -> None:
        """An evening with limits in force above the fallback, and the state verified."""
        self.plant.house_w = EVENING_W
        self.until(self._settled, "limits settle in the evening")
        self.cycles(1)  # a limit that has just been written: its cycle has a status, too

    def _settled(self) -> bool:
        recent = self.seen[-2:]
        if len(recent) < 2 or any(one.mode != "active" for one in recent):
            return False
        if recent[0].pid != self.agent.pid or self.plant.loading > 1.0:
            return False
        return all(node.FALLBACK_A < limit < node.RATED_A for limit in self.plant.limits)

    @contextmanager
    def losing(self, what: str) -> Iterator[Row]:
        """A loss, from a settled evening on; its row is complete at the end."""
        self.settle()
        row = Row(what, self.plant.limits, time.monotonic(), self.seen[-1])
        yield row
        row.ended_s, row.after = time.monotonic(), self.plant.limits
        row.changes = [c for c in self.plant.changes() if row.began_s < c.at_s <= row.ended_s]
        row.seen = [one for one in self.seen if row.began_s < one.at_s <= row.ended_s]
        row.loadings = [one for one in self.loadings if row.began_s < one[0] <= row.ended_s]
        self.rows[what] = row

    def healed(self, row: Row) -> None:
        """What was lost comes back now."""
        row.healed_s, row.at_its_end = time.monotonic(), self.plant.limits

    def workers(self, function: str) -> list[int]:
        """Process ids of the agent's workers of a function that are there."""
        found = []
        try:
            path = Path(f"/proc/{self.agent.pid}/task/{self.agent.pid}/children")
            for pid in map(int, path.read_text("ascii").split()):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if function.encode() in words:
                    found.append(pid)
        except OSError:
            pass  # one has ended meanwhile
        return found

    def signal(self, pid: int, number: signal.Signals) -> None:
        """Send a signal to one that may have ended."""
        with suppress(ProcessLookupError):
            os.kill(pid, number)
