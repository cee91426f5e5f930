// The tables that a run file names, as samples, whatever their format.
import { defaultHeldOut, featuresField, type HeldOut, labelsField, type TableOptions } from "@tabgrad/core";
import { blockBytes, type DataSource, type Samples, type SampleStream } from "../samples.ts";
import { isEmpty, isMissingNumber, resolveColumn } from "./cells.ts";
import {
  categoricalFeatures,
  type FeatureColumn,
  featureEncoder,
  featureValues,
  maxKinds,
  pickFeatures,
  planFeatures,
} from "./features.ts";
import { describeLabels, labelColumns, labelEncoder, type LabelPlan, labelStorage, planLabels } from "./labels.ts";
import { profileTable, type WantedNames } from "./profile.ts";
import { type Cells, remembered, type Table, type TableBatch, tableInvalid } from "./table.ts";

/** Different labels to keep for telling classes from values; more are too many to be classes. */
const maxLabelNames = 1_000_000;

interface Plan {
  readonly features: readonly FeatureColumn[];
  readonly labels: LabelPlan;
  readonly missing: "refuse" | "skip";
}

const ascending = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, i) => i);

/** Tells which rows of a batch are used: all of them, or those that lack nothing. */
function rowChooser(table: Table, { features, labels, missing }: Plan): (batch: TableBatch) => Uint32Array {
  if (missing === "refuse") return ({ rows }) => ascending(rows);
  const position = (name: string): number => resolveColumn(table, name, "features");
  const names = labels.kind === "values" ? labels.columns : [labels.column];
  const numbers = labels.kind === "values" || labels.numeric;
  const checks = [
    ...features.map(({ name, kinds, shape }) => ({
      column: position(name),
      isMissing: kinds || shape ? isEmpty : isMissingNumber,
    })),
    ...names.map((name) => ({ column: position(name), isMissing: numbers ? isMissingNumber : isEmpty })),
  ];
  const isThere = (cells: Cells, row: number, isMissing: (cell: unknown) => boolean): boolean =>
    !Number.isNaN(cells.number(row)) || !isMissing(cells.at(row));
  return ({ rows, columns }) =>
    ascending(rows).filter((row) => checks.every(({ column, isMissing }) => isThere(columns[column], row, isMissing)));
}

/** The columns that a plan needs. */
function columnsOf(table: Table, { features, labels }: Plan): number[] {
  const names = labels.kind === "values" ? labels.columns : [labels.column];
  return [
    ...features.map(({ name }) => resolveColumn(table, name, "features")),
    ...names.map((name) => resolveColumn(table, name, "label")),
  ];
}

/** How many rows of a table are used. @throws TabgradError where there is none. */
async function countRows(table: Table, plan: Plan): Promise<number> {
  const choose = rowChooser(table, plan);
  let count = 0;
  for await (const batch of table.batches(columnsOf(table, plan))) count += choose(batch).length;
  if (count > 0) return count;
  throw tableInvalid(
    table,
    undefined,
    "there is no row that has all values",
    "Fill values in, or leave out columns with `features`.",
  );
}

async function streamOf(table: Table, plan: Plan, known?: number): Promise<SampleStream> {
  const count = known ?? (await countRows(table, plan));
  const columns = columnsOf(table, plan);
  return {
    count,
    async *blocks(from) {
      const choose = rowChooser(table, plan);
      const encodeFeatures = featureEncoder(table, plan.features);
      const encodeLabels = labelEncoder(table, plan.labels);
      const width = Math.max(1, featureValues(plan.features).length);
      const most = Math.max(1, Math.floor(blockBytes / (4 * width)));
      let passed = 0;
      for await (const batch of table.batches(columns)) {
        const chosen = choose(batch);
        const begin = Math.min(chosen.length, Math.max(0, from - passed));
        passed += chosen.length;
        // Kinds make a row much longer than its cells: a batch may be many blocks.
        for (let first = begin; first < chosen.length; first += most) {
          const rows = chosen.subarray(first, first + most);
          yield { count: rows.length, columns: [encodeFeatures(batch, rows), encodeLabels(batch, rows)] } satisfies Samples;
        }
      }
    },
  };
}

/**
 * Rows as samples. Kinds and classes are those of `train`; a table to evaluate on must not have others.
 * @throws TabgradError with the tables' own codes, or DATA_LABEL_OUT_OF_RANGE; also while samples are read.
 */
export async function tableSource(given: Table, test: Table | HeldOut = defaultHeldOut, spec: TableOptions): Promise<DataSource> {
  const table = remembered(given);
  const labelPositions = labelColumns(table, spec);
  const picked = pickFeatures(table, spec, labelPositions);
  const categorical = categoricalFeatures(table, spec, picked);
  const profile = await profileTable(
    table,
    new Map<number, WantedNames>([
      ...picked.map((c) => [c, { most: maxKinds, numbers: categorical?.includes(c) ?? false }] as const),
      ...labelPositions.map((c) => [c, { most: maxLabelNames, numbers: true }] as const),
    ]),
  );
  const plan: Plan = {
    features: planFeatures(table, picked, categorical, profile),
    labels: planLabels(table, labelPositions, spec, profile),
    missing: spec.missing ?? "refuse",
  };
  const values = featureValues(plan.features);
  const [only] = plan.features;
  const shape = plan.features.length === 1 && only.shape ? only.shape : [values.length];
  const labels = describeLabels(plan.labels);
  return {
    fields: [
      { name: featuresField, storage: "float32", shape },
      { name: labelsField, storage: labelStorage(plan.labels), shape: labels.shape ?? [] },
    ],
    train: await streamOf(table, plan, plan.missing === "refuse" ? profile.rows : undefined),
    test: "fraction" in test ? test : await streamOf(remembered(test), plan),
    labels,
    ...(shape.length === 1 ? { featureNames: values.map(({ name }) => name) } : {}),
    normalise: {
      method: spec.normalise ?? "standard",
      ...(shape.length === 1 ? { columns: values.map(({ isNumber }) => isNumber) } : {}),
    },
  };
}
