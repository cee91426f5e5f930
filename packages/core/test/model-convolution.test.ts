// Layers with windows: what they compute, how their parameters are called, and what they say when something does not fit.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evaluate, parameterSlots, withRows, type Graph } from "../src/graph/index.ts";
import {
  averagePool1d,
  averagePool2d,
  conv1d,
  conv2d,
  crossEntropy,
  dense,
  flatten,
  forwardGraph,
  globalAveragePool,
  globalMaxPool,
  heUniform,
  layerSummaries,
  maxPool1d,
  maxPool2d,
  predictionGraph,
  relu,
  sequential,
  type Layer,
} from "../src/model/index.ts";
import { failure } from "./model-support.ts";

/** The prediction for `features`, row after row, and its shape. */
function predict(model: Layer, shape: readonly number[], features: number[], parameters: number[] = [], rows = 1) {
  const { prediction } = evaluate(withRows(predictionGraph(model, shape), rows), { features }, parameters);
  return { shape: prediction.shape, values: [...prediction.data] };
}

const shapeOf = (model: Layer, sample: readonly number[]): readonly number[] => {
  const graph = predictionGraph(model, sample);
  return graph.nodes[graph.outputs.prediction].shape.slice(1);
};

const parameters = (graph: Graph) => parameterSlots(graph).map(({ name, shape }) => [name, shape]);
const counted = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe("conv2d", () => {
  it("sums up each window's products with the filters, and adds the bias", () => {
    const filters = [1, 0, 0, 1, 0, 10, 0, 0];
    const found = predict(conv2d(2, 2), [1, 3, 3], counted(9), [...filters, 0.5, -1]);
    expect(found).toEqual({ shape: [1, 2, 2, 2], values: [4.5, 6.5, 10.5, 12.5, 9, 19, 39, 49] });
    expect(predict(conv2d(2, 2, { bias: false }), [3, 3], counted(9), filters).values.slice(0, 2)).toEqual([4, 6]);
  });

  it("takes a sample [H, W] for an image of one channel", () => {
    const model = conv2d(2, 2);
    const given: [number[], number[]] = [counted(9), counted(10)];
    expect(predict(model, [3, 3], ...given)).toEqual(predict(model, [1, 3, 3], ...given));
  });

  it("names and lays out its parameters as PyTorch does", () => {
    const model = sequential(conv2d(6, [3, 2], { groups: 2 }), conv1d(4, 5));
    expect(parameters(predictionGraph(sequential(conv2d(6, [3, 2], { groups: 2 })), [4, 9, 9]))).toEqual([
      ["0.weight", [6, 2, 3, 2]],
      ["0.bias", [6]],
    ]);
    expect(failure(() => predictionGraph(model, [4, 9, 9]))).toContain("conv1d 1 (4 filters of 5): a sample has shape [6, 7, 8]");
  });

  it("begins as He says before a rectifier, and as Glorot says elsewhere", () => {
    const begins = (model: Layer) => parameterSlots(predictionGraph(model, [4, 9, 9]))[0].initialisation;
    expect(begins(sequential(conv2d(8, 3, { groups: 2 }), relu()))).toEqual(heUniform().resolve({ fanIn: 18, fanOut: 36 }));
    expect(begins(conv2d(8, 3, { activation: relu() }))).toEqual(heUniform().resolve({ fanIn: 36, fanOut: 72 }));
    const limit = Math.sqrt(6 / (36 + 72));
    expect(begins(conv2d(8, 3))).toEqual({ kind: "uniform", low: -limit, high: limit });
  });

  it.each<[string, Layer, readonly number[]]>([
    ["a window alone", conv2d(5, 3), [5, 6, 7]],
    ["steps", conv2d(5, 3, { stride: [2, 3] }), [5, 3, 3]],
    ["padding", conv2d(5, 3, { padding: [0, 1] }), [5, 6, 9]],
    ["holes", conv2d(5, 3, { dilation: 2 }), [5, 4, 5]],
    ["same", conv2d(5, [2, 4], { padding: "same" }), [5, 8, 9]],
    ["same, with steps", conv2d(5, 3, { padding: "same", stride: 2 }), [5, 4, 5]],
    ["valid", conv2d(5, 3, { padding: "valid" }), [5, 6, 7]],
  ])("has the shape that is expected: %s", (_, model, expected) => {
    expect(shapeOf(model, [3, 8, 9])).toEqual(expected);
  });

  it('gives one result for each step with "same", whatever the sizes', () => {
    const size = fc.integer({ min: 1, max: 9 });
    fc.assert(
      fc.property(size, size, size, size, (height, kernel, stride, dilation) => {
        const model = conv2d(1, [kernel, 1], { stride: [stride, 1], dilation: [dilation, 1], padding: "same" });
        expect(shapeOf(model, [1, height, 2])).toEqual([1, Math.ceil(height / stride), 2]);
      }),
    );
  });

  it("puts the larger half of an odd padding at the end", () => {
    const model = conv2d(1, [1, 2], { padding: "same", bias: false });
    expect(predict(model, [1, 1, 3], [1, 2, 3], [1, 10]).values).toEqual([21, 32, 3]);
  });
});

