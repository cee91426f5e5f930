// A CSV file, or one to train on and one to evaluate on, as samples.
import { type CsvSpec, defaultHeldOut, featuresField, labelsField } from "@tabgrad/core";
import { type CsvTable, parseCsv } from "./csv.ts";
import { encodeFeatures, featureValues, planFeatures } from "./csv-features.ts";
import { describeLabels, encodeLabels, labelColumns, planLabels } from "./csv-labels.ts";
import { readDataFile } from "./file.ts";
import { resolveDataPath } from "./path.ts";
import type { DataSource, Samples } from "./source.ts";

/**
 * Reads the files of a `csv(…)`. Kinds and classes are those of the training file; a file to evaluate on must not have others.
 * @throws TabgradError DATA_NOT_FOUND, DATA_UNREADABLE, DATA_CSV_INVALID or DATA_LABEL_OUT_OF_RANGE.
 */
export async function readCsvSource(spec: CsvSpec, baseDirectory: string): Promise<DataSource> {
  const read = async (path: string): Promise<CsvTable> =>
    parseCsv(await readDataFile(await resolveDataPath(path, baseDirectory)), spec);
  const train = await read(spec.path);
  const test = spec.test && "path" in spec.test ? await read(spec.test.path) : (spec.test ?? defaultHeldOut);

  const labelPositions = labelColumns(train, spec);
  const features = planFeatures(train, spec, labelPositions);
  const labels = planLabels(train, labelPositions, spec);
  const values = featureValues(features);
  const encode = (table: CsvTable): Samples => ({
    count: table.rows,
    columns: [encodeFeatures(table, features), encodeLabels(table, labels)],
  });
  const trainSamples = encode(train);
  const labelValues = trainSamples.columns[1];
  return {
    fields: [
      { name: featuresField, storage: "float32", shape: [values.length] },
      {
        name: labelsField,
        storage: labelValues instanceof Float32Array ? "float32" : labelValues instanceof Int32Array ? "int32" : "uint8",
        shape: labels.kind === "values" ? [labels.columns.length] : [],
      },
    ],
    train: trainSamples,
    test: "fraction" in test ? test : encode(test),
    labels: describeLabels(labels),
    featureNames: values.map(({ name }) => name),
    normalise: { method: spec.normalise ?? "standard", columns: values.map(({ isNumber }) => isNumber) },
  };
}
