"""What a publisher of the bench does wrong, on purpose."""

from __future__ import annotations

from enum import StrEnum


class Misbehaviour(StrEnum):
    """Faults of a publisher; each lasts until `NONE` is told."""

    NONE = "none"
    STOP = "stop"  # sends nothing
    SEQUENCE_JUMP = "sequence-jump"  # sqNum goes on by 11: as if ten messages were lost
    REPLAY = "replay"  # sends the first message that it ever sent, again and again
    WRONG_REVISION = "wrong-revision"  # confRev of another configuration
    NEEDS_COMMISSIONING = "needs-commissioning"  # ndsCom
    SIMULATION = "simulation"  # the bit of a test set
    SHORT_LIFE = "short-life"  # allows each message 1 ms
    WRONG_TYPES = "wrong-types"  # all members are integers
