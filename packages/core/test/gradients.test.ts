// Every gradient rule, alone and in the layers, in float64, against central differences over random shapes.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  centralDifferences,
  layerCase,
  operationCase,
  referenceGradients,
  testedLayers,
  testedOperations,
  type OperationCase,
} from "../testing/index.ts";

function agrees(anyCase: OperationCase): void {
  const found = referenceGradients(anyCase);
  const expected = centralDifferences(anyCase.forward, anyCase.parameters);
  const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  found.forEach((gradient, i) => expect(Math.abs(gradient - expected[i]) / scale).toBeLessThan(5e-7));
  expect(found).toHaveLength(expected.length);
}

describe("gradient rules agree with central differences", () => {
  it.each(testedOperations)("%s", (name) => void fc.assert(fc.property(operationCase(name), agrees), { numRuns: 50 }));
  it.each(testedLayers)("in %s", (name) => void fc.assert(fc.property(layerCase(name), agrees), { numRuns: 10 }));
});
