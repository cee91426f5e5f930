// Text from bytes, piece by piece: UTF-8, with line breaks of every kind turned into "\n".
import { isUtf8 } from "node:buffer";
import type { ByteReader } from "./byte-reader.ts";
import { looksLike } from "./looks-like.ts";

/** The bytes are no text; the message says what they look like, as the end of a sentence. */
export class NotTextError extends Error {}

const chunkBytes = 1 << 20;

/** How many of `bytes` are whole characters, if they are UTF-8. */
function wholeCharacters(bytes: Uint8Array): number {
  const { length } = bytes;
  for (let back = 1; back <= Math.min(3, length); back += 1) {
    const byte = bytes[length - back];
    if ((byte & 0xc0) === 0x80) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needed > back ? length - back : length;
  }
  return length;
}

const byteOrderMark = "\ufeff";

/** The bytes of a text in pieces of about a million, cut between characters, without a byte order mark. @throws NotTextError */
export async function* utf8Pieces(reader: ByteReader): AsyncGenerator<Buffer> {
  let pending: Buffer = Buffer.alloc(0);
  let first: Buffer | undefined;
  for await (const chunk of reader.chunks(chunkBytes)) {
    const bytes = Buffer.concat([pending, chunk]);
    const end = wholeCharacters(bytes);
    const piece = bytes.subarray(0, end);
    pending = bytes.subarray(end);
    if (!isUtf8(piece) || (!first && piece.subarray(0, 4096).includes(0))) throw new NotTextError(looksLike(first ?? bytes));
    yield !first && piece.toString("utf8", 0, 3) === byteOrderMark ? piece.subarray(3) : piece;
    first ??= bytes.subarray(0, 200);
  }
  if (pending.length > 0) throw new NotTextError(looksLike(first ?? pending));
}

/** The text of a file in pieces of about a million characters, cut anywhere. @throws NotTextError */
export async function* textPieces(reader: ByteReader): AsyncGenerator<string> {
  let pending = "";
  for await (const bytes of utf8Pieces(reader)) {
    const text = pending + bytes.toString();
    // The second half of a line break may be in the next piece.
    const end = text.endsWith("\r") ? text.length - 1 : text.length;
    pending = text.slice(end);
    yield unified(text.slice(0, end));
  }
  yield unified(pending);
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
