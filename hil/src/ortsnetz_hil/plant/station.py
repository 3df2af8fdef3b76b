"""The agent's station: its meters and devices, and what stands in for missing ones."""

from __future__ import annotations

from ortsnetz_common.parameters.floors import NO_FLOOR, SECTION_14A
from ortsnetz_common.parameters.station import (
    NOMINAL_PHASE_V,
    Device,
    DeviceKind,
    Meter,
    MeterRole,
    SourcePseudo,
    Station,
    TapChanger,
)
from ortsnetz_hil.plant import home_records, pseudo
from ortsnetz_hil.plant.configuration import (
    PlantConfiguration,
    PlantMeter,
)
from ortsnetz_hil.plant.devices.inverter import FALLBACK
from ortsnetz_hil.plant.devices.limited import FULL
from ortsnetz_hil.plant.devices.specs import ChargePoint, Inverter
from ortsnetz_hil.plant.devices.watchdog import DEFAULT_S
from ortsnetz_hil.plant.network_file import PlantNetwork
from ortsnetz_hil.plant.reached import ROUNDING_W, connection, known_phases, profile
from ortsnetz_hil.plant.records import Records

SOURCE_U_PU = 1.02
SOURCE_SIGMA_PU = 0.01
EV_REACTION_S = 5.0
PV_REACTION_S = 2.0
REACTIVE_SHARE = 0.436
"""Of the rating: power factor 0.90, which plants above 4.6 kVA have to be able to keep
(VDE-AR-N 4105:2018-11, 5.7.2.2)."""
ROLES = {
    "meter-transformer": MeterRole.TRANSFORMER,
    "meter-feeder": MeterRole.FEEDER,
    "meter-customer": MeterRole.CUSTOMER,
}
CUSTOMER_PHASE_W = 4000.0  # phase power at which a customer meter's absolute accuracy is stated
FEEDER_SHARE = 0.3  # the same for feeders, of the largest transformer


def station(configuration: PlantConfiguration, records: Records) -> Station:
    """What the DSO knows about the substation.

    Heat pumps and batteries that nobody may command are customers without a meter.

    Args:
        configuration: the plant's configuration.
        records: what the DSO's records have of the network.
    """
    network = records.network
    loads = [load for load in records.loads() if not records.measures(load)]
    return Station(
        meters=tuple(_meter(configuration, records, meter) for meter in configuration.meters),
        devices=(
            *(_charge_point(configuration, records, spec) for spec in configuration.charge_points),
            *(_inverter(configuration, records, spec) for spec in configuration.inverters),
            *home_records.devices(configuration, records),
        ),
        tap_changers=tuple(
            TapChanger(
                name=spec.name,
                profile=profile(configuration, spec.name, "tap-changer"),
                connection=connection(configuration, spec),
                element=spec.element,
                setpoint_pu=spec.setpoint_pu,
            )
            for spec in configuration.tap_changers
        ),
        pseudo=(
            *(pseudo.of_load(load, records.season) for load in loads),
            *(pseudo.of_generator(g, records.season) for g in network.elements("asym_gen")),
            *(
                pseudo.of_heat_pump(pump, records.outdoor_c)
                for pump in configuration.heat_pumps
                if not pump.commanded
            ),
            *(pseudo.of_battery(one) for one in configuration.batteries if not one.commanded),
        ),
        # a station has one source; with several, the weak assumption stands at the first
        source=SourcePseudo(
            node=int(network.data["source"]["node"][0]),
            u_pu=SOURCE_U_PU,
            sigma_pu=SOURCE_SIGMA_PU,
        ),
    )


def _meter(configuration: PlantConfiguration, records: Records, meter: PlantMeter) -> Meter:
    accuracy = configuration.meter_class(meter.profile)
    full_scale_w = _full_scale_w(records.network, meter)
    return Meter(
        name=meter.name,
        role=ROLES[meter.profile],
        profile=profile(configuration, meter.name, meter.profile),
        connection=connection(configuration, meter),
        element=meter.element,
        phases=records.phases.get(meter.name, meter.phases),
        u_sigma=accuracy.u,
        p_sigma=round(accuracy.power * full_scale_w + ROUNDING_W, 1),
        side=meter.side,
        guards=meter.profile == "meter-transformer",
    )


def _full_scale_w(network: PlantNetwork, meter: PlantMeter) -> float:
    """Phase power at which the absolute accuracy of a meter is stated."""
    if meter.profile == "meter-customer":
        return CUSTOMER_PHASE_W
    transformers = network.data["transformer"]
    if meter.profile == "meter-transformer":
        return float(transformers["sn"][transformers["id"] == meter.element][0]) / 3.0
    return float(transformers["sn"].max()) / 3.0 * FEEDER_SHARE


def _charge_point(configuration: PlantConfiguration, records: Records, spec: ChargePoint) -> Device:
    accuracy = configuration.meter_class("ev-controller")
    terminals = len(spec.phases)
    per_ampere = NOMINAL_PHASE_V * terminals
    return Device(
        name=spec.name,
        kind=DeviceKind.EV,
        profile=profile(configuration, spec.name, "ev-controller"),
        connection=connection(configuration, spec),
        element=spec.element,
        phase_count=terminals,
        phases=spec.phases if known_phases(records, spec) else None,
        rated_w=spec.rated_a * per_ampere,
        floor_w=spec.floor_a * per_ampere,
        floor_rule=SECTION_14A,
        reaction_s=EV_REACTION_S,
        fallback_w=spec.floor_a * per_ampere,
        u_sigma=accuracy.u,
        p_sigma=round(accuracy.power * spec.rated_a * NOMINAL_PHASE_V + ROUNDING_W, 1),
        step_a=1.0,
        watchdog_s=float(DEFAULT_S),
    )


def _inverter(configuration: PlantConfiguration, records: Records, spec: Inverter) -> Device:
    accuracy = configuration.meter_class("pv-inverter")
    terminals = len(spec.phases)
    return Device(
        name=spec.name,
        kind=DeviceKind.PV,
        profile=profile(configuration, spec.name, "pv-inverter"),
        connection=connection(configuration, spec),
        element=spec.element,
        phase_count=terminals,
        phases=spec.phases if known_phases(records, spec) else None,
        rated_w=spec.rated_w,
        floor_w=0.0,
        floor_rule=NO_FLOOR,
        reaction_s=PV_REACTION_S,
        fallback_w=spec.rated_w * FALLBACK / FULL,
        u_sigma=accuracy.u,
        p_sigma=round(accuracy.power * spec.rated_w / terminals + ROUNDING_W, 1),
        watchdog_s=float(DEFAULT_S),
        reactive_var=round(REACTIVE_SHARE * spec.rated_w, 1),
        apparent_va=spec.rated_w,
    )
