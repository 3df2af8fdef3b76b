"""The agent's station: its meters and devices, and what stands in for missing ones."""

from __future__ import annotations

from ortsnetz_common.parameters.station import (
    NOMINAL_PHASE_V,
    Connection,
    Device,
    DeviceKind,
    Meter,
    MeterRole,
    SourcePseudo,
    Station,
)
from ortsnetz_hil.plant import pseudo
from ortsnetz_hil.plant.configuration import (
    PlantConfiguration,
    PlantMeter,
)
from ortsnetz_hil.plant.devices.inverter import FALLBACK, FULL
from ortsnetz_hil.plant.devices.specs import ChargePoint, Inverter
from ortsnetz_hil.plant.devices.watchdog import DEFAULT_S
from ortsnetz_hil.plant.network_file import PlantNetwork

PROTOCOL = "modbus-tcp"
SOURCE_U_PU = 1.02
SOURCE_SIGMA_PU = 0.01
EV_REACTION_S = 5.0
PV_REACTION_S = 2.0
EV_FLOOR_RULE = "4.2 kW after section 14a EnWG, rounded up to the next ampere"
PV_FLOOR_RULE = "0 W: feed-in has no guaranteed minimum"
ROLES = {
    "meter-transformer": MeterRole.TRANSFORMER,
    "meter-feeder": MeterRole.FEEDER,
    "meter-customer": MeterRole.CUSTOMER,
}
CUSTOMER_PHASE_W = 4000.0  # phase power at which a customer meter's absolute accuracy is stated
ROUNDING_W = 3.0  # watts, decivolts and scale factors of the register maps


def station(configuration: PlantConfiguration, network: PlantNetwork) -> Station:
    """What the DSO knows about the substation.

    Args:
        configuration: the plant's configuration.
        network: the network before devices are added: its loads and generators are customers.
    """
    measured = {load for meter in configuration.meters for load in meter.loads}
    loads = [e for e in network.elements("asym_load") if e["id"] not in measured]
    return Station(
        meters=tuple(_meter(configuration, network, meter) for meter in configuration.meters),
        devices=(
            *(_charge_point(configuration, spec) for spec in configuration.charge_points),
            *(_inverter(configuration, spec) for spec in configuration.inverters),
        ),
        pseudo=(
            *(pseudo.of_load(load) for load in loads),
            *(pseudo.of_generator(gen) for gen in network.elements("asym_gen")),
        ),
        source=SourcePseudo(
            node=int(network.data["source"]["node"][0]),
            u_pu=SOURCE_U_PU,
            sigma_pu=SOURCE_SIGMA_PU,
        ),
    )


def _connection(configuration: PlantConfiguration, port: int) -> Connection:
    return Connection(protocol=PROTOCOL, host=configuration.host, port=port)


def _meter(configuration: PlantConfiguration, network: PlantNetwork, meter: PlantMeter) -> Meter:
    accuracy = configuration.meter_class(meter.profile)
    return Meter(
        name=meter.name,
        role=ROLES[meter.profile],
        profile=meter.profile,
        connection=_connection(configuration, meter.port),
        element=meter.element,
        phases=meter.phases,
        u_sigma=accuracy.u,
        p_sigma=round(accuracy.power * _full_scale_w(network, meter) + ROUNDING_W, 1),
        side=meter.side,
        guards=meter.profile == "meter-transformer",
    )


def _full_scale_w(network: PlantNetwork, meter: PlantMeter) -> float:
    """Phase power at which the absolute accuracy of a meter is stated."""
    if meter.profile == "meter-customer":
        return CUSTOMER_PHASE_W
    transformer = network.data["transformer"]
    share = 1.0 if meter.profile == "meter-transformer" else 0.3
    return float(transformer["sn"][0]) / 3.0 * share


def _charge_point(configuration: PlantConfiguration, spec: ChargePoint) -> Device:
    accuracy = configuration.meter_class("ev-controller")
    terminals = len(spec.phases)
    per_ampere = NOMINAL_PHASE_V * terminals
    return Device(
        name=spec.name,
        kind=DeviceKind.EV,
        profile="ev-controller",
        connection=_connection(configuration, spec.port),
        element=spec.element,
        phase_count=terminals,
        phases=spec.phases if known_phases(configuration, spec) else None,
        rated_w=spec.rated_a * per_ampere,
        floor_w=spec.floor_a * per_ampere,
        floor_rule=EV_FLOOR_RULE,
        reaction_s=EV_REACTION_S,
        fallback_w=spec.floor_a * per_ampere,
        u_sigma=accuracy.u,
        p_sigma=round(accuracy.power * spec.rated_a * NOMINAL_PHASE_V + ROUNDING_W, 1),
        step_a=1.0,
        watchdog_s=float(DEFAULT_S),
    )


def _inverter(configuration: PlantConfiguration, spec: Inverter) -> Device:
    accuracy = configuration.meter_class("pv-inverter")
    return Device(
        name=spec.name,
        kind=DeviceKind.PV,
        profile="pv-inverter",
        connection=_connection(configuration, spec.port),
        element=spec.element,
        phase_count=3,
        phases="abc",
        rated_w=spec.rated_w,
        floor_w=0.0,
        floor_rule=PV_FLOOR_RULE,
        reaction_s=PV_REACTION_S,
        fallback_w=spec.rated_w * FALLBACK / FULL,
        u_sigma=accuracy.u,
        p_sigma=round(accuracy.power * spec.rated_w / 3.0 + ROUNDING_W, 1),
        watchdog_s=float(DEFAULT_S),
    )


def known_phases(configuration: PlantConfiguration, spec: ChargePoint) -> bool:
    """Whether the DSO knows a charge point's phases: three-phase ones, or at a metered customer."""
    metered = {meter.element for meter in configuration.meters if meter.loads}
    return len(spec.phases) == 3 or spec.node in metered
