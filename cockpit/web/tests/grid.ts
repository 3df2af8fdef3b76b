/** Small networks for the tests. */

import type { Network, NetworkBranch } from "../src/model/network.ts";
import type { Sample } from "../src/model/quality.ts";
import { Reader, type Setpoint } from "../src/model/station.ts";

export const NOW = 1_795_255_200_000;
export const PHASE_VOLTS = 400 / Math.sqrt(3);

/** A network from the parents of its nodes: node i + 2 hangs at parents[i]; 0 is MV, 1 the busbar. */
export function radial(parents: readonly number[]): Network {
  const branches: NetworkBranch[] = [
    { id: 1000, name: "T", kind: "transformer", from: 0, to: 1, ratingA: 361 },
  ];
  parents.forEach((parent, i) => {
    const node = i + 2;
    branches.push({ id: 1000 + node, name: `L${node}`, kind: "line", from: parent, to: node, ratingA: 270 });
  });
  const count = parents.length + 2;
  return {
    nodes: Array.from({ length: count }, (_, id) => ({
      id,
      name: `N${id}`,
      x: null,
      y: null,
      uRated: id === 0 ? 20_000 : 400,
    })),
    branches,
    devices: [
      { name: "ev-1", kind: "ev", element: 1, node: 2, ratedW: 11_000, floorW: 4200 },
      { name: "ev-2", kind: "ev", element: 2, node: 3, ratedW: 11_000, floorW: 4200 },
      { name: "pv-1", kind: "pv", element: 3, node: 3, ratedW: 15_000, floorW: 0 },
    ],
    meters: [{ name: "meter-transformer", role: "transformer", element: 1000, side: "to" }],
    limits: { uPu: [0.95, 1.05], loading: 1 },
    groups: [],
  };
}

export function good(value: number | null, timeMs = NOW): Sample {
  return { value, quality: value === null ? 1 : 0, origin: "measured", timeMs };
}

export function readerOf(
  network: Network,
  values: Record<string, Sample>,
  setpoints: readonly Setpoint[] = [],
): Reader {
  return new Reader(network, new Map(Object.entries(values)), NOW, setpoints);
}

/** Repeatable random numbers (mulberry32). */
export function randomFrom(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
