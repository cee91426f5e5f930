// What an assignment may be. In an exact run it is a block of the fixed tree: its worker adds along the tree, and sends one sum for it.
import { alignedBlocks } from "@tabgrad/core";

/** Assignments that a worker is given at a time: half of what it may hold. The rest waits until it is free again. */
const mostAtATime = 32;

/**
 * Cuts microbatches, in ascending order, into blocks.
 * @param count microbatches of the whole step
 */
export function blocksOf(microbatches: readonly number[], count: number): number[][] {
  const blocks: number[][] = [];
  for (let begin = 0; begin < microbatches.length && blocks.length < mostAtATime;) {
    let end = begin + 1;
    while (end < microbatches.length && microbatches[end] === microbatches[end - 1] + 1) end++;
    const found = alignedBlocks(microbatches[begin], microbatches[end - 1] + 1, count);
    blocks.push(...found.map((block) => Array.from({ length: block.end - block.first }, (_, i) => block.first + i)));
    begin = end;
  }
  return blocks.slice(0, mostAtATime);
}
