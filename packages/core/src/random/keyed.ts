// Keyed randomness: a random number is a function of (seed, purpose, counters, index) and of nothing else, neither of the order of
// calls nor of the worker that asks. Whoever redoes a piece of work draws the same numbers.
import { cosineOfTurn, normalRadius, sineOfTurn } from "./normal.ts";
import { type RandomPurpose, randomPurposes } from "./purposes.ts";
import { threefry2x32 } from "./threefry.ts";

// The second word of the counter keeps the uses of one key apart: words of the stream, keys of its children, and from
// `firstAttempt` on the attempts at an integer.
const streamWords = 0;
const childKeys = 1;
const firstAttempt = 2;

const wordRange = 2 ** 32;
const unit = 2 ** -24;

function checkWord(value: number, what: string): void {
  if (!Number.isInteger(value) || value < 0 || value >= wordRange) {
    throw new RangeError(`${what} is ${value}; expected a whole number from 0 to ${wordRange - 1}`);
  }
}

/**
 * An endless list of random words under one key, read at any index from 0 to 2^32 - 1 in any order.
 * Word `i` is word `i % 2` of the Threefry block with the counter (floor(i / 2), 0).
 */
export class KeyedRandom {
  readonly #k0: number;
  readonly #k1: number;
  readonly #block = new Uint32Array(2);

  constructor(k0: number, k1: number) {
    this.#k0 = k0 | 0;
    this.#k1 = k1 | 0;
  }

  /** The key, for a shader that draws the same numbers. */
  get key(): readonly [number, number] {
    return [this.#k0 >>> 0, this.#k1 >>> 0];
  }

  /** The stream under the key that `counter` (0 to 2^32 - 1) derives from this one: its numbers have nothing to do with these. */
  child(counter: number): KeyedRandom {
    checkWord(counter, "a counter");
    const block = this.#block;
    threefry2x32(this.#k0, this.#k1, counter, childKeys, block);
    return new KeyedRandom(block[0], block[1]);
  }

  /** 32 random bits, as a number from 0 to 2^32 - 1. */
  word(index: number): number {
    threefry2x32(this.#k0, this.#k1, index >>> 1, streamWords, this.#block);
    return this.#block[index & 1];
  }

  /** A number in [0, 1), a multiple of 2^-24: exact in float32. Made of the upper 24 bits of the word at `index`. */
  uniform(index: number): number {
    return (this.word(index) >>> 8) * unit;
  }

  /**
   * A standard normal number, the same to the last bit in every JS engine. Indices 2j and 2j + 1 are the cosine and the sine half of
   * the Box-Muller transform of words 2j (radius) and 2j + 1 (angle).
   */
  normal(index: number): number {
    const block = this.#block;
    threefry2x32(this.#k0, this.#k1, index >>> 1, streamWords, block);
    const angle = block[1] >>> 8;
    return normalRadius(block[0]) * ((index & 1) === 0 ? cosineOfTurn(angle) : sineOfTurn(angle));
  }

  /**
   * A whole number from 0 to `bound` - 1, every one equally likely; `bound` from 1 to 2^32. Words in the incomplete last multiple of
   * `bound` are rejected and drawn again, on average less than twice.
   */
  integer(index: number, bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > wordRange) {
      throw new RangeError(`the bound is ${bound}; expected a whole number from 1 to ${wordRange}`);
    }
    const block = this.#block;
    const accepted = wordRange - (wordRange % bound);
    for (let attempt = firstAttempt; ; attempt += 1) {
      threefry2x32(this.#k0, this.#k1, index, attempt, block);
      if (block[0] < accepted) return block[0] % bound;
      if (block[1] < accepted) return block[1] % bound;
    }
  }

  /** A random order of the numbers 0 to `count` - 1, every order equally likely as far as 64 bits of key reach (Fisher-Yates). */
  permutation(count: number): Uint32Array {
    checkWord(count, "the length of a permutation");
    const order = new Uint32Array(count);
    for (let i = 0; i < count; i += 1) order[i] = i;
    for (let i = count - 1; i > 0; i -= 1) {
      const j = this.integer(i, i + 1);
      const value = order[i];
      order[i] = order[j]!;
      order[j] = value;
    }
    return order;
  }

  /**
   * Fills `out` with low + (high - low) * `uniform(i)`, rounded to float32: in [low, high), except that the rounding may reach `high`
   * where `low` is not 0.
   */
  fillUniform(out: Float32Array, low = 0, high = 1): void {
    const block = this.#block;
    const span = (high - low) * unit;
    for (let i = 0; i < out.length; i += 2) {
      threefry2x32(this.#k0, this.#k1, i >>> 1, streamWords, block);
      out[i] = low + span * (block[0] >>> 8);
      if (i + 1 < out.length) out[i + 1] = low + span * (block[1] >>> 8);
    }
  }

  /** Fills `out` with mean + deviation * `normal(i)`, rounded to float32. */
  fillNormal(out: Float32Array, mean = 0, deviation = 1): void {
    const block = this.#block;
    for (let i = 0; i < out.length; i += 2) {
      threefry2x32(this.#k0, this.#k1, i >>> 1, streamWords, block);
      const radius = deviation * normalRadius(block[0]);
      const angle = block[1] >>> 8;
      out[i] = mean + radius * cosineOfTurn(angle);
      if (i + 1 < out.length) out[i + 1] = mean + radius * sineOfTurn(angle);
    }
  }
}

/**
 * The random numbers of a run for one purpose: `keyed(seed, "shuffleSamples", epoch, shard).permutation(count)`.
 * `seed` and every counter are whole numbers from 0 to 2^32 - 1. Different counters, and more or fewer of them, give unrelated numbers.
 * @throws RangeError where one of them is not such a number.
 */
export function keyed(seed: number, purpose: RandomPurpose, ...counters: number[]): KeyedRandom {
  checkWord(seed, "the seed");
  let random = new KeyedRandom(seed, randomPurposes[purpose]);
  for (const counter of counters) random = random.child(counter);
  return random;
}
