// What the cells of a CSV column mean: numbers, names of kinds, or nothing at all.
import type { CsvColumn, TabgradError } from "@tabgrad/core";
import { csvInvalid, type CsvTable } from "./csv.ts";
import { listed, nearest } from "./nearest.ts";

/** What people write into a numeric column where they have no number. An empty cell is missing in every column. */
const missingWord = /^(n\/?a|nan|null|none|nil|missing|\?|-+|\.)$/i;

/** The number in a cell, undefined where it holds none. A decimal point, no digit grouping; what float32 cannot hold is none. */
export function parseNumber(cell: string): number | undefined {
  if (cell === "" || /^[+-]?0[xob]/i.test(cell)) return undefined;
  const value = Number(cell);
  return Number.isFinite(Math.fround(value)) ? value : undefined;
}

/** The position of a column. `role` says what it is for, in a message. */
export function resolveColumn({ path, names }: CsvTable, column: CsvColumn, role: string): number {
  const position = typeof column === "number" ? (column < 0 ? names.length + column : column) : names.indexOf(column);
  if (position >= 0 && position < names.length) return position;
  const similar = typeof column === "string" ? nearest(column, names) : [];
  throw csvInvalid(
    path,
    undefined,
    `there is no column ${JSON.stringify(column)} (${role}); the ${names.length} columns are ${listed(names)}`,
    similar.length > 0
      ? `Did you mean ${similar.map((name) => `"${name}"`).join(" or ")}?`
      : 'Name one of these columns; if they look like data and not like names, say "header: false" and give positions.',
  );
}

function cellInvalid(table: CsvTable, row: number, column: number, what: string, remedy: string): TabgradError {
  return csvInvalid(table.path, table.lines[row], `column "${table.names[column]}" ${what}`, remedy);
}

function missing(table: CsvTable, row: number, column: number): TabgradError {
  const cell = table.columns[column][row];
  return cellInvalid(
    table,
    row,
    column,
    cell === "" ? "is empty: the value is missing" : `holds "${cell}": the value is missing`,
    'Fill the value in, remove the row, or leave the column out with "features". tabgrad does not guess values.',
  );
}

/** The number in a cell of a numeric column. */
export function numberAt(table: CsvTable, row: number, column: number): number {
  const cell = table.columns[column][row];
  const value = parseNumber(cell);
  if (value !== undefined) return value;
  if (cell === "" || missingWord.test(cell)) throw missing(table, row, column);
  const remedy = 'Correct it (a decimal point, no thousands separators), or list the column under "categorical" if it names kinds.';
  throw cellInvalid(table, row, column, `holds "${cell}"; expected a number that float32 can hold`, remedy);
}

/** The text in a cell of a column that names kinds. */
export function textAt(table: CsvTable, row: number, column: number): string {
  const cell = table.columns[column][row];
  if (cell === "") throw missing(table, row, column);
  return cell;
}

/**
 * Whether a column is meant to hold numbers: more of its cells are numbers than are other texts, not counting what is missing. So one
 * slip of the pen in a column of numbers stays a mistake to report, and does not turn the column into kinds.
 */
export function looksNumeric(cells: readonly string[]): boolean {
  let numbers = 0;
  let texts = 0;
  for (const cell of cells) {
    if (parseNumber(cell) !== undefined) numbers += 1;
    else if (cell !== "" && !missingWord.test(cell)) texts += 1;
  }
  return numbers > 0 ? numbers > texts : texts === 0;
}

/** Each name once, in an order that does not depend on the rows': by value where all are numbers, by code point otherwise. */
export function sortedNames(names: Iterable<string>): string[] {
  const different = [...new Set(names)];
  if (different.every((name) => parseNumber(name) !== undefined)) return different.sort((a, b) => Number(a) - Number(b));
  return different.sort((a, b) => (a < b ? -1 : 1));
}

/** A name that is not among those known, in a cell. */
export function unknownName(table: CsvTable, row: number, column: number, known: readonly string[], remedy: string): TabgradError {
  return cellInvalid(table, row, column, `holds "${table.columns[column][row]}"; expected one of ${listed(known)}`, remedy);
}
