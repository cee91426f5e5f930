// What a column holds, found by looking through its table: enough to tell numbers from kinds and classes from values.
import { isEmpty, isList, isMissingNumber, shapeOf, textOf } from "./cells.ts";
import type { Cells, Table } from "./table.ts";

/** Which texts of a column to keep. */
export interface WantedNames {
  readonly most: number;
  /** Whether those that are numbers, too: most columns of numbers name nothing. Where a column turns out to hold names, all are kept. */
  readonly numbers: boolean;
}

export interface ColumnProfile {
  /** Cells that are numbers, those that are other texts, and those that have nothing in them; a missing number is none of these. */
  numbers: number;
  texts: number;
  empty: number;
  /** Whether all numbers are whole. */
  whole: boolean;
  /** Every different text, as it stands; incomplete where there are more than wanted, and without numbers where those are not. */
  readonly names: Set<string>;
  readonly wanted: WantedNames;
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

function look(profile: ColumnProfile, cells: Cells, rows: number): void {
  for (let row = 0; row < rows; row += 1) {
    const value = cells.number(row);
    if (!Number.isNaN(value)) {
      profile.numbers += 1;
      if (profile.whole && !Number.isInteger(value)) profile.whole = false;
      if (profile.wanted.numbers) keepName(profile, cells.at(row));
      continue;
    }
    const cell = cells.at(row);
    if (isList(cell)) {
      profile.shape ??= shapeOf(cell);
      continue;
    }
    if (!isMissingNumber(cell)) profile.texts += 1;
    if (isEmpty(cell)) profile.empty += 1;
    else keepName(profile, cell);
  }
}

function keepName({ names, wanted }: ColumnProfile, cell: unknown): void {
  if (names.size > wanted.most) return;
  const name = textOf(cell);
  // A text cut out of another one may hold on to all of that.
  if (!names.has(name)) names.add(Buffer.from(name).toString());
}

/** Reads a table once, and once more where numbers turn out to be names. `columns`: those to look at. */
export async function profileTable(table: Table, columns: ReadonlyMap<number, WantedNames>): Promise<TableProfile> {
  const profiles = new Map<number, ColumnProfile>();
  for (const [column, wanted] of columns)
    profiles.set(column, { numbers: 0, texts: 0, empty: 0, whole: true, names: new Set(), wanted });
  let rows = 0;
  for await (const batch of table.batches([...columns.keys()])) {
    for (const [column, profile] of profiles) look(profile, batch.columns[column], batch.rows);
    rows += batch.rows;
  }
  const lacking = [...profiles].filter(([, each]) => !each.wanted.numbers && each.numbers > 0 && !looksNumeric(each));
  if (lacking.length === 0) return { rows, columns: profiles };
  const all = new Map(lacking.map(([column, { wanted }]) => [column, { ...wanted, numbers: true }]));
  return { rows, columns: new Map([...profiles, ...(await profileTable(table, all)).columns]) };
}
