// A table as its file has it: named columns, rows a batch at a time. What the cells mean is decided elsewhere, the same for all formats.
import { type ErrorCode, TabgradError } from "@tabgrad/core";
import { listed } from "../nearest.ts";

/** The cells of a column. */
export interface Cells {
  /** A text, number, big integer, boolean, date, nothing at all, or a list of numbers, nested where it has several dimensions. */
  at(row: number): unknown;
  /** The number in a cell, as `parseNumber` finds it; NaN where there is none, or a truth value, which names a kind first of all. */
  number(row: number): number;
}

export interface TableBatch {
  readonly rows: number;
  /** By the position of the column in the table; of columns that were not asked for nobody may want cells. */
  readonly columns: readonly Cells[];
  /** Where a row of this batch stands: the file, and the line or the number of the row. */
  place(row: number): string;
}

export interface Table {
  /** The file, for messages. */
  readonly name: string;
  /** What mistakes in it are refused with. */
  readonly code: ErrorCode;
  /** Of the columns, all different. */
  readonly names: readonly string[];
  /** All rows, in order, with at least the columns at these positions. Every call reads anew. */
  batches(columns: readonly number[]): AsyncIterable<TableBatch>;
}

/** A mistake in a table; `where` is the place of a row, if one is to blame. */
export function tableInvalid(
  { name, code }: Pick<Table, "name" | "code">,
  where: string | undefined,
  message: string,
  remedy: string,
): TabgradError {
  return new TabgradError(code, `${where ?? name}: ${message}`, remedy);
}

/** The tables of several files as one, with the columns of the first; others may have theirs in another order. */
export function joined(tables: readonly Table[]): Table {
  const [first] = tables;
  if (tables.length === 1) return first;
  const positions = tables.map((table) =>
    first.names.map((column) => {
      const position = table.names.indexOf(column);
      if (position >= 0) return position;
      throw tableInvalid(
        table,
        undefined,
        `there is no column "${column}", which ${first.name} has; the columns are ${listed(table.names)}`,
        "Files that are read together need the same columns.",
      );
    }),
  );
  return {
    ...first,
    async *batches(columns) {
      for (const [t, table] of tables.entries()) {
        const own = positions[t];
        for await (const batch of table.batches(columns.map((column) => own[column]))) {
          yield { ...batch, columns: own.map((position) => batch.columns[position]), place: (row: number) => batch.place(row) };
        }
      }
    },
  };
}

/** So many cells are kept; with text in them they take about a hundred bytes each. */
const maxRememberedCells = 4_000_000;

/** A table that keeps the rows of its first whole reading if they are few, so that small files are parsed once. */
export function remembered(table: Table): Table {
  let kept: readonly TableBatch[] | undefined;
  let keptColumns: readonly number[] = [];
  return {
    ...table,
    async *batches(columns) {
      if (kept && columns.every((column) => keptColumns.includes(column))) {
        yield* kept;
        return;
      }
      const batches: TableBatch[] = [];
      let cells = 0;
      for await (const batch of table.batches(columns)) {
        cells += batch.rows * columns.length;
        if (cells <= maxRememberedCells) batches.push(batch);
        else batches.length = 0;
        yield batch;
      }
      if (cells > maxRememberedCells) return;
      kept = batches;
      keptColumns = columns;
    },
  };
}
