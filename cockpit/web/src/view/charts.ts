/** Which trend charts the page shows: those of the station, and that of the selected element. */

import { transformers } from "../model/figures.ts";
import {
  deviceLines,
  estimatedPower,
  extremeVoltage,
  highestCable,
  kindLines,
  loadingLine,
  measuredPower,
  measuredVoltageLine,
  nodeVoltageLine,
} from "../model/lines.ts";
import { type Network, type NetworkBranch, voltageSources } from "../model/network.ts";
import type { StationStore } from "../model/store.ts";
import type { TrendLine } from "../model/trend.ts";
import type { ChartLimit, LineForm } from "./Chart.tsx";
import { kindName, percent, perUnit } from "./format.ts";
import type { Selection } from "./selection.ts";

export interface PlannedLine {
  readonly label: string;
  readonly form: LineForm;
  readonly line: TrendLine;
  /** From the line's unit to the chart's. */
  readonly scale: number;
}

export interface PlannedChart {
  readonly name: string;
  readonly unit: string;
  readonly digits: number;
  readonly lines: readonly PlannedLine[];
  readonly limits: readonly ChartLimit[];
  /** Part of the axis that is always shown. */
  readonly span: readonly [number, number];
}

const KILO = 1e-3;

const planned = (
  label: string,
  form: LineForm,
  line: TrendLine,
  scale: number,
): PlannedLine => ({ label, form, line, scale });

/** Charts of the station as a whole. */
export function stationCharts(store: StationStore): PlannedChart[] {
  const { network } = store;
  const [transformer] = transformers(network);
  return [
    ...(transformer === undefined ? [] : [powerChart(store, transformer)]),
    loadingChart(network, transformer),
    {
      name: "Voltage",
      unit: "pu",
      digits: 3,
      lines: [
        planned("highest", "estimated", extremeVoltage(network, "highest"), 1),
        planned("lowest", "estimated", extremeVoltage(network, "lowest"), 1),
      ],
      limits: bandOf(network),
      span: network.limits?.uPu ?? [0.9, 1.1],
    },
  ];
}

/** Charts of the kinds of devices, shown while nothing is selected. */
export function kindCharts(network: Network): PlannedChart[] {
  const kinds = [...new Set(network.devices.map((d) => d.kind))].slice(0, 2);
  return kinds.map((kind) => {
    const { power, free } = kindLines(network, kind);
    return {
      name: kindName(kind),
      unit: "kW",
      digits: 1,
      lines: [
        planned("without limits", "other", free, KILO),
        planned("now", "measured", power, KILO),
      ],
      limits: [],
      span: [0, 10],
    };
  });
}

function powerChart(store: StationStore, transformer: NetworkBranch): PlannedChart {
  const { network, tree } = store;
  const measured = measuredPower(network, tree, transformer);
  const far = network.nodes.find((n) => n.id === transformer.to);
  const rated =
    transformer.ratingA === null || far === undefined
      ? null
      : Math.sqrt(3) * far.uRated * transformer.ratingA * KILO;
  const words = rated === null ? "" : `rated ${rated.toFixed(0)} kVA`;
  return {
    name: "Transformer power",
    unit: "kW",
    digits: 0,
    lines: [
      ...(measured === null ? [] : [planned("measured", "measured", measured, KILO)]),
      planned("estimated", "estimated", estimatedPower(tree, transformer), KILO),
    ],
    limits:
      rated === null
        ? []
        : [
            { value: rated, label: words, bad: "above" },
            { value: -rated, label: `${words}, feed-in`, bad: "below" },
          ],
    span: rated === null ? [0, 1] : [0, rated],
  };
}

function loadingChart(network: Network, transformer: NetworkBranch | undefined): PlannedChart {
  const limit = network.limits?.loading ?? null;
  return {
    name: "Loading",
    unit: "%",
    digits: 0,
    lines: [
      ...(transformer === undefined
        ? []
        : [planned("transformer", "estimated", loadingLine(transformer.id), 100)]),
      planned("highest cable", "other", highestCable(network), 100),
    ],
    limits: loadingLimit(limit),
    span: [0, (limit ?? 1) * 100],
  };
}

function loadingLimit(limit: number | null): ChartLimit[] {
  if (limit === null) return [];
  return [{ value: limit * 100, label: `limit ${percent(limit)}`, bad: "above" }];
}

function bandOf(network: Network): ChartLimit[] {
  if (network.limits === null) return [];
  const [low, high] = network.limits.uPu;
  return [
    { value: high, label: `limit ${perUnit(high)}`, bad: "above" },
    { value: low, label: `limit ${perUnit(low)}`, bad: "below" },
  ];
}

/** The chart of the selected element; null where there is nothing to show. */
export function selectedChart(store: StationStore, selection: Selection): PlannedChart | null {
  switch (selection.kind) {
    case "node":
      return nodeChart(store.network, selection.id);
    case "branch":
      return branchChart(store, selection.id);
    case "device":
      return deviceChart(store.network, selection.name);
  }
}

function deviceChart(network: Network, name: string): PlannedChart | null {
  const device = network.devices.find((d) => d.name === name);
  if (device === undefined) return null;
  const { power, limit, free } = deviceLines(device);
  return {
    name,
    unit: "kW",
    digits: 1,
    lines: [
      planned("limit", "step", limit, KILO),
      planned("without limit", "other", free, KILO),
      planned("power", "measured", power, KILO),
    ],
    limits: [],
    span: [0, device.ratedW * KILO],
  };
}

function branchChart(store: StationStore, id: number): PlannedChart | null {
  const { network, tree } = store;
  const branch = network.branches.find((b) => b.id === id);
  if (branch === undefined) return null;
  const measured = measuredPower(network, tree, branch);
  const name = branch.name || `branch ${id}`;
  if (measured !== null) {
    return {
      name: `${name}: power`,
      unit: "kW",
      digits: 1,
      lines: [
        planned("measured", "measured", measured, KILO),
        planned("estimated", "estimated", estimatedPower(tree, branch), KILO),
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
    lines: [planned("estimated", "estimated", loadingLine(id), 100)],
    limits: loadingLimit(limit),
    span: [0, (limit ?? 1) * 100],
  };
}

function nodeChart(network: Network, id: number): PlannedChart | null {
  const node = network.nodes.find((n) => n.id === id);
  if (node === undefined) return null;
  const [source] = voltageSources(network, id);
  return {
    name: `${node.name || `node ${id}`}: highest and lowest phase`,
    unit: "pu",
    digits: 3,
    lines: [
      ...(source === undefined
        ? []
        : [
            planned("measured", "measured", measuredVoltageLine(node, source, "highest"), 1),
            planned("", "measured", measuredVoltageLine(node, source, "lowest"), 1),
          ]),
      planned("estimated", "estimated", nodeVoltageLine(node, "highest"), 1),
      planned("", "estimated", nodeVoltageLine(node, "lowest"), 1),
    ],
    limits: node.uRated <= 1000 ? bandOf(network) : [],
    span: network.limits?.uPu ?? [0.9, 1.1],
  };
}
