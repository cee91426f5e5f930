// A random order for more samples than memory holds. As samples come, each is appended to the bucket that its place in the order falls
// into, in one file on disk; a bucket is a few shards, and small enough to be put in order in memory afterwards. Every bucket has
// exactly as many samples as places, so that it has its own stretch of the file. P. Sanders: "Random Permutations on Distributed,
// External and Hierarchical Memory", 1998.
import { closeSync, fdatasyncSync, openSync, readSync, writeSync } from "node:fs";
import { type Field, type FieldValues, fieldElements, sampleBytes, storageBytes } from "@tabgrad/core";
import { cacheUnusable } from "../cache/write.ts";
import { ShardFrame, shardSamples } from "./frame.ts";

/** More buckets make the stretches that are written too short. */
const maxBuckets = 1024;

/** The samples at positions `begin` up to `begin + samples` of one of the two uses. */
interface Bucket {
  readonly samples: number;
  /** Where its records begin in the file. */
  readonly offset: number;
}

export interface SpoolLayout {
  /** A record is the place within the bucket, four bytes, then the sample's fields side by side. */
  readonly recordBytes: number;
  /** Samples of a bucket, but for the last one of each use. */
  readonly bucketSamples: number;
  readonly buckets: readonly Bucket[];
  /** The first bucket of those for evaluation. */
  readonly firstEvaluation: number;
}

/** `bucketBytes`: about what a bucket weighs. Its samples are held in memory at once, as the shards that they become. */
export function spoolLayout(fields: readonly Field[], train: number, evaluation: number, bucketBytes: number): SpoolLayout {
  const length = shardSamples(fields);
  const recordBytes = 4 + sampleBytes(fields);
  const shards = Math.ceil(train / length) + Math.ceil(evaluation / length);
  const fitting = Math.floor(bucketBytes / (length * recordBytes));
  const bucketSamples = length * Math.max(1, fitting, Math.ceil(shards / maxBuckets));
  const buckets: Bucket[] = [];
  let offset = 0;
  const add = (samples: number): void => {
    for (let begin = 0; begin < samples; begin += bucketSamples) {
      const bucket = { samples: Math.min(bucketSamples, samples - begin), offset };
      buckets.push(bucket);
      offset += bucket.samples * recordBytes;
    }
  };
  add(train);
  const firstEvaluation = buckets.length;
  add(evaluation);
  return { recordBytes, bucketSamples, buckets, firstEvaluation };
}

/** Writes samples to their buckets. What `flush` has returned from survives the process. */
export class SpoolWriter {
  readonly #path: string;
  readonly #layout: SpoolLayout;
  readonly #file: number;
  /** Records of each bucket, buffered ones included. */
  readonly #fills: Uint32Array;
  readonly #buffers: (Uint8Array | undefined)[];
  readonly #buffered: Uint32Array;
  readonly #bufferRecords: number;
  readonly #fieldBytes: readonly number[];
  /** The columns of the block that samples come from, as bytes. */
  #columns: readonly FieldValues[] = [];
  #bytes: readonly Uint8Array[] = [];

  /**
   * @param bufferBytes of samples that wait to be written, for all buckets together
   * @param fills how many records each bucket has already, from the beginning of its stretch
   */
  constructor(path: string, fields: readonly Field[], layout: SpoolLayout, bufferBytes: number, fills?: readonly number[]) {
    this.#path = path;
    this.#layout = layout;
    const count = layout.buckets.length;
    this.#fills = fills ? Uint32Array.from(fills) : new Uint32Array(count);
    this.#buffers = Array<Uint8Array | undefined>(count).fill(undefined);
    this.#buffered = new Uint32Array(count);
    this.#bufferRecords = Math.max(1, Math.floor(Math.min(1 << 20, bufferBytes / count) / layout.recordBytes));
    this.#fieldBytes = fields.map((field) => fieldElements(field) * storageBytes[field.storage]);
    try {
      this.#file = openSync(path, fills ? "r+" : "w");
    } catch (error) {
      throw cacheUnusable(path, error);
    }
  }

