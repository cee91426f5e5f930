// The feature columns of a CSV file: which there are, which of them are numbers and which name kinds, and their values as one array.
import type { CsvSpec } from "@tabgrad/core";
import { csvInvalid, type CsvTable } from "./csv.ts";
import { looksNumeric, numberAt, resolveColumn, sortedNames, textAt, unknownName } from "./csv-cells.ts";

/** A column of text with more different texts than this is not taken for kinds unless the run file says so: it is rather a key. */
const maxUnaskedKinds = 100;

/** The most values of a table, 2 GiB of float32. */
const maxValues = 2 ** 29;

/** A column of the table and what becomes of it: a number, or one value for each kind. */
export interface FeatureColumn {
  readonly name: string;
  /** Absent for a column of numbers. */
  readonly kinds?: readonly string[];
}

function pickColumns(table: CsvTable, spec: CsvSpec, labels: readonly number[]): number[] {
  const features = spec.features?.map((column) => resolveColumn(table, column, "features"));
  if (!features) {
    const rest = table.names.map((_, c) => c).filter((c) => !labels.includes(c));
    if (rest.length > 0) return rest;
    throw csvInvalid(table.path, undefined, "there is no column but the label", "Add columns to learn from.");
  }
  const twice = features.find((c, i) => features.indexOf(c) !== i);
  const label = features.find((c) => labels.includes(c));
  if (label !== undefined) {
    const remedy = 'Take it out of "features": a model that sees the label learns nothing else.';
    throw csvInvalid(table.path, undefined, `column "${table.names[label]}" is both a label and a feature`, remedy);
  }
  if (twice !== undefined) {
    throw csvInvalid(table.path, undefined, `column "${table.names[twice]}" is in "features" twice`, "List every column once.");
  }
  return features;
}

function kindsOf(table: CsvTable, column: number, asked: boolean): string[] {
  const kinds = sortedNames(table.columns[column].map((_, row) => textAt(table, row, column)));
  if (asked || kinds.length <= maxUnaskedKinds) return kinds;
  throw csvInvalid(
    table.path,
    undefined,
    `column "${table.names[column]}" holds ${kinds.length} different texts in ${table.rows} rows; expected numbers, or at most ${maxUnaskedKinds} kinds`,
    'Leave the column out with "features", or list it under "categorical" if each of these texts shall become a value.',
  );
}

/** Decides on the feature columns of the training file. */
export function planFeatures(table: CsvTable, spec: CsvSpec, labels: readonly number[]): FeatureColumn[] {
  const picked = pickColumns(table, spec, labels);
  const categorical = spec.categorical?.map((column) => resolveColumn(table, column, "categorical"));
  const stray = categorical?.find((c) => !picked.includes(c));
  if (stray !== undefined) {
    const remedy = 'List it under "features" as well, or take it out of "categorical". The label need not be listed.';
    throw csvInvalid(table.path, undefined, `column "${table.names[stray]}" is categorical, but not a feature`, remedy);
  }
  const features = picked.map((c): FeatureColumn => {
    const isNumber = categorical ? !categorical.includes(c) : looksNumeric(table.columns[c]);
    return { name: table.names[c], ...(isNumber ? {} : { kinds: kindsOf(table, c, categorical !== undefined) }) };
  });
  const values = table.rows * features.reduce((sum, { kinds }) => sum + (kinds?.length ?? 1), 0);
  if (values <= maxValues) return features;
  throw csvInvalid(
    table.path,
    undefined,
    `${table.rows} rows become ${values} values; expected at most ${maxValues}`,
    'Leave out columns with many kinds, with "features".',
  );
}

/** One value of the features. */
export interface FeatureValue {
  readonly name: string;
  /** True for a number from the file, false for the 0 or 1 of a kind. */
  readonly isNumber: boolean;
}

/** One entry for each value of the features, in order. */
export function featureValues(features: readonly FeatureColumn[]): FeatureValue[] {
  return features.flatMap(({ name, kinds }): FeatureValue[] =>
    kinds ? kinds.map((kind) => ({ name: `${name}=${kind}`, isNumber: false })) : [{ name, isNumber: true }],
  );
}

/** The features of all rows, row-major. Columns are found by name, so their order in this file does not matter. */
export function encodeFeatures(table: CsvTable, features: readonly FeatureColumn[]): Float32Array {
  const width = featureValues(features).length;
  const values = new Float32Array(table.rows * width);
  let offset = 0;
  for (const { name, kinds } of features) {
    const column = resolveColumn(table, name, "features");
    if (!kinds) {
      for (let row = 0; row < table.rows; row += 1) values[row * width + offset] = numberAt(table, row, column);
      offset += 1;
      continue;
    }
    const positions = new Map(kinds.map((kind, k) => [kind, k]));
    for (let row = 0; row < table.rows; row += 1) {
      const position = positions.get(textAt(table, row, column));
      if (position === undefined) {
        const remedy = 'The training file has no such row: remove this one, or leave the column out with "features".';
        throw unknownName(table, row, column, kinds, remedy);
      }
      values[row * width + offset + position] = 1;
    }
    offset += kinds.length;
  }
  return values;
}
