// The fixed binary tree over the microbatches of a step. Its leaves are the indices 0 … count − 1; the node above two neighbours has
// their leaves, and one that has no right neighbour is the node above itself. A block is the leaves below one node.

/** The leaves from `first` up to, not including, `end`. */
export interface Block {
  readonly first: number;
  readonly end: number;
}

/** Leaves that the smallest node around so many of them would have, were the tree full. */
const spanOf = (leaves: number): number => 2 ** Math.ceil(Math.log2(leaves));

/** All leaves. */
export const rootBlock = (count: number): Block => ({ first: 0, end: count });

/** Whether the leaves from `first` to `end` − 1, of `count`, are those below one node. */
export function isAlignedBlock({ first, end }: Block, count: number): boolean {
  if (!(Number.isInteger(first) && Number.isInteger(end) && first >= 0 && first < end && end <= count)) return false;
  const span = spanOf(end - first);
  return first % span === 0 && end === Math.min(first + span, count);
}

/** The smallest block that has more leaves than this one, and these among them; undefined for the root. */
export function parentBlock(block: Block, count: number): Block | undefined {
  if (block.first === 0 && block.end === count) return undefined;
  for (let span = 2 * spanOf(block.end - block.first); ; span *= 2) {
    const first = block.first - (block.first % span);
    const end = Math.min(first + span, count);
    if (first !== block.first || end !== block.end) return { first, end };
  }
}

/** What the parent has beside this block, to its right or to its left; undefined for the root. */
export function siblingBlock(block: Block, count: number): Block | undefined {
  const parent = parentBlock(block, count);
  if (!parent) return undefined;
  return parent.first === block.first ? { first: block.end, end: parent.end } : { first: parent.first, end: block.first };
}

/** The two blocks that a block's sum is the sum of; undefined for a leaf. */
export function childBlocks({ first, end }: Block): readonly [left: Block, right: Block] | undefined {
  if (end - first === 1) return undefined;
  const middle = first + spanOf(end - first) / 2;
  return [
    { first, end: middle },
    { first: middle, end },
  ];
}

/**
 * The fewest blocks that together have the leaves from `first` to `end` − 1, in ascending order: at most two for each level.
 * @param count leaves of the whole tree, at least `end`
 */
export function alignedBlocks(first: number, end: number, count: number): Block[] {
  const blocks: Block[] = [];
  for (let next = first; next < end;) {
    const block = largestBlock(next, end, count);
    blocks.push(block);
    next = block.end;
  }
  return blocks;
}

/** The largest block that begins at `first` and does not go beyond `end`. */
function largestBlock(first: number, end: number, count: number): Block {
  let block: Block = { first, end: first + 1 };
  for (;;) {
    const parent = parentBlock(block, count);
    if (!parent || parent.first !== first || parent.end > end) return block;
    block = parent;
  }
}
