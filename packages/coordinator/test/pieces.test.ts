// How a worker's part of a step is cut into assignments.
import { isAlignedBlock } from "@tabgrad/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { blocksOf, pieceLength, piecesOf } from "../src/decide/pieces.ts";

const indices = (first: number, count: number): number[] => Array.from({ length: count }, (_, i) => first + i);

describe("pieces", () => {
  it("compute for fifty times the fixed time", () => {
    expect(pieceLength(32, { overhead: 4, perSample: 0.5 })).toBe(12.5);
    expect(pieceLength(32, { overhead: 0, perSample: 1 })).toBe(50 / 32);
    expect(pieceLength(32, undefined)).toBe(Infinity);
  });

  it("are of a power of two, but the last", () => {
    expect(piecesOf(indices(3, 7), 0.2)).toEqual(indices(3, 7).map((index) => [index]));
    expect(piecesOf(indices(0, 7), 1.5)).toEqual([[0, 1], [2, 3], [4, 5], [6]]);
    expect(piecesOf(indices(0, 7), 3).map(({ length }) => length)).toEqual([4, 3]);
    expect(piecesOf(indices(0, 7), 5)).toEqual([indices(0, 7)]);
    expect(piecesOf(indices(0, 7), Infinity)).toEqual([indices(0, 7)]);
    expect(piecesOf([], 2)).toEqual([]);
  });

  it("are halved blocks of the tree in an exact run", () => {
    expect(blocksOf(indices(0, 8), 11, 2)).toEqual([0, 2, 4, 6].map((first) => indices(first, 2)));
    expect(blocksOf(indices(0, 11), 11, 3)).toEqual([indices(0, 4), indices(4, 4), indices(8, 3)]);
    expect(blocksOf([0, 1, 4, 5, 6], 11, Infinity)).toEqual([[0, 1], [4, 5], [6]]);
  });

  it("are all there, in order, no more than 32, and cost no more than 2 % of the time", () => {
    const length = fc.double({ min: 0.01, max: 300, noNaN: true });
    fc.assert(
      fc.property(fc.nat({ max: 500 }), length, (count, least) => {
        const pieces = piecesOf(indices(5, count), least);
        expect(pieces.flat()).toEqual(indices(5, count));
        expect(pieces.length).toBeLessThanOrEqual(32);
        // Each fixed time but the first is a fiftieth of what `least` microbatches take.
        expect((pieces.length - 1) * least).toBeLessThanOrEqual(count);
        for (const piece of pieces) expect(piece.length).toBeLessThanOrEqual(2 * Math.max(least, 1, count / 32));
      }),
    );
  });

  it("of an exact run are blocks, the first of the part in order, and no more than 32", () => {
    const part = fc.uniqueArray(fc.nat({ max: 199 }), { maxLength: 200 });
    fc.assert(
      fc.property(part, fc.double({ min: 0.01, max: 100, noNaN: true }), (unsorted, least) => {
        const microbatches = unsorted.sort((a, b) => a - b);
        const blocks = blocksOf(microbatches, 200, least);
        const all = blocks.flat();
        expect(all).toEqual(microbatches.slice(0, all.length));
        expect(blocks.length).toBeLessThanOrEqual(32);
        if (blocks.length < 32) expect(all).toHaveLength(microbatches.length);
        for (const block of blocks) expect(isAlignedBlock({ first: block[0], end: block.at(-1)! + 1 }, 200)).toBe(true);
      }),
    );
  });
});
