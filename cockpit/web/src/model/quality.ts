/**
 * Quality, origin and freshness of a value, as the screen has to tell them apart.
 *
 * Bit layout of the quality: IEC 61850-7-3 clause 6.2 in the order of IEC 61850-8-1, as in
 * `ortsnetz_common.measurement.quality`.
 */

export type Origin = "measured" | "estimated" | "pseudo" | "forecast" | "manual" | "substituted";

export const ORIGINS: readonly Origin[] = [
  "measured",
  "estimated",
  "pseudo",
  "forecast",
  "manual",
  "substituted",
];

/** One value of one point; `value` is null where there is none, and null is never good. */
export interface Sample {
  readonly value: number | null;
  readonly quality: number;
  readonly origin: Origin;
  /** Source time, milliseconds since 1970 (UTC). */
  readonly timeMs: number;
  /**
   * When the node last said that the value holds. Devices that report changes keep the time of the
   * change with a value; it is not old for that. Without it the source time counts.
   */
  readonly confirmedMs?: number;
}

/** What an operator may make of a value. Only `good` may look live. */
export type Standing = "good" | "questionable" | "invalid" | "stale" | "missing";

const VALIDITY = 0b11;
const QUESTIONABLE = 0b11;

const DETAILS: readonly (readonly [number, string])[] = [
  [1 << 2, "overflow"],
  [1 << 3, "out of range"],
  [1 << 4, "bad reference"],
  [1 << 5, "oscillatory"],
  [1 << 6, "failure"],
  [1 << 7, "old data"],
  [1 << 8, "inconsistent"],
  [1 << 9, "inaccurate"],
  [1 << 10, "substituted"],
  [1 << 11, "test"],
  [1 << 12, "operator blocked"],
];
const TEST_OR_BLOCKED = (1 << 11) | (1 << 12);

/** Validity of a quality bit string; the reserved pattern counts as invalid. */
export function validity(quality: number): "good" | "questionable" | "invalid" {
  const bits = quality & VALIDITY;
  if (bits === 0) return "good";
  return bits === QUESTIONABLE ? "questionable" : "invalid";
}

/** Quality in words: `invalid (failure, old data)`. */
export function describeQuality(quality: number): string {
  const details = DETAILS.filter(([bit]) => (quality & bit) !== 0).map(([, word]) => word);
  const word = validity(quality);
  return details.length > 0 ? `${word} (${details.join(", ")})` : word;
}

/**
 * What a sample is worth at this moment.
 *
 * @param nowMs the station's newest instant, or the clock's where data has stopped coming
 * @param staleAfterMs age at which a value no longer counts as live
 */
export function standingOf(
  sample: Sample | undefined,
  nowMs: number,
  staleAfterMs: number,
): Standing {
  if (sample === undefined || sample.value === null) {
    return sample !== undefined && validity(sample.quality) === "invalid" ? "invalid" : "missing";
  }
  const word = validity(sample.quality);
  if (word === "invalid") return "invalid";
  if (nowMs - (sample.confirmedMs ?? sample.timeMs) > staleAfterMs) return "stale";
  if (word === "questionable" || (sample.quality & TEST_OR_BLOCKED) !== 0) return "questionable";
  return "good";
}

/** Whether a number may be computed from it: test values and blocked values may not. */
export function isUsable(sample: Sample | undefined): sample is Sample & { value: number } {
  return (
    sample !== undefined &&
    sample.value !== null &&
    validity(sample.quality) === "good" &&
    (sample.quality & TEST_OR_BLOCKED) === 0
  );
}
