// What a run file says about its data. `idx(…)` and `csv(…)` only tag their options; the schemas check them, and the coordinator
// reads the files.
import { z } from "zod";

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

/** A pair of IDX files, gzipped or not. Paths are relative to the run file, or `npm:PACKAGE/PATH`. */
export interface IdxFiles {
  /** Samples of any shape: [samples, …]. */
  readonly images: string;
  /** Class indices: [samples]. */
  readonly labels: string;
}

export interface IdxOptions {
  readonly train: IdxFiles;
  /** What to evaluate on: files of their own, or a share of the training files. Default: { fraction: 0.1 }. */
  readonly test?: IdxFiles | HeldOut;
  /** How many classes there are, or their names. Default: as many as the greatest training label asks for. */
  readonly classes?: number | readonly string[];
  /** Default: "unit" for bytes, "none" for everything else. */
  readonly normalise?: Normalisation;
}

/** A column of a CSV file: its name in the header, or its position from 0; -1 is the last one. */
export type CsvColumn = string | number;

export interface CsvOptions {
  /** A CSV file, gzipped or not. Relative to the run file, or `npm:PACKAGE/PATH`. */
  readonly path: string;
  /** The column to learn. Several, where several values are to be learned. */
  readonly label: CsvColumn | readonly CsvColumn[];
  /** The columns to learn from, in the order in which the model sees them. Default: all but the label. */
  readonly features?: readonly CsvColumn[];
  /**
   * Those of the features that name a kind and not an amount: each becomes one value for each name, 1 for the row's own and 0 for the
   * others. Default: the features that are not numbers.
   */
  readonly categorical?: readonly CsvColumn[];
  /** Whether the first line names the columns. Default: true. */
  readonly header?: boolean;
  /** One character. Default: whichever of comma, semicolon, tab and bar the first line has most of. */
  readonly delimiter?: string;
  /** For the numeric columns. Default: "standard". */
  readonly normalise?: Normalisation;
  /** What to evaluate on: a file with the same columns, or a share of the rows. Default: { fraction: 0.1 }. */
  readonly test?: { readonly path: string } | HeldOut;
  /**
   * Whether the label names a class or is a value. Default: classes where the labels are not numbers, or are whole numbers of at most
   * 20 different values; values otherwise.
   */
  readonly task?: "classes" | "values";
  /** The names of the classes, in the order of their indices. Default: all labels that occur, sorted. */
  readonly classes?: readonly string[];
}

export type IdxSpec = IdxOptions & { readonly kind: "idx" };
export type CsvSpec = CsvOptions & { readonly kind: "csv" };
/** The `data` of a run file. */
export type DataSpec = IdxSpec | CsvSpec;

/** The share that is held out where a run file names no `test`. */
export const defaultHeldOut: HeldOut = { fraction: 0.1 };

/** Images (or samples of any other shape) and class labels in IDX files, the format of MNIST. */
export function idx(options: IdxOptions): IdxSpec {
  return { kind: "idx", ...options };
}

/** Rows of a table: numeric and categorical columns, and a label to predict. */
export function csv(options: CsvOptions): CsvSpec {
  return { kind: "csv", ...options };
}

/** More than any model here could have outputs: a number above it is a mistake. */
const maxClasses = 1_000_000;

const path = z
  .string({ error: 'expected a path: relative to the run file, or "npm:PACKAGE/PATH"' })
  .min(1, { error: 'the path is empty; expected one relative to the run file, or "npm:PACKAGE/PATH"' });

const heldOut = z.strictObject({
  fraction: z
    .number({ error: "expected a number from 0 (hold out nothing) to less than 1" })
    .min(0, { error: "expected at least 0 (hold out nothing)" })
    .lt(1, { error: "expected less than 1: something has to be left to train on" }),
});

const idxFiles = z.strictObject({ images: path, labels: path }, { error: missing("{ images, labels }, two paths of IDX files") });

const normalise = z.enum(["unit", "standard", "none"], { error: 'expected "unit", "standard" or "none"' });

const names = z
  .array(z.string({ error: "expected the name of a class" }), { error: "expected a list of class names" })
  .min(2, { error: "expected at least two classes" })
  .max(maxClasses, { error: `expected at most ${maxClasses} classes` })
  .refine((list) => new Set(list).size === list.length, { error: "two classes have the same name" });

const classCount = z
  .number()
  .int({ error: "expected a whole number of classes" })
  .min(2, { error: "expected at least two classes" })
  .max(maxClasses, { error: `expected at most ${maxClasses} classes` });

const column = z.union([z.string().min(1), z.number().int()], {
  error: "expected a column: its name in the header, or its position from 0 (-1 is the last one)",
});

const columns = z.array(column, { error: "expected a list of columns, each a name or a position from 0" });

/** zod's own message for an object that is no object; unknown keys keep their message, which names them. */
function missing(expected: string): (issue: { code?: string }) => string | undefined {
  return (issue) => (issue.code === "invalid_type" ? `expected ${expected}` : undefined);
}

/** The two forms of `test`, told apart by the presence of `fraction`, so that a message speaks of the form that was meant. */
function testOr<Files extends z.ZodType>(files: Files): z.ZodType<z.output<Files> | HeldOut> {
  return z.unknown().transform((value, context) => {
    const isShare = typeof value === "object" && value !== null && "fraction" in value;
    const parsed = (isShare ? heldOut : files).safeParse(value);
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues) context.issues.push({ ...issue, input: value } as never);
    return z.NEVER;
  });
}

/** Checks the options of `idx(…)`. */
export const idxSpecSchema = z.strictObject({
  kind: z.literal("idx"),
  train: idxFiles,
  test: testOr(idxFiles).optional(),
  classes: z
    .union([classCount, names], { error: "expected the number of classes (at least 2), or a list of their names, all different" })
    .optional(),
  normalise: normalise.optional(),
}) satisfies z.ZodType<IdxSpec>;

/** Checks the options of `csv(…)`. */
export const csvSpecSchema = z
  .strictObject({
    kind: z.literal("csv"),
    path,
    label: z.union([column, columns.min(1, { error: "expected at least one column to learn" })], {
      error: "expected the column to learn: its name in the header, or its position from 0 (-1 is the last one)",
    }),
    features: columns.min(1, { error: "expected at least one column to learn from" }).optional(),
    categorical: columns.optional(),
    header: z.boolean({ error: "expected true (the first line names the columns) or false" }).optional(),
    delimiter: z
      .string({ error: "expected one character" })
      .length(1, { error: "expected one character" })
      .refine((character) => !'"\r\n'.includes(character), { error: "expected a character other than a quote or a line break" })
      .optional(),
    normalise: normalise.optional(),
    test: testOr(z.strictObject({ path }, { error: missing("{ path } or { fraction }") })).optional(),
    task: z.enum(["classes", "values"], { error: 'expected "classes" or "values"' }).optional(),
    classes: names.optional(),
  })
  .superRefine(({ task, classes, label }, context) => {
    if (task === "values" && classes) {
      context.addIssue({
        code: "custom",
        path: ["classes"],
        message: 'there are no classes where task is "values": leave one of the two out',
      });
    }
    if (Array.isArray(label) && label.length > 1 && (task === "classes" || classes)) {
      context.addIssue({
        code: "custom",
        path: ["label"],
        message: "several labels are values: expected one column where there are classes",
      });
    }
  }) satisfies z.ZodType<CsvSpec>;

/** Checks the `data` of a run file. */
export const dataSpecSchema = z.discriminatedUnion("kind", [idxSpecSchema, csvSpecSchema], {
  error: "expected data made by idx({ … }) or csv({ … })",
});
