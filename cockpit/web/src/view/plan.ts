/** Where the drawing puts each element, in pixels. */

import type { Layout } from "../model/layout.ts";
import type { Device, Network, Tree } from "../model/network.ts";

export interface Spot {
  readonly x: number;
  readonly y: number;
}

export interface BranchPlan {
  /** Corners from the supply's side to the far end. */
  readonly path: readonly Spot[];
  readonly middle: Spot;
}

export interface Bar {
  readonly node: number;
  readonly x: number;
  readonly top: number;
  readonly bottom: number;
}

export interface DeviceSpot {
  readonly device: Device;
  readonly spot: Spot;
}

/** Devices of one kind at one node, too many to draw each. */
export interface DeviceGroup {
  readonly kind: string;
  readonly devices: readonly Device[];
  readonly spot: Spot;
}

export interface Plan {
  readonly width: number;
  readonly height: number;
  readonly nodes: ReadonlyMap<number, Spot>;
  readonly branches: ReadonlyMap<number, BranchPlan>;
  readonly bars: readonly Bar[];
  readonly devices: readonly DeviceSpot[];
  readonly groups: readonly DeviceGroup[];
  /** Line of each node, for choosing one label a line; geographic plans have one line. */
  readonly lineOf: ReadonlyMap<number, number>;
  /** Clockwise turn of north from upwards, degrees; null where there is no north. */
  readonly northTurn: number | null;
  /** Branches that begin at a busbar: their power is written at their head. */
  readonly heads: readonly number[];
}

/** Most devices drawn one by one at a node. */
const MOST_SINGLE = 4;
export const DEVICE_PITCH = 14;
const MARGIN = { left: 30, right: 44 };
const TRANSFORMER_WIDTH = 62;
const HEAD_WIDTH = 56;
const LEAST_COLUMN = 11;
const MOST_COLUMN = 64;
/** Room above a row without devices, and below it for labels. */
const ROW_ABOVE = 18;
const LEAST_BELOW = 20;
const MOST_BELOW = 34;
const MOST_SPARE = 70;

/** The single line, stretched to the space that there is; larger than it where it must be. */
export function singleLinePlan(
  network: Network,
  tree: Tree,
  layout: Layout,
  space: { width: number; height: number },
  zoom: number,
): Plan {
  const busbars = busbarsOf(network, tree);
  const heads = busbars.flatMap((bar) => (tree.children.get(bar) ?? []).map((c) => c.branch));
  const firstBar = Math.min(
    ...busbars.map((bar) => layout.places.get(bar)?.column ?? Number.POSITIVE_INFINITY),
  );
  const stacks = stackOf(network);
  const rowTop = rowPositions(layout, stacks, space.height, zoom);
  const fixed = MARGIN.left + MARGIN.right + TRANSFORMER_WIDTH + HEAD_WIDTH;
  const fitting = (space.width - fixed) / Math.max(1, layout.columns - 1);
  const column = clamp(fitting, LEAST_COLUMN, MOST_COLUMN) * zoom;
  const spotOf = (node: number): Spot => {
    const place = layout.places.get(node) ?? { column: 0, row: 0 };
    const before = place.column >= firstBar ? TRANSFORMER_WIDTH : 0;
    const head = place.column > firstBar ? HEAD_WIDTH : 0;
    return {
      x: MARGIN.left + before + head + place.column * column,
      y: rowTop[place.row] ?? ROW_ABOVE,
    };
  };
  const nodes = new Map(network.nodes.map((n) => [n.id, spotOf(n.id)]));
  const branches = new Map<number, BranchPlan>();
  for (const [child, link] of tree.parent) {
    const from = nodes.get(link.node);
    const to = nodes.get(child);
    if (from !== undefined && to !== undefined) branches.set(link.branch, elbow(from, to));
  }
  addTies(network, tree, nodes, branches);
  return {
    width: Math.max(space.width, (layout.columns - 1) * column + fixed),
    height: Math.max(space.height, (rowTop.at(-1) ?? 0) + LEAST_BELOW),
    nodes,
    branches,
    bars: busbars.map((bar) => barOf(bar, tree, nodes)),
    ...devicesAt(network, nodes),
    lineOf: new Map(network.nodes.map((n) => [n.id, layout.places.get(n.id)?.row ?? 0])),
    northTurn: null,
    heads,
  };
}

/** By coordinates, turned on its side where that uses the space better. */
export function geographicPlan(
  network: Network,
  tree: Tree,
  space: { width: number; height: number },
  zoom: number,
): Plan | null {
  const points = network.nodes.flatMap((n) =>
    n.x === null || n.y === null ? [] : [{ id: n.id, x: n.x, y: n.y }],
  );
  if (points.length < network.nodes.length || points.length < 2) return null;
  const degrees = points.every((p) => Math.abs(p.x) <= 180 && Math.abs(p.y) <= 90);
  const shrink = degrees ? Math.cos(((points[0]?.y ?? 0) * Math.PI) / 180) : 1;
  const flat = points.map((p) => ({ id: p.id, x: p.x * shrink, y: -p.y }));
  const wide = spread(flat.map((p) => p.x));
  const tall = spread(flat.map((p) => p.y));
  if (wide.size === 0 && tall.size === 0) return null;
  // Turned anticlockwise: north points left.
  const turned = tall.size > wide.size === space.width > space.height;
  const across = turned ? tall : wide;
  const down = turned ? wide : tall;
  const pad = 40;
  const scale =
    zoom *
    Math.min(
      (space.width - 2 * pad) / Math.max(across.size, 1e-12),
      (space.height - 2 * pad) / Math.max(down.size, 1e-12),
    );
  const width = Math.max(space.width, across.size * scale + 2 * pad);
  const height = Math.max(space.height, down.size * scale + 2 * pad);
  const left = (width - across.size * scale) / 2;
  const top = (height - down.size * scale) / 2;
  const nodes = new Map(
    flat.map((p) => {
      const a = turned ? p.y - tall.low : p.x - wide.low;
      const b = turned ? wide.high - p.x : p.y - tall.low;
      return [p.id, { x: left + a * scale, y: top + b * scale }];
    }),
  );
  const branches = new Map<number, BranchPlan>();
  for (const branch of network.branches) {
    const from = nodes.get(branch.from);
    const to = nodes.get(branch.to);
    if (from !== undefined && to !== undefined) branches.set(branch.id, straight(from, to));
  }
  return {
    width,
    height,
    nodes,
    branches,
    bars: [],
    ...devicesAt(network, nodes),
    lineOf: new Map(network.nodes.map((n) => [n.id, 0])),
    northTurn: turned ? -90 : 0,
    heads: busbarsOf(network, tree).flatMap((b) => (tree.children.get(b) ?? []).map((c) => c.branch)),
  };
}

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}

