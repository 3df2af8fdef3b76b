"""The slot for functions on recorded waveforms: a recording in, a finding out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.power_quality.recording import Recording


@dataclass(frozen=True, slots=True)
class Finding:
    """What a function says about a recording.

    Attributes:
        function: its name.
        verdict: a word of its own vocabulary; None where it could not judge.
        reason: in words, for people.
    """

    function: str
    verdict: str | None
    reason: str


class RecordingFunction(Protocol):
    """A pure function on recordings."""

    @property
    def name(self) -> str:
        """What findings are named after."""
        ...

    def judge(self, recording: Recording) -> Finding:
        """Say what it finds; `InputError` where the recording lacks what it needs."""
        ...


def findings(functions: Iterable[RecordingFunction], recording: Recording) -> tuple[Finding, ...]:
    """Of all functions; one that lacks its input says so and keeps none from the others."""
    found = []
    for function in functions:
        try:
            found.append(function.judge(recording))
        except InputError as error:
            found.append(Finding(function.name, None, str(error)))
    return tuple(found)
