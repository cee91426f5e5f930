// Layers: what they compute, how their parameters are called, and what they say when something does not fit.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evaluate, math, parameterSlots, withRows, type Graph } from "../src/graph/index.ts";
import {
  crossEntropy,
  dense,
  flatten,
  heNormal,
  layerSummaries,
  leakyRelu,
  predictionGraph,
  relu,
  reshape,
  sequential,
  sigmoid,
  softmax,
  step,
  tanh,
  type Layer,
} from "../src/model/index.ts";
import { failure, predict } from "./model-support.ts";

const names = (graph: Graph): string[] => parameterSlots(graph).map((slot) => slot.name);

describe("dense", () => {
  it("computes x·Wᵀ + b with W of shape [units, inputs]", () => {
    const weights = [1, 2, 3, 10, 20, 30];
    expect(predict(dense(2), [3], 2, [1, 0, 0, 1, 1, 1], [...weights, 0.5, -0.5])).toEqual([1.5, 9.5, 6.5, 59.5]);
    expect(predict(dense(2, { bias: false }), [3], 1, [0, 1, 0], weights)).toEqual([2, 20]);
  });

  it("works on the last dimension of any rank, when told not to flatten", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 0, maxLength: 3 }),
        fc.integer({ min: 1, max: 3 }),
        (leading, rows) => {
          const places = leading.reduce((product, size) => product * size, rows);
          const features = Array.from({ length: places * 2 }, (_, i) => Math.sin(i));
          const found = predict(dense(3, { flatten: false }), [...leading, 2], rows, features, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
          const expected = Array.from({ length: places }, (_, i) => {
            const [a, b] = features.slice(2 * i, 2 * i + 2);
            return [a + 2 * b + 7, 3 * a + 4 * b + 8, 5 * a + 6 * b + 9];
          }).flat();
          found.forEach((value, i) => expect(value).toBeCloseTo(expected[i], 12));
          expect(found).toHaveLength(expected.length);
        },
      ),
    );
  });

  it("takes a sample of any shape as one vector where it is the first layer", () => {
    expect(names(predictionGraph(sequential(dense(2), relu()), [4, 3]))).toEqual(["0.weight", "0.bias"]);
    expect(parameterSlots(predictionGraph(sequential(dense(2)), [4, 3]))[0].shape).toEqual([2, 12]);
    expect(parameterSlots(predictionGraph(sequential(sequential(dense(2))), [4, 3]))[0].shape).toEqual([2, 12]);
    expect(parameterSlots(predictionGraph(dense(2), []))[0].shape).toEqual([2, 1]);
    expect(parameterSlots(predictionGraph(sequential(tanh(), dense(2)), [4, 3]))[0].shape).toEqual([2, 3]);
  });

  it("chooses He before a rectifier and Glorot elsewhere", () => {
    const initialisations = (model: Layer) =>
      parameterSlots(predictionGraph(model, [24])).flatMap((slot) => (slot.name.endsWith("weight") ? [slot.initialisation] : []));
    const within = (limit: number) => ({ kind: "uniform", low: -limit, high: limit });
    const he = within(Math.sqrt(6 / 24));
    const leaky = within(Math.sqrt(6 / (1.04 * 24)));
    const glorot = within(Math.sqrt(6 / 30));
    expect(initialisations(sequential(dense(6), relu()))).toEqual([he]);
    expect(initialisations(dense(6, { activation: relu() }))).toEqual([he]);
    expect(initialisations(sequential(sequential(dense(6)), relu()))).toEqual([he]);
    expect(initialisations(sequential(dense(6), leakyRelu({ slope: 0.2 })))).toEqual([leaky]);
    expect(initialisations(sequential(dense(6), tanh()))).toEqual([glorot]);
    expect(initialisations(dense(6))).toEqual([glorot]);
    expect(initialisations(dense(6, { activation: tanh() }))).toEqual([glorot]);
    expect(initialisations(dense(6, { weightInitialisation: heNormal() }))).toEqual([
      { kind: "normal", mean: 0, deviation: Math.sqrt(2 / 24) },
    ]);
  });

  it("says what is wrong with its options and its input", () => {
    expect(failure(() => dense(0))).toBe(
      "MODEL_INVALID: dense: units is 0; expected a whole number from 1 → Write, for example, dense(128).",
    );
    expect(failure(() => dense("128" as never))).toContain('dense: units is "128"; expected a whole number from 1');
    expect(failure(() => dense(2, { activation: relu as never }))).toBe(
      "MODEL_INVALID: dense: activation is the function relu; expected a layer → " +
        "A layer is what the function returns: write relu() with parentheses.",
    );
    expect(failure(() => dense(2, { weightInitialisation: heNormal as never }))).toContain(
      "weightInitialisation is the function heNormal",
    );
    expect(failure(() => dense(2, { biasInitialisation: 0 as never }))).toContain(
      "biasInitialisation is 0; expected an initialiser",
    );
    expect(failure(() => predictionGraph(sequential(tanh(), dense(2)), []))).toBe(
      "MODEL_INVALID: dense 1 (2 units): a sample is one number, not a vector → Put flatten() before it: it makes a vector of one value.",
    );
  });
});

