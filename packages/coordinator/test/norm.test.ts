// The length of a contribution, by which it is judged: of the gradient, without what moves running statistics.
import { chunkLayout, chunkOf } from "@tabgrad/core";
import { describe, expect, it } from "vitest";
import { ContributionNorm } from "../src/reduce/norm.ts";

const slots = [
  { elements: 3, frozen: false },
  { elements: 2, frozen: false, momentum: 0.1 },
  { elements: 40, frozen: true },
  { elements: 1, frozen: true, momentum: 0.1 },
  { elements: 4, frozen: false },
  { elements: 2, frozen: false, momentum: 0.1 },
];
/** As a contribution has them: without what is frozen. */
const values = [1, 2, 3, 100, 200, 4, 5, 6, 7, 300, 400];
const squared = 1 + 4 + 9 + 16 + 25 + 36 + 49;

function normOf(numbers: readonly number[], chunkElements: number): number {
  const layout = chunkLayout(numbers.length, chunkElements);
  const norm = new ContributionNorm(layout, slots);
  const chunks = Array.from({ length: layout.count }, (_, chunk) => chunkOf(layout, Float32Array.from(numbers), chunk));
  return chunks.reduce((sum, values, chunk) => sum + norm.squared(values, chunk), 0);
}

describe("the norm of a contribution", () => {
  it.each([1, 2, 3, 4, 11, 20])("leaves running statistics out, in chunks of %i", (chunkElements) => {
    expect(normOf(values, chunkElements)).toBe(squared);
  });

  it("is not finite where any value is not, one of a running statistic too", () => {
    values.forEach((_, i) => {
      for (const wrong of [NaN, Infinity, -Infinity]) expect(normOf(values.with(i, wrong), 3)).not.toBeLessThan(Infinity);
    });
  });
});
