/** The trend lines of a station and of a selected element. */

import {
  type Device,
  type Network,
  type NetworkBranch,
  type NetworkNode,
  PHASES,
  lowVoltageNodes,
  phaseVoltage,
} from "./network.ts";
import {
  availablePowerPoint,
  branchPowers,
  loadingPoint,
  nodeVoltages,
  phasePoints,
  powerLimitPoint,
} from "./points.ts";
import type { Part, TrendLine } from "./trend.ts";

const times = (points: readonly string[], factor: number): Part[] =>
  points.map((point) => ({ point, factor }));

/** +1 where power into the branch at this node's end flows away from the supply, else -1. */
function awayFromSupply(network: Network, branch: NetworkBranch, end: number): 1 | -1 {
  const rated = (id: number): number => network.nodes.find((n) => n.id === id)?.uRated ?? 0;
  const other = end === branch.from ? branch.to : branch.from;
  // Without a difference in voltage the branch's own direction counts.
  if (rated(end) === rated(other)) return end === branch.from ? 1 : -1;
  return rated(end) > rated(other) ? 1 : -1;
}

/** Power through a branch as estimated, positive away from the supply, W. */
export function estimatedPower(network: Network, branch: NetworkBranch): TrendLine {
  const sign = awayFromSupply(network, branch, branch.from);
  return {
    key: `estimated-power-${branch.id}`,
    parts: times(branchPowers(branch.id), sign),
    fold: "sum",
  };
}

/** The same as the branch's meter sees it; null where there is none. */
export function measuredPower(network: Network, branch: NetworkBranch): TrendLine | null {
  const meter = network.meters.find((m) => m.element === branch.id && m.side !== null);
  if (meter === undefined) return null;
  const end = meter.side === "to" ? branch.to : branch.from;
  const sign = awayFromSupply(network, branch, end);
  return {
    key: `measured-power-${branch.id}`,
    parts: times(phasePoints(meter.name, "MMXU1.W"), sign),
    fold: "sum",
  };
}

export function loadingLine(branch: number): TrendLine {
  return { key: `loading-${branch}`, parts: times([loadingPoint(branch)], 1), fold: "highest" };
}

/** Highest loading of all branches that are no transformers. */
export function highestCable(network: Network): TrendLine {
  const cables = network.branches.filter((b) => b.kind !== "transformer");
  return {
    key: "highest-cable",
    parts: cables.map((b) => ({ point: loadingPoint(b.id), factor: 1 })),
    fold: "highest",
  };
}

/** Highest or lowest voltage of the low-voltage nodes, per unit. */
export function extremeVoltage(network: Network, fold: "highest" | "lowest"): TrendLine {
  return {
    key: `${fold}-voltage`,
    parts: lowVoltageNodes(network).flatMap((n) => times(nodeVoltages(n.id), 1 / phaseVoltage(n))),
    fold,
  };
}

/** One phase's voltage at a node, estimated, per unit. */
export function nodeVoltageLine(node: NetworkNode, phase: number): TrendLine {
  const point = nodeVoltages(node.id)[phase] ?? "";
  return {
    key: `voltage-${node.id}-${phase}`,
    parts: times([point], 1 / phaseVoltage(node)),
    fold: "highest",
  };
}

/** Names of the meters and devices that measure the voltage of a node. */
export function voltageSources(network: Network, node: number): string[] {
  const ends = new Map(network.branches.map((b) => [b.id, b]));
  const meters = network.meters.filter((m) => {
    if (m.side === null) return m.element === node;
    const branch = ends.get(m.element);
    return branch !== undefined && (m.side === "to" ? branch.to : branch.from) === node;
  });
  const devices = network.devices.filter((d) => d.node === node);
  return [...meters, ...devices].map((source) => source.name);
}

/** The same phase's voltage as a meter or device at the node measures it, per unit. */
export function measuredVoltageLine(node: NetworkNode, phase: number, source: string): TrendLine {
  return {
    key: `measured-voltage-${source}-${phase}`,
    parts: times([`${source}/MMXU1.PhV.${PHASES[phase] ?? ""}`], 1 / phaseVoltage(node)),
    fold: "highest",
  };
}

/** Power, limit and unlimited power of a device as magnitudes, W. */
export function deviceLines(device: Device): { power: TrendLine; limit: TrendLine; free: TrendLine } {
  const sign = device.kind === "pv" ? -1 : 1;
  const single = (key: string, point: string): TrendLine => ({
    key: `${key}-${device.name}`,
    parts: times([point], 1),
    fold: "highest",
  });
  return {
    power: {
      key: `power-${device.name}`,
      parts: times(phasePoints(device.name, "MMXU1.W"), sign),
      fold: "sum",
    },
    limit: single("limit", powerLimitPoint(device.name)),
    free: single("free", availablePowerPoint(device.name)),
  };
}
