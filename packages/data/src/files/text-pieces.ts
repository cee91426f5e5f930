// Text from bytes, piece by piece: UTF-8, with line breaks of every kind turned into "\n".
import type { ByteReader } from "./byte-reader.ts";
import { looksLike } from "./looks-like.ts";

/** The bytes are no text; the message says what they look like, as the end of a sentence. */
export class NotTextError extends Error {}

const chunkBytes = 1 << 20;

/** The text of a file in pieces of about a million characters, cut anywhere. @throws NotTextError */
export async function* textPieces(reader: ByteReader): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let first: Uint8Array | undefined;
  let pending = "";
  const decode = (bytes?: Uint8Array): string => {
    try {
      return bytes ? decoder.decode(bytes, { stream: true }) : decoder.decode();
    } catch (error) {
      if (error instanceof TypeError) throw new NotTextError(looksLike(first ?? new Uint8Array(0)));
      throw error;
    }
  };
  for await (const bytes of reader.chunks(chunkBytes)) {
    const text = pending + decode(bytes);
    if (!first && text.slice(0, 4096).includes("\0")) throw new NotTextError(looksLike(bytes));
    first ??= bytes.subarray(0, 200);
    // The second half of a line break may be in the next piece.
    const end = text.endsWith("\r") ? text.length - 1 : text.length;
    pending = text.slice(end);
    yield unified(text.slice(0, end));
  }
  yield unified(pending + decode());
}

const unified = (text: string): string => (text.includes("\r") ? text.replaceAll(/\r\n?/g, "\n") : text);

/** The lines of a file, each with its number from 1, some at a time. @throws NotTextError */
export async function* textLines(reader: ByteReader): AsyncGenerator<{ first: number; lines: string[] }> {
  let pending = "";
  let first = 1;
  for await (const piece of textPieces(reader)) {
    const lines = (pending + piece).split("\n");
    pending = lines.pop()!;
    yield { first, lines };
    first += lines.length;
  }
  if (pending !== "") yield { first, lines: [pending] };
}
