/** What an operator reads of an order: what it asks for, what became of it, how long it lasts. */

import { describe, expect, it } from "vitest";
import { orderOf } from "../src/api/wire.ts";
import { type Order, countdown, stateWords, wish } from "../src/model/orders.ts";

const order = (changed: Partial<Order> = {}): Order => ({
  ...orderOf({
    id: "operator-1",
    source: "operator",
    issued_by: "olga",
    expires_ns: "1795255200000000000",
    reason: "works",
    targets: ["ev-1"],
    limit_w: 5000,
    share: null,
    mode: null,
    armed: null,
    state: "accepted",
    state_reason: "",
    open: true,
    revoked_by: null,
  }),
  ...changed,
});
const END_MS = 1_795_255_200_000;

describe("an order", () => {
  it("says how long it lasts", () => {
    expect(countdown(order(), END_MS - 299_000)).toBe("4:59");
    expect(countdown(order(), END_MS - 3_909_000)).toBe("1:05:09");
    expect(countdown(order(), END_MS - 1)).toBe("0:01");
    expect(countdown(order(), END_MS)).toBe("over");
  });

  it("says what it asks for", () => {
    expect(wish(order())).toBe("at most 5.0 kW");
    expect(wish(order({ limitW: null, share: 0.4 }))).toBe("at most 40 % of the rating");
    expect(wish(order({ limitW: null, mode: "off" }))).toBe("limiting off");
    expect(wish(order({ limitW: null, armed: false }))).toBe("disarmed");
  });

  it("says what became of it", () => {
    expect(stateWords(order({ state: "waiting" }))).toBe("waiting for the node");
    expect(stateWords(order({ state: "in-force" }))).toBe("in force");
    expect(stateWords(order({ revokedBy: "otto" }))).toBe("being revoked by otto");
    expect(stateWords(order({ state: "revoked", open: false, revokedBy: "otto" }))).toBe("revoked");
  });
});
