/** The network as a picture: branches by loading, nodes by voltage, devices by their limits. */

import { type KeyboardEvent, type PointerEvent, type ReactNode, useId } from "react";
import type { Tree } from "../model/network.ts";
import { branchState, deviceState, nodeState } from "../model/states.ts";
import type { Reader } from "../model/station.ts";
import { Labels } from "./Labels.tsx";
import { BranchMark, DeviceGroups, DeviceMark, MeterMarks, NodeMark } from "./marks.tsx";
import type { Plan } from "./plan.ts";
import { type Selection, keyOf, selectionOf } from "./selection.ts";

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
