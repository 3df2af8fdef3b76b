"""Numbers of a parameter set that no node could follow: refused by name before anything uses them.

A negative reserve would lift a limit above the rating, a negative time would never end. What is
merely unusual is for `ortsnetz edge check` to say.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.station import (
    Device,
    DeviceKind,
    Meter,
    SourcePseudo,
    Station,
    TapChanger,
)

HIGHEST_PU = 2.0
"""No voltage of a band, a trigger or a set point is beyond: more is V or %."""
HIGHEST_LOADING = 10.0
"""A limit beyond ten times the rating is a percentage."""

_POSITIVE_TIMES = (
    "cycle_s", "function_deadline_s", "stale_after_s", "blind_fallback_s", "release_per_s",
    "refresh_s",
)  # fmt: skip
_TIMES_FROM_ZERO = ("blind_ramp_s", "hold_s")
_POSITIVE = ("u_sigma", "p_sigma", "watchdog_s", "step_a", "apparent_va", "starts_per_day")
_FROM_ZERO = ("reaction_s", "reactive_var", "min_on_s", "min_off_s")


def check_timing(timing: Struct, source: str) -> None:
    """Refuse times that are none.

    Raises:
        InputError: names the file and the field.
    """
    _refuse([*_positive(timing, _POSITIVE_TIMES), *_from_zero(timing, _TIMES_FROM_ZERO)],
            f"{source}: timing")  # fmt: skip


def check_units(
    u_pu: tuple[float, float], loadings: Mapping[str, float], unbalance: float | None, source: str
) -> None:
    """Refuse limits in another unit: they would be no limits at all, or such that nothing keeps.

    Args:
        u_pu: band of the voltage.
        loadings: highest loadings by the name of their field.
        unbalance: highest negative over positive sequence voltage; None for none.
        source: name of the file.

    Raises:
        InputError: names the file and the field.
    """
    low, high = u_pu
    where = f"{source}: limits"
    if not high <= HIGHEST_PU:
        raise InputError(
            f"{where}.u_pu: {low:g} .. {high:g}: it is per unit of nominal, not V or %"
        )
    for name, loading in loadings.items():
        if not loading <= HIGHEST_LOADING:
            raise InputError(f"{where}.{name}: {loading:g}: 1.0 is the rating, it is not in %")
    if unbalance is not None and not 0 < unbalance < 1:
        raise InputError(f"{where}.unbalance: {unbalance:g} is not between 0 and 1")


def check_reserves(
    u_pu: tuple[float, float], loading: float, margins: tuple[float, float, float], source: str
) -> None:
    """Refuse reserves that add to a limit or leave nothing of it.

    Args:
        u_pu: band of the voltage.
        loading: highest loading.
        margins: `loading_margin`, `u_margin_pu`, `sigmas`.
        source: name of the file.

    Raises:
        InputError: names the file and the field.
    """
    low, high = u_pu
    loading_margin, u_margin_pu, sigmas = margins
    where = f"{source}: limits"
    if not 0 <= loading_margin < loading:
        raise InputError(
            f"{where}.loading_margin: {loading_margin:g} is not between 0 and the loading of "
            f"{loading:g}"
        )
    if not 0 <= u_margin_pu < (high - low) / 2:
        raise InputError(
            f"{where}.u_margin_pu: {u_margin_pu:g} leaves nothing of {low:g} .. {high:g}, or adds "
            f"to it; give 0 to less than half the band"
        )
    if not 0 <= sigmas < math.inf:
        raise InputError(f"{where}.sigmas: {sigmas:g} must not be negative")


def check_sources(station: Station, source: str) -> None:
    """Refuse meters, devices and tap changers with numbers that mean nothing.

    Raises:
        InputError: names the file, the meter or device, and the field.
    """
    for meter in station.meters:
        where = f"{source}: meter '{meter.name}'"
        _refuse(_meter(meter), where)
    for device in station.devices:
        _refuse(_device(device), f"{source}: device '{device.name}'")
    for changer in station.tap_changers:
        _refuse(_tap_changer(changer), f"{source}: tap changer '{changer.name}'")
    _refuse(_assumed(station.source), f"{source}: station.source")


def _refuse(complaints: Iterable[str], where: str) -> None:
    for complaint in complaints:
        raise InputError(f"{where}: {complaint}")


def _meter(meter: Meter) -> Iterator[str]:
    yield from _phases(meter.phases)
    yield from _positive(meter, ("u_sigma", "p_sigma"))
    yield from _positive(meter.connection, ("timeout_s",))


def _device(device: Device) -> Iterator[str]:
    if device.phase_count not in {1, 3}:
        yield f"phase_count is {device.phase_count}, it is 1 or 3"
    if device.phases is not None:
        yield from _phases(device.phases)
        if len(device.phases) != device.phase_count:
            yield f"phases: '{device.phases}' are not {device.phase_count}, as phase_count says"
    yield from _positive(device, _POSITIVE)
    yield from _from_zero(device, _FROM_ZERO)
    yield from _positive(device.connection, ("timeout_s",))
    if device.behind and device.kind is not DeviceKind.ENERGY_MANAGER:
        yield f"behind: only an energy manager has devices behind it, this is kind {device.kind}"


def _tap_changer(changer: TapChanger) -> Iterator[str]:
    if not 0 < changer.setpoint_pu <= HIGHEST_PU:
        yield f"setpoint_pu is {changer.setpoint_pu:g}: it is per unit of nominal, not V"
    yield from _positive(changer, ("watchdog_s",))
    yield from _positive(changer.connection, ("timeout_s",))


def _assumed(pseudo: SourcePseudo) -> Iterator[str]:
    if not 0 < pseudo.u_pu <= HIGHEST_PU:
        yield f"u_pu is {pseudo.u_pu:g}: it is per unit of nominal, not V"
    yield from _positive(pseudo, ("sigma_pu",))


def _phases(phases: str) -> Iterator[str]:
    if not phases or len(set(phases)) != len(phases) or not set(phases) <= set("abc"):
        yield f"phases: '{phases}': give letters a, b, c, each once"


def _positive(of: Struct, names: tuple[str, ...]) -> Iterator[str]:
    """Complaints about what is not above zero; None stands for not given."""
    for name in names:
        value = getattr(of, name)
        if value is not None and not 0 < value < math.inf:
            yield f"{name} is {value:g}, it must be a positive number"


def _from_zero(of: Struct, names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        if not 0 <= getattr(of, name) < math.inf:
            yield f"{name} is {getattr(of, name):g}, it must not be negative"
