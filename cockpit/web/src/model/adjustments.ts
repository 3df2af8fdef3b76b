/** What devices and tap changers were told besides limits, in words. */

import type { Adjustment } from "./station.ts";

const QUANTITIES: Readonly<Record<string, string>> = {
  reactive_power: "reactive power",
  voltage: "voltage set point",
};

/** Name of the quantity; one that this page does not know is shown as the node calls it. */
export function quantityName(quantity: string): string {
  return QUANTITIES[quantity] ?? quantity;
}

/** Value with its unit: `1.5 kvar inductive`, `0.0 kvar`, `1.015 pu`. */
export function adjustedTo(adjustment: Adjustment): string {
  const { quantity, value } = adjustment;
  if (quantity === "voltage") return `${value.toFixed(3)} pu`;
  if (quantity !== "reactive_power") return `${value}`;
  const size = (Math.abs(value) / 1000).toFixed(1);
  if (size === "0.0") return `${size} kvar`;
  return `${size} kvar ${value > 0 ? "inductive" : "capacitive"}`;
}
