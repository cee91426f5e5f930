// What a run file says about a folder of images, sorted into folders by class.
import { z } from "zod";
import { tagged } from "../../tagged.ts";
import { classNames, type HeldOut, missing, type Normalisation, normalise, path, size, testOr } from "./common.ts";

export interface ImageFolderOptions {
  /** A folder that holds one folder for each class, named like it, with PNG and JPEG files at any depth. Relative to the run file. */
  readonly path: string;
  /** What to evaluate on: a folder of the same classes, or a share of the images. Default: { fraction: 0.1 }. */
  readonly test?: { readonly path: string } | HeldOut;
  /** Height and width that images are brought to; one number for both. Default: all images must have the same size. */
  readonly size?: number | readonly [height: number, width: number];
  /**
   * How: "crop" keeps proportions, fills the size and cuts off what juts out, equally on both sides; "pad" keeps proportions, too, and
   * fills the rest with black; "stretch" does not keep them. Default: "crop".
   */
  readonly fit?: "crop" | "pad" | "stretch";
  /** 3 for red, green and blue, 1 for grey. What is transparent becomes black. Default: 3. */
  readonly channels?: 1 | 3;
  /** The classes, in the order of their indices. Default: the names of the folders, sorted. */
  readonly classes?: readonly string[];
  /** Default: "unit". */
  readonly normalise?: Normalisation;
}

export type ImageFolderSpec = ImageFolderOptions & { readonly kind: "imageFolder" };

/** Images in folders, one for each class. A sample is [channels, height, width], bytes. */
export function imageFolder(options: ImageFolderOptions): ImageFolderSpec {
  return tagged("imageFolder", options, '{ path: "photos" }');
}

const side = size(16_384);

/** Checks the options of `imageFolder(…)`. */
export const imageFolderSpecSchema = z.strictObject({
  kind: z.literal("imageFolder"),
  path,
  test: testOr(z.strictObject({ path }, { error: missing("{ path } or { fraction }") })).optional(),
  size: z.union([side, z.tuple([side, side])], { error: "expected a number of pixels, or [height, width]" }).optional(),
  fit: z.enum(["crop", "pad", "stretch"], { error: 'expected "crop", "pad" or "stretch"' }).optional(),
  channels: z.union([z.literal(1), z.literal(3)], { error: "expected 1 (grey) or 3 (colour)" }).optional(),
  classes: classNames.optional(),
  normalise: normalise.optional(),
}) satisfies z.ZodType<ImageFolderSpec>;
