/** From values to what the drawing shows: shade, width, shape. */

import { type Device, type Limits, type NetworkNode, UNKNOWN_LIMITS, phaseVoltage } from "./network.ts";
import {
  availablePowerPoint,
  connectionStatePoint,
  loadingPoint,
  nodeVoltages,
  powerLimitPoint,
} from "./points.ts";
import { limitingOf } from "./limiting.ts";
import type { Standing } from "./quality.ts";
import type { Reader } from "./station.ts";

/** `near` is within reach of the limit: bright, but no colour, since it is where a limiter works. */
export type Grade = "normal" | "near" | "high" | "low" | "unknown" | "stale";

/** Share of the limit from which a branch counts as near it. */
const NEAR_LOADING = 0.95;
/** Distance to the voltage band's edge that counts as near, per unit. */
const NEAR_VOLTAGE_PU = 0.005;
/** Steps of shade; few enough to be told apart and to keep the drawing still. */
export const SHADES = 6;

export interface BranchState {
  readonly grade: Grade;
  readonly loading: number | null;
  /** 0 (unloaded) to SHADES - 1 (at the limit). */
  readonly shade: number;
}

export interface NodeState {
  readonly grade: Grade;
  /** The phase voltage nearest to (or furthest beyond) an edge of the band, per unit. */
  readonly uPu: number | null;
  readonly shade: number;
}

export interface DeviceState {
  readonly standing: Standing;
  /** Limit in force as a share of the rating, 0 to 1; null when not known. */
  readonly allowed: number | null;
  /** Whether it wants to draw or feed in anything; null when not known. */
  readonly active: boolean | null;
  /** Whether it would draw or feed in more than it may. */
  readonly heldBack: boolean;
}

function shadeOf(share: number): number {
  return Math.max(0, Math.min(SHADES - 1, Math.floor(share * SHADES)));
}

/** Grade of a value that is not good: what it was is not shown as if it were. */
function gradeOfStanding(standing: Standing): Grade | null {
  if (standing === "stale") return "stale";
  return standing === "missing" || standing === "invalid" ? "unknown" : null;
}

/** @param limits null where they are not known: then nothing is beyond them */
export function branchState(reader: Reader, branch: number, limits: Limits | null): BranchState {
  const point = loadingPoint(branch);
  const loading = reader.last(point);
  const lost = gradeOfStanding(reader.standing(point));
  if (lost !== null || loading === null) return { grade: lost ?? "unknown", loading, shade: 0 };
  const share = loading / (limits ?? UNKNOWN_LIMITS).loading;
  if (limits === null) return { grade: "normal", loading, shade: shadeOf(share) };
  const grade = share > 1 ? "high" : share >= NEAR_LOADING ? "near" : "normal";
  return { grade, loading, shade: shadeOf(share) };
}

/** @param limits null where they are not known: then nothing is beyond them */
export function nodeState(
  reader: Reader,
  node: NetworkNode,
  limits: Limits | null,
): NodeState {
  const points = nodeVoltages(node.id);
  const [low, high] = (limits ?? UNKNOWN_LIMITS).uPu;
  let uPu: number | null = null;
  let lost: Grade | null = "unknown";
  for (const point of points) {
    const volts = reader.last(point);
    const grade = gradeOfStanding(reader.standing(point));
    if (grade === "stale" && lost === "unknown") lost = "stale";
    if (volts === null) continue;
    if (grade === null) lost = null;
    const value = volts / phaseVoltage(node);
    if (uPu === null || margin(value, low, high) < margin(uPu, low, high)) uPu = value;
  }
  if (lost !== null || uPu === null) return { grade: lost ?? "unknown", uPu, shade: 0 };
  const shade = shadeOf((uPu - low) / (high - low));
  if (node.uRated > 1000 || limits === null) return { grade: "normal", uPu, shade };
  if (uPu > high) return { grade: "high", uPu, shade };
  if (uPu < low) return { grade: "low", uPu, shade };
  const near = margin(uPu, low, high) < NEAR_VOLTAGE_PU;
  return { grade: near ? "near" : "normal", uPu, shade };
}

/** Distance to the nearer edge of the band; negative outside. */
function margin(value: number, low: number, high: number): number {
  return Math.min(value - low, high - value);
}

export function deviceState(reader: Reader, device: Device): DeviceState {
  const point = powerLimitPoint(device.name);
  const standing = reader.standing(point);
  const limit = reader.last(point);
  const available = reader.usable(availablePowerPoint(device.name));
  const allowed =
    limit === null || device.ratedW <= 0 ? null : Math.max(0, Math.min(1, limit / device.ratedW));
  return {
    standing,
    allowed,
    active: available === null ? null : available > 0,
    heldBack: limitingOf(reader, device).heldBack,
  };
}

/** IEC 61851 state of a charge point in words. */
export function connectionWords(reader: Reader, device: string): string | null {
  const state = reader.usable(connectionStatePoint(device));
  switch (state) {
    case 1:
      return "A: no car";
    case 2:
      return "B: car connected, not charging";
    case 3:
      return "C: charging";
    case 4:
      return "D: charging with ventilation";
    case 5:
      return "E: no supply";
    case 6:
      return "F: fault";
    default:
      return null;
  }
}
