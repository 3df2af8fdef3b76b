"""What is lost at each station, one after the other; stations run beside each other."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

from fail_safe.cockpit import Broker, Cockpit
from fail_safe.modbus_field import ModbusServer
from fail_safe.node import AMPERE_W, FALLBACK_A, FLOOR_A, start
from fail_safe.plant import HEAVIEST_W, HEAVY_W, NIGHT_W
from fail_safe.set_clock import SetClock
from fail_safe.station import Row, Station

ORDER_S = 12.0
LONG_ORDER_S = 20.0
ON_ITS_WAY = 8
"""Records that a cycle adds before the cockpit has those of the one before."""


def _at_the_fallback(station: Station) -> bool:
    return all(limit == FALLBACK_A for limit in station.plant.limits)


def _through_the_fallback(station: Station) -> None:
    """The state is lost, the load goes, and with it every reason for a limit but blindness."""
    station.until(lambda: station.mode != "active", "the loss is noticed")
    station.plant.house_w = NIGHT_W
    station.until(lambda: _at_the_fallback(station), "limits go down to the fallback")
    station.cycles(2)


def _back_again(station: Station) -> None:
    """The state is verified again, and limits are raised."""
    station.until(lambda: station.mode == "active", "the state is verified again")
    station.until(
        lambda: any(limit > FALLBACK_A for limit in station.plant.limits), "limits are raised"
    )


def _cut(station: Station, what: str, *servers: ModbusServer) -> None:
    with station.losing(what) as row:
        for server in servers:
            station.field_.do(server.cut())
        _through_the_fallback(station)
        station.healed(row)
        for server in servers:
            station.field_.do(server.connect())
        _back_again(station)


def meters(station: Station) -> None:
    """The transformer meter's connection is cut; then all meters keep theirs and say nothing."""
    plant = station.plant
    _cut(station, "transformer meter", plant.trafo)
    with station.losing("all meters") as row:
        for meter in (plant.trafo, plant.feeder):
            station.field_.do(meter.hush())
        _through_the_fallback(station)
        station.healed(row)
        for meter in (plant.trafo, plant.feeder):
            station.field_.do(meter.speak())
        _back_again(station)


def one_meter(station: Station) -> None:
    """The cable's meter, on which nothing hangs alone."""
    plant = station.plant
    with station.losing("one meter") as row:
        station.field_.do(plant.feeder.cut())
        station.until(
            lambda: "device-lost/feeder" in station.seen[-1].alarms, "the loss is an alarm"
        )
        station.cycles(3)
        station.healed(row)
        station.field_.do(plant.feeder.connect())
        station.settle()


def refusing(station: Station) -> None:
    """A device takes no raise; it would when the state is lost. Then it takes no lowering."""
    plant = station.plant
    stubborn = plant.servers["ev-1"]
    with station.losing("raise refused") as row:
        stubborn.refuses = True
        plant.house_w = NIGHT_W
        station.until(
            lambda: any(limit > row.before[0] for limit in stubborn.refused), "a raise is refused"
        )
        for pid in station.workers("state_estimation"):
            station.signal(pid, signal.SIGSTOP)
        stubborn.refuses = False
        station.until(lambda: station.mode != "active", "the loss is noticed")
        station.healed(row)
        _back_again(station)
    with station.losing("lowering refused") as row:
        stubborn.refuses = True
        plant.house_w = HEAVIEST_W
        station.until(lambda: "setpoint-ignored/ev-1" in station.seen[-1].alarms, "it is an alarm")
        station.until(lambda: plant.loading <= 1.0, "the others make room")
        station.healed(row)
        stubborn.refuses = False


def function(station: Station, name: str) -> None:
    """A worker that dies whenever it is there, then one that hangs."""
    with station.losing(f"{name} killed") as row:
        end = time.monotonic() + 60
        tempted = False
        while not _at_the_fallback(station) and time.monotonic() < end:
            for pid in station.workers(name):
                station.signal(pid, signal.SIGKILL)
            if not tempted and station.mode != "active":
                tempted, station.plant.house_w = True, NIGHT_W
            time.sleep(0.1)
        station.healed(row)
        _back_again(station)
    with station.losing(f"{name} hung") as row:
        (hung,) = station.workers(name)
        station.signal(hung, signal.SIGSTOP)
        station.until(lambda: station.mode != "active", "the loss is noticed")
        station.plant.house_w = NIGHT_W
        station.until(lambda: hung not in station.workers(name), "the hung one is ended")
        station.healed(row)
        station.until(lambda: station.mode == "active", "the state is verified again")
        row.notes["replaced"] = hung not in station.workers(name)


