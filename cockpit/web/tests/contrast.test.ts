import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const css = readFileSync(new URL("../src/style/base.css", import.meta.url), "utf8");

function colour(name: string): [number, number, number] {
  const found = new RegExp(`--${name}: #([0-9a-f]{6});`).exec(css)?.[1];
  if (found === undefined) throw new Error(`no colour --${name}`);
  return [0, 2, 4].map((i) => Number.parseInt(found.slice(i, i + 2), 16)) as [number, number, number];
}

/** Relative luminance, WCAG 2.2. */
function luminance(rgb: readonly number[]): number {
  const [r = 0, g = 0, b = 0] = rgb.map((c) => {
    const s = c / 255;
    return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [x, y] = [luminance(colour(a)), luminance(colour(b))];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

describe("contrast (WCAG AA, 4.5 for text)", () => {
  const texts = ["text", "dim", "bright", "critical", "high", "medium", "low"];
  const grounds = ["ground", "panel", "raised"];
  it.each(texts.flatMap((t) => grounds.map((g) => [t, g] as const)))("%s on %s", (text, ground) => {
    expect(contrast(text, ground)).toBeGreaterThanOrEqual(4.5);
  });
});

describe("the normal state's colours", () => {
  it.each(["ground", "panel", "raised", "edge", "edge-strong", "text", "dim", "bright"])(
    "%s is a grey",
    (name) => {
      const rgb = colour(name);
      expect(Math.max(...rgb) - Math.min(...rgb)).toBeLessThanOrEqual(20);
    },
  );
});
