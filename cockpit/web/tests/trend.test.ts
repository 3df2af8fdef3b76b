import { describe, expect, it } from "vitest";
import type { WireSeries } from "../src/api/wire.ts";
import { measuredPower } from "../src/model/lines.ts";
import { treeOf } from "../src/model/network.ts";
import { SPAN_MS, Track } from "../src/model/track.ts";
import { type TrendLine, evaluate, fillFromStore } from "../src/model/trend.ts";
import { NOW, good, radial, readerOf } from "./grid.ts";

const network = radial([1, 2]);

function stored(point: string, t: number[], mean: (number | null)[]): [string, WireSeries] {
  return [point, { point, unit: "W", origin: "measured", bucket_ns: "0", t, mean, min: mean, max: mean }];
}

describe("a track", () => {
  it("breaks its line where samples are missing", () => {
    const track = new Track();
    for (const s of [0, 1, 2, 10, 11]) track.add(NOW + s * 1000, s);
    expect(track.curve.v).toEqual([0, 1, 2, null, 10, 11]);
  });

  it("breaks its line at an invalid value and nowhere else", () => {
    const track = new Track();
    [0, 1, null, 3].forEach((v, s) => track.add(NOW + s * 1010, v));
    expect(track.curve.v).toEqual([0, 1, null, 3]);
  });

  it("takes a repetition or an older sample once", () => {
    const track = new Track();
    for (const s of [0, 1, 1, 0, 2]) track.add(NOW + s * 1000, s);
    expect(track.curve.v).toEqual([0, 1, 2]);
  });

  it("keeps the last quarter of an hour and not much more", () => {
    const track = new Track();
    for (let s = 0; s < 3000; s++) track.add(NOW + s * 1000, s);
    expect(track.length).toBeLessThan(SPAN_MS / 1000 + 70);
    expect(track.curve.v.at(-1)).toBe(2999);
  });

  it("puts history before what has come live", () => {
    const track = new Track();
    track.add(NOW, 5);
    track.add(NOW + 1000, 6);
    track.prepend([NOW - 2000, NOW - 1000, NOW], [3, 4, 99], 1000);
    expect(track.curve.v).toEqual([3, 4, 5, 6]);
  });
});

describe("a line", () => {
  const sum: TrendLine = {
    key: "s",
    parts: ["a", "b"].map((point) => ({ point, factor: 2 })),
    fold: "sum",
  };

  it("has no value when a part of its sum is not usable", () => {
    expect(evaluate(sum, readerOf(network, { a: good(1), b: good(2) }))?.value).toBe(6);
    expect(evaluate(sum, readerOf(network, { a: good(1), b: good(null) }))?.value).toBeNull();
    expect(evaluate(sum, readerOf(network, {}))).toBeNull();
  });

  it("takes the extreme of what is usable", () => {
    const lowest: TrendLine = { ...sum, fold: "lowest" };
    expect(evaluate(lowest, readerOf(network, { a: good(1), b: good(null) }))?.value).toBe(2);
  });

  it("from the store has gaps where a part is missing", () => {
    const track = new Track();
    const series = new Map([
      stored("a", [NOW, NOW + 1000, NOW + 2000], [1, 2, 3]),
      stored("b", [NOW, NOW + 1000, NOW + 2000], [1, null, 3]),
    ]);
    fillFromStore(track, sum, series, 1000);
    expect(track.curve.v).toEqual([4, null, 12]);
  });

  it("counts a transformer meter at the LV end as import although it reads into the transformer", () => {
    const [transformer] = network.branches;
    if (transformer === undefined) throw new Error("no transformer");
    const line = measuredPower(network, treeOf(network), transformer);
    expect(line?.parts.map((p) => p.factor)).toEqual([-1, -1, -1]);
  });

  it("meets sources with clocks of their own on one grid, and keeps their gaps", () => {
    const track = new Track();
    const seconds = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    const series = new Map([
      stored("a", seconds.map((s) => NOW + s * 1000 + 13), seconds.map(() => 1)),
      stored("b", [0, 1, 2, 7, 8, 9].map((s) => NOW + s * 1000 + 481), [2, 2, 2, 2, 2, 2]),
    ]);
    fillFromStore(track, sum, series, 1000);
    const inside = track.curve.v.slice(1, -1);
    expect(inside.every((v) => v === null || v === 6)).toBe(true);
    const gap = track.curve.t.filter((_, i) => track.curve.v[i] === null);
    expect(gap.map((t) => t * 1000 - NOW)).toEqual(expect.arrayContaining([6000, 7000]));
  });
});
