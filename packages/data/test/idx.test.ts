// IDX files: what is read, and what is said of files that are not what they should be.
import { gzipSync } from "node:zlib";
import type { IdxSpec } from "@tabgrad/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openIdx } from "../src/arrays/idx.ts";
import type { Samples } from "../src/samples.ts";
import { idxBytes, readAll, refusal, testFolder } from "./data-files.ts";

const folder = testFolder();

/** The whole array in a file. */
async function parse(bytes: Uint8Array) {
  const path = await folder.write("x.idx", bytes);
  const { type, shape, storage, blocks } = await openIdx({ path, name: "x.idx" });
  const values: number[] = [];
  for await (const block of blocks(0)) values.push(...block);
  return { type, shape, storage, values };
}

describe("openIdx", () => {
  it.each([
    [0x08, "unsigned byte", "uint8", [0, 1, 128, 255, 7, 9]],
    [0x09, "signed byte", "int32", [0, -1, 127, -128, 7, 9]],
    [0x0b, "short", "int32", [0, -1, 32767, -32768, 7, 9]],
    [0x0c, "int", "int32", [0, -1, 2147483647, -2147483648, 7, 9]],
    [0x0d, "float", "float32", [0, -1.5, 3.25, 2 ** 100, 7, 9]],
    [0x0e, "double", "float32", [0, -1.5, 3.25, 2 ** -100, 7, 9]],
  ])("reads type %i, %s", async (type, name, storage, values) => {
    expect(await parse(idxBytes(type, [2, 3], values))).toEqual({ type: name, shape: [2, 3], storage, values });
  });

  it.each([
    ["an empty file", new Uint8Array(0), "x.idx has 0 bytes; an IDX file begins with 4: 0, 0, type, rank"],
    [
      "another file",
      Uint8Array.of(0x50, 0x4b, 3, 4, 0),
      "x.idx is no IDX file: it begins with the bytes 0x50 0x4b, expected 0x00 0x00 (byte offset 0); it looks like a ZIP archive or a spreadsheet: unpack or export it first",
    ],
    ["a web page", new TextEncoder().encode("<!doctype html>"), "it looks like a web page"],
    [
      "an unknown type",
      Uint8Array.of(0, 0, 7, 1, 0, 0, 0, 1, 0),
      "x.idx has the element type 0x07 (byte offset 2); expected 0x08 unsigned byte, 0x09 signed byte, 0x0b short, 0x0c int, 0x0d float, 0x0e double",
    ],
    ["rank 0", Uint8Array.of(0, 0, 8, 0, 5), "x.idx has rank 0 (byte offset 3)"],
    ["half a header", Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 1), "x.idx is truncated: a header of rank 3 has 16 bytes, the file 8"],
    ["no samples", idxBytes(0x08, [0, 4], []), "x.idx has the shape [0, 4]: dimension 0 is 0 (byte offset 4)"],
    [
      "too few bytes",
      idxBytes(0x08, [3, 2], [1, 2, 3, 4, 5]),
      "x.idx is truncated: its header says 3 × 2 values of type unsigned byte, 18 bytes in all; it has 17 and ends within sample 2 (counted from 0)",
    ],
    [
      "too many bytes",
      idxBytes(0x0b, [2], [1, 2, 3]),
      "x.idx is too long: its header says 2 values of type short, 12 bytes in all; it has 14, 2 more from byte offset 12 on",
    ],
    [
      "absurd sizes",
      Uint8Array.of(0, 0, 8, 2, 255, 255, 255, 255, 255, 255, 255, 255),
      "is truncated: its header says 4294967295 × 4294967295",
    ],
  ])("refuses %s", async (_, bytes, message) => {
    const refused = await refusal(() => parse(bytes));
    expect(refused.code).toBe("DATA_IDX_INVALID");
    expect(refused.message).toContain(message);
    expect(refused.remedy.length).toBeGreaterThan(20);
  });

  it("throws nothing but a TabgradError, whatever the bytes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 40 }), fc.boolean(), async (bytes, likely) => {
        if (likely) bytes.set([0, 0, 8 + ((bytes[2] ?? 0) % 7), (bytes[3] ?? 0) % 3].slice(0, bytes.length));
        try {
          expect((await parse(bytes)).values.length).toBeGreaterThan(0);
        } catch {
          await refusal(() => parse(bytes));
        }
      }),
    );
  });
});

