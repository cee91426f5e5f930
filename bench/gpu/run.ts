// npm run bench:gpu [-- ROUNDS [NAME…]]
//
// Measures the GPU engine on this machine's GPU, forward, loss, backward and optimizer, in float32 and in mixed precision: parameters
// go up and gradients come down in each step, as they do in a worker. Beside it PyTorch on CUDA, where that is there, which keeps both
// on the device. In turns within one sitting; figures are medians.
import type { Engine, Precision } from "@tabgrad/core";
import { createNodeGpuEngine } from "@tabgrad/gpu/node";
import { timeTraining } from "../timed-training.ts";
import { findTorch, runTorch, type Torch } from "../torch.ts";
import { gpuWorks, workOf, type GpuWork } from "./works.ts";

const [rounds = "3", ...names] = process.argv.slice(2);
/** In PyTorch as many. */
const warmUp = 20;

/** How PyTorch computes: float32 throughout, products in TF32, or autocast to f16 with scaled losses. */
const torchModes = ["float32", "tf32", "mixed"] as const;

interface Cuda extends Torch {
  readonly device: string;
}

/** PyTorch, if it has a GPU. */
function findCuda(): Cuda | undefined {
  const torch = findTorch();
  if (!torch) return undefined;
  const { device } = runTorch<{ device: string | null }>(torch, "cuda", "device");
  return device === null ? undefined : { ...torch, device };
}

/** By who measured. */
type Speeds = Map<string, number[]>;

const ours = (precision: Precision): string => `tabgrad ${precision}`;

const note = (speeds: Speeds, name: string, speed: number): void => void speeds.set(name, [...(speeds.get(name) ?? []), speed]);

/** One round: ours one work after another, then theirs, since a process that has loaded PyTorch once is enough. */
async function measure(
  engine: Engine,
  precisions: readonly Precision[],
  cuda: Cuda | undefined,
  rows: readonly Row[],
): Promise<void> {
  for (const { work, speeds } of rows)
    for (const precision of precisions)
      note(speeds, ours(precision), await timeTraining(engine, workOf(work), { warmUp, steps: work.steps, precision }));
  if (!cuda) return;
  const works = rows.map(({ work: { name, rows, steps } }) => ({ name, rows, steps }));
  const found = runTorch<Record<string, number>[]>(cuda, "cuda", JSON.stringify(works));
  for (const [i, { speeds }] of rows.entries()) for (const mode of torchModes) note(speeds, `PyTorch ${mode}`, found[i][mode]);
}

interface Row {
  readonly work: GpuWork;
  readonly speeds: Speeds;
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

function print({ name, rows, unit }: GpuWork, speeds: Speeds, units: number): void {
  console.log(`${name}, ${rows} rows: ${unit} a second`);
  for (const [who, found] of speeds) {
    const speed = median(found);
    const step = ((units / speed) * 1000).toFixed(3);
    const all = found.map((value) => `${(value / 1000).toFixed(1)}k`).join(" ");
    console.log(
      `    ${who.padEnd(18)} ${Math.round(speed).toLocaleString("en").padStart(12)}  ${step.padStart(9)} ms a step  (${all})`,
    );
  }
}

const engine = await createNodeGpuEngine();
const cuda = findCuda();
const precisions = (["float32", "mixed"] as const).filter(
  (precision) => precision === "float32" || engine.adapter.features.includes("shader-f16"),
);
const beside = cuda ? `PyTorch ${cuda.version} on ${cuda.device}` : "no PyTorch with CUDA";
console.log(
  `${engine.device} (${engine.adapter.description}), Node ${process.versions.node}; ${beside}; median of ${rounds} rounds\n`,
);
const rows = gpuWorks
  .filter(({ name }) => names.length === 0 || names.includes(name))
  .map((work): Row => ({ work, speeds: new Map() }));
for (let round = 0; round < Number(rounds); round++) await measure(engine, precisions, cuda, rows);
for (const { work, speeds } of rows) print(work, speeds, workOf(work).units);
await engine.close();
