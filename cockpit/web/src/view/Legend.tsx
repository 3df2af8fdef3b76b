/** What widths, shades, shapes and letters mean. */

import type { ReactNode } from "react";
import type { Limits } from "../model/network.ts";
import { SHADES, type DeviceState } from "../model/states.ts";
import { percent } from "./format.ts";
import { DeviceSymbol, violationPath } from "./symbols.tsx";

const STEPS = Array.from({ length: SHADES }, (_, i) => i);

function device(allowed: number, active: boolean): DeviceState {
  return { standing: "good", allowed, active, heldBack: active && allowed < 1 };
}

export function Legend({ limits }: { limits: Limits | null }): ReactNode {
  return (
    <div className="legend" aria-label="Legend">
      <Entry words={`loading 0–${limits === null ? "rating" : percent(limits.loading)}`} width={72}>
        {STEPS.map((i) => (
          <g key={i} className={`branch grade-normal shade-${i}`}>
            <path className="line" d={`M${i * 12} 8 h12`} />
          </g>
        ))}
      </Entry>
      <Entry
        words={limits === null ? "voltage" : `voltage ${limits.uPu[0]}–${limits.uPu[1]} pu`}
        width={72}
      >
        {STEPS.map((i) => (
          <g key={i} className={`node grade-normal shade-${i}`}>
            <circle className="dot" cx={6 + i * 12} cy={8} r={4.2} />
          </g>
        ))}
      </Entry>
      {limits === null ? <strong>limits not told by the agent</strong> : null}
      <Entry words="near a limit" width={34}>
        <g className="branch grade-near">
          <path className="line" d="M0 8 h16" />
        </g>
        <g className="node grade-near">
          <circle className="dot" cx={26} cy={8} r={4.2} />
        </g>
      </Entry>
      <Entry words="in red: overload, voltage high, low" width={56}>
        {(["load", "high", "low"] as const).map((kind, i) => (
          <g key={kind} className="node grade-high" transform={`translate(${9 + i * 19} 8)`}>
            <path className="violation" d={violationPath(kind)} />
          </g>
        ))}
      </Entry>
      <Entry words="EV: free, limited, no car" width={54}>
        {[device(1, true), device(0.4, true), device(0.4, false)].map((state, i) => (
          <g key={i} transform={`translate(${9 + i * 18} 8)`}>
            <DeviceSymbol kind="ev" state={state} id={`legend-ev-${i}`} />
          </g>
        ))}
      </Entry>
      <Entry words="PV: free, limited" width={36}>
        {[device(1, true), device(0.4, true)].map((state, i) => (
          <g key={i} transform={`translate(${9 + i * 18} 8)`}>
            <DeviceSymbol kind="pv" state={state} id={`legend-pv-${i}`} />
          </g>
        ))}
      </Entry>
      <Entry words="meter" width={12}>
        <g className="meter" transform="translate(6 8)">
          <path d="M-4 -4 H4 V4 H-4 Z" />
        </g>
      </Entry>
      <Entry words="stale or not known" width={40}>
        <g className="branch grade-stale">
          <path className="line" d="M0 8 h20" />
        </g>
        <g className="node grade-stale">
          <circle className="dot" cx={31} cy={8} r={4.2} />
        </g>
      </Entry>
    </div>
  );
}

function Entry(props: { words: string; width: number; children: ReactNode }): ReactNode {
  return (
    <span className="legend-entry">
      <svg viewBox={`0 0 ${props.width} 16`} width={props.width} height="16" aria-hidden="true">
        {props.children}
      </svg>
      {props.words}
    </span>
  );
}