describe("idx", () => {
  const images = (count: number, value = (i: number): number => i % 256): Uint8Array =>
    idxBytes(
      0x08,
      [count, 2, 2],
      Array.from({ length: count * 4 }, (_, i) => value(i)),
    );
  const labels = (values: readonly number[], type = 0x08): Uint8Array => idxBytes(type, [values.length], values);

  async function files(name: string, imageBytes: Uint8Array, labelBytes: Uint8Array): Promise<{ images: string; labels: string }> {
    await folder.write(`${name}-images`, imageBytes);
    await folder.write(`${name}-labels`, labelBytes);
    return { images: `${name}-images`, labels: `${name}-labels` };
  }
  const read = (spec: Omit<IdxSpec, "kind">) => readAll({ kind: "idx", ...spec }, folder.path());

  it("reads a pair, counts the classes, and holds out a tenth unless told otherwise", async () => {
    const source = await read({ train: await files("plain", images(5), labels([0, 2, 1, 2, 0])) });
    expect(source).toMatchObject({
      fields: [
        { name: "features", storage: "uint8", shape: [2, 2] },
        { name: "labels", storage: "uint8", shape: [] },
      ],
      labels: { kind: "classes", count: 3 },
      test: { fraction: 0.1 },
      normalise: { method: "unit" },
    });
    expect(source.train.count).toBe(5);
    expect(source.train.columns.map((column) => [...column])).toEqual([Array.from({ length: 20 }, (_, i) => i), [0, 2, 1, 2, 0]]);
  });

  it("unpacks gzip by what the file begins with, whatever its name", async () => {
    const train = await files("zipped", gzipSync(images(3)), gzipSync(labels([0, 1, 1])));
    const source = await read({ train });
    expect([...source.train.columns[1]]).toEqual([0, 1, 1]);
  });

  it("stores floats as float32, other whole numbers as int32, and scales neither unless told to", async () => {
    const floats = await files("floats", idxBytes(0x0e, [2, 3], [1, 2.5, 3, 4, 5, 6]), labels([0, 1], 0x0c));
    expect(await read({ train: floats })).toMatchObject({
      fields: [{ storage: "float32", shape: [3] }, {}],
      normalise: { method: "none" },
    });
    const ints = await files("ints", idxBytes(0x0b, [2, 3], [-1, 2, 3, 4, 5, 600]), labels([0, 1], 0x0b));
    const source = await read({ train: ints, normalise: "standard" });
    expect(source).toMatchObject({ fields: [{ storage: "int32" }, { storage: "uint8" }], normalise: { method: "standard" } });
    expect(source.train.columns.map((column) => [...column])).toEqual([
      [-1, 2, 3, 4, 5, 600],
      [0, 1],
    ]);
  });

  it("stores labels of more than 256 classes as int32", async () => {
    const train = await files("many", images(2), labels([299, 3], 0x0c));
    const source = await read({ train });
    expect(source).toMatchObject({ fields: [{}, { storage: "int32" }], labels: { count: 300 } });
    expect(await read({ train, classes: 1000 })).toMatchObject({ labels: { count: 1000 } });
    const few = await files("bytes", images(2), labels([1, 0]));
    const wide = await read({ train: few, classes: 1000 });
    expect(wide.train.columns[1]).toEqual(Int32Array.of(1, 0));
  });

  it("takes a test pair, and names of classes", async () => {
    const train = await files("tr", images(4), labels([0, 1, 0, 1]));
    const test = await files("te", images(2), labels([1, 1]));
    const source = await read({ train, test, classes: ["cat", "dog", "cow"] });
    expect(source.labels).toEqual({ kind: "classes", count: 3, names: ["cat", "dog", "cow"] });
    expect((source.test as Samples).count).toBe(2);
  });

  it("refuses labels outside the classes, with the sample and its place in the file", async () => {
    const train = await files("wrong", images(3), labels([0, 10, 1]));
    const refused = await refusal(() => read({ train, classes: 10 }));
    expect(refused.code).toBe("DATA_LABEL_OUT_OF_RANGE");
    expect(refused.message).toBe(
      `${folder.path()}/wrong-labels: label 10 of sample 1 (byte offset 9); expected one of the 10 classes, 0 to 9`,
    );
    const negative = await files("negative", images(2), labels([1, -1], 0x0b));
    expect((await refusal(() => read({ train: negative }))).message).toContain("label -1 of sample 1 (byte offset 10)");
    const good = await files("good", images(2), labels([0, 1]));
    expect((await refusal(() => read({ train: good, test: train }))).message).toContain("expected one of the 2 classes, 0 to 1");
    const absurd = await files("absurd", images(2), labels([1, 2_000_000], 0x0c));
    expect((await refusal(() => read({ train: absurd }))).message).toContain("label 2000000 of sample 1");
    const constant = await files("constant", images(2), labels([0, 0]));
    expect((await refusal(() => read({ train: constant }))).message).toContain("nothing to tell apart");
  });

  it("refuses pairs that do not fit", async () => {
    const unequal = await files("unequal", images(3), labels([0, 1]));
    expect((await refusal(() => read({ train: unequal }))).message).toBe(
      `${folder.path()}/unequal-images has 3 samples and ${folder.path()}/unequal-labels has 2 labels; expected as many labels as samples`,
    );
    const { images: a, labels: b } = await files("swapped", images(3), labels([0, 1, 1]));
    const swapped = await refusal(() => read({ train: { images: b, labels: a } }));
    expect(swapped.message).toContain("swapped-labels is [3] of type unsigned byte; expected features of at least two dimensions");
    expect(swapped.remedy).toContain("swapped");
    const twice = await refusal(() => read({ train: { images: a, labels: a } }));
    expect(twice.message).toContain("is [3, 2, 2] of type unsigned byte; expected labels of one dimension");
    const float = await files("floatlabels", images(2), labels([0, 1], 0x0d));
    expect((await refusal(() => read({ train: float }))).message).toContain("is [2] of type float; expected labels");
    const train = await files("square", images(2), labels([0, 1]));
    const test = await files("long", idxBytes(0x08, [1, 4], [1, 2, 3, 4]), labels([1]));
    expect((await refusal(() => read({ train, test }))).message).toContain("expected the same but for the number of samples");
  });

  it("refuses features that are not finite in float32", async () => {
    const nan = await files("nan", idxBytes(0x0d, [2, 2], [1, 2, Number.NaN, 4]), labels([0, 1]));
    expect((await refusal(() => read({ train: nan }))).message).toContain("has NaN in sample 1 (byte offset 20)");
    const huge = await files("huge", gzipSync(idxBytes(0x0e, [2, 2], [1, 2, 3, 1e300])), labels([0, 1]));
    expect((await refusal(() => read({ train: huge }))).message).toContain("has Infinity in sample 1 (byte offset 36 unpacked)");
  });

  it("refuses broken gzip, and speaks of unpacked bytes where a file was packed", async () => {
    const packed = gzipSync(images(200, (i) => (i * 7919) % 251));
    const cut = await files("cut", packed.subarray(0, packed.length - 20), labels(Array.from({ length: 200 }, (_, i) => i % 2)));
    const refused = await refusal(() => read({ train: cut }));
    expect(refused.code).toBe("DATA_UNREADABLE");
    expect(refused.message).toContain("cut-images begins like a gzip file");
    const long = await files("long", gzipSync(idxBytes(0x08, [2, 1], [1, 2, 3])), labels([0, 1]));
    expect((await refusal(() => read({ train: long }))).message).toContain("long-images (unpacked) is too long");
  });
});
