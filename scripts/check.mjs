// `npm test`: types and format beside lint, then every test. A failure does not hide what comes after it; the summary at the end says
// how each of them went. The counts also go to test-results/summary.json. `npm test -- --force` uses no cached result.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runTool } from "./tool.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Every package that has a `test` script, with its manifest. */
function testedPackages() {
  return ["bench", "e2e", "examples", ...readdirSync(join(root, "packages")).map((name) => join("packages", name))]
    .map((directory) => ({ directory, manifest: JSON.parse(readFileSync(join(root, directory, "package.json"), "utf8")) }))
    .filter(({ manifest }) => manifest.scripts?.test);
}

const resultsOf = ({ directory }) => join(root, directory, "test-results", "vitest.json");

/** The vitest project that a package's tests belong to, as its `test` script names it. */
const projectOf = ({ manifest }) => /--project (\w+)/.exec(manifest.scripts.test)[1];

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

/** @param {() => Promise<number>} run resolves to an exit code */
async function timed(name, run) {
  const begin = performance.now();
  const code = await run();
  return { name, code, seconds: (performance.now() - begin) / 1000 };
}

/** What it printed is shown when it is over: something else may run beside it. */
async function timedApart(name, tool, args) {
  const printed = [];
  const result = await timed(name, () => runTool(tool, args, (text) => printed.push(text)));
  console.log(`\n--- ${name}\n${printed.join("")}`);
  return result;
}

const packages = testedPackages();
for (const tested of packages) rmSync(resultsOf(tested), { force: true });

// Lint takes as long as the others together, and none of them uses a second core.
const [lint, [types, format]] = await Promise.all([
  timedApart("lint", "nx", ["run", "tabgrad-monorepo:lint-everything"]),
  (async () => [
    await timedApart("types", "turbo", ["run", "typecheck", ...force]),
    await timedApart("format", "prettier", ["--check", "."]),
  ])(),
]);
const checks = [types, lint, format];

// Two packages at a time: on two cores vitest runs one file at a time, and the one that takes longest, of the coordinator's random
// schedules, takes a minute whatever the machine.
console.log("\n--- tests");
const tests = await timed("tests", () =>
  runTool("turbo", ["run", "test", "--continue", "--concurrency=2", "--log-prefix=none", "--log-order=grouped", ...force]),
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