  get fills(): readonly number[] {
    return [...this.#fills];
  }

  /** Appends a sample for `position` among those to train on, or to evaluate on. @throws TabgradError DATA_CACHE_UNUSABLE */
  put(use: "train" | "evaluation", position: number, columns: readonly FieldValues[], sample: number): void {
    const { bucketSamples, firstEvaluation, recordBytes } = this.#layout;
    const within = Math.floor(position / bucketSamples);
    const bucket = use === "train" ? within : firstEvaluation + within;
    const buffer = (this.#buffers[bucket] ??= new Uint8Array(this.#bufferRecords * recordBytes));
    let to = this.#buffered[bucket] * recordBytes;
    const place = position - within * bucketSamples;
    buffer[to] = place;
    buffer[to + 1] = place >>> 8;
    buffer[to + 2] = place >>> 16;
    buffer[to + 3] = place >>> 24;
    to += 4;
    const bytes = this.#bytesOf(columns);
    for (let f = 0; f < bytes.length; f += 1) {
      const length = this.#fieldBytes[f];
      const from = sample * length;
      if (length > 16) buffer.set(bytes[f].subarray(from, from + length), to);
      else for (let i = 0; i < length; i += 1) buffer[to + i] = bytes[f][from + i];
      to += length;
    }
    this.#fills[bucket] += 1;
    this.#buffered[bucket] += 1;
    if (this.#buffered[bucket] === this.#bufferRecords) this.#write(bucket);
  }

  /** Forces everything to the disk. @throws TabgradError DATA_CACHE_UNUSABLE */
  flush(): void {
    for (let bucket = 0; bucket < this.#buffers.length; bucket += 1) if (this.#buffered[bucket] > 0) this.#write(bucket);
    fdatasyncSync(this.#file);
  }

  close(): void {
    closeSync(this.#file);
  }

  #bytesOf(columns: readonly FieldValues[]): readonly Uint8Array[] {
    if (columns !== this.#columns) {
      this.#columns = columns;
      this.#bytes = columns.map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength));
    }
    return this.#bytes;
  }

  #write(bucket: number): void {
    const { recordBytes, buckets } = this.#layout;
    const records = this.#buffered[bucket];
    const at = buckets[bucket].offset + (this.#fills[bucket] - records) * recordBytes;
    try {
      for (let done = 0; done < records * recordBytes;) {
        done += writeSync(this.#file, this.#buffers[bucket]!, done, records * recordBytes - done, at + done);
      }
    } catch (error) {
      throw cacheUnusable(this.#path, error);
    }
    this.#buffered[bucket] = 0;
  }
}

/** Bytes read at a time, about. */
const pieceBytes = 4 << 20;

/** The shards of a bucket, its samples in order. */
export function readBucket(
  path: string,
  fields: readonly Field[],
  { recordBytes, buckets }: SpoolLayout,
  index: number,
): ShardFrame {
  const { samples, offset } = buckets[index];
  const frame = new ShardFrame(fields, samples);
  const piece = new Uint8Array(Math.max(1, Math.floor(pieceBytes / recordBytes)) * recordBytes);
  const file = openSync(path, "r");
  try {
    for (let done = 0; done < samples * recordBytes;) {
      const wanted = Math.min(piece.length, samples * recordBytes - done);
      let filled = 0;
      while (filled < wanted) {
        const read = readSync(file, piece, filled, wanted - filled, offset + done + filled);
        if (read === 0) throw new RangeError(`${path} ends at ${offset + done + filled}`);
        filled += read;
      }
      for (let at = 0; at < wanted; at += recordBytes) {
        const place = piece[at] + piece[at + 1] * 2 ** 8 + piece[at + 2] * 2 ** 16 + piece[at + 3] * 2 ** 24;
        frame.putRecord(place, piece, at + 4);
      }
      done += wanted;
    }
  } finally {
    closeSync(file);
  }
  return frame;
}
