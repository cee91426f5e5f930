// The proof of an engine: the right one passes, every kind of wrong one does not, and the speed is the clock's.
import { proveEngine, TabgradError, type Batch, type Engine, type Program, type Sums } from "@tabgrad/core";
import { createNodeCpuEngine } from "../src/node.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

let engine: Engine;
beforeAll(async () => void (engine = await createNodeCpuEngine()));
afterAll(() => engine.close());

/** A clock that moves on by so many milliseconds whenever it is read. */
function clock(milliseconds: number): () => number {
  let time = 1000;
  return () => (time += milliseconds);
}
const quick = () => ({ now: clock(1), budgetMs: 1 });

type Train = (real: Program, batches: readonly Batch[], gradients: Float32Array) => Promise<Sums>;

/** The real engine with another `train`. */
const withTrain = (train: Train): Engine => ({
  ...engine,
  async compile(graph) {
    const real = await engine.compile(graph);
    return {
      parameterElements: real.parameterElements,
      setParameters: (parameters) => real.setParameters(parameters),
      train: (batches, gradients) => train(real, batches, gradients),
      evaluate: (batches) => real.evaluate(batches),
      predict: (batch) => real.predict(batch),
      close: () => real.close(),
    };
  },
});

/** The real engine, whose gradients are spoilt afterwards. */
const spoilt = (spoil: (gradients: Float32Array) => void): Engine =>
  withTrain(async (real, batches, gradients) => {
    const sums = await real.train(batches, gradients);
    spoil(gradients);
    return sums;
  });

describe("an engine that computes rightly", () => {
  it("passes, with errors that are float32's", async () => {
    const proof = await proveEngine(engine, quick());
    expect(proof).toMatchObject({ passed: true, tolerance: 1e-4 });
    for (const error of [proof.relativeError, proof.worstError, proof.lossError]) {
      expect(error).toBeLessThan(1e-6);
    }
    expect(proof.relativeError).toBeGreaterThan(0);
  });

  it("stays open, and its programs are closed", async () => {
    let open = 0;
    const counting: Engine = {
      ...engine,
      async compile(graph) {
        open++;
        const program = await engine.compile(graph);
        const close = program.close.bind(program);
        program.close = () => (open--, close());
        return program;
      },
      close: () => Promise.reject(new Error("closed")),
    };
    await proveEngine(counting, quick());
    expect(open).toBe(0);
  });
});

describe("an engine that computes wrongly does not pass", () => {
  it.each<[string, (gradients: Float32Array) => void]>([
    ["a flipped sign", (gradients) => gradients.forEach((value, i) => (gradients[i] = -value))],
    ["one flipped sign, of the largest value", (gradients) => (gradients[indexOfLargest(gradients)] *= -1)],
    ["one NaN", (gradients) => (gradients[7] = NaN)],
    ["an infinity", (gradients) => (gradients[7] = Infinity)],
    ["a slice that is zero", (gradients) => gradients.fill(0, 100, 130)],
    ["nothing but zeros", (gradients) => gradients.fill(0)],
    ["values too large by a thousandth", (gradients) => gradients.forEach((value, i) => (gradients[i] = value * 1.001))],
    ["a mean for a sum", (gradients) => gradients.forEach((value, i) => (gradients[i] = value / 29))],
  ])("%s", async (_, spoil) => {
    expect((await proveEngine(spoilt(spoil), quick())).passed).toBe(false);
  });

  it.each<[string, Train]>([
    ["padding that counts", (real, batches, gradients) => real.train(batches.map(allCount), gradients)],
    ["a batch that is forgotten", (real, batches, gradients) => real.train(batches.slice(-1), gradients)],
    ["products in a short format", (real, batches, gradients) => real.train(batches.map(shortened), gradients)],
    ["a gradient that is never written", (real, batches) => real.train(batches, new Float32Array(real.parameterElements))],
    ["a wrong loss", async (...call) => ({ ...(await rightly(...call)), lossSum: 1 })],
  ])("%s", async (_, train) => {
    expect((await proveEngine(withTrain(train), quick())).passed).toBe(false);
  });

  it("tells an error that is no number from a small one", async () => {
    const proof = await proveEngine(
      spoilt((gradients) => gradients.fill(NaN)),
      quick(),
    );
    expect(proof).toMatchObject({ passed: false, relativeError: Infinity, worstError: Infinity });
  });
});

describe("an engine that does not compute at all", () => {
  it("rejects with what the engine says, and the program is closed", async () => {
    const said = new TabgradError("ENGINE_FAILED", "the GPU failed", "Start the engine again.");
    await expect(proveEngine(withTrain(() => Promise.reject(said)))).rejects.toBe(said);
    await expect(proveEngine({ ...engine, compile: () => Promise.reject(said) })).rejects.toBe(said);
  });
});

describe("the speed", () => {
  it.each([
    { tick: 150, budgetMs: 400, runs: 3 },
    { tick: 100, budgetMs: 400, runs: 4 },
    { tick: 2500, budgetMs: 400, runs: 1 },
    { tick: 10, budgetMs: 0, runs: 1 },
  ])("is $runs batches in a budget of $budgetMs ms, when each takes $tick ms", async ({ tick, budgetMs, runs }) => {
    let batches = 0;
    const counting = withTrain((real, given, gradients) => {
      batches += given[0].rows === 256 ? given.length : 0;
      return real.train(given, gradients);
    });
    const proof = await proveEngine(counting, { now: clock(tick), budgetMs });
    expect(proof.milliseconds).toBe(runs * tick);
    expect(proof.samplesPerSecond).toBeCloseTo((256 * 1000) / tick, 6);
    // And one to warm up.
    expect(batches).toBe(runs + 1);
  });

  it("waits for a clock that stands still for a while", async () => {
    let reads = 0;
    const proof = await proveEngine(engine, { now: () => (reads++ < 3 ? 0 : 5), budgetMs: 0 });
    expect(proof).toMatchObject({ milliseconds: 5, samplesPerSecond: (3 * 256 * 1000) / 5 });
  });
});

const rightly: Train = (real, batches, gradients) => real.train(batches, gradients);

const allCount = (batch: Batch): Batch => ({ ...batch, weights: new Float32Array(batch.rows).fill(1) });

/** Features with 10 bits behind the point, as TF32 has them. */
const shortened = (batch: Batch): Batch => {
  const bits = new Uint32Array(batch.inputs.features.slice().buffer).map((word) => ((word + 0x1000) & ~0x1fff) >>> 0);
  return { ...batch, inputs: { ...batch.inputs, features: new Float32Array(bits.buffer) } };
};

const indexOfLargest = (values: Float32Array): number =>
  values.reduce((best, value, i) => (Math.abs(value) > Math.abs(values[best]) ? i : best), 0);
