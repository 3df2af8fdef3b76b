"""From a scenario to what the plant's preparation is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_hil.plant.configuration import Pace
from ortsnetz_hil.plant.request import (
    AccuracyWish,
    BatteryWish,
    ChargePointWish,
    HeatPumpWish,
    InverterWish,
    NetworkWish,
    ProfileWish,
    Request,
    StationErrors,
    TapChangerWish,
    TieWish,
)
from ortsnetz_hil.scenarios.devices import Csv
from ortsnetz_hil.scenarios.schema import Scenario

ROTATIONS = {"a": "abc", "b": "bca", "c": "cab"}
"""Wiring that puts the first terminal on a phase."""
VOLTAGE_PERCENT = 0.2
"""Standard deviation of voltages: instruments of all classes measure them this well."""


@dataclass(frozen=True, slots=True)
class Bench:
    """Where a run takes place.

    Attributes:
        out: run directory.
        folder: where paths of the scenario file begin.
        host: address of the plant's devices; `device_port`: the first of their ports.
        clock_port: of the bench clock, in stepped time.
        wall_start_ns: wall instant at which the window begins.
    """

    out: Path
    folder: Path
    host: str
    device_port: int
    clock_port: int
    wall_start_ns: int
    node: str


def request(scenario: Scenario, bench: Bench, network: Path) -> Request:
    """What the plant shall be, without events and faults: their elements have no ids yet.

    Args:
        scenario: as it was read.
        bench: where the run takes place.
        network: the imported network file.

    Raises:
        InputError: the scenario names what the network does not have.
    """
    time, stepped = scenario.time, scenario.time.mode == "stepped"
    return Request(
        network=_network(scenario, network),
        out=bench.out,
        wall_start_ns=bench.wall_start_ns,
        seed=scenario.seed,
        node=bench.node,
        host=bench.host,
        base_port=bench.device_port,
        begin_ns=round(time.begin.timestamp()) * NS_PER_S,
        seconds=float(time.seconds),
        calendar_factor=time.calendar_factor,
        errors=_errors(scenario),
        charge_points=_charge_points(scenario),
        inverters=_inverters(scenario),
        heat_pumps=HeatPumpWish(
            count=scenario.devices.heat_pumps.count,
            rated_w=scenario.devices.heat_pumps.rated_kw * 1000.0,
            commanded=scenario.devices.heat_pumps.commanded,
            control_boxes=scenario.devices.heat_pumps.control_boxes,
        ),
        batteries=BatteryWish(
            count=scenario.devices.batteries.count,
            rated_w=scenario.devices.batteries.rated_kw * 1000.0,
            capacity_wh=scenario.devices.batteries.capacity_kwh * 1000.0,
            commanded=scenario.devices.batteries.commanded,
        ),
        tap_changers=_tap_changers(scenario),
        profiles=_profiles(scenario, bench.folder),
        pace=Pace(
            step_s=float(time.step_s),
            stepped=stepped,
            clock_port=bench.clock_port if stepped else None,
            factor=time.factor,
        ),
        parameters=msgspec.to_builtins(scenario.connected.parameters),
        protocols=scenario.connected.protocols,
    )


def _network(scenario: Scenario, path: Path) -> NetworkWish:
    wanted = scenario.network
    dependence = wanted.customers
    return NetworkWish(
        path=path,
        rated_kva=wanted.transformer_kva,
        z=dependence.z,
        i=dependence.i,
        p=dependence.p,
        ties=tuple(
            TieWish(tie.name, tie.start, tie.end, tie.like, tie.length) for tie in wanted.ties
        ),
    )


def _errors(scenario: Scenario) -> StationErrors:
    records, classes = scenario.station, scenario.station.ct_class
    by_profile = {
        "meter-transformer": classes.transformer,
        "meter-feeder": classes.feeder,
        "meter-customer": classes.customer,
        "ev-controller": classes.device,
        "pv-inverter": classes.device,
        "heat-pump": classes.device,
        "home-battery": classes.device,
    }
    return StationErrors(
        metered_share=records.metered_share,
        line_error=records.line_error,
        transformer_error=records.transformer_error,
        missing_customers=records.missing_customers,
        wrong_phases=records.wrong_phases,
        accuracy=tuple(
            AccuracyWish(profile, VOLTAGE_PERCENT, percent)
            for profile, percent in by_profile.items()
        ),
    )


def _charge_points(scenario: Scenario) -> ChargePointWish:
    wanted = scenario.devices.charge_points
    hour, minute = wanted.arrival.mean.split(":")
    return ChargePointWish(
        count=wanted.count,
        ratings_kw=wanted.ratings_kw,
        arrival_h=int(hour) + int(minute) / 60.0,
        arrival_sigma_h=wanted.arrival.sigma_min / 60.0,
        energy_kwh=wanted.energy_kwh,
        noon_share=wanted.noon_share,
        single_phase_share=wanted.single_phase_cars,
        tail_share=wanted.tail_share,
        phases=wanted.phases,
        rotation=ROTATIONS.get(wanted.phases, wanted.phases),
    )


def _inverters(scenario: Scenario) -> InverterWish:
    wanted = scenario.devices.inverters
    return InverterWish(
        count=wanted.count,
        rated_w=wanted.rated_kw * 1000.0,
        control=wanted.control,
        phases="abc" if wanted.phases == "three" else "random",
    )


def _tap_changers(scenario: Scenario) -> tuple[TapChangerWish, ...]:
    wanted = scenario.devices.tap_changer
    if wanted is None:
        return ()
    return (
        TapChangerWish(
            steps=wanted.range,
            step_percent=wanted.tap_size_pu * 100.0,
            setpoint_pu=wanted.setpoint_pu,
            band_pu=wanted.band_pu,
            delay_s=float(wanted.delay_s),
            step_s=float(wanted.step_s),
            steps_a_day=wanted.steps_a_day,
        ),
    )


def _profiles(scenario: Scenario, folder: Path) -> ProfileWish:
    wanted = scenario.profiles
    files = {p.csv for p in (wanted.loads, wanted.sun) if isinstance(p, Csv)}
    if len(files) > 1:
        raise InputError("profiles: loads and sun take one file of curves between them")
    return ProfileWish(
        loads="csv" if isinstance(wanted.loads, Csv) else wanted.loads,
        sun="csv" if isinstance(wanted.sun, Csv) else wanted.sun,
        csv=folder / files.pop() if files else None,
        sky=wanted.sky,
        outdoor_c=wanted.outdoor_c,
    )
