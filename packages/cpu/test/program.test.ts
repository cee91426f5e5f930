// The engine's promises: sums over samples, padding that counts for nothing, gradients where they are wanted, the same bits every time.
import {
  accuracy,
  confusionMatrix,
  crossEntropy,
  dense,
  evaluate,
  evaluationGraph,
  f1,
  forwardGraph,
  gradientPrefix,
  multiHeadAttention,
  sampleSums,
  sequential,
  trainingGraph,
  withFrozen,
  type Batch,
  type Engine,
  type Graph,
  type Tensor,
} from "@tabgrad/core";
import { createCpuEngine } from "../src/index.ts";
import { createNodeCpuEngine } from "../src/node.ts";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { batchOf, classifier, numbers, parametersOf, relativeError, trained } from "./models.ts";

const sizes = [20, 16, 12, 5];
const forward = classifier(sizes);
const parameters = parametersOf(forward, 1);

let engine: Engine;
beforeAll(async () => void (engine = await createNodeCpuEngine()));
afterAll(() => engine.close());

async function program(graph: Graph = forward, values = parameters) {
  const compiled = await engine.compile(graph);
  await compiled.setParameters(values);
  return compiled;
}

/** The same in float64: the flat gradient, and the sums. */
function reference(batch: Batch, values: ArrayLike<number> = parameters) {
  const results = evaluate(trainingGraph(forward, batch.rows), { ...batch.inputs, weights: batch.weights }, values);
  const gradients = Object.entries(results).flatMap(([name, { data }]: [string, Tensor]) =>
    name.startsWith(gradientPrefix) ? [...data] : [],
  );
  return { gradients, loss: results.loss.data[0], accuracy: results["metric:accuracy"].data[0] };
}

/** A class for each of four positions, some of which are ignored, in two batches with padding. */
function manySums() {
  const data = { features: { shape: [4, 5], scale: 1, shift: 0 }, labels: { kind: "classes", count: 3, shape: [4] } } as const;
  const many = forwardGraph({
    model: sequential(multiHeadAttention({ heads: 1, causal: true }), dense(3)),
    loss: crossEntropy({ classWeights: [1, 2, 3], ignoreIndex: -1 }),
    metrics: [confusionMatrix(), f1(), accuracy()],
    data,
  });
  const batches = [
    { rows: 8, samples: 8 },
    { rows: 8, samples: 3 },
  ].map(({ rows, samples }, i): Batch => ({
    rows,
    samples,
    inputs: { features: numbers(rows * 20, i), labels: Float32Array.from({ length: rows * 4 }, (_, j) => ((j * 5 + i) % 4) - 1) },
    weights: Float32Array.from({ length: rows }, (_, row) => (row < samples ? 1 : 0)),
  }));
  return { many, batches };
}

it("gives all sums of metrics that have several, and the weights of a loss, in the order of the graph", async () => {
  const { many, batches } = manySums();
  const values = parametersOf(many, 3);
  const compiled = await program(many, values);
  const found = await compiled.evaluate(batches);
  const { sums } = await trained(compiled, batches);
  const expected = sampleSums(many).flatMap(({ name, elements }) =>
    Array.from({ length: elements }, (_, i) =>
      batches.reduce((total, { rows, inputs, weights }) => {
        const { data } = evaluate(evaluationGraph(many, rows), { ...inputs, weights }, values)[name];
        return total + data[i];
      }, 0),
    ),
  );
  expect(expected).toHaveLength(1 + 9 + 9 + 2 + 1);
  for (const { samples, lossSum, metricSums } of [found, sums]) {
    expect(samples).toBe(11);
    expect(relativeError([lossSum, ...metricSums], expected)).toBeLessThan(1e-6);
  }
});

it("is not compiled in mixed precision, and says what to do", async () => {
  await expect(engine.compile(forward, { precision: "mixed" })).rejects.toMatchObject({
    code: "ENGINE_UNSUPPORTED",
    remedy: expect.stringContaining('precision: "float32"') as string,
  });
});

