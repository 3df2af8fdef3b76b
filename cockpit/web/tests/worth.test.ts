import { describe, expect, it } from "vitest";
import { sampleOf } from "../src/api/wire.ts";
import { limitedCount, powerOfKind, transformerLoading, voltageRange } from "../src/model/figures.ts";
import { describeQuality, standingOf, validity } from "../src/model/quality.ts";
import { setpointRows, sortRows } from "../src/model/setpoints.ts";
import { branchState, deviceState, nodeState } from "../src/model/states.ts";
import { NOW, PHASE_VOLTS, good, radial, readerOf } from "./grid.ts";

const network = radial([1, 2]);
const node = network.nodes[2];
if (node === undefined) throw new Error("no node");

describe("quality", () => {
  it.each([
    [0, "good"],
    [1, "invalid"],
    [2, "invalid"],
    [3, "questionable"],
    [1 | (1 << 6) | (1 << 7), "invalid (failure, old data)"],
    [3 | (1 << 9), "questionable (inaccurate)"],
  ])("bits %i are '%s'", (bits, words) => {
    expect(describeQuality(bits)).toBe(words);
  });

  it("takes the reserved pattern for invalid", () => {
    expect(validity(2)).toBe("invalid");
  });

  it("lets only a fresh good value look live", () => {
    expect(standingOf(good(1), NOW, 5000)).toBe("good");
    expect(standingOf(good(1), NOW + 5001, 5000)).toBe("stale");
    expect(standingOf(good(null), NOW, 5000)).toBe("invalid");
    expect(standingOf(undefined, NOW, 5000)).toBe("missing");
    expect(standingOf({ ...good(1), quality: 1 << 11 }, NOW, 5000)).toBe("questionable");
    expect(standingOf(good(1), Number.POSITIVE_INFINITY, 5000)).toBe("stale");
  });

  it("does not take an unknown origin for a measurement", () => {
    const wire = { value: 1, quality: 0, origin: "guessed", time_ns: "1795255200000000000" };
    expect(sampleOf(wire).origin).toBe("substituted");
    expect(sampleOf(wire).timeMs).toBe(NOW);
  });
});

describe("states of the drawing", () => {
  const loading = (value: number): string =>
    branchState(readerOf(network, { "branch-1000/Loading": good(value) }), 1000, network.limits)
      .grade;
  const voltage = (pu: number): string =>
    nodeState(
      readerOf(network, { "node-2/MMXU1.PhV.phsB": good(pu * PHASE_VOLTS) }),
      node,
      network.limits,
    ).grade;

  it.each([
    [0.3, "normal"],
    [0.949, "normal"],
    [0.97, "near"],
    [1, "near"],
    [1.001, "high"],
  ])("loading %f is %s", (value, grade) => {
    expect(loading(value)).toBe(grade);
  });

  it.each([
    [0.949, "low"],
    [0.952, "near"],
    [1, "normal"],
    [1.048, "near"],
    [1.051, "high"],
  ])("voltage %f pu is %s", (value, grade) => {
    expect(voltage(value)).toBe(grade);
  });

  it("tells the phase that is worst off", () => {
    const reader = readerOf(network, {
      "node-2/MMXU1.PhV.phsA": good(1.0 * PHASE_VOLTS),
      "node-2/MMXU1.PhV.phsB": good(0.94 * PHASE_VOLTS),
      "node-2/MMXU1.PhV.phsC": good(1.01 * PHASE_VOLTS),
    });
    const state = nodeState(reader, node, network.limits);
    expect(state.grade).toBe("low");
    expect(state.uPu).toBeCloseTo(0.94, 9);
  });

  it("grades nothing that is stale or has no value", () => {
    const old = readerOf(network, { "branch-1000/Loading": good(1.3, NOW - 60_000) });
    expect(branchState(old, 1000, network.limits).grade).toBe("stale");
    const none = readerOf(network, { "branch-1000/Loading": good(null) });
    expect(branchState(none, 1000, network.limits).grade).toBe("unknown");
    expect(branchState(readerOf(network, {}), 1000, network.limits).grade).toBe("unknown");
  });

  it("sees no violation while the limits are not known", () => {
    const reader = readerOf(network, { "branch-1000/Loading": good(1.3) });
    expect(branchState(reader, 1000, null).grade).toBe("normal");
  });

  it("fills a device up to its limit and says when it is held back", () => {
    const reader = readerOf(network, {
      "ev-1/DWMX1.WLimSpt": good(5500),
      "ev-1/DGEN1.WAvl": good(11_000),
    });
    const [ev] = network.devices;
    if (ev === undefined) throw new Error("no device");
    expect(deviceState(reader, ev)).toEqual({
      standing: "good",
      allowed: 0.5,
      active: true,
      heldBack: true,
    });
  });
});

