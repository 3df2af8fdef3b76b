"""A state estimate as bytes, from one worker to the other. The agent passes them on unread."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from ortsnetz_edge.hosting.calls import CallError
from ortsnetz_grid.functions.state_estimation.result import RemovedSensor, StateEstimate


class ArrayBytes(Struct, frozen=True, array_like=True):
    """A numpy array: type, shape, contents in C order."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes


class RemovedBytes(Struct, frozen=True, array_like=True):
    """A `RemovedSensor`."""

    sensor: int
    normalised_residual: float
    words: str


class StateBytes(Struct, frozen=True, forbid_unknown_fields=True):
    """A `StateEstimate`: its arrays by name of the field, and the rest."""

    arrays: dict[str, ArrayBytes]
    removed: tuple[RemovedBytes, ...]
    problems: tuple[str, ...]


_ARRAYS = tuple(
    field.name
    for field in dataclasses.fields(StateEstimate)
    if field.name not in {"removed", "problems"}
)
_decoder = msgspec.msgpack.Decoder(StateBytes)


def to_bytes(state: StateEstimate) -> bytes:
    """Encode a state."""
    return msgspec.msgpack.encode(
        StateBytes(
            arrays={name: _packed(getattr(state, name)) for name in _ARRAYS},
            removed=tuple(
                RemovedBytes(one.sensor, float(one.normalised_residual), one.words)
                for one in state.removed
            ),
            problems=state.problems,
        )
    )


def from_bytes(payload: bytes) -> StateEstimate:
    """Decode a state.

    Raises:
        CallError: the bytes are none.
    """
    try:
        found = _decoder.decode(payload)
        arrays: dict[str, Any] = {name: _unpacked(found.arrays[name]) for name in _ARRAYS}
    except (msgspec.MsgspecError, KeyError, ValueError, TypeError) as error:
        raise CallError(f"a state is malformed: {error}") from error
    return StateEstimate(
        **arrays,
        removed=tuple(
            RemovedSensor(one.sensor, one.normalised_residual, one.words) for one in found.removed
        ),
        problems=found.problems,
    )


def _packed(array: NDArray[Any]) -> ArrayBytes:
    return ArrayBytes(array.dtype.str, array.shape, np.ascontiguousarray(array).tobytes())


def _unpacked(packed: ArrayBytes) -> NDArray[Any]:
    return np.frombuffer(packed.data, dtype=np.dtype(packed.dtype)).reshape(packed.shape)
