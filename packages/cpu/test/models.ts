// Models that several tests train, built from operations alone.
import { GraphBuilder, math, parameterSlots, type Batch, type Graph, type Program, type Sums } from "@tabgrad/core";

/** Dense layers with ReLU between them, cross-entropy from logits, and accuracy. `sizes` are the features, the units of each layer. */
export function classifier(sizes: readonly number[]): Graph {
  const builder = new GraphBuilder(1);
  let x = builder.emit("input", [], { name: "x", shape: [sizes[0]], batched: true });
  const label = builder.emit("input", [], { name: "label", shape: [], batched: true });
  const initialisation = { kind: "constant", value: 0 } as const;
  sizes.slice(1).forEach((units, i) => {
    if (i > 0) x = math.relu(x);
    const weight = builder.emit("parameter", [], { name: `${i}.weight`, shape: [units, sizes[i]], initialisation });
    const bias = builder.emit("parameter", [], { name: `${i}.bias`, shape: [units], initialisation });
    x = builder.scope(`dense ${i + 1}`, () => math.add(math.matmul(x, weight, { transposeB: true }), bias));
  });
  const chosen = math.multiply(math.oneHot(label, sizes[sizes.length - 1]), math.logSoftmax(x));
  return builder.graph({ loss: math.negate(math.sum(chosen, [1])), "metric:accuracy": math.equal(math.argmax(x), label) });
}

/** Repeatable numbers in [-1, 1] (mulberry32, Tommy Ettinger 2017): tests need other numbers for each seed, not good ones. */
export function numbers(length: number, seed: number, scale = 1): Float32Array<ArrayBuffer> {
  let state = seed;
  return Float32Array.from({ length }, () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 31 - 1) * scale;
  });
}

/** Parameters at the scale that He's initialisation gives them. */
export function parametersOf(graph: Graph, seed: number): Float32Array<ArrayBuffer> {
  const parts = parameterSlots(graph).map(({ elements, shape }, i) =>
    numbers(elements, seed + i, Math.sqrt(6 / (shape[1] ?? shape[0]))),
  );
  return Float32Array.from(parts.flatMap((part) => [...part]));
}

/** Samples for `classifier`. The rows after the first `samples` are padding, filled with `padding`. */
export function batchOf(sizes: readonly number[], rows: number, seed: number, { samples = rows, padding = 0 } = {}): Batch {
  const [features] = sizes;
  const classes = sizes[sizes.length - 1];
  const x = numbers(rows * features, seed);
  const label = numbers(rows, seed + 1).map((value) => Math.min(Math.floor(((value + 1) / 2) * classes), classes - 1));
  x.fill(padding, samples * features);
  label.fill(padding ? 1 : 0, samples);
  return { rows, samples, inputs: { x, label }, weights: Float32Array.from({ length: rows }, (_, row) => (row < samples ? 1 : 0)) };
}

export async function trained(program: Program, batches: readonly Batch[]): Promise<{ sums: Sums; gradients: Float32Array }> {
  // Filled, so that a value that is not written, or added to, is seen.
  const gradients = new Float32Array(program.parameterElements).fill(777);
  return { sums: await program.train(batches, gradients), gradients };
}

/** The largest difference, in units of the largest reference value. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0;
  let scale = 0;
  for (let i = 0; i < expected.length; i++) {
    difference = Math.max(difference, Math.abs(actual[i] - expected[i]));
    scale = Math.max(scale, Math.abs(expected[i]));
  }
  return actual.length === expected.length ? difference / (scale || 1) : Infinity;
}
