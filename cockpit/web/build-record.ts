/** Records with the built page what it was built from, so that a stale build is found without node. */

import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import type { Plugin } from "vite";

/** What the built page depends on; tests/unit/cockpit/test_page_is_built_from_sources.py has the same. */
const SOURCES = [
  "build-record.ts",
  "index.html",
  "package-lock.json",
  "package.json",
  "src",
  "tsconfig.json",
  "vite.config.ts",
];

function filesOf(root: string, path: string): string[] {
  const full = join(root, path);
  if (!statSync(full).isDirectory()) return [path];
  return readdirSync(full).flatMap((name) => filesOf(root, join(path, name)));
}

const sha256 = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex");

/** SHA-256 over `<sha256 of the file>  <path>\n` of all sources in the order of their paths. */
export function sourcesHash(root: string): string {
  const files = SOURCES.flatMap((path) => filesOf(root, path)).map((p) => p.split(sep).join("/"));
  const lines = files.sort().map((path) => `${sha256(readFileSync(join(root, path)))}  ${path}\n`);
  return sha256(lines.join(""));
}

/** Writes `build.json` and the licences of what is bundled. */
export function buildRecord(root: string): Plugin {
  return {
    name: "build-record",
    apply: "build",
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        this.emitFile({
          type: "asset",
          fileName: "licences.txt",
          source: licences(root, [...this.getModuleIds()]),
        });
        const files = Object.fromEntries(
          Object.values(bundle)
            .map((f) => [f.fileName, sha256(f.type === "chunk" ? f.code : f.source)] as const)
            .sort(([a], [b]) => (a < b ? -1 : 1)),
        );
        this.emitFile({
          type: "asset",
          fileName: "build.json",
          source: `${JSON.stringify({ sources: sourcesHash(root), files }, null, 1)}\n`,
        });
      },
    },
  };
}

function licences(root: string, modules: readonly string[]): string {
  const packages = new Set<string>();
  for (const id of modules) {
    const folder = packageFolder(id);
    if (folder !== null) packages.add(folder);
  }
  const parts = [...packages].sort().map((folder) => {
    const { name, version, license } = JSON.parse(
      readFileSync(join(folder, "package.json"), "utf8"),
    ) as { name: string; version: string; license: string };
    const file = readdirSync(folder).find((f) => /^licen[cs]e/i.test(f));
    if (file === undefined) throw new Error(`${relative(root, folder)} has no licence file`);
    return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
  });
  return `The page contains these packages.\n\n${parts.join(`\n${"-".repeat(72)}\n\n`)}`;
}

/** Folder of the package that a bundled module belongs to, or null for the page's own. */
function packageFolder(id: string): string | null {
  if (!id.includes("/node_modules/")) return null;
  let folder = dirname(id.replace(/^\0+/, "").replace(/\?.*$/, ""));
  while (!existsSync(join(folder, "package.json")) || dirname(folder).endsWith("node_modules") === false) {
    const up = dirname(folder);
    if (up === folder) return null;
    folder = up;
  }
  return folder;
}
