/** The network as a picture: branches by loading, nodes by voltage, devices by their limits. */

import { type KeyboardEvent, type PointerEvent, type ReactNode, memo, useId } from "react";
import type { Network, Tree } from "../model/network.ts";
import {
  type BranchState,
  type DeviceState,
  type NodeState,
  branchState,
  deviceState,
  nodeState,
} from "../model/states.ts";
import type { Reader } from "../model/station.ts";
import { evaluate } from "../model/trend.ts";
import { type Extreme, voltageRange } from "../model/figures.ts";
import { estimatedPower, measuredPower } from "../model/lines.ts";
import { percent, perUnit, power } from "./format.ts";
import type { BranchPlan, Plan, Spot } from "./plan.ts";
import { type Selection, keyOf, selectionOf } from "./selection.ts";
import { DeviceSymbol, violationPath } from "./symbols.tsx";

export interface Hover {
  readonly selection: Selection;
  readonly x: number;
  readonly y: number;
}

interface Props {
  readonly plan: Plan;
  /** Size on the screen by size of the plan; below 1 for the whole of a large network. */
  readonly scale: number;
  readonly reader: Reader;
  readonly tree: Tree;
  readonly selection: Selection | null;
  readonly onSelect: (selection: Selection | null) => void;
  readonly onHover: (hover: Hover | null) => void;
}

export function Drawing(props: Props): ReactNode {
  const { plan, reader, tree, selection, onSelect } = props;
  const { network } = reader;
    const clip = useId();
  const branches = network.branches.map((b) => ({ b, state: branchState(reader, b.id, network.limits) }));
  const nodes = network.nodes.map((n) => ({ n, state: nodeState(reader, n, network.limits) }));
  const chosen = selection === null ? null : keyOf(selection);
  const bars = new Set(plan.bars.map((bar) => bar.node));

  const onKey = (event: KeyboardEvent): void => {
    const next = stepFrom(event.key, selection, tree, plan);
    if (event.key === "Escape") onSelect(null);
    if (next === null) return;
    event.preventDefault();
    onSelect({ kind: "node", id: next });
  };

  return (
    <svg
      className="drawing"
      width={plan.width * props.scale}
      height={plan.height * props.scale}
      viewBox={`0 0 ${plan.width} ${plan.height}`}
      role="application"
      tabIndex={0}
      aria-label={
        "Network drawing. Arrow keys move along the feeders, Escape clears the selection. " +
        "The details panel tells the values of the selected element."
      }
      onKeyDown={onKey}
      onClick={(event) => onSelect(under(event.target))}
      onPointerMove={(event) => props.onHover(hoverAt(event))}
      onPointerLeave={() => props.onHover(null)}
    >
      {plan.bars.map((bar) => (
        <line key={bar.node} className="bar" x1={bar.x} x2={bar.x} y1={bar.top} y2={bar.bottom} />
      ))}
      {branches.map(({ b, state }) => (
        <BranchMark
          key={b.id}
          id={b.id}
          kind={b.kind}
          plan={plan.branches.get(b.id)}
          grade={state.grade}
          shade={state.shade}
          chosen={chosen === `branch:${b.id}`}
        />
      ))}
      {plan.devices.map(({ device, spot }) => (
        <DeviceMark
          key={device.name}
          name={device.name}
          kind={device.kind}
          spot={spot}
          clip={`${clip}-${device.name}`}
          chosen={chosen === `device:${device.name}`}
          {...deviceState(reader, device)}
        />
      ))}
      <DeviceGroups plan={plan} reader={reader} clip={clip} />
      {nodes.map(({ n, state }) => (
        <NodeMark
          key={n.id}
          id={n.id}
          spot={plan.nodes.get(n.id)}
          grade={state.grade}
          shade={state.shade}
          bar={bars.has(n.id)}
          chosen={chosen === `node:${n.id}`}
        />
      ))}
      <MeterMarks plan={plan} network={network} />
      <Labels plan={plan} reader={reader} tree={tree} branches={branches} nodes={nodes} />
      {plan.northTurn === null ? null : <North turn={plan.northTurn} />}
    </svg>
  );
}

function under(target: EventTarget): Selection | null {
  const key = target instanceof Element ? target.closest("[data-el]")?.getAttribute("data-el") : null;
  return key === null || key === undefined ? null : selectionOf(key);
}

function hoverAt(event: PointerEvent): Hover | null {
  const selection = under(event.target);
  return selection === null ? null : { selection, x: event.clientX, y: event.clientY };
}

