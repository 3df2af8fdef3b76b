"""All values of one request at once: what lies in the usual order is unpacked together. Pure."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from ortsnetz_edge.drivers.modbus.decode import FORMS, Data, number_decoder
from ortsnetz_edge.drivers.modbus.plan import Request
from ortsnetz_edge.profiles.references.modbus import Kind, Order, RegisterReference

_FLOATS = {Kind.F32, Kind.F64}


class BlockDecoder:
    """Puts the values of a request's data where they belong among the raw values of a source."""

    def __init__(
        self,
        references: Sequence[RegisterReference],
        absent: Sequence[int | None],
        request: Request,
    ) -> None:
        """Compile a request.

        Args:
            references: all of the source.
            absent: raw value of each that means "not present".
            request: whose places are decoded.
        """
        form, end = [">"], request.address
        together: list[int] = []
        for place in sorted(request.places, key=lambda place: references[place].address):
            reference = references[place]
            if reference.address >= end and _is_plain(reference, absent[place]):
                form += ["2x"] * (reference.address - end) + [FORMS[reference.kind]]
                end = reference.address + reference.width
                together.append(place)
        self._form = struct.Struct("".join(form))
        self._together = tuple(
            (place, _typed(references[place], absent[place])) for place in together
        )
        self._single = tuple(
            (place, number_decoder(references[place], absent[place], request.address))
            for place in request.places
            if place not in together
        )

    def put(self, data: Data, raws: list[float | None]) -> None:
        """Decode data into the raw values; None for what is not present."""
        if self._together:
            values = self._form.unpack_from(data)  # type: ignore[arg-type] # registers are bytes
            for (place, absent), value in zip(self._together, values, strict=True):
                raws[place] = None if value == absent else value
        for place, decode in self._single:
            raws[place] = decode(data)


def _is_plain(reference: RegisterReference, absent: int | None) -> bool:
    """Whether it can be unpacked with its neighbours."""
    if not reference.is_register or reference.kind not in FORMS:
        return False
    if reference.kind in _FLOATS and absent is not None:
        return False  # "not present" is no number that equals itself, mostly
    return reference.order is Order.ABCD


def _typed(reference: RegisterReference, absent: int | None) -> float | None:
    """The number as which a raw value that counts unsigned appears in its kind."""
    if absent is None:
        return None
    raw = absent.to_bytes(2 * reference.width, "big")
    value: float = struct.unpack(">" + FORMS[reference.kind], raw)[0]
    return value
