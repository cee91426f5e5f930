// Two pages, `/` (watch) and `/join`, built into dist/ with everything they need: a page makes no request to anybody else.
import { resolve } from "node:path";
import { defineConfig } from "vite";

const root = import.meta.dirname;

export default defineConfig({
  root,
  // The JSX of preact, without a plugin.
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  resolve: { conditions: ["@tabgrad/source", "module", "browser", "development|production"] },
  build: {
    target: "es2023",
    outDir: resolve(root, "dist"),
    emptyOutDir: true,
    // A page that the coordinator's strict policy allows has no inline script and no data: URL beside images.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: { input: { watch: resolve(root, "index.html"), join: resolve(root, "join.html") } },
  },
  worker: { format: "es" },
});
