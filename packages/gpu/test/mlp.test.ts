// Whole models: gradients, sums, and a short training, against the float64 evaluator.
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

  it("stays within 1e-4 of float64 over 20 steps of gradient descent", async () => {
    const sizes = [12, 16, 4];
    const forward = mlp(sizes);
    const count = parameterElements(forward);
    const found = numbers(count, 3).map((value) => value / 3);
    const exact = Float64Array.from(found);
    const program = await engine().compile(forward);
    const gradients = new Float32Array(count);
    const rate = 0.5;
    for (let step = 1; step <= 20; step++) {
      const batches = [classifierBatch(sizes, 8, 8, 2 * step), classifierBatch(sizes, 5, 8, 2 * step + 1)];
      await program.setParameters(found);
      const { samples } = await program.train(batches, gradients);
      gradients.forEach((gradient, i) => (found[i] -= (rate * gradient) / samples));
      reference(forward, batches, exact).gradients.forEach((gradient, i) => (exact[i] -= (rate * gradient) / samples));
    }
    expectClose(found, exact, 1e-4);
    await program.close();
  });
});
