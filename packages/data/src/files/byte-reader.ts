// Reads bytes from the beginning of a file to its end, as many at a time as asked for, so that files may be larger than memory. gzip
// is unpacked, known by what the file begins with and not by what it is called.
import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { createGunzip } from "node:zlib";
import { TabgradError } from "@tabgrad/core";
import { unreadable } from "./path.ts";

/** A file on this machine. */
export interface LocalFile {
  readonly path: string;
  /** What messages call it: its path, or the address that it was fetched from. */
  readonly name: string;
  /** Of its content, where it was fetched. */
  readonly sha256?: string;
  /** Hears how many more bytes were read from the disk; may throw to end the reading. */
  readonly onBytes?: (count: number) => void;
}

/** Where bytes come from. */
interface ByteSource {
  /** Fills `target`, or less of it where the bytes end; returns how much. */
  read(target: Uint8Array): Promise<number>;
  skip(length: number): Promise<void>;
  close(): Promise<void>;
}

const chunkBytes = 1 << 20;

/** A file as it is. */
class PlainSource implements ByteSource {
  readonly #handle: FileHandle;
  readonly #file: LocalFile;
  #position = 0;

  constructor(handle: FileHandle, file: LocalFile) {
    this.#handle = handle;
    this.#file = file;
  }

  async read(target: Uint8Array): Promise<number> {
    let filled = 0;
    try {
      while (filled < target.length) {
        const { bytesRead } = await this.#handle.read(target, filled, target.length - filled, this.#position);
        if (bytesRead === 0) break;
        filled += bytesRead;
        this.#position += bytesRead;
      }
    } catch (error) {
      throw unreadable(this.#file.name, error);
    }
    this.#file.onBytes?.(filled);
    return filled;
  }

  async skip(length: number): Promise<void> {
    this.#position += length;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** Chunks that come one after another, from a decompressor for example. */
class ChunkSource implements ByteSource {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #explain: (error: unknown) => unknown;
  #rest = new Uint8Array(0);

  constructor(chunks: AsyncIterable<Uint8Array>, explain: (error: unknown) => unknown) {
    this.#chunks = chunks[Symbol.asyncIterator]();
    this.#explain = explain;
  }

  async read(target: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < target.length && (await this.#more())) {
      const part = this.#rest.subarray(0, target.length - filled);
      target.set(part, filled);
      filled += part.length;
      this.#rest = this.#rest.subarray(part.length);
    }
    return filled;
  }

  async skip(length: number): Promise<void> {
    for (let left = length; left > 0 && (await this.#more());) {
      const part = Math.min(left, this.#rest.length);
      this.#rest = this.#rest.subarray(part);
      left -= part;
    }
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  /** Whether there are bytes left; sees to it that `#rest` has some of them. */
  async #more(): Promise<boolean> {
    while (this.#rest.length === 0) {
      let next: IteratorResult<Uint8Array>;
      try {
        next = await this.#chunks.next();
      } catch (error) {
        throw this.#explain(error);
      }
      if (next.done) return false;
      this.#rest = next.value as Uint8Array<ArrayBuffer>;
    }
    return true;
  }
}

export class ByteReader {
  /** True where the bytes are not the file's own, so that an offset is one in the unpacked data. */
  readonly unpacked: boolean;
  /** How many there are in all; undefined where only reading tells. */
  readonly size: number | undefined;
  readonly #source: ByteSource;

  private constructor(source: ByteSource, unpacked: boolean, size: number | undefined) {
    this.#source = source;
    this.unpacked = unpacked;
    this.size = size;
  }

  /** @throws TabgradError DATA_UNREADABLE where the file cannot be read; reading throws it where it is broken gzip. */
  static async open(file: LocalFile): Promise<ByteReader> {
    let handle: FileHandle | undefined;
    try {
      handle = await open(file.path);
      const { size } = await handle.stat();
      const begin = new Uint8Array(2);
      await handle.read(begin, 0, 2, 0);
      if (!(begin[0] === 0x1f && begin[1] === 0x8b)) return new ByteReader(new PlainSource(handle, file), false, size);
      await handle.close();
      return new ByteReader(new ChunkSource(unzipped(file), (error) => brokenGzip(file, size, error)), true, undefined);
    } catch (error) {
      await handle?.close().catch(() => undefined);
      throw unreadable(file.name, error);
    }
  }

  /** Reads what comes in chunks. `explain` turns what goes wrong into what is thrown. */
  static of(chunks: AsyncIterable<Uint8Array>, size: number, explain: (error: unknown) => unknown): ByteReader {
    return new ByteReader(new ChunkSource(chunks, explain), true, size);
  }

  /** The next `length` bytes, in memory of their own; fewer only where there are no more. */
  async read(length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length);
    const filled = await this.#source.read(bytes);
    return filled === length ? bytes : bytes.subarray(0, filled);
  }

  /** Passes over `length` bytes, whether they are there or not. */
  skip(length: number): Promise<void> {
    return this.#source.skip(length);
  }

  /** All that is left, a piece at a time. */
  async *chunks(length = chunkBytes): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    for (;;) {
      const bytes = await this.read(length);
      if (bytes.length > 0) yield bytes;
      if (bytes.length < length) return;
    }
  }

  /** How many bytes are left, by reading them. */
  async countRest(): Promise<number> {
    let count = 0;
    for await (const { length } of this.chunks()) count += length;
    return count;
  }

  close(): Promise<void> {
    return this.#source.close();
  }
}

/** A generator, so that whoever stops early ends both streams. */
async function* unzipped({ path, onBytes }: LocalFile): AsyncGenerator<Uint8Array> {
  const packed = createReadStream(path, { highWaterMark: chunkBytes });
  const unpacker = createGunzip({ chunkSize: chunkBytes });
  packed.on("error", (error) => unpacker.destroy(error));
  let told = 0;
  try {
    for await (const chunk of packed.pipe(unpacker) as AsyncIterable<Uint8Array>) {
      onBytes?.(packed.bytesRead - told);
      told = packed.bytesRead;
      yield chunk;
    }
  } finally {
    packed.destroy();
    unpacker.destroy();
  }
}

function brokenGzip({ name }: LocalFile, size: number, cause: unknown): TabgradError {
  if (cause instanceof TabgradError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new TabgradError(
    "DATA_UNREADABLE",
    `${name} begins like a gzip file of ${size} bytes and cannot be unpacked: ${reason}`,
    "The file is truncated or damaged: fetch it again, and compare its size with that of the source.",
    { cause },
  );
}

/** Gives the reader to `use`, and closes it whatever happens. */
export async function withBytes<Result>(file: LocalFile, use: (reader: ByteReader) => Promise<Result>): Promise<Result> {
  const reader = await ByteReader.open(file);
  try {
    return await use(reader);
  } finally {
    await reader.close();
  }
}
