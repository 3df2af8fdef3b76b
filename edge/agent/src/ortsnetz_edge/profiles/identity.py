"""Whether a device is the one that it should be. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from ortsnetz_common.errors import InputError
from ortsnetz_edge.drivers.contract import Identity, Source
from ortsnetz_edge.profiles.bays import reference_of
from ortsnetz_edge.profiles.references import Syntax
from ortsnetz_edge.profiles.schema import Profile

R = TypeVar("R")


@dataclass(frozen=True)
class IdentityMap(Generic[R]):
    """Where a device says what it is, and what it has to say.

    Attributes:
        maker_at, model_at, serial_at: references of texts; None for what it does not say.
        maker, model: beginnings that the texts must have; None takes any.
        serial: the whole serial number; None takes any.
    """

    maker_at: R | None
    model_at: R | None
    serial_at: R | None
    maker: str | None
    model: str | None
    serial: str | None

    @property
    def expects(self) -> str:
        """What the device has to say, in words."""
        return str(Identity(self.maker, self.model, self.serial))

    def misfit(self, said: Identity) -> str | None:
        """Why a device is not the one that it should be; None if it is."""
        for what, wanted, found in (
            ("maker", self.maker, said.maker),
            ("model", self.model, said.model),
        ):
            if wanted is not None and not (found or "").startswith(wanted):
                return f"{what} '{wanted}' is expected, the device says {_quoted(found)}"
        if self.serial is not None and self.serial != said.serial:
            return (
                f"serial number '{self.serial}' is expected, the device says {_quoted(said.serial)}"
            )
        return None


def _quoted(text: str | None) -> str:
    return "nothing" if text is None else f"'{text}'"


def compile_identity(profile: Profile, source: Source, syntax: Syntax[R]) -> IdentityMap[R] | None:
    """What a source has to say about itself; None for what is not asked.

    Raises:
        InputError: a serial number is expected that the profile knows no place for.
    """
    places, serial = profile.identity, source.connection.identity
    if serial is not None and (places is None or places.serial_at is None):
        raise InputError(
            f"'{source.name}': the connection expects serial number '{serial}', and profile "
            f"'{profile.kind}' does not say where the device has it"
        )
    if places is None:
        return None
    if profile.setpoint is not None and (places.maker, places.model, serial) == (None, None, None):
        raise InputError(
            f"'{source.name}': profile '{profile.kind}' takes setpoints and tells its devices "
            "apart by serial number only: the connection's 'identity' has to say which it is"
        )

    def at(text: str | None) -> R | None:
        return None if text is None else reference_of(text, profile, source, syntax)

    return IdentityMap(
        maker_at=at(places.maker_at),
        model_at=at(places.model_at),
        serial_at=at(places.serial_at),
        maker=places.maker,
        model=places.model,
        serial=serial,
    )
