// Shards and batches: what is packed comes out again as the engine's rows, wherever the bytes lie and however often arrays are reused.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  BatchPool,
  type Field,
  type FieldValues,
  type Microbatch,
  packShard,
  type ShardView,
  viewShard,
} from "../src/data/index.ts";
import {
  fieldElements,
  groupMicrobatches,
  microbatchSamples,
  microbatchShards,
  sampleBytes,
  shardLayout,
} from "../src/data/index.ts";
import { TabgradError } from "../src/errors.ts";
import { keyed } from "../src/random/index.ts";

const image: Field = { name: "features", storage: "uint8", shape: [3, 5] };
const label: Field = { name: "labels", storage: "uint8", shape: [] };
const row: Field = { name: "features", storage: "float32", shape: [3] };
const wide: Field = { name: "wide", storage: "int32", shape: [2, 10] };

const anyFields = fc.uniqueArray(
  fc.record({
    name: fc.string({ minLength: 1, maxLength: 6 }).filter((name) => name !== "__proto__"),
    storage: fc.constantFrom("uint8" as const, "float32" as const, "int32" as const),
    shape: fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 3 }),
  }),
  { selector: (field) => field.name, minLength: 1, maxLength: 4 },
);

/** Columns of `samples` samples with values that float32 holds exactly, different from one another as far as the storage goes. */
function columnsOf(fields: readonly Field[], samples: number, seed = 1): FieldValues[] {
  return fields.map((field, f) => {
    const random = keyed(seed, "sample", f);
    const length = samples * fieldElements(field);
    if (field.storage === "uint8") return Uint8Array.from({ length }, (_, i) => random.integer(i, 256));
    if (field.storage === "int32") return Int32Array.from({ length }, (_, i) => random.integer(i, 2 ** 24) - 2 ** 23);
    return Float32Array.from({ length }, (_, i) => random.normal(i));
  });
}

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return error instanceof TabgradError ? error.code : String(error);
  }
  return "nothing thrown";
}

describe("the layout of a shard", () => {
  it("puts field after field, each at a multiple of 8 bytes, and nothing after the last", () => {
    expect(shardLayout([image, label], 3)).toEqual({ offsets: [0, 48], bytes: 51 });
    expect(shardLayout([label, row], 3)).toEqual({ offsets: [0, 8], bytes: 44 });
    expect(shardLayout([label, row, wide], 1)).toEqual({ offsets: [0, 8, 24], bytes: 104 });
    expect(shardLayout([], 3)).toEqual({ offsets: [], bytes: 0 });
    expect(sampleBytes([image, label])).toBe(16);
    expect(sampleBytes([row, wide])).toBe(92);
  });

  it("is little-endian and row-major, sample after sample", () => {
    const shard = packShard([label, row], [Uint8Array.of(7, 8, 9), Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9)], [2, 0]);
    const bytes = new DataView(shard.buffer);
    expect([bytes.getUint8(0), bytes.getUint8(1)]).toEqual([9, 7]);
    expect([8, 12, 16, 20, 24, 28].map((offset) => bytes.getFloat32(offset, true))).toEqual([7, 8, 9, 1, 2, 3]);
  });
});

describe("packing and viewing a shard", () => {
  it("gives back every value of the samples asked for, at any address", () => {
    fc.assert(
      fc.property(anyFields, fc.integer({ min: 1, max: 20 }), fc.nat(9), fc.boolean(), (fields, samples, shift, asBuffer) => {
        const columns = columnsOf(fields, samples);
        const order = keyed(3, "sample").permutation(samples);
        const packed = packShard(fields, columns, order);
        const moved = new Uint8Array(packed.length + 16);
        moved.set(packed, shift);
        const bytes = asBuffer ? Buffer.from(moved.buffer, shift, packed.length) : moved.subarray(shift, shift + packed.length);
        const view = viewShard(fields, samples, bytes);
        fields.forEach((field, f) => {
          const elements = fieldElements(field);
          const expected = [...order].flatMap((sample) => [...columns[f].subarray(sample * elements, (sample + 1) * elements)]);
          expect([...view.values[f]]).toEqual(expected);
        });
      }),
    );
  });

  it("copies nothing where the bytes are aligned", () => {
    const shard = packShard([image, label], columnsOf([image, label], 4), [0, 1, 2, 3]);
    for (const values of viewShard([image, label], 4, shard).values) expect(values.buffer).toBe(shard.buffer);
  });

  it("refuses bytes of another length", () => {
    const shard = packShard([image, label], columnsOf([image, label], 4), [0, 1, 2, 3]);
    expect(codeOf(() => viewShard([image, label], 5, shard))).toBe("DATA_SHARD_CORRUPT");
    expect(codeOf(() => viewShard([image, label], 4, shard.subarray(1)))).toBe("DATA_SHARD_CORRUPT");
    expect(() => viewShard([image, label], 3, shard)).toThrow('a shard has 68 bytes; 3 samples of "features", "labels" take 51');
  });

  it("refuses a column of another kind", () => {
    expect(() => packShard([row], [Uint8Array.of(1, 2, 3)], [0])).toThrow(
      'field "features" is stored as float32, its column is uint8',
    );
    expect(() => packShard([row], [], [0])).toThrow("its column is missing");
  });
});

