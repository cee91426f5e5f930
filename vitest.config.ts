// The tests, as three projects: `unit` (in parallel), `gpu` (one file at a time, since they share one device) and `e2e` (two files at a
// time, since they start processes of their own). `npx vitest run --project unit packages/core` runs a part; `npm test` runs everything.
import { dirname, resolve } from "node:path";
import { defineConfig } from "vitest/config";

// Packages import each other's sources, so no test waits for a build. Vite resolves for itself (`resolve`) and for what runs in
// Node (`ssr.resolve`), and has its own defaults in both, which stay.
const conditions = ["@tabgrad/source", "module", "node", "development|production"];
const resolution = { resolve: { conditions }, ssr: { resolve: { conditions } } };

const root = import.meta.dirname;

// Time limits only end what hangs. A machine that has much else to do takes ten times as long, and no test fails for that.
const patience = { testTimeout: 120_000, hookTimeout: 120_000, expect: { poll: { timeout: 60_000 } } };

// Read by scripts/check.mjs, and kept by turbo with a task's log: one file in each package whose `test` script runs.
const results = resolve(process.env.npm_package_json ? dirname(process.env.npm_package_json) : root, "test-results/vitest.json");

// How a GPU test gets a GPU where there is none: Dawn finds its Vulkan loader and driver through LD_LIBRARY_PATH and
// VK_ICD_FILENAMES, and the first of these counts only if it stands in the environment that a process begins with. vitest runs this
// module's default export, `setup(project: TestProject)`, in its main process before it forks the project's test processes, and
// forks them with `project.config.env`. So `setup` does `project.config.env = { ...project.config.env, LD_LIBRARY_PATH: … }`, which
// leaves the other projects alone (`process.env` would not), and the pool has to be "forks": a thread shares the environment of a
// process that has begun already. A console call is allowed in `setup`, and is the place to say which adapter the tests run on.
const gpuSetup = resolve(root, "packages/gpu/test/swiftshader.ts");

export default defineConfig({
  test: {
    reporters: ["default", ["json", { outputFile: results }]],
    projects: [
      {
        ...resolution,
        test: {
          name: "unit",
          root,
          include: ["packages/*/test/**/*.test.ts", "examples/**/*.test.ts", "bench/**/*.test.ts"],
          exclude: ["packages/gpu/**", "**/node_modules/**"],
          setupFiles: ["vitest.console.ts"],
          ...patience,
        },
      },
      {
        ...resolution,
        test: {
          name: "gpu",
          root,
          include: ["packages/gpu/test/**/*.test.ts"],
          setupFiles: ["vitest.console.ts"],
          globalSetup: [gpuSetup],
          pool: "forks",
          fileParallelism: false,
          ...patience,
          // SwiftShader does about 1 GFLOP/s and compiles pipelines slowly.
          testTimeout: 600_000,
        },
      },
      {
        ...resolution,
        test: {
          name: "e2e",
          root,
          include: ["e2e/**/*.test.ts"],
          exclude: ["**/node_modules/**"],
          setupFiles: ["vitest.console.ts"],
          pool: "forks",
          // Their processes wait for each other half of the time. No test measures anything or depends on how fast the machine is.
          maxWorkers: 2,
          ...patience,
          testTimeout: 600_000,
        },
      },
    ],
  },
});
