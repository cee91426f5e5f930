// What a run file says about plain text: how it becomes tokens, and how these become sequences to learn the next token from.
import { z } from "zod";
import { tagged } from "../../tagged.ts";
import { type HeldOut, type Paths, paths, size, testPath } from "./common.ts";

export interface TextOptions {
  /** Text in UTF-8. */
  readonly path: Paths;
  /**
   * What to evaluate on: files of their own, or a share of the sequences. Unlike elsewhere these are the last ones of the text and not
   * any, so that no held-out sequence has a neighbour among those to learn from. Default: { fraction: 0.1 }.
   */
  readonly test?: { readonly path: Paths } | HeldOut;
  /**
   * "characters": one token for each character. { bytePairs: n }: characters, and pieces of words that are frequent in the training
   * text, n tokens in all. Default: "characters".
   */
  readonly tokens?: "characters" | { readonly bytePairs: number };
  /** Tokens of a sequence. */
  readonly length: number;
  /** Tokens from the beginning of one sequence to that of the next. Default: `length`, so that sequences don't overlap. */
  readonly stride?: number;
}

export type TextSpec = TextOptions & { readonly kind: "text" };

/** Sequences of a text: features are [length] tokens, labels the [length] tokens that follow each of them. */
export function text(options: TextOptions): TextSpec {
  return tagged("text", options, '{ path: "book.txt", length: 64 }');
}

const tokensError = 'expected "characters" or { bytePairs: n }, n tokens in all';

/** Checks the options of `text(…)`. */
export const textSpecSchema = z.strictObject({
  kind: z.literal("text"),
  path: paths,
  test: testPath.optional(),
  tokens: z.union([z.literal("characters"), z.strictObject({ bytePairs: size(65_536).min(2) })], { error: tokensError }).optional(),
  length: size(65_536),
  stride: size(65_536).optional(),
}) satisfies z.ZodType<TextSpec>;
