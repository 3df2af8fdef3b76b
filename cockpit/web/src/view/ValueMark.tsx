/** A value with what it is worth: origin and standing differ by letter, form and words. */

import type { ReactNode } from "react";
import { type Origin, type Sample, type Standing, describeQuality } from "../model/quality.ts";
import { clock } from "./format.ts";

const LETTERS: Readonly<Record<Origin, string>> = {
  measured: "M",
  estimated: "E",
  pseudo: "P",
  forecast: "F",
  manual: "H",
  substituted: "S",
};

/** Letter of an origin, with the word for those who do not know it: `E` estimated, `H` by hand. */
export function OriginMark(props: { origin: Origin }): ReactNode {
  return (
    <abbr className={`origin origin-${props.origin}`} title={props.origin}>
      {LETTERS[props.origin]}
    </abbr>
  );
}

/** Words that follow a value that is not good; empty for a good one. */
export function standingWords(standing: Standing, sample: Sample | undefined): string {
  switch (standing) {
    case "good":
      return "";
    case "stale":
      return `stale since ${clock(sample?.timeMs ?? null)}`;
    case "missing":
      return "no value";
    default:
      return describeQuality(sample?.quality ?? 1);
  }
}

/** A number in the form of its standing: upright measured, slanted estimated, struck stale. */
export function ValueMark(props: {
  sample: Sample | undefined;
  standing: Standing;
  text: string;
}): ReactNode {
  const { sample, standing } = props;
  const origin = sample?.origin ?? "measured";
  const words = standingWords(standing, sample);
  return (
    <span className={`value origin-of-${origin} standing-${standing}`} title={words || origin}>
      {props.text}
    </span>
  );
}
