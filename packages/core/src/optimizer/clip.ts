// Clipping: what a step makes of a gradient that is too long, or has values that are too large.
import { z } from "zod";
import { positive } from "./settings.ts";

/**
 * - `norm`: a mean gradient that is longer is shortened to this length: g ← g · min(1, norm / ‖g‖), with the norm over all parameters
 *   that are trained. Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent neural networks", algorithm 1.
 * - `value`: each value of the mean gradient is moved into [−value, value].
 */
export type Clip = { readonly norm: number } | { readonly value: number };

const error = "expected { norm: N } or { value: N }";

/** Checks the `clip` of a run file. */
export const clipSchema = z
  .strictObject(
    { norm: positive.optional(), value: positive.optional() },
    { error: (issue) => (issue.code === "invalid_type" ? error : undefined) },
  )
  .refine((clip) => Object.keys(clip).length === 1, { error }) as unknown as z.ZodType<Clip, Clip>;

/** What the gradient is multiplied with before the step. @param norm of the mean gradient; finite */
export const clipScale = (clip: Clip | undefined, norm: number): number =>
  clip && "norm" in clip && norm > clip.norm ? clip.norm / norm : 1;
