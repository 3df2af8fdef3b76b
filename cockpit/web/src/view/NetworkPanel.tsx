/** The network panel: the drawing with its tools, its legend and the details of what is selected. */

import { type ReactNode, useLayoutEffect, useMemo, useRef, useState } from "react";
import { layoutOf } from "../model/layout.ts";
import type { Network, Tree } from "../model/network.ts";
import { branchState, deviceState, nodeState } from "../model/states.ts";
import type { Reader } from "../model/station.ts";
import { Details } from "./Details.tsx";
import { Drawing, type Hover } from "./Drawing.tsx";
import { percent, perUnit } from "./format.ts";
import { Legend } from "./Legend.tsx";
import { type Plan, geographicPlan, singleLinePlan } from "./plan.ts";
import { type Selection, keyOf } from "./selection.ts";

interface Props {
  readonly reader: Reader;
  readonly tree: Tree | null;
  readonly live: boolean;
  readonly selection: Selection | null;
  readonly onSelect: (selection: Selection | null) => void;
}

type View = "single-line" | "geographic";
const ZOOMS = [1, 1.4, 2, 2.8, 4];
/** Zoom that shows the whole of a network which does not fit at its natural size. */
const WHOLE = -1;

export function NetworkPanel(props: Props): ReactNode {
  const { reader, tree, selection, onSelect } = props;
  const { network } = reader;
  const [view, setView] = useState<View>("single-line");
  const [zoom, setZoom] = useState(0);
  const [hover, setHover] = useState<Hover | null>(null);
  const { host, space } = useSpace();
  const plans = usePlans(network, tree, space, ZOOMS[zoom] ?? 1);
  const plan = view === "geographic" && plans.geographic !== null ? plans.geographic : plans.single;
  const fit = plan === null ? 1 : Math.min(space.width / plan.width, space.height / plan.height);
  const smallest = fit < 0.99 || zoom === WHOLE ? WHOLE : 0;

  return (
    <section className={`panel network ${props.live ? "" : "stale"}`} aria-label="Network">
      <div className="panel-head">
        <h2>Network</h2>
        <Find network={network} onSelect={onSelect} />
        {plans.geographic === null ? null : (
          <div className="toggle" role="group" aria-label="Kind of drawing">
            {(["single-line", "geographic"] as const).map((kind) => (
              <button
                key={kind}
                type="button"
                aria-pressed={view === kind}
                onClick={() => setView(kind)}
              >
                {kind}
              </button>
            ))}
          </div>
        )}
        <div className="toggle" role="group" aria-label="Size of the drawing">
          <button
            type="button"
            aria-label="Smaller"
            disabled={zoom <= smallest}
            onClick={() => setZoom(zoom - 1)}
          >
            −
          </button>
          <button
            type="button"
            aria-label="Larger"
            disabled={zoom === ZOOMS.length - 1}
            onClick={() => setZoom(zoom + 1)}
          >
            +
          </button>
        </div>
      </div>
      <div className="stage">
        <div className="canvas" ref={host}>
          {plan === null || tree === null ? (
            <p className="note">The station has told no network yet.</p>
          ) : (
            <Drawing
              plan={plan}
              scale={zoom === WHOLE ? Math.min(1, fit) : 1}
              reader={reader}
              tree={tree}
              selection={selection}
              onSelect={onSelect}
              onHover={setHover}
            />
          )}
        </div>
        {selection === null ? null : (
          <Details
            reader={reader}
            selection={selection}
            onClose={() => onSelect(null)}
          />
        )}
      </div>
      <Legend limits={network.limits} />
      {hover === null ? null : <Tip hover={hover} reader={reader} />}
    </section>
  );
}

function useSpace(): {
  host: React.RefObject<HTMLDivElement | null>;
  space: { width: number; height: number };
} {
  const host = useRef<HTMLDivElement>(null);
  const [space, setSpace] = useState({ width: 900, height: 480 });
  useLayoutEffect(() => {
    const element = host.current;
    if (element === null) return;
    const measure = (): void => {
      const { clientWidth: width, clientHeight: height } = element;
      setSpace((old) => (old.width === width && old.height === height ? old : { width, height }));
    };
    measure();
    const watcher = new ResizeObserver(measure);
    watcher.observe(element);
    return () => watcher.disconnect();
  }, []);
  return { host, space };
}

