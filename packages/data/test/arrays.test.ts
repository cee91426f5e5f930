// NumPy's and CIFAR's files: every type, order and version, and what is said of files that are not what they should be.
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { cifar, npy, type NpyOptions, npz, type NpzOptions } from "@tabgrad/core";
import { describe, expect, it } from "vitest";
import { openNpy } from "../src/arrays/npy.ts";
import type { Samples } from "../src/samples.ts";
import { readAll, refusal, testFolder } from "./data-files.ts";

const folder = testFolder();
const fixtures = join(import.meta.dirname, "fixtures");

/** The bytes of an npy file. */
function npyBytes(dtype: string, shape: readonly number[], data: Uint8Array, { version = 1, fortran = false } = {}): Uint8Array {
  const comma = shape.length === 1 ? "," : "";
  const text = `{'descr': '${dtype}', 'fortran_order': ${fortran ? "True" : "False"}, 'shape': (${shape.join(", ")}${comma}), }`;
  const header = new TextEncoder().encode(`${text}\n`);
  const length = version === 1 ? Uint16Array.of(header.length) : Uint32Array.of(header.length);
  return Uint8Array.from([0x93, ...Buffer.from("NUMPY"), version, 0, ...new Uint8Array(length.buffer), ...header, ...data]);
}

const float32 = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);
const int64 = (...values: number[]): Uint8Array => new Uint8Array(BigInt64Array.from(values.map(BigInt)).buffer);

async function values(bytes: Uint8Array, from = 0): Promise<{ storage: string; shape: readonly number[]; values: number[] }> {
  const path = await folder.write("x.npy", bytes);
  const { storage, shape, blocks } = await openNpy({ path, name: "x.npy" });
  const all: number[] = [];
  for await (const block of blocks(from)) all.push(...block);
  return { storage, shape, values: all };
}

