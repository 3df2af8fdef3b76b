"""Records for the journal: the catalogue of all points, and samples in its numbering."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import repeat

from ortsnetz_common.link.messages import Catalogue, Samples
from ortsnetz_common.measurement.origin import Origin
from ortsnetz_common.measurement.point import (
    ACTIVE_POWER,
    PHASE_VOLTAGE,
    Point,
    Unit,
    phase_points,
)
from ortsnetz_common.measurement.time import TimeQuality
from ortsnetz_edge.acquisition.image import LOST_QUALITY, ProcessImage
from ortsnetz_edge.drivers.contract import Scan, SourcePoint
from ortsnetz_edge.hosting.calls import EstimationResult
from ortsnetz_edge.network_index import NetworkIndex

LOADING = "Loading"


class PointTable:
    """Numbers every point of the node, once a process start.

    A meter's or device's phases are its terminals: `phsA` is terminal 1. An estimate's phases are
    the network's.
    """

    def __init__(
        self, sources: Mapping[str, tuple[SourcePoint, ...]], network: NetworkIndex
    ) -> None:
        """Number the points.

        Args:
            sources: points of each meter and device, by its name.
            network: whose nodes and branches are estimated.
        """
        points: list[Point] = []
        self._sources: dict[str, tuple[int, ...]] = {}
        for name, found in sources.items():
            self._sources[name] = tuple(range(len(points), len(points) + len(found)))
            points += [point.point for point in found]
        self._nodes = _numbered(points, network.nodes, _node_points)
        self._loadings = _numbered(points, (*network.lines, *network.transformers), _loading)
        self._flows = _numbered(points, network.transformers, _flow_points)
        self.points = tuple(points)

    def catalogue(self, parameters_hash: str, network: str, station: str) -> Catalogue:
        """The complete catalogue; it comes before any samples."""
        return Catalogue(0, self.points, parameters_hash, network, station)

    def measured(self, image: ProcessImage) -> tuple[Samples, ...]:
        """Samples of every answer that is fresh in the image, and a mark for what was lost.

        A source that has answered twice since the last image has its answers in two records.
        """
        layers: list[list[tuple[str, Scan]]] = []
        seen: dict[str, int] = {}
        for name, scan in image.fresh:
            layer = seen.get(name, 0)
            seen[name] = layer + 1
            if layer == len(layers):
                layers.append([])
            layers[layer].append((name, scan))
        records = [self._scans(layer) for layer in layers]
        if image.lost:
            records.append(self._lost(image))
        return tuple(records)

    def estimated(self, result: EstimationResult, time_ns: int) -> Samples:
        """Samples of an estimate."""
        indexes: list[int] = []
        values: list[float] = []
        for node in result.nodes:
            indexes += self._nodes[node.node]
            values += node.voltage_v
        for branch in result.branches:
            indexes += self._loadings[branch.branch]
            values.append(branch.loading)
            if branch.active_w is not None and branch.branch in self._flows:
                indexes += self._flows[branch.branch]
                values += branch.active_w
        count = len(indexes)
        return Samples(
            origin=Origin.ESTIMATED,
            points=tuple(indexes),
            values=tuple(values),
            qualities=(0,) * count,
            times_ns=(time_ns,) * count,
            time_qualities=(0,) * count,
        )

    def _scans(self, layer: list[tuple[str, Scan]]) -> Samples:
        indexes: list[int] = []
        values: list[float | None] = []
        qualities: list[int] = []
        times: list[int] = []
        time_qualities: list[int] = []
        for name, scan in layer:
            numbers = self._sources[name]
            indexes += numbers
            values += scan.values
            qualities += scan.qualities
            times += scan.value_times_ns or repeat(scan.time_ns, len(numbers))
            time_qualities += scan.value_time_qualities or repeat(scan.time_quality, len(numbers))
        return Samples(
            origin=Origin.MEASURED,
            points=tuple(indexes),
            values=tuple(values),
            qualities=tuple(qualities),
            times_ns=tuple(times),
            time_qualities=tuple(time_qualities),
        )

    def _lost(self, image: ProcessImage) -> Samples:
        """No value, marked: nothing is guessed for a source that does not answer."""
        indexes = tuple(index for name in image.lost for index in self._sources[name])
        count = len(indexes)
        return Samples(
            origin=Origin.MEASURED,
            points=indexes,
            values=(None,) * count,
            qualities=(LOST_QUALITY,) * count,
            times_ns=(image.time_ns,) * count,
            time_qualities=(int(TimeQuality.SET_BY_RECEIVER),) * count,
        )


def _node_points(node: int) -> tuple[Point, ...]:
    names = phase_points(f"node-{node}/{PHASE_VOLTAGE}")
    return tuple(Point(name, Unit.VOLT, node) for name in names)


def _loading(branch: int) -> tuple[Point, ...]:
    return (Point(f"branch-{branch}/{LOADING}", Unit.PER_UNIT, branch),)


def _flow_points(branch: int) -> tuple[Point, ...]:
    names = phase_points(f"branch-{branch}/{ACTIVE_POWER}")
    return tuple(Point(name, Unit.WATT, branch) for name in names)


def _numbered(
    points: list[Point], elements: Iterable[int], make: Callable[[int], tuple[Point, ...]]
) -> dict[int, tuple[int, ...]]:
    """Append the points of each element; their numbers, by element."""
    numbers: dict[int, tuple[int, ...]] = {}
    for element in elements:
        made = make(element)
        numbers[element] = tuple(range(len(points), len(points) + len(made)))
        points.extend(made)
    return numbers