function usePlans(
  network: Network,
  tree: Tree | null,
  space: { width: number; height: number },
  zoom: number,
): { single: Plan | null; geographic: Plan | null } {
  const layout = useMemo(() => (tree === null ? null : layoutOf(tree)), [tree]);
  return useMemo(
    () => ({
      single:
        tree === null || layout === null
          ? null
          : singleLinePlan(network, tree, layout, space, zoom),
      geographic: tree === null ? null : geographicPlan(network, tree, space, zoom),
    }),
    [network, tree, layout, space, zoom],
  );
}

/** Finds an element by its name, also without a mouse. */
function Find(props: { network: Network; onSelect: (selection: Selection) => void }): ReactNode {
  const { network } = props;
  const names = useMemo(() => {
    const found = new Map<string, Selection>();
    for (const b of network.branches) found.set(b.name || `branch ${b.id}`, { kind: "branch", id: b.id });
    for (const n of network.nodes) found.set(n.name || `node ${n.id}`, { kind: "node", id: n.id });
    for (const d of network.devices) found.set(d.name, { kind: "device", name: d.name });
    return found;
  }, [network]);
  const [text, setText] = useState("");
  return (
    <label className="find">
      <span className="caption">Find</span>
      <input
        list="elements"
        value={text}
        placeholder="name of a node, cable or device"
        onChange={(event) => {
          setText(event.target.value);
          const found = names.get(event.target.value);
          if (found !== undefined) {
            props.onSelect(found);
            setText("");
          }
        }}
      />
      <datalist id="elements">
        {[...names.keys()].map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </label>
  );
}

function Tip({ hover, reader }: { hover: Hover; reader: Reader }): ReactNode {
  const place = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = place.current;
    if (element === null) return;
    const right = hover.x + element.offsetWidth + 24 > window.innerWidth;
    element.style.left = `${right ? hover.x - element.offsetWidth - 14 : hover.x + 14}px`;
    element.style.top = `${hover.y + 14}px`;
  });
  const { title, words } = tipOf(hover.selection, reader);
  return (
    <div className="tip" ref={place} role="tooltip" key={keyOf(hover.selection)}>
      <strong>{title}</strong>
      <span>{words}</span>
    </div>
  );
}

function tipOf(selection: Selection, reader: Reader): { title: string; words: string } {
  const { network } = reader;
  switch (selection.kind) {
    case "node": {
      const node = network.nodes.find((n) => n.id === selection.id);
      if (node === undefined) return { title: "", words: "" };
      const { grade, uPu } = nodeState(reader, node, network.limits);
      return { title: node.name, words: wordsOf(grade, `${perUnit(uPu)} pu`) };
    }
    case "branch": {
      const branch = network.branches.find((b) => b.id === selection.id);
      const { grade, loading } = branchState(reader, selection.id, network.limits);
      return { title: branch?.name ?? "", words: wordsOf(grade, `loading ${percent(loading, 1)}`) };
    }
    case "device": {
      const device = network.devices.find((d) => d.name === selection.name);
      if (device === undefined) return { title: "", words: "" };
      const { standing, allowed, active } = deviceState(reader, device);
      const idle = active === false ? (device.kind === "ev" ? ", no car charging" : ", idle") : "";
      const words =
        standing === "good" ? `may use ${percent(allowed)} of its rating${idle}` : `limit ${standing}`;
      return { title: device.name, words };
    }
  }
}

function wordsOf(grade: string, value: string): string {
  switch (grade) {
    case "stale":
      return `stale, was ${value}`;
    case "unknown":
      return "no value";
    case "high":
      return `${value}, above the limit`;
    case "low":
      return `${value}, below the limit`;
    case "near":
      return `${value}, near the limit`;
    default:
      return value;
  }
}
