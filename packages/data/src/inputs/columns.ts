// Which columns of a table make a model's features, from the names that the values of the features have.
import { type DataSpec, elementCount, type FeatureDescription, formatShape } from "@tabgrad/core";
import { listed } from "../nearest.ts";
import type { FeatureColumn } from "../table/features.ts";
import { type Table, tableInvalid } from "../table/table.ts";

/** @throws TabgradError where the table lacks columns */
export function columnsOf(table: Table, { names, shape }: FeatureDescription, data: DataSpec): FeatureColumn[] {
  const elements = elementCount(shape);
  if (!names) {
    // A model that knows no names takes numbers as they stand.
    if (table.names.length === elements) return table.names.map((name) => ({ name }));
    const lists = listColumn(table, data);
    if (lists !== undefined) return [{ name: lists, shape }];
    const message = `a row has ${table.names.length} columns; the model takes ${elements} numbers, of shape ${formatShape(shape)}`;
    throw tableInvalid(table, undefined, message, "Give one column for each number, or one column of lists.");
  }
  const columns: { name: string; kinds?: string[]; shape?: number[] }[] = [];
  for (const name of names) {
    const kind = kindIn(table, name);
    if (!kind) columns.push({ name });
    else if (columns.at(-1)?.name === kind.column && columns.at(-1)?.kinds) columns.at(-1)!.kinds!.push(kind.kind);
    else columns.push({ name: kind.column, kinds: [kind.kind] });
  }
  const missing = columns.filter(({ name }) => !table.names.includes(name)).map(({ name }) => name);
  if (missing.length === 0) return columns;
  throw tableInvalid(
    table,
    undefined,
    `${missing.length === 1 ? "the column" : "the columns"} ${listed(missing)} ${missing.length === 1 ? "is" : "are"} missing; there are ${listed(table.names)}`,
    "Give the columns that the model learned from, under the same names; their order does not matter.",
  );
}

/** The column whose lists are whole samples: the one that the run learned from, or the only one. */
function listColumn({ names, code }: Table, data: DataSpec): string | undefined {
  if (code === "DATA_CSV_INVALID") return undefined;
  const own = "features" in data ? data.features?.[0] : undefined;
  return names.find((name) => name === own) ?? (names.length === 1 ? names[0] : undefined);
}

/** "colour=red" is a kind of the column "colour", unless a column has that very name. */
function kindIn(table: Table, name: string): { column: string; kind: string } | undefined {
  if (table.names.includes(name)) return undefined;
  const ends = [...name].flatMap((character, i) => (character === "=" ? [i] : []));
  const end = ends.find((at) => table.names.includes(name.slice(0, at))) ?? ends[0];
  return end === undefined ? undefined : { column: name.slice(0, end), kind: name.slice(end + 1) };
}
