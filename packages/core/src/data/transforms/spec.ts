// What a run file says about changing training samples at random. The functions only tag their options; the schemas check them, and
// whoever assembles a training batch carries them out (apply.ts).
import { z } from "zod";
import { tagged } from "../../tagged.ts";

/** What stands where an image had nothing: zeros, its outermost pixels again, or its own mirror image. */
export type Fill = "zero" | "edge" | "reflect";

export interface RandomCropOptions {
  /** Pixels that are added on each of the four sides. */
  readonly padding: number;
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
 * Pads the image on all sides, and cuts a piece of its former size out of that, anywhere. For smaller pieces, see `shift`: an evaluation
 * has to see images of the same size.
 */
export const randomCrop = (options: RandomCropOptions): TransformSpec => tagged("randomCrop", options, "{ padding: 4 }");

/** Mirrors the image, left to right, or leaves it. */
export const horizontalFlip = (options: HorizontalFlipOptions = {}): TransformSpec =>
  tagged("horizontalFlip", options, "{ probability: 0.5 }");

/**
 * Moves the image; what it leaves empty is 0. With `centreCrop(24)` as the model's first layer, `shift({ x: 4, y: 4 })` trains on random
 * pieces of 24 × 24 of images of 32 × 32, all equally likely, and evaluates on their middle.
 */
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
const noSmaller =
  "randomCrop keeps an image's size; for pieces of 24 × 24 of 32 × 32, begin the model with centreCrop(24) and use shift({ x: 4, y: 4 }), half of what is cut off";
const probabilityError = "expected a number from 0 (never) to 1 (always)";

const transformSchema = z.discriminatedUnion(
  "kind",
  [
    z.strictObject({
      kind: z.literal("randomCrop"),
      padding: pixels(1),
      fill: z.enum(["zero", "edge", "reflect"], { error: 'expected "zero", "edge" or "reflect"' }).optional(),
      size: z.never({ error: noSmaller }).optional(),
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
