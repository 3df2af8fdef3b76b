"""Drafts the profile of a stream of sampled values; what is not clear is left out and said."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ortsnetz_common.measurement.point import Unit
from ortsnetz_common.scl.devices import Ied
from ortsnetz_common.scl.document import Document
from ortsnetz_common.scl.sampled_streams import SampledStream, sampled_streams_of
from ortsnetz_edge.console.scl.drafting import Draft
from ortsnetz_edge.console.scl.ratings import Ratings
from ortsnetz_edge.profiles.schema import (
    FORMAT,
    Further,
    Profile,
    ProtocolFamily,
    SampledValuesOptions,
    Terminals,
    Value,
)

_OCTETS_OF_VALUE = 8
_QUANTITIES = ("rms.u", "rms.i", "active_power", "reactive_power")
_LOST = Further(
    name="LSVS1.LostSmp", value=Value(at="stream/lost"), unit=Unit.COUNT, range=(0.0, 1e18)
)
"""Samples that never came: a count without end."""


def stream_drafts(
    document: Document, ied: Ied, ratings: Ratings
) -> Iterator[tuple[SampledStream, Draft]]:
    """The streams of an IED, each with a profile; empty where it is not clear."""
    for stream in sampled_streams_of(document, ied):
        yield stream, _draft(stream, ratings)


def origin_of(stream: SampledStream) -> str:
    """Where a stream goes, for the one who writes the station."""
    where = stream.multicast
    mac = "?" if where is None or where.mac is None else where.mac
    app_id = "?" if where is None or where.app_id is None else str(where.app_id)
    return (
        f"Connection: protocol sampled-values, host {mac}, port {app_id} (APPID),"
        f" path '{stream.control.stream_id}' (svID)."
    )


def _draft(stream: SampledStream, ratings: Ratings) -> Draft:
    left_out = list(stream.doubts)
    options: SampledValuesOptions | None = None
    try:
        options = _options(stream, ratings)
    except ValueError as error:
        left_out.append(str(error))
    voltage, current = ratings.voltage(), ratings.current()
    if options is not None and voltage is None:
        left_out.append("the declared voltage: --nominal-voltage says it")
        options = None
    has = set() if options is None else set(options.channels)
    ranges = (voltage, current, ratings.power(), ratings.power())
    found: dict[str, Terminals | None] = {}
    for name, limits in zip(_QUANTITIES, ranges, strict=True):
        needed = {f"{kind}_{p}" for kind in _kinds(name) for p in "abc"}
        if limits is None or not needed <= has:
            found[name] = None
            continue
        at = tuple(f"200ms/{name}_{p}" if "." in name else f"200ms/{name}.{p}" for p in "abc")
        found[name] = Terminals(range=(limits[0], limits[1]), at=(at[0], at[1], at[2]))
    profile = Profile(
        format=FORMAT,
        kind=_kind(stream),
        version=1,
        describes=f"Stream {stream.control.stream_id} of IED {stream.ied}",
        protocol=ProtocolFamily.SAMPLED_VALUES,
        direction=ratings.direction,
        voltage=found["rms.u"],
        current=found["rms.i"],
        active_power=found["active_power"],
        reactive_power=found["reactive_power"],
        further=() if options is None else (_LOST,),
        sampled_values=options or SampledValuesOptions(),
    )
    return Draft(profile, tuple(left_out))


def _kinds(name: str) -> str:
    return name[-1] if "." in name else "ui"


def _kind(stream: SampledStream) -> str:
    text = f"{stream.ied}-{stream.device.instance}-{stream.control.name}".lower()
    return re.sub(r"[^a-z0-9]+", "-", text).strip("-")


def _options(stream: SampledStream, ratings: Ratings) -> SampledValuesOptions:
    """What the profile says of the stream. Raises ValueError."""
    if stream.unclear:
        raise ValueError(stream.unclear)
    control = stream.control
    rate = stream.samples_per_s(ratings.frequency_hz)
    if rate is None or control.asdus is None or control.configuration_revision is None:
        raise ValueError("rate, number of ASDUs or configuration revision are not said")
    regular = len(stream.channels) * _OCTETS_OF_VALUE == stream.octets and all(
        (each.value_at, each.quality_at) == (8 * k, 8 * k + 4)
        for k, each in enumerate(stream.channels)
    )
    if not regular:
        raise ValueError("values are not each followed by their quality, 32 bits both")
    if not any(each.name.startswith("u_") for each in stream.channels):
        raise ValueError("power quality needs voltages, and no channel is one of a node TVTR")
    nominal = round(ratings.frequency_hz)
    if nominal not in (50, 60):
        raise ValueError(f"power quality is defined at 50 and 60 Hz, not {nominal}")
    voltage = ratings.voltage_v
    return SampledValuesOptions(
        rate=rate,
        asdus=control.asdus,
        revision=control.configuration_revision,
        channels=tuple(each.name for each in stream.channels),
        current_scale=_scale(stream, "i"),
        voltage_scale=_scale(stream, "u"),
        voltage_v=voltage or SampledValuesOptions().voltage_v,
        nominal_hz=60 if nominal == 60 else 50,
    )


def _scale(stream: SampledStream, kind: str) -> float:
    """Value of a count, the same for all channels of a kind. Raises ValueError."""
    found = {each.scale for each in stream.channels if each.name.startswith(kind)}
    if not found:
        return 1.0
    scale = found.pop()
    if found or scale is None:
        raise ValueError(f"the channels {kind}_ have several values of a count, or none is said")
    return scale
