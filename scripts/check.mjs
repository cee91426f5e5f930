// `npm test`: types, lint, format and every test, one after another. A failure does not hide what comes after it; the summary at
// the end says how each of them went. The counts also go to test-results/summary.json. `npm test -- --force` uses no cached result.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runTool } from "./tool.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const require = createRequire(import.meta.url);

/** Every package that has a `test` script, with its manifest. */
function testedPackages() {
  return ["bench", "e2e", "examples", ...readdirSync(join(root, "packages")).map((name) => join("packages", name))]
    .map((directory) => ({ directory, manifest: JSON.parse(readFileSync(join(root, directory, "package.json"), "utf8")) }))
    .filter(({ manifest }) => manifest.scripts?.test);
}

const resultsOf = ({ directory }) => join(root, directory, "test-results", "vitest.json");

/** The vitest project that a package's tests belong to, as its `test` script names it. */
const projectOf = ({ manifest }) => /--project (\w+)/.exec(manifest.scripts.test)[1];

function prettier() {
  const script = join(dirname(require.resolve("prettier/package.json")), "bin/prettier.cjs");
  return spawnSync(process.execPath, [script, "--check", "."], { cwd: root, stdio: "inherit" }).status ?? 1;
}

/** Adds up what vitest wrote. A package without results, or whose files did not load, counts as one failure. */
function countTests(packages) {
  const counts = new Map();
  for (const tested of packages) {
    const project = projectOf(tested);
    const count = counts.get(project) ?? { name: project, passed: 0, failed: 0, skipped: 0 };
    const file = resultsOf(tested);
    if (existsSync(file)) {
      const results = JSON.parse(readFileSync(file, "utf8"));
      count.passed += results.numPassedTests;
      count.failed += results.success ? 0 : Math.max(1, results.numFailedTests);
      count.skipped += results.numPendingTests + results.numTodoTests;
    } else {
      count.failed += 1;
    }
    counts.set(project, count);
  }
  return [...counts.values()];
}

const force = process.argv.includes("--force") ? ["--force"] : [];

async function timed(name, run) {
  console.log(`\n--- ${name}`);
  const begin = performance.now();
  const code = await run();
  return { name, code, seconds: (performance.now() - begin) / 1000 };
}

const packages = testedPackages();
for (const tested of packages) rmSync(resultsOf(tested), { force: true });

const checks = [
  await timed("types", () => runTool("turbo", ["run", "typecheck", ...force])),
  await timed("lint", () => runTool("nx", ["run-many", "-t", "lint"])),
  await timed("format", prettier),
];
// One package at a time: each runs its files in parallel already, and the gpu and e2e projects want the machine to themselves.
const tests = await timed("tests", () =>
  runTool("turbo", ["run", "test", "--continue", "--concurrency=1", "--log-prefix=none", ...force]),
);

const rows = [
  ...checks.map(({ name, code }) => ({ name, passed: code ? 0 : 1, failed: code ? 1 : 0, skipped: 0 })),
  ...countTests(packages),
];
const total = (key) => rows.reduce((sum, row) => sum + row[key], 0);
// What failed outside of vitest: a build that the tests need.
if (tests.code && rows.every((row) => row.failed === 0)) rows.push({ name: "build", passed: 0, failed: 1, skipped: 0 });

const wording = ({ passed, failed, skipped }) => `${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ""}`;
const took = ({ seconds }) => `${seconds.toFixed(1).padStart(6)} s`;

console.log("\n--- summary");
for (const check of checks) console.log(`${check.name.padEnd(8)}${(check.code ? "failed" : "passed").padEnd(32)}${took(check)}`);
for (const row of rows.slice(checks.length)) console.log(`${row.name.padEnd(8)}${wording(row)}`);
console.log(`${"".padEnd(40)}${took(tests)}`);

const sum = { passed: total("passed"), failed: total("failed"), skipped: total("skipped") };
mkdirSync(join(root, "test-results"), { recursive: true });
writeFileSync(join(root, "test-results", "summary.json"), JSON.stringify(sum));
console.log(`\n${wording(sum)}`);
process.exitCode = sum.failed ? 1 : 0;
