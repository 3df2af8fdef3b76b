/** Orders to a node, and how long they still last. */

export interface Order {
  readonly id: string;
  readonly source: string;
  readonly issuedBy: string;
  readonly expiresMs: number;
  readonly reason: string;
  readonly targets: readonly string[];
  readonly limitW: number | null;
  readonly share: number | null;
  readonly mode: string | null;
  readonly armed: boolean | null;
  readonly state: string;
  readonly stateReason: string;
  readonly open: boolean;
  readonly revokedBy: string | null;
}

/** What an operator fills in; power in W, duration in s. */
export interface NewOrder {
  readonly targets: readonly string[];
  readonly limit_w: number;
  readonly duration_s: number;
  readonly reason: string;
}

/** What an order asks for, in words. */
export function wish(order: Order): string {
  if (order.limitW !== null) return `at most ${(order.limitW / 1000).toFixed(1)} kW`;
  if (order.share !== null) return `at most ${(order.share * 100).toFixed(0)} % of the rating`;
  if (order.mode !== null) return `limiting ${order.mode}`;
  return order.armed === true ? "armed" : "disarmed";
}

/** What became of it, in words. */
export function stateWords(order: Order): string {
  if (order.open && order.revokedBy !== null) return `being revoked by ${order.revokedBy}`;
  if (order.state === "waiting") return "waiting for the node";
  if (order.state === "in-force") return "in force";
  return order.state;
}

/** Time left, `1:05:09` or `4:59`; `over` where there is none. */
export function countdown(order: Order, nowMs: number): string {
  const left = Math.ceil((order.expiresMs - nowMs) / 1000);
  if (left <= 0) return "over";
  const two = (n: number): string => String(n).padStart(2, "0");
  const hours = Math.floor(left / 3600);
  const minutes = Math.floor((left % 3600) / 60);
  const seconds = two(left % 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${seconds}` : `${minutes}:${seconds}`;
}
