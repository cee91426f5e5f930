// Sums along the fixed tree: whoever adds the blocks, and in whatever order they come, every addition is the same one. So the bits of
// the total depend on the leaves alone.
import { type Block, isAlignedBlock, parentBlock, rootBlock, siblingBlock } from "./block.ts";

/** left + right. It may write the sum into `left`, and use `right` for something else afterwards. */
export type Addition<Value> = (left: Value, right: Value) => Value;

/**
 * The sum of the blocks that were given, siblings added as soon as both are there. It holds one value for each block whose sibling is
 * missing: while leaves come in ascending order, that is one a level; in the worst order, one for every second leaf.
 */
export class TreeSum<Value> {
  readonly #root: Block;
  readonly #count: number;
  readonly #add: Addition<Value>;
  /** By the first leaf: no two of them overlap. */
  readonly #open = new Map<number, { readonly block: Block; readonly value: Value }>();
  #leaves = 0;

  /**
   * @param count leaves of the whole tree
   * @param root the block to sum, if it is not the whole tree
   */
  constructor(count: number, add: Addition<Value>, root: Block = rootBlock(count)) {
    if (!isAlignedBlock(root, count)) throw new RangeError(`${named(root)} is no block of a tree over ${count} leaves`);
    this.#root = root;
    this.#count = count;
    this.#add = add;
  }

  /** Blocks whose sibling is missing, in no particular order. */
  get open(): readonly Block[] {
    return [...this.#open.values()].map(({ block }) => block);
  }

  /** Whether all leaves are there. */
  get isComplete(): boolean {
    return this.#leaves === this.#root.end - this.#root.first;
  }

  /** The sum, which is given away: the tree is empty, and may be filled again. @throws RangeError before all leaves are there */
  take(): Value {
    if (!this.isComplete) throw new RangeError(`${this.#leaves} leaves of ${named(this.#root)} are there; the sum needs all`);
    const { value } = this.#open.get(this.#root.first)!;
    this.clear();
    return value;
  }

  /** Forgets what came. */
  clear(): void {
    this.#open.clear();
    this.#leaves = 0;
  }

  /**
   * Takes the sum over a block's leaves. `value` is given away: additions may write to it.
   * @throws RangeError where that is no block, or some of its leaves are there already
   */
  add(block: Block, value: Value): void {
    this.#check(block);
    this.#leaves += block.end - block.first;
    let here = { block, value };
    for (;;) {
      const sibling = this.#isRoot(here.block) ? undefined : siblingBlock(here.block, this.#count);
      const beside = sibling && this.#open.get(sibling.first);
      if (!sibling || beside?.block.end !== sibling.end) break;
      this.#open.delete(sibling.first);
      const isLeft = here.block.first < sibling.first;
      const sum = isLeft ? this.#add(here.value, beside.value) : this.#add(beside.value, here.value);
      here = { block: parentBlock(here.block, this.#count)!, value: sum };
    }
    this.#open.set(here.block.first, here);
  }

  #isRoot({ first, end }: Block): boolean {
    return first === this.#root.first && end === this.#root.end;
  }

  #check(block: Block): void {
    const isInside = block.first >= this.#root.first && block.end <= this.#root.end;
    if (!isInside || !isAlignedBlock(block, this.#count)) {
      throw new RangeError(`${named(block)} is no block of a tree over ${this.#count} leaves, below ${named(this.#root)}`);
    }
    for (const { block: other } of this.#open.values()) {
      if (block.first < other.end && other.first < block.end) {
        throw new RangeError(`${named(block)} came, but ${named(other)} is there already`);
      }
    }
  }
}

const named = ({ first, end }: Block): string => (end - first === 1 ? `leaf ${first}` : `leaves ${first} to ${end - 1}`);
