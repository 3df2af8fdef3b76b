"""What kind of plant is wanted, as plain values: the defaults are the demonstration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ortsnetz_hil.faults.specs import Fault
from ortsnetz_hil.plant.calendar import WINDOW_START_NS
from ortsnetz_hil.plant.configuration import Pace
from ortsnetz_hil.plant.devices.specs import InverterControl
from ortsnetz_hil.plant.events import Event


@dataclass(frozen=True, slots=True)
class TieWish:
    """A new open line between two nodes, like an existing line scaled by its length.

    Attributes:
        name: name of the new line.
        from_node, to_node: nodes by id or by name.
        like: the existing line, by id or by name.
        length: length over that of the existing line.
    """

    name: str
    from_node: int | str
    to_node: int | str
    like: int | str
    length: float = 1.0


@dataclass(frozen=True, slots=True)
class NetworkWish:
    """The network and what is changed in it, for the plant and for the records alike.

    Attributes:
        path: network file.
        rated_kva: rating that replaces the transformers' own.
        z, i, p: shares of constant impedance, current and power in each customer's load.
        ties: new open lines.
    """

    path: Path
    rated_kva: float | None = None
    z: float = 0.0
    i: float = 0.0
    p: float = 1.0
    ties: tuple[TieWish, ...] = ()


@dataclass(frozen=True, slots=True)
class AccuracyWish:
    """Accuracy of a kind of meter or device, standard deviations in per cent of the reading.

    Attributes:
        profile: register map, e.g. `meter-feeder`.
    """

    profile: str
    u_percent: float
    power_percent: float


@dataclass(frozen=True, slots=True)
class StationErrors:
    """How far what the device under test is told is from the plant.

    Attributes:
        metered_share: metered customers of all, as far as they are alone at their node.
        line_error, transformer_error: largest relative error of an impedance.
        missing_customers: customers without a meter that the records do not know.
        wrong_phases: customer meters whose recorded phases are wrong.
        accuracy: replaces the accuracy of single kinds of meters.
    """

    metered_share: float = 0.25
    line_error: float = 0.10
    transformer_error: float = 0.05
    missing_customers: int = 0
    wrong_phases: int = 0
    accuracy: tuple[AccuracyWish, ...] = ()


@dataclass(frozen=True, slots=True)
class ChargePointWish:
    """Charge points and their cars.

    Attributes:
        ratings_kw: mixture, repeated in this order: 22 and 11 are three-phase, 7.4, 4.6 and 3.7
            single-phase.
        arrival_h: mean arrival, hour of the calendar's day; arrivals scatter normally about it with
            `arrival_sigma_h`, at most 2.5 sigmas away.
        energy_kwh: lowest and highest energy of an evening; None for a range by rating.
        noon_share: share of points at which a car also charges at noon.
        single_phase_share: share of cars at three-phase points that use one phase only.
        tail_share: share of the energy charged with a falling current.
        phases: of single-phase points: `random`, `abc` (in turn), or the letter that all share.
        rotation: wiring of three-phase points: a rotation such as `abc` or `bca`, or `random`.
    """

    count: int = 20
    ratings_kw: tuple[float, ...] = (22, 22, 11, 11, 4.6)
    arrival_h: float = 18.0
    arrival_sigma_h: float = 0.6
    energy_kwh: tuple[float, float] | None = None
    noon_share: float = 0.2
    single_phase_share: float = 0.0
    tail_share: float = 0.0
    phases: str = "random"
    rotation: str = "abc"


@dataclass(frozen=True, slots=True)
class InverterWish:
    """PV inverters.

    Attributes:
        rated_w: rated power of each.
        control: name of a control preset, or the control itself.
        phases: `abc` three-phase, a letter, or `random` (single-phase).
    """

    count: int = 20
    rated_w: float = 15_000.0
    control: str | InverterControl = "unity"
    phases: str = "abc"


@dataclass(frozen=True, slots=True)
class HeatPumpWish:
    """Heat pumps, at customers without a meter.

    Attributes:
        rated_w: electrical rated power of each.
        commanded: whether the device under test may command them; else they are customers.
        control_boxes: whether they are reached through control boxes, which take a minute or two.
    """

    count: int = 0
    rated_w: float = 3_000.0
    commanded: bool = False
    control_boxes: bool = False


@dataclass(frozen=True, slots=True)
class BatteryWish:
    """Home batteries, first at customers with PV, always at customers without a meter.

    Attributes:
        rated_w: highest power of each in either direction.
        capacity_wh: usable energy of each.
        commanded: whether the device under test may command them; else they are customers.
    """

    count: int = 0
    rated_w: float = 5_000.0
    capacity_wh: float = 10_000.0
    commanded: bool = False


@dataclass(frozen=True, slots=True)
class TapChangerWish:
    """An on-load tap changer and its controller; its range is written into both networks.

    Attributes:
        transformer: id or name, None for the first.
        steps: positions on each side of the middle.
        step_percent: voltage of one step, per cent of the tapped winding's rated voltage.
        setpoint_pu, band_pu, delay_s, step_s, steps_a_day: see `devices.specs.TapChanger`.
    """

    transformer: int | str | None = None
    steps: int = 4
    step_percent: float = 2.5
    setpoint_pu: float = 1.0
    band_pu: float = 0.02
    delay_s: float = 10.0
    step_s: float = 3.0
    steps_a_day: int = 50


@dataclass(frozen=True, slots=True)
class ProfileWish:
    """What customers and sun follow.

    Attributes:
        loads: `simbench` or `csv`.
        sun: `simbench`, `csv` or `clear_sky`.
        csv: file of profiles, where one of them is `csv`.
        sky: clouds on top of the sun: `clear`, `scattered`, `broken` or `overcast`.
        outdoor_c: mean outdoor temperature.
    """

    loads: str = "simbench"
    sun: str = "simbench"
    csv: Path | None = None
    sky: str = "clear"
    outdoor_c: float = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What kind of plant is wanted.

    Attributes:
        out: run directory.
        wall_start_ns: wall instant at which the calendar's window begins.
        begin_ns: calendar instant (UTC, ns) at which the window begins.
        seconds: length of the run in plant seconds; None for an endless one.
        calendar_factor: calendar seconds per plant second; None for the demonstration's twelve
            hours in `seconds`.
        host: address of the plant's devices; `base_port`: the first of their consecutive ports.
        events, faults: elements are ids of the plant's network.
        parameters: overrides of the derived parameter set by section, see `overlay.SECTIONS`.
        u_pu, loading: limits by which the run is judged.
        protocols: through what the devices are seen, see `protocols`.
    """

    network: NetworkWish
    out: Path
    wall_start_ns: int
    seed: int = 1
    node: str = "ons-1"
    host: str = "127.0.0.1"
    base_port: int = 15020
    begin_ns: int = WINDOW_START_NS
    seconds: float | None = None
    calendar_factor: float | None = None
    errors: StationErrors = StationErrors()
    charge_points: ChargePointWish = ChargePointWish()
    inverters: InverterWish = InverterWish()
    heat_pumps: HeatPumpWish = HeatPumpWish()
    batteries: BatteryWish = BatteryWish()
    tap_changers: tuple[TapChangerWish, ...] = ()
    profiles: ProfileWish = ProfileWish()
    pace: Pace = field(default_factory=Pace)
    events: tuple[Event, ...] = ()
    faults: tuple[Fault, ...] = ()
    parameters: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    u_pu: tuple[float, float] = (0.95, 1.05)
    loading: float = 1.0
    protocols: str = "modbus"
