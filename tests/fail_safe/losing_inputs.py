"""Meters, devices and a state that fits them are lost, one after the other at each station."""

from __future__ import annotations

import signal
from typing import Any

from fail_safe.coming_back import at_the_fallback, back_again, through_the_fallback
from fail_safe.modbus_field import ModbusServer
from fail_safe.node import FALLBACK_A
from fail_safe.plant import HEAVIEST_W, HEAVY_W, NIGHT_W
from fail_safe.station import Station


def meters(station: Station) -> None:
    """The transformer meter's connection is cut; then all meters keep theirs and say nothing."""
    plant = station.plant
    _cut(station, "transformer meter", plant.trafo)
    with station.losing("all meters") as row:
        for meter in (plant.trafo, plant.feeder):
            station.field_.do(meter.hush())
        through_the_fallback(station)
        station.healed(row)
        for meter in (plant.trafo, plant.feeder):
            station.field_.do(meter.speak())
        back_again(station)


def _cut(station: Station, what: str, *servers: ModbusServer) -> None:
    with station.losing(what) as row:
        for server in servers:
            station.field_.do(server.cut())
        through_the_fallback(station)
        station.healed(row)
        for server in servers:
            station.field_.do(server.connect())
        back_again(station)


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


def solver(station: Station) -> None:
    """All meters and charge points say what no state can fit: five volts, and power."""
    with station.losing("solver") as row:
        station.plant.lies = (5.0, 2000.0)
        station.until(lambda: station.mode != "active", "the loss is noticed")
        station.until(lambda: at_the_fallback(station), "limits go down to the fallback")
        station.cycles(2)
        station.plant.house_w = NIGHT_W
        station.healed(row)
        station.plant.lies = None
        back_again(station)


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
        back_again(station)
    with station.losing("lowering refused") as row:
        stubborn.refuses = True
        plant.house_w = HEAVIEST_W
        station.until(lambda: "setpoint-ignored/ev-1" in station.seen[-1].alarms, "it is an alarm")
        station.until(lambda: plant.loading <= 1.0, "the others make room")
        station.healed(row)
        stubborn.refuses = False
