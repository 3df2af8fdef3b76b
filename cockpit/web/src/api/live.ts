/** The push connection: opens, watches for silence, and comes back with back-off. */

import type { LinkState } from "../model/station.ts";
import { backoffMs } from "./backoff.ts";
import { ApiError, api } from "./client.ts";
import type { LiveMessage } from "./wire.ts";

/** After this long without a message the cockpit is asked whether it is there: the peer may be dead. */
const SILENCE_MS = 6_000;
const CLOSE_NO_SESSION = 4401;

export interface LiveEvents {
  onMessage(message: LiveMessage): void;
  onLink(state: LinkState): void;
  /** The session is over: the page has to ask for a log-in. */
  onNoSession(): void;
}

export class LiveFeed {
  private readonly node: string;
  private readonly events: LiveEvents;
  private socket: WebSocket | null = null;
  private retry: number | undefined;
  private silence: number | undefined;
  private attempt = 0;
  private closed = false;

  constructor(node: string, events: LiveEvents) {
    this.node = node;
    this.events = events;
    this.open();
  }

  close(): void {
    this.closed = true;
    window.clearTimeout(this.retry);
    window.clearTimeout(this.silence);
    this.socket?.close();
  }

  private open(): void {
    this.events.onLink(this.attempt === 0 ? "connecting" : "lost");
    const scheme = window.location.protocol === "https:" ? "wss" : "ws";
    const address = `${scheme}://${window.location.host}/ws/live`;
    const socket = new WebSocket(`${address}?node=${encodeURIComponent(this.node)}`);
    this.socket = socket;
    this.awaitWords();
    socket.onmessage = (event: MessageEvent<string>) => {
      if (socket !== this.socket || this.closed) return;
      this.awaitWords();
      this.attempt = 0;
      this.events.onLink("open");
      this.events.onMessage(JSON.parse(event.data) as LiveMessage);
    };
    socket.onclose = (event) => {
      if (socket === this.socket) this.lost(event.code === CLOSE_NO_SESSION);
    };
  }

  private awaitWords(): void {
    window.clearTimeout(this.silence);
    this.silence = window.setTimeout(() => void this.probe(), SILENCE_MS);
  }

  /** A silent peer is alive (a station may have nothing to say) or gone without a closing frame. */
  private async probe(): Promise<void> {
    const socket = this.socket;
    try {
      await api.session();
      if (socket === this.socket && socket?.readyState === WebSocket.OPEN) this.awaitWords();
      else if (socket === this.socket) this.lost(false);
    } catch (error) {
      if (socket === this.socket) this.lost(error instanceof ApiError && error.status === 401);
    }
  }

  private lost(noSession: boolean): void {
    if (this.closed) return;
    const socket = this.socket;
    this.socket = null;
    socket?.close();
    window.clearTimeout(this.silence);
    this.events.onLink("lost");
    if (noSession) {
      this.closed = true;
      this.events.onNoSession();
      return;
    }
    const wait = backoffMs(this.attempt, Math.random());
    this.attempt += 1;
    this.retry = window.setTimeout(() => this.open(), wait);
  }
}
