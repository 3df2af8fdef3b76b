"""Energy served of energy requested, and how fairly it was shared."""

from __future__ import annotations

import math

import numpy as np
from msgspec import Struct

from ortsnetz_hil.plant.configuration import PlantConfiguration
from ortsnetz_hil.plant.core import NOMINAL_V
from ortsnetz_hil.plant.devices.charge_point import POWER_FACTOR
from ortsnetz_hil.plant.devices.specs import ChargePoint, Session
from ortsnetz_hil.verdict.truth import Row


class DeviceEnergy(Struct, frozen=True):
    """Energy of one device.

    Attributes:
        requested_kwh: charge points: what its cars' batteries take, as far as their stay allows at
            the car's own current and nominal voltage; inverters: what the sun offered.
        served_kwh: what it drew or fed in.
    """

    name: str
    kind: str
    requested_kwh: float
    served_kwh: float


class KindEnergy(Struct, frozen=True):
    """Energy of all devices of a kind; `share` is served of requested, `fairness` Jain's index."""

    requested_kwh: float
    served_kwh: float
    share: float | None
    fairness: float | None


def by_device(configuration: PlantConfiguration, rows: list[Row]) -> tuple[DeviceEnergy, ...]:
    """Energy of each device in the judged part of a run, charge points before inverters."""
    served_wh = _integral(rows, np.abs([row.device_w for row in rows]))
    offered_wh = _integral(rows, np.array([row.request_w for row in rows]))
    first_s, last_s = rows[0].calendar_s, rows[-1].calendar_s
    length_s = configuration.window.length_s
    found = [
        DeviceEnergy(
            name=spec.name,
            kind="ev",
            requested_kwh=_kwh(requested_wh(spec, first_s, last_s, length_s)),
            served_kwh=_kwh(served_wh[i]),
        )
        for i, spec in enumerate(configuration.charge_points)
    ]
    first = len(found)
    for i, inverter in enumerate(configuration.inverters, start=first):
        found.append(DeviceEnergy(inverter.name, "pv", _kwh(offered_wh[i]), _kwh(served_wh[i])))
    return tuple(found)


def by_kind(devices: tuple[DeviceEnergy, ...], kind: str) -> KindEnergy:
    """Sum over a kind."""
    own = [device for device in devices if device.kind == kind]
    requested = sum(device.requested_kwh for device in own)
    served = sum(device.served_kwh for device in own)
    shares = [d.served_kwh / d.requested_kwh for d in own if d.requested_kwh > 0]
    return KindEnergy(
        requested_kwh=round(requested, 3),
        served_kwh=round(served, 3),
        share=round(served / requested, 5) if requested > 0 else None,
        fairness=jain(shares),
    )


def jain(shares: list[float]) -> float | None:
    """Jain's fairness index of served shares: 1 if all are equal, 1/n if one has everything.

    R. Jain, D. Chiu, W. Hawe, DEC-TR-301, 1984. None without any share, or if nobody got anything.
    """
    squares = sum(share**2 for share in shares)
    return round(sum(shares) ** 2 / (len(shares) * squares), 5) if squares > 0 else None


def requested_wh(spec: ChargePoint, first_s: float, last_s: float, length_s: float) -> float:
    """What the cars at a charge point would have taken without a limit.

    Args:
        spec: the charge point with its sessions.
        first_s: beginning of the judged part of the run in calendar seconds, windows added up.
        last_s: its end.
        length_s: length of a window.
    """
    total = 0.0
    for day in range(int(first_s // length_s), int(last_s // length_s) + 1):
        for session in spec.sessions:
            begin = max(day * length_s + session.arrival_s, first_s)
            end = min(day * length_s + session.departure_s, last_s)
            phases = min(session.phases, len(spec.phases))
            power_w = session.max_a * NOMINAL_V * phases * POWER_FACTOR
            total += _taken_wh(session, power_w, max(end - begin, 0.0) / 3600.0)
    return total


def _taken_wh(session: Session, power_w: float, hours: float) -> float:
    """Energy that a car takes in its stay: at constant power first, then with a falling one."""
    steady_wh = (1.0 - session.tail_share) * session.energy_wh
    steady_h = steady_wh / power_w
    if hours <= steady_h:
        return power_w * hours
    tail_wh = session.energy_wh - steady_wh
    if tail_wh == 0.0:
        return session.energy_wh
    return steady_wh + tail_wh * (1.0 - math.exp(-(hours - steady_h) * power_w / tail_wh))


def _integral(rows: list[Row], power_w: np.ndarray) -> np.ndarray:
    """Energy in Wh of powers of shape (rows, devices): each holds until the next row."""
    calendar_s = np.array([row.calendar_s for row in rows])
    passed = np.clip(np.diff(calendar_s), 0.0, None)
    return np.asarray((power_w[:-1] * passed[:, np.newaxis]).sum(axis=0) / 3600.0)


def _kwh(energy_wh: float) -> float:
    return round(float(energy_wh) / 1000.0, 4)
