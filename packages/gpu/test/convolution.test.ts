// Convolution where its tiles fit and where they do not, in groups, in parts, and with what is fused into it.
import { GraphBuilder, math, parameterElements, type ConvolutionAttributes, type Graph, type Value } from "@tabgrad/core";
import { describe, expect, it } from "vitest";
import { layoutOf } from "../src/plan/layout.ts";
import { compileVariant } from "../src/variant.ts";
import { dataset, expectClose, limits, numbers, parameter, reference, sharedEngine } from "./support.ts";

const engine = sharedEngine();

interface Case {
  readonly x: readonly number[];
  readonly filters: readonly number[];
  readonly options?: Partial<ConvolutionAttributes>;
  readonly after?: (y: Value, builder: GraphBuilder) => Value;
}

/** Its loss weighs every element of the result differently, so that none can be wrong unnoticed. */
function graphOf({ x, filters, options, after }: Case): Graph {
  const builder = new GraphBuilder(1);
  const y = math.conv2d(parameter(builder, "x", x), parameter(builder, "filters", filters), options);
  const end = after?.(y, builder) ?? y;
  const factors = parameter(builder, "factors", end.shape);
  return builder.graph({ loss: math.reshape(math.sum(math.multiply(end, factors)), [1]) });
}

async function check(case_: Case): Promise<void> {
  const forward = graphOf(case_);
  const parameters = numbers(parameterElements(forward));
  const batch = { rows: 1, samples: 1, inputs: {}, weights: Float32Array.of(1) };
  const program = await engine().compile(forward);
  await program.setParameters(parameters);
  const gradients = new Float32Array(parameters.length);
  const { lossSum } = await program.train([batch], gradients);
  const expected = reference(forward, [batch], parameters);
  // The gradient of the factors is the result itself.
  expectClose(gradients, expected.gradients, 2e-5);
  expectClose([lossSum], [expected.sums.lossSum], 2e-4);
  await program.close();
}

describe("conv2d and its gradients", () => {
  it.each<[string, Case]>([
    ["whole tiles", { x: [2, 4, 10, 10], filters: [32, 4, 3, 3] }],
    ["lines of four that are cut by the edge", { x: [3, 5, 9, 7], filters: [6, 5, 3, 3], options: { padding: [1, 1, 1, 1] } }],
    ["one cell", { x: [1, 1, 1, 1], filters: [1, 1, 1, 1] }],
    ["one tap: a product of channels", { x: [3, 6, 5, 5], filters: [7, 6, 1, 1] }],
    ["steps of two, with cells left over", { x: [2, 3, 12, 9], filters: [8, 3, 3, 2], options: { strides: [2, 2] } }],
    ["steps larger than the window", { x: [2, 3, 11, 11], filters: [4, 3, 2, 2], options: { strides: [3, 4] } }],
    ["holes", { x: [2, 2, 11, 12], filters: [4, 2, 3, 3], options: { dilations: [2, 3], padding: [2, 3, 2, 3] } }],
    ["a window larger than the image", { x: [2, 2, 3, 2], filters: [4, 2, 5, 5], options: { padding: [2, 3, 2, 3] } }],
    ["groups", { x: [2, 6, 7, 7], filters: [9, 2, 3, 3], options: { groups: 3, padding: [1, 0, 1, 0] } }],
    ["every channel by itself", { x: [3, 8, 6, 6], filters: [8, 1, 3, 3], options: { groups: 8, strides: [2, 1] } }],
    ["one dimension", { x: [4, 3, 1, 40], filters: [5, 3, 1, 7], options: { padding: [0, 3, 0, 3] } }],
    ["many pixels for the filters' gradient: in parts", { x: [6, 2, 20, 20], filters: [3, 2, 3, 3] }],
    ["many channels: in parts", { x: [1, 64, 4, 4], filters: [6, 64, 3, 3], options: { padding: [1, 1, 1, 1] } }],
  ])("%s", async (_, case_) => {
    await check(case_);
  });

  it.each([
    [8, 8],
    [7, 6],
    [5, 5],
    // Four elements of the result may lie in two lines.
    [6, 6],
  ])("with bias and activation, %i × %i", async (height, width) => {
    await check({
      x: [3, 2, height, width],
      filters: [5, 2, 3, 3],
      options: { padding: [1, 1, 1, 1] },
      after: (y, builder) => math.tanh(math.add(y, math.reshape(parameter(builder, "bias", [5]), [5, 1, 1]))),
    });
  });

  it("with what is added to each line, where four elements lie in two of them", async () => {
    await check({
      x: [2, 2, 6, 6],
      filters: [4, 2, 3, 3],
      options: { padding: [1, 1, 1, 1] },
      after: (y, builder) => math.tanh(math.add(math.multiply(y, parameter(builder, "lines", [6, 1])), y)),
    });
  });
});

it("takes large tiles where there is enough for them", async () => {
  await check({ x: [16, 2, 48, 48], filters: [60, 2, 3, 3], options: { padding: [1, 1, 1, 1] } });
});

describe("a layer that convolves", () => {
  const builder = new GraphBuilder(1);
  const x = dataset(builder, "x", [2, 8, 8]);
  const bias = math.reshape(parameter(builder, "bias", [4]), [4, 1, 1]);
  const y = math.relu(math.add(math.conv2d(x, parameter(builder, "weight", [4, 2, 3, 3])), bias));
  const forward = builder.graph({ loss: math.sum(math.multiply(y, y), [1, 2, 3]) });
  const dispatchesOf = (limited = limits): readonly string[] =>
    compileVariant(forward, "evaluate", 3, layoutOf(forward), limited).lowered.dispatches.map(({ label }) => label);

  it("is one kernel with its bias and activation", () => {
    expect(dispatchesOf()).toEqual(["conv2d", "sum", "sum of loss: sum"]);
  });

  it("says so where its images are larger than the device binds", () => {
    expect(() => dispatchesOf({ ...limits, maxStorageBufferBindingSize: 1024 })).toThrow(
      /of shape \[3, 4, 6, 6\] takes 1728 bytes/,
    );
  });

  it("goes over to a second dimension of workgroups where one has too few", () => {
    const { dispatches } = compileVariant(forward, "evaluate", 64, layoutOf(forward), {
      ...limits,
      maxComputeWorkgroupsPerDimension: 50,
    }).lowered;
    // 64 images of 36 pixels in tiles of 32.
    expect(dispatches[0].groups).toEqual([50, 2]);
  });
});
