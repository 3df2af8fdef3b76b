"""The nodes as the cockpit sees them now: presence, health, watermark, setpoints in force."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

from ortsnetz_cockpit.core.metrics import Metrics
from ortsnetz_common.link.messages import Adjusted, Decision, Health, Setpoint


@dataclass(frozen=True, slots=True)
class SetpointInForce:
    """The last setpoint of a device and when it was decided."""

    setpoint: Setpoint
    time_ns: int


@dataclass(frozen=True, slots=True)
class AdjustmentInForce:
    """The last set point of a device besides its limit, and when it was decided."""

    adjusted: Adjusted
    time_ns: int


@dataclass(frozen=True, slots=True)
class NodeState:
    """What is known of a node.

    Attributes:
        online: what the node, or its last will, said last; False while the broker is away.
        first_seen_ns: arrival of its first message ever; None before.
        last_seen_ns: arrival of its last message.
        epoch: newest epoch.
        watermark: watermark of that epoch.
        health: last health record.
        version: rises with every change of anything but arrival times.
        setpoints: the last of each device.
        adjusted: the last of each device and quantity besides limits.
        setpoints_version: rises when one of both changes.
    """

    node: str
    online: bool = False
    first_seen_ns: int | None = None
    last_seen_ns: int | None = None
    epoch: str | None = None
    watermark: int = 0
    health: Health | None = None
    setpoints: tuple[SetpointInForce, ...] = ()
    adjusted: tuple[AdjustmentInForce, ...] = ()
    version: int = 0
    setpoints_version: int = 0


class Board:
    """One state a node; written by the ingest writer, read by everybody."""

    def __init__(self, nodes: tuple[str, ...], metrics: Metrics) -> None:
        self._lock = threading.Lock()
        self._metrics = metrics
        self._states = {node: NodeState(node) for node in nodes}

    def states(self) -> list[NodeState]:
        """All nodes, in the order of the configuration."""
        with self._lock:
            return list(self._states.values())

    def state(self, node: str) -> NodeState | None:
        """One node; None when it is not in the configuration."""
        with self._lock:
            return self._states.get(node)

    def restore(self, state: NodeState) -> None:
        """Put back what the registry and the log know, at start."""
        with self._lock:
            if state.node in self._states:
                self._states[state.node] = state
                self._show(state)

    def seen(self, node: str, received_ns: int, *, online: bool | None = None) -> None:
        """A message came; a presence also says whether the node is online."""
        with self._lock:
            state = self._states[node]
            changed = online is not None and online != state.online
            self._put(
                replace(
                    state,
                    online=state.online if online is None else online,
                    first_seen_ns=state.first_seen_ns or received_ns,
                    last_seen_ns=received_ns,
                    version=state.version + changed,
                )
            )

    def lost_sight(self) -> None:
        """The broker is away: nobody can be said to be online until it tells so again."""
        with self._lock:
            for state in list(self._states.values()):
                if state.online:
                    self._put(replace(state, online=False, version=state.version + 1))

    def advanced(self, node: str, epoch: str, watermark: int) -> None:
        """The newest epoch's watermark moved."""
        with self._lock:
            state = self._states[node]
            self._put(replace(state, epoch=epoch, watermark=watermark, version=state.version + 1))

    def healthy(self, node: str, health: Health) -> None:
        """A health record was committed."""
        with self._lock:
            state = self._states[node]
            self._put(replace(state, health=health, version=state.version + 1))

    def decided(self, node: str, decision: Decision) -> None:
        """A decision was committed: its setpoints replace those of the same devices."""
        if not decision.setpoints and not decision.adjusted:
            return
        with self._lock:
            state = self._states[node]
            by_device = {entry.setpoint.device: entry for entry in state.setpoints}
            for setpoint in decision.setpoints:
                by_device[setpoint.device] = SetpointInForce(setpoint, decision.time_ns)
            told = {(one.adjusted.device, one.adjusted.quantity): one for one in state.adjusted}
            for adjusted in decision.adjusted:
                place = (adjusted.device, adjusted.quantity)
                told[place] = AdjustmentInForce(adjusted, decision.time_ns)
            self._put(
                replace(
                    state,
                    setpoints=tuple(by_device[device] for device in sorted(by_device)),
                    adjusted=tuple(told[place] for place in sorted(told)),
                    setpoints_version=state.setpoints_version + 1,
                )
            )

    def _put(self, state: NodeState) -> None:
        self._states[state.node] = state
        self._show(state)

    def _show(self, state: NodeState) -> None:
        self._metrics.node_online.labels(state.node).set(state.online)
        self._metrics.node_watermark.labels(state.node).set(state.watermark)
        if state.last_seen_ns is not None:
            self._metrics.node_last_seen.labels(state.node).set(state.last_seen_ns / 1e9)
