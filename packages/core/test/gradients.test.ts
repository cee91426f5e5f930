// Every gradient rule, in float64, against central differences over random shapes.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evaluate, gradientPrefix, parameterSlots, trainingGraph } from "../src/graph/index.ts";
import { centralDifferences, operationCase, testedOperations } from "../testing/operation-cases.ts";

describe("gradient rules agree with central differences", () => {
  it.each(testedOperations)("%s", (name) => {
    fc.assert(
      fc.property(operationCase(name), ({ forward, parameters }) => {
        const outputs = evaluate(trainingGraph(forward, 1), { weights: [1] }, parameters);
        const found = parameterSlots(forward).flatMap((slot) => [...outputs[gradientPrefix + slot.name].data]);
        const expected = centralDifferences(forward, parameters);
        found.forEach((gradient, i) => expect(gradient).toBeCloseTo(expected[i], 6));
        expect(found).toHaveLength(expected.length);
      }),
      { numRuns: 50 },
    );
  });
});
