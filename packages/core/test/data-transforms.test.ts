// Random transforms of images: what each does to the pixels, that a redo does the same, and that only fitting data is transformed.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  BatchPool,
  cutOut,
  horizontalFlip,
  randomCrop,
  imageFolder,
  shift,
  transformedShape,
  Transforms,
  transformsSchema,
  type TransformSpec,
} from "../src/data/index.ts";
import { evaluate, parameterSlots } from "../src/graph/index.ts";
import { centreCrop, crossEntropy, dense, flatten, layerSummaries, predictionGraph, sequential } from "../src/model/index.ts";
import { sgd } from "../src/optimizer/index.ts";
import { keyed } from "../src/random/index.ts";
import { checkRun, resolveRun } from "../src/run/index.ts";

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

describe("randomCrop to a size", () => {
  const middle = (
    [channels, height, width]: readonly number[],
    [h, w]: readonly number[],
    features: ArrayLike<number>,
  ): number[] => {
    const graph = predictionGraph(centreCrop(h, w), [channels, height, width]);
    return [...evaluate(graph, { features }, []).prediction.data];
  };

  it("leaves a random piece in the middle, any of them equally likely", () => {
    const image = imageOf({ channels: 1, height: 6, width: 5 });
    const pieces = new Map<number, number>();
    const draws = 1800;
    for (let seed = 0; seed < draws; seed++) {
      const features = transformed([randomCrop({ size: [4, 3] })], image, seed);
      const piece = middle(image.shape, [4, 3], features);
      const [first] = piece;
      expect(piece).toEqual(Array.from({ length: 12 }, (_, i) => first + 5 * Math.floor(i / 3) + (i % 3)));
      expect(features.filter((value) => value !== 0)).toHaveLength(12);
      pieces.set(first, (pieces.get(first) ?? 0) + 1);
    }
    expect([...pieces.keys()].sort((a, b) => a - b)).toEqual([1, 2, 3, 6, 7, 8, 11, 12, 13]);
    // 200 each, with a standard deviation of 13.
    for (const count of pieces.values()) expect(Math.abs(count - draws / 9)).toBeLessThan(60);
  });

  it("cuts out of the padded image, and what follows it sees the piece alone", () => {
    fc.assert(
      fc.property(geometry, fc.nat(), ({ seed, ...size }, side) => {
        const image = imageOf(size);
        const [h, w] = [size.height, size.width].map((whole) => 1 + (side % whole));
        const crop = randomCrop({ size: [h, w], padding: 1, fill: "edge" });
        const piece = middle(image.shape, [h, w], transformed([crop], image, seed));
        const small: Image = { shape: [size.channels, h, w], pixels: Float32Array.from(piece) };
        const [sure, hole] = [horizontalFlip({ probability: 1 }), cutOut({ size: 2, value: -1 })];
        // The same numbers for the hole: it is the third in both lists.
        const nothing = shift({});
        const expected = transformed([nothing, sure, hole], small, seed);
        expect(middle(image.shape, [h, w], transformed([crop, sure, hole], image, seed))).toEqual([...expected]);
      }),
    );
  });

  it("says of which shape samples are afterwards, and what does not fit", () => {
    expect(transformedShape([horizontalFlip(), randomCrop({ size: 24, padding: 4 })], [3, 32, 40])).toEqual([3, 24, 24]);
    expect(transformedShape([randomCrop({ size: [30, 20] }), randomCrop({ size: 8 })], [32, 32])).toEqual([8, 8]);
    expect(transformedShape([], [7])).toEqual([7]);
    expect(() => transformedShape([randomCrop({ size: 24 }), randomCrop({ size: 30, padding: 4 })], [3, 32, 32])).toThrow(
      "transforms[1]: randomCrop cuts 30 × 30 out of an image of 24 × 24",
    );
  });

  it("makes the model one for the piece, which takes the middle of whatever it is fed", () => {
    const data = { features: { shape: [3, 8, 8], scale: 0.5, shift: -1 }, labels: { kind: "classes" as const, count: 2 } };
    const settings = (transforms: readonly TransformSpec[]) =>
      checkRun({
        ...{ data: imageFolder({ path: "x", size: 8 }), model: sequential(flatten(), dense(2)), loss: crossEntropy() },
        ...{ optimizer: sgd({ learningRate: 1 }), batchSize: 4, steps: 1, transforms },
      });
    const { graph } = resolveRun(settings([randomCrop({ size: 4 })]), data);
    expect(parameterSlots(graph).map(({ name, shape }) => [name, shape])).toEqual([
      ["1.weight", [2, 48]],
      ["1.bias", [2]],
    ]);
    expect(layerSummaries(graph).slice(0, 2)).toMatchObject([
      { shape: [3, 8, 8] },
      { layer: "centreCrop features (4 × 4)", shape: [3, 4, 4] },
    ]);
    const features = Float32Array.from({ length: 192 }, (_, i) => i);
    const parameters = Float32Array.from({ length: 98 }, (_, i) => Math.sin(i));
    const whole = evaluate(graph, { features, labels: [0], weights: [1] }, parameters).prediction.data;
    const own = { shape: [3, 4, 4], scale: 0.5, shift: -1 };
    const small = predictionGraph(sequential(flatten(), dense(2)), own);
    const piece = middle([3, 8, 8], [4, 4], features);
    expect([...whole]).toEqual([...evaluate(small, { features: piece }, parameters).prediction.data]);
  });
});

describe("transforms in training batches", () => {
  const fields = [{ name: "features", storage: "uint8", shape: [4, 4] }] as const;
  const shard = { samples: 6, values: [Uint8Array.from({ length: 96 }, (_, i) => 1 + i)] };
  const transforms = [randomCrop({ size: 3, padding: 2 }), horizontalFlip(), cutOut({ size: 2 })];
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
    expect(messages([{ kind: "randomCrop" }])[0]).toContain("expected a size, a padding, or both");
    expect(messages([{ kind: "randomCrop", size: [24] }])[0]).toContain("or two of them, [height, width]");
    expect(messages([{ kind: "rotate" }])).toEqual(["expected randomCrop({ … }), horizontalFlip(), shift({ … }) or cutOut({ … })"]);
    expect(messages([{ kind: "horizontalFlip", probability: 2 }])).toEqual(["expected a number from 0 (never) to 1 (always)"]);
    expect(messages("flip")[0]).toContain("expected a list such as");
  });
});
