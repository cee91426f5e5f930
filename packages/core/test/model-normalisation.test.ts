// Normalisations and the smooth activations against what PyTorch computes in float64, and normalisation at its special values.
import { describe, expect, it } from "vitest";
import { evaluate, parameterSlots, trainingGraph } from "../src/graph/index.ts";
import {
  dense,
  elu,
  forwardGraph,
  gelu,
  groupNorm,
  hardSwish,
  layerNorm,
  meanSquaredError,
  mish,
  permute,
  predictionGraph,
  rmsNorm,
  sequential,
  silu,
  softplus,
  type Layer,
} from "../src/model/index.ts";
import { failure, predict } from "./model-support.ts";

const expectClose = (found: readonly number[], expected: readonly number[], digits = 10): void => {
  expect(found).toHaveLength(expected.length);
  found.forEach((value, i) => expect(value).toBeCloseTo(expected[i], digits));
};

// X = torch.sin(torch.arange(1, 25).double()).reshape(2, 4, 3); weights cos(0), cos(1), …; biases 0, 0.1, …; all in float64.
const x = Array.from({ length: 24 }, (_, i) => Math.sin(i + 1));
const cosines = (length: number): number[] => Array.from({ length }, (_, i) => Math.cos(i));
const tenths = (length: number): number[] => Array.from({ length }, (_, i) => i / 10);

describe("layerNorm", () => {
  it("computes F.layer_norm(X, [3], weight, bias)", () => {
    const found = predict(layerNorm(), [4, 3], 2, x, [...cosines(3), ...tenths(3)]);
    const expected = [0.607165076437, 0.533585261955, 0.786622009953, -0.322047038769, -0.457303059167, -0.36325986195];
    expectClose(found.slice(0, 6), expected);
  });

  it("computes F.layer_norm(X, [4, 3], weight, bias)", () => {
    const found = predict(layerNorm({ dimensions: 2 }), [4, 3], 2, x, [...cosines(12), ...tenths(12)]);
    const expected = [1.17686881263, 0.786490006737, 0.112866802101, 1.32072071089, 1.25644081691, 0.394602277552];
    expectClose(found.slice(0, 6), expected);
  });

  it("has the parameters that it is asked for", () => {
    const slots = (layer: Layer) => parameterSlots(predictionGraph(layer, [4, 3])).map(({ name, shape }) => [name, shape]);
    expect(slots(layerNorm())).toEqual([
      ["weight", [3]],
      ["bias", [3]],
    ]);
    expect(slots(layerNorm({ dimensions: 2, bias: false }))).toEqual([["weight", [4, 3]]]);
    expect(slots(layerNorm({ affine: false }))).toEqual([]);
    expect(slots(rmsNorm())).toEqual([["weight", [3]]]);
    expect(slots(groupNorm(2))).toEqual([
      ["weight", [4]],
      ["bias", [4]],
    ]);
  });

  it("gives zeros with a finite gradient where all values are equal, and keeps its digits far from 0", () => {
    expect(predict(layerNorm({ affine: false }), [3], 1, [7, 7, 7])).toEqual([0, 0, 0]);
    const far = predict(layerNorm({ affine: false, epsilon: 1e-12 }), [2], 1, [1e6 + 1, 1e6 - 1]);
    expectClose(far, [1, -1]);
    const data = { features: { shape: [3], scale: 1, shift: 0 }, labels: { kind: "values", shape: [3] } } as const;
    const graph = trainingGraph(forwardGraph({ model: sequential(layerNorm(), layerNorm()), loss: meanSquaredError(), data }), 1);
    const outputs = evaluate(graph, { features: [7, 7, 7], labels: [1, 2, 3], weights: [1] }, [1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0]);
    for (const { data: values } of Object.values(outputs)) for (const value of values) expect(value).toSatisfy(Number.isFinite);
  });

  it("says what does not fit", () => {
    expect(failure(() => layerNorm({ epsilon: 0 }))).toBe(
      "MODEL_INVALID: layerNorm: epsilon is 0; expected a number above 0 → Correct epsilon of layerNorm.",
    );
    expect(failure(() => layerNorm({ dimensions: 0 }))).toContain("dimensions is 0; expected a whole number from 1");
    expect(failure(() => predictionGraph(layerNorm({ dimensions: 3 }), [4, 3]))).toBe(
      "MODEL_INVALID: layerNorm (3 dimensions): a sample has shape [4, 3], and 3 dimensions are to be normalised → Give at most 2.",
    );
    expect(failure(() => predictionGraph(rmsNorm(), []))).toContain("rmsNorm: a sample is one number");
  });
});

describe("rmsNorm", () => {
  it("computes X / sqrt(mean(X²) + 1e-6) · weight", () => {
    const found = predict(rmsNorm(), [4, 3], 2, x, cosines(3));
    const expected = [1.16885510855, 0.682439752745, -0.0815749326726, -1.04602802756, -0.716113563701, 0.160715533678];
    expectClose(found.slice(0, 6), expected);
  });
});

