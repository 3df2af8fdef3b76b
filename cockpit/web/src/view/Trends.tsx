/** The trends column: the transformer, the voltages, and whatever is selected. */

import { type ReactNode, useEffect, useMemo } from "react";
import { SERIES_POINTS, api } from "../api/client.ts";
import type { WireSeries } from "../api/wire.ts";
import { transformers } from "../model/figures.ts";
import {
  deviceLines,
  estimatedPower,
  extremeVoltage,
  highestCable,
  loadingLine,
  measuredPower,
  measuredVoltageLine,
  nodeVoltageLine,
  voltageSources,
} from "../model/lines.ts";
import type { Network } from "../model/network.ts";
import { nodeVoltages, phasePoints } from "../model/points.ts";
import { nodeState } from "../model/states.ts";
import type { StationStore } from "../model/store.ts";
import { CYCLE_MS, SPAN_MS } from "../model/track.ts";
import { type TrendLine, fillFromStore } from "../model/trend.ts";
import { Chart, type ChartLimit, type LineForm } from "./Chart.tsx";
import { percent, perUnit, plain } from "./format.ts";
import type { Selection } from "./selection.ts";

interface PlannedLine {
  readonly label: string;
  readonly form: LineForm;
  readonly line: TrendLine;
  /** From the line's unit to the chart's. */
  readonly scale: number;
}

interface PlannedChart {
  readonly name: string;
  readonly unit: string;
  readonly digits: number;
  readonly lines: readonly PlannedLine[];
  readonly limits: readonly ChartLimit[];
  readonly span: readonly [number, number];
}

/** Points of a network beyond which a line's history is not asked for: it would hold up the cockpit. */
const MOST_HISTORY_POINTS = 600;
/** Values a point in the history: one in five seconds is enough for the lines over all nodes. */
const FINE_POINTS = 900;
const COARSE_POINTS = 180;

interface Props {
  readonly store: StationStore;
  readonly selection: Selection | null;
  readonly nowMs: number;
  readonly live: boolean;
}

export function Trends({ store, selection, nowMs, live }: Props): ReactNode {
  const { network } = store;
  const fixed = useMemo(() => stationCharts(network), [network]);
  // The phase of a node's chart is chosen when the node is selected, and then stays.
  const own = useMemo(
    () => (selection === null ? null : selectedChart(store, selection)),
    [store, selection],
  );
  const charts = own === null ? fixed : [...fixed, own];

  useEffect(() => {
    const lines = charts.flatMap((chart) => chart.lines.map((l) => l.line));
    store.keepTracks(new Set(lines.map((l) => l.key)));
    for (const line of lines) store.track(line);
  }, [store, fixed, own]);
  useEffect(() => loadHistory(store, fixed), [store, fixed]);
  useEffect(() => (own === null ? undefined : loadHistory(store, [own])), [store, own]);

  return (
    <section className="panel trends" aria-label="Trends of the last 15 minutes">
      <div className="panel-head">
        <h2>Trends, last 15 minutes</h2>
        <p className="legend-line">
          <svg viewBox="0 0 26 8" width="26" height="8" aria-hidden="true">
            <path className="key-measured" d="M0 4 H26" />
          </svg>
          measured
          <svg viewBox="0 0 26 8" width="26" height="8" aria-hidden="true">
            <path className="key-estimated" d="M0 4 H26" />
          </svg>
          estimated
        </p>
      </div>
      {charts.map((chart) => (
        <TrendView key={chart.name} chart={chart} store={store} nowMs={nowMs} live={live} />
      ))}
      {own === null ? (
        <p className="note hint">Select an element in the drawing or a table to see its trend here.</p>
      ) : null}
    </section>
  );
}

function TrendView(props: {
  chart: PlannedChart;
  store: StationStore;
  nowMs: number;
  live: boolean;
}): ReactNode {
  const { chart, store, nowMs, live } = props;
  const lines = chart.lines.map(({ label, form, line, scale }) => {
    const { t, v } = store.track(line).curve;
    return { label, form, curve: { t, v: v.map((x) => (x === null ? null : x * scale)) } };
  });
  return (
    <figure className="trend">
      <figcaption>
        <span className="trend-name">{chart.name}</span>
        {lines.map((line) => {
          const value = live ? (line.curve.v.at(-1) ?? null) : null;
          return (
            <span key={line.label} className={`trend-now form-${line.form}`}>
              {line.label} <b>{plain(value, chart.digits)}</b>
            </span>
          );
        })}
        <span className="trend-unit">{chart.unit}</span>
      </figcaption>
      <Chart {...chart} lines={lines} nowMs={nowMs} stale={!live} />
    </figure>
  );
}