describe("train", () => {
  it.each([1, 2, 3])("gives frozen parameters zeros, and the others the same bits, in %i batches", async (count) => {
    const batches = Array.from({ length: count }, (_, i) => batchOf(sizes, 16, 10 + i));
    const whole = await trained(await program(), batches);
    const less = await trained(await program(withFrozen(forward, ["0.weight", "0.bias"])), batches);
    const frozen = sizes[0] * sizes[1] + sizes[1];
    expect(less.gradients).toEqual(whole.gradients.fill(0, 0, frozen));
    expect(less.sums).toEqual(whole.sums);
  });

  it("gives what float64 gives, within float32 rounding", async () => {
    const batch = batchOf(sizes, 33, 5);
    const { sums, gradients } = await trained(await program(), [batch]);
    const expected = reference(batch);
    expect(relativeError(gradients, expected.gradients)).toBeLessThan(2e-6);
    expect(sums.lossSum / expected.loss).toBeCloseTo(1, 6);
    expect(sums).toMatchObject({ samples: 33, metricSums: [expected.accuracy] });
  });

  it.each([2, 3, 4])("adds up %i batches, of different numbers of rows too", async (count) => {
    const batches = Array.from({ length: count }, (_, i) => batchOf(sizes, i % 2 ? 7 : 16, 10 + i));
    const { sums, gradients } = await trained(await program(), batches);
    const parts = batches.map((batch) => reference(batch));
    const expected = parts[0].gradients.map((_, i) => parts.reduce((total, part) => total + part.gradients[i], 0));
    expect(relativeError(gradients, expected)).toBeLessThan(2e-6);
    expect(sums.samples).toBe(batches.reduce((total, batch) => total + batch.rows, 0));
    expect(sums.lossSum / parts.reduce((total, part) => total + part.loss, 0)).toBeCloseTo(1, 6);
    expect(sums.metricSums).toEqual([parts.reduce((total, part) => total + part.accuracy, 0)]);
  });

  it("gives zeros for no batches", async () => {
    const { sums, gradients } = await trained(await program(), []);
    expect(sums).toEqual({ samples: 0, lossSum: 0, metricSums: [0] });
    expect(gradients.every((value) => value === 0)).toBe(true);
  });

  it("overwrites what an earlier call left", async () => {
    const compiled = await program();
    const gradients = new Float32Array(parameters.length);
    await compiled.train([batchOf(sizes, 8, 1), batchOf(sizes, 8, 2)], gradients);
    await compiled.train([batchOf(sizes, 8, 3)], gradients);
    expect(gradients).toEqual((await trained(compiled, [batchOf(sizes, 8, 3)])).gradients);
  });

  it("counts padding for exactly nothing", async () => {
    const compiled = await program();
    const [zeros, other] = [0, 3].map((padding) => batchOf(sizes, 16, 4, { samples: 11, padding }));
    const first = await trained(compiled, [zeros]);
    expect(await trained(compiled, [other])).toEqual(first);
    expect(relativeError(first.gradients, reference(zeros).gradients)).toBeLessThan(2e-6);
    const unpadded = { rows: 11, samples: 11, inputs: cut(zeros, 11), weights: new Float32Array(11).fill(1) };
    expect(relativeError(first.gradients, reference(unpadded).gradients)).toBeLessThan(2e-6);
    expect(first.sums.samples).toBe(11);
  });

  it("uses new parameters, in the same array or another", async () => {
    const values = Float32Array.from(parameters);
    const compiled = await program(forward, values);
    const batch = batchOf(sizes, 8, 1);
    values.set(parametersOf(forward, 50));
    await compiled.setParameters(values);
    expect(relativeError((await trained(compiled, [batch])).gradients, reference(batch, values).gradients)).toBeLessThan(2e-6);
    const others = parametersOf(forward, 60);
    await compiled.setParameters(others);
    expect(relativeError((await trained(compiled, [batch])).gradients, reference(batch, others).gradients)).toBeLessThan(2e-6);
  });

  it("works on views into larger buffers", async () => {
    const buffer = new Float32Array(parameters.length + 3);
    buffer.set(parameters, 3);
    const gradients = new Float32Array(parameters.length + 5).fill(777);
    const compiled = await program(forward, buffer.subarray(3));
    await compiled.train([batchOf(sizes, 8, 1)], gradients.subarray(1, 1 + parameters.length));
    expect(gradients.subarray(1, 1 + parameters.length)).toEqual(
      (await trained(await program(), [batchOf(sizes, 8, 1)])).gradients,
    );
    expect([gradients[0], ...gradients.slice(-4)]).toEqual([777, 777, 777, 777, 777]);
  });

  it("follows float64 through 20 steps of gradient descent within 1e-5", async () => {
    const values = Float32Array.from(parameters);
    const exact = Float64Array.from(parameters);
    const compiled = await program(forward, values);
    const gradients = new Float32Array(values.length);
    for (let step = 0; step < 20; step++) {
      const batch = batchOf(sizes, 24, 100 + step);
      await compiled.train([batch], gradients);
      const expected = reference(batch, exact).gradients;
      values.forEach((value, i) => (values[i] = value - (0.1 / 24) * gradients[i]));
      exact.forEach((value, i) => (exact[i] = value - (0.1 / 24) * expected[i]));
      await compiled.setParameters(values);
    }
    expect(relativeError(values, exact)).toBeLessThan(1e-5);
    expect(relativeError(parameters, exact)).toBeGreaterThan(1e-2);
  });
});

