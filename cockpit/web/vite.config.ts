import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { buildRecord } from "./build-record.ts";

const root = fileURLToPath(new URL(".", import.meta.url));
/** Where `npm run dev` finds a cockpit. */
const cockpit = process.env["ORTSNETZ_COCKPIT"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  root,
  plugins: [buildRecord(root)],
  build: {
    outDir: "../server/src/ortsnetz_cockpit/web",
    emptyOutDir: true,
    target: "es2022",
    // The content security policy allows no data: addresses for scripts and styles.
    assetsInlineLimit: 0,
    modulePreload: false,
    reportCompressedSize: false,
  },
  server: {
    proxy: {
      "/api": cockpit,
      "/ws": { target: cockpit.replace("http", "ws"), ws: true },
    },
  },
});
