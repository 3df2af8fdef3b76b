/** Names of points, as `docs/design/first-closed-loop.md` fixes them. */

import { PHASES } from "./network.ts";

export const loadingPoint = (branch: number): string => `branch-${branch}/Loading`;

/** Estimated phase-to-neutral voltages of a node, V. */
export const nodeVoltages = (node: number): string[] =>
  PHASES.map((p) => `node-${node}/MMXU1.PhV.${p}`);

/** Estimated power per phase into a branch at its `from` end, W. */
export const branchPowers = (branch: number): string[] =>
  PHASES.map((p) => `branch-${branch}/MMXU1.W.${p}`);

/** Measured quantities of a meter or device, by phase. */
export const phasePoints = (source: string, dataObject: string): string[] =>
  PHASES.map((p) => `${source}/${dataObject}.${p}`);

export const powerLimitPoint = (device: string): string => `${device}/DWMX1.WLimSpt`;
export const availablePowerPoint = (device: string): string => `${device}/DGEN1.WAvl`;
export const connectionStatePoint = (device: string): string => `${device}/DESE1.ConnSt`;
