// Learns byte-pair tokens: beginning with characters, the two neighbours that are most frequent become one token, again and again.
// R. Sennrich, B. Haddow, A. Birch: "Neural Machine Translation of Rare Words with Subword Units", 2016. As there, pairs are counted
// within words, each word as often as it occurs; unlike there, the space belongs to the word that it precedes, so that text comes back
// as it was.
import type { TextDescription } from "@tabgrad/core";

/** A pair of tokens with the number of times that it occurs. */
interface Candidate {
  readonly key: number;
  readonly count: number;
}

/** Keys of pairs are numbers: the first token times this, plus the second. */
const keyBase = 2 ** 26;

/** The more frequent pair first; among equals the one with the older tokens, so that the result depends on the text alone. */
const isBefore = (a: Candidate, b: Candidate): boolean => a.count > b.count || (a.count === b.count && a.key < b.key);

/** A binary heap, the first candidate on top. */
class CandidateHeap {
  readonly #items: Candidate[] = [];

  push(item: Candidate): void {
    const items = this.#items;
    let at = items.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(items[at], items[parent])) return;
      [items[at], items[parent]] = [items[parent], items[at]];
      at = parent;
    }
  }

  pop(): Candidate | undefined {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (items.length === 0 || last === undefined) return top;
    items[0] = last;
    for (let at = 0; ;) {
      let first = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < items.length && isBefore(items[child], items[first])) first = child;
      }
      if (first === at) return top;
      [items[at], items[first]] = [items[first], items[at]];
      at = first;
    }
  }
}

/** Words as tokens, with how often each pair of neighbours occurs in all of them. */
class PairCounts {
  readonly #words: { tokens: number[]; readonly count: number }[];
  readonly #counts = new Map<number, number>();
  /** The words that a pair occurs in, or once did. */
  readonly #places = new Map<number, Set<number>>();
  readonly #heap = new CandidateHeap();

  constructor(words: Iterable<{ tokens: number[]; count: number }>) {
    this.#words = [...words];
    this.#words.forEach((_, w) => this.#count(w, 1));
    for (const [key, count] of this.#counts) this.#heap.push({ key, count });
  }

  /** The most frequent pair, if one occurs more than once. */
  best(): number | undefined {
    for (let top = this.#heap.pop(); top; top = this.#heap.pop()) {
      // Candidates whose count has changed since were pushed again.
      if (this.#counts.get(top.key) === top.count) return top.count > 1 ? top.key : undefined;
    }
    return undefined;
  }

  /** Makes `token` of the pair wherever it occurs. */
  merge(key: number, token: number): void {
    const left = Math.floor(key / keyBase);
    const right = key % keyBase;
    const changed = new Set<number>();
    for (const w of this.#places.get(key) ?? []) {
      const { tokens } = this.#words[w];
      this.#count(w, -1, changed);
      const merged: number[] = [];
      for (let i = 0; i < tokens.length; i += 1) {
        const isPair = tokens[i] === left && tokens[i + 1] === right;
        merged.push(isPair ? token : tokens[i]);
        if (isPair) i += 1;
      }
      this.#words[w].tokens = merged;
      this.#count(w, 1, changed);
    }
    this.#places.delete(key);
    for (const pair of changed) {
      const count = this.#counts.get(pair) ?? 0;
      if (count > 0) this.#heap.push({ key: pair, count });
      else this.#counts.delete(pair);
    }
  }

  #count(w: number, sign: 1 | -1, changed?: Set<number>): void {
    const { tokens, count } = this.#words[w];
    for (let i = 0; i + 1 < tokens.length; i += 1) {
      const key = tokens[i] * keyBase + tokens[i + 1];
      this.#counts.set(key, (this.#counts.get(key) ?? 0) + sign * count);
      changed?.add(key);
      if (sign < 0) continue;
      const places = this.#places.get(key);
      if (places) places.add(w);
      else this.#places.set(key, new Set([w]));
    }
  }
}

/**
 * Learns up to `size` tokens: all characters, sorted, then merged pairs in the order in which they were found. Fewer where no pair
 * occurs twice.
 * @param words each piece of the text with how often it occurs
 */
export function learnBytePairs(
  characters: Iterable<string>,
  words: ReadonlyMap<string, number>,
  size: number,
): Required<TextDescription> {
  const vocabulary = [...characters];
  const ids = new Map(vocabulary.map((character, id) => [character, id]));
  const asTokens = [...words].map(([word, count]) => ({ tokens: [...word].map((character) => ids.get(character)!), count }));
  const pairs = new PairCounts(asTokens);
  const merges: [string, string][] = [];
  while (vocabulary.length < size) {
    const key = pairs.best();
    if (key === undefined) break;
    const left = vocabulary[Math.floor(key / keyBase)];
    const right = vocabulary[key % keyBase];
    // Two ways may lead to one text ("a" and "bc", "ab" and "c"): it is one token.
    const token = ids.get(left + right) ?? vocabulary.push(left + right) - 1;
    ids.set(left + right, token);
    merges.push([left, right]);
    pairs.merge(key, token);
  }
  return { vocabulary, merges };
}
