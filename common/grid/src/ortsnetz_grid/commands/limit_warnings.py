"""What `ortsnetz limit` accepts and says: clamped as stated, or probably not meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ortsnetz_common.parameters.station import DeviceKind
from ortsnetz_grid.functions.congestion.problem import ControlledDevice, LimitSet
from ortsnetz_grid.functions.congestion.result import LimitResult
from ortsnetz_grid.network.model import Network

_MOST_LOADING = 3.0
"""Beyond three times the rating it is hardly meant; beyond ten times it is refused as %."""
_MOST_UNBALANCE = 0.2
"""Ten times what EN 50160 allows (2 %); from 1 on it is refused."""


def warnings_of(
    network: Network, limits: LimitSet, devices: Sequence[ControlledDevice], result: LimitResult
) -> list[str]:
    """One sentence for each thing that is allowed and clamped, or probably not meant."""
    return [
        *_shares(limits),
        *_clamped(devices),
        *(
            f"device {device.id} ({network.label(device.id)}): kind pv, but its request is "
            f"consumption (a PV request is negative)"
            for device in devices
            if device.kind is DeviceKind.PV and any(watts > 0 for watts in device.request_w)
        ),
        *(
            f"device {element} ({network.label(element)}): it is switched off in the case (status "
            f"0) and loads nothing, whatever it is told"
            for element in _switched_off(network, devices)
        ),
        *(
            f"device {element} ({network.label(element)}): its node has no supply"
            for element in result.without_supply
        ),
    ]


def _shares(limits: LimitSet) -> Iterator[str]:
    """Shares of one that are so large that they are hardly a limit."""
    given = {
        "loading": limits.loading,
        **{f"loading_of {element}": share for element, share in limits.loading_of.items()},
    }
    for name, share in given.items():
        if share > _MOST_LOADING:
            yield (
                f"limits: {name} is {share:g}, that is {100 * share:.0f} % of the rating; 1.0 is "
                f"100 %"
            )
    if limits.unbalance is not None and limits.unbalance > _MOST_UNBALANCE:
        yield (
            f"limits: unbalance is {limits.unbalance:g}, that is {100 * limits.unbalance:.0f} %; "
            f"EN 50160 allows 0.02"
        )


def _clamped(devices: Sequence[ControlledDevice]) -> Iterator[str]:
    """What counts as less than was given."""
    beyond = [
        str(device.id)
        for device in devices
        if sum(map(abs, device.floor_w)) > sum(map(abs, device.request_w)) > 0
    ]
    if beyond:
        yield f"a floor beyond the request counts as the request: device {', '.join(beyond)}"
    for device in devices:
        yield from _smallest(device)
    rated = [
        str(device.id)
        for device in devices
        if device.apparent_va is not None and abs(sum(device.request_w)) > device.apparent_va
    ]
    if rated:
        yield (
            f"a request beyond apparent_va leaves reactive power only where it is held back: "
            f"device {', '.join(rated)}"
        )


def _smallest(device: ControlledDevice) -> Iterator[str]:
    """A smallest setpoint that leaves less choice than the request and the floor seem to."""
    asked_w, floor_w = sum(map(abs, device.request_w)), sum(map(abs, device.floor_w))
    smallest = f"device {device.id}: smallest_w is {device.smallest_w:g} W"
    if 0 < asked_w < device.smallest_w:
        so = "its floor forbids off: it is never held back" if floor_w else "it gets all or nothing"
        yield f"{smallest}, more than the {asked_w:g} W that it asks for; {so}"
    elif 0 < floor_w < device.smallest_w and asked_w:
        yield f"{smallest}, more than the floor of {floor_w:g} W, and counts instead of it"


def _switched_off(network: Network, devices: Sequence[ControlledDevice]) -> list[int]:
    off = {
        element
        for component in ("asym_load", "asym_gen")
        if component in network.data
        for element, status in network.data[component][["id", "status"]].tolist()
        if status == 0
    }
    return [device.id for device in devices if device.id in off]
