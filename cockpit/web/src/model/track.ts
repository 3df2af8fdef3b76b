/** Trends: the last minutes of a quantity, with gaps where nothing valid was there. */

/** Length of the trends, ms. */
export const SPAN_MS = 15 * 60_000;
/** Samples further apart than this many of their usual distances have a gap between them. */
const GAP_FACTOR = 2.5;
/** Usual distance of live samples, ms: the agent's cycle. */
export const CYCLE_MS = 1000;
/** Bound on kept samples: a source faster than expected loses its oldest. */
const MOST_SAMPLES = 4000;

/** Times in seconds (what uPlot wants) and values; null breaks the line. */
export interface Curve {
  readonly t: readonly number[];
  readonly v: readonly (number | null)[];
}

export const EMPTY_CURVE: Curve = { t: [], v: [] };

/** A bounded series of one quantity; samples come in the order of time, others are left out. */
export class Track {
  private t: number[] = [];
  private v: (number | null)[] = [];

  /** Adds one sample; null is "there was none that is valid". */
  add(timeMs: number, value: number | null, distanceMs: number = CYCLE_MS): void {
    const last = this.t.at(-1);
    if (last !== undefined) {
      if (timeMs <= last) return;
      if (timeMs - last > GAP_FACTOR * distanceMs && this.v.at(-1) !== null) {
        this.push(last + distanceMs, null);
      }
    }
    this.push(timeMs, value);
    this.forget(timeMs - SPAN_MS);
  }

  /** Puts stored history before what has come live since. */
  prepend(times: readonly number[], values: readonly (number | null)[], distanceMs: number): void {
    const { t, v } = this;
    this.t = [];
    this.v = [];
    const end = t[0] ?? Number.POSITIVE_INFINITY;
    times.forEach((time, i) => {
      if (time < end) this.add(time, values[i] ?? null, distanceMs);
    });
    t.forEach((time, i) => this.add(time, v[i] ?? null, Math.max(distanceMs, CYCLE_MS)));
  }

  get curve(): Curve {
    return { t: this.t.map((ms) => ms / 1000), v: this.v.slice() };
  }

  /** Time of the oldest sample, ms. */
  get firstMs(): number | null {
    return this.t[0] ?? null;
  }

  get length(): number {
    return this.t.length;
  }

  private push(time: number, value: number | null): void {
    this.t.push(time);
    this.v.push(value);
  }

  private forget(beforeMs: number): void {
    let drop = Math.max(0, this.t.length - MOST_SAMPLES);
    while ((this.t[drop] ?? Number.POSITIVE_INFINITY) < beforeMs) drop += 1;
    if (drop > 64) {
      this.t.splice(0, drop);
      this.v.splice(0, drop);
    }
  }
}