describe("grouping microbatches", () => {
  const list = (count: number): Microbatch[] => Array.from({ length: count }, (_, index) => ({ index, slices: [] }));
  const lengths = (count: number, maxRows: number): number[] =>
    groupMicrobatches(list(count), { microbatchSize: 64, maxRows }).map((run) => run.length);

  it("fills the longest runs first, then cuts the rest into powers of two", () => {
    expect(lengths(16, 512)).toEqual([8, 8]);
    expect(lengths(15, 512)).toEqual([8, 4, 2, 1]);
    expect(lengths(13, 6 * 64)).toEqual([6, 6, 1]);
    expect(lengths(3, 64)).toEqual([1, 1, 1]);
    expect(lengths(2, 1)).toEqual([1, 1]);
    expect(lengths(0, 512)).toEqual([]);
  });

  it("keeps the order, loses none, and uses few different lengths", () => {
    fc.assert(
      fc.property(fc.nat(200), fc.integer({ min: 1, max: 5000 }), (count, maxRows) => {
        const runs = groupMicrobatches(list(count), { microbatchSize: 64, maxRows });
        expect(runs.flat()).toEqual(list(count));
        const longest = Math.max(1, Math.floor(maxRows / 64));
        for (const run of runs) expect(run.length === longest || Math.log2(run.length) % 1 === 0).toBe(true);
        expect(Math.max(0, ...runs.map((run) => run.length))).toBeLessThanOrEqual(longest);
      }),
    );
  });

  it("counts samples and names shards", () => {
    const microbatch = (index: number, ...slices: [number, number[]][]): Microbatch => ({
      index,
      slices: slices.map(([shard, samples]) => ({ shard, samples })),
    });
    const two = [microbatch(0, [4, [1, 2]], [2, [0]]), microbatch(1, [2, [5]], [9, [1]])];
    expect(two.map(microbatchSamples)).toEqual([3, 2]);
    expect(microbatchShards(two)).toEqual([4, 2, 9]);
  });
});

describe("assembling batches", () => {
  const slicesOf = (shards: number, samples: number, count: number, seed: number): { shard: number; samples: number[] }[] =>
    Array.from({ length: count }, (_, i) => ({
      shard: keyed(seed, "sample", 1).integer(i, shards),
      samples: [...keyed(seed, "sample", 2, i).permutation(samples)].slice(0, keyed(seed, "sample", 3).integer(i, 4)),
    }));

  it("puts every sample into its row, as float32, and zeros with weight 0 into the padding, again and again", () => {
    fc.assert(
      fc.property(anyFields, fc.integer({ min: 0, max: 2 ** 31 }), fc.integer({ min: 1, max: 60 }), (fields, seed, maxRows) => {
        const shards: ShardView[] = [0, 1, 2].map((s) => {
          const columns = columnsOf(fields, 5, s);
          return { samples: 5, values: columns };
        });
        const pool = new BatchPool(fields, { microbatchSize: 12, maxRows, seed: 1 });
        for (let round = 0; round < 4; round += 1) {
          const count = keyed(seed, "sample", 4).integer(round, 6);
          const microbatches = Array.from({ length: count }, (_, index) => ({
            index,
            slices: slicesOf(3, 5, 4, seed + index * 4 + round),
          }));
          const batches = pool.assemble(microbatches, (shard) => shards[shard]);
          const runs = groupMicrobatches(microbatches, { microbatchSize: 12, maxRows });
          expect(batches.length).toBe(runs.length);
          batches.forEach((batch, b) => {
            // By row; none where a microbatch is shorter.
            const wanted = runs[b].flatMap(({ slices }) => {
              const own = slices.flatMap(({ shard, samples }) => samples.map((sample) => [shard, sample] as const));
              return Array.from({ length: 12 }, (_, i) => own.at(i));
            });
            expect(batch.rows).toBe(runs[b].length * 12);
            expect(batch.samples).toBe(wanted.filter((row) => row).length);
            expect([...batch.weights]).toEqual(wanted.map((row) => (row ? 1 : 0)));
            fields.forEach((field, f) => {
              const n = fieldElements(field);
              const rows = wanted.flatMap((row) =>
                row ? [...shards[row[0]].values[f].subarray(row[1] * n, (row[1] + 1) * n)] : Array<number>(n).fill(0),
              );
              expect([...batch.inputs[field.name]]).toEqual(rows);
            });
          });
          pool.release(batches);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("uses returned arrays again, and lends none twice", () => {
    const shard: ShardView = { samples: 4, values: columnsOf([row, label], 4) };
    const pool = new BatchPool([row, label], { microbatchSize: 2, maxRows: 2, seed: 1 });
    const one: Microbatch[] = [{ index: 0, slices: [{ shard: 0, samples: [3, 1] }] }];
    const first = pool.assemble(one, () => shard);
    const second = pool.assemble(one, () => shard);
    expect(second[0].weights).not.toBe(first[0].weights);
    pool.release(first);
    pool.release(first);
    const third = pool.assemble(one, () => shard);
    const fourth = pool.assemble(one, () => shard);
    expect(third[0].inputs["features"]).toBe(first[0].inputs["features"]);
    expect(fourth[0].weights).not.toBe(third[0].weights);
  });

  it("refuses samples that a shard does not have, and microbatches that are too long", () => {
    const shard: ShardView = { samples: 4, values: columnsOf([row, label], 4) };
    const pool = new BatchPool([row, label], { microbatchSize: 2, maxRows: 8, seed: 1 });
    const assemble = (samples: number[]) => () => pool.assemble([{ index: 5, slices: [{ shard: 0, samples }] }], () => shard);
    expect(codeOf(assemble([4]))).toBe("PROTOCOL_VIOLATION");
    expect(codeOf(assemble([-1]))).toBe("PROTOCOL_VIOLATION");
    expect(codeOf(assemble([Number.NaN]))).toBe("PROTOCOL_VIOLATION");
    expect(assemble([0, 1, 2])).toThrow("microbatch 5 has 3 samples; at most 2 were agreed on");
    expect(codeOf(assemble([0, 3]))).toBe("nothing thrown");
  });
});
