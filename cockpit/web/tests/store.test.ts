import { beforeEach, describe, expect, it } from "vitest";
import { backoffMs } from "../src/api/backoff.ts";
import { adjustedTo, quantityName } from "../src/model/adjustments.ts";
import { StationStore } from "../src/model/store.ts";
import { loadingLine } from "../src/model/lines.ts";
import { NOW, radial } from "./grid.ts";

const POINT = "branch-1000/Loading";
let steady = 0;
let wall = NOW;
let store: StationStore;

function pass(ms: number): void {
  steady += ms;
  wall += ms;
}

function arrive(timeMs: number, full = false, value: number | null = 0.5): void {
  const quality = value === null ? 1 : 0;
  store.accept({
    type: "live",
    node: "ons-1",
    full,
    points: { [POINT]: { value, quality, origin: "estimated", time_ns: `${timeMs}000000` } },
  });
}

beforeEach(() => {
  steady = 1000;
  wall = NOW;
  store = new StationStore("ons-1", radial([1, 2]), { wall: () => wall, steady: () => steady });
});

describe("what devices were told besides limits", () => {
  const adjusted = [
    {
      device: "pv-1",
      quantity: "reactive_power",
      value: 1500,
      reason: "Q(U) at 1.06 pu",
      time_ns: `${NOW}000000`,
    },
  ];

  it("is read beside the setpoints, for the present and for what was", () => {
    store.accept({ type: "setpoints", node: "ons-1", setpoints: [], adjusted });
    store.accept({ type: "setpoints", node: "ons-2", setpoints: [], adjusted: [] });
    const told = { ...adjusted[0], time_ns: undefined, timeMs: NOW };
    expect(store.reader().adjustments).toEqual([told]);
    expect(store.lastReader().adjustments).toEqual([told]);
  });

  it("has units and a direction in words", () => {
    const words = (quantity: string, value: number): string =>
      adjustedTo({ device: "pv-1", quantity, value, reason: "", timeMs: NOW });
    expect(words("reactive_power", 1500)).toBe("1.5 kvar inductive");
    expect(words("reactive_power", -2500)).toBe("2.5 kvar capacitive");
    expect(words("reactive_power", -20)).toBe("0.0 kvar");
    expect(words("voltage", 1.015)).toBe("1.015 pu");
    expect(words("angle", 3)).toBe("3");
    expect(quantityName("voltage")).toBe("voltage set point");
    expect(quantityName("angle")).toBe("angle");
  });
});

describe("a station", () => {
  it("is live while values come", () => {
    store.setLink("open");
    arrive(NOW, true);
    expect(store.dataState().live).toBe(true);
    expect(store.reader().usable(POINT)).toBe(0.5);
  });

  it("is stale at once when the connection is lost", () => {
    store.setLink("open");
    arrive(NOW, true);
    store.setLink("lost");
    expect(store.dataState()).toMatchObject({ live: false, lastValueMs: NOW });
    expect(store.reader().standing(POINT)).toBe("stale");
    expect(store.reader().usable(POINT)).toBeNull();
  });

  it("is stale when values stop although the connection stands", () => {
    store.setLink("open");
    arrive(NOW, true);
    pass(6000);
    expect(store.dataState()).toMatchObject({ live: false, why: "the station sends no values" });
    arrive(NOW + 6000);
    expect(store.dataState().live).toBe(true);
  });

  it("shows what has not changed for an hour as live while the node says that it holds", () => {
    const idle = "node-1/MMXU1.PhV.phsA";
    const said = (timeMs: number) => ({ value: 1, quality: 0, origin: "measured", time_ns: `${timeMs}000000` });
    store.setLink("open");
    arrive(NOW, true);
    const changed = NOW - 3_600_000;
    store.accept({
      type: "live",
      node: "ons-1",
      full: false,
      points: { [POINT]: said(NOW), [idle]: said(changed) },
    });
    expect(store.reader().standing(idle)).toBe("good");
    pass(6000);
    arrive(NOW + 6000);
    expect(store.reader().standing(idle)).toBe("stale");
  });

  it("does not take last week's values for live when the page opens", () => {
    store.setLink("open");
    arrive(NOW - 7 * 86_400_000, true);
    expect(store.dataState().live).toBe(false);
  });

  it("does not take a backlog for the present", () => {
    store.setLink("open");
    arrive(NOW - 600_000);
    expect(store.dataState().why).toContain("late");
  });

  it("ages one value while the others go on", () => {
    store.setLink("open");
    arrive(NOW, true);
    pass(7000);
    store.accept({
      type: "live",
      node: "ons-1",
      full: false,
      points: { other: { value: 1, quality: 0, origin: "measured", time_ns: `${NOW + 7000}000000` } },
    });
    expect(store.dataState().live).toBe(true);
    expect(store.reader().standing(POINT)).toBe("stale");
    expect(store.reader().standing("other")).toBe("good");
  });

  it("feeds its trends with gaps for invalid values", () => {
    store.setLink("open");
    const track = store.track(loadingLine(1000));
    arrive(NOW, true, 0.4);
    arrive(NOW + 1000, false, null);
    arrive(NOW + 2000, false, 0.6);
    expect(track.curve.v).toEqual([0.4, null, 0.6]);
  });

  it("hears nothing of other stations", () => {
    store.setLink("open");
    store.accept({ type: "live", node: "ons-2", full: true, points: {} });
    expect(store.dataState().why).toContain("not sent values yet");
  });
});

describe("back-off", () => {
  it("grows to a bound and never is zero", () => {
    const longest = [0, 1, 2, 5, 50].map((attempt) => backoffMs(attempt, 1));
    expect(longest).toEqual([...longest].sort((a, b) => a - b));
    expect(longest.at(-1)).toBeLessThan(12_000);
    expect(backoffMs(0, 0)).toBeGreaterThanOrEqual(500);
  });
});
