// What a run file says about changing training samples at random. The functions only tag their options; the schemas check them, and
// whoever assembles a training batch carries them out (apply.ts).
import { z } from "zod";
import { tagged } from "../../tagged.ts";

/** What stands where an image had nothing: zeros, its outermost pixels again, or its own mirror image. */
export type Fill = "zero" | "edge" | "reflect";

export interface RandomCropOptions {
  /** Height and width of the piece that is cut out, in pixels; one number for a square. Default: the image's. */
  readonly size?: number | readonly [height: number, width: number];
  /** Pixels that are added on each of the four sides before that. Default: 0. */
  readonly padding?: number;
  /** What they are. Default: "zero". */
  readonly fill?: Fill;
}

export interface HorizontalFlipOptions {
  /** How often. Default: 0.5. */
  readonly probability?: number;
}

export interface ShiftOptions {
  /** The most pixels to the left and to the right. Default: 0. */
  readonly x?: number;
  /** The most pixels up and down. Default: 0. */
  readonly y?: number;
}

export interface CutOutOptions {
  /** Width and height of the square, in pixels. */
  readonly size: number;
  /** What is there afterwards, in the unit of the data before it is normalised. Default: 0. */
  readonly value?: number;
}

export type TransformSpec =
  | (RandomCropOptions & { readonly kind: "randomCrop" })
  | (HorizontalFlipOptions & { readonly kind: "horizontalFlip" })
  | (ShiftOptions & { readonly kind: "shift" })
  | (CutOutOptions & { readonly kind: "cutOut" });

/**
 * Pads the image on all sides, and cuts a piece out of that, anywhere. `randomCrop({ padding: 4 })` moves images about;
 * `randomCrop({ size: 224 })` trains on pieces of larger ones. The model is then one for samples of that size: whatever it is fed, in
 * evaluation and prediction, too, it begins by taking the middle of (see `transformedShape`).
 */
export const randomCrop = (options: RandomCropOptions): TransformSpec => tagged("randomCrop", options, "{ size: 32, padding: 4 }");

/** Mirrors the image, left to right, or leaves it. */
export const horizontalFlip = (options: HorizontalFlipOptions = {}): TransformSpec =>
  tagged("horizontalFlip", options, "{ probability: 0.5 }");

/** Moves the image; what it leaves empty is 0. */
export const shift = (options: ShiftOptions): TransformSpec => tagged("shift", options, "{ x: 2, y: 2 }");

/**
 * Covers a square around any pixel; as much of it as lies within the image. DeVries & Taylor 2017, https://arxiv.org/abs/1708.04552
 */
export const cutOut = (options: CutOutOptions): TransformSpec => tagged("cutOut", options, "{ size: 8 }");

/** More than any image here has. */
const maxPixels = 65_536;

const pixels = (from: number) => {
  const error = `expected a whole number of pixels from ${from} to ${maxPixels}`;
  return z.int({ error }).min(from, { error }).max(maxPixels, { error });
};
const sizeError = `expected a whole number of pixels from 1 to ${maxPixels}, or two of them, [height, width]`;
const probabilityError = "expected a number from 0 (never) to 1 (always)";

const transformSchema = z.discriminatedUnion(
  "kind",
  [
    z
      .strictObject({
        kind: z.literal("randomCrop"),
        size: z.union([pixels(1), z.tuple([pixels(1), pixels(1)])], { error: sizeError }).optional(),
        padding: pixels(1).optional(),
        fill: z.enum(["zero", "edge", "reflect"], { error: 'expected "zero", "edge" or "reflect"' }).optional(),
      })
      .refine(({ size, padding }) => size !== undefined || padding !== undefined, {
        error: "expected a size, a padding, or both: randomCrop({ size: 32, padding: 4 })",
      }),
    z.strictObject({
      kind: z.literal("horizontalFlip"),
      probability: z
        .number({ error: probabilityError })
        .min(0, { error: probabilityError })
        .max(1, { error: probabilityError })
        .optional(),
    }),
    z.strictObject({ kind: z.literal("shift"), x: pixels(0).optional(), y: pixels(0).optional() }),
    z.strictObject({
      kind: z.literal("cutOut"),
      size: pixels(1),
      value: z.number({ error: "expected a number" }).optional(),
    }),
  ],
  { error: "expected randomCrop({ … }), horizontalFlip(), shift({ … }) or cutOut({ … })" },
);

/** More than anybody needs. */
const maxTransforms = 64;

export const transformsSchema: z.ZodType<readonly TransformSpec[], readonly TransformSpec[]> = z
  .array(transformSchema, { error: "expected a list such as [randomCrop({ padding: 4 }), horizontalFlip()]" })
  .max(maxTransforms, { error: `expected at most ${maxTransforms} transforms` });