/** Node that an arrow key leads to: left to the supply, right away from it, up and down across. */
function stepFrom(
  key: string,
  selection: Selection | null,
  tree: Tree,
  plan: Plan,
): number | null {
  if (!key.startsWith("Arrow")) return null;
  if (selection === null || selection.kind !== "node") return tree.root;
  if (key === "ArrowLeft") return tree.parent.get(selection.id)?.node ?? null;
  if (key === "ArrowRight") return tree.children.get(selection.id)?.at(-1)?.node ?? null;
  const from = plan.nodes.get(selection.id);
  if (from === undefined) return null;
  const direction = key === "ArrowDown" ? 1 : -1;
  let best: { id: number; cost: number } | null = null;
  for (const [id, spot] of plan.nodes) {
    const ahead = (spot.y - from.y) * direction;
    if (ahead < 1) continue;
    const cost = ahead + 3 * Math.abs(spot.x - from.x);
    if (best === null || cost < best.cost) best = { id, cost };
  }
  return best?.id ?? null;
}

const pathData = (plan: BranchPlan): string =>
  plan.path.map((s, i) => `${i === 0 ? "M" : "L"}${s.x.toFixed(1)} ${s.y.toFixed(1)}`).join(" ");

function lengthOf(plan: BranchPlan): number {
  return plan.path.reduce((sum, spot, i) => {
    const before = plan.path[i - 1] ?? spot;
    return sum + Math.hypot(spot.x - before.x, spot.y - before.y);
  }, 0);
}

const BranchMark = memo(function BranchMark(props: {
  id: number;
  kind: string;
  plan: BranchPlan | undefined;
  grade: BranchState["grade"];
  shade: number;
  chosen: boolean;
}): ReactNode {
  if (props.plan === undefined) return null;
  const d = pathData(props.plan);
  const { middle } = props.plan;
  const look = `grade-${props.grade} shade-${props.shade} ${props.chosen ? "chosen" : ""}`;
  return (
    <g className={`branch ${look}`} data-el={`branch:${props.id}`}>
      <path className="reach" d={d} />
      {props.chosen ? <path className="halo" d={d} /> : null}
      <path className="line" d={d} />
      {props.kind === "transformer" ? (
        <g
          className="coils"
          transform={`translate(${middle.x} ${middle.y}) scale(${lengthOf(props.plan) < 40 ? 0.6 : 1})`}
        >
          <circle className="coil-ground" cx={-6} r={10} />
          <circle className="coil-ground" cx={6} r={10} />
          <circle className="coil" cx={-6} r={10} />
          <circle className="coil" cx={6} r={10} />
        </g>
      ) : null}
      {props.grade === "high" ? (
        <path
          className="violation"
          transform={`translate(${middle.x} ${middle.y})`}
          d={violationPath("load")}
        />
      ) : null}
    </g>
  );
});

const NodeMark = memo(function NodeMark(props: {
  id: number;
  spot: Spot | undefined;
  grade: NodeState["grade"];
  shade: number;
  bar: boolean;
  chosen: boolean;
}): ReactNode {
  if (props.spot === undefined) return null;
  const look = `grade-${props.grade} shade-${props.shade} ${props.chosen ? "chosen" : ""}`;
  return (
    <g
      className={`node ${look}`}
      data-el={`node:${props.id}`}
      transform={`translate(${props.spot.x.toFixed(1)} ${props.spot.y.toFixed(1)})`}
    >
      <circle className="reach" r={9} />
      {props.chosen ? <circle className="halo" r={9} /> : null}
      {props.grade === "high" || props.grade === "low" ? (
        <path className="violation" d={violationPath(props.grade)} />
      ) : (
        <circle className="dot" r={props.bar ? 5.5 : 4.2} />
      )}
    </g>
  );
});

const DeviceMark = memo(function DeviceMark(
  props: { name: string; kind: string; spot: Spot; clip: string; chosen: boolean } & DeviceState,
): ReactNode {
  const { standing, allowed, active, heldBack } = props;
  return (
    <g
      data-el={`device:${props.name}`}
      transform={`translate(${props.spot.x.toFixed(1)} ${props.spot.y.toFixed(1)})`}
    >
      <circle className="reach" r={7} />
      {props.chosen ? <circle className="halo" r={9} /> : null}
      <DeviceSymbol kind={props.kind} id={props.clip} state={{ standing, allowed, active, heldBack }} />
    </g>
  );
});

