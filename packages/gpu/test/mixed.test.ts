// Mixed precision: what is stored as f16, and what comes of it. The numbers need an adapter with shader-f16; the rest needs none.
import { GraphBuilder, math, parameterElements, type Batch, type Graph, type Value } from "@tabgrad/core";
import { describe, expect, it } from "vitest";
import { createNodeGpuEngine } from "../src/node.ts";
import { layoutOf } from "../src/plan/layout.ts";
import { aligned, type Tensor, wordsOf } from "../src/plan/tensor.ts";
import { compileVariant, type Compiled } from "../src/variant.ts";
import {
  adapterHasHalf,
  classifierBatch,
  dataset,
  limits,
  mlp,
  numbers,
  parameter,
  reference,
  relativeDistance,
  sharedEngine,
} from "./support.ts";

const mixed = { ...limits, precision: "mixed" } as const;
const compiled = (graph: Graph, rows: number): Compiled => compileVariant(graph, "train", rows, layoutOf(graph), mixed);

/** The tensors of a dispatch, its result first: "half f16", "arena f32", … */
const bound = ({ lowered }: Compiled, label: string): string[][] =>
  lowered.dispatches
    .filter((dispatch) => dispatch.label === label)
    .map(({ bindings }) => bindings.map(({ tensor: { storage, type } }) => `${storage} ${type}`));

describe("what mixed precision stores as f16", () => {
  it("are activations, their gradients, and the copies of weights that products read", () => {
    const plan = compiled(mlp([16, 32, 8]), 8);
    const [forward] = bound(plan, "dense 1: matmul");
    // The input is the dataset's, and stays as it came; the bias is added as float32.
    expect(forward).toEqual(["arena f16", "arena f32", "half f16", "parameter f32"]);
    expect(bound(plan, "dense 2: matmul")[0].slice(0, 3)).toEqual(["arena f16", "arena f16", "half f16"]);
  });

  it("are no sums, no gradients of parameters, no constants and no parameters", () => {
    const { lowered } = compiled(mlp([16, 32, 8]), 512);
    const half = lowered.tensors.filter(({ type }) => type === "f16");
    expect(new Set(half.map(({ storage }) => storage))).toEqual(new Set(["arena", "half"]));
    const written = lowered.dispatches.map(({ bindings: [{ tensor }] }) => tensor);
    expect(written.filter(({ storage }) => storage === "result").every(({ type }) => type === "f32")).toBe(true);
    // The weights' gradients are cut into parts, which are summed.
    expect(written.some(({ storage, type }) => storage === "arena" && type === "f32")).toBe(true);
  });

  it("is nothing where operations only exponentiate and divide, unless a product reads it", () => {
    const read = (then: (x: Value, builder: GraphBuilder) => Value): string[] => {
      const builder = new GraphBuilder(1);
      const x = dataset(builder, "x", [4]);
      const shared = math.exp(x);
      return bound(compiled(builder.graph({ loss: math.sum(math.add(then(shared, builder), shared), [1]) }), 4), "exp").map(
        ([first]) => first,
      );
    };
    expect(read((x) => math.softmax(x))).toEqual(["arena f32"]);
    expect(read((x, builder) => math.matmul(x, parameter(builder, "w", [4, 4])))).toEqual(["arena f16"]);
  });

  it("takes half the memory", () => {
    const graph = mlp([64, 512, 512, 10]);
    const bytes = (precision: "float32" | "mixed"): number =>
      4 * compileVariant(graph, "train", 16_384, layoutOf(graph), { ...limits, precision }).memory.buffers[0];
    expect(bytes("mixed") / bytes("float32")).toBeLessThan(0.62);
  });

  it("begins at multiples of 256 bytes", () => {
    const { lowered, memory } = compiled(mlp([5, 7, 3]), 3);
    for (const { storage, offset } of lowered.tensors) if (storage === "half") expect((offset! * 2) % 256).toBe(0);
    const places = [...memory.places].map(([id, { offset }]) => ({ tensor: lowered.tensors[id], offset }));
    const end = ({ tensor, offset }: { tensor: Tensor; offset: number }): number => offset + aligned(wordsOf(tensor));
    expect(Math.max(...places.map(end))).toBeLessThanOrEqual(memory.buffers[0]);
  });
});

