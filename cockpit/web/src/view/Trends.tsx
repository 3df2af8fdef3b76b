/** The trends column: the transformer, the voltages, the devices, or whatever is selected. */

import { type ReactNode, useEffect, useMemo } from "react";
import type { StationStore } from "../model/store.ts";
import { SPAN_MS } from "../model/track.ts";
import { Chart, type LineForm } from "./Chart.tsx";
import { type PlannedChart, kindCharts, selectedChart, stationCharts } from "./charts.ts";
import { plain } from "./format.ts";
import { loadHistory } from "./history.ts";
import type { Selection } from "./selection.ts";

interface Props {
  readonly store: StationStore;
  readonly selection: Selection | null;
  readonly nowMs: number;
  readonly live: boolean;
}

/** Shortest time axis. */
const SHORTEST_MS = 3 * 60_000;

const linesOf = (charts: readonly PlannedChart[]) =>
  charts.flatMap((chart) => chart.lines.map((planned) => planned.line));

export function Trends({ store, selection, nowMs, live }: Props): ReactNode {
  const fixed = useMemo(
    () => [...stationCharts(store), ...kindCharts(store.network)],
    [store],
  );
  const own = useMemo(
    () => (selection === null ? null : selectedChart(store, selection)),
    [store, selection],
  );
  const shown = own === null ? fixed : [...stationCharts(store), own];

  // The station's lines go on while something is selected, so that nothing is missing afterwards.
  useEffect(() => {
    const lines = linesOf(own === null ? fixed : [...fixed, own]);
    store.keepTracks(new Set(lines.map((line) => line.key)));
    for (const line of lines) store.track(line);
  }, [store, fixed, own]);
  useEffect(() => loadHistory(store, linesOf(fixed)), [store, fixed]);
  useEffect(
    () => (own === null ? undefined : loadHistory(store, linesOf([own]))),
    [store, own],
  );

  // One axis for all charts; it grows with the data until it has its full length.
  const first = Math.min(
    ...linesOf(shown).map((line) => store.track(line).firstMs ?? Number.POSITIVE_INFINITY),
  );
  const beginMs = Math.max(nowMs - SPAN_MS, Math.min(first, nowMs - SHORTEST_MS));

  return (
    <section className="panel trends" aria-label="Trends of the last 15 minutes">
      <div className="panel-head">
        <h2>Trends, last 15 minutes</h2>
        <p className="note">solid: measured, dashed: estimated or without limits</p>
      </div>
      <div className="scroll charts" tabIndex={0} role="region" aria-label="Trend charts">
        {shown.map((chart) => (
          <TrendView key={chart.name} chart={chart} store={store} beginMs={beginMs} nowMs={nowMs} live={live} />
        ))}
      </div>
    </section>
  );
}

function TrendView(props: {
  chart: PlannedChart;
  store: StationStore;
  beginMs: number;
  nowMs: number;
  live: boolean;
}): ReactNode {
  const { chart, store, beginMs, nowMs, live } = props;
  const lines = chart.lines.map(({ label, form, line, scale }) => {
    const { t, v } = store.track(line).curve;
    return { label, form, curve: { t, v: v.map((x) => (x === null ? null : x * scale)) } };
  });
  return (
    <figure className="trend">
      <figcaption>
        <span className="trend-name">
          {chart.name} <small>{chart.unit}</small>
        </span>
        {lines.map((line, i) => {
          const value = live ? (line.curve.v.at(-1) ?? null) : null;
          return (
            <span key={i} className={`trend-now form-${line.form}`}>
              {line.label === "" ? null : <Swatch form={line.form} />}
              {line.label} <b>{plain(value, chart.digits)}</b>
            </span>
          );
        })}
      </figcaption>
      <Chart {...chart} lines={lines} beginMs={beginMs} nowMs={nowMs} stale={!live} />
    </figure>
  );
}

function Swatch({ form }: { form: LineForm }): ReactNode {
  return (
    <svg className="swatch" viewBox="0 0 20 8" width="20" height="8" aria-hidden="true">
      <path className={`key-${form}`} d="M0 4 H20" />
    </svg>
  );
}
