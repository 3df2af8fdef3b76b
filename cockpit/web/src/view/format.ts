/** Numbers and times as the operator reads them. */

const NOTHING = "–";

/** Power with a unit that fits: `83.2 kW`, `4.2 kW`, `310 W`. */
export function power(watts: number | null, unit = "W"): string {
  if (watts === null) return NOTHING;
  const size = Math.abs(watts);
  if (size >= 999_500) return `${(watts / 1e6).toFixed(2)} M${unit}`;
  if (size >= 999.5) return `${(watts / 1e3).toFixed(1)} k${unit}`;
  return `${Math.round(watts) + 0} ${unit}`;
}

export function kilowatts(watts: number | null): string {
  return watts === null ? NOTHING : ((watts + 0) / 1000).toFixed(1);
}

export function percent(ratio: number | null, digits = 0): string {
  return ratio === null ? NOTHING : `${(ratio * 100).toFixed(digits)} %`;
}

export function perUnit(value: number | null): string {
  return value === null ? NOTHING : value.toFixed(3);
}

export function plain(value: number | null, digits: number): string {
  return value === null ? NOTHING : value.toFixed(digits);
}

const CLOCK = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const DAY = new Intl.DateTimeFormat("en-CA", { year: "numeric", month: "2-digit", day: "2-digit" });
const ZONE = new Intl.DateTimeFormat("en-GB", { timeZoneName: "short" });

/** Local time of day, `21:07:33`. */
export function clock(timeMs: number | null): string {
  return timeMs === null ? NOTHING : CLOCK.format(timeMs);
}

/** Local time of day, with the date in front when it is not today's. */
export function clockOrDate(timeMs: number | null, nowMs: number): string {
  if (timeMs === null) return NOTHING;
  const day = DAY.format(timeMs);
  return day === DAY.format(nowMs) ? clock(timeMs) : `${day} ${clock(timeMs)}`;
}

/** `2026-11-21` in local time. */
export function date(timeMs: number): string {
  return DAY.format(timeMs);
}

/** Short name of the zone that times are shown in. */
export function zone(timeMs: number): string {
  return ZONE.formatToParts(timeMs).find((p) => p.type === "timeZoneName")?.value ?? "";
}

/** `12 s`, `4 min`, `3 h`, `2 d`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

const KINDS: Readonly<Record<string, string>> = {
  ev: "EV charging",
  pv: "PV feed-in",
  heat_pump: "heat pump",
  storage: "storage",
};

export function kindName(kind: string): string {
  return KINDS[kind] ?? kind;
}
