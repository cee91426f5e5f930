// What the cells of a column mean: numbers, names of kinds, lists of numbers, or nothing at all.
import type { Column, TabgradError } from "@tabgrad/core";
import { listed, nearest } from "../nearest.ts";
import { type Cells, type Table, type TableBatch, tableInvalid } from "./table.ts";

/** What people write into a numeric column where they have no number. An empty cell is missing in every column. */
const missingWord = /^(n\/?a|nan|null|none|nil|missing|\?|-+|\.)$/i;

/** One cell, with what a message about it needs. */
export interface CellPlace {
  readonly table: Table;
  readonly batch: TableBatch;
  readonly row: number;
  /** The column's position. */
  readonly column: number;
}

export const cellAt = ({ batch, row, column }: CellPlace): unknown => batch.columns[column].at(row);

/** The number in a cell, undefined where it holds none. A decimal point, no digit grouping; what float32 cannot hold is none. */
export function parseNumber(cell: unknown): number | undefined {
  if (typeof cell === "string" && (cell === "" || /^[+-]?0[xob]/i.test(cell))) return undefined;
  const isNumber = typeof cell === "number" || typeof cell === "string" || typeof cell === "bigint" || typeof cell === "boolean";
  const value = isNumber ? Number(cell) : Number.NaN;
  return Number.isFinite(Math.fround(value)) ? value : undefined;
}

/** Values that are there already, as cells. */
export class ListedCells implements Cells {
  readonly #values: ArrayLike<unknown>;

  constructor(values: ArrayLike<unknown>) {
    this.#values = values;
  }

  at(row: number): unknown {
    return this.#values[row];
  }

  number(row: number): number {
    const cell = this.#values[row];
    return typeof cell === "boolean" ? Number.NaN : (parseNumber(cell) ?? Number.NaN);
  }
}

/** Whether nothing is in a cell, in a column of any kind. */
export const isEmpty = (cell: unknown): boolean => cell === "" || cell === null || cell === undefined || Number.isNaN(cell);

/** Whether nothing is in a cell of a column of numbers. */
export const isMissingNumber = (cell: unknown): boolean => isEmpty(cell) || (typeof cell === "string" && missingWord.test(cell));

/** A cell as the name of a kind. */
export function textOf(cell: unknown): string {
  if (typeof cell === "string") return cell;
  if (cell instanceof Date) return Number.isNaN(cell.getTime()) ? "invalid date" : cell.toISOString();
  const isPlain = typeof cell === "number" || typeof cell === "bigint" || typeof cell === "boolean";
  return isPlain ? String(cell) : (JSON.stringify(cell) ?? "nothing");
}

/** The position of a column. `role` says what it is for, in a message. */
export function resolveColumn(table: Pick<Table, "name" | "code" | "names">, column: Column, role: string): number {
  const { names } = table;
  const position = typeof column === "number" ? (column < 0 ? names.length + column : column) : names.indexOf(column);
  if (position >= 0 && position < names.length) return position;
  const similar = typeof column === "string" ? nearest(column, names) : [];
  throw tableInvalid(
    table,
    undefined,
    `there is no column ${JSON.stringify(column)} (${role}); the ${names.length === 1 ? "only column is" : `${names.length} columns are`} ${listed(names)}`,
    similar.length > 0
      ? `Did you mean ${similar.map((name) => `"${name}"`).join(" or ")}?`
      : table.code === "DATA_CSV_INVALID"
        ? 'Name one of these columns; if they look like data and not like names, say "header: false" and give positions.'
        : "Name one of these columns.",
  );
}

/**
 * Numbers with a decimal comma are not read, and are no kinds either.
 * @param names what the column holds
 * @throws TabgradError where all of its texts are such numbers
 */
export function checkDecimalCommas(table: Table, column: number, names: Iterable<string>, remedy: string): void {
  const texts = [...names].filter((name) => parseNumber(name) === undefined && !isMissingNumber(name));
  if (texts.length === 0 || !texts.every((text) => /^[+-]?\d[\d.\s]*,\d+$/.test(text))) return;
  const message = `column "${table.names[column]}" holds ${quoted(texts[0])}; expected a decimal point, as in "${texts[0].replace(",", ".")}"`;
  throw tableInvalid(table, undefined, message, remedy);
}

