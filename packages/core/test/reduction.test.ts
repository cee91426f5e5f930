// The fixed tree: what its blocks are, and that a sum has the same bits whoever added which of them, and when.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addInto,
  addSums,
  alignedBlocks,
  type Block,
  childBlocks,
  isAlignedBlock,
  parentBlock,
  rootBlock,
  siblingBlock,
  TreeSum,
} from "../src/reduction/index.ts";

const counts = fc.integer({ min: 1, max: 70 });
const leaf = (index: number): Block => ({ first: index, end: index + 1 });
const pairsOf = (count: number): Block[] =>
  Array.from({ length: count }, (_, first) =>
    Array.from({ length: count - first }, (_, i) => ({ first, end: first + i + 1 })),
  ).flat();

/** The nodes of the tree by its definition, level by level, each by its leaves. */
function nodes(count: number): Map<string, Block> {
  const found = new Map<string, Block>();
  for (let level: Block[] = Array.from({ length: count }, (_, i) => leaf(i)); ;) {
    for (const node of level) found.set(JSON.stringify(node), node);
    if (level.length === 1) return found;
    level = Array.from({ length: Math.ceil(level.length / 2) }, (_, i) => ({
      first: level[2 * i].first,
      end: (level[2 * i + 1] ?? level[2 * i]).end,
    }));
  }
}

/** The sum below a node by its definition, in float32. */
function reference(block: Block, leaves: readonly number[]): number {
  const children = childBlocks(block);
  if (!children) return Math.fround(leaves[block.first]);
  return Math.fround(reference(children[0], leaves) + reference(children[1], leaves));
}

describe("blocks", () => {
  it("are the nodes of the tree", () => {
    for (let count = 1; count <= 40; count++) {
      const expected = nodes(count);
      const found = pairsOf(count).filter((block) => isAlignedBlock(block, count));
      expect(new Set(found.map((block) => JSON.stringify(block))), `${count} leaves`).toEqual(new Set(expected.keys()));
    }
  });

  it.each([
    { first: 0, end: 0 },
    { first: 0, end: 6 },
    { first: -1, end: 1 },
    { first: 0.5, end: 1 },
    { first: NaN, end: 1 },
    { first: 1, end: 3 },
    { first: 0, end: 3 },
  ])("and not $first to $end of five leaves", (block) => {
    expect(isAlignedBlock(block, 5)).toBe(false);
  });

  it("have two children, of which each is the other's sibling and the block the parent", () => {
    for (let count = 1; count <= 40; count++) {
      expect(parentBlock(rootBlock(count), count)).toBeUndefined();
      expect(siblingBlock(rootBlock(count), count)).toBeUndefined();
      for (const block of nodes(count).values()) {
        const children = childBlocks(block);
        if (!children) continue;
        const [left, right] = children;
        expect([left.first, left.end, right.end]).toEqual([block.first, right.first, block.end]);
        for (const child of children) {
          expect(isAlignedBlock(child, count)).toBe(true);
          expect(parentBlock(child, count)).toEqual(block);
        }
        expect(siblingBlock(left, count)).toEqual(right);
        expect(siblingBlock(right, count)).toEqual(left);
      }
    }
  });

  it("cover a range, as few as there can be", () => {
    for (let count = 1; count <= 24; count++) {
      for (const { first, end } of pairsOf(count)) {
        const blocks = alignedBlocks(first, end, count);
        expect(blocks.every((block) => isAlignedBlock(block, count))).toBe(true);
        expect([blocks[0].first, ...blocks.map((block) => block.end)]).toEqual([...blocks.map((block) => block.first), end]);
        expect(blocks).toHaveLength(fewest(first, end, count));
      }
    }
    expect(alignedBlocks(3, 3, 5)).toEqual([]);
    expect(alignedBlocks(1, 7, 7)).toEqual([leaf(1), { first: 2, end: 4 }, { first: 4, end: 7 }]);
  });
});

/** The fewest blocks that cover a range, by trying all. */
function fewest(first: number, end: number, count: number): number {
  const least = new Array<number>(end - first + 1).fill(Infinity);
  least[0] = 0;
  for (let at = first; at < end; at++) {
    for (let next = at + 1; next <= end; next++) {
      if (isAlignedBlock({ first: at, end: next }, count))
        least[next - first] = Math.min(least[next - first], least[at - first] + 1);
    }
  }
  return least[end - first];
}

/** Leaves whose sum depends on the order of additions. */
const leavesOf = (count: number): fc.Arbitrary<number[]> =>
  fc.array(fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 }), { minLength: count, maxLength: count });

/** A tree cut into blocks anywhere, in any order. */
const partitionOf = (root: Block): fc.Arbitrary<Block[]> => {
  const cut = (block: Block): fc.Arbitrary<Block[]> => {
    const children = childBlocks(block);
    if (!children) return fc.constant<Block[]>([block]);
    const below = fc.tuple(cut(children[0]), cut(children[1])).map((parts) => parts.flat());
    return fc.oneof({ weight: 1, arbitrary: fc.constant<Block[]>([block]) }, { weight: 2, arbitrary: below });
  };
  return cut(root).chain((blocks) => fc.shuffledSubarray(blocks, { minLength: blocks.length }));
};

