/** The drawn elements; each is drawn anew only when something of its own has changed. */

import { type ReactNode, memo } from "react";
import type { Network } from "../model/network.ts";
import { type BranchState, type DeviceState, type NodeState, deviceState } from "../model/states.ts";
import type { Reader } from "../model/station.ts";
import type { BranchPlan, Plan, Spot } from "./plan.ts";
import { DeviceSymbol, violationPath } from "./symbols.tsx";

const pathData = (plan: BranchPlan): string =>
  plan.path.map((s, i) => `${i === 0 ? "M" : "L"}${s.x.toFixed(1)} ${s.y.toFixed(1)}`).join(" ");

function lengthOf(plan: BranchPlan): number {
  return plan.path.reduce((sum, spot, i) => {
    const before = plan.path[i - 1] ?? spot;
    return sum + Math.hypot(spot.x - before.x, spot.y - before.y);
  }, 0);
}

export const BranchMark = memo(function BranchMark(props: {
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

export const NodeMark = memo(function NodeMark(props: {
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

export const DeviceMark = memo(function DeviceMark(
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
export function DeviceGroups(props: { plan: Plan; reader: Reader; clip: string }): ReactNode {
  return props.plan.groups.map((group) => {
    const states = group.devices.map((d) => deviceState(props.reader, d));
    const good = states.filter((s) => s.standing === "good" && s.allowed !== null);
    const [first] = group.devices;
    const mean = good.reduce((sum, s) => sum + (s.allowed ?? 0), 0) / Math.max(1, good.length);
    const state: DeviceState = {
      standing: states.find((s) => s.standing !== "good")?.standing ?? "good",
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

export function MeterMarks(props: { plan: Plan; network: Network }): ReactNode {
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
        ? { x: at.x, y: at.y + 7 }
        : alongFrom(at, plan, branch.kind === "transformer" ? 12 : 14);
    return (
      <g key={meter.name} className="meter" transform={`translate(${spot.x} ${spot.y})`}>
        <title>{`${meter.name}: measured here`}</title>
        {plan === undefined ? <path d="M-3 0 H3 V3.6 H-3 Z" /> : <path d="M-4 -4 H4 V4 H-4 Z" />}
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
