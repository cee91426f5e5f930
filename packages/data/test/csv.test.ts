// CSV files: numbers, kinds, classes and values; and for every mistake the file, the line and the column.
import { type CsvSpec, csv } from "@tabgrad/core";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Samples } from "../src/samples.ts";
import { parseNumber } from "../src/table/cells.ts";
import { CsvRows } from "../src/table/csv-rows.ts";
import { type CsvFormat, openCsv } from "../src/table/csv.ts";
import { parseDecimal } from "../src/table/decimal.ts";
import { readAll, type ReadSource, refusal, testFolder } from "./data-files.ts";

const folder = testFolder();
/** The whole table in a file; `lines` are those that its rows say they stand on. */
async function parse(text: string | Uint8Array, format: CsvFormat = {}) {
  const path = await folder.write("x.csv", text);
  const table = await openCsv({ path, name: "x.csv" }, format);
  const columns: string[][] = table.names.map(() => []);
  const lines: number[] = [];
  for await (const batch of table.batches([])) {
    for (let row = 0; row < batch.rows; row += 1) {
      batch.columns.forEach((cells, c) => columns[c].push(cells.at(row) as string));
      lines.push(Number(/^x\.csv:(\d+)$/.exec(batch.place(row))![1]));
    }
  }
  return { names: table.names, columns, lines };
}

let files = 0;
/** Reads `text` as the training file. */
async function read(text: string | Uint8Array, options: Omit<CsvSpec, "kind" | "path">): Promise<ReadSource> {
  files += 1;
  const path = `${files}.csv`;
  await folder.write(path, text);
  return readAll(csv({ path, ...options }), folder.path());
}

/** The features of every row, and the labels. */
const rowsOf = ({ count, columns: [features, labels] }: Samples): [number[][], number[]] => [
  Array.from({ length: count }, (_, row) => [
    ...features.subarray((row * features.length) / count, ((row + 1) * features.length) / count),
  ]),
  [...labels],
];

