/**
 * Single-line layout of a radial network on a grid of columns and rows.
 *
 * Each feeder runs straight from left to right along its longest path; side branches leave
 * downwards into rows of their own. A side branch takes the highest row that is free over all its
 * columns; branches are placed from the far end towards the supply, so that no connector crosses a
 * row and no two nodes share a place.
 */

import type { Tree } from "./network.ts";

export interface Place {
  readonly column: number;
  readonly row: number;
}

export interface Layout {
  readonly places: ReadonlyMap<number, Place>;
  readonly columns: number;
  readonly rows: number;
}

interface Block {
  readonly places: Map<number, Place>;
  /** Lowest row in use, by column. */
  readonly bottom: Map<number, number>;
  readonly end: number;
}

/** Places of all nodes; unsupplied nodes go into rows below, side by side. */
export function layoutOf(tree: Tree): Layout {
  const depth = depths(tree);
  const block = place(tree, depth, tree.root, 0);
  const width = Math.max(block.end + 1, 12);
  let rows = 1 + Math.max(...block.bottom.values());
  tree.unsupplied.forEach((node, index) => {
    block.places.set(node, { column: index % width, row: rows + Math.floor(index / width) });
  });
  rows += Math.ceil(tree.unsupplied.length / width);
  return { places: block.places, columns: width, rows };
}

/** Number of nodes on the longest path downwards, by node. */
function depths(tree: Tree): Map<number, number> {
  const order = [tree.root];
  for (let i = 0; i < order.length; i++) {
    for (const child of tree.children.get(order[i] ?? -1) ?? []) order.push(child.node);
  }
  const depth = new Map<number, number>();
  for (const node of order.reverse()) {
    const below = (tree.children.get(node) ?? []).map((c) => depth.get(c.node) ?? 0);
    depth.set(node, 1 + Math.max(0, ...below));
  }
  return depth;
}

function place(tree: Tree, depth: Map<number, number>, start: number, column: number): Block {
  const trunk = trunkFrom(tree, depth, start);
  const end = column + trunk.length - 1;
  const block: Block = { places: new Map(), bottom: new Map(), end };
  trunk.forEach((node, i) => {
    block.places.set(node, { column: column + i, row: 0 });
    block.bottom.set(column + i, 0);
  });
  for (let i = trunk.length - 1; i >= 0; i--) {
    const at = column + i;
    for (const child of tree.children.get(trunk[i] ?? -1) ?? []) {
      if (child.node === trunk[i + 1]) continue;
      attach(block, place(tree, depth, child.node, at + 1), at);
    }
  }
  return block;
}

function trunkFrom(tree: Tree, depth: Map<number, number>, start: number): number[] {
  const trunk = [start];
  for (let at: number | undefined = start; at !== undefined; ) {
    let next: number | undefined;
    for (const child of tree.children.get(at) ?? []) {
      if (next === undefined || (depth.get(child.node) ?? 0) > (depth.get(next) ?? 0)) {
        next = child.node;
      }
    }
    if (next !== undefined) trunk.push(next);
    at = next;
  }
  return trunk;
}

/** Hangs a side branch below a block, its connector in column `at`. */
function attach(block: Block, side: Block, at: number): void {
  let row = 1;
  for (let c = at; c <= side.end; c++) row = Math.max(row, 1 + (block.bottom.get(c) ?? 0));
  for (const [node, spot] of side.places) {
    block.places.set(node, { column: spot.column, row: spot.row + row });
  }
  for (const [c, bottom] of side.bottom) {
    block.bottom.set(c, Math.max(block.bottom.get(c) ?? 0, bottom + row));
  }
  block.bottom.set(at, Math.max(block.bottom.get(at) ?? 0, row));
}
