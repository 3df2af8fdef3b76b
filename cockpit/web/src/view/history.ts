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
  void (async () => {
    for (const line of wanted) {
      if (stop.signal.aborted) return;
      await loadLine(store, line, stop.signal);
    }
  })();
  return () => stop.abort();
}

async function loadLine(store: StationStore, line: TrendLine, stop: AbortSignal): Promise<void> {
  const points = line.parts.map((p) => p.point);
  const resolution = points.length > SERIES_POINTS ? COARSE_POINTS : FINE_POINTS;
  const stored = new Map<string, WireSeries>();
  const from = Date.now() - SPAN_MS;
  for (let i = 0; i < points.length; i += SERIES_POINTS) {
    const some = points.slice(i, i + SERIES_POINTS);
    try {
      for (const s of await api.series(store.node, some, from, resolution)) stored.set(s.point, s);
    } catch {
      return; // a part of a sum or of an extreme would be a wrong one
    }
    if (stop.aborted) return;
  }
  const bucket = Math.max(CYCLE_MS, ...[...stored.values()].map((s) => Number(s.bucket_ns) / 1e6));
  fillFromStore(store.track(line), line, stored, bucket);
  store.touch();
}
