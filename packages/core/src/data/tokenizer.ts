// From text to tokens and back, as the training text decided: whoever asks a model that was trained on text needs both ways.
import type { TextDescription } from "./text.ts";

/**
 * What byte-pair tokens never reach across: words with the space before them, numbers, runs of other marks, runs of white space. Long
 * ones are cut, so that no text makes a piece that takes long.
 */
const pieces = / ?[\p{L}\p{M}]{1,48}| ?\p{N}{1,48}| ?[^\s\p{L}\p{M}\p{N}]{1,48}|\s{1,48}/gu;

/** Cuts text into the pieces that are turned into tokens one by one. Side by side they are the text. */
export const piecesOf = (text: string): string[] => text.match(pieces) ?? [];

/** A character that the training text did not have, and so no token has. */
export class UnknownCharacterError extends Error {
  readonly character: string;
  /** Where in the text it stands, in UTF-16 code units. */
  readonly index: number;
  constructor(character: string, index: number) {
    super(`the character ${JSON.stringify(character)} at ${index} is in no token`);
    this.character = character;
    this.index = index;
  }
}

/** Pieces whose tokens are remembered; the same words come again and again. */
const maxRemembered = 100_000;

export class Tokenizer {
  readonly #vocabulary: readonly string[];
  readonly #ids: ReadonlyMap<string, number>;
  /** The rank of each merge, by its two tokens: the lower one comes first. */
  readonly #ranks: ReadonlyMap<string, number> | undefined;
  readonly #remembered = new Map<string, readonly number[]>();

  constructor({ vocabulary, merges }: TextDescription) {
    this.#vocabulary = vocabulary;
    this.#ids = new Map(vocabulary.map((token, id) => [token, id]));
    this.#ranks = merges && new Map(merges.map(([left, right], rank) => [pairKey(left, right), rank]));
  }

  /** @throws UnknownCharacterError */
  encode(text: string): number[] {
    const tokens: number[] = [];
    let index = 0;
    if (!this.#ranks) {
      for (const character of text) {
        tokens.push(this.#id(character, index));
        index += character.length;
      }
      return tokens;
    }
    for (const piece of piecesOf(text)) {
      for (const token of this.#piece(piece, index)) tokens.push(token);
      index += piece.length;
    }
    return tokens;
  }

  /** The text of tokens; numbers that are no tokens are left out. */
  decode(tokens: Iterable<number>): string {
    let text = "";
    for (const token of tokens) text += this.#vocabulary[token] ?? "";
    return text;
  }

  #id(character: string, index: number): number {
    const id = this.#ids.get(character);
    if (id === undefined) throw new UnknownCharacterError(character, index);
    return id;
  }

  #piece(piece: string, index: number): readonly number[] {
    const known = this.#remembered.get(piece);
    if (known) return known;
    let offset = index;
    const symbols = [...piece];
    for (const character of symbols) {
      this.#id(character, offset);
      offset += character.length;
    }
    this.#merge(symbols);
    const tokens = symbols.map((symbol) => this.#ids.get(symbol)!);
    if (this.#remembered.size >= maxRemembered) this.#remembered.clear();
    this.#remembered.set(piece, tokens);
    return tokens;
  }

  /** Replays the merges in the order in which they were learned, every one wherever it fits, from left to right. */
  #merge(symbols: string[]): void {
    for (;;) {
      let best = Number.POSITIVE_INFINITY;
      for (let i = 0; i + 1 < symbols.length; i += 1) {
        const rank = this.#ranks!.get(pairKey(symbols[i], symbols[i + 1]));
        if (rank !== undefined && rank < best) best = rank;
      }
      if (best === Number.POSITIVE_INFINITY) return;
      for (let i = 0; i + 1 < symbols.length; i += 1) {
        if (this.#ranks!.get(pairKey(symbols[i], symbols[i + 1])) === best) symbols.splice(i, 2, symbols[i] + symbols[i + 1]);
      }
    }
  }
}

/** The length keeps ("a", "bc") and ("ab", "c") apart. */
const pairKey = (left: string, right: string): string => `${left.length}:${left}${right}`;
