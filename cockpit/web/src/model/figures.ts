/** Key figures of a station. What is not known is counted as not known, never as zero. */

import { type Network, type NetworkBranch, lowVoltageNodes, phaseVoltage } from "./network.ts";
import {
  availablePowerPoint,
  loadingPoint,
  nodeVoltages,
  phasePoints,
  powerLimitPoint,
} from "./points.ts";
import type { Reader } from "./station.ts";

/** Two limits closer than this count as the same, W: registers have steps. */
export const LIMIT_TOLERANCE_W = 20;

export interface Extreme {
  readonly value: number;
  readonly place: number;
  readonly phase: number;
}

export interface VoltageRange {
  readonly highest: Extreme | null;
  readonly lowest: Extreme | null;
  /** Nodes with at least one usable voltage, of all low-voltage nodes. */
  readonly known: number;
  readonly total: number;
}

export interface KindPower {
  /** Magnitude of the power now, W; null when no device of the kind is known. */
  readonly nowW: number | null;
  /** Magnitude of what they would draw or feed in without limits, W. */
  readonly unlimitedW: number | null;
  readonly known: number;
  readonly total: number;
}

export interface LimitedCount {
  /** Devices whose limit in force is below their rating. */
  readonly limited: number;
  /** Of these, devices that would draw or feed in more than they may. */
  readonly heldBack: number;
  readonly known: number;
  readonly total: number;
}

export function transformers(network: Network): readonly NetworkBranch[] {
  return network.branches.filter((b) => b.kind === "transformer");
}

/** The highest loading of a set of branches. */
export function highestLoading(
  reader: Reader,
  branches: readonly NetworkBranch[],
): { branch: NetworkBranch; loading: number } | null {
  let worst: { branch: NetworkBranch; loading: number } | null = null;
  for (const branch of branches) {
    const loading = reader.usable(loadingPoint(branch.id));
    if (loading !== null && (worst === null || loading > worst.loading)) {
      worst = { branch, loading };
    }
  }
  return worst;
}

/** Highest and lowest phase-to-neutral voltage of the low-voltage nodes, per unit. */
export function voltageRange(reader: Reader): VoltageRange {
  let highest: Extreme | null = null;
  let lowest: Extreme | null = null;
  let known = 0;
  const nodes = lowVoltageNodes(reader.network);
  for (const node of nodes) {
    let seen = false;
    nodeVoltages(node.id).forEach((point, phase) => {
      const volts = reader.usable(point);
      if (volts === null) return;
      seen = true;
      const value = volts / phaseVoltage(node);
      if (highest === null || value > highest.value) highest = { value, place: node.id, phase };
      if (lowest === null || value < lowest.value) lowest = { value, place: node.id, phase };
    });
    if (seen) known += 1;
  }
  return { highest, lowest, known, total: nodes.length };
}

/** Sum of a source's phases, W; null unless every phase that it has is usable. */
export function totalPower(reader: Reader, source: string): number | null {
  return sumOf(reader, phasePoints(source, "MMXU1.W"));
}

/** Sum of points; phases that do not exist are left out, phases that are not usable spoil it. */
export function sumOf(reader: Reader, points: readonly string[]): number | null {
  let sum: number | null = null;
  for (const point of points) {
    if (reader.sample(point) === undefined) continue;
    const value = reader.usable(point);
    if (value === null) return null;
    sum = (sum ?? 0) + value;
  }
  return sum;
}

export function powerOfKind(reader: Reader, kind: string): KindPower {
  const devices = reader.network.devices.filter((d) => d.kind === kind);
  let now: number | null = null;
  let unlimited: number | null = null;
  let known = 0;
  for (const device of devices) {
    const power = totalPower(reader, device.name);
    const available = reader.usable(availablePowerPoint(device.name));
    if (power === null || available === null) continue;
    known += 1;
    now = (now ?? 0) + Math.abs(power);
    unlimited = (unlimited ?? 0) + available;
  }
  return { nowW: now, unlimitedW: unlimited, known, total: devices.length };
}

export function limitedCount(reader: Reader): LimitedCount {
  let limited = 0;
  let heldBack = 0;
  let known = 0;
  for (const device of reader.network.devices) {
    const limit = reader.usable(powerLimitPoint(device.name));
    if (limit === null) continue;
    known += 1;
    if (limit >= device.ratedW - LIMIT_TOLERANCE_W) continue;
    limited += 1;
    const available = reader.usable(availablePowerPoint(device.name));
    if (available !== null && available > limit + LIMIT_TOLERANCE_W) heldBack += 1;
  }
  return { limited, heldBack, known, total: reader.network.devices.length };
}
