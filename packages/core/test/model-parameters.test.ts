// Initial and pre-trained parameters: distributions, keys, and what is said of weights that do not fit.
import { describe, expect, it } from "vitest";
import { GraphBuilder, parameterSlots, type Graph, type Initialisation, type Shape } from "../src/graph/index.ts";
import {
  constant,
  dense,
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  initialParameters,
  normal,
  ones,
  parametersFrom,
  predictionGraph,
  relu,
  sequential,
  uniform,
  zeros,
  type Initialiser,
  type NamedTensor,
} from "../src/model/index.ts";
import { failure } from "./model-support.ts";

function graphOf(...parameters: [Shape, Initialisation][]): Graph {
  const builder = new GraphBuilder(1);
  parameters.forEach(([shape, initialisation], i) => builder.emit("parameter", [], { name: `p${i}`, shape, initialisation }));
  return builder.graph({});
}

describe("initialisers", () => {
  const fans = { fanIn: 300, fanOut: 100 };
  const elements = 40_000;
  // The standard error of a variance from n samples is at most √(2/n) of it, 0.7 %; the bound is six times that. Seeds are fixed.
  const tolerance = 0.042;

  it.each<[string, Initialiser, number, number]>([
    ["glorotUniform", glorotUniform(), 0, 2 / 400],
    ["glorotNormal", glorotNormal(), 0, 2 / 400],
    ["heUniform", heUniform(), 0, 2 / 300],
    ["heNormal", heNormal(), 0, 2 / 300],
    ["heUniform with slope 1", heUniform({ slope: 1 }), 0, 1 / 300],
    ["heNormal with slope 0.5", heNormal({ slope: 0.5 }), 0, 2 / (1.25 * 300)],
    ["uniform", uniform({ low: 2, high: 5 }), 3.5, 9 / 12],
    ["uniform by default", uniform(), 0, 0.01 / 12],
    ["normal", normal({ mean: -1, deviation: 3 }), -1, 9],
    ["normal by default", normal(), 0, 0.0025],
  ])("%s has its mean and variance", (_, initialiser, mean, variance) => {
    const values = [1, 2, 3].map((seed) => initialParameters(graphOf([[elements], initialiser.resolve(fans)]), seed));
    for (const drawn of values) {
      const found = drawn.reduce((sum, value) => sum + value, 0) / elements;
      const spread = drawn.reduce((sum, value) => sum + (value - found) ** 2, 0) / elements;
      expect(Math.abs(found - mean)).toBeLessThan(6 * Math.sqrt(variance / elements));
      expect(Math.abs(spread / variance - 1)).toBeLessThan(tolerance);
    }
  });

  it("uniform ones stay within their bounds", () => {
    const limit = Math.sqrt(6 / 400);
    const drawn = initialParameters(graphOf([[elements], glorotUniform().resolve(fans)]), 7);
    expect(Math.max(...drawn.map(Math.abs))).toBeLessThanOrEqual(Math.fround(limit));
    expect(Math.max(...drawn)).toBeGreaterThan(0.99 * limit);
    expect(Math.min(...drawn)).toBeLessThan(-0.99 * limit);
  });

  it("constants are constant", () => {
    const graph = graphOf([[2], zeros().resolve(fans)], [[1], ones().resolve(fans)], [[2], constant(-2.5).resolve(fans)]);
    expect([...initialParameters(graph, 1)]).toEqual([0, 0, 1, -2.5, -2.5]);
    expect([zeros().kind, ones().kind, constant(3).kind]).toEqual(["zeros", "ones", "constant"]);
  });

  it("check their options", () => {
    expect(failure(() => constant("1" as never))).toContain('constant: value is "1"; expected a number');
    expect(failure(() => uniform({ low: 1, high: 1 }))).toContain("uniform: low is 1 and high is 1; expected low below high");
    expect(failure(() => normal({ deviation: -1 }))).toContain("normal: deviation is -1; expected at least 0");
    expect(failure(() => heNormal({ slope: Infinity }))).toContain("heNormal: slope is Infinity; expected a number");
    expect(failure(() => heUniform({ slope: null as never }))).toContain("heUniform: slope is null; expected a number");
  });
});

describe("initialParameters", () => {
  const drawn: Initialisation = { kind: "normal", mean: 0, deviation: 1 };

  it("is a function of the seed, the parameter's index and the value's", () => {
    const graph = graphOf([[5], drawn], [[5], drawn]);
    const first = initialParameters(graph, 1);
    expect(initialParameters(graph, 1)).toEqual(first);
    expect(initialParameters(graph, 2)).not.toEqual(first);
    expect([...first.slice(0, 5)]).not.toEqual([...first.slice(5)]);
    const longer = initialParameters(graphOf([[9], drawn], [[3], drawn]), 1);
    expect(longer.slice(0, 5)).toEqual(first.slice(0, 5));
    expect(longer.slice(9)).toEqual(first.slice(5, 8));
  });

  it("never changes: these values are part of what a seed means", () => {
    const graph = predictionGraph(sequential(dense(2), relu(), dense(1)), [3]);
    const parameters = initialParameters(graph, 1);
    expect([...parameters.slice(6, 8), parameters[10]]).toEqual([0, 0, 0]);
    expect([...parameters].map((value) => value.toFixed(4))).toMatchInlineSnapshot(`
      [
        "0.4061",
        "-0.4981",
        "0.9328",
        "0.2949",
        "-0.7368",
        "0.1536",
        "0.0000",
        "0.0000",
        "0.4881",
        "0.3276",
        "0.0000",
      ]
    `);
  });
});