describe("conv1d", () => {
  it("is conv2d over sequences", () => {
    const found = predict(conv1d(2, 2, { stride: 2, padding: 1 }), [3], [1, 2, 3], [1, 10, 0, 1, 0, 0.5]);
    expect(found).toEqual({ shape: [1, 2, 2], values: [10, 32, 1.5, 3.5] });
    expect(parameters(predictionGraph(conv1d(6, 5, { groups: 2 }), [4, 9]))[0]).toEqual(["weight", [6, 2, 5]]);
    expect(shapeOf(conv1d(6, 5, { padding: "same", dilation: 3 }), [4, 9])).toEqual([6, 9]);
    expect(shapeOf(conv1d(6, 5, { dilation: 2 }), [4, 9])).toEqual([6, 1]);
  });
});

describe("pools", () => {
  const image = counted(16);

  it("take the largest or the mean of each window", () => {
    expect(predict(maxPool2d(), [1, 4, 4], image)).toEqual({ shape: [1, 1, 2, 2], values: [5, 7, 13, 15] });
    expect(predict(averagePool2d(), [4, 4], image)).toEqual({ shape: [1, 1, 2, 2], values: [2.5, 4.5, 10.5, 12.5] });
    expect(predict(maxPool1d(), [2, 3], [3, 1, 9, 0, 2, 9])).toEqual({ shape: [1, 2, 1], values: [3, 2] });
    expect(predict(averagePool1d(2, { stride: 1 }), [3], [3, 1, 9])).toEqual({ shape: [1, 1, 2], values: [2, 5] });
    expect(shapeOf(maxPool2d([2, 3], { stride: 1, padding: "same" }), [3, 8, 9])).toEqual([3, 8, 9]);
  });

  it("count the padding only when told to", () => {
    expect(predict(averagePool1d(3, { padding: 1 }), [3], [3, 6, 9]).values).toEqual([4.5]);
    expect(predict(averagePool1d(3, { padding: 1, countPadding: true }), [3], [3, 6, 9]).values).toEqual([3]);
  });

  it("over everything leave one value for each channel", () => {
    expect(predict(globalAveragePool(), [2, 2, 2], counted(8))).toEqual({ shape: [1, 2], values: [1.5, 5.5] });
    expect(predict(globalMaxPool(), [2, 4], counted(8), [], 1)).toEqual({ shape: [1, 2], values: [3, 7] });
  });
});

