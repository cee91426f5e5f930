// What the tests of this package share: one engine for a file, models, and comparison with the float64 evaluator.
import {
  evaluate,
  evaluationGraph,
  gradientPrefix,
  GraphBuilder,
  math,
  parameterSlots,
  sampleSums,
  trainingGraph,
  type Batch,
  type Graph,
  type Sums,
  type Value,
} from "@tabgrad/core";
import { afterAll, beforeAll, expect } from "vitest";
import type { GpuEngine } from "../src/index.ts";
import { createNodeGpuEngine, openGpu } from "../src/node.ts";

/** One engine for all tests of a file. */
export function sharedEngine(): () => GpuEngine {
  let engine: GpuEngine;
  beforeAll(async () => {
    engine = await createNodeGpuEngine();
  });
  afterAll(() => engine.close());
  return () => engine;
}

/** Whether the adapter that the tests run on can store f16: where it can't, there is a refusal to test. */
export async function adapterHasHalf(): Promise<boolean> {
  const opening = await openGpu();
  return opening.available && opening.report.features.includes("shader-f16");
}

/** A few reproducible numbers in [-1, 1), float32. */
export function numbers(count: number, seed = 1): Float32Array {
  let state = seed * 2654435761;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

export const parameter = (builder: GraphBuilder, name: string, shape: readonly number[]): Value =>
  builder.emit("parameter", [], { name, shape, initialisation: { kind: "constant", value: 0 } });

export const dataset = (builder: GraphBuilder, name: string, shape: readonly number[] = []): Value =>
  builder.emit("input", [], { name, shape, batched: true });

type Activation = "relu" | "tanh" | "sigmoid" | "softplus";

/** A classifier with cross-entropy and accuracy, as layers would build it. */
export function mlp(sizes: readonly number[], activation: Activation = "relu"): Graph {
  const builder = new GraphBuilder(1);
  let x = dataset(builder, "x", [sizes[0]]);
  for (let layer = 0; layer + 1 < sizes.length; layer++) {
    const [inputs, units] = [sizes[layer], sizes[layer + 1]];
    const weight = parameter(builder, `${layer}.weight`, [units, inputs]);
    const bias = parameter(builder, `${layer}.bias`, [units]);
    x = builder.scope(`dense ${layer + 1}`, () => math.add(math.matmul(x, weight, { transposeB: true }), bias));
    if (layer + 2 < sizes.length) x = builder.scope(`${activation} ${layer + 1}`, () => math[activation](x));
  }
  const label = dataset(builder, "label");
  const hit = math.multiply(math.oneHot(label, sizes[sizes.length - 1]), math.logSoftmax(x));
  return builder.graph({
    loss: builder.scope("cross-entropy", () => math.negate(math.sum(hit, [1]))),
    "metric:accuracy": builder.scope("accuracy", () => math.equal(math.argmax(x), label)),
  });
}

/** `samples` random samples for `mlp`, padded to `rows`. */
export function classifierBatch(sizes: readonly number[], samples: number, rows = samples, seed = 1): Batch {
  const [inputs, classes] = [sizes[0], sizes[sizes.length - 1]];
  const x = new Float32Array(rows * inputs);
  x.set(numbers(samples * inputs, seed));
  const label = Float32Array.from({ length: rows }, (_, row) => (row < samples ? (row * 7 + seed) % classes : 0));
  const weights = Float32Array.from({ length: rows }, (_, row) => (row < samples ? 1 : 0));
  return { rows, samples, inputs: { x, label }, weights };
}

/** What an engine should find, in float64: sums and gradients over all batches. */
export function reference(
  forward: Graph,
  batches: readonly Batch[],
  parameters: ArrayLike<number>,
): { sums: Sums; gradients: Float64Array } {
  const slots = parameterSlots(forward);
  const gradients = new Float64Array(slots.reduce((total, { elements }) => total + elements, 0));
  const places = sampleSums(forward).flatMap(({ name, elements }) => Array.from({ length: elements }, (_, i) => ({ name, i })));
  const sums = places.map(() => 0);
  for (const { rows, inputs, weights } of batches) {
    const outputs = evaluate(trainingGraph(forward, rows), { ...inputs, weights }, parameters);
    for (const { name, offset } of slots)
      outputs[gradientPrefix + name].data.forEach((value, i) => (gradients[offset + i] += value));
    places.forEach(({ name, i }, place) => (sums[place] += outputs[name].data[i]));
  }
  const samples = batches.reduce((total, batch) => total + batch.samples, 0);
  return { sums: { samples, lossSum: sums[0], metricSums: sums.slice(1) }, gradients };
}

/** The value of a one-output graph without dataset inputs, in float64. */
export const referenceLossOf = (forward: Graph, parameters: ArrayLike<number>): number =>
  evaluate(evaluationGraph(forward, 1), { weights: [1] }, parameters).loss.data[0];

/** ‖found − expected‖ / ‖expected‖ in the Euclidean norm. */
export const relativeDistance = (found: Float32Array, expected: Float64Array): number =>
  Math.hypot(...expected.map((value, i) => value - found[i])) / Math.hypot(...expected);

/** |found − expected| ≤ tolerance · (1 + the largest |expected|): float32 sums lose what is small beside the largest term. */
export function expectClose(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-5): void {
  expect(found.length).toBe(expected.length);
  let scale = 1;
  for (let i = 0; i < expected.length; i++) scale = Math.max(scale, Math.abs(expected[i]));
  for (let i = 0; i < expected.length; i++) {
    if (Math.abs(found[i] - expected[i]) <= tolerance * scale) continue;
    expect.fail(`element ${i} is ${found[i]}, expected ${expected[i]} within ${tolerance * scale}`);
  }
}

/** The limits that every WebGPU device has at least: what kernels are generated for where no device is needed. */
export const limits = {
  maxStorageBuffersPerShaderStage: 8,
  maxStorageBufferBindingSize: 2 ** 27,
  maxComputeWorkgroupsPerDimension: 65535,
  maxBufferSize: 2 ** 28,
};