/** A mistake in a cell. */
export function cellInvalid({ table, batch, row, column }: CellPlace, what: string, remedy: string): TabgradError {
  return tableInvalid(table, batch.place(row), `column "${table.names[column]}" ${what}`, remedy);
}

const quoted = (cell: unknown): string => `"${textOf(cell).slice(0, 100)}"`;

/** What to do about a cell that is not what its column is taken for. */
export interface CellRemedies {
  readonly missing: string;
  readonly notANumber: string;
}

export const cellRemedies: CellRemedies = {
  missing:
    'Fill the value in, leave the column out with "features", or leave such rows out with missing: "skip". tabgrad does not guess values.',
  notANumber: 'Correct it (a decimal point, no thousands separators), or list the column under "categorical" if it names kinds.',
};

function missing(place: CellPlace, remedies: CellRemedies): TabgradError {
  const cell = cellAt(place);
  return cellInvalid(
    place,
    isEmpty(cell) ? "is empty: the value is missing" : `holds ${quoted(cell)}: the value is missing`,
    remedies.missing,
  );
}

/** The number in a cell of a numeric column. */
export function numberAt(place: CellPlace, remedies = cellRemedies): number {
  const cell = cellAt(place);
  const value = parseNumber(cell);
  if (value !== undefined) return value;
  if (isMissingNumber(cell)) throw missing(place, remedies);
  throw cellInvalid(place, `holds ${quoted(cell)}; expected a number that float32 can hold`, remedies.notANumber);
}

/** The text in a cell of a column that names kinds. */
export function textAt(place: CellPlace, remedies = cellRemedies): string {
  const cell = cellAt(place);
  if (isEmpty(cell)) throw missing(place, remedies);
  return textOf(cell);
}

export const isList = (cell: unknown): cell is ArrayLike<unknown> =>
  Array.isArray(cell) || (ArrayBuffer.isView(cell) && !(cell instanceof DataView));

/** The shape of a list, by its first elements. */
export function shapeOf(list: ArrayLike<unknown>): number[] {
  return [list.length, ...(isList(list[0]) ? shapeOf(list[0]) : [])];
}

/** Writes the numbers in a cell of lists to `target` from `offset` on. @throws TabgradError where it is no list of this shape. */
export function listAt(
  place: CellPlace,
  shape: readonly number[],
  target: Float32Array,
  offset: number,
  remedies = cellRemedies,
): void {
  const cell = cellAt(place);
  if (isEmpty(cell)) throw missing(place, remedies);
  const came = isList(cell) ? `a list of shape [${shapeOf(cell).join(", ")}]` : quoted(cell);
  const wrong = (): TabgradError =>
    cellInvalid(
      place,
      `holds ${came}; expected a list of shape [${shape.join(", ")}], as the first row has`,
      "Make all lists alike.",
    );
  let next = offset;
  const copy = (list: unknown, depth: number): void => {
    if (!isList(list) || list.length !== shape[depth]) throw wrong();
    for (let i = 0; i < list.length; i += 1) {
      if (depth + 1 < shape.length) {
        copy(list[i], depth + 1);
        continue;
      }
      const value = parseNumber(list[i]);
      if (value === undefined) {
        const what = `holds ${quoted(list[i])} at position ${next - offset} of its list; expected a number that float32 can hold`;
        throw cellInvalid(place, what, "Correct the value.");
      }
      target[next] = value;
      next += 1;
    }
  };
  copy(cell, 0);
}

/** Each name once, in an order that does not depend on the rows': by value where all are numbers, by code point otherwise. */
export function sortedNames(names: Iterable<string>): string[] {
  const different = [...new Set(names)];
  if (different.every((name) => parseNumber(name) !== undefined)) return different.sort((a, b) => Number(a) - Number(b));
  return different.sort((a, b) => (a < b ? -1 : 1));
}

/** A name that is not among those known, in a cell. */
export function unknownName(place: CellPlace, known: readonly string[]): string {
  return `${place.batch.place(place.row)}: column "${place.table.names[place.column]}" holds ${quoted(cellAt(place))}; expected one of ${listed(known)}`;
}
