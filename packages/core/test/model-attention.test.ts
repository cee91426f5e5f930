// Attention and the transformer's block against what PyTorch computes in float64, and who sees whom.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  elementCount,
  evaluate,
  gradientPrefix,
  inMode,
  keysInput,
  parameterSlots,
  trainingGraph,
  withRows,
} from "../src/graph/index.ts";
import {
  crossEntropy,
  dense,
  embedding,
  flatten,
  forwardGraph,
  layerNorm,
  multiHeadAttention,
  predictionGraph,
  reshape,
  sequential,
  transformerBlock,
  type Layer,
} from "../src/model/index.ts";
import { failure } from "./model-support.ts";

const cosines = (length: number): number[] => Array.from({ length }, (_, i) => Math.cos(i));

/** Every parameter is cos(0), cos(1), … */
function parametersOf(model: Layer, shape: readonly number[]): number[] {
  return parameterSlots(predictionGraph(model, shape)).flatMap(({ elements }) => cosines(elements));
}

function predict(model: Layer, shape: readonly number[], features: readonly number[]): number[] {
  const graph = withRows(predictionGraph(model, shape), features.length / elementCount(shape));
  return [...evaluate(inMode(graph, "evaluation"), { features }, parametersOf(model, shape)).prediction.data];
}

const expectClose = (found: readonly number[], expected: readonly number[], digits = 10): void => {
  expect(found).toHaveLength(expected.length);
  found.forEach((value, i) => expect(value).toBeCloseTo(expected[i], digits));
};

const named = (model: Layer, shape: readonly number[]) =>
  parameterSlots(predictionGraph(model, shape)).map(({ name, shape: own }) => `${name} [${own.join(", ")}]`);

// x = torch.sin(torch.arange(1, 25).double()).reshape(2, 3, 4); each parameter p is torch.cos(torch.arange(p.numel())).reshape(p.shape).
const x = Array.from({ length: 24 }, (_, i) => Math.sin(i + 1));

