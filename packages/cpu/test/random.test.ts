// Random numbers on ONNX Runtime: the bits of the generator, in every row.
import { uniformCase } from "@tabgrad/core/testing";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Engine } from "@tabgrad/core";
import { createNodeCpuEngine } from "../src/node.ts";

let engine: Engine;
beforeAll(async () => void (engine = await createNodeCpuEngine()));
afterAll(() => engine.close());

it("have the generator's bits", async () => {
  await fc.assert(
    fc.asyncProperty(uniformCase, fc.integer({ min: 1, max: 3 }), async ({ forward, keys, expected }, row) => {
      const program = await engine.compile(forward);
      await program.setParameters(new Float32Array(expected.length).fill(1));
      const gradients = new Float32Array(expected.length).fill(777);
      // The sample is one of three rows; the others have no weight.
      const weights = Float32Array.from({ length: 3 }, (_, i) => (i === row - 1 ? 1 : 0));
      const all = new Float32Array(12).fill(9);
      all.set(keys, 4 * (row - 1));
      await program.train([{ rows: 3, samples: 1, inputs: { keys: all }, weights }], gradients);
      expect(gradients).toEqual(expected);
      await program.close();
    }),
    { numRuns: 25 },
  );
});
