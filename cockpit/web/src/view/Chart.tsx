/** One trend chart on a canvas; grey in the normal state, red where a limit is exceeded. */

import { type ReactNode, useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Curve } from "../model/track.ts";
import { clock } from "./format.ts";

/** `other` is a second estimated line in the same chart. */
export type LineForm = "measured" | "estimated" | "other" | "step";

export interface ChartLine {
  readonly label: string;
  readonly form: LineForm;
  readonly curve: Curve;
}

export interface ChartLimit {
  readonly value: number;
  readonly label: string;
  /** Which side of the limit is a violation. */
  readonly bad: "above" | "below";
}

interface Props {
  readonly name: string;
  readonly lines: readonly ChartLine[];
  readonly limits: readonly ChartLimit[];
  readonly unit: string;
  readonly digits: number;
  /** Part of the axis that is always shown. */
  readonly span: readonly [number, number];
  readonly beginMs: number;
  readonly nowMs: number;
  readonly stale: boolean;
}

const GREY = {
  axis: "#9aa1a9",
  grid: "#2c3136",
  measured: "#e8eaec",
  estimated: "#b9bfc5",
  other: "#8a9199",
  limit: "#c3c8cd",
  alarm: "#ff5a52",
};
const AXIS_FONT = "11px system-ui, sans-serif";

export function Chart(props: Props): ReactNode {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const shape = `${props.name}|${props.lines.map((l) => l.label + l.form).join("|")}`;

  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const made = new uPlot(optionsOf(latest), dataOf(latest.current), element);
    plot.current = made;
    const fit = (): void => {
      const { clientWidth: width, clientHeight: height } = element;
      if (width > 0 && height > 0) made.setSize({ width, height });
    };
    const watcher = new ResizeObserver(fit);
    watcher.observe(element);
    fit();
    return () => {
      watcher.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape]);

  useEffect(() => {
    plot.current?.setData(dataOf(props));
  });

  return (
    <div
      ref={host}
      className={`chart ${props.stale ? "chart-stale" : ""}`}
      role="img"
      aria-label={ariaOf(props)}
    />
  );
}

function ariaOf(props: Props): string {
  const now = props.lines.map((line) => {
    const value = line.curve.v.at(-1);
    const text = value === null || value === undefined ? "no value" : value.toFixed(props.digits);
    return `${line.label} ${text} ${props.unit}`;
  });
  return `Trend of the last 15 minutes, ${props.name}: ${now.join(", ")}`;
}

/** All lines on one time axis: null breaks a line, undefined means "sampled at other times". */
function dataOf(props: Props): uPlot.AlignedData {
  const tables = props.lines.map(
    (line): uPlot.AlignedData => [line.curve.t as number[], line.curve.v as (number | null)[]],
  );
  const filled = tables.filter((table) => table[0].length > 0);
  if (filled.length === 0) return [[], ...props.lines.map(() => [])];
  // 2: nulls stay gaps wherever they are, and misalignment does not make new ones.
  return uPlot.join(
    tables,
    tables.map(() => [0, 2]),
  );
}

function optionsOf(latest: { current: Props }): uPlot.Options {
  const { lines, digits } = latest.current;
  // Per-unit values are read to the hundredth; kilowatts and percent are not.
  const least = digits >= 3 ? 2 : 0;
  return {
    width: 300,
    height: 120,
    padding: [6, 12, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { setScale: false } },
    scales: {
      x: {
        time: true,
        range: () => {
          const { nowMs, beginMs } = latest.current;
          return [beginMs / 1000, nowMs / 1000];
        },
      },
      y: { range: (_plot, low, high) => rangeOf(latest.current, low, high) },
    },
    axes: [
      {
        stroke: GREY.axis,
        font: AXIS_FONT,
        size: 22,
        gap: 4,
        grid: { stroke: GREY.grid, width: 1 },
        ticks: { show: false },
        values: (plot, splits) => timesOf(plot, splits),
        incrs: [30, 60, 120, 180, 300],
      },
      {
        stroke: GREY.axis,
        font: AXIS_FONT,
        size: 46,
        gap: 4,
        grid: { stroke: GREY.grid, width: 1 },
        ticks: { show: false },
        values: (_plot, splits) => splits.map((s) => s.toFixed(Math.max(least, decimalsOf(splits)))),
        space: 26,
      },
    ],
    series: [{}, ...lines.map((line) => seriesOf(line))],
    hooks: { draw: [(plot) => drawLimits(plot, latest.current)] },
  };
}

