/** Setpoints in force with their reasons; limited devices first. */

import { type ReactNode, useState } from "react";
import { setpointRows, sortRows, type SetpointRow, type SortKey } from "../model/setpoints.ts";
import type { Reader, Setpoint } from "../model/station.ts";
import { Adjustments } from "./Adjustments.tsx";
import { clockOrDate, kilowatts, kindName, percent } from "./format.ts";
import type { Selection } from "./selection.ts";
import { ValueMark } from "./ValueMark.tsx";
import { powerLimitPoint } from "../model/points.ts";

interface Props {
  readonly reader: Reader;
  readonly selection: Selection | null;
  readonly onSelect: (selection: Selection) => void;
  readonly nowMs: number;
}

const COLUMNS: readonly { key: SortKey; label: string; number?: boolean }[] = [
  { key: "device", label: "Device" },
  { key: "kind", label: "Kind" },
  { key: "limit", label: "Limit now", number: true },
  { key: "share", label: "Of rating", number: true },
  { key: "power", label: "Power", number: true },
  { key: "source", label: "Source" },
  { key: "reason", label: "Reason" },
  { key: "time", label: "Since" },
];

export function Setpoints({ reader, selection, onSelect, nowMs }: Props): ReactNode {
  const [sort, setSort] = useState<{ key: SortKey; down: boolean } | null>(null);
  const rows = sortRows(setpointRows(reader), sort);
  const choose = (key: SortKey): void => {
    setSort((old) => {
      if (old?.key !== key) return { key, down: false };
      return old.down ? null : { key, down: true };
    });
  };
  return (
    <section className="panel setpoints" aria-label="Setpoints">
      <div className="panel-head">
        <h2>Setpoints</h2>
        <p className="note">{sort === null ? "limited devices first" : `by ${sort.key}`}</p>
      </div>
      <div className="scroll" tabIndex={0} role="region" aria-label="Table of setpoints">
        <table>
          <thead>
            <tr>
              {COLUMNS.map((column) => (
                <th
                  key={column.key}
                  scope="col"
                  className={column.number ? "num" : ""}
                  aria-sort={
                    sort?.key !== column.key ? "none" : sort.down ? "descending" : "ascending"
                  }
                >
                  <button type="button" onClick={() => choose(column.key)}>
                    {column.label}
                    <span aria-hidden="true" className="arrow">
                      {sort?.key !== column.key ? "" : sort.down ? " ▾" : " ▴"}
                    </span>
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <SetpointLine
                key={row.device.name}
                row={row}
                reader={reader}
                nowMs={nowMs}
                chosen={selection?.kind === "device" && selection.name === row.device.name}
                onSelect={onSelect}
              />
            ))}
          </tbody>
        </table>
        <Adjustments reader={reader} nowMs={nowMs} />
      </div>
    </section>
  );
}

function SetpointLine(props: {
  row: SetpointRow;
  reader: Reader;
  nowMs: number;
  chosen: boolean;
  onSelect: (selection: Selection) => void;
}): ReactNode {
  const { row, reader } = props;
  const { device, setpoint } = row;
  const point = powerLimitPoint(device.name);
  return (
    <tr className={`${row.limited ? "limited" : ""} ${props.chosen ? "chosen" : ""}`}>
      <th scope="row">
        <button
          type="button"
          className="place"
          onClick={() => props.onSelect({ kind: "device", name: device.name })}
        >
          {device.name}
        </button>
      </th>
      <td>{kindName(device.kind)}</td>
      <td className="num">
        <ValueMark
          sample={reader.sample(point)}
          standing={reader.standing(point)}
          text={`${kilowatts(reader.last(point))} kW`}
        />
      </td>
      <td className="num">
        <ShareBar share={row.share} />
        {percent(row.share)}
      </td>
      <td className="num">{row.powerW === null ? "–" : `${kilowatts(row.powerW)} kW`}</td>
      <td>{setpoint?.source ?? "–"}</td>
      <td className="reason" title={reasonOf(setpoint)}>
        {reasonOf(setpoint)}
      </td>
      <td>{setpoint === null ? "–" : clockOrDate(setpoint.timeMs, props.nowMs)}</td>
    </tr>
  );
}

/** The reason in words, with the binding elements that it does not name itself. */
function reasonOf(setpoint: Setpoint | null): string {
  if (setpoint === null) return "no setpoint yet";
  const unnamed = setpoint.binding.filter((element) => !setpoint.reason.includes(element));
  return [setpoint.reason || "–", ...unnamed].join(", ");
}

function ShareBar(props: { share: number | null }): ReactNode {
  if (props.share === null) return null;
  return (
    <svg className="share" viewBox="0 0 40 8" width="40" height="8" aria-hidden="true">
      <rect className="gauge-ground" width="40" height="8" />
      <rect className="gauge-fill" width={40 * Math.min(1, props.share)} height="8" />
    </svg>
  );
}
