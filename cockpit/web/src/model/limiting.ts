/** Whether a device is limited, and whether that holds it back. */

import type { Device } from "./network.ts";
import { availablePowerPoint, powerLimitPoint } from "./points.ts";
import type { Reader } from "./station.ts";

/**
 * A limit read back in W is amperes times the voltage of the moment, in steps of an ampere: up to a
 * tenth below the rating it says nothing. The setpoint's source then tells whether it is meant.
 */
const SURELY_BELOW = 0.9;
/** A device that wants this much more than its limit is held back; less is the same rounding. */
const HELD_BACK = 1.04;
const LEAST_HELD_W = 50;

export interface Limiting {
  /** Limit in force as read back, W; null when it is not known now. */
  readonly limitW: number | null;
  readonly limited: boolean;
  /** Whether it would draw or feed in more than it may. */
  readonly heldBack: boolean;
}

export function limitingOf(reader: Reader, device: Device): Limiting {
  const limitW = reader.usable(powerLimitPoint(device.name));
  if (limitW === null) return { limitW, limited: false, heldBack: false };
  const setpoint = reader.setpoint(device.name);
  const meant =
    setpoint !== null && setpoint.source !== "none" && setpoint.limitW < device.ratedW - LEAST_HELD_W;
  const limited = meant || limitW < SURELY_BELOW * device.ratedW;
  const available = reader.usable(availablePowerPoint(device.name));
  const more = available !== null && available > HELD_BACK * limitW + LEAST_HELD_W;
  return { limitW, limited, heldBack: limited && more };
}
