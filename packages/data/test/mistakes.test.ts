// What a person gets wrong about the files of each reader: the message says where, what came and what was expected, and the remedy what to
// do. Each reader's own test has the finer points of its format.
import { Buffer } from "node:buffer";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { arrow, cifar, csv, type DataSpec, idx, imageFolder, jsonLines, npy, npz, parquet, text } from "@tabgrad/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDataset } from "../src/open.ts";
import { idxBytes, refusal, testFolder } from "./data-files.ts";

const folder = testFolder();
const fixture = (name: string): Promise<Buffer> => readFile(join(import.meta.dirname, "fixtures", name));
const lines = (header: string, row: (i: number) => string): string =>
  [header, ...Array.from({ length: 20 }, (_, i) => row(i))].join("\n");
const rows = lines("x,y,kind", (i) => `${i},${i % 3},${i % 2 ? "a" : "b"}`);
const objects = Array.from({ length: 9 }, (_, i) => ({ x: i, y: i % 2 }));

function npyBytes(descr: string, shape: string, values: Uint8Array): Buffer {
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`.padEnd(117) + "\n";
  const begin = Buffer.alloc(10);
  begin.write("\x93NUMPY\x01\x00", "latin1");
  begin.writeUInt16LE(header.length, 8);
  return Buffer.concat([begin, Buffer.from(header), values]);
}
const floats = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);

let server: Server;
let address = "";
beforeAll(async () => {
  server = createServer((request, response) => {
    response.statusCode = request.url === "/page" ? 200 : Number(request.url?.slice(1));
    response.end("<!doctype html><p>Please log in");
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const c11 = new Uint8Array(2 * 3073);
  c11[3073] = 12;
  const files: Record<string, string | Uint8Array> = {
    "rows.csv": rows,
    "cut.csv.gz": gzipSync(rows).subarray(0, 40),
    "ragged.csv": rows.replace("5,2,a", "5,2"),
    "nan.csv": rows.replace("5,2,a", "NaN,2,a"),
    "word.csv": rows.replace("5,2,a", "five,2,a"),
    "unlabelled.csv": rows.replace("5,2,a", "5,2,"),
    "comma.csv": lines("x;kind", (i) => `${i},5;${i % 2 ? "a" : "b"}`),
    "comma-label.csv": lines("x;price", (i) => `${i};${i % 4},5`),
    "one-kind.csv": lines("x,kind", (i) => `${i},a`),
    "other.csv": "x,y,kind\n1,2,c\n2,2,a\n",
    "fewer.csv": "x,kind\n1,a\n2,b\n",
    "latin1.csv": Buffer.from("x,kind\n1,caf\u00e9\n", "latin1"),
    "page.csv": "<!doctype html><p>Please log in",
    "lfs.csv": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n",
    "rows.json": JSON.stringify(objects),
    "pretty.json": JSON.stringify(objects, null, 2),
    "rows.jsonl": objects.map((object) => JSON.stringify(object)).join("\n"),
    "gap.jsonl": '{"x":1,"y":0}\n{"y":1}\n',
    "x.npy": npyBytes("<f4", "(3, 2)", floats(1, 2, 3, 4, 5, 6)),
    "nan.npy": npyBytes("<f4", "(3, 2)", floats(1, 2, NaN, 4, 5, 6)),
    "y.npy": npyBytes("|u1", "(3,)", Uint8Array.of(0, 1, 0)),
    "short.npy": npyBytes("|u1", "(2,)", Uint8Array.of(0, 1)),
    "object.npy": npyBytes("|O", "(3, 2)", new Uint8Array(48)),
    "images.idx": idxBytes(
      0x08,
      [3, 2, 2],
      Array.from({ length: 12 }, (_, i) => i),
    ),
    "labels.idx": idxBytes(0x08, [3], [0, 1, 2]),
    "nan.idx": idxBytes(0x0d, [3, 1], [1, NaN, 2]),
    "label12.bin": c11,
    "cifar100.bin": new Uint8Array(3074 * 2),
    "book.txt": "To be or not to be, that is the question. ".repeat(9),
    "street.txt": "Z\u00fcrich",
    "binary.txt": Uint8Array.of(0, 255, 254),
    empty: "",
    "flat/cat.png": "no image",
    "broken/cat/1.png": "no image",
    "broken/dog/1.png": "no image",
    "bare/cat/readme.txt": "no image",
    "rows.parquet": await fixture("rows-zstd.parquet"),
    "cut.parquet": (await fixture("rows-zstd.parquet")).subarray(0, 300),
    "rows.arrow": await fixture("rows.arrow"),
    "cut.arrow": (await fixture("rows.arrow")).subarray(0, 700),
    "arrays.npz": await fixture("arrays.npz"),
  };
  for (const [name, content] of Object.entries(files)) await folder.write(name, content);
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const open = (spec: DataSpec) =>
  openDataset(spec, { baseDirectory: folder.path(), seed: 1, cache: folder.path() + "/cache", memory: 2 ** 30 });
const ofKind = (path: string, more = {}): DataSpec => csv({ path, label: "kind", ...more });

type Case = readonly [what: string, spec: () => DataSpec, code: string, message: RegExp, remedy: RegExp];

describe.each<[string, readonly Case[]]>([
  [
    "where files are",
    [
      [
        "a misspelled path",
        () => ofKind("rwos.csv"),
        "DATA_NOT_FOUND",
        /"rwos\.csv": .*rwos\.csv does not exist/,
        /Did you mean .*rows\.csv/,
      ],
      ["a folder", () => ofKind("flat"), "DATA_NOT_FOUND", /flat is a folder; expected a file/, /cat\.png/],
      ["a pattern of nothing", () => ofKind("*.tsv"), "DATA_NOT_FOUND", /"\*\.tsv" matches no file in /, /Check the pattern/],
      [
        "a package that is not there",
        () => ofKind("npm:no-data/x.csv"),
        "DATA_NOT_FOUND",
        /"no-data" is not installed/,
        /npm install no-data/,
      ],
      ["a lost address", () => ofKind(`${address}/404`), "DATA_NOT_FOUND", /\/404: the server answered 404/, /Check the address/],
      [
        "a locked address",
        () => ofKind(`${address}/401`),
        "DATA_FETCH_FAILED",
        /\/401: the server answered 401/,
        /fetch the file by hand/,
      ],
      ["a broken server", () => ofKind(`${address}/500`), "DATA_FETCH_FAILED", /\/500: the server answered 500/, /try again later/],
      [
        "another scheme",
        () => ofKind("s3://bucket/rows.csv"),
        "DATA_FETCH_FAILED",
        /s3:\/\/bucket\/rows\.csv: addresses of s3 are not read; expected http or https/,
        /by hand/,
      ],
      [
        "a damaged gzip file",
        () => ofKind("cut.csv.gz"),
        "DATA_UNREADABLE",
        /cut\.csv\.gz begins like a gzip file .* cannot be unpacked/,
        /fetch it again/,
      ],
    ],
  ],
  [
    "csv",
    [
      ["an empty file", () => ofKind("empty"), "DATA_CSV_INVALID", /empty: the file is empty/, /Check the path/],
      [
        "a ragged row",
        () => ofKind("ragged.csv"),
        "DATA_CSV_INVALID",
        /ragged\.csv:7: the row has 2 columns; expected 3/,
        /quotes/,
      ],
      [
        "a misspelled label",
        () => ofKind("rows.csv", { label: "knid" }),
        "DATA_CSV_INVALID",
        /rows\.csv: there is no column "knid" \(label\); the 3 columns are "x"/,
        /Did you mean "kind"\?/,
      ],
      [
        "a misspelled feature",
        () => ofKind("rows.csv", { features: ["Y"] }),
        "DATA_CSV_INVALID",
        /no column "Y" \(features\)/,
        /Did you mean "y"/,
      ],
      [
        "a position that is not there",
        () => ofKind("rows.csv", { label: 3 }),
        "DATA_CSV_INVALID",
        /no column 3 \(label\)/,
        /Name one of these columns/,
      ],
      [
        "a missing number",
        () => ofKind("nan.csv"),
        "DATA_CSV_INVALID",
        /nan\.csv:7: column "x" holds "NaN": the value is missing/,
        /missing: "skip"/,
      ],
      [
        "a missing label",
        () => ofKind("unlabelled.csv"),
        "DATA_CSV_INVALID",
        /unlabelled\.csv:7: column "kind" is empty/,
        /missing: "skip"/,
      ],
      [
        "a word among numbers",
        () => ofKind("word.csv"),
        "DATA_CSV_INVALID",
        /word\.csv:7: column "x" holds "five"; expected a number/,
        /"categorical"/,
      ],
      [
        "decimal commas",
        () => ofKind("comma.csv"),
        "DATA_CSV_INVALID",
        /comma\.csv: column "x" holds "0,5"; expected a decimal point, as in "0\.5"/,
        /Write decimal points/,
      ],
      [
        "decimal commas in the label",
        () => csv({ path: "comma-label.csv", label: "price" }),
        "DATA_CSV_INVALID",
        /column "price" holds "0,5"; expected a decimal point/,
        /task: "classes"/,
      ],
      ["one class", () => ofKind("one-kind.csv"), "DATA_CSV_INVALID", /"kind" \(label\) holds "a" in every row/, /classes/],
      [
        "an unknown class",
        () => ofKind("rows.csv", { test: { path: "other.csv" } }),
        "DATA_LABEL_OUT_OF_RANGE",
        /other\.csv:2: column "kind" holds "c"; expected one of "a", "b"/,
        /classes/,
      ],
      [
        "a column less",
        () => ofKind("rows.csv", { test: { path: "fewer.csv" } }),
        "DATA_CSV_INVALID",
        /fewer\.csv: there is no column "y"/,
        /./,
      ],
      [
        "files that do not match",
        () => ofKind(["rows.csv", "fewer.csv"] as never),
        "DATA_CSV_INVALID",
        /fewer\.csv: there is no column "y", which .*rows\.csv has/,
        /the same columns/,
      ],
      ["another encoding", () => ofKind("latin1.csv"), "DATA_CSV_INVALID", /latin1\.csv: the file is no UTF-8 text/, /UTF-8/],
      ["a web page", () => ofKind("page.csv"), "DATA_CSV_INVALID", /page\.csv:1: .*it looks like a web page/, /rows and columns/],
      [
        "a fetched web page",
        () => ofKind(`${address}/page`),
        "DATA_CSV_INVALID",
        /\/page:1: .*it looks like a web page/,
        /rows and columns/,
      ],
      ["a Git LFS pointer", () => ofKind("lfs.csv"), "DATA_CSV_INVALID", /lfs\.csv:1: .*Git LFS pointer.*git lfs pull/, /./],
      [
        "another format",
        () => ofKind("rows.parquet"),
        "DATA_CSV_INVALID",
        /rows\.parquet: the file is no UTF-8 text; it looks like a Parquet file/,
        /./,
      ],
    ],
  ],
  [
    "jsonLines",
    [
      [
        "a list of rows on one line",
        () => jsonLines({ path: "rows.json", label: "y" }),
        "DATA_JSON_INVALID",
        /rows\.json:1: the line holds a list; expected an object/,
        /jq -c/,
      ],
      [
        "a list of rows on many lines",
        () => jsonLines({ path: "pretty.json", label: "y" }),
        "DATA_JSON_INVALID",
        /pretty\.json:1: the line is not JSON/,
        /jq -c/,
      ],
      [
        "a missing field",
        () => jsonLines({ path: "gap.jsonl", label: "y" }),
        "DATA_JSON_INVALID",
        /gap\.jsonl:2: column "x" is empty/,
        /missing: "skip"/,
      ],
      [
        "a misspelled field",
        () => jsonLines({ path: "rows.jsonl", label: "yy" }),
        "DATA_JSON_INVALID",
        /there is no column "yy"/,
        /Did you mean "y"/,
      ],
      [
        "a table",
        () => jsonLines({ path: "rows.csv", label: "y" }),
        "DATA_JSON_INVALID",
        /rows\.csv:1: the line is not JSON/,
        /JSON object on each line/,
      ],
      ["a web page", () => jsonLines({ path: "page.csv", label: "y" }), "DATA_JSON_INVALID", /page\.csv:1: .*web page/, /./],
    ],
  ],
  [
    "parquet and arrow",
    [
      [
        "half a Parquet file",
        () => parquet({ path: "cut.parquet", label: "species" }),
        "DATA_PARQUET_INVALID",
        /cut\.parquet: .*its beginning is there, its end is not/,
        /damaged/,
      ],
      [
        "no Parquet file",
        () => parquet({ path: "rows.csv", label: "species" }),
        "DATA_PARQUET_INVALID",
        /rows\.csv: the file cannot be read as Parquet/,
        /Parquet file/,
      ],
      [
        "a misspelled column",
        () => parquet({ path: "rows.parquet", label: "spezies" }),
        "DATA_PARQUET_INVALID",
        /no column "spezies"/,
        /Did you mean "species"/,
      ],
      [
        "half an Arrow file",
        () => arrow({ path: "cut.arrow", label: "species" }),
        "DATA_ARROW_INVALID",
        /cut\.arrow: the file begins as Arrow, and cannot be read to its end$/,
        /truncated or damaged/,
      ],
      [
        "no Arrow file",
        () => arrow({ path: "rows.parquet", label: "species" }),
        "DATA_ARROW_INVALID",
        /begins neither as an Arrow file .*Parquet/,
        /Feather/,
      ],
      [
        "a misspelled feature",
        () => arrow({ path: "rows.arrow", label: "species", features: ["lenght"] }),
        "DATA_ARROW_INVALID",
        /no column "lenght"/,
        /Did you mean "length"/,
      ],
    ],
  ],
  [
    "npy and npz",
    [
      [
        "objects",
        () => npy({ train: { features: "object.npy", labels: "y.npy" } }),
        "DATA_NPY_INVALID",
        /object\.npy has the dtype "\|O"; expected a number/,
        /astype/,
      ],
      [
        "NaN",
        () => npy({ train: { features: "nan.npy", labels: "y.npy" } }),
        "DATA_NPY_INVALID",
        /nan\.npy has NaN in sample 1 .*; expected finite numbers/,
        /remove the sample/,
      ],
      [
        "a label less",
        () => npy({ train: { features: "x.npy", labels: "short.npy" } }),
        "DATA_NPY_INVALID",
        /x\.npy has 3 samples and .*short\.npy has 2 labels/,
        /belong together/,
      ],
      [
        "swapped arrays",
        () => npy({ train: { features: "y.npy", labels: "x.npy" } }),
        "DATA_NPY_INVALID",
        /y\.npy is \[3\] .*; expected features of at least two dimensions/,
        /swapped/,
      ],
      [
        "a table",
        () => npy({ train: { features: "rows.csv", labels: "y.npy" } }),
        "DATA_NPY_INVALID",
        /rows\.csv is no npy file/,
        /numpy\.save/,
      ],
      [
        "a misspelled array",
        () => npz({ path: "arrays.npz", train: { features: "x_trian", labels: "y_train" } }),
        "DATA_NPY_INVALID",
        /arrays\.npz has no array "x_trian"; it has "x_train"/,
        /Did you mean "x_train"/,
      ],
      [
        "an npy file",
        () => npz({ path: "x.npy", train: { features: "x", labels: "y" } }),
        "DATA_NPY_INVALID",
        /x\.npy cannot be read as an npz file/,
        /numpy\.savez/,
      ],
    ],
  ],
  [
    "idx",
    [
      [
        "swapped files",
        () => idx({ train: { images: "labels.idx", labels: "images.idx" } }),
        "DATA_IDX_INVALID",
        /labels\.idx is \[3\] .*; expected features/,
        /swapped/,
      ],
      [
        "too few classes",
        () => idx({ train: { images: "images.idx", labels: "labels.idx" }, classes: 2 }),
        "DATA_LABEL_OUT_OF_RANGE",
        /labels\.idx: label 2 of sample 2 .*; expected one of the 2 classes/,
        /"classes"/,
      ],
      [
        "NaN",
        () => idx({ train: { images: "nan.idx", labels: "labels.idx" } }),
        "DATA_IDX_INVALID",
        /nan\.idx has NaN in sample 1/,
        /remove the sample/,
      ],
      [
        "a table",
        () => idx({ train: { images: "rows.csv", labels: "labels.idx" } }),
        "DATA_IDX_INVALID",
        /rows\.csv is no IDX file/,
        /IDX file/,
      ],
      [
        "an empty file",
        () => idx({ train: { images: "empty", labels: "labels.idx" } }),
        "DATA_IDX_INVALID",
        /empty has 0 bytes/,
        /./,
      ],
    ],
  ],
  [
    "cifar",
    [
      [
        "another dataset",
        () => cifar({ path: "cifar100.bin" }),
        "DATA_CIFAR_INVALID",
        /cifar100\.bin has 6148 bytes; expected a multiple of 3073/,
        /CIFAR-100/,
      ],
      [
        "a label outside",
        () => cifar({ path: "label12.bin" }),
        "DATA_LABEL_OUT_OF_RANGE",
        /label12\.bin: label 12 of sample 1/,
        /./,
      ],
      ["an empty file", () => cifar({ path: "empty" }), "DATA_CIFAR_INVALID", /empty has 0 bytes/, /./],
    ],
  ],
  [
    "imageFolder",
    [
      [
        "a misspelled folder",
        () => imageFolder({ path: "brokne" }),
        "DATA_NOT_FOUND",
        /brokne does not exist/,
        /Did you mean .*broken/,
      ],
      ["a file", () => imageFolder({ path: "rows.csv" }), "DATA_NOT_FOUND", /rows\.csv is a file; expected a folder/, /folder/],
      [
        "no folders",
        () => imageFolder({ path: "flat" }),
        "DATA_IMAGE_INVALID",
        /flat has no folders; it has "cat\.png"/,
        /one folder for each class/,
      ],
      ["no images", () => imageFolder({ path: "bare" }), "DATA_IMAGE_INVALID", /bare.cat has no PNG or JPEG files/, /Add some/],
      [
        "a broken image",
        () => imageFolder({ path: "broken" }),
        "DATA_IMAGE_INVALID",
        /broken.cat.1\.png: the image cannot be read/,
        /replace it or remove it/,
      ],
      [
        "a class that is not listed",
        () => imageFolder({ path: "broken", classes: ["cat", "cow"] }),
        "DATA_LABEL_OUT_OF_RANGE",
        /broken.dog: the folder is none of the classes; expected one of "cat", "cow"/,
        /classes/,
      ],
    ],
  ],
  [
    "text",
    [
      [
        "an empty text",
        () => text({ path: "empty", length: 4 }),
        "DATA_TEXT_INVALID",
        /empty: there are 0 different characters/,
        /Check the path/,
      ],
      [
        "a text that is too short",
        () => text({ path: "street.txt", length: 40 }),
        "DATA_TEXT_INVALID",
        /street\.txt: there is no sequence of 40 tokens/,
        /smaller "length"/,
      ],
      [
        "bytes",
        () => text({ path: "binary.txt", length: 4 }),
        "DATA_TEXT_INVALID",
        /binary\.txt: the file is no UTF-8 text/,
        /UTF-8/,
      ],
      [
        "an unknown character",
        () => text({ path: "book.txt", length: 4, test: { path: "street.txt" } }),
        "DATA_TEXT_INVALID",
        /street\.txt:1: the character "Z"/,
        /Replace it/,
      ],
    ],
  ],
])("%s", (_, cases) => {
  it.each(cases)("refuses %s", async (_what, spec, code, message, remedy) => {
    const refused = await refusal(() => open(spec()));
    expect(refused).toEqual({
      code,
      message: expect.stringMatching(message) as string,
      remedy: expect.stringMatching(remedy) as string,
    });
  });
});
