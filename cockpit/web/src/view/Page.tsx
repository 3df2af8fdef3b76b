/** The station's page: one store, one push connection, all views. */

import { type ReactNode, useEffect, useState, useSyncExternalStore } from "react";
import { ApiError, type Session, api } from "../api/client.ts";
import { LiveFeed } from "../api/live.ts";
import { StationStore } from "../model/store.ts";
import { Alarms } from "./Alarms.tsx";
import { clock } from "./format.ts";
import { Header } from "./Header.tsx";
import { KeyFigures } from "./KeyFigures.tsx";
import { NetworkPanel } from "./NetworkPanel.tsx";
import { Orders } from "./Orders.tsx";
import type { Selection } from "./selection.ts";
import { Setpoints } from "./Setpoints.tsx";
import { Trends } from "./Trends.tsx";

interface Props {
  readonly session: Session;
  readonly nodes: readonly string[];
  readonly onNoSession: (notice: string) => void;
}

const RETRY_MS = 3000;

/** Loads the network of a station, again and again until there is one, and opens the push. */
function useStation(
  node: string,
  onNoSession: (notice: string) => void,
): { store: StationStore | null; waiting: string } {
  const [store, setStore] = useState<StationStore | null>(null);
  const [waiting, setWaiting] = useState("");
  useEffect(() => {
    let feed: LiveFeed | null = null;
    let timer: number | undefined;
    let gone = false;
    const over = (): void => onNoSession("The session has ended. Log in again.");
    const load = async (): Promise<void> => {
      try {
        const network = await api.network(node);
        if (gone) return;
        const fresh = new StationStore(node, network);
        setStore(fresh);
        feed = new LiveFeed(node, {
          onMessage: (message) => fresh.accept(message),
          onLink: (link) => fresh.setLink(link),
          onNoSession: over,
        });
      } catch (error) {
        if (gone) return;
        if (error instanceof ApiError && error.status === 401) return over();
        const none = error instanceof ApiError && error.status === 404;
        setWaiting(
          none
            ? `${node} has not told its network yet. Waiting for its agent.`
            : `The network of ${node} cannot be read: ${error instanceof Error ? error.message : ""}`,
        );
        timer = window.setTimeout(() => void load(), RETRY_MS);
      }
    };
    setStore(null);
    void load();
    return () => {
      gone = true;
      window.clearTimeout(timer);
      feed?.close();
    };
  }, [node, onNoSession]);
  return { store, waiting };
}

/** Looks again once a second: the clock goes on, and ages of values grow. */
function useEverySecond(store: StationStore | null): void {
  const [, setTick] = useState(0);
  useEffect(() => {
    const timer = window.setInterval(() => {
      setTick((tick) => tick + 1);
      store?.touch();
    }, 1000);
    return () => window.clearInterval(timer);
  }, [store]);
}

const NO_STORE = { subscribe: () => () => undefined, version: () => 0 };

export function Page({ session, nodes, onNoSession }: Props): ReactNode {
  const [node, setNode] = useState(nodes[0] ?? "");
  const { store, waiting } = useStation(node, onNoSession);
  useEverySecond(store);
  useSyncExternalStore(
    store?.subscribe ?? NO_STORE.subscribe,
    store?.getVersion ?? NO_STORE.version,
  );
  const [chosen, setChosen] = useState<{ node: string; selection: Selection } | null>(null);
  const selection = chosen?.node === node ? chosen.selection : null;
  const select = (next: Selection | null): void =>
    setChosen(next === null ? null : { node, selection: next });
  const logOut = (): void => {
    void api.logOut().then(
      () => onNoSession("You have logged out."),
      () => onNoSession("The cockpit did not confirm the log-out."),
    );
  };

  const waitingAlarms = (store?.alarms ?? []).filter((a) => a.state !== "active_acknowledged").length;
  useEffect(() => {
    document.title = `${waitingAlarms > 0 ? `(${waitingAlarms}) ` : ""}${node} – Ortsnetz cockpit`;
  }, [waitingAlarms, node]);
  const nowMs = Date.now();
  const data = store?.dataState() ?? { live: false, lastValueMs: null, why: waiting };
  const header = (
    <Header
      node={node}
      nodes={nodes}
      onNode={setNode}
      agent={store?.agent ?? null}
      link={store?.link ?? "connecting"}
      data={data}
      nowMs={nowMs}
      session={session}
      onLogOut={logOut}
    />
  );
  if (store === null) {
    return (
      <div className="page waiting">
        {header}
        <main>
          <p role="status">{waiting || "Loading the network."}</p>
        </main>
      </div>
    );
  }
  const reader = store.reader();
  return (
    <div className={`page ${data.live ? "" : "page-stale"}`} data-live={data.live}>
      {header}
      {data.live ? null : (
        <p className="banner" role="alert" data-testid="stale-banner">
          <svg viewBox="-9 -9 18 18" width="18" height="18" aria-hidden="true">
            <path d="M0 -8 L8.5 7 H-8.5 Z" />
          </svg>
          <strong>
            {data.lastValueMs === null ? "No data yet" : `No data since ${clock(data.lastValueMs)}`}
          </strong>
          <span>{data.why}. What is shown is not the present.</span>
        </p>
      )}
      <KeyFigures
        reader={reader}
        last={data.live ? null : store.lastReader()}
        onSelect={select}
      />
      <main className="grid">
        <NetworkPanel
          reader={reader}
          tree={store.tree}
          live={data.live}
          selection={selection}
          onSelect={select}
        />
        <div className="side">
          <Alarms
            alarms={store.alarms}
            known={store.link === "open"}
            mayAcknowledge={session.role !== "viewer"}
            onAcknowledge={async (alarm) => store.replaceAlarm(await api.acknowledge(alarm.id))}
            nowMs={nowMs}
          />
          <Orders
            node={node}
            network={store.network}
            mayOrder={session.role !== "viewer"}
            nowMs={nowMs}
          />
          <Trends store={store} selection={selection} nowMs={nowMs} live={data.live} />
        </div>
        <Setpoints
          reader={reader}
          selection={selection}
          onSelect={select}
          nowMs={nowMs}
        />
      </main>
    </div>
  );
}
