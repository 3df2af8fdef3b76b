/** Rows of the setpoints table: what each device may do now, and why. */

import { totalPower } from "./figures.ts";
import { limitingOf } from "./limiting.ts";
import type { Device } from "./network.ts";
import type { Reader, Setpoint } from "./station.ts";

export interface SetpointRow {
  readonly device: Device;
  /** Limit in force as read back from the device, W; null when not known now. */
  readonly limitW: number | null;
  readonly share: number | null;
  /** Magnitude, W. */
  readonly powerW: number | null;
  readonly setpoint: Setpoint | null;
  readonly limited: boolean;
  /** Whether it would draw or feed in more than it may. */
  readonly heldBack: boolean;
}

export type SortKey = "device" | "kind" | "limit" | "share" | "power" | "source" | "reason" | "time";

export function setpointRows(reader: Reader): SetpointRow[] {
  return reader.network.devices.map((device) => {
    const { limitW, limited, heldBack } = limitingOf(reader, device);
    const power = totalPower(reader, device.name);
    return {
      device,
      limitW,
      share: limitW === null || device.ratedW <= 0 ? null : limitW / device.ratedW,
      powerW: power === null ? null : Math.abs(power),
      setpoint: reader.setpoint(device.name),
      limited,
      heldBack,
    };
  });
}

const natural = new Intl.Collator("en", { numeric: true });

/** Sorts by a column, or by default: devices held back first, then those limited without
 * effect now, the strongest limit on top. */
export function sortRows(
  rows: readonly SetpointRow[],
  sort: { key: SortKey; down: boolean } | null,
): SetpointRow[] {
  const byName = (a: SetpointRow, b: SetpointRow): number =>
    natural.compare(a.device.name, b.device.name);
  if (sort === null) {
    return [...rows].sort(
      (a, b) =>
        Number(b.heldBack) - Number(a.heldBack) ||
        Number(b.limited) - Number(a.limited) ||
        compare(a.share, b.share) ||
        byName(a, b),
    );
  }
  const sign = sort.down ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [x, y] = [keyOf(a, sort.key), keyOf(b, sort.key)];
    // What is not known stays at the end in both directions.
    if (x === null || y === null) return compare(x, y) || byName(a, b);
    return sign * compare(x, y) || byName(a, b);
  });
}

function keyOf(row: SetpointRow, key: SortKey): string | number | null {
  switch (key) {
    case "device":
      return row.device.name;
    case "kind":
      return row.device.kind;
    case "limit":
      return row.limitW;
    case "share":
      return row.share;
    case "power":
      return row.powerW;
    case "source":
      return row.setpoint?.source ?? null;
    case "reason":
      return row.setpoint?.reason ?? null;
    case "time":
      return row.setpoint?.timeMs ?? null;
  }
}

function compare(a: string | number | null, b: string | number | null): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  if (typeof a === "string" && typeof b === "string") return natural.compare(a, b);
  return Number(a) - Number(b);
}