describe("groupNorm", () => {
  it("computes F.group_norm(X, 2, weight, bias)", () => {
    const found = predict(groupNorm(2), [4, 3], 2, x, [...cosines(4), ...tenths(4)]);
    const expected = [1.19011665955, 1.28412302095, 0.219441432201, -0.453844855668, -0.605203817858, -0.0963534429381];
    expectClose(found.slice(0, 6), expected);
    expectClose(found.slice(-3), [0.344136982228, 1.49948985363, 1.58138849001]);
  });

  it("says which numbers of groups fit", () => {
    expect(failure(() => predictionGraph(groupNorm(5), [12, 7, 7]))).toBe(
      "MODEL_INVALID: groupNorm (5 groups): 12 channels cannot be parted into 5 groups; a sample has shape [12, 7, 7] → " +
        "Use a divisor of 12: 1, 2, 3, 4, 6, 12.",
    );
    expect(failure(() => groupNorm(1.5))).toContain(
      "groups is 1.5; expected a whole number from 1 → Write, for example, groupNorm(8).",
    );
  });
});

describe("the smooth activations", () => {
  const at = [-3.5, -1, -0.25, 0, 0.5, 2, 4];
  // F.elu(x) and so on, in float64.
  const references: [string, Layer, number[]][] = [
    ["elu", elu(), [-0.969802616578, -0.632120558829, -0.221199216929, 0, 0.5, 2, 4]],
    ["elu of 0.5", elu({ alpha: 0.5 }), [-0.484901308289, -0.316060279414, -0.110599608464, 0, 0.5, 2, 4]],
    ["gelu", gelu(), [-0.000814201776624, -0.158655253931, -0.100323418579, 0, 0.345731230637, 1.9544997361, 3.99987331503]],
    [
      "gelu, approximated",
      gelu({ approximate: "tanh" }),
      [-0.000616197655374, -0.158808009392, -0.100324649298, 0, 0.345714009825, 1.95459769409, 3.99992975405],
    ],
    ["silu", silu(), [-0.10259280763, -0.26894142137, -0.109455874779, 0, 0.311229665601, 1.76159415596, 3.92805516015]],
    ["mish", mish(), [-0.104095754486, -0.303401461374, -0.129926963679, 0, 0.375245211305, 1.94395895953, 3.99741280698]],
    ["hardSwish", hardSwish(), [0, -0.333333333333, -0.114583333333, 0, 0.291666666667, 1.66666666667, 4]],
    [
      "softplus",
      softplus(),
      [0.0297504182726, 0.313261687518, 0.575939419879, 0.69314718056, 0.97407698418, 2.12692801104, 4.01814992792],
    ],
  ];

  it.each(references)("%s", (_, layer, expected) => expectClose(predict(layer, [7], 1, at), expected));

  it.each(references)("%s and its slope are finite at ±100", (_, layer) => {
    const data = { features: { shape: [2], scale: 1, shift: 0 }, labels: { kind: "values", shape: [2] } } as const;
    const forward = forwardGraph({ model: sequential(dense(2, { bias: false }), layer), loss: meanSquaredError(), data });
    const outputs = evaluate(trainingGraph(forward, 1), { features: [-100, 100], labels: [0, 101], weights: [1] }, [1, 0, 0, 1]);
    expect([...outputs["gradient:0.weight"].data].map((slope) => slope + 0)).toSatisfy((all: number[]) =>
      all.every(Number.isFinite),
    );
    // y' is 1 at 100: d/dW of ((y − 101)² / 2) is (y − 101) · x.
    expectClose([...outputs["gradient:0.weight"].data].slice(2), [100, -100]);
  });

  it("check their options", () => {
    expect(failure(() => elu({ alpha: NaN }))).toContain("elu: alpha is NaN; expected a number");
    expect(failure(() => gelu({ approximate: "fast" as never }))).toBe(
      'MODEL_INVALID: gelu: approximate is "fast"; expected "none" or "tanh" → Leave it out for the exact function.',
    );
  });
});

describe("permute", () => {
  it("orders the dimensions of a sample", () => {
    const found = predict(permute([1, 0]), [2, 3], 2, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(found).toEqual([1, 4, 2, 5, 3, 6, 7, 10, 8, 11, 9, 12]);
  });

  it("says what does not fit", () => {
    for (const order of [[1, 2], [0, 0], 3]) {
      expect(failure(() => permute(order as never))).toContain("expected each dimension of a sample once, counted from 0");
    }
    expect(failure(() => predictionGraph(permute([1, 0]), [2, 3, 4]))).toBe(
      "MODEL_INVALID: permute ([1, 0]): a sample has shape [2, 3, 4], of 3 dimensions; the order names 2 → Name each dimension of a sample once.",
    );
  });
});
