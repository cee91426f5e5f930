// The label of a table: classes or values, and as what it is stored.
import {
  type FieldStorage,
  type FieldValues,
  type LabelDescription,
  maxClasses,
  TabgradError,
  type TableOptions,
} from "@tabgrad/core";
import {
  type CellPlace,
  checkDecimalCommas,
  listAt,
  numberAt,
  parseNumber,
  resolveColumn,
  sortedNames,
  textAt,
  unknownName,
} from "./cells.ts";
import { type ColumnProfile, looksNumeric, type TableProfile } from "./profile.ts";
import { type Table, type TableBatch, tableInvalid } from "./table.ts";

/** Whole numbers of no more different values than this are taken for classes, unless the run file says what they are. */
const maxUnaskedNumericClasses = 20;

/** More different texts than this, in more than half of the rows, are rather a key than classes. */
const maxUnaskedTextClasses = 100;

/** What is to be learned, decided from the rows to train on. */
export type LabelPlan =
  | {
      readonly kind: "classes";
      readonly column: string;
      readonly names: readonly string[];
      /** True where the names are numbers: then "1" and "1.0" are the same class. */
      readonly numeric: boolean;
    }
  | {
      readonly kind: "values";
      readonly columns: readonly string[];
      /** Of the lists, where one column holds lists. */
      readonly shape?: readonly number[];
    };

/** The column positions of the labels. */
export function labelColumns(table: Table, spec: TableOptions): number[] {
  const labels = [spec.label].flat().map((column) => resolveColumn(table, column, "label"));
  const twice = labels.find((c, i) => labels.indexOf(c) !== i);
  if (twice === undefined) return labels;
  throw tableInvalid(table, undefined, `column "${table.names[twice]}" is in "label" twice`, "List every column once.");
}

/** Two spellings of one number are one name; what is no number stays, to be refused where it stands. */
const canonical = (text: string, numeric: boolean): string => (numeric ? String(parseNumber(text) ?? text) : text);

function planClasses(table: Table, column: number, spec: TableOptions, profile: ColumnProfile, rows: number): LabelPlan {
  const name = table.names[column];
  if (spec.classes) {
    const numeric = spec.classes.every((each) => parseNumber(each) !== undefined);
    return { kind: "classes", column: name, names: spec.classes, numeric };
  }
  const numeric = looksNumeric(profile);
  if (spec.task !== "classes")
    checkDecimalCommas(table, column, profile.names, 'Write decimal points, or say task: "classes" if these are names.');
  const known = [...profile.names].filter((each) => !numeric || parseNumber(each) !== undefined);
  const names = sortedNames(known.map((each) => canonical(each, numeric)));
  const what = `column "${name}" (label) holds`;
  // Where values are missing, that is what to say; whoever reads the rows says it, with the line.
  const isIncomplete = profile.empty > 0 && spec.missing !== "skip";
  if (names.length <= 1 && !isIncomplete) {
    const remedy = 'Check the column, or list the classes there may be: "classes: [ … ]".';
    const came = names.length === 0 ? "nothing in any row" : `"${names[0]}" in every row: nothing to tell apart`;
    throw tableInvalid(table, undefined, `${what} ${came}`, remedy);
  }
  if (names.length > maxClasses || (!numeric && names.length > maxUnaskedTextClasses && names.length > rows / 2)) {
    throw tableInvalid(
      table,
      undefined,
      `${what} ${names.length} different texts in ${rows} rows; expected classes, most of them more than once`,
      'Choose another label column, or list the classes: "classes: [ … ]".',
    );
  }
  return { kind: "classes", column: name, names, numeric };
}

/** Decides what the label is. */
export function planLabels(
  table: Table,
  columns: readonly number[],
  spec: TableOptions,
  { rows, columns: profiles }: TableProfile,
): LabelPlan {
  const [first] = columns;
  const profile = profiles.get(first)!;
  const values = { kind: "values", columns: columns.map((c) => table.names[c]) } as const;
  const lists = columns.find((c) => profiles.get(c)!.shape !== undefined);
  if (lists !== undefined) {
    if (columns.length === 1 && spec.task !== "classes" && !spec.classes) return { ...values, shape: profiles.get(lists)!.shape };
    const message = `column "${table.names[lists]}" (label) holds lists; expected one label column of lists of values, or columns of single values`;
    throw tableInvalid(table, undefined, message, 'Leave "classes" and "task" out, and name this column alone.');
  }
  if (spec.task === "values" || columns.length > 1) return values;
  if (spec.task === "classes" || spec.classes || !looksNumeric(profile)) return planClasses(table, first, spec, profile, rows);
  const different = new Set([...profile.names].map((name) => canonical(name, true)));
  const few = profile.whole && different.size <= maxUnaskedNumericClasses;
  return few ? planClasses(table, first, spec, profile, rows) : values;
}

export function describeLabels(plan: LabelPlan): LabelDescription {
  if (plan.kind === "classes") return { kind: "classes", count: plan.names.length, names: plan.names };
  if (plan.shape) return { kind: "values", shape: plan.shape };
  return { kind: "values", shape: [plan.columns.length], names: plan.columns };
}

/** As what labels are stored: class indices as bytes where 256 classes suffice, values as float32. */
export function labelStorage(plan: LabelPlan): FieldStorage {
  if (plan.kind === "values") return "float32";
  return plan.names.length <= 256 ? "uint8" : "int32";
}

/** Writes the labels of rows of one batch. @throws TabgradError DATA_LABEL_OUT_OF_RANGE where one is not among the classes. */
export type LabelEncoder = (batch: TableBatch, rows: ArrayLike<number>) => FieldValues;

export function labelEncoder(table: Table, plan: LabelPlan): LabelEncoder {
  return plan.kind === "classes" ? classEncoder(table, plan) : valueEncoder(table, plan);
}

function valueEncoder(table: Table, { columns, shape }: Extract<LabelPlan, { kind: "values" }>): LabelEncoder {
  const positions = columns.map((name) => resolveColumn(table, name, "label"));
  const width = shape ? shape.reduce((product, size) => product * size, 1) : positions.length;
  return (batch, rows) => {
    const values = new Float32Array(rows.length * width);
    for (let i = 0; i < rows.length; i += 1) {
      positions.forEach((column, offset) => {
        const place: CellPlace = { table, batch, row: rows[i], column };
        if (shape) listAt(place, shape, values, i * width);
        else values[i * width + offset] = numberAt(place);
      });
    }
    return values;
  };
}

function classEncoder(table: Table, plan: Extract<LabelPlan, { kind: "classes" }>): LabelEncoder {
  const { names, numeric } = plan;
  const column = resolveColumn(table, plan.column, "label");
  const indices = new Map(names.map((name, index) => [canonical(name, numeric), index]));
  const storage = labelStorage(plan);
  return (batch, rows) => {
    const labels = storage === "uint8" ? new Uint8Array(rows.length) : new Int32Array(rows.length);
    for (let i = 0; i < rows.length; i += 1) {
      const place: CellPlace = { table, batch, row: rows[i], column };
      const index = indices.get(canonical(textAt(place), numeric));
      if (index === undefined) {
        // In a column of numbers this is a slip of the pen and no unknown class.
        if (numeric) numberAt(place);
        const remedy = 'Correct the label, or list all classes there may be: "classes: [ … ]".';
        throw new TabgradError("DATA_LABEL_OUT_OF_RANGE", unknownName(place, names), remedy);
      }
      labels[i] = index;
    }
    return labels;
  };
}
