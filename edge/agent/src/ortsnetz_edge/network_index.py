"""What the agent itself needs of the network file: ids and ratings. The workers read the rest."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.parameter_set import Limits
from ortsnetz_common.parameters.station import MeterRole, Side, Station

LINES = ("line", "asym_line", "generic_branch")
LOW_VOLTAGE_V = 1000.0  # between phases (IEC 60038)
APPLIANCES = ("asym_load", "asym_gen", "sym_load", "sym_gen")


@dataclass(frozen=True, slots=True)
class Rating:
    """What one end of a branch may carry in a phase.

    Attributes:
        ampere: rated current.
        phase_v: nominal voltage, phase to neutral.
        phase_va: a third of a transformer's rated power; None for a line.
    """

    ampere: float
    phase_v: float
    phase_va: float | None = None


@dataclass(frozen=True, slots=True)
class NetworkIndex:
    """Ids of a network by component, and the ratings of its branches.

    Attributes:
        nodes, lines, transformers, appliances: ids, in the order of the file.
        ratings: of both ends of each branch for which the file states one.
        tap_steps_pu: of transformers with taps: one step as a share of the tapped winding's rated
            voltage.
        low_voltage: nominal phase-to-neutral voltage of each node of at most 1 kV.
    """

    nodes: tuple[int, ...]
    lines: tuple[int, ...]
    transformers: tuple[int, ...]
    appliances: tuple[int, ...]
    ratings: Mapping[tuple[int, Side], Rating] = field(default_factory=dict)
    tap_steps_pu: Mapping[int, float] = field(default_factory=dict)
    low_voltage: Mapping[int, float] = field(default_factory=dict)

    def rating(self, branch: int, side: Side) -> Rating | None:
        """Rating of one end of a branch; None where the file states none."""
        return self.ratings.get((branch, side))

    def check_station(self, station: Station, source: str) -> None:
        """Check that every meter and device has its place.

        Raises:
            InputError: names the meter or device and the element that is missing.
        """
        branches = {*self.lines, *self.transformers}
        for meter in station.meters:
            is_branch = meter.role is not MeterRole.CUSTOMER
            if meter.element not in (branches if is_branch else self.nodes):
                what = "branch" if is_branch else "node"
                raise InputError(
                    f"{source}: meter '{meter.name}': the network has no {what} {meter.element}"
                )
            if is_branch and meter.side is None:
                raise InputError(f"{source}: meter '{meter.name}': a branch meter needs its side")
        for changer in station.tap_changers:
            if changer.element not in self.transformers:
                raise InputError(
                    f"{source}: tap changer '{changer.name}': the network has no transformer "
                    f"{changer.element}"
                )
        for device in station.devices:
            if device.element not in self.appliances:
                raise InputError(
                    f"{source}: device '{device.name}': the network has no load or generator "
                    f"{device.element}"
                )

    def check_ratings(self, limits: Limits, source: str) -> None:
        """Check that time-limited and thermal ratings are of branches that are there.

        Raises:
            InputError: names the element.
        """
        for rating in limits.ratings:
            if rating.element not in {*self.lines, *self.transformers}:
                raise InputError(
                    f"{source}: limits.ratings: the network has no line or transformer "
                    f"{rating.element}"
                )
        for model in limits.thermal:
            if model.element not in self.transformers:
                raise InputError(
                    f"{source}: limits.thermal: the network has no transformer {model.element}"
                )


def index_network(text: str, source: str) -> NetworkIndex:
    """Read ids from a power-grid-model input data set, in either of its two JSON forms.

    Raises:
        InputError: it is not one; names the source.
    """
    try:
        document: Any = msgspec.json.decode(text)
        data, attributes = document["data"], document.get("attributes", {})
        tables = {
            component: _table(rows, attributes.get(component)) for component, rows in data.items()
        }
        found = {
            component: tuple(int(row["id"]) for row in table) for component, table in tables.items()
        }
        ratings = _ratings(tables)
        tap_steps = dict(_tap_steps(tables))
        low_voltage = dict(_low_voltage(tables))
    except (msgspec.MsgspecError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{source}: not a power-grid-model input data set: {error}") from error
    return NetworkIndex(
        nodes=found.get("node", ()),
        lines=tuple(i for component in LINES for i in found.get(component, ())),
        transformers=found.get("transformer", ()),
        appliances=tuple(i for component in APPLIANCES for i in found.get(component, ())),
        ratings=ratings,
        tap_steps_pu=tap_steps,
        low_voltage=low_voltage,
    )


def _table(rows: Iterable[Any], attributes: list[str] | None) -> list[dict[str, Any]]:
    """Rows by attribute; the compact form has lists of values in the order of `attributes`."""
    names = attributes or ()
    return [row if isinstance(row, dict) else dict(zip(names, row, strict=True)) for row in rows]


def _ratings(tables: Mapping[str, list[dict[str, Any]]]) -> dict[tuple[int, Side], Rating]:
    root = math.sqrt(3.0)
    ratings: dict[tuple[int, Side], Rating] = {}
    for row in tables.get("transformer", ()):
        for side, name in ((Side.FROM, "u1"), (Side.TO, "u2")):
            rated_va, volts = _positive(row.get("sn")), _positive(row.get(name))
            if rated_va is not None and volts is not None:
                ratings[int(row["id"]), side] = Rating(
                    rated_va / root / volts, volts / root, rated_va / 3
                )
    nominal = {row["id"]: _positive(row.get("u_rated")) for row in tables.get("node", ())}
    for component in LINES:
        for row in tables.get(component, ()):
            for side in Side:
                amperes = _positive(row.get("i_n"))
                volts = nominal.get(row.get(f"{side.value}_node"))
                if amperes is not None and volts is not None:
                    ratings[int(row["id"]), side] = Rating(amperes, volts / root)
    return ratings


def _tap_steps(tables: Mapping[str, list[dict[str, Any]]]) -> Iterable[tuple[int, float]]:
    """Transformers with more than one tap position; the tapped side is `from` unless said."""
    for row in tables.get("transformer", ()):
        step_v = _positive(row.get("tap_size"))
        rated_v = _positive(row.get("u2" if row.get("tap_side") == 1 else "u1"))
        if step_v and rated_v and row.get("tap_min") != row.get("tap_max"):
            yield int(row["id"]), step_v / rated_v


def _low_voltage(tables: Mapping[str, list[dict[str, Any]]]) -> Iterable[tuple[int, float]]:
    for row in tables.get("node", ()):
        volts = _positive(row.get("u_rated"))
        if volts is not None and volts <= LOW_VOLTAGE_V:
            yield int(row["id"]), volts / math.sqrt(3.0)


def _positive(value: object) -> float | None:
    """A rating; None for what is none."""
    if not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
        return None
    return float(value)
