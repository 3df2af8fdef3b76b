/** The few numbers that say how the substation is. */

import type { ReactNode } from "react";
import {
  type KindPower,
  type LimitedCount,
  type VoltageRange,
  type HighestLoading,
  highestLoading,
  limitedCount,
  powerOfKind,
  transformerLoading,
  voltageRange,
} from "../model/figures.ts";
import type { Network } from "../model/network.ts";
import type { Origin } from "../model/quality.ts";
import type { Reader } from "../model/station.ts";
import { kilowatts, kindName, percent, perUnit } from "./format.ts";
import type { Selection } from "./selection.ts";
import { OriginMark } from "./ValueMark.tsx";

interface Props {
  readonly reader: Reader;
  /** The values as they stood last, while there are none now; else null. */
  readonly last: Reader | null;
  readonly onSelect: (selection: Selection) => void;
}

const PHASE_LETTERS = ["A", "B", "C"];

export function KeyFigures({ reader, last, onSelect }: Props): ReactNode {
  const { network } = reader;
  const cables = network.branches.filter((b) => b.kind !== "transformer");
  const was = <T,>(read: (from: Reader) => T): T | null => (last === null ? null : read(last));
  return (
    <section className="figures" aria-label="Key figures">
      <LoadingFigure
        name="Transformer loading"
        testId="transformer-loading"
        found={transformerLoading(reader)}
        was={was(transformerLoading)?.loading ?? null}
        limit={network.limits?.loading ?? null}
        place={({ origin }) =>
          origin === "estimated" ? "largest phase or neutral" : "largest phase; no estimate now"
        }
        onSelect={onSelect}
      />
      <LoadingFigure
        name="Highest cable loading"
        testId="cable-loading"
        found={highestLoading(reader, cables)}
        was={was((r) => highestLoading(r, cables))?.loading ?? null}
        limit={network.limits?.loading ?? null}
        place={({ branch }) => branch.name || `branch ${branch.id}`}
        onSelect={onSelect}
      />
      {(["highest", "lowest"] as const).map((which) => (
        <VoltageFigure
          key={which}
          which={which}
          range={voltageRange(reader)}
          was={was((r) => voltageRange(r)[which]?.value ?? null)}
          network={network}
          onSelect={onSelect}
        />
      ))}
      {["ev", "pv"].map((kind) => (
        <PowerFigure
          key={kind}
          kind={kind}
          power={powerOfKind(reader, kind)}
          was={was((r) => powerOfKind(r, kind).nowW)}
        />
      ))}
      <LimitedFigure count={limitedCount(reader)} was={was(limitedCount)} />
    </section>
  );
}

/** Name of a figure with the letter of its origin. */
function Heading(props: { name: string; origin: Origin | null }): ReactNode {
  return (
    <h2>
      {props.name}
      {props.origin === null ? null : <OriginMark origin={props.origin} />}
    </h2>
  );
}

/** What stands under a figure that has no value now. */
function Was(props: { text: string | null }): ReactNode {
  return props.text === null ? "no value now" : <>no value now, was {props.text}</>;
}

function LimitedFigure(props: { count: LimitedCount; was: LimitedCount | null }): ReactNode {
  const { count, was } = props;
  const unknown = count.total - count.known;
  return (
    <div className="figure">
      <Heading name="Devices limited" origin={count.known === 0 ? null : "measured"} />
      <p className="number" data-testid="limited">
        {count.known === 0 ? "–" : count.limited}
        <small> of {count.total}</small>
      </p>
      <p className="note">
        {count.known === 0 ? (
          <Was text={was === null || was.known === 0 ? null : `${was.limited}`} />
        ) : (
          <>
            {count.heldBack} held back now{unknown > 0 ? `, ${unknown} not known` : ""}
          </>
        )}
      </p>
    </div>
  );
}

function LoadingFigure(props: {
  name: string;
  testId: string;
  found: HighestLoading | null;
  was: number | null;
  limit: number | null;
  place: (found: HighestLoading) => string;
  onSelect: (selection: Selection) => void;
}): ReactNode {
  const { found, limit } = props;
  const over = found !== null && limit !== null && found.loading > limit;
  return (
    <div className={`figure ${over ? "violated" : ""}`}>
      <Heading name={props.name} origin={found?.origin ?? null} />
      <p className="number" data-testid={props.testId}>
        {over ? <Violation path="M0 -7.5 L7.5 0 L0 7.5 L-7.5 0 Z" /> : null}
        {percent(found?.loading ?? null, 1)}
      </p>
      <Gauge
        low={0}
        high={1.25 * (limit ?? 1)}
        value={found?.loading ?? null}
        marks={limit === null ? [] : [limit]}
        from={0}
      />
      <p className="note">
        {found === null ? (
          <Was text={props.was === null ? null : percent(props.was, 1)} />
        ) : (
          <button
            type="button"
            className="place"
            onClick={() => props.onSelect({ kind: "branch", id: found.branch.id })}
          >
            {over ? "above the limit: " : ""}
            {props.place(found)}
          </button>
        )}
      </p>
    </div>
  );
}

