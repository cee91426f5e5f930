// JSON lines, Parquet and Arrow: the same columns, whatever the format; and for every mistake the file, the row and the column.
import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { arrow, csv, jsonLines, parquet, type TableOptions } from "@tabgrad/core";
import { describe, expect, it } from "vitest";
import type { Samples } from "../src/samples.ts";
import { readSource } from "../src/read.ts";
import { findFiles } from "../src/files/find.ts";
import { collect, readAll, type ReadSource, refusal, testFolder } from "./data-files.ts";

const folder = testFolder();
const fixture = (name: string): string => join(import.meta.dirname, "fixtures", name);

const features = ({ count, columns: [values] }: Samples): number[][] =>
  Array.from({ length: count }, (_, row) => [
    ...values.subarray((row * values.length) / count, ((row + 1) * values.length) / count),
  ]);

describe("jsonLines", () => {
  async function read(rows: readonly unknown[] | string, options: Omit<TableOptions, "path">): Promise<ReadSource> {
    const text = typeof rows === "string" ? rows : rows.map((row) => JSON.stringify(row)).join("\n");
    await folder.write("rows.jsonl", text);
    return readAll(jsonLines({ path: "rows.jsonl", ...options }), folder.path());
  }

  it("reads numbers, names, truth values and fields within fields", async () => {
    const source = await read(
      [
        { id: 7, size: { height: 1.5, "odd.name": 2 }, colour: "red", wild: true, species: "a" },
        { species: "b", colour: "blue", wild: false, size: { "odd.name": 3, height: 2.5 } },
      ],
      { label: "species", features: ["size.height", "size.odd.name", "colour", "wild"] },
    );
    expect(source.featureNames).toEqual(["size.height", "size.odd.name", "colour=blue", "colour=red", "wild=false", "wild=true"]);
    expect(features(source.train)).toEqual([
      [1.5, 2, 0, 1, 0, 1],
      [2.5, 3, 1, 0, 1, 0],
    ]);
    expect(source.labels).toEqual({ kind: "classes", count: 2, names: ["a", "b"] });
  });

  it("reads lists as values of their own, and one column of them as the sample's shape", async () => {
    const rows = [
      {
        pixels: [
          [1, 2],
          [3, 4],
        ],
        weight: 9,
        label: [0.5, 1],
      },
      {
        pixels: [
          [5, 6],
          [7, 8],
        ],
        weight: 10,
        label: [1.5, 2],
      },
    ];
    const image = await read(rows, { label: "label", features: ["pixels"] });
    expect(image.fields).toEqual([
      { name: "features", storage: "float32", shape: [2, 2] },
      { name: "labels", storage: "float32", shape: [2] },
    ]);
    expect(image.labels).toEqual({ kind: "values", shape: [2] });
    expect(image.normalise).toEqual({ method: "standard" });
    expect([...image.train.columns[1]]).toEqual([0.5, 1, 1.5, 2]);
    const mixed = await read(rows, { label: "label" });
    expect(mixed.featureNames).toEqual(["pixels[0]", "pixels[1]", "pixels[2]", "pixels[3]", "weight"]);
    expect(features(mixed.train)).toEqual([
      [1, 2, 3, 4, 9],
      [5, 6, 7, 8, 10],
    ]);
  });

  it("leaves rows out that lack a value, where told to", async () => {
    const rows = [
      { a: 1, c: "x", y: 0 },
      { a: null, c: "x", y: 1 },
      { a: 3, c: "", y: 0 },
      { a: 4, c: "z", y: 1 },
      { c: "x", y: 1 },
    ];
    const source = await read(rows, { label: "y", missing: "skip" });
    expect(features(source.train)).toEqual([
      [1, 1, 0],
      [4, 0, 1],
    ]);
    expect([...source.train.columns[1]]).toEqual([0, 1]);
    expect((await refusal(() => read([{ a: null, y: 1 }], { label: "y", missing: "skip", task: "values" }))).message).toContain(
      "there is no row that has all values",
    );
  });

  it("reads gzip, blank lines and every kind of line break, and counts lines as an editor does", async () => {
    const text = '\n{"x":1,"y":0}\r\n\r\n{"x":2,"y":1}\r{"x":3,"y":0}';
    await folder.write("a.jsonl.gz", gzipSync(text));
    const source = await readAll(jsonLines({ path: "a.jsonl.gz", label: "y" }), folder.path());
    expect(features(source.train)).toEqual([[1], [2], [3]]);
    expect((await refusal(() => read(text.replace("3", '"three"'), { label: "y" }))).message).toContain(
      'rows.jsonl:5: column "x" holds "three"; expected a number',
    );
  });

  it.each<[string, string, string]>([
    ["what is no JSON", '{"x":1,"y":0}\n{"x":1,\n', "rows.jsonl:2: the line is not JSON"],
    ["a list", '{"x":1,"y":0}\n[1,2]\n', "rows.jsonl:2: the line holds a list; expected an object"],
    ["null", "null\n", "rows.jsonl:1: the line holds null; expected an object"],
    ["an empty file", "\n\n", "rows.jsonl: the file is empty"],
    ["a missing field", '{"x":1,"y":0}\n{"y":1}\n', 'rows.jsonl:2: column "x" is empty: the value is missing'],
    ["null for a value", '{"x":1,"y":0}\n{"x":null,"y":1}\n', 'rows.jsonl:2: column "x" is empty'],
    [
      "lists of other lengths",
      '{"x":[1,2],"y":0}\n{"x":[1],"y":1}\n',
      'rows.jsonl:2: column "x" holds a list of shape [1]; expected a list of shape [2]',
    ],
    [
      "a text in a list",
      '{"x":[1,2],"y":0}\n{"x":[1,"a"],"y":1}\n',
      'rows.jsonl:2: column "x" holds "a" at position 1 of its list',
    ],
    [
      "a number for a list",
      '{"x":[1,2],"y":0}\n{"x":5,"y":1}\n',
      'rows.jsonl:2: column "x" holds "5"; expected a list of shape [2]',
    ],
    ["a wrong column", '{"x":1,"z":0}\n', 'there is no column "y" (label); the 2 columns are "x", "z"'],
  ])("refuses %s", async (_, text, message) => {
    const refused = await refusal(() => read(text, { label: "y" }));
    expect(refused.code).toBe("DATA_JSON_INVALID");
    expect(refused.message).toContain(message);
    expect(refused.remedy.length).toBeGreaterThan(5);
  });
});

