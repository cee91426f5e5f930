// Into which assignments a worker's part of a step is cut. What a dead worker has not sent is computed again, so they are as small as
// costs next to nothing.
import { alignedBlocks, childBlocks, type Block } from "@tabgrad/core";
import type { Pace } from "./pace.ts";

/** An assignment computes for so many times as long as its fixed time: cutting costs a worker no more than 2 % of its time. */
const leastWork = 50;
/** Milliseconds that an assignment takes worker and coordinator at least, though others may be computed meanwhile. */
const leastOverhead = 1;
/** Assignments that a worker is given at a time: half of what it may hold. */
const mostAtATime = 32;

/**
 * The microbatches of which computing takes `leastWork` times the fixed time: not a whole number, and Infinity where the pace is not known.
 * @param samples of a microbatch
 */
export const pieceLength = (samples: number, pace: Pace | undefined): number =>
  pace ? (leastWork * Math.max(pace.overhead, leastOverhead)) / (samples * pace.perSample) : Infinity;

/**
 * Cuts microbatches into pieces of at least `length`, and of less than twice that. They are of a power of two: engines compute a certain
 * number of rows at a time, and take longer for what does not fill that. What is left over is the last piece.
 */
export function piecesOf(microbatches: readonly number[], length: number): number[][] {
  const least = Math.max(length, microbatches.length / mostAtATime, 1);
  const size = Math.min(2 ** Math.ceil(Math.log2(least)), microbatches.length);
  const count = size > 0 ? Math.ceil(microbatches.length / size) : 0;
  return Array.from({ length: count }, (_, piece) => microbatches.slice(piece * size, (piece + 1) * size));
}

/**
 * In an exact run an assignment is a block of the fixed tree: its worker adds along the tree, and sends one sum for it. A block is halved
 * as long as neither half is shorter than `length`. What would be too many waits until the worker is free again.
 * @param microbatches in ascending order
 * @param count microbatches of the whole step
 */
export function blocksOf(microbatches: readonly number[], count: number, length: number): number[][] {
  const least = Math.max(length, microbatches.length / mostAtATime);
  const halved = (block: Block): Block[] => {
    const halves = childBlocks(block);
    return halves?.every(({ first, end }) => end - first >= least) ? halves.flatMap(halved) : [block];
  };
  const blocks = runsOf(microbatches).flatMap(({ first, end }) => alignedBlocks(first, end, count).flatMap(halved));
  return blocks.slice(0, mostAtATime).map(({ first, end }) => Array.from({ length: end - first }, (_, i) => first + i));
}

/** The longest rows of neighbours. */
function runsOf(microbatches: readonly number[]): Block[] {
  const runs: Block[] = [];
  for (const index of microbatches) {
    const last = runs.at(-1);
    if (last?.end === index) runs[runs.length - 1] = { first: last.first, end: index + 1 };
    else runs.push({ first: index, end: index + 1 });
  }
  return runs;
}
