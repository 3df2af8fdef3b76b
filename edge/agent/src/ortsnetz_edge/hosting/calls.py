"""What is asked of each function and what comes back: the seam between the agent and the grid.

The agent needs neither matrices nor the network model: an estimate travels on to the limiting
function as opaque bytes (`state`), and what the agent itself uses is spelled out in plain columns.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import Struct

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_common.measurement.reading import Reading

PhaseNumbers = tuple[float, float, float]


class EstimationCall(Struct, frozen=True, forbid_unknown_fields=True):
    """Asks for the state at one instant.

    Attributes:
        hour: hour of the calendar day, 0 to 24, UTC, for pseudo-measurements.
        readings: by name of meter or device; only what is usable.
    """

    hour: float
    readings: dict[str, Reading]


class NodeState(Struct, frozen=True, array_like=True):
    """Estimated phase-to-neutral voltages of a node, V."""

    node: int
    voltage_v: PhaseNumbers


class BranchState(Struct, frozen=True, array_like=True):
    """Estimated loading of a line or transformer.

    Attributes:
        loading: largest phase or neutral current over its rating, at either end.
        active_w: per phase, into the branch at its `from` end; None where it is not reported.
    """

    branch: int
    loading: float
    active_w: PhaseNumbers | None = None


class EstimationResult(Struct, frozen=True, forbid_unknown_fields=True):
    """A verified state.

    Attributes:
        state: the whole state, for the limiting function; opaque here.
        removed: measurements that were removed as bad, in words.
        doubted_guards: meters that guard the limits and contradict the rest: removed, or not told
            apart from what is wrong. The state stands without them.
    """

    nodes: tuple[NodeState, ...]
    branches: tuple[BranchState, ...]
    removed: tuple[str, ...]
    state: bytes
    doubted_guards: tuple[str, ...] = ()


class LimitingCall(Struct, frozen=True, forbid_unknown_fields=True):
    """Asks for the limits that keep the network inside its ratings.

    Attributes:
        state: from `EstimationResult.state` of the same cycle.
        readings: of the same cycle.
        deaf: devices that do not follow their limits, or are no part of any decision: what they
            draw is not at the decision's disposal.
        may_draw: slow devices that have been told less and may not have followed yet: what they can
            still be at on our account, W, magnitude.
        advisory: devices whose limits are only reported: to all others they are load.
        present: limits of the active devices as they are, W, magnitude, to be looked at as well.
        loading_of: highest loading of branches whose rating depends on time, by element.
        unspoken: devices whose profile has no word for what they want; it is told from how much
            they draw of what they may.
        unadjusted: devices that do not take the reactive power that they are told: none of it is at
            the decision's disposal.
    """

    state: bytes
    readings: dict[str, Reading]
    deaf: tuple[str, ...] = ()
    may_draw: dict[str, float] = {}
    advisory: tuple[str, ...] = ()
    present: dict[str, float] = {}
    loading_of: dict[int, float] = {}
    unspoken: tuple[str, ...] = ()
    unadjusted: tuple[str, ...] = ()


class DeviceLimit(Struct, frozen=True, forbid_unknown_fields=True):
    """A limit that the network needs at one device.

    Attributes:
        limit_w: magnitude.
        reason: measured reason in words, e.g. `transformer 1 'T1' phase b at 98 %`.
        binding: names of the elements that made it necessary.
    """

    device: str
    limit_w: float
    reason: str
    binding: tuple[str, ...]


class Missed(Struct, frozen=True, forbid_unknown_fields=True):
    """A limit that is not kept; for people only, nothing is decided by it.

    Attributes:
        element: component, id and name, e.g. `transformer 1 'T1'`.
        words: what is missed, with value and limit.
        what: `loading phase b`, `u_pu phase c high`, ...; empty where no figure is known.
        value: loading as a share of the rating, voltage in pu; None where none is known.
        limit: in the same unit.
        relief_w: active power that is missing at this phase of the element; None where active power
            has no such effect.
        relief_var: the same by reactive power alone.
        until: what it waits for: the limit is kept as soon as that has happened; empty where no
            setting of the devices keeps it.
    """

    element: str
    words: str
    what: str = ""
    value: float | None = None
    limit: float | None = None
    relief_w: float | None = None
    relief_var: float | None = None
    until: str = ""


class LimitingResult(Struct, frozen=True, forbid_unknown_fields=True):
    """What the limiting function decided.

    Attributes:
        status: ok, limited or infeasible.
        verified: whether a power flow has confirmed that the limits are kept.
        worst_loading: largest loading with these limits; None where no branch has a rating or no
            power flow converges.
        limits: devices that have to be limited; who is not in it needs no limit.
        violated: limits that no setting of the devices can keep, in words.
        uncontrolled: devices that said nothing usable: nothing is known of what they would draw.
        reserve_given_up: why no limit may be raised, in words: elements whose margin could not be
            kept, and limits that are missed until something slow has followed.
        present_kept: whether a power flow has confirmed that the limits of `LimitingCall.present`
            keep everything, reserve included; false where nobody looked.
        reactive: reactive power that devices are told, var in all, inductive consumption positive.
        missed: limits that no setting of the devices can keep, with what is missing.
        meanwhile: limits that are missed until something slow has followed, the same.
        margins_given_up: elements, by label, whose margin could not be kept; their limit is.
    """

    status: str
    verified: bool
    worst_loading: float | None
    limits: tuple[DeviceLimit, ...]
    violated: tuple[str, ...] = ()
    uncontrolled: tuple[str, ...] = ()
    reserve_given_up: tuple[str, ...] = ()
    present_kept: bool = False
    reactive: dict[str, float] = {}
    missed: tuple[Missed, ...] = ()
    meanwhile: tuple[Missed, ...] = ()
    margins_given_up: tuple[str, ...] = ()


class CallError(OrtsnetzError):
    """The body of a call or a result is not what was agreed."""


_Body = TypeVar("_Body")
_encoder = msgspec.msgpack.Encoder()
_estimation_call = msgspec.msgpack.Decoder(EstimationCall)
_estimation_result = msgspec.msgpack.Decoder(EstimationResult)
_limiting_call = msgspec.msgpack.Decoder(LimitingCall)
_limiting_result = msgspec.msgpack.Decoder(LimitingResult)


def encode(body: EstimationCall | EstimationResult | LimitingCall | LimitingResult) -> bytes:
    """Encode the body of a call or of a result."""
    return _encoder.encode(body)


def estimation_call(body: bytes) -> EstimationCall:
    """Decode a call of the estimation; raises `CallError`."""
    return _decoded(_estimation_call, body)


def estimation_result(body: bytes) -> EstimationResult:
    """Decode a result of the estimation; raises `CallError`."""
    return _decoded(_estimation_result, body)


def limiting_call(body: bytes) -> LimitingCall:
    """Decode a call of the limiting; raises `CallError`."""
    return _decoded(_limiting_call, body)


def limiting_result(body: bytes) -> LimitingResult:
    """Decode a result of the limiting; raises `CallError`."""
    return _decoded(_limiting_result, body)


def _decoded(decoder: msgspec.msgpack.Decoder[_Body], body: bytes) -> _Body:
    try:
        return decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise CallError(f"a function call or result is malformed: {error}") from error
