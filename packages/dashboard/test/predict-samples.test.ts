// Which samples are fetched, what they look like, how many are asked about, and when.
import { describe, expect, it } from "vitest";
import { samplesToAssess, rowsOfSlice } from "../src/predict/budget.ts";
import { imageShapeOf, rangeOf, toPixels } from "../src/predict/image.ts";
import { decideRefresh, initialRefresh } from "../src/predict/refresh.ts";
import { featuresOf, locateSamples, sampleBounds, takeSamples } from "../src/predict/samples.ts";
import { statisticsOf, tidy, traitsOf } from "../src/predict/table.ts";
import { runOf, side } from "./predict-model.ts";

describe("samples", () => {
  it("are the first ones that are held out, out of as few shards as possible", () => {
    const { dataset } = runOf([8, 600, 600, 600]).document;
    expect(locateSamples(dataset)).toEqual([
      { shard: 1, samples: 600 },
      { shard: 2, samples: sampleBounds.samples - 600 },
    ]);
    expect(locateSamples(runOf([8]).document.dataset)).toEqual([]);
  });

  it("are fewer where they are large", () => {
    const { dataset } = runOf([8, 600]).document;
    const fields = [{ ...dataset.fields[0], shape: [1024, 1024] }, dataset.fields[1]];
    expect(locateSamples({ ...dataset, fields })).toEqual([{ shard: 1, samples: 15 }]);
  });

  it("come out of their shards as they were packed", () => {
    const { document, shards, values } = runOf([2, 3, 4]);
    const stretches = [
      { shard: 1, samples: 3 },
      { shard: 2, samples: 2 },
    ];
    const samples = takeSamples(document.dataset, stretches, [shards.get("hash1")!, shards.get("hash2")!]);
    const pixels = side * side;
    expect(samples.features).toEqual(values.slice(2 * pixels, 7 * pixels));
    expect(Array.from(samples.labels)).toEqual([2, 0, 1, 2, 0]);
    expect(featuresOf(samples, 4)).toEqual(values.slice(6 * pixels, 7 * pixels));
    expect(() => takeSamples(document.dataset, stretches, [shards.get("hash1")!, shards.get("hash0")!])).toThrow(/a shard has/);
  });
});

describe("pictures", () => {
  const imageOf = (shape: readonly number[], names?: readonly string[]) =>
    imageShapeOf({
      fields: [{ name: "features", storage: "uint8", shape }],
      features: { shape, scale: 1, shift: 0, names },
    });
  const pixelNames = Array.from({ length: 784 }, (_, i) => `pixel${i}`);

  it.each([
    [[28, 28], undefined, { height: 28, width: 28, channels: 1 }],
    [[8, 12, 3], undefined, { height: 8, width: 12, channels: 3 }],
    [[8, 12, 1], undefined, { height: 8, width: 12, channels: 1 }],
    [[3, 8, 12], undefined, { height: 8, width: 12, channels: 3, planar: true }],
    [[1, 8, 12], undefined, { height: 8, width: 12, channels: 1, planar: true }],
    [[784], pixelNames, { height: 28, width: 28, channels: 1 }],
    [[784], undefined, undefined],
    [[785], undefined, undefined],
    [[13], ["age"], undefined],
    [[8, 12, 2], undefined, undefined],
    [[2, 2], undefined, undefined],
    [[3, 8, 8, 3], undefined, undefined],
    [[4000, 4000], undefined, undefined],
  ] as const)("of shape %j", (shape, names, expected) => expect(imageOf(shape, names)).toEqual(expected));

  it("have opaque pixels between the least and the greatest value", () => {
    const image = { height: 1, width: 2, channels: 1 } as const;
    expect(Array.from(toPixels([0, 255], image, rangeOf(new Uint8Array([7]))))).toEqual([0, 0, 0, 255, 255, 255, 255, 255]);
    expect(rangeOf(Float32Array.of(-1, 3))).toEqual({ least: -1, most: 3 });
    expect(rangeOf(Float32Array.of(2, 2))).toEqual({ least: 0, most: 1 });
    const colors = { height: 1, width: 1, channels: 3 } as const;
    expect(Array.from(toPixels([1, 0, 0.5], colors, { least: 0, most: 1 }))).toEqual([255, 0, 128, 255]);
    // Two pixels, red and blue, as three planes.
    const planes = { height: 1, width: 2, channels: 3, planar: true } as const;
    expect(Array.from(toPixels([255, 0, 0, 0, 0, 255], planes, { least: 0, most: 255 }))).toEqual([255, 0, 0, 255, 0, 0, 255, 255]);
  });
});

it("names the columns in which a row differs most", () => {
  const samples = {
    count: 4,
    features: Float32Array.of(1, 5, 1, 0, 1, 5, 0, 1, 1, 5, 0, 1, 9, 5.5, 0, 1),
    featureElements: 4,
    labels: new Float32Array(4),
    labelElements: 1,
  };
  const names = { names: ["age", "size", "colour=red", "colour=blue"] };
  const statistics = statisticsOf(samples);
  expect(traitsOf(samples, 3, names, statistics, 3)).toEqual([
    { name: "age", value: "9" },
    { name: "size", value: "5.5" },
    { name: "colour", value: "blue" },
  ]);
  expect(traitsOf(samples, 0, names, statistics, 1)).toEqual([{ name: "colour", value: "red" }]);
  expect(traitsOf(samples, 0, {}, statistics, 4)[0].name).toMatch(/^value \d$/);
  expect([tidy(0.94), tidy(1234567), tidy(-2)]).toEqual(["0.94", "1235000", "-2"]);
});

describe("how many samples", () => {
  const many = (millisecondsPerSample: number, before: number, available = 1000): number =>
    samplesToAssess({ millisecondsPerSample, before, available });

  it("fit into a second", () => {
    expect(many(0.1, 100)).toBe(1000);
    expect(many(1.4, 100)).toBe(500);
    expect(many(30, 100)).toBe(20);
    expect(many(4000, 100)).toBe(10);
    expect(many(0.1, 100, 37)).toBe(37);
    expect(many(4000, 100, 7)).toBe(7);
  });

  it("do not swing where the speed is at a limit", () => {
    expect(many(1.9, 500)).toBe(500);
    expect(many(1.9, 200)).toBe(200);
  });

  it("are asked about in slices that leave room for somebody who draws", () => {
    expect([0.05, 0.3, 1.2, 50].map(rowsOfSlice)).toEqual([128, 32, 8, 1]);
  });
});

describe("parameters are asked for", () => {
  const held = { ...initialRefresh, visible: true, version: 5, runStep: 6, askedAt: 1000 };

  it.each([
    ["at once at first", { ...initialRefresh, visible: true }, { kind: "ask" }],
    ["two seconds after the last time", { ...held, askedAt: 0 }, { kind: "ask" }],
    ["not earlier", held, { kind: "wait", milliseconds: 500 }],
    ["not before the answer to the last time", { ...held, asking: true }, { kind: "rest" }],
    ["not if there are no newer ones", { ...held, runStep: 5 }, { kind: "rest" }],
    ["not if nobody looks", { ...held, visible: false }, { kind: "rest" }],
    ["not if nobody answers", { ...held, reachable: false }, { kind: "rest" }],
    ["once when the run is over", { ...held, askedAt: 0, over: true }, { kind: "ask" }],
    ["not twice then", { ...held, askedAt: 0, over: true, askedForLast: true }, { kind: "rest" }],
  ] as const)("%s", (_, state, decision) => expect(decideRefresh(state, 2500)).toEqual(decision));
});
