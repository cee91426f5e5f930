// What a run file says about the rows of a table, whatever the format: CSV, JSON lines, Parquet or Arrow.
import { z } from "zod";
import { tagged } from "../../tagged.ts";
import { classNames, type HeldOut, type Normalisation, normalise, type Paths, paths, task, testPath } from "./common.ts";

/** A column: its name, or its position from 0; -1 is the last one. A field within a field of JSON lines is `outer.inner`. */
export type Column = string | number;

export interface TableOptions {
  readonly path: Paths;
  /** The column to learn. Several, where several values are to be learned. */
  readonly label: Column | readonly Column[];
  /**
   * The columns to learn from, in the order in which the model sees them. Default: all but the label. A column of lists, all of one
   * shape, gives that many values.
   */
  readonly features?: readonly Column[];
  /**
   * Those of the features that name a kind and not an amount: each becomes one value for each name, 1 for the row's own and 0 for the
   * others. Default: the features that are not numbers.
   */
  readonly categorical?: readonly Column[];
  /** For the numeric columns. Default: "standard". */
  readonly normalise?: Normalisation;
  /** What to do with a row that lacks a value: refuse the data, or leave the row out. Default: "refuse". */
  readonly missing?: "refuse" | "skip";
  /** What to evaluate on: files with the same columns, or a share of the rows. Default: { fraction: 0.1 }. */
  readonly test?: { readonly path: Paths } | HeldOut;
  /**
   * Whether the label names a class or is a value. Default: classes where the labels are not numbers, or are whole numbers of at most
   * 20 different values; values otherwise.
   */
  readonly task?: "classes" | "values";
  /** The names of the classes, in the order of their indices. Default: all labels that occur, sorted. */
  readonly classes?: readonly string[];
}

export interface CsvOptions extends TableOptions {
  /** Whether the first line of each file names the columns. Default: true. */
  readonly header?: boolean;
  /** One character. Default: whichever of comma, semicolon, tab and bar the first line has most of. */
  readonly delimiter?: string;
}

export type CsvSpec = CsvOptions & { readonly kind: "csv" };
export type JsonLinesSpec = TableOptions & { readonly kind: "jsonLines" };
export type ParquetSpec = TableOptions & { readonly kind: "parquet" };
export type ArrowSpec = TableOptions & { readonly kind: "arrow" };
export type TableSpec = CsvSpec | JsonLinesSpec | ParquetSpec | ArrowSpec;

/** Rows of a text file, its cells parted by commas, tabs, semicolons or another character. */
export function csv(options: CsvOptions): CsvSpec {
  return tagged("csv", options, '{ path: "data.csv", label: "kind" }');
}

/** Rows of a text file, each line a JSON object. */
export function jsonLines(options: TableOptions): JsonLinesSpec {
  return tagged("jsonLines", options, '{ path: "data.jsonl", label: "kind" }');
}

/** Rows of a Parquet file. */
export function parquet(options: TableOptions): ParquetSpec {
  return tagged("parquet", options, '{ path: "data.parquet", label: "kind" }');
}

/** Rows of an Arrow (Feather) file, or of an Arrow stream that was kept in a file. */
export function arrow(options: TableOptions): ArrowSpec {
  return tagged("arrow", options, '{ path: "data.arrow", label: "kind" }');
}

const column = z.union([z.string().min(1), z.number().int()], {
  error: "expected a column: its name in the header, or its position from 0 (-1 is the last one)",
});

const columns = z.array(column, { error: "expected a list of columns, each a name or a position from 0" });

const table = {
  path: paths,
  label: z.union([column, columns.min(1, { error: "expected at least one column to learn" })], {
    error: "expected the column to learn: its name in the header, or its position from 0 (-1 is the last one)",
  }),
  features: columns.min(1, { error: "expected at least one column to learn from" }).optional(),
  categorical: columns.optional(),
  normalise: normalise.optional(),
  missing: z.enum(["refuse", "skip"], { error: 'expected "refuse" or "skip"' }).optional(),
  test: testPath.optional(),
  task: task.optional(),
  classes: classNames.optional(),
};

const delimiter = z
  .string({ error: "expected one character" })
  .length(1, { error: "expected one character" })
  .refine((character) => !'"\r\n'.includes(character), { error: "expected a character other than a quote or a line break" });

/** What contradicts itself about the label. */
function checkLabel({ task, classes, label }: Pick<TableOptions, "task" | "classes" | "label">, context: z.RefinementCtx): void {
  const complain = (path: string, message: string): void => context.addIssue({ code: "custom", path: [path], message });
  if (task === "values" && classes) complain("classes", 'there are no classes where task is "values": leave one of the two out');
  if (Array.isArray(label) && label.length > 1 && (task === "classes" || classes)) {
    complain("label", "several labels are values: expected one column where there are classes");
  }
}

/** Checks the options of `csv(…)`. */
export const csvSpecSchema = z
  .strictObject({
    kind: z.literal("csv"),
    ...table,
    header: z.boolean({ error: "expected true (the first line names the columns) or false" }).optional(),
    delimiter: delimiter.optional(),
  })
  .superRefine(checkLabel) satisfies z.ZodType<CsvSpec>;

/** Checks the options of `jsonLines(…)`. */
export const jsonLinesSpecSchema = z
  .strictObject({ kind: z.literal("jsonLines"), ...table })
  .superRefine(checkLabel) satisfies z.ZodType<JsonLinesSpec>;

/** Checks the options of `parquet(…)`. */
export const parquetSpecSchema = z
  .strictObject({ kind: z.literal("parquet"), ...table })
  .superRefine(checkLabel) satisfies z.ZodType<ParquetSpec>;

/** Checks the options of `arrow(…)`. */
export const arrowSpecSchema = z
  .strictObject({ kind: z.literal("arrow"), ...table })
  .superRefine(checkLabel) satisfies z.ZodType<ArrowSpec>;
