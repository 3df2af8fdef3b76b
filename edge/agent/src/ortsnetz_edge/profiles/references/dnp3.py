"""References of DNP3: `analog-input/4`, `counter/0`, `analog-output/3:f32`, `binary-output/1`.

Also `attribute/248`: a text of group 0 (IEEE 1815-2012, A.1; 248 is the serial number, 250 the
product's name and model, 252 the maker's name).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum


class PointKind(StrEnum):
    """Kinds of points that are read."""

    BINARY_INPUT = "binary-input"
    DOUBLE_BIT_INPUT = "double-bit-input"
    COUNTER = "counter"
    FROZEN_COUNTER = "frozen-counter"
    ANALOG_INPUT = "analog-input"
    BINARY_OUTPUT = "binary-output"
    ANALOG_OUTPUT = "analog-output"
    OCTET_STRING = "octet-string"
    ATTRIBUTE = "attribute"


class Form(StrEnum):
    """How a command is coded: the analog outputs of group 41, the operations of group 12."""

    I16 = "i16"
    I32 = "i32"
    F32 = "f32"
    F64 = "f64"
    LATCH = "latch"
    PULSE = "pulse"
    TRIP_CLOSE = "trip-close"


@dataclass(frozen=True, slots=True)
class PointReference:
    """One point of an outstation.

    Attributes:
        index: of the point; the variation for an attribute.
        form: how it is commanded; None for what is not.
    """

    kind: PointKind
    index: int
    form: Form | None = None

    def __str__(self) -> str:
        suffix = "" if self.form is None else f":{self.form}"
        return f"{self.kind}/{self.index}{suffix}"


_FORM = re.compile(r"(?P<kind>[a-z-]+)/(?P<index>[0-9]{1,5})(:(?P<form>[a-z0-9-]+))?")
_ANALOG = (Form.F32, Form.F64, Form.I16, Form.I32)
_BINARY = (Form.LATCH, Form.PULSE, Form.TRIP_CLOSE)
_LAST = 65535


class Dnp3Syntax:
    """References of DNP3; fulfils `references.Syntax`."""

    def parse(self, text: str) -> PointReference:
        """A reference from its text. Raises ValueError."""
        match = _FORM.fullmatch(text)
        if match is None:
            raise ValueError(f"'{text}' is not of the form analog-input/4")
        try:
            kind = PointKind(match["kind"])
        except ValueError:
            raise ValueError(
                f"'{match['kind']}' is not a kind of point: {', '.join(PointKind)}"
            ) from None
        index = int(match["index"])
        if index > (255 if kind is PointKind.ATTRIBUTE else _LAST):
            raise ValueError(f"'{text}': there is no such index")
        return PointReference(kind, index, self._form(text, kind, match["form"]))

    def shifted(self, reference: PointReference, by: int) -> PointReference:
        """The same point so many indexes further; attributes belong to all. Raises ValueError."""
        if reference.kind is PointKind.ATTRIBUTE:
            return reference
        if not 0 <= reference.index + by <= _LAST:
            raise ValueError(f"{by} points after {reference} there is nothing")
        return replace(reference, index=reference.index + by)

    def _form(self, text: str, kind: PointKind, word: str | None) -> Form | None:
        possible = {PointKind.ANALOG_OUTPUT: _ANALOG, PointKind.BINARY_OUTPUT: _BINARY}.get(kind)
        if possible is None:
            if word:
                raise ValueError(f"'{text}': {kind} takes no form")
            return None
        if not word:
            return possible[0]
        if word not in possible:
            raise ValueError(f"'{text}': {kind} is commanded as one of {', '.join(possible)}")
        return Form(word)