function VoltageFigure(props: {
  which: "highest" | "lowest";
  range: VoltageRange;
  was: number | null;
  network: Network;
  onSelect: (selection: Selection) => void;
}): ReactNode {
  const extreme = props.range[props.which];
  const { network } = props;
  const band = network.limits?.uPu ?? null;
  const value = extreme?.value ?? null;
  const above = band !== null && value !== null && value > band[1];
  const below = band !== null && value !== null && value < band[0];
  const place = network.nodes.find((n) => n.id === extreme?.place);
  const [low, high] = band ?? [0.9, 1.1];
  const spare = (high - low) * 0.25;
  return (
    <div className={`figure ${above || below ? "violated" : ""}`}>
      <Heading
        name={props.which === "highest" ? "Highest voltage" : "Lowest voltage"}
        origin={extreme === null ? null : props.range.origin}
      />
      <p className="number" data-testid={`${props.which}-voltage`}>
        {above ? <Violation path="M0 -8 L7.5 5.5 H-7.5 Z" /> : null}
        {below ? <Violation path="M0 8 L7.5 -5.5 H-7.5 Z" /> : null}
        {perUnit(value)}
        <small> pu</small>
      </p>
      <Gauge low={low - spare} high={high + spare} value={value} marks={band ?? []} from={1} />
      <p className="note">
        {extreme === null || place === undefined ? (
          <Was text={props.was === null ? null : perUnit(props.was)} />
        ) : (
          <button
            type="button"
            className="place"
            onClick={() => props.onSelect({ kind: "node", id: place.id })}
          >
            {place.name}
            {extreme.phase === null ? "" : `, phase ${PHASE_LETTERS[extreme.phase] ?? ""}`}
            {props.range.known < props.range.total
              ? `; ${props.range.total - props.range.known} nodes not known`
              : ""}
          </button>
        )}
      </p>
    </div>
  );
}

function PowerFigure(props: { kind: string; power: KindPower; was: number | null }): ReactNode {
  const { nowW, unlimitedW, known, total } = props.power;
  const most = Math.max(unlimitedW ?? 0, nowW ?? 0, 1);
  return (
    <div className="figure">
      <Heading name={kindName(props.kind)} origin={nowW === null ? null : "measured"} />
      <p className="number" data-testid={`${props.kind}-power`}>
        {kilowatts(nowW)}
        <small> kW</small>
      </p>
      <Gauge low={0} high={most} value={nowW} marks={[]} from={0} />
      <p className="note">
        {total === 0 ? (
          "no such devices"
        ) : unlimitedW === null ? (
          <Was text={props.was === null ? null : `${kilowatts(props.was)} kW`} />
        ) : (
          `of ${kilowatts(unlimitedW)} kW without limits`
        )}
        {known > 0 && known < total ? `; ${total - known} not known` : ""}
      </p>
    </div>
  );
}

function Violation(props: { path: string }): ReactNode {
  return (
    <svg className="violation-mark" viewBox="-9 -9 18 18" width="18" height="18" aria-hidden="true">
      <path d={props.path} />
    </svg>
  );
}

/** A bar with marks at the limits; empty where there is no value. */
function Gauge(props: {
  low: number;
  high: number;
  from: number;
  value: number | null;
  marks: readonly number[];
}): ReactNode {
  const at = (value: number): number =>
    Math.max(0, Math.min(100, (100 * (value - props.low)) / (props.high - props.low)));
  const zero = at(props.from);
  const end = props.value === null ? zero : at(props.value);
  return (
    <svg className="gauge" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
      <rect className="gauge-ground" x={0} y={1} width={100} height={4} />
      <rect
        className="gauge-fill"
        x={Math.min(zero, end)}
        y={1}
        width={Math.max(Math.abs(end - zero), props.value === null ? 0 : 0.8)}
        height={4}
      />
      {props.marks.map((mark) => (
        <rect key={mark} className="gauge-mark" x={at(mark) - 0.4} y={0} width={0.8} height={6} />
      ))}
    </svg>
  );
}