/** Times of day at the marks of the axis; none where it would be cut off at the right. */
function timesOf(plot: uPlot, splits: readonly number[]): string[] {
  const { min = 0, max = 0 } = plot.scales["x"] ?? {};
  const edge = max - 0.06 * (max - min);
  const length = (splits[1] ?? 60) - (splits[0] ?? 0) < 60 ? "00:00:00".length : "00:00".length;
  return splits.map((s) => (s > edge ? "" : clock(s * 1000).slice(0, length)));
}

/** Decimals that tell neighbouring marks of an axis apart. */
function decimalsOf(splits: readonly number[]): number {
  const step = Math.abs((splits[1] ?? 1) - (splits[0] ?? 0));
  const decimals = [0, 1, 2].find((d) => Math.abs(step * 10 ** d - Math.round(step * 10 ** d)) < 1e-6);
  return decimals ?? 3;
}

function seriesOf(line: ChartLine): uPlot.Series {
  const common = { label: line.label, points: { show: false }, spanGaps: false };
  switch (line.form) {
    case "measured":
      return { ...common, stroke: GREY.measured, width: 1.75 };
    case "estimated":
      return { ...common, stroke: GREY.estimated, width: 1.5, dash: [5, 4] };
    case "other":
      return { ...common, stroke: GREY.other, width: 1.5, dash: [5, 4] };
    case "step": {
      const stepped = uPlot.paths.stepped?.({ align: 1 });
      return {
        ...common,
        stroke: GREY.limit,
        width: 1,
        dash: [2, 3],
        ...(stepped === undefined ? {} : { paths: stepped }),
      };
    }
  }
}

function rangeOf(props: Props, low: number | null, high: number | null): [number, number] {
  const [a, b] = props.span;
  const bottom = Math.min(a, low ?? a);
  const top = Math.max(b, high ?? b);
  const size = top - bottom;
  // Room for the limits' names.
  const above = props.limits.some((l) => l.bad === "above") ? 0.17 : 0.06;
  const below = props.limits.some((l) => l.bad === "below" && l.value <= b) ? 0.17 : 0.06;
  return [bottom === 0 && a === 0 ? 0 : bottom - below * size, top + above * size];
}

/** Limit lines with their names, and the lines' parts beyond them in the alarm colour. */
function drawLimits(plot: uPlot, props: Props): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const limit of props.limits) {
    const y = plot.valToPos(limit.value, "y", true);
    if (y < bbox.top || y > bbox.top + bbox.height) continue;
    ctx.strokeStyle = GREY.limit;
    ctx.lineWidth = ratio;
    ctx.setLineDash([1 * ratio, 3 * ratio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.setLineDash([]);
    ctx.fillStyle = GREY.limit;
    ctx.font = `${10.5 * ratio}px system-ui, sans-serif`;
    ctx.textAlign = "left";
    const height = 14 * ratio;
    const over =
      limit.bad === "above" ? y - bbox.top > height : bbox.top + bbox.height - y < height;
    ctx.textBaseline = over ? "bottom" : "top";
    ctx.fillText(limit.label, bbox.left + 4 * ratio, y + (over ? -2 : 3) * ratio);
    drawBeyond(plot, props, limit, y);
  }
  ctx.restore();
}

function drawBeyond(plot: uPlot, props: Props, limit: ChartLimit, y: number): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  const bottom = bbox.top + bbox.height;
  if (limit.bad === "above") ctx.rect(bbox.left, bbox.top, bbox.width, y - bbox.top);
  else ctx.rect(bbox.left, y, bbox.width, bottom - y);
  ctx.clip();
  ctx.strokeStyle = GREY.alarm;
  ctx.lineWidth = 2.5 * devicePixelRatio;
  for (const line of props.lines) {
    if (line.form === "step") continue;
    ctx.beginPath();
    let open = false;
    line.curve.t.forEach((time, i) => {
      const value = line.curve.v[i];
      if (value === null || value === undefined) {
        open = false;
        return;
      }
      const x = plot.valToPos(time, "x", true);
      const at = plot.valToPos(value, "y", true);
      if (open) ctx.lineTo(x, at);
      else ctx.moveTo(x, at);
      open = true;
    });
    ctx.stroke();
  }
  ctx.restore();
}
