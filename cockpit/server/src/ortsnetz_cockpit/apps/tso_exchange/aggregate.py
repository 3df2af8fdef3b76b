"""Aggregates of an interface by kind, from windowed means. Pure.

Signs: the interface counts import from the TSO positive. The transformer meter counts power *into*
the transformer at its side, so at the low-voltage (`to`) side import is minus its reading, and the
losses of the transformer are not included. The kinds count consumption positive: PV is negative.
Demand is the residual and holds losses, heat pumps and uncontrolled generation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ortsnetz_cockpit.apps.tso_exchange.figures import (
    Figure,
    Shares,
    add,
    negated,
    nothing,
    residual,
    source_total,
)
from ortsnetz_cockpit.apps.tso_exchange.profile import Interface, Kind, Power, Quantity
from ortsnetz_cockpit.sdk.contract import Window
from ortsnetz_common.measurement.point import ACTIVE_POWER, REACTIVE_POWER, phase_points
from ortsnetz_common.parameters.station import DeviceKind, Side, Station

_OBJECTS = {Power.P: ACTIVE_POWER, Power.Q: REACTIVE_POWER}
_DEVICES = {
    Kind.PV: DeviceKind.PV,
    Kind.EV: DeviceKind.EV,
    Kind.STORAGE: DeviceKind.STORAGE,
}


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One interval of one interface: the agreed figures only."""

    start_ns: int
    figures: tuple[tuple[Quantity, Figure], ...]

    @property
    def is_final(self) -> bool:
        """Whether later samples can hardly change it: nothing is missing."""
        return all(figure.share >= 1.0 for _, figure in self.figures)


def points_needed(interface: Interface, station: Station) -> tuple[str, ...]:
    """Names of the points from which the agreed figures are made."""
    names: list[str] = []
    for power in {quantity.power for quantity in interface.quantities}:
        sources = [interface.transformer_meter]
        sources += [d.name for d in station.devices if d.kind in _DEVICES.values()]
        for source in sources:
            names += phase_points(f"{source}/{_OBJECTS[power]}")
    return tuple(sorted(names))


def aggregates(
    interface: Interface, station: Station | None, windows: Iterable[Window], starts: Iterable[int]
) -> list[Aggregate]:
    """The agreed figures of each interval; without a station all are without value."""
    by_start: dict[int, dict[str, Window]] = {}
    for window in windows:
        by_start.setdefault(window.start_ns, {})[window.point] = window
    return [
        Aggregate(
            start,
            tuple(
                (
                    quantity,
                    nothing(0.0)
                    if station is None
                    else _figure(interface, station, by_start.get(start, {}), quantity),
                )
                for quantity in interface.quantities
            ),
        )
        for start in starts
    ]


def _figure(
    interface: Interface, station: Station, windows: Mapping[str, Window], quantity: Quantity
) -> Figure:
    power = quantity.power
    if quantity.kind is Kind.INTERFACE:
        return _import(interface, station, windows, power)
    if quantity.kind is not Kind.DEMAND:
        return _devices(interface, station, windows, power, _DEVICES[quantity.kind])
    parts = [_devices(interface, station, windows, power, kind) for kind in _DEVICES.values()]
    return residual(_import(interface, station, windows, power), parts)


def _shares(interface: Interface) -> Shares:
    return Shares(interface.expected, interface.good_share, interface.least_share)


def _phases(windows: Mapping[str, Window], source: str, power: Power) -> list[Window | None]:
    return [windows.get(name) for name in phase_points(f"{source}/{_OBJECTS[power]}")]


def _import(
    interface: Interface, station: Station, windows: Mapping[str, Window], power: Power
) -> Figure:
    meter = next((m for m in station.meters if m.name == interface.transformer_meter), None)
    if meter is None or meter.side is None:
        return nothing(0.0)
    reading = source_total(_phases(windows, meter.name, power), 3, _shares(interface))
    return reading if meter.side is Side.FROM else negated(reading)


def _devices(
    interface: Interface,
    station: Station,
    windows: Mapping[str, Window],
    power: Power,
    kind: DeviceKind,
) -> Figure:
    return add(
        [
            source_total(
                _phases(windows, device.name, power), device.phase_count, _shares(interface)
            )
            for device in station.devices
            if device.kind is kind
        ]
    )