describe("multiHeadAttention", () => {
  it("computes nn.MultiheadAttention(4, 2, batch_first=True)(x, x, x)", () => {
    const expected = [0.335420249688, 0.869104907212, -0.181406532018, -1.62566810317, 0.40487087421, -2.06611985064];
    expectClose(predict(multiHeadAttention({ heads: 2 }), [3, 4], x).slice(0, 6), expected);
  });

  it("computes it with PyTorch's causal mask", () => {
    const expected = [1.55335663828, -2.10492887674, -0.86630938612, 0.622405473259, 1.34283012634, -3.37158380606];
    expectClose(predict(multiHeadAttention({ heads: 2, causal: true }), [3, 4], x).slice(-6), expected);
  });

  it("names its parameters as PyTorch does", () => {
    expect(named(multiHeadAttention({ heads: 2 }), [3, 4])).toEqual([
      "in_proj_weight [12, 4]",
      "in_proj_bias [12]",
      "out_proj.weight [4, 4]",
      "out_proj.bias [4]",
    ]);
    expect(named(sequential(multiHeadAttention({ heads: 4, bias: false })), [3, 4])).toEqual([
      "0.in_proj_weight [12, 4]",
      "0.out_proj.weight [4, 4]",
    ]);
  });

  it("lets a position see nothing of what stands behind it where it is causal, to the last bit", () => {
    for (const rotary of [false, true]) {
      const layer = multiHeadAttention({ heads: 2, causal: true, rotary });
      const before = predict(layer, [3, 4], x);
      const after = predict(layer, [3, 4], [...x.slice(0, 8), 1000, -1000, 3, 4, ...x.slice(12)]);
      expect(after.slice(0, 8)).toEqual(before.slice(0, 8));
      expect(after.slice(8, 12)).not.toEqual(before.slice(8, 12));
      expect(after.slice(12)).toEqual(before.slice(12));
    }
  });

  it("does not know positions, unless it is causal or turns by them", () => {
    const reversed = [2, 1, 0].flatMap((position) => x.slice(4 * position, 4 * position + 4));
    const turned = (options: Parameters<typeof multiHeadAttention>[0]) => {
      const forth = predict(multiHeadAttention(options), [3, 4], x.slice(0, 12));
      const back = predict(multiHeadAttention(options), [3, 4], reversed);
      return Math.max(...forth.map((value, i) => Math.abs(value - back[4 * (2 - Math.floor(i / 4)) + (i % 4)])));
    };
    expect(turned({ heads: 2 })).toBeLessThan(1e-12);
    expect(turned({ heads: 2, causal: true })).toBeGreaterThan(0.1);
    expect(turned({ heads: 2, rotary: true })).toBeGreaterThan(0.1);
  });

  it("with rotary weighs positions by how far apart they are", () => {
    const identity = [1, 0, 0, 1];
    const parameters = [...identity, ...identity, ...identity, ...identity];
    const layer = multiHeadAttention({ heads: 1, rotary: true, bias: false });
    const vectors = [0, 1, 2, 3].map((t) => [Math.sin(t), Math.cos(3 * t)]);
    const found = [...evaluate(predictionGraph(layer, [4, 2]), { features: vectors.flat() }, parameters).prediction.data];
    // A pair (a, b) at distance d: (a turned by d) · b, since both are turned by their positions.
    const expected = vectors.flatMap(([a0, a1], t) => {
      const scores = vectors.map(([b0, b1], s) => {
        const [cosine, sine] = [Math.cos(t - s), Math.sin(t - s)];
        return ((a0 * cosine - a1 * sine) * b0 + (a0 * sine + a1 * cosine) * b1) / Math.SQRT2;
      });
      const shares = scores.map(Math.exp).map((e, _, all) => e / all.reduce((sum, other) => sum + other));
      return [0, 1].map((i) => vectors.reduce((sum, vector, s) => sum + shares[s] * vector[i], 0));
    });
    expectClose(found, expected);
  });

  it("looks past padding, to the last bit: what a sequence becomes does not depend on how far it is filled up", () => {
    const tokens = embedding(5, 4, { padding: 0 });
    for (const options of [{}, { causal: true }, { causal: true, rotary: true }]) {
      const model = sequential(tokens, multiHeadAttention({ heads: 2, padding: tokens, ...options }));
      const alone = predict(model, [3], [3, 1, 2]);
      expect(predict(model, [5], [3, 1, 2, 0, 0, 4, 4, 4, 4, 4]).slice(0, 12)).toEqual(alone);
      // Rotary positions are told by their distances, so that rounding is all that changes with the place.
      expectClose(predict(model, [5], [0, 0, 3, 1, 2]).slice(8), alone, 12);
    }
    const blind = sequential(tokens, multiHeadAttention({ heads: 2 }));
    expect(predict(blind, [5], [3, 1, 2, 0, 0]).slice(0, 12)).not.toEqual(predict(blind, [3], [3, 1, 2]));
  });

  it("is finite where all is padding, and trains nothing by it", () => {
    const tokens = embedding(5, 4, { padding: 0 });
    const model = sequential(tokens, transformerBlock({ heads: 2, padding: tokens }), flatten(), dense(2));
    const data = { features: { shape: [3], scale: 1, shift: 0 }, labels: { kind: "classes", count: 2 } } as const;
    const forward = forwardGraph({ model, loss: crossEntropy(), data });
    const parameters = parameterSlots(forward).flatMap(({ elements }) => cosines(elements));
    const outputs = evaluate(trainingGraph(forward, 1), { features: [0, 0, 0], labels: [1], weights: [1] }, parameters);
    for (const { data: values } of Object.values(outputs)) for (const value of values) expect(value).toSatisfy(Number.isFinite);
    expect(outputs[`${gradientPrefix}0.weight`].data.every((value) => value === 0)).toBe(true);
  });

  it("leaves out the share of its weights that it is to, in training alone", () => {
    const [positions, dropout] = [400, 0.25];
    // Queries and keys are 0, so that all weights are 1 / positions; values are 1, and the projection passes them on.
    const layer = multiHeadAttention({ heads: 1, dropout });
    const parameters = [0, 0, 0, 0, 0, 1, 1, 0];
    const graph = withRows(predictionGraph(layer, [positions, 1]), 2);
    const features = new Float32Array(2 * positions).fill(1);
    const keys = [1, 2, 3, 4, 5, 6, 7, 8];
    const inTraining = evaluate(inMode(graph, "training"), { features, [keysInput]: keys }, parameters).prediction.data;
    const deviation = Math.sqrt(dropout / (1 - dropout) / positions);
    const far = [...inTraining].filter((value) => Math.abs(value - 1) > 4 * deviation);
    expect(far.length).toBeLessThan(3);
    expect(new Set(inTraining).size).toBeGreaterThan(20);
    expectClose([inTraining.reduce((sum, value) => sum + value) / inTraining.length], [1], 2);
    expectClose(predict(layer, [2, 4], x.slice(0, 8)), predict(multiHeadAttention({ heads: 1 }), [2, 4], x.slice(0, 8)));
  });

  it("stays finite where scores are in the millions, and so does its gradient", () => {
    const data = { features: { shape: [3, 4], scale: 1, shift: 0 }, labels: { kind: "classes", count: 5, shape: [3] } } as const;
    const model = sequential(multiHeadAttention({ heads: 2, causal: true }), dense(5));
    const forward = forwardGraph({ model, loss: crossEntropy(), data });
    const features = x.slice(0, 12).map((value) => 1000 * value);
    const parameters = parameterSlots(forward).flatMap(({ elements }) => cosines(elements));
    const outputs = evaluate(trainingGraph(forward, 1), { features, labels: [0, 1, 4], weights: [1] }, parameters);
    for (const { data: values } of Object.values(outputs)) for (const value of values) expect(value).toSatisfy(Number.isFinite);
  });

  it("says what does not fit", () => {
    const at = (shape: number[], options: Parameters<typeof multiHeadAttention>[0]) =>
      failure(() => predictionGraph(multiHeadAttention(options), shape));
    expect(at([8], { heads: 2 })).toBe(
      "MODEL_INVALID: multiHeadAttention (2 heads): a sample has shape [8]; expected [positions, width] → " +
        "Give it a vector for each position, such as an embedding() makes of tokens.",
    );
    expect(at([8, 6], { heads: 4, causal: true })).toBe(
      "MODEL_INVALID: multiHeadAttention (4 heads, causal): a width of 6 cannot be cut into 4 heads → Use a width that is a multiple of 4.",
    );
    expect(at([8, 6], { heads: 2, rotary: true })).toContain("rotary turns pairs of values, and each of 2 heads has 3");
    expect(failure(() => multiHeadAttention({ heads: 0 }))).toContain("heads is 0; expected a whole number from 1");
    expect(failure(() => multiHeadAttention({ heads: 1, rotary: 5 as never }))).toContain(
      "rotary is 5; expected true, false or { base }",
    );
    expect(failure(() => multiHeadAttention({ heads: 1, rotary: { base: -1 } }))).toContain("rotary.base is -1");
    expect(failure(() => multiHeadAttention({ heads: 1, dropout: 1 }))).toBe(
      "MODEL_INVALID: multiHeadAttention: dropout is 1; expected a number from 0 to less than 1 → Write, for example, dropout: 0.1.",
    );
    expect(failure(() => multiHeadAttention({ heads: 1, padding: 0 as never }))).toContain("padding is 0; expected a layer");
    expect(failure(() => multiHeadAttention({ heads: 1, padding: embedding(5, 4) }))).toContain(
      "expected an embedding that has a padding",
    );
    const tokens = embedding(5, 4, { padding: 0 });
    const attention = multiHeadAttention({ heads: 1, padding: tokens });
    expect(at([3, 4], { heads: 1, padding: tokens })).toBe(
      "MODEL_INVALID: multiHeadAttention (1 head): it needs the input of embedding, which has not been applied yet → " +
        "Apply embedding first.",
    );
    expect(failure(() => predictionGraph(sequential(tokens, reshape([3, 8]), attention), [6]))).toBe(
      "MODEL_INVALID: multiHeadAttention 2 (1 head): there are 3 positions, and the embedding of padding was given [6] for each sample → " +
        "Keep the positions between the embedding and this layer, or leave padding out.",
    );
  });
});

