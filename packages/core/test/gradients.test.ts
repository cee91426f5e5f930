// Every gradient rule, alone and in the layers, in float64, against central differences over random shapes.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evaluate, gradientPrefix, parameterSlots, trainingGraph } from "../src/graph/index.ts";
import {
  centralDifferences,
  layerCase,
  operationCase,
  testedLayers,
  testedOperations,
  type OperationCase,
} from "../testing/index.ts";

function agrees({ forward, parameters }: OperationCase): void {
  const outputs = evaluate(trainingGraph(forward, 1), { weights: [1] }, parameters);
  const found = parameterSlots(forward).flatMap((slot) => [...outputs[gradientPrefix + slot.name].data]);
  const expected = centralDifferences(forward, parameters);
  found.forEach((gradient, i) => expect(gradient).toBeCloseTo(expected[i], 6));
  expect(found).toHaveLength(expected.length);
}

describe("gradient rules agree with central differences", () => {
  it.each(testedOperations)("%s", (name) => void fc.assert(fc.property(operationCase(name), agrees), { numRuns: 50 }));
  it.each(testedLayers)("in %s", (name) => void fc.assert(fc.property(layerCase(name), agrees), { numRuns: 25 }));
});
