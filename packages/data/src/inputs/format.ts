// What kind of file an input is, by what it begins with: what it is called says little.
import { isUtf8 } from "node:buffer";
import { type ErrorCode, TabgradError } from "@tabgrad/core";
import { type LocalFile, withBytes } from "../files/byte-reader.ts";
import { looksLike } from "../files/looks-like.ts";

export type InputFormat = "image" | "npy" | "npz" | "idx" | "jsonLines" | "csv" | "parquet" | "arrow";

/** Those whose readers need the file as it is: they are compressed by themselves. */
const packed: ReadonlySet<InputFormat> = new Set(["image", "npz", "parquet"]);

const kinds = "an image (PNG, JPEG, WebP), an array (npy, npz, IDX) or a table (CSV, TSV, JSON lines, Parquet, Arrow)";

/** A file that can't be an input at all. */
export function notAnInput(code: ErrorCode, name: string, what: string, takes: string, cause?: unknown): TabgradError {
  return new TabgradError(code, `${name}: ${what}; the model takes ${takes} for each sample`, `Give ${kinds} of that.`, { cause });
}

/** What a table in text begins with; nothing else that begins so is a table. */
const otherText = /^\s*(<|%PDF|%!PS|#!|version https:\/\/git-lfs)/;

/**
 * @param takes what the model takes, for messages
 * @throws TabgradError DATA_UNREADABLE where the file is empty or none of these
 */
export async function formatOf(file: LocalFile, takes: string): Promise<InputFormat> {
  return withBytes(file, async (reader) => {
    const begin = Buffer.from(await reader.read(4096));
    const format = recognised(begin);
    if (format === undefined) {
      const what = begin.length === 0 ? "the file is empty" : `the file is of no kind that is read here${looksLike(begin)}`;
      throw notAnInput("DATA_UNREADABLE", file.name, what, takes);
    }
    if (!reader.unpacked || !packed.has(format)) return format;
    throw notAnInput(
      "DATA_UNREADABLE",
      file.name,
      "the file is gzipped, and compressed by itself: unpack it with gunzip first",
      takes,
    );
  });
}

function recognised(begin: Buffer): InputFormat | undefined {
  const text = begin.toString("latin1", 0, 64);
  if (/^(\x89PNG|\xff\xd8\xff|GIF8|RIFF....WEBP)/s.test(text)) return "image";
  if (text.startsWith("\x93NUMPY")) return "npy";
  if (text.startsWith("PK\x03\x04")) return "npz";
  if (text.startsWith("PAR1")) return "parquet";
  // A file, or a stream, which begins with a continuation marker.
  if (text.startsWith("ARROW1") || text.startsWith("\xff\xff\xff\xff")) return "arrow";
  if (begin.length > 4 && begin[0] === 0 && begin[1] === 0 && begin[2] >= 8 && begin[2] <= 14) return "idx";
  // The last character may be cut.
  const isText =
    begin.length > 0 && !begin.includes(0) && [0, 1, 2, 3].some((cut) => isUtf8(begin.subarray(0, begin.length - cut)));
  if (!isText || otherText.test(text)) return undefined;
  return /^(\xef\xbb\xbf)?\s*\{/.test(text) ? "jsonLines" : "csv";
}