describe("transformerBlock", () => {
  // nn.TransformerEncoderLayer(4, 2, dim_feedforward=8, dropout=0, activation="gelu", batch_first=True, norm_first=…), causal mask.
  it.each([
    [true, [-2.42994014322, -2.89051506865, 6.46139630403, 0.999940946862, -4.01844254141, -4.36124351858]],
    [false, [0.150880176365, -0.593937618806, 2.31570712774, 0.699727378891, 0.195766003771, -0.851048781553]],
  ])("computes nn.TransformerEncoderLayer with norm_first %s", (normFirst, expected) => {
    const block = transformerBlock({ heads: 2, expand: 2, causal: true, normFirst });
    expectClose(predict(block, [3, 4], x).slice(-6), expected);
    expect(named(block, [3, 4]).sort()).toEqual([
      "linear1.bias [8]",
      "linear1.weight [8, 4]",
      "linear2.bias [4]",
      "linear2.weight [4, 8]",
      "norm1.bias [4]",
      "norm1.weight [4]",
      "norm2.bias [4]",
      "norm2.weight [4]",
      "self_attn.in_proj_bias [12]",
      "self_attn.in_proj_weight [12, 4]",
      "self_attn.out_proj.bias [4]",
      "self_attn.out_proj.weight [4, 4]",
    ]);
  });

  it("has no bias where it is to have none, and can be shared by applying it twice", () => {
    const block = transformerBlock({ heads: 2, bias: false, norm: "rms" });
    const once = named(sequential(block), [3, 4]);
    expect(once.filter((name) => name.includes("bias"))).toEqual([]);
    expect(named(sequential(block, block, block), [3, 4])).toEqual(once);
  });

  it("drops out at four places as PyTorch does, and nowhere unless it trains", () => {
    const streamsOf = (layer: Layer): number[] =>
      predictionGraph(sequential(layer), [3, 4]).nodes.flatMap((node) =>
        node.operation === "uniform" ? [node.attributes.stream] : [],
      );
    const options = { heads: 2, causal: true, expand: 2 };
    expect(streamsOf(transformerBlock({ ...options, dropout: 0.1 }))).toEqual([0, 1, 2, 3]);
    expect(streamsOf(transformerBlock(options))).toEqual([]);
    expect(predict(transformerBlock({ ...options, dropout: 0.1 }), [3, 4], x)).toEqual(
      predict(transformerBlock(options), [3, 4], x),
    );
  });

  it("computes each sample as if it were alone", () => {
    fc.assert(
      fc.property(fc.boolean(), fc.boolean(), fc.integer({ min: 1, max: 4 }), (causal, rotary, rows) => {
        const model = sequential(transformerBlock({ heads: 2, causal, rotary }), layerNorm());
        const features = Array.from({ length: rows * 12 }, (_, i) => Math.sin(i * i));
        const alone = Array.from({ length: rows }, (_, row) => predict(model, [3, 4], features.slice(12 * row, 12 * row + 12)));
        expect(predict(model, [3, 4], features)).toEqual(alone.flat());
      }),
      { numRuns: 12 },
    );
  });

  it("says what is wrong with its options", () => {
    expect(failure(() => transformerBlock({ heads: 2, norm: "batch" as never }))).toContain(
      'norm is "batch"; expected "layer" or "rms"',
    );
    expect(failure(() => transformerBlock({ heads: 2, expand: 0 }))).toContain("expand is 0; expected a whole number from 1");
    expect(failure(() => transformerBlock({ heads: 2, activation: "gelu" as never }))).toContain(
      'activation is "gelu"; expected a layer',
    );
  });
});
