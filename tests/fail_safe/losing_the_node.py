"""What the node itself is made of is lost: its functions, the agent, its files."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import time

from fail_safe.coming_back import at_the_fallback, back_again
from fail_safe.node import start
from fail_safe.plant import HEAVY_W, NIGHT_W
from fail_safe.station import Station


def function(station: Station, name: str) -> None:
    """A worker that dies whenever it is there, then one that hangs."""
    with station.losing(f"{name} killed") as row:
        end = time.monotonic() + 60
        tempted = False
        while not at_the_fallback(station) and time.monotonic() < end:
            for pid in station.workers(name):
                station.signal(pid, signal.SIGKILL)
            if not tempted and station.mode != "active":
                tempted, station.plant.house_w = True, NIGHT_W
            time.sleep(0.1)
        station.healed(row)
        back_again(station)
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
        station.until(lambda: at_the_fallback(station), "charge points fall back by themselves")
        station.healed(row)
        station.signal(station.agent.pid, signal.SIGCONT)
        back_again(station)
    with station.losing("agent killed") as row:
        station.agent.kill()
        station.agent.wait(10)
        plant.house_w = NIGHT_W
        station.until(lambda: at_the_fallback(station), "charge points fall back by themselves")
        station.healed(row)
        station.start()
        back_again(station)
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
        station.until(lambda: at_the_fallback(station), "charge points fall back by themselves")
        station.healed(row)
        station.start()
        back_again(station)


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
        station.until(lambda: at_the_fallback(station), "limits go down to the fallback")
        station.healed(row)
        station.field_.do(plant.trafo.connect())
        back_again(station)


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
