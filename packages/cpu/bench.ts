// npx tsx --conditions=@tabgrad/source packages/cpu/bench.ts [seconds]
// How fast the CPU engine trains, and what each choice of the lowering and of the session's settings is worth. Variants take turns, and
// are compared by processor time, which other programs on the machine disturb least. README.md has the figures.
import { elementCount, parameterElements, trainingGraph, weightsInput } from "@tabgrad/core";
import { encodeModel, lowerGraph, type OnnxModel } from "./src/index.ts";
import { createNodeCpuEngine } from "./src/node.ts";
import * as ort from "onnxruntime-node";
import { columnSum } from "./src/onnx/peepholes/column-sum.ts";
import { gemmAddend } from "./src/onnx/peepholes/gemm-addend.ts";
import { peepholes } from "./src/onnx/peepholes/index.ts";
import type { OrtSessionOptions } from "./src/runtime.ts";
import { sessionOptions } from "./src/session.ts";
import { batchOf, classifier, numbers, parametersOf } from "./test/models.ts";

const sizes = [784, 256, 128, 10];
const rows = 128;
const seconds = Number(process.argv[2] ?? 20);
const forward = classifier(sizes);

interface Variant {
  readonly name: string;
  run(): Promise<unknown>;
  close(): Promise<unknown>;
}

/** The session alone, on arrays that stay the same. */
async function session(name: string, model: OnnxModel, changes: Partial<OrtSessionOptions> = {}): Promise<Variant> {
  const created = await ort.InferenceSession.create(encodeModel(model), { ...sessionOptions(1), ...changes });
  const data: Record<string, Float32Array> = { ...batchOf(sizes, rows, 1).inputs, [weightsInput]: new Float32Array(rows).fill(1) };
  const tensor = (full: string, shape: readonly (number | string)[]): ort.Tensor => {
    const dimensions = shape.map(Number);
    const fed = data[full.replace("input:", "")] ?? numbers(elementCount(dimensions), 1, 0.05);
    return new ort.Tensor("float32", fed, dimensions);
  };
  const feeds = Object.fromEntries(model.graph.inputs.map((input) => [input.name, tensor(input.name, input.shape)]));
  const fetches = Object.fromEntries(model.graph.outputs.map((output) => [output.name, tensor(output.name, output.shape)]));
  return { name, run: () => created.run(feeds, fetches), close: () => created.release() };
}

async function engine(name: string, batches: number, threads: number): Promise<Variant> {
  const made = await createNodeCpuEngine({ threads });
  const program = await made.compile(forward);
  await program.setParameters(parametersOf(forward, 1));
  const gradients = new Float32Array(parameterElements(forward));
  const work = Array.from({ length: batches }, () => batchOf(sizes, rows, 1));
  return { name, run: () => program.train(work, gradients), close: () => made.close() };
}

const print = (line: string): boolean => process.stdout.write(`${line}\n`);

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1];

/** Milliseconds for one run of each variant: medians over turns of ten runs. */
async function race(variants: readonly Variant[]): Promise<{ name: string; wall: number; processor: number }[]> {
  const turns = variants.map(() => ({ wall: [] as number[], processor: [] as number[] }));
  const runs = 10;
  const end = performance.now() + 1000 * seconds;
  while (performance.now() < end) {
    for (const [i, variant] of variants.entries()) {
      const wall = performance.now();
      const processor = process.cpuUsage();
      for (let run = 0; run < runs; run++) await variant.run();
      const used = process.cpuUsage(processor);
      turns[i].wall.push((performance.now() - wall) / runs);
      turns[i].processor.push((used.user + used.system) / 1000 / runs);
    }
  }
  await Promise.all(variants.map((variant) => variant.close()));
  return variants.map(({ name }, i) => ({ name, wall: median(turns[i].wall), processor: median(turns[i].processor) }));
}

const training = trainingGraph(forward, rows);
const model = lowerGraph(training);
const without = (rule: unknown): OnnxModel => lowerGraph(training, { rules: peepholes.filter((peephole) => peephole !== rule) });

print(`MLP ${sizes.join("-")}, batch ${rows}, forward, loss, metric and backward`);
for (const [batches, threads] of [
  [1, 1],
  [4, 1],
  [1, 2],
]) {
  const [{ wall, processor }] = await race([await engine("engine", batches, threads)]);
  const rate = (milliseconds: number): string => Math.round((1000 * batches * rows) / milliseconds).toLocaleString("en");
  print(`${batches} batch(es) a call, ${threads} thread(s): ${rate(wall)} samples/s, ${rate(processor)} per processor second`);
}

const results = await race([
  await session("as it is", model),
  await session("without gemm-addend", without(gemmAddend)),
  await session("without column-sum", without(columnSum)),
  await session("Gemm's own transA flag", model, { extra: {} }),
  await session("no memory arena", model, { enableCpuMemArena: false }),
  await session("no memory pattern", model, { enableMemPattern: false }),
]);
for (const { name, processor } of results) {
  print(`${name.padEnd(24)} ${(1000 * processor).toFixed(0).padStart(6)} µs  ${(processor / results[0].processor).toFixed(3)}`);
}