def agent(station: Station) -> None:
    """It hangs in the middle of a scan, then it is killed, then it is not let start again."""
    plant = station.plant
    asked = plant.servers["ev-1"]
    with station.losing("agent hung") as row:

        async def stop_it() -> None:
            asked.on_read = None
            row.notes["stopped_s"] = time.monotonic()
            station.signal(station.agent.pid, signal.SIGSTOP)

        asked.on_read = stop_it
        station.until(lambda: asked.on_read is None, "the agent asks")
        plant.house_w = NIGHT_W
        station.until(lambda: _at_the_fallback(station), "charge points fall back by themselves")
        station.healed(row)
        station.signal(station.agent.pid, signal.SIGCONT)
        _back_again(station)
    with station.losing("agent killed") as row:
        station.agent.kill()
        station.agent.wait(10)
        plant.house_w = NIGHT_W
        station.until(lambda: _at_the_fallback(station), "charge points fall back by themselves")
        station.healed(row)
        station.start()
        _back_again(station)
    _refused_at_start(station)


def _refused_at_start(station: Station) -> None:
    """A network file that is missing, that is another one, and one that is none; a full disk."""
    good, network = station.agent_json.read_bytes(), station.directory / "network.json"
    contents = network.read_bytes()
    with station.losing("network file") as row:
        station.agent.kill()
        station.agent.wait(10)
        station.plant.house_w = NIGHT_W
        row.notes["ends"] = ends = {}
        network.unlink()
        ends["missing"] = _end(station)
        network.write_bytes(contents.replace(b"30000.0", b"90000.0"))
        ends["other"] = _end(station)
        station.files.network = {**station.files.network, "data": {"node": [{"id": 1}]}}
        station.files.write()
        ends["corrupt"] = _end(station)
        station.files.network = json.loads(contents)
        assert station.files.write().read_bytes() == good
        ends["full disk"] = _end(station, disk_full=True)
        station.until(lambda: _at_the_fallback(station), "charge points fall back by themselves")
        station.healed(row)
        station.start()
        _back_again(station)


def _end(station: Station, *, disk_full: bool = False) -> tuple[int, str]:
    """How an agent that is started now ends: its exit code and its words."""
    agent = start(station.agent_json, output=subprocess.PIPE)
    if disk_full:
        resource.prlimit(agent.pid, resource.RLIMIT_FSIZE, (0, 0))
    said, _ = agent.communicate(timeout=60)
    return agent.returncode, said.decode()


def restart(station: Station) -> None:
    """Killed and started at once; then again, with the transformer meter gone meanwhile."""
    plant = station.plant
    with station.losing("agent restarted") as row:
        station.agent.kill()
        station.agent.wait(10)
        station.start()
        station.until(lambda: station.mode == "starting", "the agent has started")
        row.notes["found"] = plant.limits
        station.until(lambda: station.mode == "active", "the state is verified again")
        station.healed(row)
        station.settle()
    with station.losing("agent restarted blind") as row:
        station.agent.kill()
        station.agent.wait(10)
        station.field_.do(plant.trafo.cut())
        plant.house_w = NIGHT_W
        station.start()
        station.until(lambda: station.mode == "starting", "the agent has started")
        row.notes["found"] = plant.limits
        station.until(lambda: _at_the_fallback(station), "limits go down to the fallback")
        station.healed(row)
        station.field_.do(plant.trafo.connect())
        _back_again(station)


def clock(station: Station, clock_: SetClock, room: Cockpit) -> None:
    """With an order in force it jumps an hour ahead, two hours back; then nothing keeps it."""
    first = station.plant.charge_points[0]
    for what, ahead_s in (("clock ahead", 3600.0), ("clock back", -3600.0)):
        with station.losing(what) as row:
            if what == "clock ahead":  # a clock that has jumped cannot say when an order ends
                room.order(station.name, "ev-1", FLOOR_A * AMPERE_W, LONG_ORDER_S)
                row.notes["ends_s"] = time.monotonic() + LONG_ORDER_S
                station.until(lambda: first.limit_a == FLOOR_A, "the order is in force")
                row.notes["in_force_s"] = time.monotonic()
            _counted(station, "clock_jumps", lambda ahead_s=ahead_s: clock_.set(ahead_s=ahead_s))
            _night_and_evening(station, row)
    with station.losing("clock not kept") as row:
        _counted(
            station, "cycles_clock_unsynchronised", lambda: clock_.set(ahead_s=-3600.0, kept=False)
        )
        _night_and_evening(station, row)


def _counted(station: Station, what: str, cause: Callable[[], None]) -> None:
    """Cause something and wait until the agent has counted it."""
    before = station.seen[-1].counters[what]
    cause()
    station.until(lambda: station.seen[-1].counters[what] > before, f"{what} counts")


def _night_and_evening(station: Station, row: Row) -> None:
    """Control goes on: the load goes, limits rise; it comes again, and they fall."""
    before = station.plant.limits
    station.plant.house_w = NIGHT_W
    station.until(lambda: sum(station.plant.limits) > sum(before), "limits rise at night")
    row.notes["night"] = station.plant.limits
    station.plant.house_w = HEAVY_W
    station.until(lambda: station.plant.loading <= 1.0, "limits fall")
    station.healed(row)