describe("sequential", () => {
  it("names parameters by position, also when nested", () => {
    const model = sequential(dense(4), relu(), sequential(dense(3), tanh(), sequential(dense(2, { bias: false }))), dense(1));
    expect(names(predictionGraph(model, [5]))).toEqual([
      "0.weight",
      "0.bias",
      "2.0.weight",
      "2.0.bias",
      "2.2.0.weight",
      "3.weight",
      "3.bias",
    ]);
    expect(names(predictionGraph(dense(1), [5]))).toEqual(["weight", "bias"]);
  });

  it("gives a layer that stands in two places one set of parameters, named after the first", () => {
    const layer = dense(2, { bias: false });
    const model = sequential(layer, tanh(), sequential(layer));
    expect(names(predictionGraph(model, [2]))).toEqual(["0.weight"]);
    const [a, b] = [Math.tanh(1 * 5 + 2 * 6), Math.tanh(3 * 5 + 4 * 6)];
    expect(predict(model, [2], 1, [5, 6], [1, 2, 3, 4])).toEqual([a + 2 * b, 3 * a + 4 * b]);
    expect(layerSummaries(predictionGraph(model, [2])).map(({ layer, parameters }) => [layer, parameters])).toEqual([
      ["features", 0],
      ["dense 0 (2 units)", 4],
      ["tanh 1", 0],
      ["dense 2.0 (2 units, shared with 0)", 0],
    ]);
    const act = relu();
    const labels = predictionGraph(sequential(dense(2), act, dense(2), act), [2]).nodes.map((node) => node.label);
    expect(labels).toContain("relu 3");
    expect(failure(() => predictionGraph(sequential(layer, dense(3), layer), [2]))).toBe(
      "MODEL_INVALID: dense 2 (2 units, shared with 0): it shares 0.weight, which has shape [2, 2], but would need [2, 3] here → " +
        "Make a layer for each place, or give this one inputs of the same size wherever it is applied.",
    );
  });

  it("labels what a layer adds with its name and place", () => {
    const graph = predictionGraph(sequential(dense(4, { activation: relu() }), sequential(softmax())), [2, 3]);
    expect([...new Set(graph.nodes.map((node) => node.label))]).toEqual([
      "features",
      "flatten features",
      "dense 0 (4 units)",
      "dense 0 (4 units) › relu 0.activation",
      "softmax 1.0",
    ]);
  });

  it("says which argument is not a layer", () => {
    expect(failure(() => sequential(dense(1), relu as never))).toBe(
      "MODEL_INVALID: sequential: layer 1 is the function relu; expected a layer → A layer is what the function returns: write relu() with parentheses.",
    );
    expect(failure(() => sequential([dense(1)] as never))).toContain(
      "sequential: layer 0 is a list; expected a layer → Leave the brackets out",
    );
    expect(failure(() => sequential(crossEntropy() as never))).toContain("layer 0 is the loss crossEntropy");
    expect(failure(() => sequential())).toContain("there are no layers");
  });

  it("lets a layer of one's own be a function of others, or build operations itself", () => {
    const block = (units: number) => sequential(dense(units), tanh());
    const double: Layer = { role: "layer", kind: "double", detail: "", build: (x) => math.multiply(x, 2) };
    expect(names(predictionGraph(sequential(block(2), double, block(1)), [3]))).toEqual([
      "0.0.weight",
      "0.0.bias",
      "2.0.weight",
      "2.0.bias",
    ]);
    expect(predict(double, [2], 1, [1, 2])).toEqual([2, 4]);
  });
});