describe("openCsv", () => {
  it("reads quotes, blank lines, a byte order mark and every kind of line break, and counts lines as an editor does", async () => {
    for (const end of ["\n", "\r\n", "\r"]) {
      const text = ["\ufeffname, value", "", '"a, b",1', `"two${end}lines", 2`, "   ", '"say ""hi""",3', ""].join(end);
      expect(await parse(text)).toEqual({
        names: ["name", "value"],
        columns: [
          ["a, b", "two\nlines", 'say "hi"'],
          ["1", "2", "3"],
        ],
        lines: [3, 4, 7],
      });
    }
    expect((await parse("a,b\r\n1,2\n3,4")).lines).toEqual([2, 3]);
  });

  it("finds the separator in the first line, unless it is given", async () => {
    expect((await parse("a;b\n1,5;2")).columns).toEqual([["1,5"], ["2"]]);
    expect((await parse("a\tb\n1\t2")).names).toEqual(["a", "b"]);
    expect((await parse('"a,b,c"|d\n1|2')).names).toEqual(["a,b,c", "d"]);
    expect((await parse("a\n1")).names).toEqual(["a"]);
    expect((await parse("a;b\n1;2", { delimiter: "," })).names).toEqual(["a;b"]);
  });

  it("names columns that have no name", async () => {
    expect(await parse("1,2\n3,4", { header: false })).toMatchObject({ names: ["column 0", "column 1"], lines: [1, 2] });
    expect((await parse(",b\n3,4")).names).toEqual(["column 0", "b"]);
  });

  it.each([
    ["a row that is too short", "a,b\n1,2\n\n3\n", 'x.csv:4: the row has 1 column; expected 2, as line 1 has: "a", "b"'],
    ["a row that is too long", "a,b\n1,2,3\n", "x.csv:2: the row has 3 columns; expected 2"],
    ["a ragged row after a cell of two lines", 'a,b\n"1\n",2\n3\n', "x.csv:4: the row has 1 column"],
    ["an open quote", 'a,b\n1,"2\n3,4\n', "x.csv:2: the file ends within a quoted cell, cell 2 of this row"],
    ["an open quote in a row of several lines", 'a,b\n"1\n2","3\n', "x.csv:3: the file ends within a quoted cell, cell 2"],
    ["text after a quote", 'a,b\n1,"2"3\n', "x.csv:2: text follows the closing quote of cell 2"],
    ["a quote within a cell", 'a,b\n1,"x"\n3,4"5\n', "x.csv:3: there is a quote within cell 2, which does not begin with one"],
    ["two columns of one name", "a,b,a\n1,2,3\n", 'x.csv:1: two columns are called "a"'],
    ["an empty file", "", "x.csv: the file is empty"],
    ["blank lines only", "\n \n", "x.csv: the file is empty"],
    ["a header alone", "a,b\n", 'x.csv:1: there is nothing but a header: "a", "b"'],
    ["binary data", "PK\u0003\u0004\0\0\0", "x.csv: the file is no UTF-8 text; it looks like a ZIP archive or a spreadsheet"],
  ])("refuses %s", async (_, text, message) => {
    const refused = await refusal(() => parse(text));
    expect(refused.code).toBe("DATA_CSV_INVALID");
    expect(refused.message).toContain(message);
    expect(refused.remedy.length).toBeGreaterThan(10);
  });

  it("refuses text in another encoding", async () => {
    const bytes = Uint8Array.from(Buffer.from("name\nM\u00fcller", "latin1"));
    expect((await refusal(() => parse(bytes))).message).toBe("x.csv: the file is no UTF-8 text");
  });

  it("reads the same wherever the text is cut", () => {
    const text = Buffer.from('a,b\r\n"x ""1"" ",2\r\n\n  "3\r\n4" , 5\r6,é\n\u00a0\n8,""');
    const read = (pieces: readonly Uint8Array[]): unknown[] => {
      const rows: unknown[] = [];
      const parser: CsvRows = new CsvRows(",", (_, line) => rows.push([parser.rowTexts(), line]) > 0);
      for (const piece of pieces) parser.write(piece);
      parser.end();
      return rows;
    };
    const whole = read([text]);
    expect(whole).toEqual([
      [["a", "b"], 1],
      [['x "1"', "2"], 2],
      [["3\n4", "5"], 4],
      [["6", "é"], 6],
      [["8", ""], 8],
    ]);
    for (let i = 0; i <= text.length; i += 1) {
      for (let j = i; j <= text.length; j += 1)
        expect(read([text.subarray(0, i), text.subarray(i, j), text.subarray(j)])).toEqual(whole);
    }
  });

  it("reads back any table", async () => {
    const cell = fc.string({ maxLength: 6 }).map((text) => text.trim().replaceAll(/[\r\0\ufeff]/g, ""));
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 5 }),
        fc.array(fc.array(cell, { minLength: 5, maxLength: 5 }), { minLength: 1 }),
        async (width, cells) => {
          const rows = cells.map((row) => ["x", ...row].slice(0, width));
          const text = rows.map((row) => row.map((each) => `"${each.replaceAll('"', '""')}"`).join(",")).join("\n");
          const table = await parse(text, { header: false, delimiter: "," });
          expect(table.columns).toEqual(Array.from({ length: width }, (_, c) => rows.map((row) => row[c])));
        },
      ),
    );
  });
});

describe("parseDecimal", () => {
  it("finds what parseNumber finds, or leaves it to that", () => {
    const digits = fc.string({ unit: fc.constantFrom(..."0123456789"), maxLength: 17 });
    const sign = fc.constantFrom("", "+", "-");
    const spelled = fc
      .tuple(sign, digits, fc.constantFrom("", "."), digits, fc.constantFrom("", "e", "E"), sign, fc.integer({ min: 0, max: 40 }))
      .map(([plus, whole, point, fraction, e, up, power]) => `${plus}${whole}${point}${fraction}${e}${e === "" ? "" : up + power}`);
    let found = 0;
    fc.assert(
      fc.property(fc.oneof(spelled, fc.string(), fc.double().map(String)), (text) => {
        const bytes = Buffer.from(` ${text} `);
        const value = parseDecimal(bytes, 1, bytes.length - 1);
        if (value === undefined) return;
        found += 1;
        expect(value).toBe(parseNumber(text));
      }),
      { numRuns: 5000 },
    );
    expect(found).toBeGreaterThan(500);
    for (const text of ["", ".", "-", "e5", "1e", "1e+", "1.2.3", "0x10", "1_0", "١"]) {
      const bytes = Buffer.from(text);
      expect(parseDecimal(bytes, 0, bytes.length)).toBeUndefined();
    }
  });
});

describe("parseNumber", () => {
  it("takes what float32 holds, and no other spelling", () => {
    expect(["1", "-2.5", "+3", ".5", "5.", "1e3", "1E-3", "007"].map(parseNumber)).toEqual([1, -2.5, 3, 0.5, 5, 1000, 0.001, 7]);
    for (const cell of ["", "abc", "1,5", "1 000", "0x10", "0b1", "1e300", "Infinity", "NaN", "--1", "1_0"]) {
      expect(parseNumber(cell)).toBeUndefined();
    }
  });
});

