// Shards while they are being filled: samples come in any order, and every one has its place.
import {
  type Field,
  fieldElements,
  type FieldValues,
  sampleBytes,
  type ShardLayout,
  shardLayout,
  type ShardView,
  storageBytes,
  viewShard,
} from "@tabgrad/core";

/** About what a shard weighs: long enough to be worth a request, short enough that a worker need not hold much more than it uses. */
const shardTargetBytes = 512 * 1024;
const minShardSamples = 16;
const maxShardSamples = 4096;

/** Samples in a shard: a power of two, so that microbatches, powers of two as a rule, seldom straddle two shards. */
export function shardSamples(fields: readonly Field[]): number {
  const fitting = 2 ** Math.floor(Math.log2(Math.max(1, shardTargetBytes / sampleBytes(fields))));
  return Math.min(maxShardSamples, Math.max(minShardSamples, fitting));
}

interface OpenShard {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly layout: ShardLayout;
  readonly view: ShardView;
}

/** The shards for a number of samples at positions from 0 on, in memory. */
export class ShardFrame {
  readonly #elements: readonly number[];
  readonly #bytes: readonly number[];
  readonly #length: number;
  readonly #shards: OpenShard[] = [];

  constructor(fields: readonly Field[], samples: number) {
    this.#elements = fields.map(fieldElements);
    this.#bytes = fields.map((field) => fieldElements(field) * storageBytes[field.storage]);
    this.#length = shardSamples(fields);
    for (let begin = 0; begin < samples; begin += this.#length) {
      const count = Math.min(this.#length, samples - begin);
      const layout = shardLayout(fields, count);
      const bytes = new Uint8Array(layout.bytes);
      this.#shards.push({ bytes, layout, view: viewShard(fields, count, bytes) });
    }
  }

  /** Puts sample `sample` of `columns`, one array for each field, at `position`. */
  put(position: number, columns: readonly FieldValues[], sample: number): void {
    const shard = Math.floor(position / this.#length);
    const row = position - shard * this.#length;
    const { values } = this.#shards[shard].view;
    for (let f = 0; f < values.length; f += 1) {
      const elements = this.#elements[f];
      const from = columns[f];
      const to = values[f];
      if (elements === 1) to[row] = from[sample]!;
      else to.set(from.subarray(sample * elements, (sample + 1) * elements), row * elements);
    }
  }

  /** Puts a sample at `position` whose fields stand side by side in `bytes` from `offset` on. */
  putRecord(position: number, bytes: Uint8Array, offset: number): void {
    const shard = Math.floor(position / this.#length);
    const row = position - shard * this.#length;
    const to = this.#shards[shard];
    let from = offset;
    for (let f = 0; f < this.#bytes.length; f += 1) {
      const length = this.#bytes[f];
      to.bytes.set(bytes.subarray(from, from + length), to.layout.offsets[f] + row * length);
      from += length;
    }
  }

  /** Each shard's bytes and number of samples, in order. */
  *shards(): Generator<{ bytes: Uint8Array<ArrayBuffer>; samples: number }> {
    for (const { bytes, view } of this.#shards) yield { bytes, samples: view.samples };
  }
}
