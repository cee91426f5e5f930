// Where contributions of an exact run are added: along the fixed tree, so that the bits of the sum do not depend on who sent which part
// of it, nor when.
import { addInto, TreeSum, type Block, type PackedLayout } from "@tabgrad/core";

/** A summed gradient in chunks, each as long as the layout says. */
type Chunks = readonly Float32Array[];

/**
 * The gradient of one step. It adds where contributions lie, in the messages that brought them, and copies nothing: it holds one vector
 * for each block whose sibling is missing.
 */
export class ExactReduction {
  private readonly layout: PackedLayout;
  private readonly sum: TreeSum<Chunks>;

  /** @param microbatches how many the step has */
  constructor(layout: PackedLayout, microbatches: number) {
    this.layout = layout;
    this.sum = new TreeSum(microbatches, addChunks);
  }

  /** Whether all microbatches are there. */
  get isComplete(): boolean {
    return this.sum.isComplete;
  }

  /** Vectors that it holds. */
  get held(): number {
    return this.sum.open.length;
  }

  /**
   * @param block the microbatches that the contribution sums, along the same tree
   * @param chunks all of them, in order; they are given away, and will be written to
   * @throws RangeError where that is no block, or something of it is there already
   */
  add(block: Block, chunks: readonly (Float32Array | undefined)[]): void {
    const { count } = this.layout.chunks;
    if (chunks.length !== count || chunks.includes(undefined)) throw new RangeError(`a contribution has ${count} chunks`);
    this.sum.add(block, chunks as Chunks);
  }

  /**
   * Writes the sum over all microbatches into a flat vector, where that is trained, and forgets it.
   * @throws RangeError before all microbatches are there
   */
  takeInto(gradients: Float32Array): void {
    const put = (offset: number, values: Float32Array): void => gradients.set(values, offset);
    this.sum.take().forEach((values, chunk) => this.layout.spread(chunk, values, put));
  }
}

function addChunks(left: Chunks, right: Chunks): Chunks {
  left.forEach((values, chunk) => addInto(values, right[chunk]));
  return left;
}