describe("openNpy", () => {
  const view = (size: number, write: (view: DataView) => void): Uint8Array => {
    const buffer = new ArrayBuffer(size);
    write(new DataView(buffer));
    return new Uint8Array(buffer);
  };

  it.each<[string, Uint8Array, string, number[]]>([
    ["|b1", Uint8Array.of(0, 1, 7), "uint8", [0, 1, 1]],
    ["|u1", Uint8Array.of(0, 255, 3), "uint8", [0, 255, 3]],
    ["|i1", Uint8Array.of(0, 255, 128), "int32", [0, -1, -128]],
    ["<u2", Uint8Array.of(1, 0, 255, 255), "int32", [1, 65535]],
    [">u2", Uint8Array.of(0, 1, 255, 254), "int32", [1, 65534]],
    ["<i2", Uint8Array.of(1, 0, 255, 255), "int32", [1, -1]],
    ["<i4", new Uint8Array(Int32Array.of(5, -6).buffer), "int32", [5, -6]],
    [">i4", view(8, (v) => (v.setInt32(0, 5), v.setInt32(4, -6))), "int32", [5, -6]],
    ["<u4", new Uint8Array(Uint32Array.of(5, 2 ** 31 - 1).buffer), "int32", [5, 2 ** 31 - 1]],
    ["<i8", int64(-(2 ** 31), 7), "int32", [-(2 ** 31), 7]],
    [">i8", view(8, (v) => v.setBigInt64(0, -9n)), "int32", [-9]],
    ["<u8", int64(0, 9), "int32", [0, 9]],
    ["<f4", float32(1.5, -2), "float32", [1.5, -2]],
    [">f4", view(8, (v) => (v.setFloat32(0, 1.5), v.setFloat32(4, -2))), "float32", [1.5, -2]],
    ["<f8", new Uint8Array(Float64Array.of(0.25, 3).buffer), "float32", [0.25, 3]],
    [">f8", view(8, (v) => v.setFloat64(0, 0.25)), "float32", [0.25]],
    // 1, -2, the greatest, the least positive, infinity: IEEE 754-2019, table 3.5.
    [
      "<f2",
      new Uint8Array(Uint16Array.of(0x3c00, 0xc000, 0x7bff, 1, 0x7c00).buffer),
      "float32",
      [1, -2, 65504, 2 ** -24, Infinity],
    ],
    [">f2", Uint8Array.of(0x3c, 0), "float32", [1]],
  ])("reads %s", async (dtype, data, storage, expected) => {
    expect(await values(npyBytes(dtype, [expected.length], data))).toEqual({ storage, shape: [expected.length], values: expected });
  });

  it("reads versions 1 to 3, gzip, Fortran order, and from a sample on", async () => {
    for (const version of [1, 2, 3])
      expect((await values(npyBytes("<f4", [2], float32(1, 2), { version }))).values).toEqual([1, 2]);
    expect((await values(gzipSync(npyBytes("<f4", [2], float32(1, 2))))).values).toEqual([1, 2]);
    // [[[1, 2], [3, 4]], [[5, 6], [7, 8]]], the first index varying fastest.
    const columnMajor = npyBytes("<f4", [2, 2, 2], float32(1, 5, 3, 7, 2, 6, 4, 8), { fortran: true });
    expect((await values(columnMajor)).values).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect((await values(columnMajor, 1)).values).toEqual([5, 6, 7, 8]);
    expect((await values(npyBytes("<f4", [3, 2], float32(1, 2, 3, 4, 5, 6)), 2)).values).toEqual([5, 6]);
  });

  it.each<[string, Uint8Array, string]>([
    [
      "another file",
      Buffer.from("PK\x03\x04 and more"),
      "x.npy is no npy file: it does not begin with \\x93NUMPY; it looks like a ZIP",
    ],
    ["an empty file", new Uint8Array(0), "x.npy is no npy file: it has 0 bytes"],
    ["an unknown version", npyBytes("<f4", [1], float32(1), { version: 9 }), "is of version 9 of the format; expected 1, 2 or 3"],
    [
      "texts",
      npyBytes("<U3", [1], new Uint8Array(12)),
      'has the dtype "<U3"; expected a number: f2, f4, f8, i1 to i8, u1 to u8 or b1',
    ],
    ["complex numbers", npyBytes("<c8", [1], new Uint8Array(8)), 'has the dtype "<c8"'],
    ["a single value", npyBytes("<f4", [], float32(1)), "has the shape (), a single value"],
    ["no samples", npyBytes("<f4", [0, 3], float32()), "has the shape (0, 3): dimension 0 is 0"],
    ["half a header", npyBytes("<f4", [1], float32(1)).subarray(0, 30), "is truncated: its header has"],
    ["too few values", npyBytes("<f4", [3], float32(1, 2)), "is truncated: its header says 3 values of type <f4"],
    ["too many values", npyBytes("<f4", [1], float32(1, 2)), "is too long"],
    ["too great a number", npyBytes("<i8", [2], int64(1, 2 ** 31)), "has the value 2147483648 (byte offset"],
    ["no dictionary", npyBytes("<f4'", [1], float32(1)), "expected descr, fortran_order and shape"],
  ])("refuses %s", async (_, bytes, message) => {
    const refused = await refusal(() => values(bytes));
    expect(refused.code).toBe("DATA_NPY_INVALID");
    expect(refused.message).toContain(message);
    expect(refused.remedy.length).toBeGreaterThan(15);
  });
});