describe("key figures", () => {
  const power = (watts: number): Record<string, ReturnType<typeof good>> => ({
    "ev-1/MMXU1.W.phsA": good(watts),
    "ev-1/MMXU1.W.phsB": good(watts),
    "ev-1/MMXU1.W.phsC": good(watts),
    "ev-1/DGEN1.WAvl": good(11_000),
    "ev-1/DWMX1.WLimSpt": good(4200),
  });

  it("count a device that is not known as not known, never as zero", () => {
    const known = powerOfKind(readerOf(network, power(1400)), "ev");
    expect(known).toEqual({ nowW: 4200, unlimitedW: 11_000, known: 1, total: 2 });
    const none = powerOfKind(readerOf(network, {}), "ev");
    expect(none).toEqual({ nowW: null, unlimitedW: null, known: 0, total: 2 });
  });

  it("leave a device with one lost phase out", () => {
    const values = { ...power(1400), "ev-1/MMXU1.W.phsB": good(null) };
    expect(powerOfKind(readerOf(network, values), "ev").known).toBe(0);
  });

  it("show what PV feeds in as a magnitude", () => {
    const reader = readerOf(network, {
      "pv-1/MMXU1.W.phsA": good(-3000),
      "pv-1/DGEN1.WAvl": good(3000),
    });
    expect(powerOfKind(reader, "pv").nowW).toBe(3000);
  });

  it("find the extremes of the low-voltage nodes with place and phase", () => {
    const reader = readerOf(network, {
      "node-0/MMXU1.PhV.phsA": good(13_000),
      "node-2/MMXU1.PhV.phsA": good(0.98 * PHASE_VOLTS),
      "node-3/MMXU1.PhV.phsC": good(1.02 * PHASE_VOLTS),
    });
    const range = voltageRange(reader);
    expect(range.highest).toMatchObject({ place: 3, phase: 2 });
    expect(range.lowest).toMatchObject({ place: 2, phase: 0 });
    expect([range.known, range.total, range.origin]).toEqual([2, 3, "estimated"]);
  });

  it("fall back to what is measured where there is no estimate, and say so", () => {
    const reader = readerOf(network, {
      "node-2/MMXU1.PhV.phsA": good(1.02 * PHASE_VOLTS, NOW - 60_000),
      "ev-1/MMXU1.PhV.phsA": good(0.97 * PHASE_VOLTS),
      "meter-transformer/MMXU1.A.phsA": good(361),
      "meter-transformer/MMXU1.A.phsB": good(-100),
      "meter-transformer/MMXU1.A.phsC": good(90),
    });
    expect(voltageRange(reader)).toMatchObject({
      origin: "measured",
      lowest: { place: 2, phase: null },
    });
    expect(transformerLoading(reader)).toMatchObject({ loading: 1, origin: "measured" });
  });

  it("have no measured loading while a phase is missing", () => {
    const reader = readerOf(network, { "meter-transformer/MMXU1.A.phsA": good(361) });
    expect(transformerLoading(reader)).toBeNull();
  });

  it("count limited devices, and those held back", () => {
    expect(limitedCount(readerOf(network, power(1400)))).toEqual({
      limited: 1,
      heldBack: 1,
      known: 1,
      total: 3,
    });
  });
});

describe("a limit read back in watts", () => {
  const at = (watts: number, source: string): [number, number] => {
    const setpoint = { device: "ev-1", limitW: 10_350, source, reason: "", binding: [], timeMs: NOW };
    const values = { "ev-1/DWMX1.WLimSpt": good(watts), "ev-1/DGEN1.WAvl": good(11_000) };
    const count = limitedCount(readerOf(network, values, [setpoint]));
    return [count.limited, count.heldBack];
  };

  it("a little below the rating is the voltage of the moment, unless the agent means it", () => {
    expect(at(10_700, "none")).toEqual([0, 0]);
    expect(at(10_100, "safety")).toEqual([1, 1]);
  });

  it("far below the rating limits, whatever the agent said last", () => {
    expect(at(4200, "none")).toEqual([1, 1]);
  });
});

describe("setpoints table", () => {
  const reader = readerOf(network, {
    "ev-1/DWMX1.WLimSpt": good(11_000),
    "ev-2/DWMX1.WLimSpt": good(5500),
  });
  const names = (sort: Parameters<typeof sortRows>[1]): string[] =>
    sortRows(setpointRows(reader), sort).map((row) => row.device.name);

  it("puts limited devices first", () => {
    expect(names(null)[0]).toBe("ev-2");
  });

  it("sorts by a column, what is not known at the end in both directions", () => {
    expect(names({ key: "limit", down: false })).toEqual(["ev-2", "ev-1", "pv-1"]);
    expect(names({ key: "limit", down: true })).toEqual(["ev-1", "ev-2", "pv-1"]);
  });
});
