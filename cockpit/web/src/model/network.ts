/** The network as the page needs it: elements, tree, and where meters and devices sit. */

export const PHASES = ["phsA", "phsB", "phsC"] as const;

export interface NetworkNode {
  readonly id: number;
  readonly name: string;
  readonly x: number | null;
  readonly y: number | null;
  /** Rated phase-to-phase voltage, V. */
  readonly uRated: number;
}

export interface NetworkBranch {
  readonly id: number;
  readonly name: string;
  readonly kind: string;
  readonly from: number;
  readonly to: number;
  /** Rated current, A; null where the network file has none. */
  readonly ratingA: number | null;
}

export interface Device {
  readonly name: string;
  readonly kind: string;
  readonly element: number;
  /** Where it is connected; null where the network file does not say. */
  readonly node: number | null;
  readonly ratedW: number;
  readonly floorW: number;
}

export interface Meter {
  readonly name: string;
  readonly role: string;
  readonly element: number;
  readonly side: string | null;
}

export interface Limits {
  readonly uPu: readonly [number, number];
  readonly loading: number;
}

/**
 * Scale of the shades while the agent has not told its limits; the page then says so, and shows no
 * violation. EN 50160's band and the rating.
 */
export const UNKNOWN_LIMITS: Limits = { uPu: [0.9, 1.1], loading: 1 };

export interface Network {
  readonly nodes: readonly NetworkNode[];
  readonly branches: readonly NetworkBranch[];
  readonly devices: readonly Device[];
  readonly meters: readonly Meter[];
  /** Null when the agent has not told them. */
  readonly limits: Limits | null;
  /** Names of device groups; empty where the agent has told none. */
  readonly groups: readonly string[];
}

export interface TreeChild {
  readonly node: number;
  readonly branch: number;
}

/** The network as a tree from its supply, with what does not fit into one. */
export interface Tree {
  readonly root: number;
  readonly children: ReadonlyMap<number, readonly TreeChild[]>;
  readonly parent: ReadonlyMap<number, TreeChild>;
  /** Branches that close a loop. */
  readonly ties: readonly number[];
  /** Nodes that no branch connects with the root. */
  readonly unsupplied: readonly number[];
}

/** Breadth-first tree from the node of the highest rated voltage. */
export function treeOf(network: Network): Tree | null {
  const [first] = network.nodes;
  if (first === undefined) return null;
  const root = network.nodes.reduce((a, b) => (b.uRated > a.uRated ? b : a), first).id;
  const adjacent = adjacency(network);
  const parent = new Map<number, TreeChild>();
  const children = new Map<number, TreeChild[]>();
  const seen = new Set([root]);
  const used = new Set<number>();
  const queue = [root];
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
    for (const next of adjacent.get(at) ?? []) {
      if (seen.has(next.node)) continue;
      seen.add(next.node);
      used.add(next.branch);
      parent.set(next.node, { node: at, branch: next.branch });
      children.set(at, [...(children.get(at) ?? []), next]);
      queue.push(next.node);
    }
  }
  return {
    root,
    children,
    parent,
    ties: network.branches.filter((b) => !used.has(b.id)).map((b) => b.id),
    unsupplied: network.nodes.filter((n) => !seen.has(n.id)).map((n) => n.id),
  };
}

function adjacency(network: Network): Map<number, TreeChild[]> {
  const adjacent = new Map<number, TreeChild[]>(network.nodes.map((n) => [n.id, []]));
  for (const branch of network.branches) {
    adjacent.get(branch.from)?.push({ node: branch.to, branch: branch.id });
    adjacent.get(branch.to)?.push({ node: branch.from, branch: branch.id });
  }
  return adjacent;
}

/** Nodes of the low-voltage side: those below 1 kV. Voltage limits apply to them alone. */
export function lowVoltageNodes(network: Network): readonly NetworkNode[] {
  return network.nodes.filter((n) => n.uRated <= 1000);
}

/** Rated phase-to-neutral voltage of a node, V. */
export function phaseVoltage(node: NetworkNode): number {
  return node.uRated / Math.sqrt(3);
}

/** Names of the meters and devices that measure the voltage of a node. */
export function voltageSources(network: Network, node: number): string[] {
  const ends = new Map(network.branches.map((b) => [b.id, b]));
  const meters = network.meters.filter((m) => {
    if (m.side === null) return m.element === node;
    const branch = ends.get(m.element);
    return branch !== undefined && (m.side === "to" ? branch.to : branch.from) === node;
  });
  const devices = network.devices.filter((d) => d.node === node);
  return [...meters, ...devices].map((source) => source.name);
}