const cases = counts.chain((count) =>
  fc.record({ count: fc.constant(count), leaves: leavesOf(count), blocks: partitionOf(rootBlock(count)) }),
);

const addVectors = (left: Float32Array, right: Float32Array): Float32Array => {
  addInto(left, right);
  return left;
};

describe("a sum along the tree", () => {
  it("has the same bits for every partition into blocks, in every order", () => {
    fc.assert(
      fc.property(cases, ({ count, leaves, blocks }) => {
        const tree = new TreeSum(count, addVectors);
        for (const block of blocks) {
          expect(tree.isComplete).toBe(false);
          tree.add(block, Float32Array.of(reference(block, leaves)));
        }
        expect(tree.isComplete).toBe(true);
        expect(tree.take()).toEqual(Float32Array.of(reference(rootBlock(count), leaves)));
      }),
    );
  });

  it("does depend on the tree: sums in another order have other bits", () => {
    const leaves = [1, 2 ** -24, 2 ** -24, 2 ** -24].map(Math.fround);
    const inOrder = leaves.reduce((sum, value) => Math.fround(sum + value));
    expect(reference(rootBlock(4), leaves)).not.toBe(inOrder);
  });

  it("of a block has the bits that it has within the whole, wherever the step ends", () => {
    fc.assert(
      fc.property(cases, ({ count, leaves }) => {
        for (const block of nodes(count).values()) {
          const part = new TreeSum(block.end, addVectors, block);
          for (let i = block.first; i < block.end; i++) part.add(leaf(i), Float32Array.of(leaves[i]));
          expect(part.take()).toEqual(Float32Array.of(reference(block, leaves)));
        }
      }),
      { numRuns: 20 },
    );
  });

  it("of leaves in ascending order holds one value a level", () => {
    for (let count = 1; count <= 130; count++) {
      const tree = new TreeSum<number>(count, (left, right) => left + right);
      let most = 0;
      for (let i = 0; i < count; i++) {
        tree.add(leaf(i), 1);
        most = Math.max(most, tree.open.length);
      }
      expect(most).toBeLessThanOrEqual(Math.floor(Math.log2(count)) + 1);
      expect(tree.take()).toBe(count);
    }
  });

  it("adds left to right, each pair once", () => {
    const tree = new TreeSum<string>(5, (left, right) => `(${left}${right})`);
    for (const i of [4, 1, 3, 0, 2]) tree.add(leaf(i), String(i));
    expect(tree.take()).toBe("(((01)(23))4)");
  });

  it("may begin again after the sum was taken, or forgotten", () => {
    const tree = new TreeSum<number>(2, (left, right) => left + right);
    tree.add(leaf(0), 1);
    tree.add(leaf(1), 2);
    expect(tree.take()).toBe(3);
    tree.add(leaf(1), 5);
    expect(tree.open).toEqual([leaf(1)]);
    tree.clear();
    tree.add(rootBlock(2), 7);
    expect(tree.take()).toBe(7);
  });

  it("refuses what is no block, what came before, and to be taken too early", () => {
    const tree = new TreeSum<number>(6, (left, right) => left + right);
    expect(() => tree.add({ first: 1, end: 3 }, 0)).toThrow("leaves 1 to 2 is no block of a tree over 6 leaves");
    expect(() => tree.add(leaf(6), 0)).toThrow(RangeError);
    tree.add({ first: 0, end: 2 }, 0);
    expect(() => tree.add(leaf(1), 0)).toThrow("leaf 1 came, but leaves 0 to 1 is there already");
    expect(() => tree.add({ first: 0, end: 4 }, 0)).toThrow("is there already");
    expect(() => tree.take()).toThrow("2 leaves of leaves 0 to 5 are there; the sum needs all");
    expect(() => new TreeSum<number>(6, (left, right) => left + right, { first: 1, end: 3 })).toThrow(RangeError);
    const part = new TreeSum<number>(6, (left, right) => left + right, { first: 4, end: 6 });
    expect(() => part.add(leaf(0), 0)).toThrow("below leaves 4 to 5");
  });
});

describe("additions", () => {
  it("of gradients are float32 additions", () => {
    const values = fc.float({ noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.tuple(values, values), { minLength: 1 }), (pairs) => {
        const left = Float32Array.from(pairs, ([a]) => a);
        addInto(
          left,
          Float32Array.from(pairs, ([, b]) => b),
        );
        expect(left).toEqual(Float32Array.from(pairs, ([a, b]) => Math.fround(a + b)));
      }),
    );
    // Longer than what is added at a time, and not at its boundary.
    const long = Float32Array.from({ length: 40_001 }, (_, i) => 1 / (i + 1));
    const twice = long.map((value) => 2 * value);
    addInto(long, long);
    expect(long).toEqual(twice);
    expect(() => addInto(new Float32Array(2), new Float32Array(3))).toThrow("3 values to add to 2");
  });

  it("of sums are float64 additions, field by field", () => {
    const left = { samples: 3, lossSum: 0.1, metricSums: [1, 2] };
    expect(addSums(left, { samples: 4, lossSum: 0.2, metricSums: [10, 20] })).toEqual({
      samples: 7,
      lossSum: 0.1 + 0.2,
      metricSums: [11, 22],
    });
  });
});
