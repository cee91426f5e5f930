// Random numbers in WGSL: the bits of the generator.
import { uniformCase } from "@tabgrad/core/testing";
import fc from "fast-check";
import { expect, it } from "vitest";
import { sharedEngine } from "./support.ts";

const engine = sharedEngine();

it("have the generator's bits", async () => {
  await fc.assert(
    fc.asyncProperty(uniformCase, async ({ forward, keys, expected }) => {
      const program = await engine().compile(forward);
      await program.setParameters(new Float32Array(expected.length).fill(1));
      const gradients = new Float32Array(expected.length).fill(777);
      const weights = Float32Array.of(0, 1);
      const inputs = { keys: Float32Array.of(9, 9, 9, 9, ...keys) };
      await program.train([{ rows: 2, samples: 1, inputs, weights }], gradients);
      expect(gradients).toEqual(expected);
      await program.close();
    }),
    { numRuns: 12 },
  );
});
