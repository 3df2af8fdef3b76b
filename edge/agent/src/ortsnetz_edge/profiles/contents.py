"""All values of a profile, with their places in its file."""

from __future__ import annotations

from ortsnetz_common.files.yaml_source import Place
from ortsnetz_edge.profiles.schema import Profile, Terminals, Value

QUANTITIES = ("voltage", "current", "active_power", "reactive_power")


def quantities_of(profile: Profile) -> list[tuple[Place, Terminals]]:
    """What a profile measures at terminals."""
    found = [((name,), getattr(profile, name)) for name in QUANTITIES]
    return [(place, quantity) for place, quantity in found if quantity is not None]


def single_values_of(profile: Profile) -> list[tuple[Place, Value]]:
    """Values of the whole device."""
    found: list[tuple[Place, Value | None]] = [
        (("read_count",), profile.read_count),
        (("state",), profile.state),
        (("tap_position",), profile.tap_position),
        (("limit", "value"), profile.limit.value if profile.limit else None),
        (("available", "value"), profile.available.value if profile.available else None),
    ]
    found += [(("further", n, "value"), further.value) for n, further in enumerate(profile.further)]
    found += [
        (("further_setpoints", n, "read_back"), further.read_back)
        for n, further in enumerate(profile.further_setpoints)
    ]
    return [(place, value) for place, value in found if value is not None]


def values_of(profile: Profile) -> list[tuple[Place, Terminals | Value]]:
    """Both."""
    return [*quantities_of(profile), *single_values_of(profile)]
