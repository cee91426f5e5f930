// The coordinator's sum in an exact run has the bits of a worker's that computed everything, whoever sent which block.
import {
  addInto,
  alignedBlocks,
  chunkOf,
  encodeToCoordinator,
  decodeToCoordinator,
  PackedLayout,
  TreeSum,
  type Block,
} from "@tabgrad/core";
import { describe, expect, it } from "vitest";
import { ExactReduction } from "../src/reduce/tree.ts";

const microbatches = 11;
/** Two stretches are trained; around and between them everything is frozen. */
const gradient = new PackedLayout(
  [
    { offset: 1, count: 3 },
    { offset: 6, count: 7 },
  ],
  4,
);
const { chunks: layout } = gradient;
const elements = 14;

/** The gradient of a microbatch: numbers whose sum depends on the order of additions. */
const gradientOf = (microbatch: number): Float32Array =>
  Float32Array.from({ length: layout.elements }, (_, i) => Math.sin(microbatch * 31 + i) * 10 ** ((microbatch * 7 + i) % 5));

/** What a worker computes for a block. */
function workersSum(block: Block): Float32Array {
  const tree = new TreeSum<Float32Array>(
    block.end,
    (left, right) => {
      addInto(left, right);
      return left;
    },
    block,
  );
  for (let i = block.first; i < block.end; i++) tree.add({ first: i, end: i + 1 }, gradientOf(i));
  return tree.take();
}

/** As it arrives: each chunk a view of its message. */
const arrived = (vector: Float32Array): Float32Array[] =>
  Array.from({ length: layout.count }, (_, chunk) => {
    const frame = encodeToCoordinator({ type: "contributionChunk", assignment: 1, chunk, values: chunkOf(layout, vector, chunk) });
    const message = decodeToCoordinator(frame);
    if (message.type !== "contributionChunk") throw new Error("another message came back");
    return message.values;
  });

function reduced(blocks: readonly Block[]): Float32Array {
  const reduction = new ExactReduction(gradient, microbatches);
  for (const block of blocks) reduction.add(block, arrived(workersSum(block)));
  const gradients = new Float32Array(elements).fill(777);
  reduction.takeInto(gradients);
  expect(reduction.held).toBe(0);
  const trained = [gradients.slice(1, 4), gradients.slice(6, 13)];
  expect([gradients[0], ...gradients.slice(4, 6), gradients[13]]).toEqual([777, 777, 777, 777]);
  return Float32Array.from(trained.flatMap((values) => [...values]));
}

/** The blocks of workers that have the microbatches between these. */
const dealt = (...cuts: number[]): Block[] =>
  [...cuts, microbatches].flatMap((end, i) => alignedBlocks(i === 0 ? 0 : cuts[i - 1], end, microbatches));

describe("an exact reduction", () => {
  const whole = workersSum({ first: 0, end: microbatches });

  it.each<[string, Block[]]>([
    ["one worker", dealt()],
    ["two workers", dealt(5)],
    ["three workers", dealt(3, 9)],
    ["three workers, the last one first", dealt(3, 9).reverse()],
    ["a worker for each microbatch", dealt(...Array.from({ length: microbatches - 1 }, (_, i) => i + 1))],
    ["the even ones first", [0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9].map((first) => ({ first, end: first + 1 }))],
  ])("of %s has the same bits", (_, blocks) => {
    expect(reduced(blocks)).toEqual(whole);
  });

  it("is not what adding as they come gives", () => {
    const inOrder = new Float32Array(layout.elements);
    for (let i = 0; i < microbatches; i++) addInto(inOrder, gradientOf(i));
    expect(whole).not.toEqual(inOrder);
  });

  it("holds a vector for each block whose sibling is missing", () => {
    const reduction = new ExactReduction(gradient, microbatches);
    const held = dealt(...Array.from({ length: microbatches - 1 }, (_, i) => i + 1)).map((block) => {
      reduction.add(block, arrived(workersSum(block)));
      return reduction.held;
    });
    expect(held).toEqual([1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 1]);
    expect(reduction.isComplete).toBe(true);
  });

  it("refuses a block twice, what lacks chunks, and to be taken too early", () => {
    const reduction = new ExactReduction(gradient, microbatches);
    const block = { first: 4, end: 6 };
    const chunks = arrived(workersSum(block));
    expect(() => reduction.add(block, chunks.slice(1))).toThrow("a contribution has 3 chunks");
    expect(() => reduction.add(block, [chunks[0], undefined, chunks[2]])).toThrow("a contribution has 3 chunks");
    reduction.add(block, chunks);
    expect(() => reduction.add(block, chunks)).toThrow("is there already");
    expect(reduction.isComplete).toBe(false);
    expect(() => reduction.takeInto(new Float32Array(elements))).toThrow("the sum needs all");
  });
});
