import { describe, expect, it } from "vitest";
import { type Layout, layoutOf } from "../src/model/layout.ts";
import { type Network, type Tree, treeOf } from "../src/model/network.ts";
import { singleLinePlan } from "../src/view/plan.ts";
import { radial, randomFrom } from "./grid.ts";

function laidOut(network: Network): { tree: Tree; layout: Layout } {
  const tree = treeOf(network);
  if (tree === null) throw new Error("no tree");
  return { tree, layout: layoutOf(tree) };
}

/** Parents that make long feeders with side branches, as low-voltage networks have them. */
function feeders(count: number, seed: number): number[] {
  const random = randomFrom(seed);
  return Array.from({ length: count }, (_, i) => {
    const newest = i + 1;
    if (i < 3) return 1;
    return random() < 0.85 ? newest : 1 + Math.floor(random() * newest);
  });
}

describe.each([1, 2, 3, 4, 5, 6, 7, 8])("layout of a random radial network, seed %i", (seed) => {
  const network = radial(feeders(20 + seed * 120, seed));
  const { tree, layout } = laidOut(network);

  it("gives every node a place of its own", () => {
    const used = new Set([...layout.places.values()].map((p) => `${p.column}/${p.row}`));
    expect(used.size).toBe(network.nodes.length);
  });

  it("leads away from the supply, one column a node", () => {
    for (const [node, up] of tree.parent) {
      const own = layout.places.get(node);
      const above = layout.places.get(up.node);
      expect(own?.column).toBe((above?.column ?? 0) + 1);
      expect(own?.row).toBeGreaterThanOrEqual(above?.row ?? 0);
    }
  });

  it("runs no connector through a node or along another branch", () => {
    const taken = new Set([...layout.places.values()].map((p) => `${p.column}/${p.row}`));
    const horizontal = new Map<string, number>();
    for (const [node, up] of tree.parent) {
      const own = layout.places.get(node);
      const above = layout.places.get(up.node);
      if (own === undefined || above === undefined) throw new Error("not placed");
      for (let row = above.row + 1; row <= own.row; row++) {
        expect(taken.has(`${above.column}/${row}`)).toBe(false);
      }
      const lane = `${above.column}/${own.row}`;
      expect(horizontal.has(lane)).toBe(false);
      horizontal.set(lane, node);
    }
  });
});

describe("layout", () => {
  it("draws a feeder straight along its longest path", () => {
    // Busbar 1; trunk 2-3-4-5; a stub 6 at node 3.
    const { layout } = laidOut(radial([1, 2, 3, 4, 3]));
    const rows = [2, 3, 4, 5].map((n) => layout.places.get(n)?.row);
    expect(new Set(rows).size).toBe(1);
    expect(layout.places.get(6)?.row).toBe(1);
  });

  it("keeps a loop as a tie and an unsupplied node in sight", () => {
    const network = radial([1, 2]);
    const meshed: Network = {
      ...network,
      nodes: [...network.nodes, { id: 9, name: "island", x: null, y: null, uRated: 400 }],
      branches: [
        ...network.branches,
        { id: 2000, name: "tie", kind: "line", from: 1, to: 3, ratingA: null },
      ],
    };
    const { tree, layout } = laidOut(meshed);
    expect(tree.ties).toHaveLength(1);
    expect(tree.unsupplied).toEqual([9]);
    expect(layout.places.get(9)?.row).toBe(layout.rows - 1);
  });

  it("keeps every node within the drawing on a small screen", () => {
    const network = radial(feeders(95, 3));
    const { tree, layout } = laidOut(network);
    const plan = singleLinePlan(network, tree, layout, { width: 860, height: 320 }, 1);
    for (const spot of plan.nodes.values()) {
      expect(spot.x).toBeGreaterThan(0);
      expect(spot.x).toBeLessThan(plan.width);
      expect(spot.y).toBeGreaterThan(0);
      expect(spot.y).toBeLessThan(plan.height);
    }
  });
});
