/** What the page knows of one station at one moment. */

import type { Network } from "./network.ts";
import { type Sample, type Standing, isUsable, standingOf } from "./quality.ts";

export interface Health {
  readonly timeMs: number;
  readonly cycle: number;
  /** starting, safe, active or blind. */
  readonly mode: string;
  readonly reason: string;
  readonly cycleMs: number;
  readonly stateAgeS: number | null;
  readonly counters: Readonly<Record<string, number>>;
}

export interface Setpoint {
  readonly device: string;
  /** Highest power that the device may draw or feed in, W. */
  readonly limitW: number;
  readonly source: string;
  readonly reason: string;
  readonly binding: readonly string[];
  /** When it was last written with this content. */
  readonly timeMs: number;
}

/** What a device or tap changer was told last besides its limit. */
export interface Adjustment {
  readonly device: string;
  /** `reactive_power`, var, inductive positive; `voltage`, pu. */
  readonly quantity: string;
  readonly value: number;
  readonly reason: string;
  readonly timeMs: number;
}

export type AlarmState =
  | "active_unacknowledged"
  | "active_acknowledged"
  | "cleared_unacknowledged"
  | "normal";

export interface Alarm {
  readonly id: number;
  readonly node: string;
  readonly key: string;
  readonly state: AlarmState;
  /** 1 low to 4 critical. */
  readonly priority: number;
  readonly cause: string;
  readonly consequence: string;
  readonly action: string;
  readonly raisedMs: number;
  readonly clearedMs: number | null;
  readonly acknowledgedBy: string | null;
  readonly acknowledgedMs: number | null;
  readonly occurrences: number;
}

/** One installed agent as the cockpit lists it. */
export interface AgentEntry {
  readonly node: string;
  readonly online: boolean;
  readonly lastSeenMs: number | null;
  readonly health: Health | null;
}

/** State of the push connection between this page and the cockpit. */
export type LinkState = "connecting" | "open" | "lost";

/** How old a value may be, against the station's newest, before it stops looking live. */
export const STALE_AFTER_MS = 5_000;

/** Reads points with the standing they have now; the one way from samples to the screen. */
export class Reader {
  readonly network: Network;
  /** By device and quantity, in this order. */
  readonly adjustments: readonly Adjustment[];
  private readonly points: ReadonlyMap<string, Sample>;
  private readonly referenceMs: number;
  private readonly setpoints: ReadonlyMap<string, Setpoint>;

  /**
   * @param referenceMs instant against which ages count; +Infinity makes every value stale
   */
  constructor(
    network: Network,
    points: ReadonlyMap<string, Sample>,
    referenceMs: number,
    setpoints: readonly Setpoint[] = [],
    adjustments: readonly Adjustment[] = [],
  ) {
    this.network = network;
    this.adjustments = adjustments;
    this.points = points;
    this.referenceMs = referenceMs;
    this.setpoints = new Map(setpoints.map((s) => [s.device, s]));
  }

  /** The last setpoint that the agent decided for a device; null before the first. */
  setpoint(device: string): Setpoint | null {
    return this.setpoints.get(device) ?? null;
  }

  sample(point: string): Sample | undefined {
    return this.points.get(point);
  }

  standing(point: string): Standing {
    return standingOf(this.points.get(point), this.referenceMs, STALE_AFTER_MS);
  }

  /** The value if it may be computed with now: good, neither stale, test nor blocked. */
  usable(point: string): number | null {
    const sample = this.points.get(point);
    if (!isUsable(sample) || this.standing(point) !== "good") return null;
    return sample.value;
  }

  /** The last value whatever it is worth now, for showing it marked as such. */
  last(point: string): number | null {
    return this.points.get(point)?.value ?? null;
  }
}
