/** All that is known of the selected element: values, quality, origin, time. */

import type { ReactNode } from "react";
import { adjustedTo, quantityName } from "../model/adjustments.ts";
import { type Network, phaseVoltage, voltageSources } from "../model/network.ts";
import {
  availablePowerPoint,
  branchPowers,
  loadingPoint,
  nodeVoltages,
  phasePoints,
  powerLimitPoint,
} from "../model/points.ts";
import { type Origin, type Standing, describeQuality } from "../model/quality.ts";
import { connectionWords } from "../model/states.ts";
import type { Reader } from "../model/station.ts";
import { clock, kilowatts, kindName, percent, perUnit, plain } from "./format.ts";
import type { Selection } from "./selection.ts";
import { OriginMark, ValueMark, standingWords } from "./ValueMark.tsx";

/** One line of the table: one quantity, one value or one a phase. */
interface Row {
  readonly label: string;
  readonly points: readonly string[];
  readonly show: (value: number | null) => string;
  readonly unit: string;
}

interface Props {
  readonly reader: Reader;
  readonly selection: Selection;
  readonly onClose: () => void;
}

export function Details({ reader, selection, onClose }: Props): ReactNode {
  const { network } = reader;
  const rows = rowsOf(network, selection).filter((row) =>
    row.points.some((p) => reader.sample(p) !== undefined),
  );
  const { title, facts } = describe(reader, selection);
  return (
    <aside className="details" aria-label="Details of the selected element" data-testid="details">
      <div className="details-head">
        <h3>{title}</h3>
        <button type="button" className="close" onClick={onClose} aria-label="Close details">
          ×
        </button>
      </div>
      <dl>
        {facts.map(([term, text]) => (
          <div key={`${term} ${text}`}>
            <dt>{term}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      {rows.length === 0 ? (
        <p className="note">No value of this element has come yet.</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">Quantity</th>
              <th scope="col">A</th>
              <th scope="col">B</th>
              <th scope="col">C</th>
            </tr>
          </thead>
          {rows.map((row) => (
            <RowView key={row.label} row={row} reader={reader} />
          ))}
        </table>
      )}
    </aside>
  );
}

function RowView({ row, reader }: { row: Row; reader: Reader }): ReactNode {
  const worst = worstOf(row, reader);
  const sample = worst === null ? undefined : reader.sample(worst.point);
  const origin: Origin = sample?.origin ?? "measured";
  return (
    <tbody className={`quantity standing-${worst?.standing ?? "missing"}`}>
      <tr>
        <th scope="row">
          <OriginMark origin={origin} /> {row.label} <small>{row.unit}</small>
        </th>
        {row.points.length === 1 ? (
          <td colSpan={3}>
            <Cell row={row} reader={reader} point={row.points[0] ?? ""} />
          </td>
        ) : (
          row.points.map((point) => (
            <td key={point}>
              <Cell row={row} reader={reader} point={point} />
            </td>
          ))
        )}
      </tr>
      <tr className="worth">
        <td colSpan={4}>
          {origin}
          {origin === "measured" && row.points.length > 1 ? " at terminals 1–3" : ""},{" "}
          {worst === null ? "no value" : quality(worst.standing, sample?.quality)},{" "}
          {clock(sample?.timeMs ?? null)}
        </td>
      </tr>
    </tbody>
  );
}

function quality(standing: Standing, bits: number | undefined): string {
  if (standing === "stale") return "stale";
  return standing === "missing" ? "no value" : describeQuality(bits ?? 1);
}

function Cell(props: { row: Row; reader: Reader; point: string }): ReactNode {
  const { row, reader, point } = props;
  const sample = reader.sample(point);
  if (sample === undefined) return <span className="value none">–</span>;
  return (
    <ValueMark sample={sample} standing={reader.standing(point)} text={row.show(sample.value)} />
  );
}

const ORDER: readonly Standing[] = ["good", "questionable", "stale", "invalid", "missing"];

/** The point of a row that is worth least, among those that exist. */
function worstOf(row: Row, reader: Reader): { point: string; standing: Standing } | null {
  let worst: { point: string; standing: Standing } | null = null;
  for (const point of row.points) {
    if (reader.sample(point) === undefined) continue;
    const standing = reader.standing(point);
    if (worst === null || ORDER.indexOf(standing) > ORDER.indexOf(worst.standing)) {
      worst = { point, standing };
    }
  }
  return worst;
}

function rowsOf(network: Network, selection: Selection): Row[] {
  switch (selection.kind) {
    case "node":
      return nodeRows(network, selection.id);
    case "branch":
      return branchRows(network, selection.id);
    case "device":
      return deviceRows(selection.name);
  }
}

function nodeRows(network: Network, id: number): Row[] {
  const node = network.nodes.find((n) => n.id === id);
  if (node === undefined) return [];
  const base = phaseVoltage(node);
  const pu = (v: number | null): string => perUnit(v === null ? null : v / base);
  const volts = (v: number | null): string => plain(v, node.uRated > 1000 ? 0 : 1);
  const rows: Row[] = [
    { label: "Voltage", points: nodeVoltages(id), show: pu, unit: "pu" },
    { label: "Voltage, phase to neutral", points: nodeVoltages(id), show: volts, unit: "V" },
  ];
  for (const source of voltageSources(network, id)) {
    rows.push({ label: `Voltage ${source}`, points: phasePoints(source, "MMXU1.PhV"), show: pu, unit: "pu" });
  }
  for (const meter of network.meters.filter((m) => m.side === null && m.element === id)) {
    rows.push({ label: `Power ${meter.name}`, points: phasePoints(meter.name, "MMXU1.W"), show: kilowatts, unit: "kW" });
  }
  return rows;
}

function branchRows(network: Network, id: number): Row[] {
  const rows: Row[] = [
    { label: "Loading", points: [loadingPoint(id)], show: (v) => percent(v, 1), unit: "" },
    { label: "Power, from end", points: branchPowers(id), show: kilowatts, unit: "kW" },
  ];
  for (const meter of network.meters.filter((m) => m.side !== null && m.element === id)) {
    const at = `${meter.name}, ${meter.side ?? ""} end`;
    rows.push(
      { label: `Power ${at}`, points: phasePoints(meter.name, "MMXU1.W"), show: kilowatts, unit: "kW" },
      { label: "Current", points: phasePoints(meter.name, "MMXU1.A"), show: (v) => plain(v, 1), unit: "A" },
      { label: "Reactive power", points: phasePoints(meter.name, "MMXU1.VAr"), show: kilowatts, unit: "kvar" },
    );
  }
  return rows;
}

function deviceRows(name: string): Row[] {
  return [
    { label: "Power", points: phasePoints(name, "MMXU1.W"), show: kilowatts, unit: "kW" },
    { label: "Limit in force", points: [powerLimitPoint(name)], show: kilowatts, unit: "kW" },
    { label: "Without limit", points: [availablePowerPoint(name)], show: kilowatts, unit: "kW" },
    { label: "Voltage", points: phasePoints(name, "MMXU1.PhV"), show: (v) => plain(v, 1), unit: "V" },
  ];
}

type Fact = readonly [string, string];

function describe(
  reader: Reader,
  selection: Selection,
): { title: string; facts: Fact[] } {
  const { network } = reader;
  if (selection.kind === "node") {
    const node = network.nodes.find((n) => n.id === selection.id);
    const devices = network.devices.filter((d) => d.node === selection.id).map((d) => d.name);
    return {
      title: node?.name || `node ${selection.id}`,
      facts: [
        ["Rated", `${node?.uRated ?? "–"} V`],
        ...(devices.length > 0 ? [["Devices", devices.join(", ")] as const] : []),
      ],
    };
  }
  if (selection.kind === "branch") {
    const branch = network.branches.find((b) => b.id === selection.id);
    const name = (id: number | undefined): string =>
      network.nodes.find((n) => n.id === id)?.name ?? "–";
    return {
      title: branch?.name || `${branch?.kind ?? "branch"} ${selection.id}`,
      facts: [
        ["Kind", branch?.kind ?? "–"],
        ["Rated", branch?.ratingA == null ? "not known" : `${plain(branch.ratingA, 0)} A`],
        ["From", name(branch?.from)],
        ["To", name(branch?.to)],
      ],
    };
  }
  return deviceFacts(reader, selection.name);
}

function deviceFacts(
  reader: Reader,
  name: string,
): { title: string; facts: Fact[] } {
  const device = reader.network.devices.find((d) => d.name === name);
  const setpoint = reader.setpoint(name);
  const node = reader.network.nodes.find((n) => n.id === device?.node);
  const connection = connectionWords(reader, name);
  const limitSample = reader.sample(powerLimitPoint(name));
  const lost = standingWords(reader.standing(powerLimitPoint(name)), limitSample);
  const facts: Fact[] = [
    ["Kind", kindName(device?.kind ?? "")],
    ["Place", node?.name ?? "not known"],
    ["Rated", `${kilowatts(device?.ratedW ?? null)} kW`],
    ["Guaranteed", `${kilowatts(device?.floorW ?? null)} kW`],
  ];
  if (connection !== null) facts.push(["State", connection]);
  if (lost !== "") facts.push(["Limit in force", lost]);
  if (setpoint !== null) {
    facts.push(["Setpoint", `${kilowatts(setpoint.limitW)} kW (${setpoint.source})`]);
    if (setpoint.reason !== "") facts.push(["Reason", setpoint.reason]);
  }
  for (const one of reader.adjustments.filter((a) => a.device === name)) {
    facts.push([`Told ${quantityName(one.quantity)}`, adjustedTo(one)]);
    if (one.reason !== "") facts.push(["Reason", one.reason]);
  }
  return { title: name, facts };
}

