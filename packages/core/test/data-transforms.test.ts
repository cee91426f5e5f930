// Random transforms of images: what each does to the pixels, that a redo does the same, and that only fitting data is transformed.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  BatchPool,
  cutOut,
  horizontalFlip,
  randomCrop,
  shift,
  Transforms,
  transformsSchema,
  type TransformSpec,
} from "../src/data/index.ts";
import { evaluate } from "../src/graph/index.ts";
import { centreCrop, predictionGraph } from "../src/model/index.ts";
import { keyed } from "../src/random/index.ts";

const geometry = fc.record({
  channels: fc.integer({ min: 1, max: 3 }),
  height: fc.integer({ min: 3, max: 7 }),
  width: fc.integer({ min: 3, max: 7 }),
  seed: fc.nat(),
});

interface Image {
  readonly shape: readonly [number, number, number];
  readonly pixels: Float32Array;
}

/** Every pixel another number, none 0. */
const imageOf = ({ channels, height, width }: { channels: number; height: number; width: number }): Image => ({
  shape: [channels, height, width],
  pixels: Float32Array.from({ length: channels * height * width }, (_, i) => i + 1),
});

function transformed(specs: readonly TransformSpec[], { shape, pixels }: Image, seed: number): Float32Array {
  const values = pixels.slice();
  new Transforms(specs, shape).apply(keyed(seed, "augment"), values);
  return values;
}

const at = ({ shape: [, height, width], pixels }: Image, channel: number, y: number, x: number): number =>
  y < 0 || y >= height || x < 0 || x >= width ? 0 : pixels[(channel * height + y) * width + x];

/** How far every pixel of an image has come; undefined unless it is the same for all. */
function movement(image: Image, values: Float32Array, most: number): readonly [number, number] | undefined {
  const [channels, height, width] = image.shape;
  for (let dy = -most; dy <= most; dy++) {
    for (let dx = -most; dx <= most; dx++) {
      const fits = Array.from({ length: channels * height * width }, (_, i) => {
        const [channel, y, x] = [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width];
        return values[i] === at(image, channel, y + dy, x + dx);
      });
      if (fits.every(Boolean)) return [dx, dy];
    }
  }
  return undefined;
}

describe("randomCrop and shift", () => {
  it("move all channels together, by no more than they may, and fill with zeros", () => {
    fc.assert(
      fc.property(geometry, fc.integer({ min: 1, max: 2 }), fc.nat({ max: 2 }), ({ seed, ...size }, x, y) => {
        const image = imageOf(size);
        expect(movement(image, transformed([randomCrop({ padding: x })], image, seed), x)).toBeDefined();
        const [dx, dy] = movement(image, transformed([shift({ x, y })], image, seed), 2)!;
        expect(Math.abs(dx)).toBeLessThanOrEqual(x);
        expect(Math.abs(dy)).toBeLessThanOrEqual(y);
      }),
    );
  });

  it("come to every place, each about as often", () => {
    const image = imageOf({ channels: 1, height: 5, width: 5 });
    for (const spec of [randomCrop({ padding: 1 }), shift({ x: 1, y: 1 })]) {
      const counts = new Map<string, number>();
      for (let seed = 0; seed < 900; seed++) {
        const place = movement(image, transformed([spec], image, seed), 1)!.join();
        counts.set(place, (counts.get(place) ?? 0) + 1);
      }
      expect(counts.size).toBe(9);
      for (const count of counts.values()) expect(Math.abs(count - 100)).toBeLessThan(40);
    }
  });

  it("fill with the edge, or with the mirror image", () => {
    const image = { shape: [1, 1, 3] as const, pixels: Float32Array.of(1, 2, 3) };
    const rows = (fill: "edge" | "reflect", height: number): Set<string> => {
      const pixels = Float32Array.from({ length: 3 * height }, (_, i) => 1 + (i % 3));
      const all = Array.from({ length: 200 }, (_, seed) =>
        transformed([randomCrop({ padding: 2, fill })], { shape: [1, height, 3], pixels }, seed),
      );
      return new Set(all.map((values) => values.slice(0, 3).join()));
    };
    expect(image.pixels).toHaveLength(3);
    expect(rows("edge", 1)).toEqual(new Set(["1,1,1", "1,1,2", "1,2,3", "2,3,3", "3,3,3"]));
    expect(rows("reflect", 3)).toEqual(new Set(["3,2,1", "2,1,2", "1,2,3", "2,3,2"]));
  });
});

describe("horizontalFlip", () => {
  it("mirrors every row or none, as often as it should", () => {
    const image = imageOf({ channels: 2, height: 3, width: 4 });
    const mirrored = Float32Array.from({ length: 24 }, (_, i) => 4 * Math.floor(i / 4) + (4 - (i % 4)));
    const share = (spec: TransformSpec): number => {
      const all = Array.from({ length: 400 }, (_, seed) => transformed([spec], image, seed).join());
      expect(all.every((found) => found === image.pixels.join() || found === mirrored.join())).toBe(true);
      return all.filter((found) => found === mirrored.join()).length / all.length;
    };
    expect(share(horizontalFlip())).toBeGreaterThan(0.4);
    expect(share(horizontalFlip())).toBeLessThan(0.6);
    expect(share(horizontalFlip({ probability: 0 }))).toBe(0);
    expect(share(horizontalFlip({ probability: 1 }))).toBe(1);
  });
});

