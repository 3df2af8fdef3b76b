/** Fills the trends with what the cockpit has stored of the last minutes. */

import { SERIES_POINTS, api } from "../api/client.ts";
import type { WireSeries } from "../api/wire.ts";
import type { StationStore } from "../model/store.ts";
import { CYCLE_MS, SPAN_MS } from "../model/track.ts";
import { type TrendLine, fillFromStore } from "../model/trend.ts";

/** Lines over more points than this begin when the page opens: asking would hold up the cockpit. */
const MOST_HISTORY_POINTS = 600;
/** Values a point: every second, or one in five for lines over many points. */
const FINE_POINTS = 1000;
const COARSE_POINTS = 180;

/** Asks for one line after the other, the small ones first; what fails stays a gap. */
export function loadHistory(store: StationStore, lines: readonly TrendLine[]): () => void {
  const stop = new AbortController();
  const wanted = lines
    .filter((line) => line.parts.length <= MOST_HISTORY_POINTS)
    .sort((a, b) => a.parts.length - b.parts.length);
  const load = async (): Promise<void> => {
    // Single-phase sources have no points for the phases that they lack.
    const known = await api.points(store.node);
    for (const line of wanted) {
      if (stop.signal.aborted) return;
      const points = line.parts.map((p) => p.point).filter((p) => known.has(p));
      // A line that cannot be loaded begins with what comes live; the others may have history.
      if (points.length > 0) await loadLine(store, line, points, stop.signal).catch(noHistory);
    }
  };
  load().catch(noHistory);
  return () => stop.abort();
}

const noHistory = (): void => undefined;

async function loadLine(
  store: StationStore,
  line: TrendLine,
  points: readonly string[],
  stop: AbortSignal,
): Promise<void> {
  const resolution = points.length > SERIES_POINTS ? COARSE_POINTS : FINE_POINTS;
  const stored = new Map<string, WireSeries>();
  const from = Date.now() - SPAN_MS;
  for (let i = 0; i < points.length; i += SERIES_POINTS) {
    const some = points.slice(i, i + SERIES_POINTS);
    // If one fails the line has no history: a part of a sum would be a wrong sum.
    for (const s of await api.series(store.node, some, from, resolution)) stored.set(s.point, s);
    if (stop.aborted) return;
  }
  const bucket = Math.max(CYCLE_MS, ...[...stored.values()].map((s) => Number(s.bucket_ns) / 1e6));
  fillFromStore(store.track(line), line, stored, bucket);
  store.touch();
}
