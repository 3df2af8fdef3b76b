/** What a trend line is made of, live and from the store. */

import type { WireSeries } from "../api/wire.ts";
import type { Reader } from "./station.ts";
import { Track } from "./track.ts";

export interface Part {
  readonly point: string;
  readonly factor: number;
}

export type Fold = "sum" | "highest" | "lowest";

/** One line: points, each times a factor, folded into one number. */
export interface TrendLine {
  readonly key: string;
  readonly parts: readonly Part[];
  readonly fold: Fold;
}

export interface Instant {
  readonly timeMs: number;
  readonly value: number | null;
}

function folded(fold: Fold, a: number | null, b: number): number {
  if (a === null) return b;
  if (fold === "sum") return a + b;
  return fold === "highest" ? Math.max(a, b) : Math.min(a, b);
}

/**
 * The line's value now, or null where none of its points has come yet.
 *
 * A sum with a part that is not usable has no value. An extreme is that of the usable parts.
 */
export function evaluate(line: TrendLine, reader: Reader): Instant | null {
  let timeMs = Number.NEGATIVE_INFINITY;
  let value: number | null = null;
  let spoilt = false;
  for (const part of line.parts) {
    const sample = reader.sample(part.point);
    if (sample === undefined) continue;
    timeMs = Math.max(timeMs, sample.timeMs);
    const now = reader.usable(part.point);
    if (now === null) spoilt ||= line.fold === "sum";
    else value = folded(line.fold, value, now * part.factor);
  }
  return timeMs === Number.NEGATIVE_INFINITY ? null : { timeMs, value: spoilt ? null : value };
}

interface Bucket {
  value: number | null;
  parts: number;
}

/** Fills a track with what the store holds; `series` may hold other points too. */
export function fillFromStore(
  track: Track,
  line: TrendLine,
  series: ReadonlyMap<string, WireSeries>,
  distanceMs: number,
): void {
  const buckets = new Map<number, Bucket>();
  let present = 0;
  for (const part of line.parts) {
    const stored = series.get(part.point);
    if (stored === undefined || stored.t.length === 0) continue;
    present += 1;
    const column = columnOf(line.fold, part.factor, stored);
    stored.t.forEach((time, i) => {
      const value = column[i] ?? null;
      const bucket = buckets.get(time) ?? { value: null, parts: 0 };
      if (value !== null) {
        bucket.value = folded(line.fold, bucket.value, value * part.factor);
        bucket.parts += 1;
      }
      buckets.set(time, bucket);
    });
  }
  const times = [...buckets.keys()].sort((a, b) => a - b);
  const values = times.map((time) => {
    const bucket = buckets.get(time);
    const complete = line.fold !== "sum" || bucket?.parts === present;
    return bucket !== undefined && complete ? bucket.value : null;
  });
  track.prepend(times, values, distanceMs);
}

function columnOf(fold: Fold, factor: number, stored: WireSeries): (number | null)[] {
  if (fold === "sum") return stored.mean;
  return (fold === "highest") === factor > 0 ? stored.max : stored.min;
}