describe("npy", () => {
  const read = (spec: NpyOptions) => readAll(npy(spec), folder.path());

  it("reads whole numbers as classes and others as values, several files one after another", async () => {
    await folder.write("x1.npy", npyBytes("<f4", [2, 2], float32(1, 2, 3, 4)));
    await folder.write("x2.npy", npyBytes("<f4", [1, 2], float32(5, 6)));
    await folder.write("y1.npy", npyBytes("<i8", [2], int64(0, 2)));
    await folder.write("y2.npy", npyBytes("|u1", [1], Uint8Array.of(1)));
    const classes = await read({ train: { features: "x?.npy", labels: ["y1.npy", "y2.npy"] } });
    expect(classes).toMatchObject({
      fields: [
        { name: "features", storage: "float32", shape: [2] },
        { name: "labels", storage: "uint8", shape: [] },
      ],
      labels: { kind: "classes", count: 3 },
      normalise: { method: "none" },
    });
    expect(classes.train.columns.map((column) => [...column])).toEqual([
      [1, 2, 3, 4, 5, 6],
      [0, 2, 1],
    ]);
    await folder.write("t.npy", npyBytes("<f8", [2], new Uint8Array(Float64Array.of(0.5, 2).buffer)));
    expect(await read({ train: { features: "x1.npy", labels: "t.npy" } })).toMatchObject({
      fields: [{}, { storage: "float32", shape: [1] }],
      labels: { kind: "values", shape: [1] },
    });
    expect((await read({ train: { features: "x1.npy", labels: "y1.npy" }, task: "values" })).labels.kind).toBe("values");
  });

  it("takes a class for each position, and several values", async () => {
    await folder.write("s.npy", npyBytes("|u1", [2, 3], Uint8Array.of(1, 2, 3, 4, 5, 6)));
    await folder.write("next.npy", npyBytes("|u1", [2, 3], Uint8Array.of(2, 3, 4, 5, 6, 7)));
    expect(await read({ train: { features: "s.npy", labels: "next.npy" } })).toMatchObject({
      fields: [{ shape: [3] }, { storage: "uint8", shape: [3] }],
      labels: { kind: "classes", count: 8, shape: [3] },
      normalise: { method: "unit" },
    });
    const values = await read({ train: { features: "s.npy", labels: "next.npy" }, task: "values", normalise: "none" });
    expect(values.labels).toEqual({ kind: "values", shape: [3] });
    expect(values.train.columns[1]).toEqual(Float32Array.of(2, 3, 4, 5, 6, 7));
  });

  it("refuses what does not fit together", async () => {
    await folder.write("f.npy", npyBytes("<f4", [2, 2], float32(1, 2, 3, Number.NaN)));
    await folder.write("l.npy", npyBytes("|u1", [2], Uint8Array.of(0, 1)));
    await folder.write("l3.npy", npyBytes("|u1", [3], Uint8Array.of(0, 1, 9)));
    await folder.write("f3.npy", npyBytes("<f4", [3, 3], float32(...Array<number>(9).fill(1))));
    const at = async (features: string, labels: string, more = {}) =>
      (await refusal(() => read({ train: { features, labels }, ...more }))).message.replaceAll(`${folder.path()}/`, "");
    expect(await at("f.npy", "l.npy")).toMatch(/^f\.npy has NaN in sample 1 \(byte offset \d+\)/);
    expect(await at("f.npy", "l3.npy")).toContain("f.npy has 2 samples and l3.npy has 3 labels");
    expect(await at("l.npy", "l.npy")).toContain("l.npy is [2] of type |u1; expected features of at least two dimensions");
    expect(await at("f3.npy", "l3.npy", { classes: 3 })).toContain("l3.npy: label 9 of sample 2 (byte offset");
    expect(await at("f*.npy", "l.npy")).toContain("there are 2 files of features and 1 of labels");
    expect(await at("f3.npy", "l3.npy", { test: { features: "f.npy", labels: "l.npy" } })).toContain(
      "f.npy is [2, 2] of type <f4 and f3.npy is [3, 3] of type <f4; expected the same but for the number of samples",
    );
    expect(await at("f.npy", "none.npy")).toContain("none.npy does not exist");
  });
});

