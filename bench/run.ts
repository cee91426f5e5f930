// npm run bench [-- ROUNDS]
//
// Measures tabgrad's CPU engine and two workers end to end, and PyTorch on the same work where it is installed. Machines are noisy, so
// everything is measured in turns within one sitting, and what counts is the ratio of the medians.
import { execFileSync } from "node:child_process";
import { availableParallelism, cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { measureEngine } from "./engine.ts";
import { measureTransformer } from "./transformer.ts";
import { measureWorkers } from "./workers.ts";

const rounds = Number(process.argv[2] ?? 5);
const engineSteps = 400;
const workerSteps = 600;
const transformerSteps = 20;
const peer = (name: string): string => fileURLToPath(new URL(`peers/${name}.py`, import.meta.url));

interface Torch {
  readonly python: string;
  readonly version: string;
}

/** PyTorch, if one of the usual Pythons has it. */
function findTorch(): Torch | undefined {
  for (const python of [process.env.PYTHON, "python3", "/usr/bin/python3"]) {
    if (!python) continue;
    try {
      const version = execFileSync(python, ["-c", "import torch; print(torch.__version__)"], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      });
      return { python, version: version.trim() };
    } catch {
      continue;
    }
  }
  return undefined;
}

function runTorch<T>({ python }: Torch, name: string, ...args: readonly (string | number)[]): T {
  const printed = execFileSync(python, [peer(name), ...args.map(String)], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return JSON.parse(printed) as T;
}

const measureTorch = (torch: Torch, processes: "one" | "two", steps: number): number =>
  runTorch<{ samplesPerSecond: number }>(torch, "pytorch", processes, steps).samplesPerSecond;

const measureTorchTransformer = (torch: Torch, steps: number): number =>
  runTorch<{ tokensPerSecond: number }>(torch, "transformer", steps).tokensPerSecond;

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

interface Row {
  readonly name: string;
  readonly ours: number[];
  readonly theirs: number[];
}

function print({ name, ours, theirs }: Row): void {
  const figure = (values: readonly number[]): string =>
    values.length === 0
      ? "–"
      : `${Math.round(median(values)).toLocaleString("en")} (${values.map((value) => `${Math.round(value / 1000)}k`).join(" ")})`;
  const ratio = theirs.length === 0 ? "–" : (median(ours) / median(theirs)).toFixed(2);
  console.log(`${name}\n    tabgrad ${figure(ours)}\n    PyTorch ${figure(theirs)}\n    ratio   ${ratio}`);
}

const torch = findTorch();
console.log(
  `MLP 784-256-128-10, 128 samples a step for each process, one thread each, Adam; samples a second, median of ${rounds} rounds`,
);
console.log(
  `${cpus()[0]?.model ?? "unknown processor"}, ${availableParallelism()} cores, Node ${process.versions.node}, PyTorch ${torch?.version ?? "not installed"}\n`,
);

const engine: Row = { name: "one thread: forward, loss, backward, Adam", ours: [], theirs: [] };
const workers: Row = { name: "two workers, end to end (PyTorch: DistributedDataParallel over gloo)", ours: [], theirs: [] };
const transformer: Row = { name: "one thread: a causal transformer of 4 blocks, tokens a second", ours: [], theirs: [] };
for (let round = 0; round < rounds; round++) {
  engine.ours.push(await measureEngine(engineSteps));
  if (torch) engine.theirs.push(measureTorch(torch, "one", engineSteps));
  transformer.ours.push(await measureTransformer(transformerSteps));
  if (torch) transformer.theirs.push(measureTorchTransformer(torch, transformerSteps));
  workers.ours.push(await measureWorkers(2, workerSteps));
  if (torch) workers.theirs.push(measureTorch(torch, "two", engineSteps));
}
print(engine);
print(transformer);
print(workers);
