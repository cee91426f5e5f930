// Whole models: gradients, sums, padding, numbers of rows, and a short training, against the float64 evaluator.
import { parameterElements } from "@tabgrad/core";
import { describe, expect, it } from "vitest";
import { classifierBatch, expectClose, mlp, numbers, reference, sharedEngine } from "./support.ts";

const engine = sharedEngine();

describe("a multi-layer perceptron", () => {
  it.each(["relu", "tanh", "sigmoid", "softplus"] as const)("has the right gradients with %s", async (activation) => {
    const sizes = [13, 20, 12, 5];
    const forward = mlp(sizes, activation);
    const parameters = numbers(parameterElements(forward));
    const batches = [classifierBatch(sizes, 8)];
    const program = await engine().compile(forward);
    await program.setParameters(parameters);
    const gradients = new Float32Array(program.parameterElements).fill(NaN);
    const sums = await program.train(batches, gradients);
    const expected = reference(forward, batches, parameters);
    expectClose(gradients, expected.gradients);
    expectClose([sums.lossSum, ...sums.metricSums], [expected.sums.lossSum, ...expected.sums.metricSums]);
    expect(sums.samples).toBe(8);
    await program.close();
  });
});
