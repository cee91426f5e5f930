// What the options of all readers have in common: where files are, what is held out, how features are scaled; and how these are checked.
import { z } from "zod";
import { closest, unknownField } from "../../closest.ts";

/**
 * Files of data, read one after another: a path relative to the run file, a pattern such as `data/*.csv` (sorted by name),
 * `npm:PACKAGE/PATH`, an http or https address, or a list of these. gzip is unpacked.
 */
export type Paths = string | readonly string[];

/**
 * How the model scales the features before its first layer.
 * - "unit": to 0…1. Bytes are divided by 255, other values mapped by the least and greatest of the training samples.
 * - "standard": to mean 0 and standard deviation 1, both taken from the training samples only.
 * - "none": not at all.
 */
export type Normalisation = "unit" | "standard" | "none";

/** A share of the samples to hold out for evaluation, chosen by the run's seed: at least 0 (none) and less than 1. */
export interface HeldOut {
  readonly fraction: number;
}

/** The share that is held out where a run file names no `test`. */
export const defaultHeldOut: HeldOut = { fraction: 0.1 };

/** More than any model here could have outputs: a number above it is a mistake. */
export const maxClasses = 1_000_000;

const kindsOfPath = 'a path relative to the run file, a pattern such as "data/*.csv", "npm:PACKAGE/PATH", or an http(s) address';

export const path = z.string({ error: `expected ${kindsOfPath}` }).min(1, { error: `the path is empty; expected ${kindsOfPath}` });

export const paths = z.union([path, z.array(path).min(1, { error: "the list is empty; expected one path at least" })], {
  error: `expected ${kindsOfPath}, or a list of these`,
});

const heldOut = z.strictObject({
  fraction: z
    .number({ error: "expected a number from 0 (hold out nothing) to less than 1" })
    .min(0, { error: "expected at least 0 (hold out nothing)" })
    .lt(1, { error: "expected less than 1: something has to be left to train on" }),
});

export const normalise = z.enum(["unit", "standard", "none"], { error: 'expected "unit", "standard" or "none"' });

export const task = z.enum(["classes", "values"], { error: 'expected "classes" or "values"' });

export const classNames = z
  .array(z.string({ error: "expected the name of a class" }), { error: "expected a list of class names" })
  .min(2, { error: "expected at least two classes" })
  .max(maxClasses, { error: `expected at most ${maxClasses} classes` })
  .refine((list) => new Set(list).size === list.length, { error: "two classes have the same name" });

const classCount = z
  .number()
  .int({ error: "expected a whole number of classes" })
  .min(2, { error: "expected at least two classes" })
  .max(maxClasses, { error: `expected at most ${maxClasses} classes` });

export const classes = z.union([classCount, classNames], {
  error: "expected the number of classes (at least 2), or a list of their names, all different",
});

/** zod's own message for an object that is no object; unknown keys keep their message, which names them. */
export function missing(expected: string): (issue: { code?: string }) => string | undefined {
  return (issue) => (issue.code === "invalid_type" ? `expected ${expected}` : undefined);
}

/** The two forms of `test`, told apart by the fields that are there, so that a message speaks of the form that was meant. */
export function testOr<Files extends z.ZodObject>(files: Files): z.ZodType<z.output<Files> | HeldOut> {
  return z.unknown().transform((value, context) => {
    const fields = [...Object.keys(files.shape), "fraction"];
    const keys = typeof value === "object" && value !== null ? Object.keys(value) : [];
    const form = keys.some((key) => closest(key, fields) === "fraction") ? heldOut : files;
    const parsed = form.safeParse(value);
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues) {
      if (issue.code !== "unrecognized_keys") context.issues.push({ ...issue, input: value } as never);
      else
        for (const key of issue.keys)
          context.addIssue({ code: "custom", path: [key], message: unknownField(key, form === files ? fields : ["fraction"]) });
    }
    return z.NEVER;
  });
}

/** A `test` of files of their own, or a share of the others. */
export const testPath = testOr(z.strictObject({ path: paths }, { error: missing("{ path } or { fraction }") }));

/** A whole number from 1 to `most`. */
export const size = (most: number): z.ZodNumber => {
  const error = `expected a whole number from 1 to ${most}`;
  return z.number({ error }).int({ error }).min(1, { error }).max(most, { error });
};
