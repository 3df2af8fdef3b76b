/** Reactive power and voltages that devices and tap changers were told, with their reasons. */

import type { ReactNode } from "react";
import { adjustedTo, quantityName } from "../model/adjustments.ts";
import type { Reader } from "../model/station.ts";
import { clockOrDate } from "./format.ts";

interface Props {
  readonly reader: Reader;
  readonly nowMs: number;
}

export function Adjustments({ reader, nowMs }: Props): ReactNode {
  if (reader.adjustments.length === 0) return null;
  return (
    <table className="adjustments" aria-label="Told besides limits">
      <thead>
        <tr>
          <th scope="col">Device</th>
          <th scope="col">Besides its limit</th>
          <th scope="col">Told</th>
          <th scope="col">Reason</th>
          <th scope="col">Since</th>
        </tr>
      </thead>
      <tbody>
        {reader.adjustments.map((one) => (
          <tr key={`${one.device} ${one.quantity}`}>
            <th scope="row">{one.device}</th>
            <td>{quantityName(one.quantity)}</td>
            <td>{adjustedTo(one)}</td>
            <td className="reason" title={one.reason}>
              {one.reason || "–"}
            </td>
            <td>{clockOrDate(one.timeMs, nowMs)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
