// Lists of indices as ranges, and back.
import fc from "fast-check";
import { expect, it } from "vitest";
import { indicesOf, rangesOf } from "../src/telemetry/index.ts";

it("makes one range of neighbours", () => {
  expect(rangesOf([])).toEqual([]);
  expect(rangesOf([4, 5, 6, 9, 1])).toEqual([
    [1, 1],
    [4, 3],
    [9, 1],
  ]);
});

it("loses and adds nothing, not even what is there twice", () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 30 })), (indices) => {
      expect(indicesOf(rangesOf(indices)).sort((a, b) => a - b)).toEqual([...indices].sort((a, b) => a - b));
    }),
  );
});
