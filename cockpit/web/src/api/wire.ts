/** JSON of the cockpit's API (docs/design/cockpit-api.md), turned into the page's own values. */

import type { Limits, Network } from "../model/network.ts";
import type { Order } from "../model/orders.ts";
import { ORIGINS, type Origin, type Sample } from "../model/quality.ts";
import type { Adjustment, AgentEntry, Alarm, AlarmState, Health, Setpoint } from "../model/station.ts";

export interface WireSample {
  value: number | null;
  quality: number;
  origin: string;
  time_ns: string;
}

export interface WireHealth {
  time_ns: string;
  mode: string;
  reason: string;
  cycle: number;
  cycle_ms: number;
  state_age_s: number | null;
  counters: Record<string, number>;
}

export interface WireAgent {
  node: string;
  online: boolean;
  last_seen: string | null;
  health: WireHealth | null;
}

export interface WireNetwork {
  nodes: { id: number; name: string; x: number | null; y: number | null; u_rated: number }[];
  branches: {
    id: number;
    name: string;
    kind: string;
    from: number;
    to: number;
    rating_a: number | null;
  }[];
  devices: {
    name: string;
    kind: string;
    element: number;
    node: number | null;
    rated_w: number;
    floor_w: number;
  }[];
  meters: { name: string; role: string; element: number; side: string | null }[];
  limits: { u_pu: [number, number]; loading: number } | null;
  groups?: { name: string }[];
}

export interface WireOrder {
  id: string;
  source: string;
  issued_by: string;
  expires_ns: string;
  reason: string;
  targets: string[];
  limit_w: number | null;
  share: number | null;
  mode: string | null;
  armed: boolean | null;
  state: string;
  state_reason: string;
  open: boolean;
  revoked_by: string | null;
}

export interface WireSetpoint {
  device: string;
  limit_w: number;
  source: string;
  reason: string;
  binding: string[];
  time_ns: string;
}

export interface WireAdjustment {
  device: string;
  quantity: string;
  value: number;
  reason: string;
  time_ns: string;
}

export interface WireAlarm {
  id: number;
  node: string;
  key: string;
  state: AlarmState;
  priority: number;
  cause: string;
  consequence: string;
  action: string;
  raised_ns: string;
  cleared_ns: string | null;
  acknowledged_by: string | null;
  acknowledged_ns: string | null;
  occurrences: number;
}

export interface WireSeries {
  point: string;
  unit: string;
  origin: string | null;
  bucket_ns: string;
  t: number[];
  mean: (number | null)[];
  min: (number | null)[];
  max: (number | null)[];
}

export type LiveMessage =
  | { type: "live"; node: string; full: boolean; points: Record<string, WireSample> }
  | { type: "health"; node: WireAgent }
  | { type: "setpoints"; node: string; setpoints: WireSetpoint[]; adjusted: WireAdjustment[] }
  | { type: "alarms"; alarms: WireAlarm[] };

/** Milliseconds of a string of nanoseconds: the last six digits go, so that a double can hold it. */
export function millis(ns: string): number {
  return Number(ns) / 1e6;
}

const millisOrNull = (ns: string | null): number | null => (ns === null ? null : millis(ns));

function originOf(word: string): Origin {
  // An origin that this page does not know must not pass for a measurement.
  return ORIGINS.find((o) => o === word) ?? "substituted";
}

export function sampleOf(wire: WireSample): Sample {
  return {
    value: wire.value,
    quality: wire.quality,
    origin: originOf(wire.origin),
    timeMs: millis(wire.time_ns),
  };
}

function healthOf(wire: WireHealth): Health {
  return {
    timeMs: millis(wire.time_ns),
    cycle: wire.cycle,
    mode: wire.mode,
    reason: wire.reason,
    cycleMs: wire.cycle_ms,
    stateAgeS: wire.state_age_s,
    counters: wire.counters,
  };
}

export function agentOf(wire: WireAgent): AgentEntry {
  return {
    node: wire.node,
    online: wire.online,
    lastSeenMs: millisOrNull(wire.last_seen),
    health: wire.health === null ? null : healthOf(wire.health),
  };
}

export function networkOf(wire: WireNetwork): Network {
  const limits: Limits | null =
    wire.limits === null ? null : { uPu: wire.limits.u_pu, loading: wire.limits.loading };
  return {
    nodes: wire.nodes.map((n) => ({ id: n.id, name: n.name, x: n.x, y: n.y, uRated: n.u_rated })),
    branches: wire.branches.map((b) => ({
      id: b.id,
      name: b.name,
      kind: b.kind,
      from: b.from,
      to: b.to,
      ratingA: b.rating_a,
    })),
    devices: wire.devices.map((d) => ({
      name: d.name,
      kind: d.kind,
      element: d.element,
      node: d.node,
      ratedW: d.rated_w,
      floorW: d.floor_w,
    })),
    meters: wire.meters.map((m) => ({ ...m })),
    limits,
    groups: (wire.groups ?? []).map((g) => g.name),
  };
}

export function orderOf(wire: WireOrder): Order {
  return {
    id: wire.id,
    source: wire.source,
    issuedBy: wire.issued_by,
    expiresMs: millis(wire.expires_ns),
    reason: wire.reason,
    targets: wire.targets,
    limitW: wire.limit_w,
    share: wire.share,
    mode: wire.mode,
    armed: wire.armed,
    state: wire.state,
    stateReason: wire.state_reason,
    open: wire.open,
    revokedBy: wire.revoked_by,
  };
}

export function setpointOf(wire: WireSetpoint): Setpoint {
  return {
    device: wire.device,
    limitW: wire.limit_w,
    source: wire.source,
    reason: wire.reason,
    binding: wire.binding,
    timeMs: millis(wire.time_ns),
  };
}

export function adjustmentOf(wire: WireAdjustment): Adjustment {
  return {
    device: wire.device,
    quantity: wire.quantity,
    value: wire.value,
    reason: wire.reason,
    timeMs: millis(wire.time_ns),
  };
}

export function alarmOf(wire: WireAlarm): Alarm {
  return {
    id: wire.id,
    node: wire.node,
    key: wire.key,
    state: wire.state,
    priority: wire.priority,
    cause: wire.cause,
    consequence: wire.consequence,
    action: wire.action,
    raisedMs: millis(wire.raised_ns),
    clearedMs: millisOrNull(wire.cleared_ns),
    acknowledgedBy: wire.acknowledged_by,
    acknowledgedMs: millisOrNull(wire.acknowledged_ns),
    occurrences: wire.occurrences,
  };
}
