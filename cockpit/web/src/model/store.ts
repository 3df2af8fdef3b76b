/** Holds the present of one station and tells the views when it has changed. */

import {
  type LiveMessage,
  adjustmentOf,
  agentOf,
  alarmOf,
  sampleOf,
  setpointOf,
} from "../api/wire.ts";
import { type Network, type Tree, treeOf } from "./network.ts";
import type { Sample } from "./quality.ts";
import {
  type Adjustment,
  type AgentEntry,
  type Alarm,
  type LinkState,
  Reader,
  STALE_AFTER_MS,
  type Setpoint,
} from "./station.ts";
import { Track } from "./track.ts";
import { type TrendLine, evaluate } from "./trend.ts";

/** Values older than this against the computer's clock are not the present, however they arrive. */
export const BEHIND_MS = 15_000;

/** Whether the page shows the present, and if not since when and why. */
export interface DataState {
  readonly live: boolean;
  readonly lastValueMs: number | null;
  readonly why: string;
}

/** Clocks of the page; a test gives its own. */
export interface Clocks {
  /** Wall clock, ms since 1970. */
  wall(): number;
  /** Clock that never jumps, ms. */
  steady(): number;
}

const BROWSER: Clocks = { wall: () => Date.now(), steady: () => performance.now() };

export class StationStore {
  readonly node: string;
  readonly network: Network;
  readonly tree: Tree | null;
  agent: AgentEntry | null = null;
  alarms: readonly Alarm[] = [];
  link: LinkState = "connecting";

  private setpoints: readonly Setpoint[] = [];
  private adjustments: readonly Adjustment[] = [];
  private points = new Map<string, Sample>();
  private newestMs: number | null = null;
  private newestArrival = 0;
  private tracks = new Map<string, { line: TrendLine; track: Track }>();
  private listeners = new Set<() => void>();
  private version = 0;
  private readonly clocks: Clocks;

  constructor(node: string, network: Network, clocks: Clocks = BROWSER) {
    this.node = node;
    this.network = network;
    this.tree = treeOf(network);
    this.clocks = clocks;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  getVersion = (): number => this.version;

  /** The views look again, without anything new: ages grow. */
  touch = (): void => {
    this.version += 1;
    for (const listener of this.listeners) listener();
  };

  setLink(link: LinkState): void {
    if (link === this.link) return;
    this.link = link;
    this.touch();
  }

  accept(message: LiveMessage): void {
    switch (message.type) {
      case "live":
        if (message.node === this.node) this.acceptValues(message);
        break;
      case "health":
        if (message.node.node === this.node) this.agent = agentOf(message.node);
        break;
      case "setpoints":
        if (message.node === this.node) {
          this.setpoints = message.setpoints.map(setpointOf);
          this.adjustments = message.adjusted.map(adjustmentOf);
        }
        break;
      case "alarms":
        this.alarms = message.alarms.map(alarmOf);
        break;
    }
    this.touch();
  }

  replaceAlarm(alarm: Alarm): void {
    this.alarms = this.alarms
      .map((a) => (a.id === alarm.id ? alarm : a))
      .filter((a) => a.state !== "normal");
    this.touch();
  }

  /** The track of a line; it is fed from now on if it was not yet. */
  track(line: TrendLine): Track {
    const known = this.tracks.get(line.key);
    if (known !== undefined) return known.track;
    const track = new Track();
    this.tracks.set(line.key, { line, track });
    return track;
  }

  /** Stops feeding lines that nobody shows any more. */
  keepTracks(keys: ReadonlySet<string>): void {
    for (const key of this.tracks.keys()) if (!keys.has(key)) this.tracks.delete(key);
  }

  reader(): Reader {
    return this.readerAt(this.referenceMs());
  }

  /** Reads the values as they stood when the last one came: for showing what was. */
  lastReader(): Reader {
    const then = this.newestMs ?? Number.POSITIVE_INFINITY;
    return this.readerAt(then);
  }

  private readerAt(referenceMs: number): Reader {
    return new Reader(this.network, this.points, referenceMs, this.setpoints, this.adjustments);
  }

  dataState(): DataState {
    const lastValueMs = this.newestMs;
    const stale = (why: string): DataState => ({ live: false, lastValueMs, why });
    if (this.link === "connecting") return stale("connecting to the cockpit");
    if (this.link === "lost") return stale("connection to the cockpit lost, trying again");
    if (lastValueMs === null) return stale("the station has not sent values yet");
    if (this.agent !== null && !this.agent.online && this.sinceNewest() > STALE_AFTER_MS) {
      return stale("the station's agent is offline");
    }
    if (this.sinceNewest() > STALE_AFTER_MS) return stale("the station sends no values");
    if (this.clocks.wall() - lastValueMs > BEHIND_MS) {
      return stale("values arrive late (a backlog, or a clock is wrong)");
    }
    return { live: true, lastValueMs, why: "" };
  }

  private sinceNewest(): number {
    return this.clocks.steady() - this.newestArrival;
  }

  private referenceMs(): number {
    return this.dataState().live && this.newestMs !== null
      ? this.newestMs + this.sinceNewest()
      : Number.POSITIVE_INFINITY;
  }

  /** The first, complete message holds the last values known, which may be of last week. */
  private ageOnArrival(full: boolean, timeMs: number): number {
    const age = this.clocks.wall() - timeMs;
    return full && age > STALE_AFTER_MS ? age : 0;
  }

  private acceptValues(message: LiveMessage & { type: "live" }): void {
    if (message.full) this.points = new Map();
    const samples = Object.entries(message.points).map(
      ([name, wire]) => [name, sampleOf(wire)] as const,
    );
    // what comes together was said together; the first message holds values of any age
    const said = message.full ? Number.NEGATIVE_INFINITY : newestOf(samples);
    for (const [name, sample] of samples) {
      this.points.set(name, { ...sample, confirmedMs: Math.max(sample.timeMs, said) });
      if (this.newestMs === null || sample.timeMs > this.newestMs) {
        this.newestMs = sample.timeMs;
        this.newestArrival = this.clocks.steady() - this.ageOnArrival(message.full, sample.timeMs);
      }
    }
    const reader = this.reader();
    for (const { line, track } of this.tracks.values()) {
      const instant = evaluate(line, reader);
      if (instant !== null) track.add(instant.timeMs, instant.value);
    }
  }
}

function newestOf(samples: readonly (readonly [string, Sample])[]): number {
  return samples.reduce((newest, [, sample]) => Math.max(newest, sample.timeMs), Number.NEGATIVE_INFINITY);
}