describe("csv", () => {
  const iris = "length,width,colour,species\n5.1,3.5,red,setosa\n7,3.2,blue,virginica\n6.3,2.5,red,setosa\n";

  it("tells numbers from kinds, and makes one value of each kind", async () => {
    const source = await read(iris, { label: "species" });
    expect(source).toMatchObject({
      fields: [
        { name: "features", storage: "float32", shape: [4] },
        { name: "labels", storage: "uint8", shape: [] },
      ],
      labels: { kind: "classes", count: 2, names: ["setosa", "virginica"] },
      featureNames: ["length", "width", "colour=blue", "colour=red"],
      normalise: { method: "standard", columns: [true, true, false, false] },
      test: { fraction: 0.1 },
    });
    const f = Math.fround;
    expect(rowsOf(source.train)).toEqual([
      [
        [f(5.1), f(3.5), 0, 1],
        [7, f(3.2), 1, 0],
        [f(6.3), f(2.5), 0, 1],
      ],
      [0, 1, 0],
    ]);
  });

  it("takes columns by name or position, in the order asked for, from gzip as well", async () => {
    const source = await read(gzipSync(iris), { label: -1, features: ["width", 0], normalise: "none" });
    expect(source.featureNames).toEqual(["width", "length"]);
    expect(source.normalise.method).toBe("none");
    const headless = await read("1,2,yes\n3,4,no\n", { label: 2, header: false });
    expect(headless.featureNames).toEqual(["column 0", "column 1"]);
    expect(headless.labels).toEqual({ kind: "classes", count: 2, names: ["no", "yes"] });
  });

  it("keeps numbers among names as names", async () => {
    const source = await read("code,y\n1,0\na,1\n1.0,1\nb,0\na,1\nc,0\n", { label: "y" });
    expect(source.featureNames).toEqual(["code=1", "code=1.0", "code=a", "code=b", "code=c"]);
  });

  it("takes numbers for kinds where told to", async () => {
    const source = await read("month,day,y\n10,1,0\n9,2,1\n10,3,0\n", { label: "y", categorical: ["month"] });
    expect(source.featureNames).toEqual(["month=9", "month=10", "day"]);
    expect(rowsOf(source.train)[0]).toEqual([
      [0, 1, 1],
      [1, 0, 2],
      [0, 1, 3],
    ]);
  });

  it("takes a label for classes or for values by what it holds, unless told", async () => {
    const label = async (cells: string[], options = {}) =>
      (await read(`x,y\n${cells.map((cell, i) => `${i},${cell}`).join("\n")}`, { label: "y", ...options })).labels;
    expect(await label(["10", "9", "10.0"])).toEqual({ kind: "classes", count: 2, names: ["9", "10"] });
    expect(await label(["1.5", "2", "3"])).toEqual({ kind: "values", shape: [1], names: ["y"] });
    expect(await label(Array.from({ length: 30 }, (_, i) => `${i}`))).toEqual({ kind: "values", shape: [1], names: ["y"] });
    expect(await label(["1", "2"], { task: "values" })).toEqual({ kind: "values", shape: [1], names: ["y"] });
    expect(await label(["1.5", "2.5"], { task: "classes" })).toEqual({ kind: "classes", count: 2, names: ["1.5", "2.5"] });
    expect(await label(["no", "yes"], { classes: ["yes", "no", "maybe"] })).toEqual({
      kind: "classes",
      count: 3,
      names: ["yes", "no", "maybe"],
    });
    const many = await read(`x,y\n${Array.from({ length: 600 }, (_, i) => `1,k${i % 300}`).join("\n")}`, { label: "y" });
    expect(many).toMatchObject({ labels: { count: 300 }, fields: [{}, { storage: "int32" }] });
  });

  it("learns several values at once", async () => {
    const source = await read("a,b,c\n1,2,3\n4,5,6\n", { label: ["c", "a"] });
    expect(source.labels).toEqual({ kind: "values", shape: [2], names: ["c", "a"] });
    expect(source.fields[1]).toEqual({ name: "labels", storage: "float32", shape: [2] });
    expect(rowsOf(source.train)).toEqual([
      [[2], [5]],
      [3, 1, 6, 4],
    ]);
  });

  it("reads a test file by the training file's columns, kinds and classes", async () => {
    await folder.write("test.csv", "species,colour,width,length\nvirginica,red,1,2\n");
    const source = await read(iris, { label: "species", test: { path: "test.csv" } });
    expect(rowsOf(source.test as Samples)).toEqual([[[2, 1, 0, 1]], [1]]);
    const test = async (text: string) => {
      await folder.write("test.csv", text);
      return refusal(() => read(iris, { label: "species", test: { path: "test.csv" } }));
    };
    const label = await test("species,colour,width,length\nvirginica,red,1,2\nversicolor,red,1,2\n");
    expect(label.code).toBe("DATA_LABEL_OUT_OF_RANGE");
    expect(label.message).toBe(
      `${folder.path()}/test.csv:3: column "species" holds "versicolor"; expected one of "setosa", "virginica"`,
    );
    expect((await test("species,colour,width,length\nsetosa,green,1,2\n")).message).toContain(
      'test.csv:2: column "colour" holds "green"; expected one of "blue", "red"',
    );
    expect((await test("species,colour,width\nsetosa,red,1\n")).message).toContain('there is no column "length" (features)');
  });

  const wrong = (text: string, options: Omit<CsvSpec, "kind" | "path">) => refusal(() => read(text, options));

  it("names the columns there are where one is missing", async () => {
    const refused = await wrong(iris, { label: "speces" });
    expect(refused.code).toBe("DATA_CSV_INVALID");
    expect(refused.message).toContain(
      'there is no column "speces" (label); the 4 columns are "length", "width", "colour", "species"',
    );
    expect(refused.remedy).toBe('Did you mean "species"?');
    expect((await wrong("5.1,3.5,a\n4.9,3,b\n", { label: "species" })).remedy).toContain("header: false");
    for (const label of [4, -5]) expect((await wrong(iris, { label })).message).toContain(`there is no column ${label}`);
    expect((await wrong(iris, { label: "species", features: ["height"] })).message).toContain('"height" (features)');
  });

  it("names line and column of a cell that is missing or no number", async () => {
    const cell = async (value: string) =>
      (await wrong(`a,b,y\n1,2,0\n3,${value},1\n5,6,0\n`, { label: "y" })).message.replace(/.*\.csv/, "");
    expect(await cell("")).toBe(':3: column "b" is empty: the value is missing');
    expect(await cell("NA")).toBe(':3: column "b" holds "NA": the value is missing');
    expect(await cell("?")).toContain("the value is missing");
    expect(await cell("4O")).toBe(':3: column "b" holds "4O"; expected a number that float32 can hold');
    expect(await cell("1e99")).toContain('holds "1e99"; expected a number');
    expect((await wrong("a,y\n,0\n,1\n", { label: "y" })).message).toContain(':2: column "a" is empty');
    expect((await wrong("a,y\nred,0\n,1\nred,1\n", { label: "y" })).message).toContain(':3: column "a" is empty');
    expect((await wrong("a,y\n1,0\n2,\n", { label: "y" })).message).toContain(':3: column "y" is empty');
    expect((await wrong("a,y\n1,0\n2,1\n3,x\n", { label: "y" })).message).toContain(':4: column "y" holds "x"; expected a number');
    expect((await wrong("a,y\nred,0\n2,1\n", { label: "y", categorical: [] })).message).toContain(':2: column "a" holds "red"');
  });

  it("refuses keys for kinds and for classes", async () => {
    const people = (label: (i: number) => string) =>
      `name,y\n${Array.from({ length: 150 }, (_, i) => `person ${i},${label(i)}`).join("\n")}`;
    const key = await wrong(
      people((i) => `${i % 2}`),
      { label: "y" },
    );
    expect(key.message).toContain('column "name" holds 150 different texts in 150 rows; expected numbers, or at most 100 kinds');
    const source = await read(
      people((i) => `${i % 2}`),
      { label: "y", categorical: ["name"] },
    );
    expect(source.fields[0].shape).toEqual([150]);
    expect(
      (
        await wrong(
          people((i) => `text ${i}`),
          { label: "y", categorical: ["name"] },
        )
      ).message,
    ).toContain("(label) holds 150 different texts");
    expect((await wrong("a,y\n1,x\n2,x\n", { label: "y" })).message).toContain('(label) holds "x" in every row');
  });

  it("refuses contradictions between columns", async () => {
    expect((await wrong("a,b\n1,0\n", { label: "b", features: ["a", "b"] })).message).toContain(
      '"b" is both a label and a feature',
    );
    expect((await wrong("a,b\n1,0\n", { label: "b", features: ["a", 0] })).message).toContain('"a" is in "features" twice');
    expect((await wrong("a,b\n1,0\n", { label: ["b", -1] })).message).toContain('"b" is in "label" twice');
    expect((await wrong("a,b,c\n1,0,2\n", { label: "b", features: ["a"], categorical: ["c"] })).message).toContain(
      '"c" is categorical, but not',
    );
    expect((await wrong("b\n1\n", { label: "b" })).message).toContain("no column but the label");
  });
});
