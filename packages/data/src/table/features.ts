// The feature columns of a table: which there are, which of them are numbers, which name kinds and which hold lists, and their values.
import type { TableOptions } from "@tabgrad/core";
import { TabgradError } from "@tabgrad/core";
import {
  type CellRemedies,
  cellRemedies,
  checkDecimalCommas,
  listAt,
  numberAt,
  resolveColumn,
  sortedNames,
  textAt,
  unknownName,
} from "./cells.ts";
import { type ColumnProfile, looksNumeric, type TableProfile } from "./profile.ts";
import { type Table, type TableBatch, tableInvalid } from "./table.ts";

/** A column of text with more different texts than this is not taken for kinds unless the run file says so: it is rather a key. */
const maxUnaskedKinds = 100;

/** Of one column: each becomes a value of every row. */
export const maxKinds = 10_000;

/** Values of a row. */
const maxWidth = 1_000_000;

/** A column of the table and what becomes of it: a number, one value for each kind, or the values of a list. */
export interface FeatureColumn {
  readonly name: string;
  /** Absent for a column of numbers. */
  readonly kinds?: readonly string[];
  /** Of the lists, where it holds lists. */
  readonly shape?: readonly number[];
}

/** The positions of the feature columns. */
export function pickFeatures(table: Table, spec: TableOptions, labels: readonly number[]): number[] {
  const features = spec.features?.map((column) => resolveColumn(table, column, "features"));
  if (!features) {
    const rest = table.names.map((_, c) => c).filter((c) => !labels.includes(c));
    if (rest.length > 0) return rest;
    throw tableInvalid(table, undefined, "there is no column but the label", "Add columns to learn from.");
  }
  const twice = features.find((c, i) => features.indexOf(c) !== i);
  const label = features.find((c) => labels.includes(c));
  if (label !== undefined) {
    const remedy = 'Take it out of "features": a model that sees the label learns nothing else.';
    throw tableInvalid(table, undefined, `column "${table.names[label]}" is both a label and a feature`, remedy);
  }
  if (twice !== undefined) {
    throw tableInvalid(table, undefined, `column "${table.names[twice]}" is in "features" twice`, "List every column once.");
  }
  return features;
}

/** The positions of the columns that the run file calls categorical; undefined where it does not say. */
export function categoricalFeatures(table: Table, spec: TableOptions, picked: readonly number[]): number[] | undefined {
  const categorical = spec.categorical?.map((column) => resolveColumn(table, column, "categorical"));
  const stray = categorical?.find((c) => !picked.includes(c));
  if (stray === undefined) return categorical;
  const remedy = 'List it under "features" as well, or take it out of "categorical". The label need not be listed.';
  throw tableInvalid(table, undefined, `column "${table.names[stray]}" is categorical, but not a feature`, remedy);
}

function kindsOf(table: Table, column: number, { names }: ColumnProfile, rows: number, asked: boolean): string[] {
  if (!asked)
    checkDecimalCommas(table, column, names, 'Write decimal points, or list the column under "categorical" if it names kinds.');
  const most = asked ? maxKinds : maxUnaskedKinds;
  if (names.size <= most) return sortedNames(names);
  const count = names.size > maxKinds ? `more than ${maxKinds}` : names.size;
  throw tableInvalid(
    table,
    undefined,
    `column "${table.names[column]}" holds ${count} different texts in ${rows} rows; expected numbers, or at most ${most} kinds`,
    'Leave the column out with "features", or list it under "categorical" if each of these texts shall become a value.',
  );
}