describe("a convolutional network", () => {
  const model = sequential(
    ...[conv2d(32, 3), relu(), maxPool2d(), conv2d(64, 3), relu(), maxPool2d()],
    ...[flatten(), dense(128), relu(), dense(10)],
  );
  const data = { features: { shape: [28, 28], scale: 1, shift: 0 }, labels: { kind: "classes", count: 10 } } as const;

  it("is listed layer by layer", () => {
    const listed = layerSummaries(predictionGraph(model, [28, 28])).map(({ layer, shape }) => `${layer} ${shape.join("×")}`);
    expect(listed).toEqual([
      "features 28×28",
      "conv2d 0 (32 filters of 3 × 3) 32×26×26",
      "relu 1 32×26×26",
      "maxPool2d 2 (2 × 2) 32×13×13",
      "conv2d 3 (64 filters of 3 × 3) 64×11×11",
      "relu 4 64×11×11",
      "maxPool2d 5 (2 × 2) 64×5×5",
      "flatten 6 1600",
      "dense 7 (128 units) 128",
      "relu 8 128",
      "dense 9 (10 units) 10",
    ]);
  });

  it("fits any number of rows", () => {
    expect(() => forwardGraph({ model, loss: crossEntropy(), data })).not.toThrow();
  });

  it("whose flatten() is missing is told so", () => {
    const without = sequential(conv2d(8, 3), relu(), dense(10));
    expect(failure(() => forwardGraph({ model: without, loss: crossEntropy(), data }))).toBe(
      "MODEL_INVALID: crossEntropy: the model's output is [8, 26, 10] for each sample, but there are 10 classes; expected [10] → Put flatten() or globalAveragePool() before dense(10) as the last layer, so that it takes a sample as one vector.",
    );
  });
});

describe("what does not fit is said with the layer's name", () => {
  it.each<[() => unknown, string]>([
    [() => conv2d(0, 3), "conv2d: filters is 0; expected a whole number from 1 → Write, for example, conv2d(32, 3)."],
    [
      () => conv2d(8, [3, 3, 3] as never),
      "conv2d: kernel is [3,3,3]; expected a whole number from 1 or two of them, [height, width] → Write, for example, conv2d(32, 3).",
    ],
    [
      () => conv2d(8, 3, { padding: -1 }),
      'conv2d: padding is -1; expected a whole number from 0, two of them, [height, width], "same" or "valid" → Write, for example, padding: 1.',
    ],
    [
      () => conv1d(8, [3, 3] as never),
      "conv1d: kernel is [3,3]; expected a whole number from 1 → Write, for example, conv1d(32, 3).",
    ],
    [() => maxPool2d(2, { stride: 0 }), "maxPool2d: stride is 0; expected a whole number from 1 or two of them, [height, width]"],
    [() => conv2d(8, 3, { activation: relu as never }), "A layer is what the function returns: write relu() with parentheses."],
    [() => conv2d(8, 3, { weightInitialisation: 1 as never }), "conv2d: weightInitialisation is 1; expected an initialiser"],
    [
      () => predictionGraph(sequential(dense(9), conv2d(8, 3)), [9]),
      "conv2d 1 (8 filters of 3 × 3): a sample has shape [9]; expected [channels, height, width], or [height, width] for one channel → Put reshape() before it, or remove the flatten() or dense() before it.",
    ],
    [
      () => predictionGraph(sequential(conv2d(8, 3, { groups: 3 })), [4, 9, 9]),
      "conv2d 0 (8 filters of 3 × 3): 4 channels of a sample cannot be dealt out to 3 groups; a sample has shape [4, 9, 9] → Use a number of groups that divides both channels and filters.",
    ],
    [
      () => predictionGraph(sequential(maxPool2d(), conv2d(8, 5)), [8, 9]),
      'conv2d 1 (8 filters of 5 × 5): its window reaches over 5 × 5 cells, and a sample with its padding has 4 × 4 → Use a smaller window, padding: "same", or larger samples: fewer or smaller strides and pools before it.',
    ],
    [
      () => predictionGraph(maxPool1d(3), [2]),
      "maxPool1d (3): its window reaches over 3 cells, and a sample with its padding has 2",
    ],
    [
      () => predictionGraph(averagePool2d(2, { padding: 2 }), [8, 9]),
      "averagePool2d (2 × 2): padding of 2 leaves windows of 2 × 2 with nothing in them → Use less padding than the window has cells.",
    ],
    [
      () => predictionGraph(globalMaxPool(), [9]),
      "globalMaxPool: a sample has shape [9]; expected channels and positions, such as [channels, height, width]",
    ],
  ])("%#", (build, expected) => {
    expect(failure(build)).toContain(`MODEL_INVALID: ${expected.startsWith("A layer") ? "" : expected}`);
    expect(failure(build)).toContain(expected);
  });
});
