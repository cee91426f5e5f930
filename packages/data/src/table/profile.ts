// What a column holds, found in one pass over its table: enough to tell numbers from kinds and classes from values.
import { isEmpty, isList, isMissingNumber, parseNumber, shapeOf, textOf } from "./cells.ts";
import type { Table } from "./table.ts";

export interface ColumnProfile {
  /** Cells that are numbers, those that are other texts, and those that have nothing in them; a missing number is none of these. */
  numbers: number;
  texts: number;
  empty: number;
  /** Whether all numbers are whole. */
  whole: boolean;
  /** Every different text, as it stands; incomplete where there are more than `maxNames`. */
  readonly names: Set<string>;
  readonly maxNames: number;
  /** The shape of the first list, where there are lists. */
  shape?: readonly number[];
}

export interface TableProfile {
  readonly rows: number;
  /** By the position of the column. */
  readonly columns: ReadonlyMap<number, ColumnProfile>;
}

/**
 * More of its cells are numbers than are other texts, not counting what is missing. So one slip of the pen in a column of numbers stays
 * a mistake to report, and does not turn the column into kinds.
 */
export const looksNumeric = ({ numbers, texts }: ColumnProfile): boolean => (numbers > 0 ? numbers > texts : texts === 0);

function look(profile: ColumnProfile, cells: ArrayLike<unknown>, rows: number): void {
  const { names, maxNames } = profile;
  for (let row = 0; row < rows; row += 1) {
    const cell = cells[row];
    if (isList(cell)) {
      profile.shape ??= shapeOf(cell);
      continue;
    }
    // Booleans name kinds.
    const value = typeof cell === "boolean" ? undefined : parseNumber(cell);
    if (value !== undefined) {
      profile.numbers += 1;
      if (profile.whole && !Number.isInteger(value)) profile.whole = false;
    } else if (!isMissingNumber(cell)) profile.texts += 1;
    if (isEmpty(cell)) profile.empty += 1;
    else if (names.size <= maxNames) {
      const name = textOf(cell);
      // A text cut out of another one may hold on to all of that.
      if (!names.has(name)) names.add(Buffer.from(name).toString());
    }
  }
}

/** Reads a table once. `columns`: those to look at, each with how many different texts of it to keep. */
export async function profileTable(table: Table, columns: ReadonlyMap<number, number>): Promise<TableProfile> {
  const profiles = new Map<number, ColumnProfile>();
  for (const [column, maxNames] of columns)
    profiles.set(column, { numbers: 0, texts: 0, empty: 0, whole: true, names: new Set(), maxNames });
  let rows = 0;
  for await (const batch of table.batches([...columns.keys()])) {
    for (const [column, profile] of profiles) look(profile, batch.columns[column], batch.rows);
    rows += batch.rows;
  }
  return { rows, columns: profiles };
}