describe("parametersFrom", () => {
  const graph = predictionGraph(sequential(dense(2), relu(), dense(1)), [3]);
  const slots = parameterSlots(graph);
  const initial = new Float32Array(11).fill(9);
  const tensor = (shape: Shape, data: number[]): NamedTensor => ({ shape, data });
  const all: [string, NamedTensor][] = [
    ["2.bias", tensor([1], [-1])],
    ["0.weight", tensor([2, 3], [1, 2, 3, 4, 5, 6])],
    ["0.bias", tensor([2], [7, 8])],
    ["2.weight", tensor([1, 2], [10, 11])],
  ];

  it("puts tensors where the model has parameters of their names", () => {
    const result = parametersFrom(slots, new Map(all), initial);
    expect([...result.parameters]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 10, 11, -1]);
    expect(result.matched).toEqual(["0.weight", "0.bias", "2.weight", "2.bias"]);
    expect([result.missing, result.unused]).toEqual([[], []]);
    expect(initial.every((value) => value === 9)).toBe(true);
  });

  it("keeps the initial values of what is missing, and names what is unused", () => {
    const result = parametersFrom(slots, new Map([all[1], ["head.weight", tensor([1], [0])]]), initial);
    expect([...result.parameters]).toEqual([1, 2, 3, 4, 5, 6, 9, 9, 9, 9, 9]);
    expect(result.mismatched).toEqual([]);
    expect(result).toMatchObject({ matched: ["0.weight"], missing: ["0.bias", "2.weight", "2.bias"], unused: ["head.weight"] });
  });

  it("finds tensors under a prefix, and parameters under another", () => {
    const prefixed = new Map(all.map(([name, each]) => [`model.${name}`, each]));
    prefixed.set("0.weight", tensor([2, 3], [0, 0, 0, 0, 0, 0]));
    const result = parametersFrom(slots, prefixed, initial, { prefix: "model." });
    expect([...result.parameters]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 10, 11, -1]);
    expect(result.unused).toEqual(["0.weight"]);
    const layer = new Map([
      ["weight", tensor([1, 2], [3, 4])],
      ["bias", tensor([2], [0, 0])],
    ]);
    const inner = parametersFrom(slots, layer, initial, { into: "2.", skipMismatched: true });
    expect([...inner.parameters.slice(8)]).toEqual([3, 4, 9]);
    expect(inner).toMatchObject({ matched: ["2.weight"], missing: ["0.weight", "0.bias"], unused: [] });
  });

  it("leaves parameters of another shape alone if asked, and names them", () => {
    const wider = new Map([...all.slice(1), ["2.bias", tensor([4], [1, 2, 3, 4])] as const]);
    const result = parametersFrom(slots, wider, initial, { skipMismatched: true });
    expect([...result.parameters]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 9]);
    expect(result.mismatched).toEqual([{ name: "2.bias", shape: [1], found: [4] }]);
    expect([result.missing, result.unused]).toEqual([[], []]);
  });

  it("sees a prefix that would help", () => {
    const prefixed = new Map(all.map(([name, each]) => [`module.net.${name}`, each]));
    expect(failure(() => parametersFrom(slots, prefixed, initial))).toContain("--init-prefix module.net.,");
  });

  it("says what does not fit, all of it", () => {
    expect(failure(() => parametersFrom(slots, new Map([["fc.weight", tensor([1], [0])]]), initial))).toBe(
      "CHECKPOINT_INVALID: None of the weights match: the model has 0.weight, 0.bias, 2.weight, 2.bias, and the file has fc.weight. → " +
        "Start from a checkpoint of the same model, or rename the tensors.",
    );
    expect(failure(() => parametersFrom(slots, new Map(), initial))).toContain("the file has no tensors");
    const many = new Map(Array.from({ length: 10 }, (_, i): [string, NamedTensor] => [`t${i}`, tensor([1], [0])]));
    expect(failure(() => parametersFrom(slots, many, initial))).toContain("t7 and 2 more");
    const wrong = new Map<string, NamedTensor>([
      ["0.weight", tensor([3, 2], [1, 2, 3, 4, 5, 6])],
      ["0.bias", tensor([2], [1])],
      ["2.weight", tensor([1, 2], [1, NaN])],
      ["2.bias", tensor([1], [1e39])],
    ]);
    expect(failure(() => parametersFrom(slots, wrong, initial))).toBe(
      "CHECKPOINT_INVALID: These weights do not fit the model: 0.weight has shape [3, 2] where the model has [2, 3] (its transpose); " +
        "0.bias has 1 values where its shape [2] has 2; 2.weight has a value that is not finite (NaN at 1); " +
        "2.bias has a value that is not finite (1e+39 at 0). → Give the layers the sizes of the checkpoint, or let those that differ " +
        "begin at random: --init-skip-mismatched.",
    );
  });
});
