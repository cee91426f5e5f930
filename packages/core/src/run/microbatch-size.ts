// Into how many microbatches a step is cut. More of them share the work more evenly among workers; fewer keep an engine busier.
import { runBounds } from "./bounds.ts";

/** Microbatches of a step to aim at: enough for a few unequal workers. */
const wanted = 8;
/** Rows below which an engine is mostly waiting. */
const fewRows = 8;

/** The divisor of `batchSize` that makes nearly 8 microbatches of at least 8 samples, as far as there is one. */
export function defaultMicrobatchSize(batchSize: number): number {
  let best = 1;
  for (let size = 1; size <= Math.min(batchSize, runBounds.microbatch); size++) {
    if (batchSize % size === 0 && distance(batchSize, size) <= distance(batchSize, best)) best = size;
  }
  return best;
}

/** How far from the aim, as a ratio: half as many is as far as twice as many. */
function distance(batchSize: number, size: number): number {
  const tooSmall = Math.max(0, Math.log(Math.min(fewRows, batchSize) / size));
  return Math.abs(Math.log(batchSize / size / wanted)) + 4 * tooSmall;
}

/** What to say where a batch does not divide into such microbatches; undefined where it does. */
export function microbatchProblem(batchSize: number, microbatchSize: number): string | undefined {
  if (batchSize % microbatchSize === 0) return undefined;
  const below = batchSize - (batchSize % microbatchSize);
  const above = below + microbatchSize;
  const instead = below === 0 ? `${above}` : `${below} or ${above}`;
  return `batchSize ${batchSize} does not divide into microbatches of ${microbatchSize}; use ${instead}`;
}
