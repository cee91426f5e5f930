// Samples as pictures: which shapes are images, and how their values become pixels.
import type { DatasetDescription, FieldValues } from "@tabgrad/core";

export interface ImageShape {
  readonly height: number;
  readonly width: number;
  /** 1: grey; 3: red, green, blue. */
  readonly channels: 1 | 3;
  /** True where each channel is a plane of its own; otherwise the channels of a pixel stand side by side. */
  readonly planar?: true;
}

/** The values that are drawn black and white. */
export interface ValueRange {
  readonly least: number;
  readonly most: number;
}

const [smallest, largest] = [4, 1024];

/**
 * The image that a sample is, or undefined: [h, w]; [1, h, w] or [3, h, w]; [h, w, 1] or [h, w, 3]; and a table with a square number of columns that are all
 * called pixel-something.
 */
export function imageShapeOf({ fields, features }: Pick<DatasetDescription, "fields" | "features">): ImageShape | undefined {
  const stored = fields[0].shape;
  const shape = stored.length === 1 ? square(stored[0], features.names) : stored;
  if (shape.length > 3) return undefined;
  const [first, second, third = 1] = shape;
  const fits = (size: number | undefined): boolean => size !== undefined && size >= smallest && size <= largest;
  const isChannels = (size: number): size is 1 | 3 => size === 1 || size === 3;
  if (fits(first) && fits(second) && isChannels(third)) return { height: first, width: second, channels: third };
  if (isChannels(first) && fits(second) && fits(third)) return { height: second, width: third, channels: first, planar: true };
  return undefined;
}

function square(length: number, names: readonly string[] = []): number[] {
  const side = Math.sqrt(length);
  return Number.isInteger(side) && names.length === length && names.every((name) => /^pix/i.test(name)) ? [side, side] : [];
}

/** Bytes are drawn as bytes; other values from the least to the greatest of all samples. */
export function rangeOf(values: FieldValues): ValueRange {
  if (values instanceof Uint8Array) return { least: 0, most: 255 };
  let [least, most] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return most > least ? { least, most } : { least: 0, most: 1 };
}

/** RGBA, row-major, as a canvas takes it. */
export function toPixels(
  values: ArrayLike<number>,
  { height, width, channels, planar }: ImageShape,
  { least, most }: ValueRange,
): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(4 * height * width);
  const scale = 255 / (most - least);
  for (let pixel = 0; pixel < height * width; pixel++) {
    for (let color = 0; color < 3; color++) {
      const channel = channels === 3 ? color : 0;
      const value = values[planar ? channel * height * width + pixel : pixel * channels + channel];
      pixels[4 * pixel + color] = (value - least) * scale;
    }
    pixels[4 * pixel + 3] = 255;
  }
  return pixels;
}
