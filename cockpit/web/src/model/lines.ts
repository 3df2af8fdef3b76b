/** The trend lines of a station and of a selected element. */

import {
  type Device,
  type Network,
  type NetworkBranch,
  type NetworkNode,
  type Tree,
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

/** +1 where power into the branch at this end flows away from the supply, else -1. */
function awayFromSupply(tree: Tree | null, branch: NetworkBranch, end: number): 1 | -1 {
  const far = end === branch.from ? branch.to : branch.from;
  if (tree?.parent.get(far)?.branch === branch.id) return 1;
  if (tree?.parent.get(end)?.branch === branch.id) return -1;
  // A branch that closes a loop has no side of the supply: its own direction counts.
  return end === branch.from ? 1 : -1;
}

/** Power through a branch as estimated, positive away from the supply, W. */
export function estimatedPower(tree: Tree | null, branch: NetworkBranch): TrendLine {
  const sign = awayFromSupply(tree, branch, branch.from);
  return {
    key: `estimated-power-${branch.id}`,
    parts: times(branchPowers(branch.id), sign),
    fold: "sum",
  };
}

/** The same as the branch's meter sees it; null where there is none. */
export function measuredPower(
  network: Network,
  tree: Tree | null,
  branch: NetworkBranch,
): TrendLine | null {
  const meter = network.meters.find((m) => m.element === branch.id && m.side !== null);
  if (meter === undefined) return null;
  const end = meter.side === "to" ? branch.to : branch.from;
  const sign = awayFromSupply(tree, branch, end);
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

/** Highest or lowest phase of a node as estimated, per unit. */
export function nodeVoltageLine(node: NetworkNode, fold: "highest" | "lowest"): TrendLine {
  return {
    key: `${fold}-voltage-${node.id}`,
    parts: times(nodeVoltages(node.id), 1 / phaseVoltage(node)),
    fold,
  };
}

/**
 * The same as a meter or device at the node measures it, per unit. A source's phases are its
 * terminals, which need not be the network's: so only extremes can be set beside the estimate.
 */
export function measuredVoltageLine(
  node: NetworkNode,
  source: string,
  fold: "highest" | "lowest",
): TrendLine {
  return {
    key: `${fold}-measured-voltage-${source}`,
    parts: times(phasePoints(source, "MMXU1.PhV"), 1 / phaseVoltage(node)),
    fold,
  };
}

/** Power of all devices of a kind and what it would be without limits, magnitudes, W. */
export function kindLines(network: Network, kind: string): { power: TrendLine; free: TrendLine } {
  const devices = network.devices.filter((d) => d.kind === kind);
  const sign = kind === "pv" ? -1 : 1;
  return {
    power: {
      key: `power-of-${kind}`,
      parts: devices.flatMap((d) => times(phasePoints(d.name, "MMXU1.W"), sign)),
      fold: "sum",
    },
    free: {
      key: `free-of-${kind}`,
      parts: times(devices.map((d) => availablePowerPoint(d.name)), 1),
      fold: "sum",
    },
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
