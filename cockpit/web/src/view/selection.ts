/** What is selected in the drawing or in a table. */

export type Selection =
  | { readonly kind: "node"; readonly id: number }
  | { readonly kind: "branch"; readonly id: number }
  | { readonly kind: "device"; readonly name: string };

/** Form for attributes and keys: `node:12`, `device:ev-01`. */
export function keyOf(selection: Selection): string {
  return selection.kind === "device"
    ? `device:${selection.name}`
    : `${selection.kind}:${selection.id}`;
}

export function selectionOf(key: string): Selection | null {
  const cut = key.indexOf(":");
  const kind = key.slice(0, cut);
  const rest = key.slice(cut + 1);
  if (kind === "device") return { kind, name: rest };
  if (kind === "node" || kind === "branch") return { kind, id: Number(rest) };
  return null;
}
