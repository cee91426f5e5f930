// Text files as tokens: what vocabulary a text has, and its tokens, a piece of the text at a time.
import type { Tokenizer } from "@tabgrad/core";
import { piecesOf, TabgradError, type TextDescription, UnknownCharacterError } from "@tabgrad/core";
import { ByteReader, type LocalFile } from "../files/byte-reader.ts";
import { NotTextError, textPieces } from "../files/text-pieces.ts";
import { learnBytePairs } from "./byte-pairs.ts";

/** Different pieces whose frequency is counted; those that come first when there are more. */
const maxPieces = 2_000_000;

export function textInvalid(where: string, message: string, remedy: string): TabgradError {
  return new TabgradError("DATA_TEXT_INVALID", `${where}: ${message}`, remedy);
}

/** The text of a file in stretches that end where a piece does, so that each becomes tokens on its own. */
async function* stretches(file: LocalFile): AsyncGenerator<string> {
  const reader = await ByteReader.open(file);
  try {
    let pending = "";
    for await (const text of textPieces(reader)) {
      const all = pending + text;
      // The last piece may go on.
      pending = piecesOf(all).at(-1) ?? "";
      yield all.slice(0, all.length - pending.length);
    }
    yield pending;
  } catch (error) {
    if (!(error instanceof NotTextError)) throw error;
    throw textInvalid(file.name, `the file is no UTF-8 text${error.message}`, "Save it as plain text in UTF-8.");
  } finally {
    await reader.close();
  }
}

/** The vocabulary of a text. @throws TabgradError DATA_TEXT_INVALID where it has more characters than there shall be tokens. */
export async function learnVocabulary(
  files: readonly LocalFile[],
  tokens: "characters" | { readonly bytePairs: number },
): Promise<TextDescription> {
  const characters = new Set<string>();
  const words = new Map<string, number>();
  for (const file of files) {
    for await (const text of stretches(file)) {
      for (const character of text) characters.add(character);
      if (tokens === "characters") continue;
      for (const piece of piecesOf(text)) {
        const count = words.get(piece);
        if (count !== undefined || words.size < maxPieces) words.set(piece, (count ?? 0) + 1);
      }
    }
  }
  const sorted = [...characters].sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!);
  if (sorted.length < 2) {
    throw textInvalid(files[0].name, `there are ${sorted.length} different characters; expected two at least`, "Check the path.");
  }
  if (tokens === "characters") return { vocabulary: sorted };
  if (tokens.bytePairs < sorted.length) {
    const remedy = `Say bytePairs: ${sorted.length + 256} or more, or take rare characters out of the text.`;
    throw textInvalid(
      files[0].name,
      `there are ${sorted.length} different characters; expected no more than the ${tokens.bytePairs} tokens asked for`,
      remedy,
    );
  }
  return learnBytePairs(sorted, words, tokens.bytePairs);
}

/** The tokens of a file, some at a time. @throws TabgradError DATA_TEXT_INVALID with the line of a character that no token has. */
export async function* tokensOf(file: LocalFile, tokenizer: Tokenizer): AsyncGenerator<readonly number[]> {
  let line = 1;
  for await (const text of stretches(file)) {
    try {
      yield tokenizer.encode(text);
    } catch (error) {
      if (!(error instanceof UnknownCharacterError)) throw error;
      const { character, index } = error;
      const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
      throw textInvalid(
        `${file.name}:${line + text.slice(0, index).split("\n").length - 1}`,
        `the character ${JSON.stringify(character)} (U+${code}) is not in the text to train on, so there is no token for it`,
        "Replace it, or put a text that has it among those to train on.",
      );
    }
    line += text.split("\n").length - 1;
  }
}
