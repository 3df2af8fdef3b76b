/** Requests to the cockpit. Every request has a deadline; every error is a sentence. */

import type { Network } from "../model/network.ts";
import type { NewOrder, Order } from "../model/orders.ts";
import type { AgentEntry, Alarm } from "../model/station.ts";
import {
  type WireAgent,
  type WireAlarm,
  type WireNetwork,
  type WireOrder,
  type WireSeries,
  agentOf,
  alarmOf,
  networkOf,
  orderOf,
} from "./wire.ts";

const DEADLINE_MS = 15_000;
/** The server's bound on points in one request for series. */
export const SERIES_POINTS = 20;

export interface Session {
  readonly user: string;
  readonly role: string;
}

/** A refused or failed request; `status` is 0 when no answer came. */
export class ApiError extends Error {
  readonly status: number;
  readonly retryAfterS: number | null;

  constructor(status: number, message: string, retryAfterS: number | null = null) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.retryAfterS = retryAfterS;
  }
}

async function request<T>(method: string, path: string, body?: unknown): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(`/api/v1${path}`, {
      method,
      credentials: "same-origin",
      headers: {
        "X-Requested-With": "ortsnetz",
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      signal: AbortSignal.timeout(DEADLINE_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch {
    throw new ApiError(0, "The cockpit does not answer.");
  }
  if (!answer.ok) throw await errorOf(answer);
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}

async function errorOf(answer: Response): Promise<ApiError> {
  let detail = `the cockpit answered ${answer.status}`;
  try {
    const body = (await answer.json()) as { detail?: unknown };
    if (typeof body.detail === "string") detail = body.detail;
  } catch {
    // no JSON in the answer: the status has to do
  }
  const retry = Number(answer.headers.get("Retry-After") ?? Number.NaN);
  return new ApiError(answer.status, detail, Number.isFinite(retry) ? retry : null);
}

const at = (node: string): string => `/nodes/${encodeURIComponent(node)}`;

export const api = {
  session: (): Promise<Session> => request("GET", "/session"),

  logIn: (user: string, password: string, newPassword?: string): Promise<Session> =>
    request("POST", "/session", {
      user,
      password,
      ...(newPassword === undefined ? {} : { new_password: newPassword }),
    }),

  logOut: (): Promise<void> => request("DELETE", "/session"),

  agents: async (): Promise<AgentEntry[]> =>
    (await request<WireAgent[]>("GET", "/nodes")).map(agentOf),

  network: async (node: string): Promise<Network> =>
    networkOf(await request<WireNetwork>("GET", `${at(node)}/network`)),

  /** Names of all points that the node has told. */
  points: async (node: string): Promise<ReadonlySet<string>> => {
    const points = await request<{ name: string }[]>("GET", `${at(node)}/points`);
    return new Set(points.map((p) => p.name));
  },

  series: async (
    node: string,
    points: readonly string[],
    fromMs: number,
    maxPoints: number,
  ): Promise<WireSeries[]> => {
    const query = new URLSearchParams(points.map((p) => ["point", p]));
    query.set("from", new Date(fromMs).toISOString());
    query.set("max_points", String(maxPoints));
    const answer = await request<{ series: WireSeries[] }>("GET", `${at(node)}/series?${query}`);
    return answer.series;
  },

  openOrders: async (node: string): Promise<Order[]> =>
    (await request<WireOrder[]>("GET", `${at(node)}/orders?open=true`)).map(orderOf),

  giveOrder: async (node: string, order: NewOrder): Promise<Order> =>
    orderOf(await request<WireOrder>("POST", `${at(node)}/orders`, order)),

  revokeOrder: async (node: string, id: string): Promise<Order> =>
    orderOf(await request<WireOrder>("DELETE", `${at(node)}/orders/${encodeURIComponent(id)}`)),

  acknowledge: async (alarm: number): Promise<Alarm> =>
    alarmOf(await request<WireAlarm>("POST", `/alarms/${alarm}/acknowledge`)),
};
