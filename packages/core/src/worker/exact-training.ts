// Computing in an exact run: every microbatch alone, in a batch of its own, and gradients and sums added along the fixed tree.
import type { Microbatch } from "../data/microbatch.ts";
import type { Batch, Program, Sums, TrainOptions } from "../engine/engine.ts";
import type { TabgradError } from "../errors.ts";
import { violation } from "../protocol/check.ts";
import type { Stretch } from "../protocol/packed-layout.ts";
import { addInto, addSums, type Block, isAlignedBlock, TreeSum } from "../reduction/index.ts";

interface Part {
  readonly gradients: Float32Array<ArrayBuffer>;
  readonly sums: Sums;
}

/**
 * The block of the tree that these microbatches are; undefined where they are none. Where the step ends is not known here, so that the
 * last block of a step may be shorter than its neighbours.
 */
export function exactBlock(microbatches: readonly Microbatch[]): Block | undefined {
  const first = microbatches[0]?.index ?? 0;
  const end = first + microbatches.length;
  const isRow = microbatches.every(({ index }, i) => index === first + i);
  return isRow && isAlignedBlock({ first, end }, end) ? { first, end } : undefined;
}

/** The microbatches of an exact run's assignment, each by its index, are no block. */
export function noBlock(microbatches: readonly Microbatch[]): TabgradError {
  const indices = microbatches.slice(0, 8).map(({ index }) => index);
  const more = microbatches.length > indices.length ? ", …" : "";
  return violation(`the run is exact, but the microbatches ${indices.join(", ")}${more} are not those below one node of the tree`);
}

/**
 * The sums over microbatches that are evaluated one by one.
 * @throws TabgradError PROTOCOL_VIOLATION where they are no block
 */
export async function sumExactly(
  microbatches: readonly Microbatch[],
  evaluate: (microbatch: Microbatch) => Promise<Sums>,
): Promise<Sums> {
  const block = exactBlock(microbatches);
  if (!block) throw noBlock(microbatches);
  const tree = new TreeSum<Sums>(block.end, addSums, block);
  for (const microbatch of microbatches) {
    const { index } = microbatch;
    tree.add({ first: index, end: index + 1 }, await evaluate(microbatch));
  }
  return tree.take();
}

/** Lends a microbatch's batch for as long as the function that it is given runs. */
export type ExactUse = (microbatch: Microbatch, train: (batch: Batch) => Promise<Sums>) => Promise<Sums>;

/** What a program trains with in an exact run. */
export class ExactTraining {
  readonly #program: Program;
  /** What of a vector is added to another: the rest is frozen. */
  readonly #trained: readonly Stretch[];
  /** Vectors of sums that were added to others: with the caller's, one for each level of the tree. */
  readonly #spare: Float32Array<ArrayBuffer>[] = [];

  /** @param trained what of the flat vector is trained */
  constructor(program: Program, trained: readonly Stretch[]) {
    this.#program = program;
    this.#trained = trained;
  }

  /**
   * @param microbatches a block of the tree
   * @param gradients where the sum goes
   * @throws TabgradError PROTOCOL_VIOLATION where they are no block
   */
  async train(
    microbatches: readonly Microbatch[],
    use: ExactUse,
    gradients: Float32Array<ArrayBuffer>,
    options?: TrainOptions,
  ): Promise<Sums> {
    const block = exactBlock(microbatches);
    if (!block) throw noBlock(microbatches);
    const tree = new TreeSum<Part>(block.end, (left, right) => this.#add(left, right), block);
    for (const microbatch of microbatches) {
      const { index } = microbatch;
      // Sums stay where their first leaf was: that of the block's first leaf becomes the total.
      const target = index === block.first ? gradients : this.#vector();
      const sums = await use(microbatch, (batch) => this.#program.train([batch], target, options));
      tree.add({ first: index, end: index + 1 }, { gradients: target, sums });
    }
    return tree.take().sums;
  }

  #add(left: Part, right: Part): Part {
    for (const { offset, count } of this.#trained) {
      addInto(left.gradients.subarray(offset, offset + count), right.gradients.subarray(offset, offset + count));
    }
    this.#spare.push(right.gradients);
    return { gradients: left.gradients, sums: addSums(left.sums, right.sums) };
  }

  #vector(): Float32Array<ArrayBuffer> {
    return this.#spare.pop() ?? new Float32Array(this.#program.parameterElements);
  }
}
