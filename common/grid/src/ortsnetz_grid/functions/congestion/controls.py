"""What can be decided: a factor on each device's request, and reactive power where it takes one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.congestion.snapshot import Snapshot
from ortsnetz_grid.kernels.limiting import Drawing, Kernels, kernels
from ortsnetz_grid.kernels.limiting import asked as numbers_asked
from ortsnetz_grid.network.two_ports import Complex, Real

_NOTHING: Real = np.zeros(0)


@dataclass(frozen=True, slots=True)
class Asked:
    """The numbers of `d` devices as arrays. Consumption is positive.

    Attributes:
        request_w: (d, 3).
        floor_w: (d, 3).
        total_w: (d,) sum of the magnitudes of the request.
        lowest: (d,) smallest factor that cuts neither the floor's total nor a phase's floor.
        step: (d,) factor that one step of the setpoint amounts to; 0 without steps.
        smallest: (d,) smallest factor above zero that the setpoint can have.
        weight: (d,) of the curtailment.
        price: (d,) of a served watt.
        reactive_var: (d,) most reactive power that the device can be told.
        apparent_va: (d,) bound of active and reactive power together; infinite for none.
        held: (d,) factor of the setpoint in force, at most 1; 0 where nobody knows.
    """

    request_w: Real
    floor_w: Real
    total_w: Real
    lowest: Real
    step: Real
    smallest: Real
    weight: Real
    price: Real
    reactive_var: Real
    apparent_va: Real
    held: Real

    @classmethod
    def of(cls, table: Real) -> Asked:
        """Collect checked devices, see `checks.checked_table`.

        A floor beyond the request counts as the request. One factor acts on all phases, so the most
        demanding of total and phases decides. A floor that forbids to be off asks for the smallest
        setpoint.
        """
        request, floor = table[:, :3], table[:, 3:6]
        rest = {
            "request_w": request,
            "floor_w": floor,
            "weight": table[:, 8],
            "price": table[:, 9],
            "reactive_var": table[:, 10],
            "apparent_va": table[:, 11],
        }
        compiled = kernels()
        if compiled is not None:
            total, lowest, step, smallest, held, _ = numbers_asked(compiled, table)
            return cls(
                total_w=total, lowest=lowest, step=step, smallest=smallest, held=held, **rest
            )
        size, least = np.abs(request), np.abs(floor)
        total = _of_phases(np.add, size)
        asks = total > 0
        some = np.where(asks, total, 1.0)
        phases = np.divide(least, size, out=np.zeros_like(size), where=size > 0)
        lowest = np.maximum(
            _of_phases(np.add, least) / some, np.minimum(_of_phases(np.maximum, phases), 1.0)
        )
        smallest = np.minimum(table[:, 7] / some, 1.0)
        lowest = np.where(lowest > 0, np.maximum(lowest, smallest), lowest)
        return cls(
            total_w=total,
            lowest=np.where(asks, np.minimum(lowest, 1.0), 1.0),
            step=np.where(asks, table[:, 6] / some, 0.0),
            smallest=smallest,
            held=np.where(asks, np.minimum(table[:, 12] / some, 1.0), 0.0),
            **rest,
        )

    def power_at(self, factors: Real) -> Real:
        """Active power (d, 3) at factors (d,); rounding never cuts the floor of a phase."""
        scaled = factors[:, None] * self.request_w
        down = np.maximum(scaled, np.minimum(self.floor_w, self.request_w))
        up = np.minimum(scaled, np.maximum(self.floor_w, self.request_w))
        return np.where(self.request_w < 0, up, down)


def _of_phases(join: np.ufunc, values: Real) -> Real:
    """Sum or largest (d,) of three phases (d, 3); by columns: several times as fast as by rows."""
    return np.asarray(join(join(values[:, 0], values[:, 1]), values[:, 2]))


@dataclass(frozen=True, slots=True)
class _Group:
    """The controls of one kind in the order of their nodes.

    Attributes:
        kind: see `snapshot.POWER`.
        order: controls, node by node.
        starts: first of each node in `order`.
        nodes: places of these nodes.
        compiled: the same for the compiled kernel, None where there is none.
    """

    kind: int
    order: NDArray[np.intp]
    starts: NDArray[np.intp]
    nodes: NDArray[np.intp]
    compiled: Drawing | None

    def drawn(self, controls: Real, power: Complex, base: Complex) -> Complex:
        """Powers (s, k, 3) VA at controls (s, c), with those of the base (k, 3)."""
        if self.compiled is not None:
            return self.compiled.at(controls, power, base)
        drawn = controls[:, self.order, None] * power[self.order]
        if len(self.nodes) < len(self.order):
            drawn = np.add.reduceat(drawn, self.starts, axis=1)
        total = np.empty((len(controls), *base.shape), dtype=np.complex128)
        total[:] = base
        total[:, self.nodes] += drawn
        return total


@dataclass(frozen=True, slots=True)
class Controls:
    """`c` controls: the `d` factors, then one for each of `e` devices with reactive power.

    Attributes:
        device: (c,) which device each acts on.
        place: (c,) its node, as an index into the loaded nodes; -1 without supply.
        kind: (c,) how its power depends on the voltage.
        power: (c, 3) complex VA that the control at 1 draws.
        base: (3, k, 3) complex VA that the loaded nodes draw with all controls at 0.
        lowest: (c,) lower bounds.
        highest: (c,) upper bounds.
        wish: (c,) what is best for the devices.
        active_share: (e,) active power of a device with reactive power, over its apparent power.
        reactive_share: (e,) reactive power at 1, over it; 0 for a device without such a bound.
        live: controls whose node has supply.
        groups: controls by kind and node, see `powers`.
        still: what `powers` are of the kinds that no control has; None for one that nobody has.
    """

    device: NDArray[np.intp]
    place: NDArray[np.intp]
    kind: NDArray[np.intp]
    power: Complex
    base: Complex
    lowest: Real
    highest: Real
    wish: Real
    active_share: Real
    reactive_share: Real
    live: NDArray[np.intp]
    groups: tuple[_Group, ...]
    still: tuple[Complex | None, ...]

    @classmethod
    def of(cls, asked: Asked, snapshot: Snapshot) -> Controls:
        """Build the controls of one instant."""
        movable = np.flatnonzero(asked.reactive_var > 0)
        key = movable.tobytes()
        still = snapshot.remembered.get(key)
        if not isinstance(still, _Still):
            still = snapshot.remembered[key] = _Still.of(snapshot, movable)
        power = asked.request_w * still.per_active
        if not len(movable):
            return cls(
                power=power,
                lowest=asked.lowest,
                wish=still.highest,
                active_share=_NOTHING,
                reactive_share=_NOTHING,
                **still.alike,
            )
        reactive = _Reactive.of(asked, snapshot, movable)
        return cls(
            power=np.concatenate([power, reactive.power]),
            lowest=np.concatenate([asked.lowest, -np.ones(len(movable))]),
            wish=np.concatenate([np.ones(len(asked.lowest)), reactive.wish]),
            active_share=reactive.active_share,
            reactive_share=reactive.reactive_share,
            **still.alike,
        )

    @property
    def factors(self) -> int:
        """Number of factors; reactive power comes after them."""
        return len(self.device) - len(self.active_share)

    def powers(self, controls: Real) -> list[Complex | None]:
        """Powers of the three kinds, each (s, k, 3) or (1, k, 3) VA, at controls (s, c)."""
        found = list(self.still)
        for group in self.groups:
            found[group.kind] = group.drawn(controls, self.power, self.base[group.kind])
        return found

    def apparent(self, controls: Real) -> Complex:
        """Apparent power (s, e) over its bound of the devices with reactive power, at (s, c)."""
        first = self.factors
        active = controls[:, self.device[first:]] * self.active_share
        return np.asarray(active + 1j * (controls[:, first:] * self.reactive_share))

    def reactive_of(self, controls: Real) -> Complex:
        """(e, 3) reactive power, var, of the devices with a setpoint for it, at controls (c,)."""
        first = self.factors
        return np.asarray(controls[first:, None] * self.power[first:].imag)


@dataclass(frozen=True, slots=True)
class _Still:
    """What controls have in common as long as places and reactive setpoints are the same.

    Attributes:
        per_active: (d, 3) complex power of a device's factor over its active power.
        highest: (c,) see `Controls`.
        alike: fields of `Controls`.
    """

    per_active: Complex
    highest: Real
    alike: dict[str, Any]

    @classmethod
    def of(cls, snapshot: Snapshot, movable: NDArray[np.intp]) -> _Still:
        """Of a snapshot and the devices with setpoints of reactive power."""
        count = len(snapshot.place)
        own = np.zeros(count, dtype=np.bool_)
        own[movable] = True
        device = np.concatenate([np.arange(count), movable])
        place, kind = snapshot.place[device], snapshot.kind[device]
        fixed = (snapshot.place >= 0) & snapshot.fixed_var.any(axis=1) & ~own
        base = snapshot.rest
        if fixed.any():
            base = base.copy()
            at = (snapshot.kind[fixed], snapshot.place[fixed])
            np.add.at(base, at, 1j * snapshot.fixed_var[fixed])
        groups = _groups(kind.tobytes(), place.tobytes(), kernels())
        moved = {group.kind for group in groups}
        highest = np.ones(len(device))
        alike = {
            "device": device,
            "place": place,
            "kind": kind,
            "base": base,
            "highest": highest,
            "live": np.flatnonzero(place >= 0),
            "groups": groups,
            "still": tuple(
                each[None] if number not in moved and each.any() else None
                for number, each in enumerate(base)
            ),
        }
        return cls(1 + 1j * np.where(own[:, None], 0.0, snapshot.tangent), highest, alike)


@lru_cache(maxsize=16)
def _groups(kinds: bytes, places: bytes, compiled: Kernels | None) -> tuple[_Group, ...]:
    """Depends on places alone, and these hardly change: remembered."""
    kind, place = np.frombuffer(kinds, dtype=np.intp), np.frombuffer(places, dtype=np.intp)
    found = []
    for number in range(3):
        columns = np.flatnonzero((kind == number) & (place >= 0))
        if len(columns):
            order = columns[np.argsort(place[columns], kind="stable")]
            starts = np.flatnonzero(np.diff(place[order], prepend=-1))
            places_of = place[order]
            drawing = Drawing(compiled, order, places_of) if compiled else None
            found.append(_Group(number, order, starts, places_of[starts], drawing))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Reactive:
    """The controls of reactive power; e devices.

    Attributes:
        wish: (e,) what the devices draw without being told.
        active_share: see `Controls`.
        reactive_share: see `Controls`.
        power: (e, 3) complex VA at 1: equal on the phases with a request, else on all.
    """

    wish: Real
    active_share: Real
    reactive_share: Real
    power: Complex

    @classmethod
    def of(cls, asked: Asked, snapshot: Snapshot, movable: NDArray[np.intp]) -> _Reactive:
        """Of the devices that take a setpoint for it.

        Where the request is beyond the apparent power, the request is the bound.
        """
        request, var = asked.request_w[movable], asked.reactive_var[movable]
        active = np.abs(request.sum(axis=1))
        limit = np.maximum(asked.apparent_va[movable], active)
        own = (snapshot.tangent[movable] * request + snapshot.fixed_var[movable]).sum(axis=1)
        room = np.minimum(np.sqrt(np.maximum(limit**2 - active**2, 0.0)), var)
        used = (request != 0).astype(np.float64)
        used[~used.any(axis=1)] = 1.0
        shape = used / used.sum(axis=1, keepdims=True)
        return cls(
            np.clip(own, -room, room) / var, active / limit, var / limit, 1j * var[:, None] * shape
        )