function spread(values: readonly number[]): { low: number; high: number; size: number } {
  const low = Math.min(...values);
  const high = Math.max(...values);
  return { low, high, size: high - low };
}

/** Far ends of the transformers, from which feeders leave; the supply itself where there are none. */
function busbarsOf(network: Network, tree: Tree): number[] {
  const bars = network.branches
    .filter((b) => b.kind === "transformer")
    .flatMap((b) => [b.from, b.to].filter((n) => tree.parent.get(n)?.branch === b.id));
  return bars.length > 0 ? bars : [tree.root];
}

function stackOf(network: Network): Map<number, number> {
  const count = new Map<number, number>();
  const kinds = new Map<number, Set<string>>();
  for (const device of network.devices) {
    if (device.node === null) continue;
    count.set(device.node, (count.get(device.node) ?? 0) + 1);
    kinds.set(device.node, (kinds.get(device.node) ?? new Set()).add(device.kind));
  }
  for (const [node, n] of count) if (n > MOST_SINGLE) count.set(node, kinds.get(node)?.size ?? 1);
  return count;
}

/** Heights of the rows: each has room for its highest stack, and the rest is shared. */
function rowPositions(
  layout: Layout,
  stacks: ReadonlyMap<number, number>,
  height: number,
  zoom: number,
): number[] {
  const above = new Array<number>(layout.rows).fill(ROW_ABOVE);
  for (const [node, place] of layout.places) {
    const own = ROW_ABOVE + DEVICE_PITCH * (stacks.get(node) ?? 0);
    above[place.row] = Math.max(above[place.row] ?? 0, own);
  }
  const stacked = above.reduce((sum, own) => sum + own, 0);
  const below = clamp((height - stacked) / layout.rows, LEAST_BELOW, MOST_BELOW);
  const needed = stacked + below * layout.rows;
  const spare = Math.max(0, Math.min(MOST_SPARE, (height - needed) / layout.rows));
  const total = needed + spare * layout.rows;
  let y = Math.max(0, (height - total) / 2);
  return above.map((own) => {
    const line = y + own + spare / 2;
    y += own + below + spare;
    return line * zoom;
  });
}

function elbow(from: Spot, to: Spot): BranchPlan {
  const path = from.y === to.y ? [from, to] : [from, { x: from.x, y: to.y }, to];
  return { path, middle: { x: (from.x + to.x) / 2, y: to.y } };
}

function straight(from: Spot, to: Spot): BranchPlan {
  return { path: [from, to], middle: { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 } };
}

function addTies(
  network: Network,
  tree: Tree,
  nodes: ReadonlyMap<number, Spot>,
  branches: Map<number, BranchPlan>,
): void {
  for (const branch of network.branches) {
    if (!tree.ties.includes(branch.id)) continue;
    const from = nodes.get(branch.from);
    const to = nodes.get(branch.to);
    if (from !== undefined && to !== undefined) branches.set(branch.id, straight(from, to));
  }
}

function barOf(node: number, tree: Tree, nodes: ReadonlyMap<number, Spot>): Bar {
  const own = nodes.get(node) ?? { x: 0, y: 0 };
  const rows = (tree.children.get(node) ?? []).map((c) => nodes.get(c.node)?.y ?? own.y);
  return { node, x: own.x, top: Math.min(own.y, ...rows) - 12, bottom: Math.max(own.y, ...rows) + 12 };
}

function devicesAt(
  network: Network,
  nodes: ReadonlyMap<number, Spot>,
): { devices: DeviceSpot[]; groups: DeviceGroup[] } {
  const byNode = grouped(network.devices, (d) => d.node);
  const devices: DeviceSpot[] = [];
  const groups: DeviceGroup[] = [];
  for (const [node, list] of byNode) {
    const spot = node === null ? undefined : nodes.get(node);
    if (spot === undefined) continue; // nobody knows where it is: it stands in the table alone
    const above = (i: number): Spot => ({ x: spot.x, y: spot.y - 16 - i * DEVICE_PITCH });
    if (list.length <= MOST_SINGLE) {
      list.forEach((device, i) => devices.push({ device, spot: above(i) }));
    } else {
      let i = 0;
      for (const [kind, some] of grouped(list, (d) => d.kind)) {
        groups.push({ kind, devices: some, spot: above(i) });
        i += 1;
      }
    }
  }
  return { devices, groups };
}

function grouped<K, V>(values: readonly V[], keyOf: (value: V) => K): Map<K, V[]> {
  const groups = new Map<K, V[]>();
  for (const value of values) {
    const key = keyOf(value);
    groups.set(key, [...(groups.get(key) ?? []), value]);
  }
  return groups;
}