describe.each([
  ["parquet", parquet, ["rows-zstd.parquet", "rows-snappy.parquet"], "DATA_PARQUET_INVALID"],
  ["arrow", arrow, ["rows.arrow", "rows.arrows", "rows-lz4.arrow", "rows-zstd.arrow"], "DATA_ARROW_INVALID"],
] as const)("%s", (_, reader, files, code) => {
  const read = (path: string, options: Omit<TableOptions, "path">) => readAll(reader({ path, ...options }), folder.path());

  it.each(files)("reads %s as it was written", async (name) => {
    const source = await read(fixture(name), { label: "species", features: ["length", "count", "colour", "pixels"] });
    expect(source.featureNames?.slice(0, 6)).toEqual(["length", "count", "colour=blue", "colour=green", "colour=red", "pixels[0]"]);
    const expected = Array.from({ length: 60 }, (_, i) => [
      i / 4,
      3 * i,
      ...["blue", "green", "red"].map((colour) => Number(colour === ["red", "green", "blue"][i % 3])),
      ...[i, i + 1, i + 2, i + 3],
    ]);
    expect(features(source.train)).toEqual(expected);
    expect(source.labels).toEqual({ kind: "classes", count: 2, names: ["setosa", "virginica"] });
    expect([...source.train.columns[1]]).toEqual(expected.map((_, i) => (i + 1) % 2));

    const image = await read(fixture(name), { label: "length", features: ["pixels"] });
    expect(image.fields[0].shape).toEqual([2, 2]);
    expect(image.labels.kind).toBe("values");
  });

  it("reads on from any sample, and several files as one", async () => {
    const spec = reader({ path: files.map(fixture), label: "species", features: ["count"] });
    const find = (paths: Parameters<typeof findFiles>[0]) =>
      findFiles(paths, { baseDirectory: "/", fetch: () => Promise.reject(new Error("nothing is fetched here")) });
    const source = await readSource(spec, { baseDirectory: "/", find });
    expect(source.train.count).toBe(60 * files.length);
    expect([...(await collect(source.train, 53)).columns[0].subarray(0, 9)]).toEqual([159, 162, 165, 168, 171, 174, 177, 0, 3]);
  });

  it("names file, row and column of a value that is missing", async () => {
    for (const name of files) {
      const refused = await refusal(() => read(fixture(name), { label: "species", features: ["gap"] }));
      expect(refused).toMatchObject({ code, message: `${fixture(name)}, row 41: column "gap" is empty: the value is missing` });
      expect((await read(fixture(name), { label: "species", features: ["gap"], missing: "skip" })).train.count).toBe(59);
    }
  });

  it("refuses wrong columns, other files and damaged ones", async () => {
    const wrong = await refusal(() => read(fixture(files[0]), { label: "specis" }));
    expect(wrong).toMatchObject({ code, remedy: 'Did you mean "species"?' });
    await folder.write("page", "<html>not found</html>");
    const page = await refusal(() => read("page", { label: "y" }));
    expect(page).toMatchObject({ code, message: expect.stringContaining("it looks like a web page") as string });
    const bytes = await readFile(fixture(files[0]));
    await folder.write("cut", bytes.subarray(0, bytes.length / 2));
    const cut = await refusal(() => read("cut", { label: "species" }));
    expect(cut).toMatchObject({ code, message: expect.stringMatching(/begins as Arrow|its beginning is there/) as string });
    await folder.write("empty", "");
    expect((await refusal(() => read("empty", { label: "species" }))).code).toBe(code);
  });
});

