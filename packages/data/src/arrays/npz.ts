// The npz format of NumPy: a ZIP archive with one npy file for each array, stored or deflated.
import { TabgradError } from "@tabgrad/core";
import yauzl from "yauzl";
import { ByteReader, type LocalFile } from "../files/byte-reader.ts";
import { listed, nearest } from "../nearest.ts";
import type { ArrayFile } from "./array-file.ts";
import { openNpyEntry } from "./npy.ts";

function invalid({ name }: LocalFile, message: string, remedy: string, cause?: unknown): TabgradError {
  return new TabgradError("DATA_NPY_INVALID", `${name} ${message}`, remedy, { cause });
}

function damaged(file: LocalFile, cause: unknown): TabgradError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const remedy = "Check that the path names a file written by numpy.savez; if so it is damaged: write or fetch it again.";
  return invalid(file, `cannot be read as an npz file, a ZIP archive: ${reason}`, remedy, cause);
}

const openArchive = (path: string): Promise<yauzl.ZipFile> =>
  new Promise((resolve, reject) => {
    yauzl.open(path, { lazyEntries: true, autoClose: false }, (error, archive) => (error ? reject(error) : resolve(archive)));
  });

/** The entries of an archive by the names of their arrays. */
function listArrays(archive: yauzl.ZipFile): Promise<Map<string, yauzl.Entry>> {
  const entries = new Map<string, yauzl.Entry>();
  return new Promise((resolve, reject) => {
    archive.on("error", reject);
    archive.on("end", () => resolve(entries));
    archive.on("entry", (entry: yauzl.Entry) => {
      if (entry.fileName.endsWith(".npy")) entries.set(entry.fileName.slice(0, -4), entry);
      archive.readEntry();
    });
    archive.readEntry();
  });
}

/** The bytes of an entry, unpacked. */
async function* entryBytes(path: string, entry: yauzl.Entry): AsyncGenerator<Uint8Array> {
  const archive = await openArchive(path);
  try {
    const stream = await new Promise<NodeJS.ReadableStream>((resolve, reject) => {
      archive.openReadStream(entry, (error, opened) => (error ? reject(error) : resolve(opened)));
    });
    yield* stream as unknown as AsyncIterable<Uint8Array>;
  } finally {
    archive.close();
  }
}

/** The names of the arrays in an npz file. @throws TabgradError DATA_NPY_INVALID where the file is no archive */
export const npzNames = async (file: LocalFile): Promise<string[]> => [...(await arraysOf(file)).keys()];

/** @throws TabgradError DATA_NPY_INVALID */
async function arraysOf(file: LocalFile): Promise<Map<string, yauzl.Entry>> {
  try {
    const archive = await openArchive(file.path);
    return await listArrays(archive).finally(() => archive.close());
  } catch (error) {
    throw damaged(file, error);
  }
}

/**
 * Opens the array `name` of an npz file.
 * @throws TabgradError DATA_NPY_INVALID where the file is no archive, has no such array, or the array cannot be read.
 */
export async function openNpzArray(file: LocalFile, name: string): Promise<ArrayFile> {
  const entries = await arraysOf(file);
  const entry = entries.get(name);
  if (!entry) {
    const names = [...entries.keys()];
    const similar = nearest(name, names);
    throw invalid(
      file,
      `has no array "${name}"; it has ${names.length > 0 ? listed(names) : "none"}`,
      similar.length > 0 ? `Did you mean ${similar.map((each) => `"${each}"`).join(" or ")}?` : "Name one of its arrays.",
    );
  }
  const open = async (): Promise<ByteReader> =>
    ByteReader.of(entryBytes(file.path, entry), entry.uncompressedSize, (error) => damaged(file, error));
  return openNpyEntry(`${file.name}: array "${name}"`, entry.uncompressedSize, open);
}
