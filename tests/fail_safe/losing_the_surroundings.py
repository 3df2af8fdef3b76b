"""Clock, cockpit and broker are lost, with orders in force."""

from __future__ import annotations

import time

from fail_safe.cockpit import Broker, Cockpit
from fail_safe.coming_back import counted, night_and_evening
from fail_safe.node import AMPERE_W, FLOOR_A
from fail_safe.plant import HEAVY_W, NIGHT_W
from fail_safe.set_clock import SetClock
from fail_safe.station import Station

ORDER_S = 12.0
LONG_ORDER_S = 20.0
ON_ITS_WAY = 8
"""Records that a cycle adds before the cockpit has those of the one before."""


def clock(station: Station, clock_: SetClock, room: Cockpit) -> None:
    """With an order in force it jumps an hour ahead, two hours back; then nothing keeps it."""
    first = station.plant.charge_points[0]
    for what, ahead_s in (("clock ahead", 3600.0), ("clock back", -3600.0)):
        with station.losing(what) as row:
            station.until(lambda: station.seen[-1].online, "the node is online")
            if what == "clock ahead":  # a clock that has jumped cannot say when an order ends
                room.order(station.name, "ev-1", FLOOR_A * AMPERE_W, LONG_ORDER_S)
                row.notes["ends_s"] = time.monotonic() + LONG_ORDER_S
                station.until(lambda: first.limit_a == FLOOR_A, "the order is in force")
                row.notes["in_force_s"] = time.monotonic()
            counted(station, "clock_jumps", lambda ahead_s=ahead_s: clock_.set(ahead_s=ahead_s))
            station.cycles(4)  # each device is fed at least once
            night_and_evening(station, row)
    with station.losing("clock not kept") as row:
        counted(
            station, "cycles_clock_unsynchronised", lambda: clock_.set(ahead_s=-3600.0, kept=False)
        )
        night_and_evening(station, row)


def cockpit(station: Station, broker: Broker, room: Cockpit) -> None:
    """The cockpit goes with an order in force; then the broker is killed."""
    plant = station.plant
    first = plant.charge_points[0]
    with station.losing("cockpit") as row:
        station.until(lambda: station.seen[-1].online, "the node is online")
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