describe("a compressed Arrow file", () => {
  it("may have blocks that refer back to each other, and dictionaries", async () => {
    const read = (options: Omit<TableOptions, "path">) =>
      readAll(arrow({ path: fixture("long-lz4.arrow"), ...options }), folder.path());
    const numbers = await read({ label: "whole", features: ["pair"], task: "values" });
    const kinds = await read({ label: "kind", features: ["pair"] });
    expect(features(kinds.train)).toEqual(Array.from({ length: 20_000 }, (_, i) => [(i % 50) / 2, i % 3]));
    expect([...kinds.train.columns[1]]).toEqual(Array.from({ length: 20_000 }, (_, i) => Math.floor(i / 7) % 2));
    expect([...numbers.train.columns[1]]).toEqual(Array.from({ length: 20_000 }, (_, i) => (i * i) % 1000));
  });

  it("is refused where it is damaged", async () => {
    for (const name of ["rows-lz4.arrow", "rows-zstd.arrow"]) {
      const bytes = Buffer.from(await readFile(fixture(name)));
      const magic = Buffer.from(name.includes("lz4") ? [4, 34, 77, 24] : [40, 181, 47, 253]);
      bytes.fill(0xff, bytes.indexOf(magic) + 4, bytes.indexOf(magic) + 40);
      await folder.write(name, bytes);
      const refused = await refusal(() => readAll(arrow({ path: name, label: "species" }), folder.path()));
      expect(refused).toMatchObject({ code: "DATA_ARROW_INVALID" });
      expect(refused.message).toContain(`${name}: the file begins as Arrow, and cannot be read to its end: `);
    }
  });
});

describe("several files of a table", () => {
  it("have the same columns, in any order, and their own lines", async () => {
    await folder.write("part-1.csv", "a,b,y\n1,2,0\n3,4,1\n");
    await folder.write("part-2.tsv", "y\tb\ta\n0\t6\t5\n1\tx\t7\n");
    const refused = await refusal(() => readAll(csv({ path: "part-*.*sv", label: "y" }), folder.path()));
    expect(refused.message).toContain('part-2.tsv:3: column "b" holds "x"');
    await folder.write("part-2.tsv", "y\tb\ta\n0\t6\t5\n1\t8\t7\n");
    const source = await readAll(csv({ path: "part-*.*sv", label: "y" }), folder.path());
    expect(features(source.train)).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
      [7, 8],
    ]);
    await folder.write("part-3.csv", "a,c,y\n1,2,0\n");
    expect((await refusal(() => readAll(csv({ path: "part-*.*sv", label: "y" }), folder.path()))).message).toContain(
      'part-3.csv: there is no column "b", which',
    );
  });

  it("are found by patterns, and by names that look like patterns", async () => {
    await folder.write("odd [1].csv", "a,y\n1,0\n2,1\n");
    expect((await readAll(csv({ path: "odd [1].csv", label: "y" }), folder.path())).train.count).toBe(2);
    const none = await refusal(() => readAll(csv({ path: "none/*.csv", label: "y" }), folder.path()));
    expect(none).toMatchObject({ code: "DATA_NOT_FOUND", message: `"none/*.csv" matches no file in ${folder.path()}` });
    await copyFile(join(folder.path(), "odd [1].csv"), join(folder.path(), "b.csv"));
    expect((await readAll(csv({ path: ["odd*.csv", "b.csv"], label: "y" }), folder.path())).train.count).toBe(4);
  });
});