describe("npz", () => {
  const read = (spec: Omit<NpzOptions, "path">) => readAll(npz({ path: join(fixtures, "arrays.npz"), ...spec }), folder.path());

  it("reads what NumPy wrote, by name", async () => {
    const source = await read({
      train: { features: "x_train", labels: "y_train" },
      test: { features: "x_test", labels: "y_test" },
    });
    const count = Array.from({ length: 24 }, (_, i) => i);
    expect(source.fields[0].shape).toEqual([2, 3]);
    expect(source.train.columns.map((column) => [...column])).toEqual([count, [0, 1, 2, 1]]);
    expect([...(source.test as Samples).columns[0]]).toEqual(count.slice(0, 12).map((x) => x + 100));
    for (const features of ["fortran", "half", "big"]) {
      expect([...(await read({ train: { features, labels: "y_train" } })).train.columns[0]]).toEqual(count);
    }
  });

  it("names the arrays there are, and what is wrong with one", async () => {
    const absent = await refusal(() => read({ train: { features: "x_trian", labels: "y_train" } }));
    expect(absent.message).toContain('arrays.npz has no array "x_trian"; it has "x_train", "y_train"');
    expect(absent.remedy).toContain('"x_train"');
    expect((await refusal(() => read({ train: { features: "words", labels: "y_train" } }))).message).toContain(
      'arrays.npz: array "words" has the dtype "<U1"',
    );
    await folder.write("no.npz", "not an archive at all, but long enough to look for its end");
    const refused = await refusal(() => readAll(npz({ path: "no.npz", train: { features: "a", labels: "b" } }), folder.path()));
    expect(refused).toMatchObject({ code: "DATA_NPY_INVALID" });
    expect(refused.message).toContain("no.npz cannot be read as an npz file, a ZIP archive");
  });
});

describe("cifar", () => {
  /** Records of which every byte of a plane is 10 times the plane's number, plus the record's. */
  const records = (labels: readonly (readonly number[])[]): Uint8Array =>
    Uint8Array.from(
      labels.flatMap((bytes, r) => [...bytes, ...Array.from({ length: 3072 }, (_, i) => 10 * Math.floor(i / 1024) + r)]),
    );

  it("reads CIFAR-10 as [3, 32, 32] with the names of its classes", async () => {
    await folder.write("data_batch_1.bin", records([[3], [9]]));
    await folder.write("data_batch_2.bin", gzipSync(records([[0]])));
    await folder.write("test_batch.bin", records([[1]]));
    const source = await readAll(cifar({ path: "data_batch_*.bin", test: { path: "test_batch.bin" } }), folder.path());
    expect(source).toMatchObject({
      fields: [{ storage: "uint8", shape: [3, 32, 32] }, { shape: [] }],
      labels: { kind: "classes", count: 10 },
      normalise: { method: "unit" },
    });
    expect(source.labels.names?.[3]).toBe("cat");
    expect([...source.train.columns[1]]).toEqual([3, 9, 0]);
    const pixels = source.train.columns[0];
    expect([pixels[0], pixels[1024], pixels[3071], pixels[3072], pixels[3 * 3072 - 1]]).toEqual([0, 10, 20, 1, 20]);
  });

  it("reads the fine and the coarse labels of CIFAR-100, and their names where the file is there", async () => {
    await folder.write(
      "hundred/train.bin",
      records([
        [4, 99],
        [19, 0],
      ]),
    );
    const read = async (labels: "fine" | "coarse") =>
      readAll(cifar({ path: "hundred/train.bin", classes: 100, labels }), folder.path());
    const fine = await read("fine");
    expect([fine.labels, [...fine.train.columns[1]]]).toEqual([{ kind: "classes", count: 100 }, [99, 0]]);
    await folder.write("hundred/coarse_label_names.txt", `${Array.from({ length: 20 }, (_, i) => `c${i}`).join("\n")}\n\n`);
    const coarse = await read("coarse");
    expect([coarse.labels.names?.[19], [...coarse.train.columns[1]]]).toEqual(["c19", [4, 19]]);
  });

  it("refuses files that are no records, and labels that are none", async () => {
    await folder.write("short.bin", new Uint8Array(3072));
    const short = await refusal(() => readAll(cifar({ path: "short.bin" }), folder.path()));
    expect(short.code).toBe("DATA_CIFAR_INVALID");
    expect(short.message).toContain("short.bin has 3072 bytes; expected a multiple of 3073, the bytes of a record of CIFAR-10");
    await folder.write("wrong.bin", records([[1], [10]]));
    expect((await refusal(() => readAll(cifar({ path: "wrong.bin" }), folder.path()))).message).toContain(
      "label 10 of sample 1 (byte offset 3073); expected one of the 10 classes",
    );
  });
});