function stationCharts(network: Network): PlannedChart[] {
  const charts: PlannedChart[] = [];
  const limits = network.limits;
  const [transformer] = transformers(network);
  if (transformer !== undefined) {
    const measured = measuredPower(network, transformer);
    const far = network.nodes.find((n) => n.id === transformer.to);
    const rated =
      transformer.ratingA === null || far === undefined
        ? null
        : (Math.sqrt(3) * far.uRated * transformer.ratingA) / 1000;
    charts.push({
      name: "Transformer power",
      unit: "kW",
      digits: 0,
      lines: [
        ...(measured === null
          ? []
          : [{ label: "measured", form: "measured", line: measured, scale: 1e-3 } as const]),
        { label: "estimated", form: "estimated", line: estimatedPower(network, transformer), scale: 1e-3 },
      ],
      limits:
        rated === null
          ? []
          : [
              { value: rated, label: `rated ${rated.toFixed(0)} kVA`, bad: "above" },
              { value: -rated, label: `rated ${rated.toFixed(0)} kVA, feed-in`, bad: "below" },
            ],
      span: rated === null ? [0, 1] : [0, rated],
    });
  }
  charts.push({
    name: "Loading",
    unit: "%",
    digits: 0,
    lines: [
      ...(transformer === undefined
        ? []
        : [{ label: "transformer", form: "estimated", line: loadingLine(transformer.id), scale: 100 } as const]),
      { label: "highest cable", form: "other", line: highestCable(network), scale: 100 },
    ],
    limits:
      limits === null
        ? []
        : [{ value: limits.loading * 100, label: `limit ${percent(limits.loading)}`, bad: "above" }],
    span: [0, (limits?.loading ?? 1) * 100],
  });
  charts.push({
    name: "Voltage",
    unit: "pu",
    digits: 3,
    lines: [
      { label: "highest", form: "estimated", line: extremeVoltage(network, "highest"), scale: 1 },
      { label: "lowest", form: "estimated", line: extremeVoltage(network, "lowest"), scale: 1 },
    ],
    limits: bandOf(network),
    span: limits?.uPu ?? [0.9, 1.1],
  });
  return charts;
}

function bandOf(network: Network): ChartLimit[] {
  if (network.limits === null) return [];
  const [low, high] = network.limits.uPu;
  return [
    { value: high, label: `highest ${perUnit(high)}`, bad: "above" },
    { value: low, label: `lowest ${perUnit(low)}`, bad: "below" },
  ];
}

function selectedChart(store: StationStore, selection: Selection): PlannedChart | null {
  const { network } = store;
  switch (selection.kind) {
    case "node":
      return nodeChart(store, selection.id);
    case "branch":
      return branchChart(network, selection.id);
    case "device": {
      const device = network.devices.find((d) => d.name === selection.name);
      if (device === undefined) return null;
      const { power, limit, free } = deviceLines(device);
      return {
        name: device.name,
        unit: "kW",
        digits: 1,
        lines: [
          { label: "power", form: "measured", line: power, scale: 1e-3 },
          { label: "without limit", form: "other", line: free, scale: 1e-3 },
          { label: "limit", form: "step", line: limit, scale: 1e-3 },
        ],
        limits: [],
        span: [0, device.ratedW / 1000],
      };
    }
  }
}

function branchChart(network: Network, id: number): PlannedChart | null {
  const branch = network.branches.find((b) => b.id === id);
  if (branch === undefined) return null;
  const measured = measuredPower(network, branch);
  const name = branch.name || `branch ${id}`;
  if (measured !== null) {
    return {
      name: `${name}: power`,
      unit: "kW",
      digits: 1,
      lines: [
        { label: "measured", form: "measured", line: measured, scale: 1e-3 },
        { label: "estimated", form: "estimated", line: estimatedPower(network, branch), scale: 1e-3 },
      ],
      limits: [],
      span: [0, 1],
    };
  }
  const limit = network.limits?.loading ?? null;
  return {
    name: `${name}: loading`,
    unit: "%",
    digits: 0,
    lines: [{ label: "estimated", form: "estimated", line: loadingLine(id), scale: 100 }],
    limits: limit === null ? [] : [{ value: limit * 100, label: `limit ${percent(limit)}`, bad: "above" }],
    span: [0, (limit ?? 1) * 100],
  };
}

function nodeChart(store: StationStore, id: number): PlannedChart | null {
  const { network } = store;
  const node = network.nodes.find((n) => n.id === id);
  if (node === undefined) return null;
  const reader = store.reader();
  const phase = phaseToShow(store, id);
  const source = voltageSources(network, id).find(
    (name) => reader.sample(phasePoints(name, "MMXU1.PhV")[phase] ?? "") !== undefined,
  );
  return {
    name: `${node.name || `node ${id}`}, phase ${"ABC"[phase] ?? ""}`,
    unit: "pu",
    digits: 3,
    lines: [
      ...(source === undefined
        ? []
        : [{ label: "measured", form: "measured", line: measuredVoltageLine(node, phase, source), scale: 1 } as const]),
      { label: "estimated", form: "estimated", line: nodeVoltageLine(node, phase), scale: 1 },
    ],
    limits: node.uRated <= 1000 ? bandOf(network) : [],
    span: network.limits?.uPu ?? [0.9, 1.1],
  };
}

/** The phase nearest to the edge of the band: the one that nodeState tells of. */
function phaseToShow(store: StationStore, id: number): number {
  const reader = store.reader();
  const node = store.network.nodes.find((n) => n.id === id);
  if (node === undefined) return 0;
  const { uPu } = nodeState(reader, node, store.network.limits);
  const volts = uPu === null ? null : (uPu * node.uRated) / Math.sqrt(3);
  const found = nodeVoltages(id).findIndex((point) => {
    const value = reader.last(point);
    return value !== null && volts !== null && Math.abs(value - volts) < 1e-6 * volts;
  });
  return Math.max(0, found);
}

/** Asks the cockpit for the last minutes, a few points at a time; what fails stays a gap. */
function loadHistory(store: StationStore, charts: readonly PlannedChart[]): () => void {
  const stop = new AbortController();
  void (async () => {
    const lines = charts.flatMap((chart) => chart.lines.map((l) => l.line));
    for (const line of [...lines].sort((a, b) => a.parts.length - b.parts.length)) {
      if (line.parts.length > MOST_HISTORY_POINTS || stop.signal.aborted) continue;
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
      return; // a part of an extreme would be a wrong extreme
    }
    if (stop.aborted) return;
  }
  const bucket = Math.max(CYCLE_MS, ...[...stored.values()].map((s) => Number(s.bucket_ns) / 1e6));
  fillFromStore(store.track(line), line, stored, bucket);
  store.touch();
}
