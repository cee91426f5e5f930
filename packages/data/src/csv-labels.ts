// The label of a CSV file: classes or values, and as what it is stored.
import { type CsvSpec, type FieldValues, type LabelDescription, TabgradError } from "@tabgrad/core";
import { csvInvalid, type CsvTable } from "./csv.ts";
import { looksNumeric, numberAt, parseNumber, resolveColumn, sortedNames, textAt, unknownName } from "./csv-cells.ts";

/** Whole numbers of no more different values than this are taken for classes, unless the run file says what they are. */
const maxUnaskedNumericClasses = 20;

/** More different texts than this, in more than half of the rows, are rather a key than classes. */
const maxUnaskedTextClasses = 100;

/** What is to be learned, decided from the training file. */
export type LabelPlan =
  | {
      readonly kind: "classes";
      readonly column: string;
      readonly names: readonly string[];
      /** True where the names are numbers: then "1" and "1.0" are the same class. */
      readonly numeric: boolean;
    }
  | { readonly kind: "values"; readonly columns: readonly string[] };

/** The column positions of the labels. */
export function labelColumns(table: CsvTable, spec: CsvSpec): number[] {
  const labels = [spec.label].flat().map((column) => resolveColumn(table, column, "label"));
  const twice = labels.find((c, i) => labels.indexOf(c) !== i);
  if (twice === undefined) return labels;
  throw csvInvalid(table.path, undefined, `column "${table.names[twice]}" is in "label" twice`, "List every column once.");
}

/** Two spellings of one number are one name. */
const canonical = (cell: string, numeric: boolean): string => (numeric ? String(parseNumber(cell)) : cell);

function planClasses(table: CsvTable, column: number, spec: CsvSpec, numeric: boolean): LabelPlan {
  const name = table.names[column];
  if (spec.classes) {
    return {
      kind: "classes",
      column: name,
      names: spec.classes,
      numeric: spec.classes.every((each) => parseNumber(each) !== undefined),
    };
  }
  const cells = table.columns[column];
  const names = sortedNames(cells.map((_, row) => (numeric ? String(numberAt(table, row, column)) : textAt(table, row, column))));
  if (names.length === 1) {
    const remedy = 'Check the column, or list the classes there may be: "classes: [ … ]".';
    throw csvInvalid(
      table.path,
      undefined,
      `column "${name}" (label) holds "${names[0]}" in every row: nothing to tell apart`,
      remedy,
    );
  }
  if (!numeric && names.length > maxUnaskedTextClasses && names.length > table.rows / 2) {
    throw csvInvalid(
      table.path,
      undefined,
      `column "${name}" (label) holds ${names.length} different texts in ${table.rows} rows; expected classes, most of them more than once`,
      'Choose another label column, or list the classes: "classes: [ … ]".',
    );
  }
  return { kind: "classes", column: name, names, numeric };
}

/** Decides what the label is. */
export function planLabels(table: CsvTable, columns: readonly number[], spec: CsvSpec): LabelPlan {
  const first = columns[0];
  const numeric = looksNumeric(table.columns[first]);
  const values: LabelPlan = { kind: "values", columns: columns.map((c) => table.names[c]) };
  if (spec.task === "values" || columns.length > 1) return values;
  if (spec.task === "classes" || spec.classes || !numeric) return planClasses(table, first, spec, numeric);
  const different = new Set(table.columns[first].map((_, row) => numberAt(table, row, first)));
  const few = different.size <= maxUnaskedNumericClasses && [...different].every((value) => Number.isInteger(value));
  return few ? planClasses(table, first, spec, numeric) : values;
}

export function describeLabels(plan: LabelPlan): LabelDescription {
  if (plan.kind === "classes") return { kind: "classes", count: plan.names.length, names: plan.names };
  return { kind: "values", shape: [plan.columns.length], names: plan.columns };
}

/**
 * The labels of all rows: class indices, stored as uint8 where 256 classes suffice, or float32 values, row-major.
 * @throws TabgradError DATA_LABEL_OUT_OF_RANGE with the line, where a label is not among the classes.
 */
export function encodeLabels(table: CsvTable, plan: LabelPlan): FieldValues {
  if (plan.kind === "values") {
    const width = plan.columns.length;
    const values = new Float32Array(table.rows * width);
    plan.columns.forEach((name, offset) => {
      const column = resolveColumn(table, name, "label");
      for (let row = 0; row < table.rows; row += 1) values[row * width + offset] = numberAt(table, row, column);
    });
    return values;
  }
  const column = resolveColumn(table, plan.column, "label");
  const indices = new Map(plan.names.map((name, index) => [canonical(name, plan.numeric), index]));
  const labels = plan.names.length <= 256 ? new Uint8Array(table.rows) : new Int32Array(table.rows);
  for (let row = 0; row < table.rows; row += 1) {
    const index = indices.get(canonical(textAt(table, row, column), plan.numeric));
    if (index === undefined) {
      const remedy = 'Correct the label, or list all classes there may be: "classes: [ … ]".';
      const { message } = unknownName(table, row, column, plan.names, remedy);
      throw new TabgradError("DATA_LABEL_OUT_OF_RANGE", message, remedy);
    }
    labels[row] = index;
  }
  return labels;
}
