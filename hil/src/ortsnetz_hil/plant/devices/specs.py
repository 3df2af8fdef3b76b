"""What a device is: the part of the plant's configuration that its model is made from.

Reaction times, trip times and time constants are plant seconds (the time in which protocols run);
energy, heat and minimum running times pass in calendar seconds.
"""

from __future__ import annotations

from msgspec import Struct


class Session(Struct, frozen=True, forbid_unknown_fields=True):
    """One stay of a car; the same each day of the calendar.

    Attributes:
        arrival_s, departure_s: calendar seconds since the beginning of the window.
        energy_wh: what its battery takes.
        max_a: highest current that the car takes, per phase.
        phases: phases that the car uses, from terminal 1 on: 1, 2 or 3.
        tail_share: share of `energy_wh` at the end that is charged at constant voltage, with the
            current falling (constant-current/constant-voltage charging); 0 for none.
    """

    arrival_s: float
    departure_s: float
    energy_wh: float
    max_a: float
    phases: int = 3
    tail_share: float = 0.0


class ChargePoint(Struct, frozen=True, forbid_unknown_fields=True):
    """An EV charge point.

    Attributes:
        element: id of its asym_load.
        phases: network phases at its terminals: three letters (rotated where the fitter rotated
            them), or one if it is single-phase.
        rated_a: rated current per phase.
        floor_a: guaranteed minimum, whole amperes.
        reaction_s: time until the car follows a new limit (IEC 61851-1: at most 5 s).
    """

    name: str
    element: int
    node: int
    port: int
    phases: str
    rated_a: int
    floor_a: int
    reaction_s: float
    sessions: tuple[Session, ...]


class Point(Struct, frozen=True, forbid_unknown_fields=True):
    """A corner of a characteristic: voltage in per unit, and what belongs to it."""

    u_pu: float
    share: float


class Trip(Struct, frozen=True, forbid_unknown_fields=True):
    """A voltage protection stage (VDE-AR-N 4105, 6.5): trips after `after_s` beyond `u_pu`.

    Attributes:
        over: whether it acts above (`U>`) or below (`U<`) its setting.
        mean_s: the stage looks at the mean over so many plant seconds; 0 for the present value.
    """

    u_pu: float
    over: bool
    after_s: float
    mean_s: float = 0.0


class InverterControl(Struct, frozen=True, forbid_unknown_fields=True):
    """How an inverter supports and leaves the grid.

    Attributes:
        q_of_u: reactive power over voltage, shares of the rated apparent power, inductive
            (voltage-lowering) positive; empty for unity power factor.
        p_of_u: highest active power over voltage, shares of the rated power; empty for none.
        time_constant_s: first-order lag of both characteristics.
        lowest_power_factor: reactive power gives way below it: |Q| <= P tan(acos(it)); 0 for none.
        trips: protection stages; empty for an inverter that only leaves a dead grid.
        reconnect_u_pu: band in which it comes back, after `reconnect_after_s` inside it, with
            `reconnect_ramp_per_s` of its rating per plant second.
    """

    q_of_u: tuple[Point, ...] = ()
    p_of_u: tuple[Point, ...] = ()
    time_constant_s: float = 3.3
    lowest_power_factor: float = 0.0
    trips: tuple[Trip, ...] = ()
    reconnect_u_pu: tuple[float, float] = (0.85, 1.10)
    reconnect_after_s: float = 60.0
    reconnect_ramp_per_s: float = 0.1 / 60.0


class Inverter(Struct, frozen=True, forbid_unknown_fields=True):
    """A PV inverter.

    Attributes:
        element: id of its asym_gen.
        profile: name of its sun profile, scaled to 1 at its best instant of the year.
        rated_w: rated power, total; also its rated apparent power, VA.
        reaction_s: time until it follows a new limit.
        phases: network phases at its terminals: three letters or one.
    """

    name: str
    element: int
    node: int
    port: int
    profile: str
    rated_w: float
    reaction_s: float
    phases: str = "abc"
    control: InverterControl = InverterControl()


class HeatPump(Struct, frozen=True, forbid_unknown_fields=True):
    """A heat pump with the building that it heats.

    Attributes:
        element: id of its asym_load.
        phases: network phases at its terminals: three letters or one.
        rated_w: electrical rated power, total; it runs at this power or not at all.
        floor_w: guaranteed minimum of its limit (14a EnWG).
        cop: coefficient of performance.
        loss_w_per_k: heat loss of the building; capacity_wh_per_k: its heat capacity.
        setpoint_c: wanted temperature; band_k: half width of its hysteresis.
        start_c: temperature of the building at the beginning of the window.
        min_on_s, min_off_s: compressor protection, calendar seconds.
        reaction_s: time until it follows a new limit, plant seconds.
        commanded: whether the device under test may command it.
        box_s: it is reached through a control box, and so long a command takes until it has it,
            plant seconds; 0 without one.
    """

    name: str
    element: int
    node: int
    port: int
    phases: str
    rated_w: float
    floor_w: float
    cop: float
    loss_w_per_k: float
    capacity_wh_per_k: float
    setpoint_c: float
    band_k: float
    start_c: float
    min_on_s: float
    min_off_s: float
    reaction_s: float
    commanded: bool = False
    box_s: float = 0.0


class Battery(Struct, frozen=True, forbid_unknown_fields=True):
    """A home battery that follows its customer's power (self-consumption).

    Attributes:
        element: id of its asym_load; charging counts positive.
        phases: network phases at its terminals: three letters or one.
        rated_w: highest power in either direction, total.
        capacity_wh: usable energy; start_share: state of charge at the beginning, 0 to 1.
        efficiency: of one direction, 0 to 1.
        reserve_share: state of charge below which it does not discharge.
        reaction_s: time until it follows a new limit, plant seconds.
        commanded: whether the device under test may command it.
    """

    name: str
    element: int
    node: int
    port: int
    phases: str
    rated_w: float
    capacity_wh: float
    start_share: float
    efficiency: float
    reserve_share: float
    reaction_s: float
    commanded: bool = False


class TapChanger(Struct, frozen=True, forbid_unknown_fields=True):
    """The controller of a transformer's on-load tap changer.

    Attributes:
        element: id of the transformer; its file states tap_size, tap_min, tap_max, tap_nom.
        setpoint_pu: wanted voltage of the low-voltage busbar (mean of the phases).
        band_pu: half width of the dead band.
        delay_s: time outside the band before a step; step_s: duration of one step; plant seconds.
        steps_a_day: operations after which it stays where it is.
    """

    name: str
    element: int
    port: int
    setpoint_pu: float
    band_pu: float
    delay_s: float
    step_s: float
    steps_a_day: int
