// Every operation and layer on ONNX Runtime against the float64 evaluator: the loss and the gradient.
import type { Engine } from "@tabgrad/core";
import { engineCases, referenceLoss } from "@tabgrad/core/testing";
import { createNodeCpuEngine } from "../src/node.ts";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/** Float32 rounding over the few dozen terms of a case; a central difference in float64 is good to 1e-8. */
const tolerance = 1e-5;

let engine: Engine;
beforeAll(async () => void (engine = await createNodeCpuEngine()));
afterAll(() => engine.close());

const oneRow = { rows: 1, samples: 1, inputs: {}, weights: Float32Array.of(1) };

describe.each(engineCases)("the $of $name", ({ arbitrary, gradients: gradientsOf }) => {
  it("has the loss and the gradient that float64 has", async () => {
    await fc.assert(
      fc.asyncProperty(arbitrary(), async ({ forward, parameters }) => {
        const program = await engine.compile(forward);
        await program.setParameters(Float32Array.from(parameters));
        const gradients = new Float32Array(parameters.length).fill(777);
        const { lossSum } = await program.train([oneRow], gradients);
        const evaluated = await program.evaluate([oneRow]);
        await program.close();

        const expected = Array.from(gradientsOf({ forward, parameters }));
        const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
        const worst = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - gradients[i])), 0);
        expect(worst / scale).toBeLessThan(tolerance);
        const loss = referenceLoss(forward, parameters);
        const allowed = tolerance * Math.max(1, Math.abs(loss)) * Math.sqrt(parameters.length + 1);
        expect(Math.abs(lossSum - loss)).toBeLessThan(allowed);
        expect(Math.abs(evaluated.lossSum - loss)).toBeLessThan(allowed);
      }),
      { numRuns: 25 },
    );
  });
});