describe("the shaders of mixed precision", () => {
  it("convert where they load and store, and nowhere else", () => {
    const { lowered } = compiled(mlp([8, 16, 4]), 8);
    expect(lowered.dispatches.find(({ label }) => label === "dense 2: matmul")!.code).toMatchSnapshot();
  });

  it("read and write odd sizes one by one", () => {
    const { lowered } = compiled(mlp([5, 7, 3]), 3);
    const { code } = lowered.dispatches.find(({ label }) => label === "dense 2: matmul")!;
    expect(code).toContain("array<f16>");
    expect(code).toContain("fn narrowed1(x: f32) -> f16");
  });

  it("of float32 are free of f16", () => {
    const graph = mlp([8, 16, 4]);
    const { lowered } = compileVariant(graph, "train", 8, layoutOf(graph), limits);
    for (const { code } of lowered.dispatches) expect(code).not.toContain("f16");
  });
});

if (await adapterHasHalf()) describe("an adapter with shader-f16", testsOfHalf);
else describe("an adapter without shader-f16", testsOfRefusal);

function testsOfRefusal(): void {
  it("refuses to compile, and says what to do", async () => {
    const engine = await createNodeGpuEngine();
    await expect(engine.compile(mlp([4, 3]), { precision: "mixed" })).rejects.toMatchObject({
      code: "ENGINE_UNSUPPORTED",
      message: expect.stringContaining("shader-f16") as string,
      remedy: expect.stringContaining('precision: "float32"') as string,
    });
    await engine.close();
  });
}

function testsOfHalf(): void {
  const engine = sharedEngine();

  async function train(graph: Graph, batches: readonly Batch[], lossScale?: number) {
    const program = await engine().compile(graph, { precision: "mixed" });
    const parameters = numbers(parameterElements(graph), 3).map((value) => value / 4);
    const gradients = new Float32Array(program.parameterElements).fill(NaN);
    await program.setParameters(parameters);
    const sums = await program.train(batches, gradients, { lossScale });
    const { arenaBytes } = program;
    await program.close();
    return { parameters, gradients, sums, arenaBytes };
  }

  it.each([
    { sizes: [5, 7, 3], rows: 3 },
    { sizes: [37, 23, 19, 5], rows: 16 },
    { sizes: [64, 128, 64, 10], rows: 128 },
  ])("computes gradients of $sizes to f16's precision", async ({ sizes, rows }) => {
    const graph = mlp(sizes);
    const batches = [classifierBatch(sizes, rows), classifierBatch(sizes, rows - 1, rows, 2)];
    const { parameters, gradients, sums } = await train(graph, batches, 1024);
    const expected = reference(graph, batches, parameters);
    const error = relativeDistance(gradients, expected.gradients);
    // Some relu whose input is nearly 0 decides otherwise.
    expect(error).toBeLessThan(1e-2);
    // It is f16 that computed.
    expect(error).toBeGreaterThan(1e-5);
    expect(sums.lossSum / expected.sums.lossSum).toBeCloseTo(1, 2);
    expect(sums.metricSums).toEqual(expected.sums.metricSums);
  });

  it("keeps small gradients if losses are scaled, and loses them if not", async () => {
    const sizes = [8, 16, 4];
    const graph = mlp(sizes);
    const batch = classifierBatch(sizes, 8);
    const small = { ...batch, weights: batch.weights.map((weight) => weight * 2 ** -24) };
    const exact = await train(graph, [batch], 1);
    const scaled = await train(graph, [small], 2 ** 24);
    const unscaled = await train(graph, [small]);
    const expected = Float64Array.from(exact.gradients, (value) => value * 2 ** -24);
    expect(relativeDistance(scaled.gradients, expected)).toBeLessThan(1e-6);
    expect(relativeDistance(unscaled.gradients, expected)).toBeGreaterThan(0.05);
  });

  it("gives gradients that are not finite where the scale is too large", async () => {
    const sizes = [8, 16, 4];
    const { gradients, sums } = await train(mlp(sizes), [classifierBatch(sizes, 8)], 2 ** 30);
    expect(gradients.every(Number.isFinite)).toBe(false);
    expect(Number.isFinite(sums.lossSum)).toBe(true);
  });
}
