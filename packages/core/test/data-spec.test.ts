// What a run file may say about data, and what it is told when it says something else.
import { describe, expect, it } from "vitest";
import { arrow, cifar, csv, dataSpecSchema, idx, imageFolder, jsonLines, npy, npz, parquet, text } from "../src/data/index.ts";

const files = { images: "images-idx3-ubyte", labels: "labels-idx1-ubyte" };

/** The messages for a value, each with its place. */
function complaints(value: unknown): string[] {
  const result = dataSpecSchema.safeParse(value);
  return result.success ? [] : result.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
}

describe("a run file's data", () => {
  it("is plain tagged data, accepted as it is", () => {
    const specs = [
      idx({ train: files }),
      idx({ train: files, test: files, classes: 10, normalise: "standard" }),
      idx({ train: files, test: { fraction: 0.2 }, classes: ["cat", "dog"] }),
      csv({ path: "iris.csv", label: "species" }),
      csv({ path: "npm:some-package/data.csv", label: -1, header: false, features: [0, 1], categorical: [], delimiter: "\t" }),
      csv({ path: "a.csv", label: ["x", "y"], test: { path: "b.csv" }, task: "values", normalise: "none" }),
      csv({ path: "a.csv", label: "y", test: { fraction: 0 }, task: "classes", classes: ["no", "yes"] }),
      jsonLines({ path: ["a.jsonl", "https://example.org/b.jsonl.gz"], label: "answer.value", missing: "skip" }),
      parquet({ path: "part-*.parquet", label: "y", features: ["x"] }),
      arrow({ path: "a.arrow", label: "y", categorical: ["kind"] }),
      npy({ train: { features: ["a.npy", "b.npy"], labels: "y*.npy" }, test: { features: "c.npy", labels: "d.npy" } }),
      npz({ path: "mnist.npz", train: { features: "x_train", labels: "y_train" }, task: "classes", classes: 10 }),
      npz({ path: "a.npz", train: { features: "x", labels: "y" }, test: { path: "b.npz", features: "x", labels: "y" } }),
      cifar({ path: "data_batch_*.bin", test: { path: "test_batch.bin" } }),
      cifar({ path: "train.bin", classes: 100, labels: "coarse", normalise: "standard" }),
      imageFolder({ path: "photos", size: [64, 96], fit: "pad", channels: 1, test: { path: "others" } }),
      imageFolder({ path: "photos", size: 64, classes: ["cat", "dog"], test: { fraction: 0.2 } }),
      text({ path: "book.txt", length: 64 }),
      text({ path: ["a.txt", "b.txt"], tokens: { bytePairs: 512 }, length: 128, stride: 64, test: { path: "c.txt" } }),
    ];
    expect(idx({ train: files })).toEqual({ kind: "idx", train: files });
    expect(csv({ path: "a.csv", label: "y" })).toEqual({ kind: "csv", path: "a.csv", label: "y" });
    for (const spec of specs) {
      expect(complaints(spec)).toEqual([]);
      expect(dataSpecSchema.parse(spec)).toEqual(spec);
      expect(JSON.parse(JSON.stringify(spec))).toEqual(spec);
    }
  });

  it.each([
    [
      undefined,
      ": expected data made by idx, npy, npz, cifar, csv, jsonLines, parquet, arrow, imageFolder or text, such as csv({ path: …, label: … })",
    ],
    [
      { kind: "feather" },
      "kind: expected data made by idx, npy, npz, cifar, csv, jsonLines, parquet, arrow, imageFolder or text, such as csv({ path: …, label: … })",
    ],
    [{ kind: "idx" }, "train: expected { images, labels }, two paths of IDX files"],
    [
      { kind: "idx", train: { images: "a" } },
      'train.labels: expected a path relative to the run file, a pattern such as "data/*.csv", "npm:PACKAGE/PATH", or an http(s) address, or a list of these',
    ],
    [
      { kind: "idx", train: { ...files, labels: "" } },
      'train.labels: the path is empty; expected a path relative to the run file, a pattern such as "data/*.csv", "npm:PACKAGE/PATH", or an http(s) address',
    ],
    [{ kind: "idx", train: files, tests: files }, ': Unrecognized key: "tests"'],
    [{ kind: "idx", train: { ...files, label: "x" } }, 'train: Unrecognized key: "label"'],
    [
      { kind: "idx", train: files, test: { fraction: 1 } },
      "test.fraction: expected less than 1: something has to be left to train on",
    ],
    [{ kind: "idx", train: files, test: { fraction: -1 } }, "test.fraction: expected at least 0 (hold out nothing)"],
    [{ kind: "idx", train: files, test: { fraction: 0.1, seed: 1 } }, "test.seed: unknown field; there are fraction"],
    [
      { kind: "idx", train: files, test: { images: "a" } },
      'test.labels: expected a path relative to the run file, a pattern such as "data/*.csv", "npm:PACKAGE/PATH", or an http(s) address, or a list of these',
    ],
    [{ kind: "idx", train: files, test: "x" }, "test: expected { images, labels }, two paths of IDX files"],
    [{ kind: "idx", train: files, classes: 1 }, "classes: expected at least two classes"],
    [{ kind: "idx", train: files, classes: ["a", "a"] }, "classes: two classes have the same name"],
    [{ kind: "idx", train: files, normalise: true }, 'normalise: expected "unit", "standard" or "none"'],
    [
      { kind: "csv", path: "a.csv" },
      "label: expected the column to learn: its name in the header, or its position from 0 (-1 is the last one)",
    ],
    [{ kind: "csv", path: "a.csv", label: "y", features: [] }, "features: expected at least one column to learn from"],
    [
      { kind: "csv", path: "a.csv", label: "y", features: [1.5] },
      "features.0: expected a column: its name in the header, or its position from 0 (-1 is the last one)",
    ],
    [{ kind: "csv", path: "a.csv", label: "y", delimiter: ", " }, "delimiter: expected one character"],
    [
      { kind: "csv", path: "a.csv", label: "y", delimiter: '"' },
      "delimiter: expected a character other than a quote or a line break",
    ],
    [
      { kind: "csv", path: "a.csv", label: "y", header: "yes" },
      "header: expected true (the first line names the columns) or false",
    ],
    [{ kind: "csv", path: "a.csv", label: "y", test: "b.csv" }, "test: expected { path } or { fraction }"],
    [{ kind: "csv", path: "a.csv", label: "y", task: "regression" }, 'task: expected "classes" or "values"'],
    [
      { kind: "csv", path: "a.csv", label: "y", task: "values", classes: ["a", "b"] },
      'classes: there are no classes where task is "values": leave one of the two out',
    ],
    [
      { kind: "csv", path: "a.csv", label: ["x", "y"], task: "classes" },
      "label: several labels are values: expected one column where there are classes",
    ],
    [{ kind: "csv", path: [], label: "y" }, "path: the list is empty; expected one path at least"],
    [{ kind: "csv", path: "a.csv", label: "y", missing: "mean" }, 'missing: expected "refuse" or "skip"'],
    [{ kind: "jsonLines", path: "a", label: "y", header: false }, ': Unrecognized key: "header"'],
    [{ kind: "npz", path: "a.npz", train: { features: "x" } }, "train.labels: expected the name of an array in the file"],
    [{ kind: "npy", train: "a.npy" }, "train: expected { features, labels }, two paths of npy files"],
    [{ kind: "cifar", path: "a", classes: 20 }, "classes: expected 10 or 100"],
    [
      { kind: "cifar", path: "a", labels: "fine" },
      "labels: CIFAR-10 has one label for each image: leave it out, or say classes: 100",
    ],
    [{ kind: "imageFolder", path: "a", size: "big" }, "size: expected a number of pixels, or [height, width]"],
    [{ kind: "imageFolder", path: "a", channels: 4 }, "channels: expected 1 (grey) or 3 (colour)"],
    [{ kind: "imageFolder", path: "a", fit: "cover" }, 'fit: expected "crop", "pad" or "stretch"'],
    [{ kind: "text", path: "a" }, "length: expected a whole number from 1 to 65536"],
    [{ kind: "text", path: "a", length: 8, tokens: "words" }, 'tokens: expected "characters" or { bytePairs: n }, n tokens in all'],
  ])("answers %j with %j", (value, message) => {
    expect(complaints(value)).toEqual([message]);
  });
});