describe("the same inputs", () => {
  it("give the same bits, whatever ran before, in another program and in an engine of its own", async () => {
    const batches = [batchOf(sizes, 16, 1), batchOf(sizes, 5, 2)];
    const compiled = await program();
    const first = await trained(compiled, batches);
    await compiled.evaluate([batchOf(sizes, 31, 9)]);
    await trained(compiled, [batchOf(sizes, 7, 3)]);
    await compiled.setParameters(Float32Array.from(parameters));
    expect(await trained(compiled, batches)).toEqual(first);
    expect(await trained(await program(), batches)).toEqual(first);
    const other = await createNodeCpuEngine();
    const again = await other.compile(forward);
    await again.setParameters(parameters);
    expect(await trained(again, batches)).toEqual(first);
    await other.close();
  });
});

describe("evaluate", () => {
  it("gives loss and metrics, and leaves gradients alone", async () => {
    const batches = [batchOf(sizes, 16, 1, { samples: 13 }), batchOf(sizes, 9, 2)];
    const sums = await (await program()).evaluate(batches);
    const parts = batches.map((batch) => {
      const results = evaluate(evaluationGraph(forward, batch.rows), { ...batch.inputs, weights: batch.weights }, parameters);
      return { loss: results.loss.data[0], accuracy: results["metric:accuracy"].data[0] };
    });
    expect(sums.samples).toBe(22);
    expect(sums.lossSum / (parts[0].loss + parts[1].loss)).toBeCloseTo(1, 6);
    expect(sums.metricSums).toEqual([parts[0].accuracy + parts[1].accuracy]);
  });
});

describe("a runtime that returns its results instead of writing them", () => {
  it("gives the same", async () => {
    const copying = createCpuEngine({ ort, threads: 1, results: "returned", description: "copies" });
    const compiled = await copying.compile(forward);
    await compiled.setParameters(parameters);
    const batches = [batchOf(sizes, 16, 1), batchOf(sizes, 5, 2), batchOf(sizes, 5, 3)];
    expect(await trained(compiled, batches)).toEqual(await trained(await program(), batches));
    expect(await compiled.evaluate(batches)).toEqual(await (await program()).evaluate(batches));
    await copying.close();
  });
});

describe("threads", () => {
  it("may be several", async () => {
    const threaded = await createNodeCpuEngine({ threads: 2 });
    const compiled = await threaded.compile(forward);
    await compiled.setParameters(parameters);
    const batch = batchOf(sizes, 33, 5);
    expect(relativeError((await trained(compiled, [batch])).gradients, reference(batch).gradients)).toBeLessThan(2e-6);
    expect(await trained(compiled, [batch])).toEqual(await trained(compiled, [batch]));
    expect(threaded.device).toMatch(/^ONNX Runtime \d+\.\d+\.\d+, 2 threads$/);
    await threaded.close();
  });
});

const cut = ({ inputs }: Batch, rows: number): Batch["inputs"] => ({
  x: inputs.x.slice(0, rows * sizes[0]),
  label: inputs.label.slice(0, rows),
});
