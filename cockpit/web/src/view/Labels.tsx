/** Numbers in the drawing. */

import type { ReactNode } from "react";
import { type Extreme, voltageRange } from "../model/figures.ts";
import { estimatedPower, measuredPower } from "../model/lines.ts";
import type { NetworkBranch, NetworkNode, Tree } from "../model/network.ts";
import type { BranchState, NodeState } from "../model/states.ts";
import type { Reader } from "../model/station.ts";
import { evaluate } from "../model/trend.ts";
import { percent, perUnit, power } from "./format.ts";
import type { Plan } from "./plan.ts";

export interface GradedBranch {
  readonly b: NetworkBranch;
  readonly state: BranchState;
}

export interface GradedNode {
  readonly n: NetworkNode;
  readonly state: NodeState;
}

/** Numbers in the drawing: one loading and one voltage a line, power at the feeders' heads. */
export function Labels(props: {
  plan: Plan;
  reader: Reader;
  tree: Tree;
  branches: readonly GradedBranch[];
  nodes: readonly GradedNode[];
}): ReactNode {
  const { plan, reader, branches, nodes } = props;
  const worst = worstOfLines(plan, props.tree, branches);
  const range = voltageRange(reader);
  return (
    <g className="labels">
      {worst.map(({ b, state }) => {
        const middle = plan.branches.get(b.id)?.middle;
        return middle === undefined ? null : (
          <text
            key={b.id}
            className={`label origin-of-estimated grade-${state.grade}`}
            x={middle.x}
            y={middle.y + 21}
          >
            {percent(state.loading)}
          </text>
        );
      })}
      {branches
        .filter(({ b }) => b.kind === "transformer")
        .map(({ b, state }) => {
          const middle = plan.branches.get(b.id)?.middle;
          return middle === undefined ? null : (
            <text
              key={b.id}
              className={`label strong origin-of-estimated grade-${state.grade}`}
              x={middle.x}
              y={middle.y - 17}
            >
              {state.grade === "stale" ? "stale" : percent(state.loading)}
            </text>
          );
        })}
      {plan.northTurn !== null
        ? null
        : plan.heads.map((id) => (
            <HeadLabel key={id} id={id} plan={plan} reader={reader} tree={props.tree} />
          ))}
      <VoltageLabel word="min" extreme={range.lowest} plan={plan} nodes={nodes} />
      <VoltageLabel word="max" extreme={range.highest} plan={plan} nodes={nodes} />
    </g>
  );
}

/** Power at a feeder's head, as its meter sees it, else as estimated; nothing where neither is. */
function HeadLabel(props: { id: number; plan: Plan; reader: Reader; tree: Tree }): ReactNode {
  const { reader, tree } = props;
  const branch = reader.network.branches.find((b) => b.id === props.id);
  const middle = props.plan.branches.get(props.id)?.middle;
  if (branch === undefined || middle === undefined) return null;
  const measured = measuredPower(reader.network, tree, branch);
  const known = measured === null ? null : (evaluate(measured, reader)?.value ?? null);
  const watts = known ?? evaluate(estimatedPower(tree, branch), reader)?.value ?? null;
  if (watts === null) return null;
  const origin = known === null ? "estimated" : "measured";
  return (
    <text className={`label origin-of-${origin}`} x={middle.x + 2} y={middle.y - 9}>
      {power(watts)}
    </text>
  );
}

function VoltageLabel(props: {
  word: string;
  extreme: Extreme | null;
  plan: Plan;
  nodes: readonly GradedNode[];
}): ReactNode {
  const { extreme } = props;
  if (extreme === null) return null;
  const spot = props.plan.nodes.get(extreme.place);
  const grade = props.nodes.find(({ n }) => n.id === extreme.place)?.state.grade ?? "normal";
  const atBar = props.plan.bars.some((bar) => bar.node === extreme.place);
  if (spot === undefined) return null;
  return (
    <text
      className={`label origin-of-estimated grade-${grade} ${atBar ? "beside" : ""}`}
      x={atBar ? spot.x + 10 : spot.x}
      y={spot.y + 33}
    >
      {props.word} {perUnit(extreme.value)}
    </text>
  );
}

/** The most loaded branch of each drawn line, transformers apart. */
function worstOfLines(
  plan: Plan,
  tree: Tree,
  branches: readonly GradedBranch[],
): readonly GradedBranch[] {
  const worst = new Map<number, GradedBranch>();
  for (const entry of branches) {
    const { b, state } = entry;
    const known = state.grade !== "stale" && state.grade !== "unknown";
    if (b.kind === "transformer" || state.loading === null || !known) continue;
    const far = tree.parent.get(b.to)?.branch === b.id ? b.to : b.from;
    const line = plan.lineOf.get(far) ?? 0;
    if ((worst.get(line)?.state.loading ?? -1) < state.loading) worst.set(line, entry);
  }
  return [...worst.values()];
}
