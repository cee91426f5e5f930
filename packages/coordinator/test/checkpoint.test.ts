// Checkpoints on a real disk: whole after a round trip, refused when damaged, never half there.
import { mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  decodeSafetensors,
  encodeSafetensors,
  findCheckpoint,
  folderContent,
  readCheckpoint,
  readSafetensors,
  readWeights,
  takeSnapshot,
  weightsSha256,
  writeCheckpoint,
  type NamedTensor,
  type Snapshot,
} from "../src/checkpoint/index.ts";

const weights = (step: number): NamedTensor[] => [
  { name: "0.weight", shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, step) },
  { name: "0.bias", shape: [2], data: Float32Array.of(-0, 1e-45) },
];
const optimizer = [{ name: "adam.first_moment/0.weight", shape: [2, 3], data: new Float32Array(6) }];

const snapshot = (step: number, loss?: number): Snapshot =>
  takeSnapshot(weights(step), optimizer, {
    format: 2,
    tabgrad: "0.0.0",
    runId: "run",
    name: "mlp",
    baseDirectory: "/data",
    listened: { host: "127.0.0.1", port: 7070, tls: false },
    step,
    epoch: 1,
    run: { batchSize: 4, text: "[\n 1,\n 2\n]" },
    learningRate: 0.1,
    keep: 3,
    dataset: { fingerprint: "00", shards: [16, 16, 8], train: { samples: 32, shards: [0, 1] } },
    evaluation: loss === undefined ? null : { step, loss, metrics: {} },
  });

/** A file as others write it. */
function safetensors(header: object, data: readonly number[]): Uint8Array {
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, Uint8Array.from(data)]);
}

const names = async (): Promise<string[]> => (await readdir(directory)).sort();

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tabgrad-checkpoint-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe("safetensors", () => {
  it("survives a round trip bit for bit, whatever the names and values", () => {
    const tensor = fc.record({
      name: fc.string({ minLength: 1 }).filter((name) => name !== "__metadata__" && name !== "__proto__"),
      values: fc.array(fc.float()),
    });
    fc.assert(
      fc.property(fc.uniqueArray(tensor, { selector: ({ name }) => name }), (tensors) => {
        const written = tensors.map(({ name, values }) => ({ name, shape: [values.length], data: Float32Array.from(values) }));
        const read = decodeSafetensors(encodeSafetensors(written, { note: "x" }), "file");
        expect(new Map(read.map(({ name, data }) => [name, data]))).toEqual(new Map(written.map(({ name, data }) => [name, data])));
      }),
    );
  });

  it("has the layout of the format: length, header, aligned data", () => {
    const bytes = encodeSafetensors([{ name: "w", shape: [2], data: Float32Array.of(1, 2) }]);
    const header = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    expect(header % 8).toBe(0);
    expect(JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + header)))).toMatchObject({
      w: { dtype: "F32", shape: [2], data_offsets: [0, 8] },
    });
    expect(bytes.length).toBe(8 + header + 8);
  });

  it.each([
    ["nothing", new Uint8Array(0)],
    ["a header that is longer than the file", Uint8Array.of(255, 255, 0, 0, 0, 0, 0, 0, 1)],
    ["no JSON", Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 65, 66)],
    ["a type that the format does not have", safetensors({ w: { dtype: "F12", shape: [2], data_offsets: [0, 3] } }, [0, 0, 0])],
    ["a tensor that begins before the data", safetensors({ w: { dtype: "U8", shape: [2], data_offsets: [-1, 1] } }, [0, 0])],
    ["a file of torch.save", Buffer.from("PK\x03\x04\0\0\x08\x08\0\0")],
    ["a tensor that is cut short", encodeSafetensors([{ name: "w", shape: [4], data: new Float32Array(4) }]).slice(0, -3)],
  ])("refuses %s", (_, bytes) => {
    expect(() => decodeSafetensors(bytes, "file")).toThrow(expect.objectContaining({ code: "CHECKPOINT_INVALID" }));
  });
});

describe("values of other types", () => {
  it.each([
    ["BOOL", [0, 1, 255], [0, 1, 1]],
    ["U8", [0, 255], [0, 255]],
    ["I8", [127, 128], [127, -128]],
    ["U16", [0xff, 0xff], [65535]],
    ["I16", [0xff, 0xff], [-1]],
    ["U32", [0, 0, 0, 0x80], [2 ** 31]],
    ["I32", [0, 0, 0, 0x80], [-(2 ** 31)]],
    ["U64", [1, 0, 0, 0, 0, 0, 0, 0x80], [2 ** 63]],
    ["I64", [254, 255, 255, 255, 255, 255, 255, 255], [-2]],
    // 1, −2, the largest, the smallest above 0, −0, infinity: table 1 of Wikipedia's page on the half-precision format.
    ["F16", [0, 0x3c, 0, 0xc0, 0xff, 0x7b, 1, 0, 0, 0x80, 0, 0x7c], [1, -2, 65504, 2 ** -24, -0, Infinity]],
    ["BF16", [0x80, 0x3f, 0x49, 0x40, 0x80, 0xff], [1, 3.140625, -Infinity]],
    // The largest and the smallest of table 1 of Micikevicius et al. 2022.
    ["F8_E4M3", [0x7e, 0x01, 0xb8, 0x7f], [448, 2 ** -9, -1, NaN]],
    ["F8_E5M2", [0x7b, 0x01, 0xbc, 0x7c], [57344, 2 ** -16, -1, Infinity]],
    ["F64", [0, 0, 0, 0, 0, 0, 0xf8, 0x3f], [1.5]],
  ])("%s become float32", (dtype, bytes, values) => {
    const file = safetensors({ w: { dtype, shape: [values.length], data_offsets: [0, bytes.length] } }, bytes);
    expect(Array.from(decodeSafetensors(file, "file")[0].data)).toEqual(values);
  });

  it("come in the order of their bytes, whatever the order of the header", () => {
    const header = { b: { dtype: "U8", shape: [1], data_offsets: [1, 2] }, 7: { dtype: "U8", shape: [1], data_offsets: [2, 3] } };
    const file = safetensors({ ...header, a: { dtype: "U8", shape: [1], data_offsets: [0, 1] } }, [1, 2, 3]);
    expect(decodeSafetensors(file, "file").map(({ name, data }) => [name, data[0]])).toEqual([
      ["a", 1],
      ["b", 2],
      ["7", 3],
    ]);
  });

  it("are read from a file tensor by tensor, with what it says of itself", async () => {
    const path = join(directory, "weights.safetensors");
    await writeFile(
      path,
      safetensors({ __metadata__: { format: "pt" }, w: { dtype: "I8", shape: [], data_offsets: [1, 2] } }, [0, 5]),
    );
    const { header, weights: read } = await readSafetensors(path);
    expect(header.metadata).toEqual({ format: "pt" });
    expect(read).toEqual([{ name: "w", shape: [], data: Float32Array.of(5) }]);
    expect((await readWeights(path))[0].data[0]).toBe(5);
  });
});