def solver(station: Station) -> None:
    """All meters and charge points say what no state can fit: five volts, and power."""
    with station.losing("solver") as row:
        station.plant.lies = (5.0, 2000.0)
        station.until(lambda: station.mode != "active", "the loss is noticed")
        station.until(lambda: _at_the_fallback(station), "limits go down to the fallback")
        station.cycles(2)
        station.plant.house_w = NIGHT_W
        station.healed(row)
        station.plant.lies = None
        _back_again(station)


def journal(station: Station) -> None:
    """The file system takes nothing any more: whatever is written to a file fails."""
    with station.losing("journal") as row:
        pid = station.agent.pid
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
        last = station.seen[-1].cycle
        before = station.plant.limits
        station.plant.house_w = NIGHT_W
        station.until(lambda: sum(station.plant.limits) > sum(before), "limits rise at night")
        row.notes["night"] = station.plant.limits
        station.plant.house_w = HEAVY_W
        station.until(lambda: station.plant.loading <= 1.0, "limits fall in the evening")
        row.notes["silent"] = station.seen[-1].cycle - last
        station.healed(row)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
        station.until(
            lambda: "journal-not-writing" in station.seen[-1].alarms, "the trouble is an alarm"
        )
        station.settle()
        station.until(lambda: "journal-not-writing" not in station.seen[-1].alarms, "it is over")


def devices(station: Station) -> None:
    """One charge point; all that speak Modbus; the one that speaks DNP3."""
    plant = station.plant
    modbus = [server for server in plant.servers.values() if server in station.servers]
    for what, servers in (
        ("device", modbus[:1]),
        ("all devices of a protocol", modbus),
        ("device of another protocol", [station.rtu]),
    ):
        with station.losing(what) as row:
            for server in servers:
                station.field_.do(server.cut())
            lost = {f"ev-{n}" for n in _numbers(station, servers)}
            station.until(
                lambda lost=lost: (
                    {f"device-lost/{name}" for name in lost} <= station.seen[-1].alarms
                ),
                "the loss is an alarm",
            )
            plant.house_w = HEAVY_W
            station.until(lambda: plant.loading <= 1.0, "the others make room")
            row.notes["lost"] = lost
            station.until(
                lambda lost=lost: all(
                    each.limit_a <= FALLBACK_A for each in plant.charge_points if each.name in lost
                ),
                "what is lost falls back by itself",
            )
            plant.house_w = NIGHT_W
            station.cycles(3)
            station.healed(row)
            for server in servers:
                station.field_.do(server.connect())
            station.until(
                lambda lost=lost: all(
                    each.limit_a > FALLBACK_A for each in plant.charge_points if each.name in lost
                ),
                "it is raised again",
            )


def _numbers(station: Station, servers: list[Any]) -> list[int]:
    places = [*station.plant.servers.values()]
    if station.rtu is not None:
        places[-1] = station.rtu
    return [places.index(server) + 1 for server in servers]


def cockpit(station: Station, broker: Broker, room: Cockpit) -> None:
    """The cockpit goes with an order in force; then the broker is killed."""
    plant = station.plant
    first = plant.charge_points[0]
    with station.losing("cockpit") as row:
        room.order(station.name, "ev-1", FLOOR_A * AMPERE_W, ORDER_S)
        ordered_s = time.monotonic()
        station.until(lambda: first.limit_a == FLOOR_A, "the order is in force")
        room.leave()
        row.began_s = time.monotonic()
        plant.house_w = NIGHT_W
        station.until(lambda: first.limit_a > FLOOR_A, "the order ends, the limit rises")
        row.notes["order lasted"] = time.monotonic() - ordered_s
        plant.house_w = HEAVY_W
        station.until(lambda: plant.loading <= 1.0, "limits fall")
        row.notes["backlog"] = station.seen[-1].backlog
        station.healed(row)
        room.connect()
        _drained(station)
    with station.losing("broker") as row:
        broker.kill()
        station.until(lambda: not station.seen[-1].online, "the broker is missed")
        before = plant.limits
        plant.house_w = NIGHT_W
        station.until(lambda: sum(plant.limits) > sum(before), "limits rise at night")
        plant.house_w = HEAVY_W
        station.until(lambda: plant.loading <= 1.0, "limits fall")
        station.cycles(2)
        row.notes["backlog"] = station.seen[-1].backlog
        station.healed(row)
        broker.start()
        _drained(station)
        ours = (one for one in room.states if one.id.startswith(f"order-{station.name}-"))
        row.notes["states"] = [one.state for one in ours]


def _drained(station: Station) -> None:
    station.until(
        lambda: station.seen[-1].online and station.seen[-1].backlog <= ON_ITS_WAY,
        "the cockpit has it all",
    )