/** Decides on the feature columns, from the rows to train on. */
export function planFeatures(
  table: Table,
  picked: readonly number[],
  categorical: readonly number[] | undefined,
  profile: TableProfile,
): FeatureColumn[] {
  const features = picked.map((c): FeatureColumn => {
    const name = table.names[c];
    const column = profile.columns.get(c)!;
    if (column.shape) return { name, shape: column.shape };
    const isNumber = categorical ? !categorical.includes(c) : looksNumeric(column);
    return { name, ...(isNumber ? {} : { kinds: kindsOf(table, c, column, profile.rows, categorical !== undefined) }) };
  });
  const width = features.reduce((sum, column) => sum + widthOf(column), 0);
  if (width <= maxWidth && width > 0) return features;
  throw tableInvalid(
    table,
    undefined,
    `a row becomes ${width} values; expected 1 to ${maxWidth}`,
    'Leave out columns with many kinds or long lists, with "features".',
  );
}

const widthOf = ({ kinds, shape }: FeatureColumn): number =>
  shape ? shape.reduce((product, size) => product * size, 1) : (kinds?.length ?? 1);

/** One value of the features. */
export interface FeatureValue {
  readonly name: string;
  /** True for a number from the file, false for the 0 or 1 of a kind. */
  readonly isNumber: boolean;
}

/** One entry for each value of the features, in order. */
export function featureValues(features: readonly FeatureColumn[]): FeatureValue[] {
  return features.flatMap((column): FeatureValue[] => {
    const { name, kinds, shape } = column;
    if (kinds) return kinds.map((kind) => ({ name: `${name}=${kind}`, isNumber: false }));
    if (!shape) return [{ name, isNumber: true }];
    return Array.from({ length: widthOf(column) }, (_, i) => ({ name: `${name}[${i}]`, isNumber: true }));
  });
}

/** Writes the features of rows of one batch. */
export type FeatureEncoder = (batch: TableBatch, rows: ArrayLike<number>) => Float32Array;

/** What to do about a cell that can't be written: it differs with what the rows are for. */
export interface FeatureRemedies extends CellRemedies {
  readonly unknown: string;
}

const trainingRemedies: FeatureRemedies = {
  ...cellRemedies,
  unknown: 'The training file has no such row: remove this one, or leave the column out with "features".',
};

/** Finds the columns in a table by name, so that their order in this one does not matter. */
export function featureEncoder(
  table: Table,
  features: readonly FeatureColumn[],
  remedies: FeatureRemedies = trainingRemedies,
): FeatureEncoder {
  const width = features.reduce((sum, column) => sum + widthOf(column), 0);
  let offset = 0;
  const writers = features.map((feature) => {
    const column = resolveColumn(table, feature.name, "features");
    const own = offset;
    offset += widthOf(feature);
    return columnWriter(table, feature, { column, offset: own, width, remedies });
  });
  return (batch, rows) => {
    const values = new Float32Array(rows.length * width);
    for (const write of writers) write(batch, rows, values);
    return values;
  };
}

type ColumnWriter = (batch: TableBatch, rows: ArrayLike<number>, values: Float32Array) => void;

/** Writes one column's values at `offset` of every row of `width` values. */
function columnWriter(
  table: Table,
  { kinds, shape }: FeatureColumn,
  { column, offset, width, remedies }: { column: number; offset: number; width: number; remedies: FeatureRemedies },
): ColumnWriter {
  if (!kinds && !shape) {
    return (batch, rows, values) => {
      const cells = batch.columns[column];
      for (let i = 0; i < rows.length; i += 1) {
        const value = cells.number(rows[i]);
        values[i * width + offset] = Number.isNaN(value) ? numberAt({ table, batch, row: rows[i], column }, remedies) : value;
      }
    };
  }
  const positions = new Map(kinds?.map((kind, k) => [kind, k]));
  return (batch, rows, values) => {
    for (let i = 0; i < rows.length; i += 1) {
      const place = { table, batch, row: rows[i], column };
      const target = i * width + offset;
      if (shape) listAt(place, shape, values, target, remedies);
      else if (kinds) {
        const position = positions.get(textAt(place, remedies));
        if (position === undefined) {
          throw new TabgradError(table.code, unknownName(place, kinds), remedies.unknown);
        }
        values[target + position] = 1;
      }
    }
  };
}
