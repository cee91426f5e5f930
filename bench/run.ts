// npm run bench [-- ROUNDS]
//
// Measures tabgrad's CPU engine and two workers end to end, and PyTorch on the same work where it is installed. Machines are noisy, so
// everything is measured in turns within one sitting, and what counts is the ratio of the medians.
import { availableParallelism, cpus } from "node:os";
import { measureEngine } from "./engine.ts";
import { networks, type NetworkName } from "./networks.ts";
import { findTorch, runTorch, type Torch } from "./torch.ts";
import { classifierWork, transformerWork } from "./work.ts";
import { measureWorkers } from "./workers.ts";

const rounds = Number(process.argv[2] ?? 5);
const workerSteps = 600;
const transformerSteps = 20;

const measureTorch = (torch: Torch, network: NetworkName, processes: "one" | "two", steps: number): number =>
  runTorch<{ samplesPerSecond: number }>(torch, "pytorch", network, processes, steps).samplesPerSecond;

const measureTorchTransformer = (torch: Torch, steps: number): number =>
  runTorch<{ tokensPerSecond: number }>(torch, "transformer", steps).tokensPerSecond;

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

const thousands = (value: number): string => (value / 1000).toFixed(value < 10_000 ? 2 : 0);

interface Row {
  readonly name: string;
  readonly ours: number[];
  readonly theirs: number[];
}

function print({ name, ours, theirs }: Row): void {
  const figure = (values: readonly number[]): string =>
    values.length === 0
      ? "–"
      : `${Math.round(median(values)).toLocaleString("en")} (${values.map((value) => `${thousands(value)}k`).join(" ")})`;
  const ratio = theirs.length === 0 ? "–" : (median(ours) / median(theirs)).toFixed(2);
  console.log(`${name}\n    tabgrad ${figure(ours)}\n    PyTorch ${figure(theirs)}\n    ratio   ${ratio}`);
}

const torch = findTorch();
console.log(`128 samples a step for each process, one thread each, Adam; samples a second, median of ${rounds} rounds`);
console.log(
  `${cpus()[0]?.model ?? "unknown processor"}, ${availableParallelism()} cores, Node ${process.versions.node}, PyTorch ${torch?.version ?? "not installed"}\n`,
);

const engines = Object.entries(networks).map(([name, network]) => {
  const row: Row = { name: `one thread: ${network.description}: forward, loss, backward, Adam`, ours: [], theirs: [] };
  return { name: name as NetworkName, network, row };
});
const workers: Row = {
  name: `two workers, end to end: ${networks.mlp.description} (PyTorch: DistributedDataParallel over gloo)`,
  ours: [],
  theirs: [],
};
const transformer: Row = { name: "one thread: a causal transformer of 4 blocks, tokens a second", ours: [], theirs: [] };
for (let round = 0; round < rounds; round++) {
  for (const { name, network, row } of engines) {
    row.ours.push(await measureEngine(classifierWork(network, 128), network.steps));
    if (torch) row.theirs.push(measureTorch(torch, name, "one", network.steps));
  }
  transformer.ours.push(await measureEngine(transformerWork(32), transformerSteps));
  if (torch) transformer.theirs.push(measureTorchTransformer(torch, transformerSteps));
  workers.ours.push(await measureWorkers(2, workerSteps));
  if (torch) workers.theirs.push(measureTorch(torch, "mlp", "two", networks.mlp.steps));
}
for (const { row } of engines) print(row);
print(transformer);
print(workers);
