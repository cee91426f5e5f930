// Uniform numbers four blocks at a time: the same bits as one at a time.
import fc from "fast-check";
import { expect, it } from "vitest";
import { fillUniformBlocks } from "../src/random/blocks.ts";
import { KeyedRandom } from "../src/random/index.ts";

const word = fc.integer({ min: 0, max: 2 ** 32 - 1 });

it("are those of the generator, however many", () => {
  fc.assert(
    fc.property(word, word, fc.oneof(fc.nat({ max: 40 }), fc.integer({ min: 16_380, max: 16_390 })), (k0, k1, count) => {
      const found = new Float32Array(count).fill(777);
      fillUniformBlocks(k0, k1, found);
      const random = new KeyedRandom(k0, k1);
      const differs = found.findIndex((value, i) => value !== random.uniform(i));
      expect(differs, "the first index at which they differ").toBe(-1);
    }),
    { numRuns: 60 },
  );
});
