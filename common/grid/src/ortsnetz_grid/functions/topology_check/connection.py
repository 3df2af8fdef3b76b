"""A stated connection beside the identified one."""

from __future__ import annotations

from dataclasses import dataclass

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.topology_check.phase_identification import PhaseIdentification
from ortsnetz_grid.functions.topology_check.result import Kind


@dataclass(frozen=True, slots=True)
class ConnectionCheck:
    """Whether a meter sits where it is said to.

    Attributes:
        kind: OK, WRONG_PHASE or UNDECIDED.
        stated: phases at the terminals as stated.
        identified: as identified; None if undecided.
        words: for people.
    """

    kind: Kind
    stated: str
    identified: str | None
    words: str


def check_connection(meter: str, stated: str, identified: PhaseIdentification) -> ConnectionCheck:
    """Compare.

    Args:
        meter: how people call it.
        stated: its phases by terminal, such as `b` or `abc`.
        identified: from its history.

    Raises:
        InputError: the stated phases are none of those that were compared; names the meter.
    """
    if stated not in identified.probability:
        raise InputError(
            f"{meter}: stated phases '{stated}' are none of {', '.join(identified.probability)}"
        )
    found = identified.phases
    if found is None:
        words = f"{meter}: stated on {stated}; {identified.words}"
        return ConnectionCheck(Kind.UNDECIDED, stated, None, words)
    if found == stated:
        return ConnectionCheck(Kind.OK, stated, found, f"{meter}: on {stated}, as stated")
    words = f"{meter}: stated on {stated}, but its history says {identified.words}"
    return ConnectionCheck(Kind.WRONG_PHASE, stated, found, words)