describe("a checkpoint", () => {
  it("comes back as it was written", async () => {
    const { path } = await writeCheckpoint(directory, snapshot(12));
    const loaded = await readCheckpoint(path);
    expect(loaded.weights).toEqual(weights(12));
    expect(loaded.optimizer).toEqual(optimizer);
    expect(loaded.manifest).toMatchObject(snapshot(12).manifest);
    expect(loaded.manifest.parametersSha256).toBe(weightsSha256(weights(12)));
    const text = await readFile(join(path, "manifest.json"), "utf8");
    expect(text).toContain('"shards": [ 16, 16, 8 ]');
  });

  it("is a copy: what happens to the parameters afterwards does not reach it", async () => {
    const live = weights(1);
    const taken = takeSnapshot(live, optimizer, snapshot(1).manifest);
    live[0].data.fill(9);
    const { path } = await writeCheckpoint(directory, taken);
    expect((await readCheckpoint(path)).weights).toEqual(weights(1));
  });

  it("of a run's folder is the newest of all that are complete", async () => {
    for (const step of [1, 10, 2]) await writeCheckpoint(directory, snapshot(step));
    expect(await findCheckpoint(directory)).toBe(join(directory, "step-00000010"));
    expect((await readWeights(directory))[0].data[5]).toBe(10);
    await truncate(join(directory, "step-00000010", "optimizer.safetensors"), 20);
    expect(await findCheckpoint(directory)).toBe(join(directory, "step-00000002"));
  });

  it("ignores what a crash left unfinished, and the next write clears it", async () => {
    await writeCheckpoint(directory, snapshot(1));
    const unfinished = join(directory, ".step-00000002.unfinished");
    await writeCheckpoint(unfinished, snapshot(9));
    expect(await findCheckpoint(directory)).toBe(join(directory, "step-00000001"));
    await writeCheckpoint(directory, snapshot(2));
    expect(await names()).toEqual(["step-00000001", "step-00000002"]);
  });

  it("gets its name when all that came before is on the disk", async () => {
    const before: string[][] = [];
    await writeCheckpoint(directory, snapshot(1), async () => void before.push(await names()));
    expect(before).toEqual([[".step-00000001.unfinished"]]);
    await expect(writeCheckpoint(directory, snapshot(2), () => Promise.reject(new Error("disk full")))).rejects.toThrow(
      "disk full",
    );
    expect(await findCheckpoint(directory)).toBe(join(directory, "step-00000001"));
  });

  it("is there at every moment while another of the same step takes its place", async () => {
    await writeCheckpoint(directory, snapshot(1));
    await rename(join(directory, "step-00000001"), join(directory, ".step-00000001.replaced"));
    expect(await findCheckpoint(directory)).toBe(join(directory, ".step-00000001.replaced"));
    await writeCheckpoint(directory, snapshot(1, 0.5));
    expect(await folderContent(directory)).toMatchObject({ checkpoints: [{ step: 1 }], leftovers: [] });
    await writeCheckpoint(directory, snapshot(1, 0.25));
    expect(await names()).toEqual(["step-00000001"]);
    expect((await readCheckpoint(directory)).manifest.evaluation?.loss).toBe(0.25);
  });

  it("is refused when a byte is wrong or a file is short", async () => {
    const { path } = await writeCheckpoint(directory, snapshot(1));
    const file = join(path, "model.safetensors");
    const bytes = await readFile(file);
    bytes[bytes.length - 1] ^= 1;
    await writeFile(file, bytes);
    await expect(readCheckpoint(path)).rejects.toMatchObject({
      code: "CHECKPOINT_INVALID",
      message: expect.stringContaining("SHA-256") as string,
    });
    await truncate(join(path, "manifest.json"), 20);
    await expect(readCheckpoint(path)).rejects.toMatchObject({ code: "CHECKPOINT_INVALID" });
  });

  it("is asked for where there is none", async () => {
    await expect(findCheckpoint(directory)).rejects.toMatchObject({ code: "CHECKPOINT_INVALID" });
    await expect(readWeights(join(directory, "nowhere"))).rejects.toMatchObject({ code: "DATA_NOT_FOUND" });
  });
});
