/** Waiting times between attempts to connect: full jitter, so that screens do not return at once. */

const BASE = 1.6;
const LONGEST_EXPONENT = 5;
const SHORTEST_MS = 500;

/** @param random a number from 0 to 1, given so that a test can choose it */
export function backoffMs(attempt: number, random: number): number {
  const ceiling = 1000 * BASE ** Math.min(attempt, LONGEST_EXPONENT);
  return SHORTEST_MS + random * ceiling;
}
