// The perceptron as the introductions have it, and what it can and cannot learn.
import { evaluate, predictionGraph } from "tabgrad";
import { describe, expect, it } from "vitest";
import { and, answers, learn, or, perceptron, twoLayers, weightedSum, weights, xor, xorParameters } from "./perceptron.ts";

describe("the perceptron", () => {
  it("makes 3 of inputs 12 and 4, weights 0.5 and −1, bias 1, and answers 1", () => {
    expect(answers(weightedSum, [[12, 4]], weights)).toEqual([3]);
    expect(answers(perceptron, [[12, 4]], weights)).toEqual([1]);
    expect(evaluate(predictionGraph(perceptron, [2]), { features: [12, 4] }, weights).prediction.shape).toEqual([1, 1]);
  });

  it("answers 0 up to a sum of 0, and 1 above", () => {
    const inputs = [
      [0, 1],
      [0, 1.01],
      [0, 0.99],
      [-2, 0],
    ];
    expect(answers(weightedSum, inputs, weights)[0]).toBe(0);
    expect(answers(perceptron, inputs, weights)).toEqual([0, 0, 1, 0]);
  });

  it.each([
    ["and", and],
    ["or", or],
  ])("learns %s", (_, examples) => {
    const { parameters, mistakes } = learn(examples, 100);
    expect(mistakes).toBe(0);
    const inputs = examples.map((example) => example.inputs);
    expect(answers(perceptron, inputs, parameters)).toEqual(examples.map((example) => example.label));
  });

  it("cannot learn xor, which two layers know", () => {
    expect(learn(xor, 100).mistakes).toBeGreaterThan(0);
    const inputs = xor.map((example) => example.inputs);
    expect(answers(twoLayers, inputs, xorParameters)).toEqual([0, 1, 1, 0]);
  });
});
