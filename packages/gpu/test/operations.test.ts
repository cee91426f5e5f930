// Every operation's kernel and gradient and those of the layers, over random shapes, against float64.
import type { Batch } from "@tabgrad/core";
import { engineCases, referenceLoss } from "@tabgrad/core/testing";
import fc from "fast-check";
import { describe, it } from "vitest";
import { expectClose, sharedEngine } from "./support.ts";

const engine = sharedEngine();
const oneRow: Batch = { rows: 1, samples: 1, inputs: {}, weights: Float32Array.of(1) };

describe("losses and gradients agree with float64", () => {
  it.each(engineCases)("the $of $name", async ({ of, arbitrary, gradients: gradientsOf }) => {
    await fc.assert(
      fc.asyncProperty(arbitrary(), async ({ forward, parameters }) => {
        const program = await engine().compile(forward);
        try {
          await program.setParameters(Float32Array.from(parameters));
          const gradients = new Float32Array(program.parameterElements).fill(NaN);
          const trained = await program.train([oneRow], gradients);
          const evaluated = await program.evaluate([oneRow]);
          const loss = referenceLoss(forward, parameters);
          expectClose([trained.lossSum, evaluated.lossSum], [loss, loss], 2e-5);
          expectClose(gradients, gradientsOf({ forward, parameters }), 2e-5);
        } finally {
          await program.close();
        }
      }),
      { numRuns: of === "operation" ? 12 : 4 },
    );
  });
});
