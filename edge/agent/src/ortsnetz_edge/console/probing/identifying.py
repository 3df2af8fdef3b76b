"""Who is there: by the protocol's own means, or where a profile says that it stands."""

from __future__ import annotations

from dataclasses import dataclass

from ortsnetz_edge.console.probing.session import Target, within
from ortsnetz_edge.console.syntaxes import syntax_of
from ortsnetz_edge.drivers.contract import DriverError, FailureKind, Identity, Probe, Source
from ortsnetz_edge.profiles.point_map import reference_of
from ortsnetz_edge.profiles.schema import Profile

_STILL_THERE = {FailureKind.REFUSED, FailureKind.BUSY}
"""The device has answered: it only does not say what it is."""


@dataclass(frozen=True, slots=True)
class Introduction:
    """What a device says of itself, or why it does not.

    Attributes:
        why: empty if it says something.
    """

    identity: Identity
    why: str = ""

    @property
    def is_known(self) -> bool:
        """Whether it says anything that tells it from others."""
        return self.identity != Identity()

    def __str__(self) -> str:
        if self.is_known:
            return str(self.identity)
        return f"does not say what it is{f': {self.why}' if self.why else ''}"


async def introduce(probe: Probe, target: Target, profile: Profile | None) -> Introduction:
    """Ask a device what it is.

    Raises:
        DriverError: it does not answer at all.
    """
    try:
        if profile is not None and profile.identity is not None:
            return Introduction(await _as_profile_says(probe, target, profile))
        return Introduction(await within(target.deadline_s, probe.identify()))
    except DriverError as error:
        if error.kind not in _STILL_THERE:
            raise
        return Introduction(Identity(), str(error))


async def _as_profile_says(probe: Probe, target: Target, profile: Profile) -> Identity:
    places = profile.identity
    if places is None:
        return Identity()
    asked = (places.maker_at, places.model_at, places.serial_at)
    where = target.connection
    source = Source(where.address, profile.kind, where, 0, 1)
    syntax = syntax_of(profile)
    references = [
        str(reference_of(text, profile, source, syntax)) for text in asked if text is not None
    ]
    answers = await within(target.deadline_s, probe.read(references))
    said = iter(None if found.value is None else str(found.value) for found in answers)
    maker, model, serial = (None if text is None else next(said, None) for text in asked)
    return Identity(maker, model, serial)