describe("cutOut", () => {
  it("covers as much of a square around a pixel as lies within the image", () => {
    fc.assert(
      fc.property(geometry, fc.integer({ min: 1, max: 9 }), ({ seed, ...size }, side) => {
        const image = imageOf(size);
        const values = transformed([cutOut({ size: side, value: -1 })], image, seed);
        const covered = [...values.keys()].filter((i) => values[i] === -1);
        const rest = [...values.keys()].filter((i) => values[i] !== -1);
        for (const i of rest) expect(values[i]).toBe(image.pixels[i]);
        const ys = new Set(covered.map((i) => Math.floor(i / size.width) % size.height));
        const xs = new Set(covered.map((i) => i % size.width));
        expect(covered).toHaveLength(size.channels * ys.size * xs.size);
        for (const [length, extent] of [
          [ys.size, size.height],
          [xs.size, size.width],
        ]) {
          expect(length).toBeLessThanOrEqual(Math.min(side, extent));
          expect(length).toBeGreaterThanOrEqual(Math.min(extent, Math.ceil(side / 2)));
        }
      }),
    );
  });
});

describe("shift, and the middle of it", () => {
  it("is a random piece of the image, any of them equally likely", () => {
    const [size, side] = [6, 4];
    const graph = predictionGraph(centreCrop(side), [1, size, size]);
    const pixels = Float32Array.from({ length: size * size }, (_, i) => 1 + i);
    const pieces = new Map<number, number>();
    const draws = 1800;
    for (let seed = 0; seed < draws; seed++) {
      const features = transformed([shift({ x: 1, y: 1 })], { shape: [1, size, size], pixels }, seed);
      const piece = [...evaluate(graph, { features }, []).prediction.data];
      const first = piece[0];
      expect(piece).toEqual(Array.from({ length: side * side }, (_, i) => first + size * Math.floor(i / side) + (i % side)));
      pieces.set(first, (pieces.get(first) ?? 0) + 1);
    }
    expect([...pieces.keys()].sort((a, b) => a - b)).toEqual([1, 2, 3, 7, 8, 9, 13, 14, 15]);
    // 200 each, with a standard deviation of 13.
    for (const count of pieces.values()) expect(Math.abs(count - draws / 9)).toBeLessThan(60);
  });
});

describe("transforms in training batches", () => {
  const fields = [{ name: "features", storage: "uint8", shape: [4, 4] }] as const;
  const shard = { samples: 6, values: [Uint8Array.from({ length: 96 }, (_, i) => 1 + i)] };
  const transforms = [randomCrop({ padding: 2 }), horizontalFlip(), cutOut({ size: 2 })];
  const rowsOf = (samples: readonly number[], microbatchSize: number, step?: number): string[] => {
    const pool = new BatchPool(fields, { microbatchSize, maxRows: 4, seed: 3, transforms });
    const microbatches = Array.from({ length: Math.ceil(samples.length / microbatchSize) }, (_, index) => ({
      index,
      slices: [{ shard: 0, samples: samples.slice(index * microbatchSize, (index + 1) * microbatchSize) }],
    }));
    return pool
      .assemble(microbatches, () => shard, step)
      .flatMap((batch) =>
        Array.from({ length: batch.samples }, (_, row) => batch.inputs["features"].slice(16 * row, 16 * row + 16).join()),
      );
  };

  it("are the sample's own, whatever stands beside it", () => {
    const rows = rowsOf([0, 1, 2, 3, 4, 5], 2, 9);
    expect(rowsOf([5, 3, 0], 1, 9)).toEqual([rows[5], rows[3], rows[0]]);
    expect(new Set([...rows, ...rowsOf([0, 1, 2, 3, 4, 5], 2, 10)]).size).toBe(12);
  });

  it("leave an evaluation alone", () => {
    expect(rowsOf([1], 2)).toEqual([shard.values[0].subarray(16, 32).join()]);
  });

  it("fit images only, and say so", () => {
    const pool = (specs: readonly TransformSpec[], shape: readonly number[]) => () =>
      new BatchPool([{ name: "features", storage: "uint8", shape }], { microbatchSize: 1, maxRows: 1, seed: 1, transforms: specs });
    expect(pool([horizontalFlip()], [4])).toThrow(/transforms\[0\]: horizontalFlip is for images.*has shape \[4\]/);
    expect(pool([horizontalFlip(), randomCrop({ padding: 4, fill: "reflect" })], [3, 4, 8])).toThrow(
      /transforms\[1\]: randomCrop cannot mirror 4 pixels of an image of 4 × 8/,
    );
    expect(pool([], [4])).not.toThrow();
  });

  it("are checked field by field", () => {
    const messages = (value: unknown): string[] => transformsSchema.safeParse(value).error!.issues.map(({ message }) => message);
    expect(messages([{ kind: "randomCrop", padding: 0 }])).toEqual(["expected a whole number of pixels from 1 to 65536"]);
    expect(messages([{ kind: "randomCrop", padding: 4, size: 24 }])[0]).toContain("begin the model with centreCrop(24)");
    expect(messages([{ kind: "rotate" }])).toEqual(["expected randomCrop({ … }), horizontalFlip(), shift({ … }) or cutOut({ … })"]);
    expect(messages([{ kind: "horizontalFlip", probability: 2 }])).toEqual(["expected a number from 0 (never) to 1 (always)"]);
    expect(messages("flip")[0]).toContain("expected a list such as");
  });
});
