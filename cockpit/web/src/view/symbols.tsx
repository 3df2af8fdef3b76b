/** Small drawn symbols: devices, alarm shapes, meters. Shape says what, grey says how much. */

import type { ReactNode } from "react";
import type { DeviceState } from "../model/states.ts";

const HALF = 5.5;

/** Outline of a device kind around (0, 0). */
function outline(kind: string): string {
  switch (kind) {
    case "pv":
      return `M0 ${-HALF - 1.2} L${HALF + 1.2} 0 L0 ${HALF + 1.2} L${-HALF - 1.2} 0 Z`;
    case "heat_pump":
      return hexagon(HALF + 0.8);
    case "storage":
      return `M${-HALF - 1} ${-HALF + 2} H${HALF + 1} V${HALF - 2} H${-HALF - 1} Z`;
    default:
      return `M${-HALF} ${-HALF} H${HALF} V${HALF} H${-HALF} Z`;
  }
}

function hexagon(r: number): string {
  const corners = [0, 1, 2, 3, 4, 5].map((i) => {
    const a = (i * Math.PI) / 3;
    return `${(r * Math.cos(a)).toFixed(2)} ${(r * Math.sin(a)).toFixed(2)}`;
  });
  return `M${corners.join(" L")} Z`;
}

/** A device: filled from below up to the share of its rating that it may use. */
export function DeviceSymbol(props: { kind: string; state: DeviceState; id: string }): ReactNode {
  const { kind, state } = props;
  const shape = outline(kind);
  const known = state.standing === "good" && state.allowed !== null;
  const size = 2 * (HALF + 1.5);
  const filled = known ? (state.allowed ?? 0) * size : 0;
  const classes = [
    "device",
    known ? "" : `unknown standing-${state.standing}`,
    state.active === false ? "idle" : "",
    state.heldBack ? "held" : "",
  ];
  return (
    <g className={classes.join(" ")}>
      <path className="device-ground" d={shape} />
      <clipPath id={props.id}>
        <rect x={-size / 2} y={size / 2 - filled} width={size} height={filled} />
      </clipPath>
      <path className="device-fill" d={shape} clipPath={`url(#${props.id})`} />
      <path className="device-outline" d={shape} />
      {known ? null : (
        <text className="device-mark" y={3.4}>
          ?
        </text>
      )}
    </g>
  );
}

export const PRIORITY_WORDS = ["", "low", "medium", "high", "critical"] as const;

function priorityShape(priority: number): string {
  switch (priority) {
    case 4:
      return "M-8 -8 H8 V8 H-8 Z";
    case 3:
      return "M0 -9 L9 7.5 H-9 Z";
    case 2:
      return "M0 9 L9 -7.5 H-9 Z";
    default:
      return "M-8 0 A8 8 0 1 0 8 0 A8 8 0 1 0 -8 0 Z";
  }
}

/** Priority of an alarm by shape, colour and number; the word stands beside it. */
export function PrioritySymbol(props: { priority: number; active: boolean }): ReactNode {
  const priority = Math.max(1, Math.min(4, Math.round(props.priority)));
  return (
    <svg
      className={`priority priority-${priority} ${props.active ? "active" : "cleared"}`}
      viewBox="-10 -10 20 20"
      width="20"
      height="20"
      aria-hidden="true"
    >
      <path d={priorityShape(priority)} />
      <text y={priority === 3 ? 6 : priority === 2 ? 2.5 : 4}>{priority}</text>
    </svg>
  );
}

/** Marker at a place beyond its limit: up for too high, down for too low, diamond for overload. */
export function violationPath(kind: "high" | "low" | "load"): string {
  if (kind === "high") return "M0 -8 L7.5 5.5 H-7.5 Z";
  if (kind === "low") return "M0 8 L7.5 -5.5 H-7.5 Z";
  return "M0 -7.5 L7.5 0 L0 7.5 L-7.5 0 Z";
}
