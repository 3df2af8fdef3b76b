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

/** Stored samples of one part, already times its factor. */
interface StoredPart {
  readonly t: readonly number[];
  readonly v: readonly (number | null)[];
}

/** A part's value holds for this many sampling distances; then it is missing. */
const HOLD = 2.5;

/**
 * Fills a track with what the store holds; `series` may hold other points too.
 *
 * @param distanceMs distance of the stored samples or buckets
 */
export function fillFromStore(
  track: Track,
  line: TrendLine,
  series: ReadonlyMap<string, WireSeries>,
  distanceMs: number,
): void {
  const parts: StoredPart[] = [];
  for (const { point, factor } of line.parts) {
    const stored = series.get(point);
    if (stored === undefined || stored.t.length === 0) continue;
    const column = columnOf(line.fold, factor, stored);
    parts.push({ t: stored.t, v: column.map((v) => (v === null ? null : v * factor)) });
  }
  const times = commonTimes(parts) ?? gridOf(parts, distanceMs);
  const at = parts.map(() => 0);
  const values = times.map((time) => {
    let value: number | null = null;
    let spoilt = false;
    parts.forEach((part, k) => {
      let i = at[k] ?? 0;
      while ((part.t[i + 1] ?? Number.POSITIVE_INFINITY) <= time) i += 1;
      at[k] = i;
      const age = time - (part.t[i] ?? Number.POSITIVE_INFINITY);
      const own = age >= 0 && age < HOLD * distanceMs ? (part.v[i] ?? null) : null;
      if (own === null) spoilt ||= line.fold === "sum";
      else value = folded(line.fold, value, own);
    });
    return spoilt ? null : value;
  });
  track.prepend(times, values, distanceMs);
}

/** The times of all parts if they are the same, as those of one source are; else null. */
function commonTimes(parts: readonly StoredPart[]): readonly number[] | null {
  const [first, ...others] = parts;
  if (first === undefined) return [];
  const same = others.every(
    (part) => part.t.length === first.t.length && part.t.every((t, i) => t === first.t[i]),
  );
  return same ? first.t : null;
}

/** Sources have clocks of their own: their values meet on a common grid. */
function gridOf(parts: readonly StoredPart[], distanceMs: number): number[] {
  const begin = Math.min(...parts.map((p) => p.t[0] ?? Number.POSITIVE_INFINITY));
  const end = Math.max(...parts.map((p) => p.t.at(-1) ?? Number.NEGATIVE_INFINITY));
  const grid: number[] = [];
  for (let t = Math.ceil(begin / distanceMs) * distanceMs; t < end + distanceMs; t += distanceMs) {
    grid.push(t);
  }
  return grid;
}

function columnOf(fold: Fold, factor: number, stored: WireSeries): (number | null)[] {
  if (fold === "sum") return stored.mean;
  return (fold === "highest") === factor > 0 ? stored.max : stored.min;
}
