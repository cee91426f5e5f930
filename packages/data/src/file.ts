// Reads a data file whole, unpacking gzip by what the file begins with and not by what it is called.
import { readFile, stat } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { TabgradError } from "@tabgrad/core";
import { unreadable } from "./path.ts";

/** Node reads no larger file in one piece, and no larger one is unpacked. */
const maxBytes = 2 ** 31 - 1;

const unpack = promisify(gunzip);

/** The bytes of a file, unpacked. */
export interface DataFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  /** True where `bytes` are not the file's own, so that a byte offset is one in the unpacked data. */
  readonly unpacked: boolean;
}

function tooLarge(path: string, what: string, cause?: unknown): TabgradError {
  return new TabgradError(
    "DATA_UNREADABLE",
    `${path} ${what} more than 2 GiB; expected at most that`,
    "Split the data into smaller files, or leave out what is not needed.",
    { cause },
  );
}

/** @throws TabgradError DATA_UNREADABLE where the file cannot be read, is larger than 2 GiB, or is broken gzip. */
export async function readDataFile(path: string): Promise<DataFile> {
  let bytes: Uint8Array;
  try {
    if ((await stat(path)).size > maxBytes) throw tooLarge(path, "has");
    bytes = await readFile(path);
  } catch (error) {
    throw error instanceof TabgradError ? error : unreadable(path, error);
  }
  if (!(bytes[0] === 0x1f && bytes[1] === 0x8b)) return { path, bytes, unpacked: false };
  try {
    return { path, bytes: await unpack(bytes, { maxOutputLength: maxBytes }), unpacked: true };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(path, "unpacks to", error);
    throw new TabgradError(
      "DATA_UNREADABLE",
      `${path} begins like a gzip file of ${bytes.length} bytes and cannot be unpacked: ${message}`,
      "The file is truncated or damaged: fetch it again, and compare its size with that of the source.",
      { cause: error },
    );
  }
}

/** What a file that is not what it should be looks like, as the end of a sentence; empty where it looks like nothing known. */
export function looksLike(bytes: Uint8Array): string {
  const begin = String.fromCharCode(...bytes.subarray(0, 200));
  if (begin.startsWith("PK\x03\x04")) return "; it looks like a ZIP archive or a spreadsheet: unpack or export it first";
  if (/^\s*</.test(begin)) return "; it looks like a web page: the download brought an error page instead of the file";
  if (begin.startsWith("version https://git-lfs")) return "; it is a Git LFS pointer: fetch the file itself with git lfs pull";
  if (begin.startsWith("\x89PNG") || begin.startsWith("\xff\xd8\xff")) return "; it looks like a single image";
  return "";
}
