/** Key figures of a station. What is not known is counted as not known, never as zero. */

import { limitingOf } from "./limiting.ts";
import {
  type Network,
  type NetworkBranch,
  type NetworkNode,
  lowVoltageNodes,
  phaseVoltage,
  voltageSources,
} from "./network.ts";
import {
  availablePowerPoint,
  loadingPoint,
  nodeVoltages,
  phasePoints,
} from "./points.ts";
import type { Reader } from "./station.ts";

export interface Extreme {
  readonly value: number;
  readonly place: number;
  /** Phase of the network, 0 to 2; null where only the terminal of a meter is known. */
  readonly phase: number | null;
}

export interface VoltageRange {
  readonly highest: Extreme | null;
  readonly lowest: Extreme | null;
  readonly origin: "estimated" | "measured";
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
  /** Devices that may use less than their rating. */
  readonly limited: number;
  /** Of these, devices that would draw or feed in more than they may. */
  readonly heldBack: number;
  readonly known: number;
  readonly total: number;
}

export function transformers(network: Network): readonly NetworkBranch[] {
  return network.branches.filter((b) => b.kind === "transformer");
}

export interface HighestLoading {
  readonly branch: NetworkBranch;
  readonly loading: number;
  readonly origin: "estimated" | "measured";
}

/** The highest estimated loading of a set of branches. */
export function highestLoading(
  reader: Reader,
  branches: readonly NetworkBranch[],
): HighestLoading | null {
  return highestBy(branches, "estimated", (branch) => reader.usable(loadingPoint(branch.id)));
}

/** The highest transformer loading: as estimated, else as the transformers' meters see it. */
export function transformerLoading(reader: Reader): HighestLoading | null {
  const all = transformers(reader.network);
  return (
    highestLoading(reader, all) ??
    highestBy(all, "measured", (transformer) => measuredLoading(reader, transformer))
  );
}

function highestBy(
  branches: readonly NetworkBranch[],
  origin: HighestLoading["origin"],
  read: (branch: NetworkBranch) => number | null,
): HighestLoading | null {
  let worst: HighestLoading | null = null;
  for (const branch of branches) {
    const loading = read(branch);
    if (loading !== null && (worst === null || loading > worst.loading)) {
      worst = { branch, loading, origin };
    }
  }
  return worst;
}

/**
 * Loading of a transformer as its own meter sees it: the largest phase current over its rating.
 *
 * Stands in where there is no estimate; null unless all phases are usable.
 */
function measuredLoading(reader: Reader, transformer: NetworkBranch): number | null {
  const { ratingA } = transformer;
  // The rating is that of the `to` end: a meter elsewhere sees another current.
  const meter = reader.network.meters.find((m) => m.element === transformer.id && m.side === "to");
  if (meter === undefined || ratingA === null || ratingA <= 0) return null;
  let largest = 0;
  for (const point of phasePoints(meter.name, "MMXU1.A")) {
    const current = reader.usable(point);
    if (current === null) return null;
    largest = Math.max(largest, Math.abs(current));
  }
  return largest / ratingA;
}

/**
 * Highest and lowest phase-to-neutral voltage of the low-voltage nodes, per unit: as estimated, or,
 * where there is no estimate at all, as meters and devices measure it.
 */
export function voltageRange(reader: Reader): VoltageRange {
  const estimated = rangeOf(reader, "estimated", (node) => nodeVoltages(node.id));
  if (estimated.known > 0) return estimated;
  return rangeOf(reader, "measured", (node) =>
    voltageSources(reader.network, node.id).flatMap((name) => phasePoints(name, "MMXU1.PhV")),
  );
}

function rangeOf(
  reader: Reader,
  origin: VoltageRange["origin"],
  pointsOf: (node: NetworkNode) => readonly string[],
): VoltageRange {
  let highest: Extreme | null = null;
  let lowest: Extreme | null = null;
  let known = 0;
  const nodes = lowVoltageNodes(reader.network);
  for (const node of nodes) {
    let seen = false;
    pointsOf(node).forEach((point, i) => {
      const volts = reader.usable(point);
      if (volts === null) return;
      seen = true;
      const value = volts / phaseVoltage(node);
      const extreme = { value, place: node.id, phase: origin === "estimated" ? i : null };
      if (highest === null || value > highest.value) highest = extreme;
      if (lowest === null || value < lowest.value) lowest = extreme;
    });
    if (seen) known += 1;
  }
  return { highest, lowest, origin, known, total: nodes.length };
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
  const all = reader.network.devices.map((device) => limitingOf(reader, device));
  return {
    limited: all.filter((l) => l.limited).length,
    heldBack: all.filter((l) => l.heldBack).length,
    known: all.filter((l) => l.limitW !== null).length,
    total: all.length,
  };
}