/** Many devices of a kind at one node: one symbol, their number, the mean of their limits. */
function DeviceGroups(props: { plan: Plan; reader: Reader; clip: string }): ReactNode {
  return props.plan.groups.map((group) => {
    const states = group.devices.map((d) => deviceState(props.reader, d));
    const good = states.filter((s) => s.standing === "good" && s.allowed !== null);
    const [first] = group.devices;
    const mean = good.reduce((sum, s) => sum + (s.allowed ?? 0), 0) / Math.max(1, good.length);
    const state: DeviceState = {
      standing: good.length === states.length ? "good" : (states[0]?.standing ?? "missing"),
      allowed: good.length === states.length ? mean : null,
      active: states.some((s) => s.active === true),
      heldBack: states.some((s) => s.heldBack),
    };
    const id = `${group.kind}-${first?.name ?? ""}`;
    return (
      <g
        key={id}
        data-el={`node:${first?.node ?? 0}`}
        transform={`translate(${group.spot.x.toFixed(1)} ${group.spot.y.toFixed(1)})`}
      >
        <DeviceSymbol kind={group.kind} id={`${props.clip}-${id}`} state={state} />
        <text className="label group-count" x={9} y={4}>
          ×{group.devices.length}
        </text>
      </g>
    );
  });
}

function MeterMarks(props: { plan: Plan; network: Network }): ReactNode {
  const ends = new Map(props.network.branches.map((b) => [b.id, b]));
  return props.network.meters.map((meter) => {
    const branch = meter.side === null ? undefined : ends.get(meter.element);
    const at =
      branch === undefined
        ? props.plan.nodes.get(meter.element)
        : props.plan.nodes.get(meter.side === "to" ? branch.to : branch.from);
    const plan = branch === undefined ? undefined : props.plan.branches.get(branch.id);
    if (at === undefined) return null;
    // On a branch the meter sits on the line near its end; at a customer below the node.
    const spot =
      plan === undefined || branch === undefined
        ? { x: at.x, y: at.y + 9.5 }
        : alongFrom(at, plan, branch.kind === "transformer" ? 12 : 14);
    return (
      <g key={meter.name} className="meter" transform={`translate(${spot.x} ${spot.y})`}>
        <title>{`${meter.name}: measured here`}</title>
        {plan === undefined ? <path d="M-3 0 H3 V4 H-3 Z" /> : <path d="M-4 -4 H4 V4 H-4 Z" />}
      </g>
    );
  });
}

/** A place on the branch, `distance` from the given end along its last straight piece. */
function alongFrom(end: Spot, plan: BranchPlan, distance: number): Spot {
  const last = plan.path.at(-1) ?? end;
  const before = plan.path.at(-2) ?? end;
  const fromFar = Math.hypot(last.x - end.x, last.y - end.y) < 0.5;
  const [a, b] = fromFar ? [last, before] : [before, last];
  const length = Math.hypot(b.x - a.x, b.y - a.y) || 1;
  const share = Math.min(0.5, distance / length);
  return { x: a.x + (b.x - a.x) * share, y: a.y + (b.y - a.y) * share };
}

/** Numbers in the drawing: one loading and one voltage a line, power at the feeders' heads. */
function Labels(props: {
  plan: Plan;
  reader: Reader;
  tree: Tree;
  branches: readonly { b: Network["branches"][number]; state: BranchState }[];
  nodes: readonly { n: Network["nodes"][number]; state: NodeState }[];
}): ReactNode {
  const { plan, reader, branches, nodes } = props;
  const worst = new Map<number, (typeof branches)[number]>();
  for (const entry of branches) {
    const { b, state } = entry;
    if (b.kind === "transformer" || state.loading === null || state.grade === "stale") continue;
    const line = plan.lineOf.get(b.to) ?? 0;
    if ((worst.get(line)?.state.loading ?? -1) < state.loading) worst.set(line, entry);
  }
  const range = voltageRange(reader);
  return (
    <g className="labels">
      {[...worst.values()].map(({ b, state }) => {
        const middle = plan.branches.get(b.id)?.middle;
        return middle === undefined ? null : (
          <text key={b.id} className={`label origin-of-estimated grade-${state.grade}`} x={middle.x} y={middle.y + 19}>
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
  nodes: readonly { n: Network["nodes"][number]; state: NodeState }[];
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
      y={spot.y + 32}
    >
      {props.word} {perUnit(extreme.value)}
    </text>
  );
}

function North(props: { turn: number }): ReactNode {
  return (
    <g className="north" transform="translate(26 34)">
      <g transform={`rotate(${props.turn})`}>
        <path d="M0 -13 L6 8 L0 4 L-6 8 Z" />
      </g>
      <text y={24}>N</text>
    </g>
  );
}
