/** Top of the page: which substation, how its agent is, how fresh the values are. */

import type { ReactNode } from "react";
import type { Session } from "../api/client.ts";
import type { DataState } from "../model/store.ts";
import type { AgentEntry, LinkState } from "../model/station.ts";
import { clock, clockOrDate, date, duration, zone } from "./format.ts";

interface Props {
  readonly node: string;
  readonly nodes: readonly string[];
  readonly onNode: (node: string) => void;
  readonly agent: AgentEntry | null;
  readonly link: LinkState;
  readonly data: DataState;
  readonly nowMs: number;
  readonly session: Session;
  readonly onLogOut: () => void;
}

const MODE_WORDS: Readonly<Record<string, string>> = {
  starting: "reads back the limits in force",
  active: "keeps the limits",
  safe: "keeps limits as they are, raises none",
  blind: "without a verified state: limits go to their fall-back",
};

const LINK_WORDS: Readonly<Record<LinkState, string>> = {
  connecting: "connecting",
  open: "connected",
  lost: "lost",
};

export function Header(props: Props): ReactNode {
  const { data, nowMs } = props;
  return (
    <header className="header">
      <h1>
        <svg className="emblem" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">
          <circle cx="9" cy="12" r="6.5" />
          <circle cx="15" cy="12" r="6.5" />
        </svg>
        <span className="product">Ortsnetz</span>
      </h1>
      <div className="field station">
        <label className="caption" htmlFor="station">
          Substation
        </label>
        {props.nodes.length > 1 ? (
          <select id="station" value={props.node} onChange={(e) => props.onNode(e.target.value)}>
            {props.nodes.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        ) : (
          <output id="station">{props.node}</output>
        )}
      </div>
      <Mode agent={props.agent} live={data.live} />
      <div className={`field link link-${props.link}`}>
        <span className="caption">Link to the cockpit</span>
        <span>{LINK_WORDS[props.link]}</span>
      </div>
      <div className={`field ${data.live ? "" : "alert"}`}>
        <span className="caption">Last value</span>
        <span data-testid="last-value">
          {clockOrDate(data.lastValueMs, nowMs)}
          {data.live || data.lastValueMs === null
            ? ""
            : ` (${duration(nowMs - data.lastValueMs)} ago)`}
        </span>
      </div>
      <div className="field clock">
        <span className="caption">
          {date(nowMs)} {zone(nowMs)}
        </span>
        <time>{clock(nowMs)}</time>
      </div>
      <div className="field account">
        <span className="caption">{props.session.role}</span>
        <span>{props.session.user}</span>
      </div>
      <button type="button" onClick={props.onLogOut}>
        Log out
      </button>
    </header>
  );
}

/** The agent's mode; only `active` is a normal state and goes without colour. */
function Mode(props: { agent: AgentEntry | null; live: boolean }): ReactNode {
  const { agent } = props;
  const health = agent?.health ?? null;
  if (agent === null || health === null) {
    return (
      <div className="field mode mode-unknown">
        <span className="caption">Agent</span>
        <span>not known yet</span>
      </div>
    );
  }
  const mode = agent.online ? health.mode : "offline";
  const words = agent.online ? health.reason || (MODE_WORDS[mode] ?? "") : `was ${health.mode}`;
  return (
    <div className={`field mode mode-${mode} ${props.live ? "" : "not-live"}`} data-mode={mode}>
      <span className="caption">Agent{props.live ? "" : " (last known)"}</span>
      <span className="mode-line" title={words}>
        <svg viewBox="-8 -8 16 16" width="14" height="14" aria-hidden="true">
          <path d={MODE_SHAPES[mode] ?? MODE_SHAPES["starting"]} />
        </svg>
        <strong>{mode}</strong>
        <span className="mode-reason">{words}</span>
      </span>
    </div>
  );
}

const MODE_SHAPES: Readonly<Record<string, string>> = {
  active: "M-6 0 A6 6 0 1 0 6 0 A6 6 0 1 0 -6 0 Z",
  starting: "M-6 0 A6 6 0 1 0 6 0 A6 6 0 1 0 -6 0 Z M-4 0 A4 4 0 1 1 4 0 A4 4 0 1 1 -4 0 Z",
  safe: "M0 7 L7.5 -6 H-7.5 Z",
  blind: "M0 -7 L7.5 6 H-7.5 Z",
  offline: "M-6 -6 H6 V6 H-6 Z",
};