describe("activations", () => {
  const at = (layer: Layer, values: number[]): number[] => predict(layer, [values.length], 1, values);

  it("compute their formulas", () => {
    expect(at(relu(), [-2, 0, 3])).toEqual([0, 0, 3]);
    expect(at(leakyRelu(), [-2, 0, 3])).toEqual([-0.02, 0, 3]);
    expect(at(leakyRelu({ slope: 0.5 }), [-2])).toEqual([-1]);
    expect(at(step(), [-2, 0, 3])).toEqual([0, 0, 1]);
    at(sigmoid(), [-2, 0, 3]).forEach((value, i) => expect(value).toBeCloseTo(1 / (1 + Math.exp(-[-2, 0, 3][i])), 14));
    at(tanh(), [-2, 0, 3]).forEach((value, i) => expect(value).toBeCloseTo(Math.tanh([-2, 0, 3][i]), 14));
  });

  it("softmax gives each row probabilities and stays finite", () => {
    const [a, b, c, ...rest] = predict(softmax(), [3], 2, [0, Math.log(2), Math.log(5), 1000, -1000, 1000]);
    [a, b, c].forEach((value, i) => expect(value).toBeCloseTo([1 / 8, 2 / 8, 5 / 8][i], 14));
    rest.forEach((value, i) => expect(value).toBeCloseTo([0.5, 0, 0.5][i], 12));
    expect(failure(() => predictionGraph(softmax(), []))).toContain("softmax: a sample is one number; a softmax needs several");
  });

  it("check their options", () => {
    expect(failure(() => leakyRelu({ slope: NaN }))).toContain("leakyRelu: slope is NaN; expected a number");
  });
});

describe("flatten and reshape", () => {
  it("keep the samples and the order of their values", () => {
    const values = Array.from({ length: 24 }, (_, i) => i);
    const shapes: [Layer, number[]][] = [
      [flatten(), [12]],
      [reshape([4, 3]), [4, 3]],
      [reshape([2, -1, 3]), [2, 2, 3]],
      [reshape([12]), [12]],
    ];
    for (const [layer, expected] of shapes) {
      const { prediction } = evaluate(withRows(predictionGraph(layer, [3, 4]), 2), { features: values });
      expect(prediction.shape).toEqual([2, ...expected]);
      expect([...prediction.data]).toEqual(values);
    }
  });

  it("never take values of another sample", () => {
    expect(failure(() => predictionGraph(sequential(flatten(), reshape([5])), [10]))).toBe(
      "MODEL_INVALID: reshape 1 ([5]): a sample of shape [10] has 10 values and cannot become [5] → " +
        "Choose a shape with as many values, or -1 for one of its dimensions.",
    );
    expect(failure(() => predictionGraph(reshape([-1, 3]), [10]))).toContain("cannot become [-1, 3]");
    expect(failure(() => predictionGraph(reshape([20]), [10]))).toContain("cannot become [20]");
  });

  it("check their options", () => {
    for (const shape of [[-1, -1], [0], [1.5], 3, undefined]) {
      expect(failure(() => reshape(shape as never))).toContain("expected whole numbers from 1, one of which may be -1");
    }
  });
});
