"""Devices, profiles and the records of the station, as scenario files describe them."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from ortsnetz_hil.scenarios.durations import Seconds

Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Error = Annotated[float, Meta(ge=0.0, le=0.5)]
PerCent = Annotated[float, Meta(ge=0.0, le=20.0)]
Count = Annotated[int, Meta(ge=0, le=1000)]
Kilowatts = Annotated[float, Meta(gt=0.0, le=1000.0)]
KilowattHours = Annotated[float, Meta(gt=0.0, le=10_000.0)]
RATINGS_KW = (22.0, 22.0, 11.0, 11.0, 4.6)
TimeOfDay = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d\Z")]


class Arrival(Struct, frozen=True, forbid_unknown_fields=True):
    """When cars come home: normally distributed around `mean` (calendar, UTC)."""

    mean: TimeOfDay = "18:00"
    sigma_min: Annotated[float, Meta(ge=0.0, le=720.0)] = 36.0


class ChargePoints(Struct, frozen=True, forbid_unknown_fields=True):
    """Charge points and their cars.

    Attributes:
        ratings_kw: repeated over the charge points in this order.
        energy_kwh: least and most that a car takes, at the battery.
        single_phase_cars: share of cars that use one phase of a three-phase charge point.
        tail_share: share of a car's energy that is charged with falling current at the end.
        noon_share: share of charge points that are also used at noon.
        phases: how they are wired: all to `abc`, from the seed (`random`), single-phase ones
            included, or every first terminal to one phase.
    """

    count: Count
    ratings_kw: Annotated[tuple[Kilowatts, ...], Meta(min_length=1)] = RATINGS_KW
    arrival: Arrival = Arrival()
    energy_kwh: tuple[KilowattHours, KilowattHours] = (22.0, 50.0)
    single_phase_cars: Share = 0.0
    tail_share: Share = 0.0
    noon_share: Share = 0.2
    phases: Literal["abc", "random", "a", "b", "c"] = "abc"


class Inverters(Struct, frozen=True, forbid_unknown_fields=True):
    """PV inverters: `vde-ar-n-4105` adds Q(U), P(U) and protection stages."""

    count: Count
    rated_kw: Kilowatts = 15.0
    control: Literal["unity", "vde-ar-n-4105"] = "unity"
    phases: Literal["three", "single"] = "three"


class HeatPumps(Struct, frozen=True, forbid_unknown_fields=True):
    """Heat pumps with their buildings; the rating is electrical.

    Attributes:
        commanded: whether the device under test may limit them; else they are customers.
        control_boxes: whether they are reached through control boxes, which pass a limit on after
            one to two minutes of plant time.
    """

    count: Count
    rated_kw: Kilowatts = 4.0
    commanded: bool = False
    control_boxes: bool = False


class Batteries(Struct, frozen=True, forbid_unknown_fields=True):
    """Home batteries; `commanded` as with heat pumps."""

    count: Count
    rated_kw: Kilowatts = 5.0
    capacity_kwh: KilowattHours = 10.0
    commanded: bool = False


class TapChanger(Struct, frozen=True, forbid_unknown_fields=True):
    """An on-load tap changer at the transformer, with its own controller.

    Attributes:
        setpoint_pu, band_pu: wanted voltage of the busbar and half width of the dead band.
        delay_s: time outside the band before a step; step_s: duration of one step.
        steps_a_day: operations after which it stays where it is.
        tap_size_pu: voltage of one step; range: steps in either direction.
    """

    setpoint_pu: Annotated[float, Meta(ge=0.8, le=1.2)] = 1.0
    band_pu: Annotated[float, Meta(gt=0.0, le=0.1)] = 0.015
    delay_s: Seconds = Seconds(10.0)
    step_s: Seconds = Seconds(3.0)
    steps_a_day: Annotated[int, Meta(ge=0, le=10_000)] = 40
    tap_size_pu: Annotated[float, Meta(gt=0.0, le=0.1)] = 0.025
    range: Annotated[int, Meta(ge=1, le=20)] = 4


class Devices(Struct, frozen=True, forbid_unknown_fields=True):
    """What takes setpoints, and the tap changer; a kind that is left out is not there."""

    charge_points: ChargePoints = ChargePoints(count=0)
    inverters: Inverters = Inverters(count=0)
    heat_pumps: HeatPumps = HeatPumps(count=0)
    batteries: Batteries = Batteries(count=0)
    tap_changer: TapChanger | None = None


class Csv(Struct, frozen=True, forbid_unknown_fields=True):
    """A file of curves, relative to the scenario file."""

    csv: Annotated[str, Meta(min_length=1)]


class Profiles(Struct, frozen=True, forbid_unknown_fields=True):
    """What customers and the sun do; `sky` puts clouds from the seed on top."""

    loads: Literal["simbench"] | Csv = "simbench"
    sun: Literal["simbench", "clear_sky"] | Csv = "simbench"
    sky: Literal["clear", "scattered", "overcast", "broken"] = "clear"
    outdoor_c: Annotated[float, Meta(ge=-40.0, le=50.0)] = 5.0


class AccuracyClasses(Struct, frozen=True, forbid_unknown_fields=True):
    """Accuracy classes in per cent of the reading, by what is measured."""

    transformer: PerCent = 0.5
    feeder: PerCent = 1.0
    customer: PerCent = 0.5
    device: PerCent = 1.0


class StationRecords(Struct, frozen=True, forbid_unknown_fields=True):
    """What the device under test is told, and how wrong it is.

    Attributes:
        metered_share: share of customers with a meter.
        line_error, transformer_error: impedances are off by up to this share.
        missing_customers: customers that the records do not have.
        wrong_phases: metered customers whose phases are recorded wrongly.
    """

    metered_share: Share = 0.25
    line_error: Error = 0.10
    transformer_error: Error = 0.05
    missing_customers: Count = 0
    wrong_phases: Count = 0
    ct_class: AccuracyClasses = AccuracyClasses()
